//! The words of the scenario language: which keys a section has and what their values are.
//!
//! **Invariant.** These tables are the one truth about the shape of a file: the judge checks files against
//! them and the JSON Schema is made from them.

mod faults;

use crate::gateway::Act;
use crate::kafka::settings::Scope;
use crate::observe::promise::Mode;

use super::error::Finding;
use super::file::Node;
use super::sense;

use faults::{FAULT, FAULTS};

/// One key of a section.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name; a dotted one may be written as nested tables.
    pub name: &'static str,
    /// What its value is.
    pub shape: Shape,
    /// Whether the section is wrong without it.
    pub required: bool,
    /// What it says, in one line.
    pub about: &'static str,
}

const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, required: false, about }
}

const fn required(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, required: true, about }
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Any text but the empty one.
    Text,
    /// A name of letters, digits, `.`, `_` and `-`, at most 249, as Kafka's topics have.
    Name,
    /// A whole number from .. to.
    Count(i64, i64),
    /// A number from .. to.
    Number(f64, f64),
    /// A length of time.
    Duration,
    /// A length of time above zero.
    Period,
    /// A length of time above zero in whole milliseconds.
    Millis,
    /// A size in bytes.
    Size,
    /// Events per time, above zero.
    Rate,
    /// Events per time; zero is allowed.
    RateOrNone,
    /// Bytes per time.
    Bandwidth,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// Any text, number or flag.
    Scalar,
    /// A table of texts, numbers or flags under free names.
    Map,
    /// One of several ways to write it.
    Forms(&'static Forms),
    /// Values in order, at least one.
    List(&'static Shape),
    /// Two values in order.
    Pair(&'static Shape),
    /// One value or several.
    OneOrMore(&'static Shape),
    /// A table.
    Table(&'static [Key]),
    /// A table whose other keys are Kafka's settings of a scope.
    Configured(&'static [Key], Scope),
    /// A table whose other keys are options of ZeroMQ's sockets.
    Sockets(&'static [Key]),
    /// Values under free names.
    Named(&'static Shape),
    /// `[[name]]` tables.
    Tables(&'static [Key]),
    /// Promises of the catalogue, under a word of `[expect]`.
    Promises(Mode),
    /// Kafka's settings of a scope.
    Settings(Scope),
}

/// Several ways to write one value.
#[derive(Debug)]
pub struct Forms {
    /// What is written, with its article: "a law for lengths of time".
    pub what: &'static str,
    /// How a plain value reads, if one is allowed.
    pub plain: Option<Shape>,
    /// Words that stand for themselves.
    pub words: &'static [&'static str],
    /// Tables, told apart by their head.
    pub tables: &'static [Form],
    /// What must hold beyond the shape.
    pub check: fn(&Node) -> Option<Finding>,
}

/// A table that is known by one key.
#[derive(Debug)]
pub struct Form {
    /// The key that only this form has; with `tag`, the key whose value names the form.
    pub head: &'static str,
    /// The value of the head.
    pub tag: Option<&'static str>,
    /// All keys, the head included unless it is a tag.
    pub keys: &'static [Key],
}

const fn form(head: &'static str, keys: &'static [Key]) -> Form {
    Form { head, tag: None, keys }
}

const fn kind(tag: &'static str, keys: &'static [Key]) -> Form {
    Form { head: "kind", tag: Some(tag), keys }
}

const MANY: i64 = u32::MAX as i64;
const LARGE: f64 = 1e12;

/// A law for lengths of time.
pub static LAW: Forms = Forms {
    what: "a length of time or a law for one",
    plain: Some(Shape::Duration),
    words: &[],
    tables: &[
        form("constant", &[required("constant", Shape::Duration, "always this long")]),
        form("uniform", &[required("uniform", Shape::Pair(&Shape::Duration), "evenly between both bounds")]),
        form("exponential", &[required("exponential", Shape::Period, "memoryless, of this mean")]),
        form(
            "median",
            &[
                required("median", Shape::Period, "lognormal: half of all draws are shorter"),
                required("p99", Shape::Period, "lognormal: 99 of 100 draws are shorter"),
            ],
        ),
        form(
            "normal",
            &[
                required("normal", Shape::Duration, "the mean of a bell curve, cut off below zero"),
                required("deviation", Shape::Duration, "its standard deviation"),
            ],
        ),
        form(
            "erlang",
            &[
                required("erlang", Shape::Count(1, 1_000), "how many exponential phases"),
                required("mean", Shape::Period, "the mean of their sum"),
            ],
        ),
        form(
            "hyperexponential",
            &[
                required(
                    "hyperexponential",
                    Shape::Pair(&Shape::Period),
                    "exponential with one of two means",
                ),
                required("probability", Shape::Number(0.0, 1.0), "how often it is the first"),
            ],
        ),
        form(
            "pareto",
            &[
                required(
                    "pareto",
                    Shape::Number(0.01, 1_000.0),
                    "tail index; the mean is finite only above 1",
                ),
                required("minimum", Shape::Period, "the least value"),
            ],
        ),
    ],
    check: sense::law,
};

/// A law for sizes.
pub static SIZE_LAW: Forms = Forms {
    what: "a size or a law for one",
    plain: Some(Shape::Size),
    words: &[],
    tables: &[
        form("uniform", &[required("uniform", Shape::Pair(&Shape::Size), "evenly between both bounds")]),
        form(
            "median",
            &[
                required("median", Shape::Size, "lognormal: half of all are smaller"),
                required("p99", Shape::Size, "lognormal: 99 of 100 are smaller"),
            ],
        ),
    ],
    check: sense::size_law,
};

/// The sensors of a phone.
pub const SENSORS: &[&str] = &[
    "accelerometer",
    "gyroscope",
    "magnetometer",
    "gravity",
    "linear-acceleration",
    "light",
    "pressure",
    "proximity",
    "temperature",
    "humidity",
];

/// What records say.
pub static PAYLOAD: Forms = Forms {
    what: "a payload",
    plain: None,
    words: &["ticks", "posts", "sensors", "cpu", "gps", "events", "bytes"],
    tables: &[
        kind(
            "ticks",
            &[
                key("assets", Shape::List(&Shape::Text), "what is traded"),
                key("volatility", Shape::Number(0.0, 100.0), "per year, as a fraction of the price"),
            ],
        ),
        kind(
            "posts",
            &[
                key("assets", Shape::List(&Shape::Text), "what the posts are about"),
                key("authors", Shape::Count(1, MANY), "how many different authors"),
            ],
        ),
        kind(
            "sensors",
            &[
                key("sensor", Shape::Choice(SENSORS), "which sensor of the phone"),
                key("devices", Shape::Count(1, MANY), "how many phones"),
            ],
        ),
        kind("cpu", &[key("cores", Shape::Count(1, 100_000), "how many cores")]),
        kind(
            "gps",
            &[
                key("devices", Shape::Count(1, MANY), "how many devices"),
                key("latitude", Shape::Number(-80.0, 80.0), "where they set out, degrees north"),
                key("longitude", Shape::Number(-180.0, 180.0), "where they set out, degrees east"),
            ],
        ),
        kind(
            "events",
            &[
                key("users", Shape::Count(1, MANY), "how many users"),
                key("items", Shape::Count(1, MANY), "how many items"),
            ],
        ),
        kind("bytes", &[key("size", Shape::Forms(&SIZE_LAW), "the size of a payload")]),
    ],
    check: sense::nothing,
};

/// Which key a record carries.
pub static KEYS: Forms = Forms {
    what: "a way to choose keys",
    plain: None,
    words: &["none"],
    tables: &[
        form("field", &[required("field", Shape::Text, "the value of this field of the payload")]),
        form("uniform", &[required("uniform", Shape::Count(1, MANY), "this many keys, equally often")]),
        form(
            "zipf",
            &[
                required("zipf", Shape::Number(0.0, 20.0), "the exponent: few keys often, most seldom"),
                required("keys", Shape::Count(1, MANY), "how many keys"),
            ],
        ),
    ],
    check: sense::nothing,
};

/// When records are offered.
pub static ARRIVALS: Forms = Forms {
    what: "a pattern of arrivals",
    plain: None,
    words: &["natural"],
    tables: &[
        form("constant", &[required("constant", Shape::Rate, "evenly spaced")]),
        form("poisson", &[required("poisson", Shape::Rate, "memoryless, at this mean rate")]),
        form("bursts", &[required("bursts", Shape::Table(BURSTS), "bursts between silences")]),
        form("daily", &[required("daily", Shape::Table(DAILY), "a rate that follows the day")]),
        form("ramp", &[required("ramp", Shape::Table(RAMP), "a rate that changes in a straight line")]),
        form("replay", &[required("replay", Shape::Table(REPLAY), "as recorded in a file")]),
    ],
    check: sense::arrivals,
};

const BURSTS: &[Key] = &[
    required("rate", Shape::Rate, "within a burst"),
    required("on", Shape::Forms(&LAW), "how long a burst lasts"),
    required("off", Shape::Forms(&LAW), "how long a silence lasts"),
];

const DAILY: &[Key] = &[
    required("mean", Shape::Rate, "averaged over a period"),
    key("peak-to-trough", Shape::Number(1.0, 1_000_000.0), "highest rate over lowest; 4 unless said"),
    key("period", Shape::Period, "one turn of the curve; 24h unless said"),
    key("peak-at", Shape::Duration, "when the rate is highest; half a period unless said"),
];

const RAMP: &[Key] = &[
    required("from", Shape::RateOrNone, "the rate at the beginning"),
    required("to", Shape::RateOrNone, "the rate at the end, and after"),
    required("over", Shape::Period, "how long the change takes"),
];

const REPLAY: &[Key] = &[
    required(
        "file",
        Shape::Text,
        "a .csv or .parquet file (zstd, snappy, or not compressed), seen from the scenario file",
    ),
    required("time", Shape::Text, "the column with the time"),
    key("unit", Shape::Choice(&["s", "ms", "us", "ns"]), "the unit of numeric times; guessed unless said"),
    key("key", Shape::Text, "the column with the key"),
    key("payload", Shape::Text, "the column with the payload; all other columns unless said"),
    key("speed", Shape::Number(0.000_001, LARGE), "how many times faster than recorded"),
];

/// What a window computes.
pub const FUNCTIONS: &[&str] = &["mean", "sum", "min", "max", "first", "last", "count"];

/// What a processor does with each record.
pub static WORK: Forms = Forms {
    what: "work",
    plain: None,
    words: &["pass", "track", "cores"],
    tables: &[
        form("tumbling", &[required("tumbling", Shape::Table(TUMBLING), "windows that do not overlap")]),
        form("sliding", &[required("sliding", Shape::Table(SLIDING), "windows that overlap")]),
        form("track", &[required("track", Shape::Table(TRACK), "the average position of each track")]),
        form("sentiment", &[required("sentiment", Shape::Text, "the field with the text")]),
        form("cores", &[required("cores", Shape::Table(TRACK), "the mean over a machine's cores")]),
        form("filter", &[required("filter", Shape::Table(FILTER), "only some records go on")]),
        form("enrich", &[required("enrich", Shape::Table(ENRICH), "a field is added")]),
    ],
    check: sense::work,
};

const TUMBLING: &[Key] = &[
    required("size", Shape::Millis, "how long a window is"),
    key("lateness", Shape::Duration, "how far the watermark stays behind"),
    key("field", Shape::Text, "the field that is computed with; not needed for count"),
    key("compute", Shape::OneOrMore(&Shape::Choice(FUNCTIONS)), "what is computed of each window and key"),
    key("aggregates", Shape::List(&Shape::Table(AGGREGATE)), "several fields, instead of field and compute"),
];

const SLIDING: &[Key] = &[
    required("size", Shape::Millis, "how long a window is"),
    required("every", Shape::Millis, "how often a window begins"),
    key("lateness", Shape::Duration, "how far the watermark stays behind"),
    key("field", Shape::Text, "the field that is computed with; not needed for count"),
    key("compute", Shape::OneOrMore(&Shape::Choice(FUNCTIONS)), "what is computed of each window and key"),
    key("aggregates", Shape::List(&Shape::Table(AGGREGATE)), "several fields, instead of field and compute"),
];

const AGGREGATE: &[Key] = &[
    required("compute", Shape::Choice(FUNCTIONS), "the function"),
    key("field", Shape::Text, "the field; not needed for count"),
    key("name", Shape::Text, "the name of the result"),
];

const TRACK: &[Key] = &[
    key("every", Shape::Millis, "how long a window is"),
    key("lateness", Shape::Duration, "how long a window waits for late records"),
];

/// The comparisons of a filter.
pub const COMPARISONS: &[&str] =
    &["equals", "not-equals", "below", "at-most", "above", "at-least", "contains"];

const FILTER: &[Key] = &[
    required("field", Shape::Text, "the field to look at"),
    key("equals", Shape::Scalar, "its value is this"),
    key("not-equals", Shape::Scalar, "its value is another"),
    key("below", Shape::Number(-LARGE, LARGE), "its value is less"),
    key("at-most", Shape::Number(-LARGE, LARGE), "its value is this or less"),
    key("above", Shape::Number(-LARGE, LARGE), "its value is greater"),
    key("at-least", Shape::Number(-LARGE, LARGE), "its value is this or greater"),
    key("contains", Shape::Text, "its text contains this"),
];

const ENRICH: &[Key] = &[
    required("field", Shape::Text, "the name of the new field"),
    key("value", Shape::Scalar, "always this value"),
    key("by", Shape::Text, "the field to look up in the table"),
    key("table", Shape::Map, "what is found there"),
    key("otherwise", Shape::Scalar, "the value when nothing is found"),
];

const RUN: &[Key] = &[
    key("seed", Shape::Count(0, i64::MAX), "the same seed gives the same run; 42 unless said"),
    required("duration", Shape::Period, "how long generators send"),
    key("warm-up", Shape::Duration, "left out of the summary's statistics"),
    key("drain", Shape::Duration, "how long consumers may catch up afterwards"),
];

const NETWORK: &[Key] = &[
    key("latency", Shape::Forms(&LAW), "one-way delay of a message between nodes"),
    key("bandwidth", Shape::Bandwidth, "out of each node; without bound unless said"),
    key("buffer", Shape::Size, "bytes that may wait to leave a node; without bound unless said"),
];

/// `[kafka]`, besides the cluster's settings.
const KAFKA: &[Key] = &[
    key("version", Shape::Choice(VERSIONS), "whose defaults and behaviours to follow; 4.1 unless said"),
    key("brokers", Shape::Count(1, 1_000), "how many; 3 unless said"),
    key("controllers", Shape::Count(1, 99), "how many vote in the quorum; 3 unless said"),
    key("racks", Shape::List(&Shape::Text), "brokers take them in turn"),
    key("costs", Shape::Table(COSTS), "what things cost on the simulated machines"),
    key("topics", Shape::Named(&Shape::Configured(TOPIC, Scope::Topic)), "the topics by name"),
];

/// The presets; checked against `Version` by a test.
const VERSIONS: &[&str] = &["3.9", "4.0", "4.1", "4.2"];

const COSTS: &[Key] = &[
    key("request-cpu", Shape::Duration, "processor time of a request"),
    key("cpu-per-kib", Shape::Duration, "processor time of each KiB of it"),
    key("page-cache-append", Shape::Duration, "appending a batch to the page cache"),
    key("fsync", Shape::Duration, "forcing a log to disk"),
    key("disk-bandwidth", Shape::Bandwidth, "of each broker's disk"),
    key("page-cache-writeback", Shape::Duration, "how long the operating system leaves pages unwritten"),
];

/// `[kafka.topics.NAME]`, besides the topic's settings.
const TOPIC: &[Key] = &[
    key("partitions", Shape::Count(1, 100_000), "num.partitions of the cluster unless said"),
    key(
        "replication.factor",
        Shape::Count(1, 32_767),
        "default.replication.factor of the cluster unless said",
    ),
];

const ZEROMQ: &[Key] = &[
    key("transport", Shape::Choice(&["tcp", "inproc"]), "tcp unless said"),
    required("channels", Shape::Named(&Shape::Sockets(CHANNEL)), "named PUSH/PULL channels"),
];

const CHANNEL: &[Key] = &[
    key("bind", Shape::Choice(&["push", "pull"]), "which end binds; the other connects; push unless said"),
    key(
        "receive-batch",
        Shape::Count(1, 1_000_000),
        "messages handed to an application at a time; 1 unless said",
    ),
];

/// `[mqtt]`: what every client has that says nothing else.
const MQTT: &[Key] = &[
    key("version", Shape::Choice(&["5"]), "the protocol; 5 unless said"),
    QOS,
    CLEAN_START,
    SESSION_EXPIRY,
    RECEIVE_MAXIMUM,
    KEEP_ALIVE,
    MAX_INFLIGHT,
];

const QOS: Key =
    key("qos", Shape::Count(0, 2), "MQTT: the QoS of what it publishes and subscribes; 0 unless said");
const CLEAN_START: Key =
    key("clean-start", Shape::Flag, "MQTT: each connection begins a new session; true unless said");
const SESSION_EXPIRY: Key = key(
    "session-expiry-interval",
    Shape::Duration,
    "MQTT: how long the broker keeps the session of a client that is gone, in whole seconds; 0s unless said",
);
const RECEIVE_MAXIMUM: Key = key(
    "receive-maximum",
    Shape::Count(1, 65_535),
    "MQTT: QoS 1 and 2 messages that the broker sends before one is answered; 65535 unless said",
);
const KEEP_ALIVE: Key =
    key("keep-alive", Shape::Duration, "MQTT: in whole seconds, 0s turns it off; 60s unless said");
const MAX_INFLIGHT: Key = key(
    "max-inflight-messages",
    Shape::Count(1, 65_535),
    "MQTT: QoS 1 and 2 messages that the client sends before one is answered; 100 unless said",
);
const RETAIN: Key =
    key("retain", Shape::Flag, "MQTT: the broker keeps the last message of each topic; false unless said");
const MESSAGE_EXPIRY: Key = key(
    "message-expiry-interval",
    Shape::Duration,
    "MQTT: the broker drops what waits longer, in whole seconds; never unless said",
);
const RETAIN_HANDLING: Key = key(
    "retain-handling",
    Shape::Count(0, 2),
    "MQTT: retained messages at a subscription: 0 each time, 1 if it is new, 2 never; 0 unless said",
);
const WILL: Key =
    key("will", Shape::Table(WILL_KEYS), "MQTT: what the broker publishes when it is gone without a word");

const WILL_KEYS: &[Key] = &[
    required("topic", Shape::Text, "where the broker publishes it"),
    key("payload", Shape::Text, "what it says; the name of the client unless said"),
    key("qos", Shape::Count(0, 2), "its QoS; 0 unless said"),
    key("retain", Shape::Flag, "whether the broker keeps it for its topic; false unless said"),
    key(
        "delay-interval",
        Shape::Duration,
        "how long the broker waits whether the client comes back, in whole seconds; 0s unless said",
    ),
];

const GENERATOR: &[Key] = &[
    required("name", Shape::Name, "what it is called"),
    required("topic", Shape::Text, "the topic or channel it writes to"),
    key("instances", Shape::Count(1, 100_000), "how many of it; 1 unless said"),
    key("payload", Shape::Forms(&PAYLOAD), "what its records say; events unless said"),
    key(
        "codec",
        Shape::Choice(&["json", "csv", "bincode"]),
        "how records look on the wire; json unless said",
    ),
    key("key", Shape::Forms(&KEYS), "which key a record carries; none unless said"),
    required("arrivals", Shape::Forms(&ARRIVALS), "when records are offered"),
    key("batch", Shape::Count(1, 1_000_000), "records offered together; 1 unless said"),
    key("stop-after", Shape::Count(1, i64::MAX), "records of each instance at most"),
    key("outbox", Shape::Flag, "after a restart it offers again what it never heard of; false unless said"),
    key(
        "when-blocked",
        Shape::Choice(&["wait", "skip"]),
        "what becomes of records that are due while `send()` blocks: made up for (wait), or never offered and counted (skip); wait unless said",
    ),
    key("poison-at", Shape::Count(1, i64::MAX), "the record with this number, from 1, fails every handler"),
    key("start", Shape::Duration, "when it begins"),
    key("stop", Shape::Duration, "when it ends"),
    key("producer", Shape::Settings(Scope::Producer), "Kafka's settings of its producer"),
    QOS,
    RETAIN,
    MESSAGE_EXPIRY,
    MAX_INFLIGHT,
    CLEAN_START,
    SESSION_EXPIRY,
    KEEP_ALIVE,
    WILL,
];

const PROCESSOR: &[Key] = &[
    required("name", Shape::Name, "what it is called"),
    required("from", Shape::Text, "the topic or channel it reads; with MQTT a topic filter"),
    required("to", Shape::Text, "the topic or channel it writes to"),
    key(
        "group",
        Shape::Name,
        "its consumer group; its name unless said. With MQTT a shared subscription: $share/GROUP/...",
    ),
    key("instances", Shape::Count(1, 100_000), "how many of it; 1 unless said"),
    key("work", Shape::Forms(&WORK), "what it does with each record; pass unless said"),
    key("service", Shape::Forms(&LAW), "how long a record takes; no time unless said"),
    key(
        "commit",
        Shape::Choice(COMMITS),
        "when offsets are committed, or messages acknowledged; auto unless said",
    ),
    WORKERS,
    ON_ERROR_KEY,
    CRASH_AFTER,
    CRASH_POINT,
    RESTART_AFTER,
    key("start", Shape::Duration, "when it begins"),
    key("stop", Shape::Duration, "when it ends"),
    key("consumer", Shape::Settings(Scope::Consumer), "Kafka's settings of its consumer"),
    key("producer", Shape::Settings(Scope::Producer), "Kafka's settings of its producer"),
    QOS,
    RETAIN,
    MESSAGE_EXPIRY,
    MAX_INFLIGHT,
    RECEIVE_MAXIMUM,
    RETAIN_HANDLING,
    CLEAN_START,
    SESSION_EXPIRY,
    KEEP_ALIVE,
    WILL,
];

const COMMITS: &[&str] = &["auto", "after", "before"];

/// What an application does when a handler throws.
const ON_ERROR: &[&str] = &["crash", "skip", "stop", "dead-letter"];

/// Where in its loop a process exits.
const CRASH_POINTS: &[&str] = &["at-once", "before-commit", "after-commit"];

const WORKERS: Key = key(
    "workers",
    Shape::Count(0, 10_000),
    "threads that records are handed to while the loop polls on; 0 unless said: the loop works itself",
);
const ON_ERROR_KEY: Key =
    key("on-error", Shape::Choice(ON_ERROR), "what it does about a record that its handler fails on");
const CRASH_AFTER: Key =
    key("crash-after", Shape::Count(1, i64::MAX), "its process exits, once, when it has processed so many");
const CRASH_POINT: Key =
    key("crash-point", Shape::Choice(CRASH_POINTS), "where in its loop that is; at-once unless said");
const RESTART_AFTER: Key =
    key("restart-after", Shape::Period, "when it has exited it is started again; never unless said");

const SINK: &[Key] = &[
    required("name", Shape::Name, "what it is called"),
    required("from", Shape::Text, "the topic or channel it reads; with MQTT a topic filter"),
    key(
        "group",
        Shape::Name,
        "its consumer group; its name unless said. With MQTT a shared subscription: $share/GROUP/...",
    ),
    key("instances", Shape::Count(1, 100_000), "how many of it; 1 unless said"),
    key("service", Shape::Forms(&LAW), "how long a record takes; no time unless said"),
    key(
        "commit",
        Shape::Choice(COMMITS),
        "when offsets are committed, or messages acknowledged; auto unless said",
    ),
    WORKERS,
    ON_ERROR_KEY,
    CRASH_AFTER,
    CRASH_POINT,
    RESTART_AFTER,
    key(
        "write",
        Shape::OneOrMore(&Shape::Choice(&["parquet", "csv"])),
        "the files it writes; none unless said",
    ),
    key("start", Shape::Duration, "when it begins"),
    key("stop", Shape::Duration, "when it ends"),
    key("consumer", Shape::Settings(Scope::Consumer), "Kafka's settings of its consumer"),
    QOS,
    RECEIVE_MAXIMUM,
    RETAIN_HANDLING,
    CLEAN_START,
    SESSION_EXPIRY,
    KEEP_ALIVE,
    WILL,
];

/// `[real]`
const REAL: &[Key] = &[key("commands", Shape::Table(COMMANDS), "commands of a shell, for one broker each")];

/// `[real.commands]`: [`crate::gateway::Act`]
const COMMANDS: &[Key] = &[
    key(Act::Kill.key(), Shape::Text, "end a broker at once; {broker} is its name, {number} its number"),
    key(Act::Stop.key(), Shape::Text, "ask a broker to end, and wait until it has"),
    key(Act::Start.key(), Shape::Text, "start a broker again, and wait until it answers"),
    key(Act::Pause.key(), Shape::Text, "let a broker's process stand still"),
    key(Act::Resume.key(), Shape::Text, "let it go on"),
];

/// `[expect]`
const EXPECT: &[Key] = &[
    key("always", Shape::Promises(Mode::Always), "what must hold at every instant"),
    key("sometimes", Shape::Promises(Mode::Sometimes), "what must happen at least once"),
    key("eventually", Shape::Promises(Mode::Eventually), "what must hold at the end, after the drain"),
    key("broken", Shape::Promises(Mode::Broken), "what must break, and by how much"),
];

/// The sections of a file.
pub const FILE: &[Key] = &[
    key(
        "calibration",
        Shape::Text,
        "a file of `brokersim calibrate`, seen from this one: what machines cost",
    ),
    required("run", Shape::Table(RUN), "how long, and with which seed"),
    key("network", Shape::Table(NETWORK), "what lies between the nodes"),
    key("kafka", Shape::Configured(KAFKA, Scope::Cluster), "the system: a Kafka cluster"),
    key("zeromq", Shape::Sockets(ZEROMQ), "the system: ZeroMQ PUSH/PULL sockets"),
    key("mqtt", Shape::Table(MQTT), "the system: an MQTT broker"),
    key("generator", Shape::Tables(GENERATOR), "applications that publish records"),
    key("processor", Shape::Tables(PROCESSOR), "applications that read, work and publish again"),
    key("sink", Shape::Tables(SINK), "applications that read and write files"),
    key("fault", Shape::Tables(FAULT), "what goes wrong and when"),
    key("faults", Shape::Table(FAULTS), "what goes wrong by chance"),
    key("real", Shape::Table(REAL), "how faults reach real brokers"),
    key("expect", Shape::Table(EXPECT), "what must come of it; another outcome is exit code 1"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::settings::Version;

    #[test]
    fn the_versions_of_the_language_are_kafkas_presets() {
        assert_eq!(VERSIONS, Version::ALL.map(Version::name));
    }
}
