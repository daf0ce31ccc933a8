//! The scenarios that come with the program, and the data that they replay.

use std::path::Path;

use crate::scenario::templates::Template;

macro_rules! bundled {
    ($($name:literal: $file:literal),* $(,)?) => {
        &[$(Template { name: $name, text: include_str!(concat!("../../sim-configs/", $file)) }),*]
    };
}

/// By name, as `list` shows them and `new` copies them.
pub const BUNDLED: &[Template] = bundled! {
    "calm": "kafka/calm.toml",
    "hot-key": "kafka/hot-key.toml",
    "slow-consumer": "kafka/slow-consumer.toml",
    "scale-out": "kafka/scale-out.toml",
    "broker-loss": "kafka/broker-loss.toml",
    "trace-replay": "kafka/trace-replay.toml",
    "ventilator": "zeromq/ventilator.toml",
    "worker-killed": "zeromq/worker-killed.toml",
    "qos-levels": "mqtt/qos-levels.toml",
    "persistent-session": "mqtt/persistent-session.toml",
    "shared-subscription": "mqtt/shared-subscription.toml",
    "retained-and-will": "mqtt/retained-and-will.toml",
    "link-cut": "mqtt/link-cut.toml",
    "keep-alive": "mqtt/keep-alive.toml",
    "broker-killed": "mqtt/broker-killed.toml",
    "broker-restarted": "mqtt/broker-restarted.toml",
    "loss-01-acks-0": "kafka/loss-01-acks-0.toml",
    "loss-01b-acks-1": "kafka/loss-01b-acks-1.toml",
    "loss-02-acks-1": "kafka/loss-02-acks-1.toml",
    "loss-02b-acks-all": "kafka/loss-02b-acks-all.toml",
    "loss-02c-acks-1-in-time": "kafka/loss-02c-acks-1-in-time.toml",
    "loss-03-planned-move": "kafka/loss-03-planned-move.toml",
    "loss-03b-planned-move-acks-all": "kafka/loss-03b-planned-move-acks-all.toml",
    "loss-03c-preferred-election": "kafka/loss-03c-preferred-election.toml",
    "loss-04-unclean-three-logs": "kafka/loss-04-unclean-three-logs.toml",
    "loss-04b-unclean-three-logs-acks-all": "kafka/loss-04b-unclean-three-logs-acks-all.toml",
    "loss-04c-no-unclean-election": "kafka/loss-04c-no-unclean-election.toml",
    "loss-05-unclean-first-third": "kafka/loss-05-unclean-first-third.toml",
    "loss-05b-clean-first-second-third": "kafka/loss-05b-clean-first-second-third.toml",
    "loss-05c-topic-overrides-broker": "kafka/loss-05c-topic-overrides-broker.toml",
    "loss-07-last-disk": "kafka/loss-07-last-disk.toml",
    "loss-07b-last-disk-min-isr-2": "kafka/loss-07b-last-disk-min-isr-2.toml",
    "loss-08-restart-before-high-watermark": "kafka/loss-08-restart-before-high-watermark.toml",
    "loss-09-shorter-log-leads": "kafka/loss-09-shorter-log-leads.toml",
    "loss-10-epoch-the-leader-lacks": "kafka/loss-10-epoch-the-leader-lacks.toml",
    "loss-10b-fail-over-chain": "kafka/loss-10b-fail-over-chain.toml",
    "loss-11-last-replica-standing": "kafka/loss-11-last-replica-standing.toml",
    "loss-11b-last-replica-standing-without-elr": "kafka/loss-11b-last-replica-standing-without-elr.toml",
    "loss-11c-elr-min-isr-1": "kafka/loss-11c-elr-min-isr-1.toml",
    "loss-11d-elr-two-unclean": "kafka/loss-11d-elr-two-unclean.toml",
    "loss-12-all-lose-power": "kafka/loss-12-all-lose-power.toml",
    "loss-12b-flush-each-record": "kafka/loss-12b-flush-each-record.toml",
    "loss-13-all-killed": "kafka/loss-13-all-killed.toml",
    "loss-14-lost-acknowledgement": "kafka/loss-14-lost-acknowledgement.toml",
    "loss-14b-lost-acknowledgement-idempotent": "kafka/loss-14b-lost-acknowledgement-idempotent.toml",
    "loss-15-five-in-flight": "kafka/loss-15-five-in-flight.toml",
    "loss-15b-one-in-flight": "kafka/loss-15b-one-in-flight.toml",
    "loss-16-five-in-flight-idempotent": "kafka/loss-16-five-in-flight-idempotent.toml",
    "loss-17-outbox-restarts": "kafka/loss-17-outbox-restarts.toml",
    "loss-17b-outbox-closes": "kafka/loss-17b-outbox-closes.toml",
    "loss-18-delivery-timeout": "kafka/loss-18-delivery-timeout.toml",
    "loss-18b-delivery-timeout-long": "kafka/loss-18b-delivery-timeout-long.toml",
    "loss-19-buffer-full": "kafka/loss-19-buffer-full.toml",
    "loss-19b-buffer-enough": "kafka/loss-19b-buffer-enough.toml",
    "loss-20-too-few-after-append": "kafka/loss-20-too-few-after-append.toml",
    "loss-20b-too-few-idempotent": "kafka/loss-20b-too-few-idempotent.toml",
    "loss-21-commit-before": "kafka/loss-21-commit-before.toml",
    "loss-21b-commit-before-in-between": "kafka/loss-21b-commit-before-in-between.toml",
    "loss-22-commit-after": "kafka/loss-22-commit-after.toml",
    "loss-22b-commit-after-in-time": "kafka/loss-22b-commit-after-in-time.toml",
    "loss-23-auto-commit-loop": "kafka/loss-23-auto-commit-loop.toml",
    "loss-23b-auto-commit-seldom": "kafka/loss-23b-auto-commit-seldom.toml",
    "loss-24-auto-commit-workers": "kafka/loss-24-auto-commit-workers.toml",
    "loss-24b-workers-no-commit-yet": "kafka/loss-24b-workers-no-commit-yet.toml",
    "loss-24c-close-in-finally": "kafka/loss-24c-close-in-finally.toml",
    "loss-25-latest-new-group": "kafka/loss-25-latest-new-group.toml",
    "loss-25b-earliest-new-group": "kafka/loss-25b-earliest-new-group.toml",
    "loss-25c-by-duration-new-group": "kafka/loss-25c-by-duration-new-group.toml",
    "loss-25d-latest-new-partition": "kafka/loss-25d-latest-new-partition.toml",
    "loss-25e-earliest-new-partition": "kafka/loss-25e-earliest-new-partition.toml",
    "loss-25f-by-duration-too-short": "kafka/loss-25f-by-duration-too-short.toml",
    "loss-26-offsets-expired-latest": "kafka/loss-26-offsets-expired-latest.toml",
    "loss-26b-offsets-expired-earliest": "kafka/loss-26b-offsets-expired-earliest.toml",
    "loss-26c-offsets-kept": "kafka/loss-26c-offsets-kept.toml",
    "loss-26d-behind-log-start": "kafka/loss-26d-behind-log-start.toml",
    "loss-27-poll-interval-exceeded": "kafka/loss-27-poll-interval-exceeded.toml",
    "loss-27b-poll-interval-kept": "kafka/loss-27b-poll-interval-kept.toml",
    "loss-28-consumer-ahead-of-log": "kafka/loss-28-consumer-ahead-of-log.toml",
    "loss-28b-consumer-without-reset-policy": "kafka/loss-28b-consumer-without-reset-policy.toml",
    "loss-29-retention-too-short": "kafka/loss-29-retention-too-short.toml",
    "loss-29b-retention-enough": "kafka/loss-29b-retention-enough.toml",
    "loss-29c-retention-bytes": "kafka/loss-29c-retention-bytes.toml",
    "loss-33-eager-zombie": "kafka/loss-33-eager-zombie.toml",
    "loss-33b-eager-sessions-hold": "kafka/loss-33b-eager-sessions-hold.toml",
    "loss-33c-cooperative-sessions-hold": "kafka/loss-33c-cooperative-sessions-hold.toml",
    "loss-33d-cooperative-zombie": "kafka/loss-33d-cooperative-zombie.toml",
    "loss-35-clock-ahead-refused": "kafka/loss-35-clock-ahead-refused.toml",
    "loss-35b-clock-ahead-within": "kafka/loss-35b-clock-ahead-within.toml",
    "loss-35c-clock-ahead-3-9": "kafka/loss-35c-clock-ahead-3-9.toml",
};

/// Recorded data, by the name of its file.
const DATA: &[(&str, &[u8])] =
    &[("earthquakes-2018-02.csv", include_bytes!("../../sim-configs/data/earthquakes-2018-02.csv"))];

/// The bundled CSV file of this name, wherever the path says that it lies.
pub fn data(path: &Path) -> Option<&'static [u8]> {
    let name = path.file_name()?.to_str()?;
    DATA.iter().find(|(bundled, _)| *bundled == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_scenario_of_the_folder_is_bundled_under_its_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim-configs");
        for system in ["kafka", "zeromq", "mqtt"] {
            for entry in fs::read_dir(folder.join(system)).expect("the folder is there") {
                let file = entry.expect("a folder can be read").path();
                let name =
                    file.file_stem().and_then(|name| name.to_str()).expect("names are UTF-8").to_owned();
                let text = fs::read_to_string(&file).expect("scenarios are text");
                let found = BUNDLED.iter().find(|bundled| bundled.name == name);
                assert!(found.is_some_and(|bundled| bundled.text == text), "{name}");
            }
        }
    }
}
