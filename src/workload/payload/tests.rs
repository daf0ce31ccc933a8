//! Each kind against its schema and against what such a source would be believed to say.

use super::*;
use crate::kernel::{Digest, Duration};

/// One of every kind, and of every sensor.
pub(crate) fn every_kind() -> Vec<PayloadKind> {
    let sensors = Sensor::ALL.map(|sensor| PayloadKind::Sensors(Sensors { sensor, devices: 3 }));
    let mut kinds = vec![
        PayloadKind::Ticks(Ticks::default()),
        PayloadKind::Posts(Posts::default()),
        PayloadKind::Cpu(Cpu { cores: 4 }),
        PayloadKind::Gps(Gps { devices: 2, ..Gps::default() }),
        PayloadKind::Events(Events::default()),
        PayloadKind::Bytes(Bytes { size: SizeLaw::Lognormal { median: 100, p99: 1_000 } }),
    ];
    kinds.extend(sensors);
    kinds
}

/// `count` rows of a kind, `step` apart.
pub(crate) fn rows(kind: &PayloadKind, count: u64, step: Duration) -> Vec<Row> {
    let mut rng = Rng::named(8, "payload");
    let mut state = kind.state(0, &mut rng);
    let mut row = Row::new();
    let mut next = |number| {
        state.next(Time::ZERO + step * number, &mut rng, &mut row);
        row.clone()
    };
    (0..count).map(&mut next).collect()
}

/// The numbers in a field of every row for which `when` holds.
fn column(rows: &[Row], schema: &Schema, field: &str, when: impl Fn(&Row) -> bool) -> Vec<f64> {
    let place = schema.position(field).expect("the field exists");
    rows.iter().filter(|row| when(row)).map(|row| row[place].as_number().expect("a number")).collect()
}

#[test]
fn every_row_keeps_to_its_schema() {
    for kind in every_kind() {
        let schema = kind.schema();
        for row in rows(&kind, 1_000, Duration::from_millis(10)) {
            assert!(schema.accepts(&row), "{schema:?} does not accept {row:?}");
        }
    }
}

#[test]
fn a_setting_outside_its_bounds_is_named() {
    let ticks = |assets: &[&str], volatility| {
        PayloadKind::Ticks(Ticks { assets: assets.iter().map(|&name| name.to_owned()).collect(), volatility })
    };
    let bytes = |size| PayloadKind::Bytes(Bytes { size });
    let bad = [
        ticks(&[], 0.5),
        ticks(&["BTC"], f64::NAN),
        PayloadKind::Posts(Posts { authors: 0, ..Posts::default() }),
        PayloadKind::Sensors(Sensors { sensor: Sensor::Light, devices: 0 }),
        PayloadKind::Cpu(Cpu { cores: 0 }),
        PayloadKind::Gps(Gps { latitude: 80.1, ..Gps::default() }),
        PayloadKind::Gps(Gps { longitude: f64::NAN, ..Gps::default() }),
        PayloadKind::Events(Events { users: 1, items: 0 }),
        bytes(SizeLaw::Uniform(2, 1)),
        bytes(SizeLaw::Lognormal { median: 2, p99: 1 }),
        bytes(SizeLaw::Lognormal { median: 0, p99: 1 }),
    ];
    assert!(bad.iter().all(|kind| kind.check().is_err()));
    assert!(every_kind().iter().all(|kind| kind.check().is_ok()));
}

#[test]
fn the_natural_key_is_a_field_of_the_schema() {
    for kind in every_kind() {
        assert!(kind.natural_key().is_none_or(|key| kind.schema().position(key).is_some()), "{kind:?}");
    }
}

#[test]
fn different_instances_have_different_speakers() {
    for kind in
        every_kind().into_iter().filter(|kind| !matches!(kind, PayloadKind::Ticks(_) | PayloadKind::Posts(_)))
    {
        let Some(place) = kind.natural_key().and_then(|key| kind.schema().position(key)) else { continue };
        let speaker = |instance| {
            let (mut rng, mut row) = (Rng::named(8, "payload"), Row::new());
            kind.state(instance, &mut rng).next(Time::ZERO, &mut rng, &mut row);
            row[place].clone()
        };
        assert_ne!(speaker(0), speaker(1), "{kind:?}");
    }
}

#[test]
fn a_bid_is_below_its_ask_and_a_price_walks_in_small_steps() {
    let kind = PayloadKind::Ticks(Ticks::default());
    let schema = kind.schema();
    let rows = rows(&kind, 8 * 3_600, Duration::from_millis(125));
    let (bids, asks) = (column(&rows, &schema, "bid", |_| true), column(&rows, &schema, "ask", |_| true));
    assert!(bids.iter().zip(&asks).all(|(bid, ask)| 0.0 < *bid && bid < ask));
    let btc = column(&rows, &schema, "bid", |row| row[1].as_text() == Some("BTC"));
    assert_eq!(btc.len(), 3_600, "each asset has its turn once a second");
    let greatest = btc.windows(2).map(|pair| (pair[1] / pair[0] - 1.0).abs()).fold(0.0, f64::max);
    assert!((0.000_1..0.001).contains(&greatest), "60 % a year is 0.01 % a second, not {greatest}");
    let hour = btc[3_599] / btc[0] - 1.0;
    assert!(hour.abs() < 0.03, "an hour moved the price by {hour}");
}

#[test]
fn utilisation_stays_a_percentage_and_drifts_smoothly() {
    let kind = PayloadKind::Cpu(Cpu { cores: 4 });
    let rows = rows(&kind, 40_000, Duration::from_millis(125));
    let all = column(&rows, &kind.schema(), "utilisation", |_| true);
    assert!(all.iter().all(|value| (0.0..=100.0).contains(value)));
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    assert!((25.0..45.0).contains(&mean), "{mean}");
    let core = column(&rows, &kind.schema(), "utilisation", |row| row[2] == Value::Int(2));
    assert_eq!(core.len(), 10_000);
    let steps: Vec<f64> = core.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let step = steps.iter().sum::<f64>() / steps.len() as f64;
    assert!((1.0..15.0).contains(&step), "a mean step of {step}");
}

#[test]
fn a_track_moves_as_fast_as_it_says() {
    let kind = PayloadKind::Gps(Gps::default());
    let rows = rows(&kind, 6_000, Duration::from_millis(100));
    let field = |name| column(&rows, &kind.schema(), name, |_| true);
    let (latitude, longitude, speed) = (field("latitude"), field("longitude"), field("speed"));
    let metres = |from: usize, to: usize| {
        let north = (latitude[to] - latitude[from]) * 111_320.0;
        let east = (longitude[to] - longitude[from]) * 111_320.0 * (52.52f64).to_radians().cos();
        (north * north + east * east).sqrt()
    };
    let way: f64 = (0..599).map(|second| metres(second * 10, second * 10 + 10)).sum();
    let said = speed.iter().sum::<f64>() / 10.0;
    assert!((way / said - 1.0).abs() < 0.1, "moved {way:.0} m, said {said:.0} m");
    assert!(field("heading").iter().all(|heading| (0.0..360.0).contains(heading)));
}

#[test]
fn a_track_crosses_the_date_line_and_stays_on_the_map() {
    let kind = PayloadKind::Gps(Gps { devices: 1, latitude: 80.0, longitude: 179.999 });
    let rows = rows(&kind, 100_000, Duration::from_secs(1));
    let longitude = column(&rows, &kind.schema(), "longitude", |_| true);
    assert!(longitude.iter().all(|degrees| (-180.0..=180.0).contains(degrees)));
    assert!(longitude.windows(2).any(|pair| (pair[1] - pair[0]).abs() > 300.0), "it crossed the line");
    let latitude = column(&rows, &kind.schema(), "latitude", |_| true);
    assert!(latitude.iter().all(|degrees| degrees.abs() < 85.1));
}

#[test]
fn gravity_is_as_strong_on_every_phone() {
    let kind = PayloadKind::Sensors(Sensors { sensor: Sensor::Gravity, devices: 3 });
    for row in rows(&kind, 3_000, Duration::from_millis(10)) {
        let strength = row[2..].iter().map(|axis| axis.as_number().unwrap().powi(2)).sum::<f64>().sqrt();
        assert!((9.5..10.1).contains(&strength), "{row:?}");
    }
}

#[test]
fn money_moves_only_when_something_is_bought_or_given_back() {
    let kind = PayloadKind::Events(Events::default());
    let rows = rows(&kind, 100_000, Duration::from_millis(1));
    let amounts = |name: &'static str| {
        column(&rows, &kind.schema(), "amount", move |row| row[1].as_text() == Some(name))
    };
    assert!(amounts("view").iter().all(|amount| *amount == 0.0));
    assert!(amounts("purchase").iter().all(|amount| *amount > 0.0));
    assert!(amounts("refund").iter().all(|amount| *amount < 0.0));
    assert!((4_200..4_800).contains(&amounts("purchase").len()), "45 in a thousand");
}

#[test]
fn sizes_follow_their_law() {
    let sizes = |size| {
        let mut rng = Rng::named(6, "sizes");
        let mut state = PayloadKind::Bytes(Bytes { size }).state(0, &mut rng);
        let mut row = Row::new();
        let mut sizes: Vec<u32> = (0..100_000)
            .map(|_| match state.next(Time::ZERO, &mut rng, &mut row) {
                Content::Size(size) => size,
                Content::Row => panic!("bytes have no content"),
            })
            .collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(sizes(SizeLaw::Constant(7))[99_999], 7);
    let uniform = sizes(SizeLaw::Uniform(10, 12));
    assert_eq!((uniform[0], uniform[50_000], uniform[99_999]), (10, 11, 12));
    let lognormal = sizes(SizeLaw::Lognormal { median: 1_000, p99: 10_000 });
    assert!((980..1_020).contains(&lognormal[50_000]), "{}", lognormal[50_000]);
    assert!((9_500..10_500).contains(&lognormal[99_000]), "{}", lognormal[99_000]);
}

/// Golden rows: a change of these bits changes the digest of every run.
#[test]
fn rows_have_the_same_bits_everywhere() {
    let mut digest = Digest::default();
    for kind in every_kind() {
        for row in rows(&kind, 2_000, Duration::from_millis(77)) {
            digest.feed(&row);
        }
    }
    assert_eq!(digest.to_string(), GOLDEN);
}
const GOLDEN: &str = "6f499e9b688e8e20a54aa923c0df2973";
