//! The scenarios that are measured.

/// A scenario with a name.
pub struct Case {
    pub name: &'static str,
    /// Runs only when it is asked for.
    pub long: bool,
    /// Whether the run is recorded on a tape.
    pub tape: bool,
    /// The scenario file.
    pub text: &'static str,
}

/// Three brokers, three replicas, acks=all, twelve partitions, three consumers.
macro_rules! scenario {
    ($duration:literal, $generator:literal) => {
        concat!(
            "[run]\nseed = 1\nduration = \"",
            $duration,
            "\"\ndrain = \"2s\"\n",
            include_str!("cluster.toml"),
            $generator
        )
    };
}

const FULL: &str = scenario!(
    "10s",
    r#"
[[generator]]
name = "shop"
topic = "orders"
instances = 4
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "150000/s", batch = 150 }
producer.linger.ms = 5
producer.batch.size = 16384
producer.acks = "all"
"#
);

const SINGLE: &str = scenario!(
    "20s",
    r#"
[[generator]]
name = "shop"
topic = "orders"
instances = 4
payload = { kind = "bytes", size = "100B" }
arrivals = { poisson = "2500/s" }
producer.linger.ms = 0
producer.batch.size = 0
producer.acks = "all"
"#
);

const ZIPF: &str = scenario!(
    "10s",
    r#"
[[generator]]
name = "shop"
topic = "orders"
instances = 4
payload = { kind = "bytes", size = "100B" }
key = { zipf = { keys = 10000, exponent = 1.0 } }
arrivals = { constant = "50000/s", batch = 100 }
producer.linger.ms = 5
producer.acks = "all"
"#
);

const HOUR: &str = scenario!(
    "1h",
    r#"
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { poisson = "2000/s" }
producer.linger.ms = 5
producer.acks = "all"
"#
);

const HOUR_OF_SENSORS: &str = scenario!(
    "1h",
    r#"
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "sensors" }
arrivals = { poisson = "2000/s" }
producer.linger.ms = 5
producer.acks = "all"
"#
);

/// All of them.
pub const CASES: &[Case] = &[
    Case { name: "full-batches", long: false, tape: false, text: FULL },
    Case { name: "one-record-a-batch", long: false, tape: false, text: SINGLE },
    Case { name: "zipf-keys", long: false, tape: false, text: ZIPF },
    Case { name: "full-batches-on-tape", long: false, tape: true, text: FULL },
    Case { name: "one-record-a-batch-on-tape", long: false, tape: true, text: SINGLE },
    Case { name: "hour", long: true, tape: false, text: HOUR },
    Case { name: "hour-of-sensors", long: true, tape: false, text: HOUR_OF_SENSORS },
];
