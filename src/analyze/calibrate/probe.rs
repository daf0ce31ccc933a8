//! The short runs from which costs are told.

use std::fmt::Write as _;

/// A short run. All publish to one partition with one replica, so that a record passes the network twice and one broker
/// once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// One small record a request, seldom: the round trip.
    Request,
    /// One small record a request, more of them than can be served, many in flight: how long one is in work.
    Flood,
    /// One large record a request, seldom: what bytes cost.
    Large,
    /// As [`Probe::Request`], each record forced to disk.
    Flush,
    /// As [`Probe::Large`], each record forced to disk.
    FlushLarge,
    /// As [`Probe::Request`], read by a group that commits after each record: fits nothing, checks what was fitted.
    Read,
}

/// All, in the order in which they are run.
pub const PROBES: [Probe; 6] =
    [Probe::Request, Probe::Flood, Probe::Large, Probe::Flush, Probe::FlushLarge, Probe::Read];

impl Probe {
    /// The bytes of a small record.
    pub const SMALL: u32 = 100;
    /// The bytes of a large one, in KiB.
    pub const LARGE_KIB: u32 = 512;
    /// The partition of topics of a probe, and their only one.
    const TOPIC: &'static str = "probe";

    /// Its name, in folders and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Flood => "flood",
            Self::Large => "large",
            Self::Flush => "flush",
            Self::FlushLarge => "flush-large",
            Self::Read => "read",
        }
    }

    /// What leads up to what is measured: connections, topics, groups.
    pub fn warm_up_ms(self) -> u64 {
        match self {
            Self::Request | Self::Large | Self::Flush | Self::FlushLarge => 1_000,
            Self::Flood => 500,
            // A new group waits three seconds for more members.
            Self::Read => 5_000,
        }
    }

    /// How long records are offered.
    pub fn duration_ms(self) -> u64 {
        match self {
            Self::Large | Self::Flush | Self::FlushLarge => 3_500,
            Self::Flood => 2_500,
            // Long enough for a 99th percentile.
            Self::Request => 6_000,
            Self::Read => 8_000,
        }
    }

    fn is_large(self) -> bool {
        match self {
            Self::Large | Self::FlushLarge => true,
            Self::Request | Self::Flood | Self::Flush | Self::Read => false,
        }
    }

    fn is_flushed(self) -> bool {
        match self {
            Self::Flush | Self::FlushLarge => true,
            Self::Request | Self::Flood | Self::Large | Self::Read => false,
        }
    }

    /// Records a second. Far apart where the round trip is measured: no record waits for another.
    fn rate(self) -> u32 {
        match self {
            Self::Request => 200,
            Self::Read => 100,
            // A disk may take 10 ms and more.
            Self::Flush | Self::Large | Self::FlushLarge => 20,
            Self::Flood => 30_000,
        }
    }

    /// Its scenario.
    pub fn scenario(self) -> String {
        let (topic, rate) = (Self::TOPIC, self.rate());
        let mut text = format!("# Probe {}: what do requests cost?\n", self.name());
        let _ = write!(
            text,
            "[run]\nduration = \"{}ms\"\nwarm-up = \"{}ms\"\ndrain = \"1s\"\n\n",
            self.duration_ms(),
            self.warm_up_ms()
        );
        let _ = write!(text, "[network]\nlatency = {{ median = \"150us\", p99 = \"750us\" }}\n\n");
        let _ = write!(
            text,
            "[kafka]\nbrokers = 3\n\n[kafka.topics.{topic}]\npartitions = 1\nreplication.factor = 1\n"
        );
        if self.is_flushed() {
            text += "flush.messages = 1\n";
        }
        let size =
            if self.is_large() { format!("{}KiB", Self::LARGE_KIB) } else { format!("{}B", Self::SMALL) };
        let _ = write!(
            text,
            "\n[[generator]]\nname = \"prober\"\ntopic = \"{topic}\"\npayload = {{ kind = \"bytes\", size = \"{size}\" }}\n"
        );
        let _ = writeln!(text, "arrivals = {{ constant = \"{rate}/s\" }}");
        text += "producer.acks = 1\nproducer.enable.idempotence = false\nproducer.linger.ms = 0\nproducer.batch.size = 1\n";
        if self == Self::Flood {
            text += "producer.max.in.flight.requests.per.connection = 64\n";
        }
        if self == Self::Read {
            let _ = write!(
                text,
                "\n[[sink]]\nname = \"reader\"\nfrom = \"{topic}\"\ncommit = \"after\"\nconsumer.auto.offset.reset = \"earliest\"\n"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Overrides, Scenario};

    #[test]
    fn every_probe_is_a_scenario_that_measures_for_a_while() {
        for probe in PROBES {
            let scenario = Scenario::load(&probe.scenario(), "probe.toml", &Overrides::default());
            let scenario = scenario.unwrap_or_else(|error| panic!("{}", error.render(false, 100)));
            let measured = scenario.run.duration.as_secs_f64() - scenario.run.warm_up.as_secs_f64();
            assert!((2.0..=5.0).contains(&measured), "{}", probe.name());
        }
    }
}
