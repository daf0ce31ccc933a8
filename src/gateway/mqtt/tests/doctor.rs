//! What the doctor says of brokers that are well, ill, or none.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::super::backend::plain;
use super::super::config::Client;
use super::super::doctor::{Patient, Reads, Visit, examine};
use super::super::embedded::Embedded;
use crate::gateway::doctor::{Finding, State};
use crate::trace::mqtt::Qos;

fn visit(server: Option<(String, u16)>) -> Visit {
    Visit { server, login: None, tls: None, may_write: true, patient: None }
}

fn here(port: u16) -> Option<(String, u16)> {
    Some(("127.0.0.1".to_owned(), port))
}

fn said<'f>(findings: &'f [Finding], about: &str) -> &'f Finding {
    findings.iter().find(|finding| finding.about == about).unwrap_or_else(|| panic!("{about}: {findings:?}"))
}

#[test]
fn the_broker_within_this_process_is_well() {
    let findings = examine(&visit(None));
    assert!(findings.iter().all(|finding| finding.state == State::Good), "{findings:?}");
    assert!(said(&findings, "limits").says.contains("20 messages in flight"), "{findings:?}");
    assert!(said(&findings, "messages").says.contains("at QoS 2"), "{findings:?}");
}

#[test]
fn what_a_scenario_wants_beyond_the_broker_is_named() {
    let broker = Embedded::start_new().expect("there is a port");
    let eager = Client { max_inflight: 100, keep_alive: 2, ..plain() };
    let reader = Reads {
        name: "archive".to_owned(),
        client: Client { qos: Qos::ExactlyOnce, session_expiry: 60, ..plain() },
        filter: "plant/#".to_owned(),
        is_shared: true,
    };
    let patient = Patient { publishers: vec![("sensor".to_owned(), eager)], readers: vec![reader] };
    let findings = examine(&Visit { patient: Some(patient), ..visit(here(broker.port())) });
    let window = said(&findings, "window");
    assert_eq!(
        (window.state, window.remedy.as_deref()),
        (State::Odd, Some("write max-inflight-messages = 20"))
    );
    assert_eq!(said(&findings, "keep-alive").state, State::Bad);
    assert!(findings.iter().all(|finding| !finding.says.contains("archive")), "{findings:?}");
}

#[test]
fn nothing_is_written_where_that_is_not_allowed() {
    let broker = Embedded::start_new().expect("there is a port");
    let findings = examine(&Visit { may_write: false, ..visit(here(broker.port())) });
    assert_eq!(said(&findings, "messages").state, State::Odd);
}

#[test]
fn a_port_where_nobody_listens_is_told_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let findings = examine(&visit(here(port)));
    assert_eq!((findings.len(), findings[0].about, findings[0].state), (1, "reach", State::Bad));
    assert!(findings[0].remedy.as_ref().is_some_and(|remedy| remedy.contains("scripts/brokers up mqtt")));
}

/// Answers whatever comes first on each connection with the same bytes, and hangs up.
fn answers(with: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 256]);
            let _ = stream.write_all(with);
        }
    });
    port
}

#[test]
fn who_talks_something_else_is_told_apart_from_who_talks_an_older_mqtt() {
    let findings = examine(&visit(here(answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"))));
    let protocol = said(&findings, "protocol");
    assert!(protocol.state == State::Bad && protocol.says.contains("does not talk MQTT"), "{protocol:?}");
    // CONNACK of MQTT 3.1.1: unacceptable protocol level.
    let findings = examine(&visit(here(answers(b"\x20\x02\x00\x01"))));
    let protocol = said(&findings, "protocol");
    assert!(protocol.state == State::Bad && protocol.says.contains("3.1.1"), "{protocol:?}");
}

#[test]
fn who_is_not_let_in_is_told_how_to_say_who_it_is() {
    // CONNACK of MQTT 5: not authorized, no properties.
    let findings = examine(&visit(here(answers(b"\x20\x03\x00\x87\x00"))));
    let protocol = said(&findings, "protocol");
    let remedy = protocol.remedy.as_deref().unwrap_or_default();
    assert!(protocol.state == State::Bad && remedy.contains("mqtt://USER:PASSWORD@"), "{protocol:?}");
}
