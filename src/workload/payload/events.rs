//! `events`: small discrete events of a shop. Few items are looked at often, most seldom; what an item costs
//! depends on the item alone.

use std::sync::Arc;

use crate::kernel::{Rng, Time};

use super::super::keys::Alias;
use super::super::row::{FieldKind, Row, Schema, Value};
use super::timestamp;

/// Small discrete events: who did what with which item for how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// How many users, at least 1.
    pub users: u32,
    /// How many items, at least 1.
    pub items: u32,
}

impl Default for Events {
    /// 10,000 users and 1,000 items.
    fn default() -> Self {
        Self { users: 10_000, items: 1_000 }
    }
}

pub(super) fn schema() -> Schema {
    use FieldKind::{Float, Int, Text, Timestamp};
    Schema::of(
        "events",
        &[("time", Timestamp), ("kind", Text), ("user", Int), ("item", Text), ("amount", Float)],
    )
}

/// In a thousand events, so many of each kind, and whether money moves (and which way).
const KINDS: [(&str, u64, f64); 5] = [
    ("view", 720, 0.0),
    ("search", 130, 0.0),
    ("add_to_cart", 100, 0.0),
    ("purchase", 45, 1.0),
    ("refund", 5, -1.0),
];

/// How popularity falls from item to item, as shops see it.
const POPULARITY: f64 = 0.9;

#[derive(Clone, Debug)]
pub(super) struct State {
    kinds: [Arc<str>; KINDS.len()],
    first_user: u64,
    users: u64,
    items: Arc<[Item]>,
    popularity: Alias,
}

#[derive(Clone, Debug)]
struct Item {
    name: Arc<str>,
    price: f64,
}

impl State {
    pub(super) fn new(config: &Events, instance: u32) -> Self {
        Self {
            kinds: KINDS.map(|(name, _, _)| name.into()),
            first_user: u64::from(instance) * u64::from(config.users),
            users: u64::from(config.users),
            items: (0..config.items).map(Item::new).collect(),
            popularity: Alias::zipf(config.items, POPULARITY).expect("the shop's own exponent is in bounds"),
        }
    }

    pub(super) fn fill(&mut self, at: Time, rng: &mut Rng, row: &mut Row) {
        let kind = kind(rng.below(1_000));
        let item = &self.items[self.popularity.draw(rng) as usize];
        let user = self.first_user + rng.below(self.users);
        row.extend([
            timestamp(at),
            Value::Text(Arc::clone(&self.kinds[kind])),
            Value::Int(user as i64),
            Value::Text(Arc::clone(&item.name)),
            // Adding zero turns the -0.0 of a worthless refund into 0.0.
            Value::Float(item.price * KINDS[kind].2 + 0.0),
        ]);
    }
}

impl Item {
    fn new(number: u32) -> Self {
        // Knuth's multiplicative hash spreads prices from 0.99 to 200.98, the same in every run.
        let whole = (number.wrapping_mul(2_654_435_761) >> 16) % 201;
        Self { name: format!("item-{number}").into(), price: f64::from(whole * 100 + 99) / 100.0 }
    }
}

/// The kind on which the number, below a thousand, falls.
fn kind(number: u64) -> usize {
    let mut sum = 0;
    KINDS
        .iter()
        .position(|(_, share, _)| {
            sum += share;
            number < sum
        })
        .expect("the shares add up to a thousand")
}
