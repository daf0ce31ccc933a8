//! What ails an MQTT broker, or the way to it: looked at in the order in which a client needs it.
//!
//! What a broker can do it says in CONNACK; what CONNACK does not say is as MQTT 5 has it by default (3.2.2.3). Which
//! product it is, some say on `$SYS/broker/version`. A message that goes round, on a topic of its own, shows whether this
//! user may publish and subscribe, and how long that takes.
//!
//! **Not modelled:** whether a broker keeps sessions over its own end cannot be asked; `kill` and `restart` show it.

#![expect(clippy::disallowed_types, reason = "a broker is asked in real time")]

mod talk;

use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectReturnCode, Filter, Packet, PingReq, PubAckReason, PubRecReason, PubRel, Publish,
    Subscribe, SubscribeReasonCode,
};

use crate::trace::mqtt::Qos;

use super::super::doctor::{Finding, knock};
use super::config::{Client, Login, Tls};
use super::embedded::Embedded;
use super::line;
use super::tls::Connector;
use talk::{Caller, PATIENCE, Refusal, Talk};

/// Whom to examine.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Host and port; none for the broker within this process.
    pub server: Option<(String, u16)>,
    /// As whom.
    pub login: Option<Login>,
    /// How the connection is kept secret.
    pub tls: Option<Tls>,
    /// Whether a message may be published.
    pub may_write: bool,
    /// The scenario that is to run there.
    pub patient: Option<Patient>,
}

/// What of a scenario is of interest to a broker.
#[derive(Clone, Debug, Default)]
pub struct Patient {
    /// Who publishes: the entry's name, and its client.
    pub publishers: Vec<(String, Client)>,
    /// Who reads.
    pub readers: Vec<Reads>,
}

/// An entry that reads.
#[derive(Clone, Debug)]
pub struct Reads {
    /// Its name.
    pub name: String,
    /// Its client.
    pub client: Client,
    /// Its filter.
    pub filter: String,
    /// Whether its instances share the subscription.
    pub is_shared: bool,
}

/// What a broker can do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Abilities {
    qos: u8,
    retain: bool,
    wildcards: bool,
    shared: bool,
    receive_maximum: u16,
    max_packet: Option<u32>,
    keep_alive: Option<u16>,
}

impl Abilities {
    /// MQTT 5, 3.2.2.3: what is not said is not limited.
    fn of(ack: &ConnAck) -> Self {
        let said = ack.properties.as_ref();
        let can = |said: Option<u8>| said != Some(0);
        Self {
            qos: said.and_then(|all| all.max_qos).unwrap_or(2),
            retain: can(said.and_then(|all| all.retain_available)),
            wildcards: can(said.and_then(|all| all.wildcard_subscription_available)),
            shared: can(said.and_then(|all| all.shared_subscription_available)),
            receive_maximum: said.and_then(|all| all.receive_max).unwrap_or(u16::MAX),
            max_packet: said.and_then(|all| all.max_packet_size),
            keep_alive: said.and_then(|all| all.server_keep_alive),
        }
    }
}

/// Looks at everything, as far as it gets.
pub fn examine(visit: &Visit) -> Vec<Finding> {
    let Some((host, port)) = &visit.server else { return examine_embedded(visit) };
    let server = line::url(host, *port);
    let mut findings = Vec::new();
    if let Err((says, remedy)) = knock(&server, "scripts/brokers up mqtt") {
        findings.push(Finding::bad("reach", says, remedy));
        return findings;
    }
    findings.push(Finding::good("reach", format!("{server} takes connections")));
    let connector = match visit.tls.as_ref().map(|tls| Connector::new(tls, host)).transpose() {
        Ok(connector) => connector,
        Err(trouble) => {
            findings.push(Finding::bad("tls", trouble.to_string(), TLS_FILES));
            return findings;
        }
    };
    let visitor = Visitor { server: &server, login: visit.login.as_ref(), connector: connector.as_ref() };
    let id = id();
    let (mut talk, ack) = match visitor.call(&id, 0, 30) {
        Ok(met) => met,
        Err(refusal) => {
            findings.push(visitor.why(refusal));
            return findings;
        }
    };
    if connector.is_some() {
        findings.push(Finding::good("tls", format!("its certificate is for {host}, and to be trusted")));
    }
    findings.push(Finding::good("protocol", "it speaks MQTT 5"));
    findings.push(product(&mut talk));
    let abilities = Abilities::of(&ack);
    findings.push(limits(&abilities));
    if let Some(patient) = &visit.patient {
        findings.extend(look_at_scenario(patient, &abilities, &visitor));
    }
    findings.push(pings(&mut talk));
    findings.push(round(&mut talk, visit.may_write, &abilities));
    findings.push(Finding::good(
        "clock",
        "MQTT tells no time, and nothing in it goes by the broker's clock: what expires counts from when it came",
    ));
    talk.end();
    findings
}

fn examine_embedded(visit: &Visit) -> Vec<Finding> {
    match Embedded::start_new() {
        Ok(broker) => {
            let server = Some(("127.0.0.1".to_owned(), broker.port()));
            examine(&Visit { server, may_write: true, login: None, tls: None, ..visit.clone() })
        }
        Err(error) => vec![Finding::bad(
            "reach",
            format!("the broker within this process cannot start: {error}"),
            "it needs a free port on the loopback interface",
        )],
    }
}

const TLS_FILES: &str = "--client-property ca-file=FILE, cert-file=FILE and key-file=FILE name files in PEM";

/// A client identifier that nobody else has.
fn id() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("brokersim-doctor-{:x}-{:x}", std::process::id(), since.as_micros())
}

/// Who visits whom.
struct Visitor<'a> {
    server: &'a str,
    login: Option<&'a Login>,
    connector: Option<&'a Connector>,
}

impl Visitor<'_> {
    fn call(&self, id: &str, session_expiry: u32, keep_alive: u16) -> Result<(Talk, ConnAck), Refusal> {
        let Self { server, login, connector } = *self;
        Talk::begin(server, Caller { id, login, connector, session_expiry, keep_alive })
    }

    /// Why there is no connection, and what to do.
    fn why(&self, refusal: Refusal) -> Finding {
        match refusal {
            Refusal::Code(code, why) => {
                let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
                Finding::bad(
                    "protocol",
                    format!("it refuses us: {code:?}{why}"),
                    remedy(code, self.login.is_some()),
                )
            }
            Refusal::Untrusted(why) => Finding::bad(
                "tls",
                format!("no TLS comes about: {why}"),
                "is it a listener with TLS? Its certificate has to be for the host as you say it, by an authority in \
                 --client-property ca-file=FILE, or else by one that this machine trusts",
            ),
            Refusal::Strange(_) if talk::speaks_3_1_1(self.server, self.connector) => Finding::bad(
                "protocol",
                "it speaks MQTT 3.1.1, and not 5",
                "the clients of a run speak MQTT 5: take a broker that does (Mosquitto from 1.6, EMQX, HiveMQ, VerneMQ)",
            ),
            Refusal::Strange(why) => Finding::bad(
                "protocol",
                format!("somebody listens, and does not talk MQTT: {why}"),
                "check the port; a listener with TLS wants mqtts://, and one with WebSockets is not for these clients",
            ),
        }
    }
}

fn remedy(code: ConnectReturnCode, has_login: bool) -> &'static str {
    match code {
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized if has_login => {
            "check the user and the password, and what the broker lets this user do"
        }
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
            "say who you are: --on mqtt://USER:PASSWORD@HOST:PORT, or --client-property username=... and password=...; or \
             let the broker take anybody (Mosquitto: allow_anonymous true)"
        }
        ConnectReturnCode::RefusedProtocolVersion | ConnectReturnCode::UnsupportedProtocolVersion => {
            "the clients of a run speak MQTT 5: take a broker that does"
        }
        ConnectReturnCode::BadClientId | ConnectReturnCode::ClientIdentifierNotValid => {
            "a run's client identifiers begin with `brokersim-`: let the broker take them"
        }
        ConnectReturnCode::ServerBusy
        | ConnectReturnCode::ServerUnavailable
        | ConnectReturnCode::ServiceUnavailable
        | ConnectReturnCode::ConnectionRateExceeded
        | ConnectReturnCode::QuotaExceeded => "wait, or let fewer clients connect",
        _ => "look into the broker's log",
    }
}

/// Which product it is, as far as it says.
fn product(talk: &mut Talk) -> Finding {
    const TOPIC: &str = "$SYS/broker/version";
    let silent = || {
        let says = format!("it does not say which it is ({TOPIC})");
        Finding::good("broker", says)
    };
    let ask = Packet::Subscribe(Subscribe {
        pkid: 1,
        ..Subscribe::new(Filter::new(TOPIC, line::qos(Qos::AtMostOnce)), None)
    });
    if talk.say(&ask).is_err() {
        return silent();
    }
    let deadline = Instant::now() + Duration::from_secs(1);
    while let Ok(packet) = talk.hear(deadline.saturating_duration_since(Instant::now())) {
        if let Packet::Publish(publish) = packet
            && publish.topic == TOPIC
        {
            return Finding::good("broker", String::from_utf8_lossy(&publish.payload));
        }
    }
    silent()
}

fn limits(can: &Abilities) -> Finding {
    let packets = can
        .max_packet
        .map_or("packets of any size".to_owned(), |most| format!("packets of {most} bytes at most"));
    let says =
        format!("QoS up to {}, {} messages in flight from a client, {packets}", can.qos, can.receive_maximum);
    let lacks = [
        (can.retain, "no retained messages"),
        (can.wildcards, "no wildcards in subscriptions"),
        (can.shared, "no shared subscriptions"),
    ];
    let lacks: Vec<_> = lacks.into_iter().filter(|(can, _)| !can).map(|(_, lack)| lack).collect();
    if lacks.is_empty() {
        return Finding::good(
            "limits",
            format!("{says}; retained messages, wildcards, shared subscriptions"),
        );
    }
    Finding::odd("limits", format!("{says}; {}", lacks.join(", ")), "nothing, unless a scenario needs it")
}

fn look_at_scenario(patient: &Patient, can: &Abilities, visitor: &Visitor<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, client) in &patient.publishers {
        publisher(name, client, can, &mut findings);
    }
    for reader in &patient.readers {
        self::reader(reader, can, &mut findings);
    }
    let readers = patient.readers.iter().map(|reader| (&reader.name, &reader.client));
    let all: Vec<_> = patient.publishers.iter().map(|(name, client)| (name, client)).chain(readers).collect();
    findings.extend(all.iter().filter_map(|(name, client)| keep_alive(name, client, can)));
    findings.extend(session(&all, visitor));
    if findings.is_empty() {
        findings.push(Finding::good("scenario", format!("all {} clients are taken as written", all.len())));
    }
    findings
}

fn publisher(name: &str, client: &Client, can: &Abilities, findings: &mut Vec<Finding>) {
    if client.qos.level() > can.qos {
        let says = format!(
            "{name} publishes at QoS {}, and the broker takes {} at most",
            client.qos.level(),
            can.qos
        );
        findings.push(Finding::bad("qos", says, format!("write qos = {}", can.qos)));
    }
    if client.retain && !can.retain {
        let says = format!("{name} retains, and the broker keeps no retained messages");
        findings.push(Finding::bad("retain", says, "leave `retain` out, or allow it at the broker"));
    }
    if let Some(will) = &client.will
        && (will.qos.level() > can.qos || will.retain && !can.retain)
    {
        let says = format!("the will of {name} is beyond what the broker can do, which refuses its CONNECT");
        findings.push(Finding::bad("will", says, "let its QoS be lower, and leave its `retain` out"));
    }
    if client.qos > Qos::AtMostOnce && client.max_inflight > can.receive_maximum {
        let says = format!(
            "{name} would have {} in flight, and the broker takes {}, which counts",
            client.max_inflight, can.receive_maximum
        );
        findings.push(Finding::odd(
            "window",
            says,
            format!("write max-inflight-messages = {}", can.receive_maximum),
        ));
    }
}

fn reader(reader: &Reads, can: &Abilities, findings: &mut Vec<Finding>) {
    let Reads { name, client, filter, is_shared } = reader;
    if client.qos.level() > can.qos {
        let says = format!("{name} subscribes at QoS {}, and gets {} at most", client.qos.level(), can.qos);
        findings.push(Finding::odd("qos", says, format!("write qos = {}", can.qos)));
    }
    if filter.contains(['+', '#']) && !can.wildcards {
        let says = format!("{name} reads {filter}, and the broker takes no wildcards");
        findings.push(Finding::bad("filter", says, "name a topic, or allow wildcards at the broker"));
    }
    if *is_shared && !can.shared {
        let says = format!("the instances of {name} share a subscription, which the broker does not know");
        findings.push(Finding::bad("share", says, "leave `group` out: each instance gets everything then"));
    }
}

fn keep_alive(name: &str, client: &Client, can: &Abilities) -> Option<Finding> {
    /// rumqttc takes no less.
    const LEAST: u16 = 5;
    if (1..LEAST).contains(&client.keep_alive) {
        let says = format!(
            "keep-alive of {name} is {} s, and the client library takes no less than {LEAST} s",
            client.keep_alive
        );
        return Some(Finding::bad("keep-alive", says, format!("write keep-alive = \"{LEAST}s\"")));
    }
    let there = can.keep_alive.filter(|there| *there != client.keep_alive)?;
    let says = format!("the broker decides: {there} s for {name}, instead of {} s", client.keep_alive);
    Some(Finding::odd("keep-alive", says, format!("write keep-alive = \"{there}s\"")))
}

/// Whether sessions are kept as long as the scenario wants: asked by one that wants the longest, and is ended.
fn session(all: &[(&String, &Client)], visitor: &Visitor<'_>) -> Option<Finding> {
    let (name, client) = all.iter().max_by_key(|(_, client)| client.session_expiry)?;
    let wanted = Some(client.session_expiry).filter(|seconds| *seconds > 0)?;
    match visitor.call(&id(), wanted, 30) {
        Ok((talk, ack)) => {
            talk.end();
            let there =
                ack.properties.and_then(|all| all.session_expiry_interval).filter(|there| *there < wanted)?;
            let says = format!(
                "the session of {name} is to be kept for {wanted} s, and the broker keeps it for {there} s"
            );
            Some(Finding::odd(
                "session",
                says,
                format!("write session-expiry-interval = \"{there}s\", or raise it at the broker"),
            ))
        }
        Err(_) => Some(Finding::odd(
            "session",
            format!("the broker takes no client that wants its session for {wanted} s"),
            "write a shorter session-expiry-interval",
        )),
    }
}

/// How long the broker takes to answer.
fn pings(talk: &mut Talk) -> Finding {
    let mut took = Vec::new();
    for _ in 0..7 {
        let asked = Instant::now();
        let answered = talk.say(&Packet::PingReq(PingReq)).is_ok()
            && std::iter::from_fn(|| talk.hear(PATIENCE).ok())
                .any(|packet| matches!(packet, Packet::PingResp(_)));
        if !answered {
            return Finding::bad("latency", "it does not answer PINGREQ", "look into the broker's log");
        }
        took.push(asked.elapsed());
    }
    took.sort();
    let says =
        format!("PINGREQ is answered within {} (median of 7, {} at most)", shown(took[3]), shown(took[6]));
    Finding::good("latency", says)
}

fn shown(took: Duration) -> String {
    format!("{:.2} ms", took.as_secs_f64() * 1e3)
}

/// A message that goes to the broker and back, at the highest QoS that it takes.
fn round(talk: &mut Talk, may_write: bool, can: &Abilities) -> Finding {
    if !may_write {
        return Finding::odd(
            "messages",
            "none went round: that takes one on a topic of its own",
            "allow it with --yes",
        );
    }
    let qos = Qos::of(can.qos).unwrap_or_default();
    let topic = format!("{}/round", id());
    match subscribe(talk, &topic, qos).and_then(|()| go_round(talk, &topic, qos)) {
        Ok(took) => {
            Finding::good("messages", format!("one went round at QoS {} in {}", qos.level(), shown(took)))
        }
        Err(why) => Finding::bad(
            "messages",
            format!("none went round on {topic}: {why}"),
            "let this user publish and subscribe to `brokersim-#`, or say --use-existing with topics that it may use",
        ),
    }
}

fn subscribe(talk: &mut Talk, topic: &str, qos: Qos) -> Result<(), String> {
    let ask = Subscribe { pkid: 2, ..Subscribe::new(Filter::new(topic, line::qos(qos)), None) };
    talk.say(&Packet::Subscribe(ask))?;
    loop {
        if let Packet::SubAck(ack) = talk.hear(PATIENCE)?
            && ack.pkid == 2
        {
            return match ack.return_codes.first() {
                Some(SubscribeReasonCode::Success(_)) => Ok(()),
                other => Err(format!("the subscription is refused: {other:?}")),
            };
        }
    }
}

fn go_round(talk: &mut Talk, topic: &str, qos: Qos) -> Result<Duration, String> {
    let begun = Instant::now();
    let mut publish = Publish::new(topic, line::qos(qos), "is anybody there?", None);
    publish.pkid = 3;
    talk.say(&Packet::Publish(publish))?;
    loop {
        match talk.hear(PATIENCE)? {
            Packet::Publish(publish) if publish.topic == topic => return Ok(begun.elapsed()),
            Packet::PubRec(received) if received.reason != PubRecReason::Success => {
                return Err(format!("the message is refused: {:?}", received.reason));
            }
            Packet::PubRec(received) => talk.say(&Packet::PubRel(PubRel::new(received.pkid, None)))?,
            Packet::PubAck(ack) if ack.reason != PubAckReason::Success => {
                return Err(format!("the message is refused: {:?}", ack.reason));
            }
            Packet::Disconnect(goodbye) => return Err(format!("it hangs up: {:?}", goodbye.reason_code)),
            _ => {}
        }
    }
}
