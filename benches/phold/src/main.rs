//! PHOLD on one thread: tokens hop between sites, each hop to another site drawn at random, after an
//! exponential delay of mean 1 s. One event is one hop. Run with
//!
//! ```text
//! cargo run --release --manifest-path benches/phold/Cargo.toml
//! ```
//!
//! The engines take turns round by round, because the machine is never quiet; the table shows the median
//! of the rounds in events per second of this thread's CPU time, and its ratio to the loop by hand on std's
//! `BinaryHeap`: what a programmer would write first, and what the goal of 60 % is measured against. The same
//! loop on a 4-ary heap stands beside it; with a million tokens it is the faster of the two.
//!
//! nexosim 1.0 runs on one thread in two forms: *scheduled on itself, then sent* is how its documentation has
//! models speak with each other; *scheduled on the target* goes past the models' ports through a handle on
//! the scheduler, and is the fastest form that there is.
//!
//! *Full actor API* means that each site is an actor on a node of its own: a hop is a typed message, sent
//! through the network's latency law, carried on a path that never reorders, put into the slab, taken off
//! the agenda, checked against its node's epoch, handed to a boxed actor with its stream of chance. That is
//! what a hop costs in every scenario of brokersim; the variant with a timer and a message on one node, and
//! the one with a fact a hop (serial, cause, digest), are shown beside it.

mod actors;
mod by_hand;
mod clock;
mod ports;

/// How many sites there are in every run.
const SITES: u32 = 1_000;

/// Something that can hop.
trait Engine {
    /// Lets about `hops` hops happen; how many it were.
    fn hop(&mut self, hops: u64) -> u64;
}

/// One line of the table.
struct Row {
    name: &'static str,
    engine: Box<dyn Engine>,
    rates: Vec<f64>,
}

impl Row {
    fn new(name: &'static str, engine: impl Engine + 'static) -> Self {
        Self { name, engine: Box::new(engine), rates: Vec::new() }
    }

    fn measure(&mut self, hops: u64) {
        let begin = clock::cpu_nanos();
        let done = self.engine.hop(hops);
        let nanos = clock::cpu_nanos() - begin;
        self.rates.push(done as f64 * 1e9 / nanos.max(1) as f64);
    }

    fn median(&self) -> f64 {
        let mut sorted = self.rates.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

/// Lets all rows take turns, and prints how they fared.
fn contest(title: &str, mut rows: Vec<Row>, hops: u64, rounds: u32) {
    for row in &mut rows {
        row.engine.hop(hops / 4);
    }
    for _ in 0..rounds {
        rows.iter_mut().for_each(|row| row.measure(hops));
    }
    let by_hand = rows[0].median();
    println!("\n{title}; median of {rounds} rounds of {hops} hops\n");
    println!("| engine | M events/s | of the loop on `BinaryHeap` |\n|---|---|---|");
    for row in &rows {
        let rate = row.median();
        println!("| {} | {:.2} | {:.0} % |", row.name, rate / 1e6, 100.0 * rate / by_hand);
    }
    let actors = &rows[2];
    println!();
    for nexosim in rows.iter().filter(|row| row.name.starts_with("nexosim")) {
        println!("{}: {:.1} times {}", actors.name, actors.median() / nexosim.median(), nexosim.name);
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let rounds = arguments.next().unwrap_or(9);
    let hops = u64::from(arguments.next().unwrap_or(1_000_000));
    contest("1,000 sites, 1,000 tokens", few(), hops, rounds);
    contest("1,000 sites, 1,000,000 tokens", many(), hops, rounds);
}

fn few() -> Vec<Row> {
    vec![
        Row::new("by hand, std BinaryHeap", by_hand::Loop::<by_hand::Binary>::new(1)),
        Row::new("by hand, 4-ary heap", by_hand::Loop::<by_hand::Quaternary>::new(1)),
        Row::new("brokersim, actors and network", actors::Network::silent(1)),
        Row::new("brokersim, a fact a hop", actors::Network::talking(1)),
        Row::new("brokersim, a timer and a message a hop", actors::Timers::new(1)),
        Row::new("nexosim 1.0, scheduled on the target", ports::Scheduled::new(1)),
        Row::new("nexosim 1.0, scheduled on itself, then sent", ports::Sent::new(1)),
    ]
}

fn many() -> Vec<Row> {
    vec![
        Row::new("by hand, std BinaryHeap", by_hand::Loop::<by_hand::Binary>::new(1_000)),
        Row::new("by hand, 4-ary heap", by_hand::Loop::<by_hand::Quaternary>::new(1_000)),
        Row::new("brokersim, actors and network", actors::Network::silent(1_000)),
        Row::new("nexosim 1.0, scheduled on the target", ports::Scheduled::new(1_000)),
    ]
}
