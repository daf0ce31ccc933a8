//! An MQTT scenario on a real broker: what the gateway is told of it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::gateway::mqtt::doctor::{Patient, Reads};
use crate::gateway::mqtt::{self as real, Acknowledges, Applications, Broker, Config, Login, Tls};
use crate::gateway::proxy::Protocol;
use crate::gateway::{Means, Options, Trouble};
use crate::kernel::{Builder, Duration, Time};
use crate::mqtt::{Client, RetainHandling};
use crate::trace::{ChannelId, Stage};
use crate::wire::Brokersim;

use super::super::super::scenario::{Commit, Reader, Scenario};
use super::super::super::world::{Server, World};
use super::super::{App, Behind, Clients, Cluster, Outside};

pub(super) fn install(
    scenario: &Scenario,
    outside: Outside<'_>,
    builder: &mut Builder<Brokersim>,
    stage: &Arc<Stage>,
    apps: &[App<'_>],
) -> Result<Behind, Trouble> {
    let applications = applications(scenario, stage, builder, apps);
    can_be_kept_alive(&applications)?;
    let config = config(scenario, outside, stage)?;
    let (ports, backend) = real::install(config, outside.door, builder, applications);
    Ok(Behind {
        clients: Clients::deal(apps, ports.publishers, ports.subscribers),
        cluster: Cluster { brokers: vec![ports.broker], controller: None },
        backend: Some(Box::new(backend)),
        hands: ports.hands,
    })
}

/// rumqttc takes no Keep Alive below 5 s.
fn can_be_kept_alive(applications: &Applications) -> Result<(), Trouble> {
    let publishers = applications.publishers.iter().map(|app| (&app.name, app.client.keep_alive));
    let subscribers = applications.subscribers.iter().map(|app| (&app.name, app.client.keep_alive));
    match publishers.chain(subscribers).find(|(_, seconds)| (1..5).contains(seconds)) {
        None => Ok(()),
        Some((name, seconds)) => Err(Trouble::Usage(format!(
            "keep-alive of {name} is {seconds} s, and the client library (rumqttc) takes no less than 5 s: write \
             keep-alive = \"5s\", or \"0s\" for none"
        ))),
    }
}

fn config(scenario: &Scenario, outside: Outside<'_>, stage: &Stage) -> Result<Config, Trouble> {
    let broker = match outside.world {
        World::Mqtt(server) => {
            let (login, tls) = access(server, outside.options)?;
            Broker::At { host: server.host.clone(), port: server.port, is_here: server.is_here(), login, tls }
        }
        World::Embedded => Broker::Embedded,
        World::Simulated | World::Live | World::Kafka(_) => unreachable!("these are not for MQTT"),
    };
    let topics = (0..).map(ChannelId).zip(&stage.channels).map(|(channel, of)| real::Topic {
        channel,
        place: of.first_place,
        name: of.name.clone(),
        readers: stage.readers(channel).collect(),
    });
    Ok(Config {
        broker,
        options: outside.options.clone(),
        run: format!("{}-{}", scenario.name, scenario.run.seed),
        topics: topics.collect(),
        groups: stage.groups.len() as u32,
        means: means(scenario, outside),
    })
}

/// As whom clients connect, and how secretly: what `--client-property` says comes before the URL.
pub(super) fn access(server: &Server, options: &Options) -> Result<(Option<Login>, Option<Tls>), Trouble> {
    let mut login = server.login.clone().map(|(user, password)| Login { user, password });
    let mut files = Files::default();
    for (name, value) in &options.client_properties {
        let of = || Login { user: String::new(), password: String::new() };
        match name.as_str() {
            "username" => login.get_or_insert_with(of).user.clone_from(value),
            "password" => login.get_or_insert_with(of).password.clone_from(value),
            "ca-file" => files.authorities = Some(value.into()),
            "cert-file" => files.certificate = Some(value.into()),
            "key-file" => files.key = Some(value.into()),
            _ => {
                return Err(Trouble::Usage(format!(
                    "MQTT's clients have no property `{name}`: there are `username` and `password`, and for mqtts:// \
                     `ca-file`, `cert-file` and `key-file`; the rest stands in the scenario, under [mqtt]"
                )));
            }
        }
    }
    Ok((login, files.tls(server)?))
}

/// What `--client-property` says of TLS.
#[derive(Default, PartialEq, Eq)]
struct Files {
    authorities: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Files {
    fn tls(self, server: &Server) -> Result<Option<Tls>, Trouble> {
        if !server.tls {
            return if self == Self::default() {
                Ok(None)
            } else {
                Err(Trouble::Usage(format!(
                    "`ca-file`, `cert-file` and `key-file` are for TLS: say --on mqtts://{server}"
                )))
            };
        }
        if let Some(why) = real::beyond_this_build() {
            return Err(Trouble::Usage(format!("mqtts://{server}: {why}")));
        }
        let own = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(Trouble::Usage("`cert-file` and `key-file` go together: say both".to_owned()));
            }
        };
        Ok(Some(Tls { authorities: self.authorities, own }))
    }
}

/// What of a scenario is of interest to a broker that it may run on.
pub(super) fn patient(scenario: &Scenario) -> Patient {
    let made = |name: &str, of: &Option<Client>| Some((name.to_owned(), client(of.as_ref()?)));
    let generators = scenario.generators.iter().filter_map(|entry| made(&entry.name, &entry.client));
    let processors = scenario.processors.iter().filter_map(|entry| made(&entry.name, &entry.client));
    let reads = |(name, reader): (&str, &Reader)| {
        let (name, client) = made(name, &reader.client)?;
        Some(Reads { name, client, filter: reader.from.clone(), is_shared: reader.is_shared })
    };
    Patient {
        publishers: generators.chain(processors).collect(),
        readers: scenario.readers().filter_map(reads).collect(),
    }
}

/// What faults can do to the broker and to the way there.
fn means(scenario: &Scenario, outside: Outside<'_>) -> Means {
    Means {
        // A run without such faults talks to its broker directly.
        between: (scenario.breaks_paths() || outside.options.proxy).then_some(Protocol::Plain),
        commands: scenario.broker_commands(outside.world, outside.options),
        seed: scenario.run.seed,
    }
}

fn applications(
    scenario: &Scenario,
    stage: &Stage,
    builder: &Builder<Brokersim>,
    apps: &[App<'_>],
) -> Applications {
    let mut applications = Applications::default();
    for app in apps {
        let (node, name) = (app.node(), builder.cast().actor(app.actor()));
        if let Some((address, callbacks)) = app.publishes() {
            applications.publishers.push(real::Publisher {
                name: format!("{name}/publisher"),
                node,
                app: address,
                client: client(publishing_client(app).expect("an MQTT entry has a client")),
                callbacks,
            });
        }
        if let (Some(reader), Some(address)) = (app.reader(), app.reads()) {
            let mut of = reader.client.clone().expect("an MQTT entry has a client");
            if app.writes_to().is_some() {
                // The process has one will; the client that publishes has it.
                of.will = None;
            }
            applications.subscribers.push(real::Subscriber {
                name: format!("{name}/subscriber"),
                node,
                app: address,
                client: client(&of),
                group: app.group(scenario, stage).expect("who reads has a group"),
                shared: reader.is_shared.then(|| reader.group.clone()),
                filter: reader.from.clone(),
                acknowledges: match reader.commit {
                    Commit::Auto => Acknowledges::AtOnce,
                    Commit::After | Commit::Before => Acknowledges::WhenTold,
                },
                at_start: app.presence().start == Time::ZERO,
            });
        }
    }
    applications
}

fn publishing_client<'a>(app: &App<'a>) -> Option<&'a Client> {
    match app {
        App::Generator { entry, .. } => entry.client.as_ref(),
        App::Processor { entry, .. } => entry.client.as_ref(),
        App::Sink { .. } => None,
    }
}

/// The scenario was checked: times are whole seconds and fit.
fn client(client: &Client) -> real::Client {
    real::Client {
        qos: client.qos,
        retain: client.retain,
        clean_start: client.clean_start,
        session_expiry: seconds(client.session_expiry),
        receive_maximum: client.receive_maximum,
        keep_alive: u16::try_from(seconds(client.keep_alive)).unwrap_or(u16::MAX),
        max_inflight: client.max_inflight,
        message_expiry: client.message_expiry.map(seconds),
        retain_handling: match client.retain_handling {
            RetainHandling::Send => 0,
            RetainHandling::SendIfNew => 1,
            RetainHandling::Never => 2,
        },
        will: client.will.as_ref().map(|will| real::Will {
            topic: will.topic.clone(),
            payload: will.payload.clone(),
            qos: will.qos,
            retain: will.retain,
            delay: seconds(will.delay),
        }),
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX)
}
