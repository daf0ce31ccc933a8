//! What each QoS promises on a real broker, through the program itself: `BROKERSIM_MQTT=mqtt://127.0.0.1:11883`.
//!
//! Without that variable these tests say that they were skipped. The same promises against the embedded broker are held by
//! the unit tests of the gateway.

use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use serde_json::Value;

#[path = "../src/gateway/mqtt/tests/proxy.rs"]
mod proxy;

use proxy::Proxy;

/// Where the broker is, as `HOST:PORT`; none, said plainly, where there is none.
fn broker(test: &str) -> Option<String> {
    let url = std::env::var("BROKERSIM_MQTT").ok();
    if url.is_none() {
        eprintln!("skipped: {test} needs a real broker, BROKERSIM_MQTT=mqtt://HOST:PORT");
    }
    url.map(|url| url.trim_start_matches("mqtt://").trim_end_matches('/').to_owned())
}

/// The file of a scenario that is deleted with its folder.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("brokersim-mqtt-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("there is a folder for temporary files");
        let file = folder.join(format!("{name}.toml"));
        std::fs::write(&file, text).expect("it can be written");
        Self(file)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn command(scenario: &Path, server: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brokersim"));
    command.arg("run").arg(scenario).args([
        "--on",
        &format!("mqtt://{server}"),
        "--no-tape",
        "--quiet",
        "--format",
        "json",
    ]);
    command
}

fn summary(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn run(name: &str, text: &str, server: &str) -> Value {
    let file = File::new(name, text);
    summary(&command(&file.0, server).output().expect("the program runs"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is a number"))
}

/// Offered, settled, lost with any cause, processed twice.
fn counts(summary: &Value) -> [u64; 4] {
    assert_eq!(summary["books_balance"], true, "{summary}");
    let books = &summary["books"];
    let lost = books["lost"].as_object().expect("causes").values().map(number).sum();
    [number(&books["offered"]), number(&books["settled"]), lost, number(&summary["tally"]["duplicates"])]
}

fn scenario(qos: u8, persistent: bool, beside: &str) -> String {
    let session = if persistent { "clean-start = false\nsession-expiry-interval = \"60s\"" } else { "" };
    format!(
        r#"
[run]
duration = "3s"
drain = "15s"
[mqtt]
qos = {qos}
{session}
[[generator]]
name = "sensor"
topic = "plant/line-1/temperature"
arrivals = {{ constant = "100/s" }}
[[sink]]
name = "archive"
from = "plant/+/temperature"
{beside}
"#
    )
}

const KILLED: &str = "[[fault]]\nat = \"1s\"\nkill = \"archive\"\nfor = \"700ms\"\n";

#[test]
fn at_qos_0_a_reader_that_is_killed_loses_what_comes_meanwhile_and_nothing_comes_twice() {
    let Some(server) = broker("qos 0") else { return };
    let [offered, settled, lost, twice] = counts(&run("qos-0", &scenario(0, false, KILLED), &server));
    assert!(lost >= 40 && settled + lost == offered && twice == 0, "{offered} {settled} {lost} {twice}");
}

#[test]
fn at_qos_1_a_session_loses_nothing_for_a_reader_that_is_killed() {
    let Some(server) = broker("qos 1") else { return };
    let beside = format!("commit = \"after\"\nservice = \"2ms\"\n{KILLED}");
    let [offered, settled, lost, _] = counts(&run("qos-1", &scenario(1, true, &beside), &server));
    assert_eq!((settled, lost), (offered, 0));
}

#[test]
fn at_qos_2_nothing_is_lost_or_twice_when_publisher_and_reader_are_cut_off() {
    let Some(server) = broker("qos 2") else { return };
    let proxy = Proxy::before(server);
    let text = scenario(2, true, "commit = \"after\"\nservice = \"2ms\"\n");
    let file = File::new("qos-2", &text);
    let mut run = command(&file.0, &format!("127.0.0.1:{}", proxy.port()));
    let run = thread::spawn(move || run.output().expect("the program runs"));
    let mut cut = 0;
    while !run.is_finished() {
        // Cuts while the run publishes, and then lets it end: when exactly does not matter.
        thread::sleep(Duration::from_millis(400));
        if cut < 10 {
            cut += proxy.cut();
        }
    }
    let [offered, settled, lost, twice] = counts(&summary(&run.join().expect("it ran")));
    assert!(cut >= 6, "only {cut} connections were cut");
    assert_eq!((settled, lost, twice), (offered, 0, 0));
}

#[test]
fn a_shared_subscription_gives_each_record_to_one_member() {
    let Some(server) = broker("shared subscriptions") else { return };
    let text = scenario(1, false, "group = \"workers\"\ninstances = 3\n");
    let [offered, settled, lost, twice] = counts(&run("shared", &text, &server));
    assert_eq!((settled, lost, twice), (offered, 0, 0));
}

#[test]
fn a_queue_that_overflows_loses_accepted_records_and_the_books_know_them() {
    let Some(server) = broker("a full queue") else { return };
    // Mosquitto's max_queued_messages is 1000, and its max_inflight_messages 20.
    let beside = "commit = \"after\"\n[[fault]]\nat = \"500ms\"\nkill = \"archive\"\nfor = \"2s\"\n";
    let text = scenario(1, true, beside).replace("100/s", "1k/s");
    let [offered, settled, lost, _] = counts(&run("overflow", &text, &server));
    assert!(lost > 500 && settled + lost == offered, "{offered} {settled} {lost}");
}

#[test]
fn every_bundled_scenario_of_mqtt_comes_out_as_it_says() {
    let Some(server) = broker("the bundled scenarios") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim-configs/mqtt");
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let file = entry.expect("a folder can be read").path();
        let output = command(&file, &server).output().expect("the program runs");
        assert_eq!(output.status.code(), Some(0), "{}: {}", file.display(), summary(&output));
    }
}

#[test]
fn without_a_broker_it_says_what_to_do() {
    let text = scenario(1, false, "");
    let file = File::new("nobody", &text);
    let mut plain = Command::new(env!("CARGO_BIN_EXE_brokersim"));
    let output = plain.arg("run").arg(&file.0).output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("not simulated yet") && said.contains("--on embedded"), "{said}");
    let output = command(&file.0, "127.0.0.1:1").output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("no MQTT 5 broker answers at 127.0.0.1:1"), "{said}");
}

#[test]
fn the_embedded_broker_needs_nothing_and_says_its_limits() {
    let text = scenario(1, true, "commit = \"after\"\n");
    let file = File::new("embedded", &text);
    let mut embedded = Command::new(env!("CARGO_BIN_EXE_brokersim"));
    embedded.arg("run").arg(&file.0).args(["--on", "embedded", "--no-tape", "--quiet", "--format", "json"]);
    let summary = summary(&embedded.output().expect("the program runs"));
    let [offered, settled, lost, twice] = counts(&summary);
    assert_eq!((settled, lost, twice), (offered, 0, 0));
    assert!(summary["notes"].to_string().contains("the embedded MQTT broker is for trials"), "{summary}");
}
