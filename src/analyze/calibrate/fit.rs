//! Costs from readings.
//!
//! With one way of the network `n`, a request's processor time `r`, that of a KiB `k`, an append `a`, forcing to disk `f`
//! and the disk's bandwidth `w`, the model gives, for one record a request and acks = 1:
//!
//! ```text
//! request      T1 = 2n + r + a + k·small          flood         1 / rate = r + a + k·small
//! large        T2 = 2n + r + a + k·large          flush         T3 = T1 + f
//!                                                 flush-large   T4 = T2 + f + large / w
//! ```
//!
//! `r` and `a` only ever appear as a sum: `a` stays at its default, or is half of the sum where that is less.
//!
//! The law of one way from these equations takes ways for independent. On a path that never reorders, a late message
//! holds up those behind it: with a long tail the simulated round trip is longer than the measured one. So the law is
//! moved until they are the same ([`Fitted::nearer`]).

use serde::Serialize;

use super::lognormal::one_way;
use super::probe::Probe;
use super::reading::{Reading, Readings, median, quantile};

/// A fitted number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// A length of time, in nanoseconds.
    Time(f64),
    /// Bytes a second.
    Bandwidth(f64),
    /// A lognormal law of lengths of time: median and 99th percentile, in nanoseconds.
    Law(f64, f64),
}

/// A cost that was fitted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Where a scenario has it.
    pub path: &'static str,
    /// What solves the equations for the medians over all repetitions.
    pub value: Quantity,
    /// The least and the most when they are solved for each repetition, in the unit of the value; of a law its median.
    pub range: (f64, f64),
    /// How many repetitions tell it by themselves.
    pub of: usize,
    /// From what.
    pub from: &'static str,
}

/// What a calibration comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fitted {
    /// What was told.
    pub parameters: Vec<Parameter>,
    /// What stays at its default, each with the reason.
    pub left: Vec<(&'static str, String)>,
}

/// Bytes of the request of a small record, with the headers of request, batch and record.
const SMALL_BYTES: f64 = 234.0;
/// A flood that the system keeps up with does not tell how long a request is in work.
const KEPT_UP: f64 = 0.9;

/// A simulated round trip is as long as the measured one within this factor.
const NEAR: f64 = 1.1;
/// How far a law is moved at once, at most.
const STRIDE: f64 = 4.0;

/// What one repetition measured, or the medians of several: nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    trip: Option<f64>,
    trip_p99: Option<f64>,
    in_work: Option<f64>,
    large: Option<f64>,
    flush: Option<f64>,
    flush_large: Option<f64>,
}

/// The costs that solve the equations, in nanoseconds and bytes a second.
#[derive(Clone, Copy, Debug, Default)]
struct Solved {
    way: Option<(f64, f64)>,
    request: Option<f64>,
    append: Option<f64>,
    per_kib: Option<f64>,
    fsync: Option<f64>,
    bandwidth: Option<f64>,
}

/// The costs of a simulated machine that hardly show.
#[derive(Clone, Copy, Debug)]
pub struct Usual {
    /// Processor time of a request, in nanoseconds.
    pub request_ns: f64,
    /// An append, in nanoseconds.
    pub append_ns: f64,
}

impl Fitted {
    /// Moves the law of one way by what the round trip that was simulated with it lacks: the tail first, then the
    /// median. False when there is nothing to move, or both are near enough.
    pub fn nearer(&mut self, simulated: &Reading, measured: &[Readings]) -> bool {
        let seen: Vec<Seen> = measured.iter().map(Seen::of).collect();
        let (seen, here) = (Seen::middle(&seen), &simulated.acknowledge);
        let lacks = |seen: Option<f64>, per_mille| Some(seen? / quantile(here, per_mille)?);
        let law = self.parameters.iter_mut().find_map(|parameter| match &mut parameter.value {
            Quantity::Law(median, tail) => Some((median, tail)),
            Quantity::Time(_) | Quantity::Bandwidth(_) => None,
        });
        let Some((median, tail)) = law else { return false };
        let (Some(middle), Some(end)) = (lacks(seen.trip, 500), lacks(seen.trip_p99, 990)) else {
            return false;
        };
        let is_near = |lack: f64| (1.0 / NEAR..=NEAR).contains(&lack);
        if !is_near(end) {
            *tail = median.max(*tail * end.clamp(1.0 / STRIDE, STRIDE));
        } else if !is_near(middle) {
            *median = tail.min(*median * middle.clamp(1.0 / STRIDE, STRIDE));
        }
        !(is_near(end) && is_near(middle))
    }
}

/// Fits costs to the readings of some repetitions: the equations are solved for the medians of what was measured.
pub fn fit(repetitions: &[Readings], usual: Usual) -> Fitted {
    let seen: Vec<Seen> = repetitions.iter().map(Seen::of).collect();
    let each: Vec<Solved> = seen.iter().map(|seen| seen.solved(usual)).collect();
    let fit = Fit { all: Seen::middle(&seen).solved(usual), each };
    let mut fitted = Fitted::default();
    fit.law(&mut fitted);
    fit.request(&mut fitted, usual);
    let why = "large records took no longer than small ones";
    fit.number(
        |one| one.per_kib,
        ("kafka.costs.cpu-per-kib", "large less request", why),
        Quantity::Time,
        &mut fitted,
    );
    let why = "forcing to disk took no time that could be told";
    fit.number(
        |one| one.fsync,
        ("kafka.costs.fsync", "flush less request", why),
        Quantity::Time,
        &mut fitted,
    );
    let why = "forcing large records to disk took no longer than small ones";
    let row = ("kafka.costs.disk-bandwidth", "flush-large less large and fsync", why);
    fit.number(|one| one.bandwidth, row, Quantity::Bandwidth, &mut fitted);
    fitted.left.push((
        "kafka.costs.page-cache-writeback",
        "when the operating system writes pages by itself shows only when power is lost".to_owned(),
    ));
    fitted.left.push(("network.bandwidth", "what bytes cost on the way is part of cpu-per-kib".to_owned()));
    fitted
}

impl Seen {
    fn of(readings: &Readings) -> Self {
        let of = |probe, per_mille| {
            readings.get(&probe).and_then(|reading: &Reading| quantile(&reading.acknowledge, per_mille))
        };
        Self {
            trip: of(Probe::Request, 500),
            trip_p99: of(Probe::Request, 990),
            in_work: readings.get(&Probe::Flood).and_then(in_work),
            large: of(Probe::Large, 500),
            flush: of(Probe::Flush, 500),
            flush_large: of(Probe::FlushLarge, 500),
        }
    }

    /// The median of each number.
    fn middle(all: &[Self]) -> Self {
        let of =
            |number: fn(&Self) -> Option<f64>| median(&all.iter().filter_map(number).collect::<Vec<_>>());
        Self {
            trip: of(|seen| seen.trip),
            trip_p99: of(|seen| seen.trip_p99),
            in_work: of(|seen| seen.in_work),
            large: of(|seen| seen.large),
            flush: of(|seen| seen.flush),
            flush_large: of(|seen| seen.flush_large),
        }
    }

    fn solved(&self, usual: Usual) -> Solved {
        let above_zero = |value: f64| (value > 0.0).then_some(value);
        let per_kib = difference(self.large, self.trip)
            .map(|apart| apart / (f64::from(Probe::LARGE_KIB) - SMALL_BYTES / 1_024.0))
            .and_then(above_zero);
        // In the model a request is longer under way than in work: else something else held the flood up.
        let in_work = self.in_work.filter(|in_work| self.trip.is_some_and(|trip| *in_work < trip));
        // What bytes cost in a small request is not the request's.
        let own = in_work.map(|in_work| in_work - per_kib.unwrap_or(0.0) * SMALL_BYTES / 1_024.0);
        let append = own.and_then(above_zero).map(|own| usual.append_ns.min(own / 2.0));
        let fsync = difference(self.flush, self.trip).and_then(above_zero);
        let writing = difference(self.flush_large, self.large);
        let writing = writing.and_then(|both| above_zero(both - fsync.unwrap_or(0.0)));
        Solved {
            way: self.way(in_work.unwrap_or(usual.request_ns + usual.append_ns)),
            request: difference(own.and_then(above_zero), append),
            append,
            per_kib,
            fsync,
            bandwidth: writing.map(|writing| f64::from(Probe::LARGE_KIB) * 1_024.0 * 1e9 / writing),
        }
    }

    /// One way of the network: from the round trip without the time in work.
    fn way(&self, in_work: f64) -> Option<(f64, f64)> {
        one_way(self.trip? - in_work, self.trip_p99? - in_work)
    }
}

/// How long one request of a flood is in work.
fn in_work(flood: &Reading) -> Option<f64> {
    let flooded = flood.accepted_rate > 0.0 && flood.accepted_rate < KEPT_UP * flood.offered_rate;
    flooded.then(|| 1e9 / flood.accepted_rate)
}

fn difference(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? - b?)
}

/// The solution for all repetitions together, and for each.
struct Fit {
    all: Solved,
    each: Vec<Solved>,
}

impl Fit {
    fn number(
        &self,
        of: impl Fn(&Solved) -> Option<f64>,
        (path, from, why): (&'static str, &'static str, &str),
        quantity: fn(f64) -> Quantity,
        fitted: &mut Fitted,
    ) {
        match of(&self.all) {
            Some(value) => fitted.parameters.push(self.parameter(path, from, (value, quantity(value)), of)),
            None => fitted.left.push((path, why.to_owned())),
        }
    }

    fn parameter(
        &self,
        path: &'static str,
        from: &'static str,
        (main, value): (f64, Quantity),
        of: impl Fn(&Solved) -> Option<f64>,
    ) -> Parameter {
        let values: Vec<f64> = self.each.iter().filter_map(of).collect();
        let least = values.iter().copied().fold(main, f64::min);
        let most = values.iter().copied().fold(main, f64::max);
        Parameter { path, value, range: (least, most), of: values.len(), from }
    }

    fn law(&self, fitted: &mut Fitted) {
        let path = "network.latency";
        let Some((middle, tail)) = self.all.way else {
            fitted.left.push((path, "the round trip was no longer than the time in work".to_owned()));
            return;
        };
        let from = "request: half of what is not spent in the broker";
        let value = (middle, Quantity::Law(middle, tail));
        fitted.parameters.push(self.parameter(path, from, value, |one| one.way.map(|way| way.0)));
    }

    fn request(&self, fitted: &mut Fitted, usual: Usual) {
        let why = "the flood was kept up with, or held up by something else than the broker: the round trip is told as the network's";
        self.number(|one| one.request, ("kafka.costs.request-cpu", "flood", why), Quantity::Time, fitted);
        let path = "kafka.costs.page-cache-append";
        match self.all.append.filter(|append| *append < usual.append_ns) {
            Some(append) => {
                let value = (append, Quantity::Time(append));
                let from = "flood: half of a request's time";
                fitted.parameters.push(self.parameter(path, from, value, |one| one.append));
            }
            None => {
                let why = "only its sum with request-cpu shows: that has the rest".to_owned();
                fitted.left.push((path, why));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings of a system without chance: one way takes `n`, a request `r`, a KiB `k`, an append `a`, disk `f` and `w`.
    fn readings(n: f64, r: f64, k: f64, a: f64, f: f64, w: f64) -> Readings {
        let large = f64::from(Probe::LARGE_KIB);
        let trip = 2.0 * n + r + a;
        let of = |nanos: f64| Reading { acknowledge: vec![nanos.round() as u64; 200], ..Reading::default() };
        let small = k * SMALL_BYTES / 1_024.0;
        let flood =
            Reading { offered_rate: 200_000.0, accepted_rate: 1e9 / (r + a + small), ..Reading::default() };
        Readings::from([
            (Probe::Request, of(trip + small)),
            (Probe::Flood, flood),
            (Probe::Large, of(trip + k * large)),
            (Probe::Flush, of(trip + small + f)),
            (Probe::FlushLarge, of(trip + k * large + f + large * 1_024.0 * 1e9 / w)),
        ])
    }

    fn value(fitted: &Fitted, path: &str) -> f64 {
        let found = fitted.parameters.iter().find(|parameter| parameter.path == path);
        match found.unwrap_or_else(|| panic!("{path} is fitted: {:?}", fitted.left)).value {
            Quantity::Time(value) | Quantity::Bandwidth(value) | Quantity::Law(value, _) => value,
        }
    }

    const USUAL: Usual = Usual { request_ns: 50e3, append_ns: 20e3 };

    #[test]
    fn equations_without_chance_are_solved() {
        let once = readings(200e3, 80e3, 4e3, 20e3, 700e3, 300e6);
        let fitted = fit(&[once.clone(), once.clone(), once], USUAL);
        let known = [
            ("network.latency", 200e3),
            ("kafka.costs.request-cpu", 80e3),
            ("kafka.costs.cpu-per-kib", 4e3),
            ("kafka.costs.fsync", 700e3),
            ("kafka.costs.disk-bandwidth", 300e6),
        ];
        for (path, known) in known {
            assert!((value(&fitted, path) / known - 1.0).abs() < 0.01, "{path}: {}", value(&fitted, path));
        }
        let left: Vec<_> = fitted.left.iter().map(|(path, _)| *path).collect();
        assert_eq!(
            left,
            ["kafka.costs.page-cache-append", "kafka.costs.page-cache-writeback", "network.bandwidth"]
        );
    }

    #[test]
    fn the_median_of_the_repetitions_counts_and_their_range_is_told() {
        let repetition = |fsync| readings(200e3, 80e3, 4e3, 20e3, fsync, 300e6);
        let fitted = fit(&[repetition(900e3), repetition(300e3), repetition(600e3)], USUAL);
        let fsync = fitted.parameters.iter().find(|parameter| parameter.path == "kafka.costs.fsync");
        let fsync = fsync.expect("it is fitted");
        assert!((value(&fitted, "kafka.costs.fsync") - 600e3).abs() < 10.0);
        assert!((fsync.range.0 - 300e3).abs() < 10.0 && (fsync.range.1 - 900e3).abs() < 10.0);
    }

    #[test]
    fn a_flood_that_is_kept_up_with_leaves_the_request_at_its_default() {
        let mut once = readings(200e3, 80e3, 4e3, 20e3, 700e3, 300e6);
        let flood = once.get_mut(&Probe::Flood).expect("there is one");
        flood.accepted_rate = flood.offered_rate;
        let fitted = fit(&[once], USUAL);
        assert!(
            fitted
                .left
                .iter()
                .any(|(path, why)| *path == "kafka.costs.request-cpu" && why.contains("kept up"))
        );
        // The usual costs of a request are taken off: 200 + (100 - 70) / 2.
        assert!((value(&fitted, "network.latency") - 215e3).abs() < 2e3);
    }

    #[test]
    fn a_flood_that_is_slower_than_a_round_trip_tells_nothing_of_requests() {
        let mut once = readings(200e3, 80e3, 4e3, 20e3, 700e3, 300e6);
        once.get_mut(&Probe::Flood).expect("there is one").accepted_rate = 1_000.0;
        let fitted = fit(&[once], USUAL);
        assert!(fitted.left.iter().any(|(path, _)| *path == "kafka.costs.request-cpu"));
        assert!(fitted.parameters.iter().any(|parameter| parameter.path == "network.latency"));
    }

    #[test]
    fn a_request_shorter_than_two_appends_is_halved() {
        let fitted = fit(&[readings(200e3, 15e3, 1e3, 15e3, 700e3, 300e6)], USUAL);
        assert!((value(&fitted, "kafka.costs.page-cache-append") - 15e3).abs() < 10.0);
        assert!((value(&fitted, "kafka.costs.request-cpu") - 15e3).abs() < 10.0);
    }

    #[test]
    fn a_simulated_round_trip_that_is_too_long_shortens_the_tail_and_then_the_median() {
        let measured = [readings(200e3, 80e3, 4e3, 20e3, 700e3, 300e6)];
        let trip = measured[0][&Probe::Request].acknowledge[0];
        let mut fitted = fit(&measured, USUAL);
        let law = |fitted: &Fitted| match fitted.parameters[0].value {
            Quantity::Law(median, tail) => (median, tail),
            Quantity::Time(_) | Quantity::Bandwidth(_) => panic!("the first is the law"),
        };
        let (median, tail) = law(&fitted);
        let mut simulated = Reading { acknowledge: vec![trip; 200], ..Reading::default() };
        assert!(!fitted.nearer(&simulated, &measured), "it is what was measured");
        assert_eq!(law(&fitted), (median, tail));
        // A tail twice as long: it is cut, as far as the median lets it.
        simulated.acknowledge[190..].fill(trip * 2);
        assert!(fitted.nearer(&simulated, &measured));
        assert_eq!(law(&fitted).0, median);
        assert!(law(&fitted).1 <= tail);
        // A median that is half as long.
        simulated.acknowledge[..190].fill(trip / 2);
        simulated.acknowledge[190..].fill(trip);
        assert!(fitted.nearer(&simulated, &measured));
        assert!(law(&fitted).0 > median || law(&fitted).0 == law(&fitted).1);
    }
}
