//! What each QoS promises on a real broker, through the program itself: `BROKERSIM_MQTT=mqtt://127.0.0.1:11883`.
//!
//! Without that variable these tests say that they were skipped. The same promises against the embedded broker are held by
//! the unit tests of the gateway.

#![expect(clippy::disallowed_types, reason = "real brokers live in real time")]

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use arrow::util::display::array_value_to_string;
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

/// A fault, as a scenario says it.
fn fault(what: &str) -> String {
    format!("[[fault]]\n{what}\n")
}

#[test]
fn a_link_that_is_cut_costs_what_its_qos_says() {
    let Some(server) = broker("a link that is cut") else { return };
    // Something is always on its way when the links are reset: the publisher's first, then the reader's.
    let slow = fault("at = \"0s\"\nlatency = [\"sensor\", \"archive\"]\nby = \"20ms\"");
    let cuts = [
        fault("at = \"1s\"\nreset = \"sensor\"\nfor = \"300ms\""),
        fault("at = \"2s\"\nreset = \"archive\"\nfor = \"300ms\""),
    ];
    for qos in [0, 1, 2] {
        let commit = if qos == 0 { "" } else { "commit = \"after\"\nservice = \"1ms\"\n" };
        let text = scenario(qos, true, &[commit, &slow, &cuts[0], &cuts[1]].concat());
        let [offered, settled, lost, twice] = counts(&run(&format!("cut-{qos}"), &text, &server));
        assert_eq!(settled + lost, offered, "QoS {qos}: {settled} and {lost} of {offered}");
        assert_eq!(lost > 0, qos == 0, "QoS {qos}: {lost} of {offered} lost");
        assert!(qos == 1 || twice == 0, "QoS {qos}: {twice} twice");
    }
}

#[test]
fn a_cut_of_the_network_in_one_direction_is_survived_at_qos_2() {
    let Some(server) = broker("a cut in one direction") else { return };
    let cuts = [
        fault("at = \"500ms\"\nblackhole = \"sensor\"\ndirection = \"in\"\nfor = \"600ms\""),
        fault("at = \"1500ms\"\npartition = \"broker-1\"\nfor = \"600ms\""),
        fault("at = \"0s\"\nnetwork-jitter = \"archive\"\nby = \"10ms\""),
    ];
    let text = scenario(2, true, &["commit = \"after\"\n", &cuts.concat()].concat());
    let [offered, settled, lost, twice] = counts(&run("one-way", &text, &server));
    assert_eq!((settled, lost, twice), (offered, 0, 0));
}

#[test]
fn a_sensor_that_stands_still_is_given_up_and_its_will_published() {
    let Some(server) = broker("keep-alive") else { return };
    let text = scenario(1, true, &fault("at = \"1s\"\npause = \"sensor\"\nfor = \"16s\""))
        .replace("[mqtt]", "[mqtt]\nkeep-alive = \"5s\"")
        .replace(
            "100/s\" }",
            "100/s\" }\nwill = { topic = \"plant/sensor/temperature\", payload = \"gone\" }",
        )
        .replace("duration = \"3s\"", "duration = \"18s\"");
    let (summary, facts) = recorded("still", &text, &server);
    let [offered, settled, lost, _] = counts(&summary);
    assert_eq!((settled, lost), (offered, 0), "{summary}");
    let will = facts.iter().find(|(kind, _)| kind == "will").map(|(_, at)| *at);
    // 1.5 times 5 s after the last packet; Mosquitto looks every 6 s.
    let will = will.expect("the broker publishes it");
    assert!((7.5..16.0).contains(&will), "the will came at {will} s");
}

/// A run's summary and its facts: what kind, and when, in seconds.
fn recorded(name: &str, text: &str, server: &str) -> (Value, Vec<(String, f64)>) {
    let file = File::new(name, text);
    let folder = file.0.with_extension("tape");
    let url = format!("mqtt://{server}");
    let mut run = Command::new(env!("CARGO_BIN_EXE_brokersim"));
    run.arg("run").arg(&file.0).args(["--on", &url, "--quiet", "--format", "json", "--out"]).arg(&folder);
    let summary = summary(&run.output().expect("the program runs"));
    let facts = facts(&folder.join("facts"));
    std::fs::remove_dir_all(&folder).expect("the tape is there");
    (summary, facts)
}

fn facts(folder: &Path) -> Vec<(String, f64)> {
    let mut facts = Vec::new();
    for part in std::fs::read_dir(folder).expect("facts were recorded") {
        let table =
            brokersim::tape::read_table(&part.expect("a folder can be read").path()).expect("a table");
        let cell = |name: &str, row: usize| {
            let column = table.column_by_name(name).expect("a column of the tape");
            array_value_to_string(column, row).expect("it can be shown")
        };
        facts.extend((0..table.num_rows()).map(|row| {
            let at: f64 = cell("at_ns", row).parse().expect("a number");
            (cell("kind", row), at / 1e9)
        }));
    }
    facts
}

/// A Mosquitto of the test's own: its folder and its port.
struct Mosquitto {
    folder: PathBuf,
    port: u16,
}

impl Mosquitto {
    /// None, said plainly, where there is no Mosquitto.
    fn up(name: &str, settings: &str) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("brokersim-mosquitto-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("there is a folder for temporary files");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let user = Command::new("id").arg("-un").output().expect("there is a user").stdout;
        let user = String::from_utf8_lossy(&user).trim().to_owned();
        let conf = format!(
            "listener {port} 127.0.0.1\nuser {user}\npid_file {0}/pid\npersistence_location {0}/\nlog_dest none\n{settings}\n",
            folder.display()
        );
        std::fs::write(folder.join("conf"), conf).expect("it can be written");
        let broker = Self { folder, port };
        if !broker.shell(&broker.start()) {
            eprintln!("skipped: {name} needs Mosquitto");
            return None;
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "Mosquitto does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Some(broker)
    }

    fn shell(&self, line: &str) -> bool {
        Command::new("sh").args(["-c", line]).status().is_ok_and(|status| status.success())
    }

    fn server(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn start(&self) -> String {
        format!("PATH=$PATH:/usr/sbin:/usr/local/sbin mosquitto -d -c {}/conf", self.folder.display())
    }

    fn end(&self, signal: &str) -> String {
        let pid = format!("$(cat {}/pid)", self.folder.display());
        format!("p={pid}; kill -{signal} $p; while kill -0 $p 2>/dev/null; do sleep 0.05; done")
    }

    /// For a scenario.
    fn commands(&self) -> String {
        format!(
            "[real.commands]\nstart-broker = \"{}\"\nstop-broker = \"{}\"\nkill-broker = \"{}\"\n",
            self.start(),
            self.end("TERM"),
            self.end("KILL")
        )
    }

    /// What a run comes to in which a reader is away, and what it has to get waits at the broker, when this happens. (A slow
    /// reader will not do: Mosquitto 2.0.11 sends it more than its `receive-maximum`, how much more depends on the machine.)
    fn with(&self, name: &str, qos: u8, what: &str) -> [u64; 4] {
        let what = fault(&format!("at = \"2500ms\"\n{what} = \"broker-1\"\nfor = \"500ms\""));
        let away = fault("at = \"1s\"\nkill = \"archive\"\nfor = \"3s\"");
        let beside = ["commit = \"after\"\n", &away, &what, &self.commands()].concat();
        // A machine with other work takes its time to stop and start a broker.
        let text = scenario(qos, true, &beside).replace("drain = \"15s\"", "drain = \"60s\"");
        counts(&run(name, &text, &self.server()))
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.shell(&self.end("KILL"));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const ANYBODY: &str = "allow_anonymous true\n";

#[test]
fn a_broker_that_persists_and_is_restarted_in_good_order_keeps_what_it_has_accepted() {
    let Some(_) = broker("a restart") else { return };
    let Some(mosquitto) = Mosquitto::up("restart", &format!("{ANYBODY}persistence true")) else { return };
    let [offered, settled, lost, _] = mosquitto.with("restart-1", 1, "restart");
    assert_eq!((settled, lost), (offered, 0), "QoS 1");
    let [offered, settled, lost, twice] = mosquitto.with("restart-2", 2, "restart");
    assert_eq!((settled, lost, twice), (offered, 0, 0), "QoS 2");
}

#[test]
fn a_broker_that_does_not_persist_or_is_killed_loses_what_it_has_accepted() {
    let Some(_) = broker("a kill") else { return };
    for (name, persistence, what) in [("memory", false, "restart"), ("killed", true, "kill")] {
        let settings = format!("{ANYBODY}persistence {persistence}");
        let Some(mosquitto) = Mosquitto::up(name, &settings) else { return };
        let [offered, settled, lost, _] = mosquitto.with(name, 1, what);
        assert!(lost > 30 && settled + lost <= offered, "{what}: {settled} and {lost} of {offered}");
    }
}

#[test]
fn a_command_that_fails_is_a_fact_and_a_note() {
    let Some(server) = broker("a command") else { return };
    let commands = "[real.commands]\nkill-broker = \"echo no such broker >&2; exit 3\"\n";
    let text = scenario(1, false, &[&fault("at = \"1s\"\nkill = \"broker-1\""), commands].concat());
    let (summary, facts) = recorded("command", &text, &server);
    assert!(facts.iter().any(|(kind, _)| kind == "command-failed"), "{summary}");
    assert!(summary["notes"].to_string().contains("no such broker"), "{summary}");
}

#[test]
fn who_has_a_password_is_let_in_and_the_password_is_shown_nowhere() {
    let Some(_) = broker("a password") else { return };
    let Some(mosquitto) = Mosquitto::up("password", "allow_anonymous false\npassword_file /dev/null") else {
        return;
    };
    let passwords = mosquitto.folder.join("passwords");
    let made =
        Command::new("mosquitto_passwd").args(["-c", "-b"]).arg(&passwords).args(["me", "s3cret"]).status();
    if !made.is_ok_and(|status| status.success()) {
        return eprintln!("skipped: passwords need mosquitto_passwd");
    }
    let conf = mosquitto.folder.join("conf");
    let text = std::fs::read_to_string(&conf).expect("it was written");
    std::fs::write(&conf, text.replace("/dev/null", &passwords.display().to_string()))
        .expect("it can be written");
    assert!(mosquitto.shell(&[mosquitto.end("KILL"), mosquitto.start()].join("; ")));
    let text = scenario(1, false, "commit = \"after\"\n");
    let file = File::new("password", &text);
    let output = command(&file.0, &mosquitto.server()).output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let summary = run("password-me", &text, &format!("me:s3cret@{}", mosquitto.server()));
    let [offered, settled, ..] = counts(&summary);
    assert_eq!(settled, offered);
    assert!(!summary.to_string().contains("s3cret"), "{summary}");
    let doctor = |url: String| {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_brokersim"));
        doctor.args(["doctor", "--format", "json", "--on", &url]).arg(&file.0);
        doctor.output().expect("the program runs")
    };
    let stranger = doctor(format!("mqtt://{}", mosquitto.server()));
    assert_eq!(stranger.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&stranger.stdout).contains("mqtt://USER:PASSWORD@"));
    let friend = doctor(format!("mqtt://me:s3cret@{}", mosquitto.server()));
    let said = String::from_utf8_lossy(&friend.stdout);
    assert_eq!(friend.status.code(), Some(0), "{said}");
    assert!(said.contains("mosquitto version") && !said.contains("s3cret"), "{said}");
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

/// Those whose broker fails one after the other, since it is the broker of all of them; the others side by side.
#[test]
fn every_bundled_scenario_of_mqtt_comes_out_as_it_says() {
    let Some(server) = broker("the bundled scenarios") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim-configs/mqtt");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let files = files.map(|file| file.expect("a folder can be read").path());
    let strikes_broker =
        |file: &PathBuf| std::fs::read_to_string(file).expect("it is text").contains("\"broker-1\"");
    let (alone, beside): (Vec<_>, Vec<_>) = files.partition(strikes_broker);
    thread::scope(|scope| {
        for file in &beside {
            scope.spawn(|| comes_out_as_it_says(file, command(file, &server)));
        }
    });
    if std::env::var_os("BROKERSIM_BROKERS").is_none() {
        return eprintln!("skipped: {alone:?} need a broker of scripts/brokers, BROKERSIM_BROKERS");
    }
    for file in &alone {
        let mut run = command(file, &server);
        run.args(["--profile", "native"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        comes_out_as_it_says(file, run);
    }
}

fn comes_out_as_it_says(file: &Path, mut run: Command) {
    let output = run.output().expect("the program runs");
    assert_eq!(output.status.code(), Some(0), "{}: {}", file.display(), summary(&output));
}

/// An authority of the test's own, and what it vouches for: `ca.pem`, `broker.pem` and `broker.key` in this folder.
#[cfg(feature = "real-mqtt-tls")]
fn certificates(folder: &Path) -> bool {
    let script = "exec 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem &&
openssl req -newkey rsa:2048 -nodes -subj /CN=broker -keyout broker.key -out broker.csr &&
echo subjectAltName=DNS:localhost >names &&
openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out broker.pem";
    std::fs::create_dir_all(folder).expect("there is a folder for temporary files");
    Command::new("sh").args(["-c", script]).current_dir(folder).status().is_ok_and(|made| made.success())
}

/// The certificate is for `localhost`; clients that go through the run's proxy call 127.0.0.1.
#[test]
#[cfg(feature = "real-mqtt-tls")]
fn a_way_that_is_secret_leads_through_the_proxy_to_whom_an_authority_vouches_for_and_to_nobody_else() {
    let Some(_) = broker("TLS") else { return };
    let folder = std::env::temp_dir().join(format!("brokersim-certificates-{}", std::process::id()));
    if !certificates(&folder) {
        return eprintln!("skipped: certificates need openssl");
    }
    let settings = format!("{ANYBODY}certfile {0}/broker.pem\nkeyfile {0}/broker.key", folder.display());
    let Some(mosquitto) = Mosquitto::up("tls", &settings) else { return };
    let cuts = [
        fault("at = \"1s\"\nreset = \"sensor\"\nfor = \"300ms\""),
        fault("at = \"2s\"\nreset = \"archive\"\nfor = \"300ms\""),
    ];
    let file = File::new("tls", &scenario(2, true, &["commit = \"after\"\n", &cuts.concat()].concat()));
    let run = |host: &str, more: &[&str]| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_brokersim"));
        let url = format!("mqtts://{host}:{}", mosquitto.port);
        run.arg("run").arg(&file.0).args(["--on", &url, "--no-tape", "--quiet", "--format", "json"]);
        run.args(more).output().expect("the program runs")
    };
    let authority = format!("ca-file={}/ca.pem", folder.display());
    let trusting = ["--client-property", &authority];
    let [offered, settled, lost, twice] = counts(&summary(&run("localhost", &trusting)));
    let strangers = [run("localhost", &[]), run("127.0.0.1", &trusting)];
    std::fs::remove_dir_all(&folder).expect("it was made");
    assert_eq!((settled, lost, twice), (offered, 0, 0));
    for refused in strangers {
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(3), "{said}");
        assert!(said.contains("invalid peer certificate"), "{said}");
    }
}

#[test]
#[cfg(not(feature = "real-mqtt-tls"))]
fn a_build_without_tls_says_which_feature_it_needs() {
    let file = File::new("no-tls", &scenario(1, false, ""));
    for word in ["run", "doctor"] {
        let mut asked = Command::new(env!("CARGO_BIN_EXE_brokersim"));
        asked.arg(word).arg(&file.0).args(["--on", "mqtts://127.0.0.1:1"]);
        let output = asked.output().expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--features real-mqtt-tls"), "{said}");
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

#[test]
fn what_was_left_out_stands_in_the_summary_and_in_the_manifest() {
    let text = scenario(1, true, "[[fault]]\nat = \"1s\"\npower-loss = \"broker-1\"\nfor = \"1s\"\n");
    let file = File::new("skipped", &text);
    let folder = file.0.with_extension("tape");
    let run = |more: &[&str]| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_brokersim"));
        run.arg("run").arg(&file.0).args(["--on", "embedded", "--quiet", "--format", "json", "--out"]);
        run.arg(&folder).args(more).output().expect("the program runs")
    };
    assert_eq!(run(&[]).status.code(), Some(2), "it is named before the run begins");
    let summary = summary(&run(&["--skip-faults"]));
    let manifest = std::fs::read(folder.join("manifest.json")).expect("there is a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    std::fs::remove_dir_all(&folder).expect("the tape is there");
    for skipped in [&summary["skipped_faults"], &manifest["skipped_faults"]] {
        assert_eq!(skipped.as_array().map(Vec::len), Some(1), "{skipped}");
        assert!(skipped[0]["fault"].as_str().is_some_and(|fault| fault.contains("power-loss of broker-1")));
        assert!(skipped[0]["why"].as_str().is_some_and(|why| why.contains("memory")), "{skipped}");
    }
    assert!(manifest["summary"]["skipped_faults"].is_null(), "it is said once there");
}
