//! What a programmer who wants nothing but PHOLD would write: a heap, an array, a loop.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use brokersim::kernel::Rng;

use crate::{Engine, SITES};

/// Time, insertion, site: ordered by the first two.
type Event = (u64, u64, u32);

/// The two heaps that a loop by hand may use.
pub trait Queue: Default {
    fn push(&mut self, event: Event);
    fn pop(&mut self) -> Option<Event>;
}

#[derive(Default)]
pub struct Binary(BinaryHeap<Reverse<Event>>);

impl Queue for Binary {
    fn push(&mut self, event: Event) {
        self.0.push(Reverse(event));
    }
    fn pop(&mut self) -> Option<Event> {
        self.0.pop().map(|Reverse(event)| event)
    }
}

/// Time and insertion in one number, so that a comparison is one.
#[derive(Default)]
pub struct Quaternary(Vec<(u128, u32)>);

impl Queue for Quaternary {
    fn push(&mut self, (time, serial, site): Event) {
        let event = (u128::from(time) << 64 | u128::from(serial), site);
        let mut hole = self.0.len();
        self.0.push(event);
        while hole > 0 && event.0 < self.0[(hole - 1) / 4].0 {
            self.0[hole] = self.0[(hole - 1) / 4];
            hole = (hole - 1) / 4;
        }
        self.0[hole] = event;
    }

    fn pop(&mut self) -> Option<Event> {
        let last = self.0.pop()?;
        let (first, site) = self.0.first().copied().unwrap_or(last);
        if !self.0.is_empty() {
            self.sink(last);
        }
        Some(((first >> 64) as u64, first as u64, site))
    }
}

impl Quaternary {
    fn sink(&mut self, last: (u128, u32)) {
        let (mut hole, len) = (0, self.0.len());
        while let begin = 4 * hole + 1
            && begin < len
        {
            let mut least = begin;
            for child in begin + 1..(begin + 4).min(len) {
                least = if self.0[child].0 < self.0[least].0 { child } else { least };
            }
            if last.0 <= self.0[least].0 {
                break;
            }
            self.0[hole] = self.0[least];
            hole = least;
        }
        self.0[hole] = last;
    }
}

/// The loop: each site has a stream of its own for where to go, all share one for how long it takes.
pub struct Loop<Q> {
    queue: Q,
    sites: Vec<Site>,
    latency: Rng,
    pushed: u64,
}

struct Site {
    rng: Rng,
    visits: u64,
}

impl<Q: Queue> Loop<Q> {
    pub fn new(tokens_per_site: u32) -> Self {
        let sites =
            (0..SITES).map(|i| Site { rng: Rng::named(1, &format!("site-{i}")), visits: 0 }).collect();
        let mut fresh = Self { queue: Q::default(), sites, latency: Rng::named(1, "network"), pushed: 0 };
        for site in 0..SITES {
            (0..tokens_per_site).for_each(|_| fresh.depart(0, site));
        }
        fresh
    }

    fn depart(&mut self, now: u64, site: u32) {
        let target = another(&mut self.sites[site as usize].rng, site);
        self.pushed += 1;
        let delay = (self.latency.exponential() * 1e9 + 0.5) as u64;
        self.queue.push((now + delay, self.pushed, target));
    }
}

impl<Q: Queue> Engine for Loop<Q> {
    fn hop(&mut self, hops: u64) -> u64 {
        for _ in 0..hops {
            let (now, _, site) = self.queue.pop().expect("tokens never vanish");
            self.sites[site as usize].visits += 1;
            self.depart(now, site);
        }
        assert!(self.sites.iter().map(|site| site.visits).sum::<u64>() >= hops);
        hops
    }
}

/// Any site but `here`.
pub fn another(rng: &mut Rng, here: u32) -> u32 {
    let drawn = rng.below(u64::from(SITES - 1)) as u32;
    drawn + u32::from(drawn >= here)
}
