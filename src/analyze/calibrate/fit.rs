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
    /// The median over all repetitions.
    pub value: Quantity,
    /// The least and the most of all repetitions, in the unit of the value; of a law its median.
    pub range: (f64, f64),
    /// How many repetitions told it.
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

/// What one repetition tells, in nanoseconds and bytes a second.
#[derive(Clone, Copy, Debug, Default)]
struct One {
    way: Option<(f64, f64)>,
    request: Option<f64>,
    append: Option<f64>,
    per_kib: Option<f64>,
    fsync: Option<f64>,
    bandwidth: Option<f64>,
}

/// Fits costs to the readings of some repetitions; `append_ns` is the default cost of an append.
pub fn fit(repetitions: &[Readings], append_ns: f64) -> Fitted {
    let ones: Vec<One> = repetitions.iter().map(|readings| one(readings, append_ns)).collect();
    let mut fitted = Fitted::default();
    law(&ones, &mut fitted);
    let mut time = |path, from, why: &str, of: fn(&One) -> Option<f64>| {
        number(&ones, of, (path, from, why), Quantity::Time, &mut fitted);
    };
    time("kafka.costs.request-cpu", "flood", NOT_FLOODED, |one| one.request);
    time("kafka.costs.cpu-per-kib", "large less request", "large records took no longer than small ones", |one| one.per_kib);
    if ones.iter().any(|one| one.append.is_some_and(|append| append < append_ns)) {
        time("kafka.costs.page-cache-append", "flood: half of a request's time", "", |one| one.append);
    } else {
        let why = "only its sum with request-cpu shows: that has the rest".to_owned();
        fitted.left.push(("kafka.costs.page-cache-append", why));
    }
    let mut time = |path, from, why: &str, of: fn(&One) -> Option<f64>| {
        number(&ones, of, (path, from, why), Quantity::Time, &mut fitted);
    };
    time("kafka.costs.fsync", "flush less request", "forcing to disk took no time that could be told", |one| one.fsync);
    let why = "forcing large records to disk took no longer than small ones";
    number(
        &ones,
        |one| one.bandwidth,
        ("kafka.costs.disk-bandwidth", "flush-large less large and fsync", why),
        Quantity::Bandwidth,
        &mut fitted,
    );
    fitted.left.push((
        "kafka.costs.page-cache-writeback",
        "when the operating system writes pages by itself shows only when power is lost".to_owned(),
    ));
    fitted.left.push(("network.bandwidth", "what bytes cost on the way is part of cpu-per-kib".to_owned()));
    fitted
}

const NOT_FLOODED: &str = "the system kept up with the flood, or it did not arrive: a request takes less than that";

/// The median of those that tell it; left when half of all repetitions or fewer do.
fn number(
    ones: &[One],
    of: impl Fn(&One) -> Option<f64>,
    (path, from, why): (&'static str, &'static str, &str),
    quantity: fn(f64) -> Quantity,
    fitted: &mut Fitted,
) {
    let values: Vec<f64> = ones.iter().filter_map(of).collect();
    match median(&values).filter(|_| values.len() * 2 > ones.len()) {
        Some(value) => {
            let (range, of) = (range(&values), values.len());
            fitted.parameters.push(Parameter { path, value: quantity(value), range, of, from });
        }
        None => fitted.left.push((path, why.to_owned())),
    }
}

fn law(ones: &[One], fitted: &mut Fitted) {
    let path = "network.latency";
    let ways: Vec<(f64, f64)> = ones.iter().filter_map(|one| one.way).collect();
    let medians: Vec<f64> = ways.iter().map(|way| way.0).collect();
    let tails: Vec<f64> = ways.iter().map(|way| way.1).collect();
    match (median(&medians), median(&tails)) {
        (Some(middle), Some(tail)) if ways.len() * 2 > ones.len() => fitted.parameters.push(Parameter {
            path,
            value: Quantity::Law(middle, tail.max(middle)),
            range: range(&medians),
            of: ways.len(),
            from: "request less flood: half of what is not spent in the broker",
        }),
        _ => fitted.left.push((path, "the round trip was no longer than the time in work".to_owned())),
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least, values.iter().copied().fold(0.0, f64::max))
}

fn one(readings: &Readings, append_ns: f64) -> One {
    let reading = |probe| readings.get(&probe);
    let middle = |probe| reading(probe).and_then(|reading: &Reading| quantile(&reading.acknowledge, 500));
    let above_zero = |value: f64| (value > 0.0).then_some(value);
    let trip = middle(Probe::Request);
    let per_kib = difference(middle(Probe::Large), trip)
        .map(|apart| apart / (f64::from(Probe::LARGE_KIB) - SMALL_BYTES / 1_024.0))
        .and_then(above_zero);
    let in_work = reading(Probe::Flood).and_then(in_work);
    // What bytes cost in a small request is not the request's.
    let own = in_work.map(|in_work| in_work - per_kib.unwrap_or(0.0) * SMALL_BYTES / 1_024.0).and_then(above_zero);
    let append = own.map(|own| append_ns.min(own / 2.0));
    let fsync = difference(middle(Probe::Flush), trip).and_then(above_zero);
    let writing = difference(middle(Probe::FlushLarge), middle(Probe::Large));
    let writing = writing.and_then(|both| above_zero(both - fsync.unwrap_or(0.0)));
    One {
        way: way(reading(Probe::Request), in_work),
        request: difference(own, append),
        append,
        per_kib,
        fsync,
        bandwidth: writing.map(|writing| f64::from(Probe::LARGE_KIB) * 1_024.0 * 1e9 / writing),
    }
}

fn difference(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? - b?)
}

/// How long one request of a flood is in work.
fn in_work(flood: &Reading) -> Option<f64> {
    let flooded = flood.accepted_rate > 0.0 && flood.accepted_rate < KEPT_UP * flood.offered_rate;
    flooded.then(|| 1e9 / flood.accepted_rate)
}

/// One way of the network: from the round trip without the time in work, where that is known.
fn way(request: Option<&Reading>, in_work: Option<f64>) -> Option<(f64, f64)> {
    let (request, in_work) = (request?, in_work.unwrap_or(0.0));
    let trip = |per_mille| quantile(&request.acknowledge, per_mille).map(|trip| trip - in_work);
    one_way(trip(500)?, trip(990)?)
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
        let flood = Reading { offered_rate: 30_000.0, accepted_rate: 1e9 / (r + a + small), ..Reading::default() };
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

    #[test]
    fn equations_without_chance_are_solved() {
        let once = readings(200e3, 80e3, 4e3, 20e3, 700e3, 300e6);
        let fitted = fit(&[once.clone(), once.clone(), once], 20e3);
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
        assert_eq!(left, ["kafka.costs.page-cache-append", "kafka.costs.page-cache-writeback", "network.bandwidth"]);
    }

    #[test]
    fn the_median_of_the_repetitions_counts_and_their_range_is_told() {
        let repetition = |fsync| readings(200e3, 80e3, 4e3, 20e3, fsync, 300e6);
        let fitted = fit(&[repetition(900e3), repetition(300e3), repetition(600e3)], 20e3);
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
        let fitted = fit(&[once], 20e3);
        assert!(fitted.left.iter().any(|(path, why)| *path == "kafka.costs.request-cpu" && why.contains("kept up")));
    }

    #[test]
    fn a_request_shorter_than_two_appends_is_halved() {
        let fitted = fit(&[readings(200e3, 15e3, 1e3, 15e3, 700e3, 300e6)], 20e3);
        assert!((value(&fitted, "kafka.costs.page-cache-append") - 15e3).abs() < 10.0);
        assert!((value(&fitted, "kafka.costs.request-cpu") - 15e3).abs() < 10.0);
    }
}
