//! Arrivals against what their patterns promise.

use super::*;
use crate::workload::trace::Trace;

fn take(pattern: Pattern, batch: u32, count: usize) -> Vec<u64> {
    let mut rng = Rng::named(11, "arrivals");
    let mut state = ArrivalState::new(&Arrivals { pattern, batch }, Time::ZERO);
    (0..count).map_while(|_| state.next(&mut rng)).map(Time::as_nanos).collect()
}

/// Arrivals before `end`, and those of them before `middle`.
fn count(pattern: Pattern, middle: Time, end: Time) -> (usize, usize) {
    let times = take(pattern, 1, 3_000_000);
    let before = |limit: Time| times.partition_point(|at| *at < limit.as_nanos());
    assert!(before(end) < 3_000_000, "enough arrivals were drawn to reach the end");
    (before(middle), before(end))
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_constant_rate_of_three_a_second_does_not_drift() {
    let times = take(Pattern::Constant { rate: 3.0 }, 1, 3_000_001);
    assert_eq!(times[..4], [0, 333_333_333, 666_666_666, SECOND]);
    assert_eq!(times[3_000_000], 1_000_000 * SECOND);
}

#[test]
fn the_kth_arrival_is_the_floor_of_k_periods_for_any_rate_and_batch() {
    for (rate, batch) in [(7.0, 1), (0.3, 1), (44_100.0, 1), (1e6, 7), (2_000.0, 13)] {
        let times = take(Pattern::Constant { rate }, batch, 10_000);
        let per = (rate * 1e6) as u128;
        for (k, at) in times.into_iter().enumerate() {
            let exact = k as u128 * 1_000_000_000_000_000 * u128::from(batch) / per;
            assert_eq!(u128::from(at), exact, "{rate}/s, arrival {k}");
        }
    }
}

#[test]
fn batches_offer_the_same_number_of_records() {
    assert_eq!(take(Pattern::Constant { rate: 100.0 }, 10, 11)[10], SECOND);
    let last = *take(Pattern::Poisson { rate: 1_000.0 }, 10, 100_000).last().unwrap();
    assert!((last as f64 / 1e12 - 1.0).abs() < 0.02, "{last}");
}

#[test]
fn poisson_gaps_have_the_mean_and_the_variance_of_an_exponential() {
    for rate in [0.5, 1_000.0, 3_000_000.0] {
        let times = take(Pattern::Poisson { rate }, 1, 400_000);
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 * rate / 1e9).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.006, "{rate}: mean {mean}");
        assert!((variance - 1.0).abs() < 0.02, "{rate}: variance {variance}");
    }
}

#[test]
fn bursts_keep_to_their_bursts() {
    let (on, off) = (Law::Constant(Duration::from_millis(100)), Law::Constant(Duration::from_millis(900)));
    let times = take(Pattern::OnOff { rate: 10_000.0, on, off }, 1, 100_000);
    assert!(times.iter().all(|at| at % SECOND < SECOND / 10), "an arrival fell into a silence");
    let seconds = times.last().unwrap() / SECOND;
    assert!(
        (95..=105).contains(&seconds),
        "1,000 records in a burst each second, not 100,000 in {seconds} s"
    );
}

#[test]
fn bursts_without_length_are_refused() {
    let (on, off) = (Law::ZERO, Law::Constant(Duration::from_millis(1)));
    assert!(Arrivals::single(Pattern::OnOff { rate: 1.0, on, off }).check().is_err());
}

#[test]
fn a_day_has_its_mean_and_its_peak_to_trough_ratio() {
    let hour = |hours: u64| Time::from_secs(hours * 3_600);
    let pattern = |peak_at| Pattern::Daily {
        mean: 10.0,
        peak_to_trough: 4.0,
        period: Pattern::DAY,
        peak_at: Duration::from_secs(peak_at),
    };
    let (first, all) = count(pattern(6 * 3_600), hour(12), hour(24));
    assert!((all as f64 / 864_000.0 - 1.0).abs() < 0.005, "{all} in a day");
    // Half a cosine around the peak: 1/2 + swing / pi, swing = 3/5.
    let share = first as f64 / all as f64;
    assert!((share - (0.5 + 0.6 / std::f64::consts::PI)).abs() < 0.002, "{share}");
    let (peak, trough) =
        (count(pattern(0), hour(1), hour(24)).0, count(pattern(12 * 3_600), hour(1), hour(24)).0);
    let ratio = peak as f64 / trough as f64;
    assert!((3.8..4.1).contains(&ratio), "{ratio}");
}

#[test]
fn the_second_day_follows_the_first() {
    let period = Duration::from_secs(10);
    let pattern =
        Pattern::Daily { mean: 10_000.0, peak_to_trough: f64::INFINITY, period, peak_at: Duration::ZERO };
    let times = take(pattern, 1, 250_000);
    let trough = |at: &&u64| (4_900..5_100).contains(&(**at / 1_000_000 % 10_000));
    assert!(times.iter().filter(trough).count() < 10, "next to nothing happens in the trough");
    assert!((24..=26).contains(&(times.last().unwrap() / SECOND)));
}

#[test]
fn a_ramp_rises_in_a_straight_line_and_then_stays() {
    let ramp = || Pattern::Ramp { from: 0.0, to: 1_000.0, over: Duration::from_secs(100) };
    let (half, all) = count(ramp(), Time::from_secs(50), Time::from_secs(100));
    assert!((12_499..=12_501).contains(&half) && (49_999..=50_001).contains(&all), "{half}, {all}");
    let (half, all) = count(ramp(), Time::from_secs(200), Time::from_secs(300));
    assert_eq!(all - half, 100_000);
}

#[test]
fn a_ramp_down_to_zero_ends() {
    let times = take(Pattern::Ramp { from: 10.0, to: 0.0, over: Duration::from_secs(10) }, 1, 1_000);
    assert_eq!(times.len(), 50);
    assert!(*times.last().unwrap() < 10 * SECOND);
}

fn trace(offsets_ms: &[u64]) -> Arc<Trace> {
    let entry = |ms: &u64| TraceEntry { offset: Time::from_millis(*ms), key: None, payload: None };
    Arc::new(Trace { entries: offsets_ms.iter().map(entry).collect(), schema: None })
}

#[test]
fn a_replay_at_ten_times_the_speed_takes_a_tenth_of_the_time() {
    let replay = |speed| take(Pattern::Replay { trace: trace(&[0, 0, 50, 1_000]), speed }, 1, 10);
    assert_eq!(replay(10.0), [0, 0, 5_000_000, 100_000_000]);
    assert_eq!(replay(0.5), [0, 0, 100_000_000, 2 * SECOND]);
}

#[test]
fn a_replay_shows_the_entry_that_is_due() {
    let trace = trace(&[0, 20]);
    let pattern = Pattern::Replay { trace: Arc::clone(&trace), speed: 1.0 };
    let mut state = ArrivalState::new(&Arrivals { pattern, batch: 5 }, Time::from_secs(1));
    let mut rng = Rng::named(1, "none is drawn");
    assert_eq!((state.batch(), state.entry()), (1, None));
    assert_eq!(state.next(&mut rng), Some(Time::from_secs(1)));
    assert_eq!(state.entry(), Some(&trace.entries[0]));
    assert_eq!(state.next(&mut rng), Some(Time::from_millis(1_020)));
    assert_eq!((state.next(&mut rng), state.entry()), (None, Some(&trace.entries[1])));
}

fn every_pattern() -> Vec<Pattern> {
    let second = Duration::from_secs(1);
    let law = Law::Exponential { mean: second };
    vec![
        Pattern::Constant { rate: 3.0 },
        Pattern::Poisson { rate: 3.0 },
        Pattern::OnOff { rate: 30.0, on: law.clone(), off: law },
        Pattern::Daily { mean: 3.0, peak_to_trough: 9.0, period: second * 60, peak_at: second },
        Pattern::Ramp { from: 1.0, to: 9.0, over: second * 90 },
        Pattern::Ramp { from: 9.0, to: 1.0, over: second * 10 },
        Pattern::Replay { trace: trace(&[0, 500, 99_999, 100_000, 101_000]), speed: 1.0 },
    ]
}

#[test]
fn an_application_that_was_down_offers_nothing_for_that_time() {
    let back = Time::from_secs(100);
    for pattern in every_pattern() {
        let mut rng = Rng::named(5, "outage");
        let mut state = ArrivalState::new(&Arrivals::single(pattern.clone()), Time::ZERO);
        state.next(&mut rng);
        state.skip_to(back);
        let due = state.next(&mut rng).expect("arrivals go on after an outage");
        assert!(due >= back && due < back + Duration::from_secs(60), "{pattern:?}: {due}");
    }
}

#[test]
fn skipping_leaves_the_schedule_of_what_is_not_random_as_it_was() {
    for pattern in every_pattern() {
        if matches!(pattern, Pattern::Poisson { .. } | Pattern::OnOff { .. } | Pattern::Daily { .. }) {
            continue;
        }
        let all = take(pattern.clone(), 1, 10_000);
        for back in [0, 333_333_333, 333_333_334, 7 * SECOND, 10 * SECOND, 64 * SECOND + 5] {
            let mut rng = Rng::named(5, "outage");
            let mut state = ArrivalState::new(&Arrivals::single(pattern.clone()), Time::ZERO);
            state.skip_to(Time::from_nanos(back));
            let due = state.next(&mut rng).map(Time::as_nanos);
            let planned = all.iter().copied().find(|at| *at >= back);
            assert_eq!(due, planned, "{pattern:?} after {back}");
        }
    }
}

/// Golden times: a change of these bits changes the digest of every run.
#[test]
fn arrivals_have_the_same_bits_everywhere() {
    let mut sum = 0u64;
    for pattern in every_pattern() {
        for at in take(pattern, 2, 5_000) {
            sum = sum.wrapping_mul(31).wrapping_add(at);
        }
    }
    assert_eq!(sum, GOLDEN);
}
const GOLDEN: u64 = 2_056_185_216_481_127_588;
