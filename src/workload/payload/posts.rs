//! `posts`: short texts about assets, from a small grammar. Each asset has a mood that drifts over minutes and
//! colours what is said about it, so that a sentiment averaged over a window means something.

use std::sync::Arc;

use crate::kernel::{Rng, Time};

use super::super::row::{FieldKind, Row, Schema, Value};
use super::drift::{Drift, Shape, Since};
use super::ticks::Ticks;
use super::timestamp;

/// Short texts about assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posts {
    /// What the posts are about, at least one.
    pub assets: Vec<String>,
    /// How many different authors, at least 1.
    pub authors: u32,
}

impl Default for Posts {
    /// A thousand authors on the assets of [`Ticks`].
    fn default() -> Self {
        Self { assets: Ticks::default().assets, authors: 1_000 }
    }
}

pub(super) fn schema() -> Schema {
    use FieldKind::{Text, Timestamp};
    Schema::of("posts", &[("time", Timestamp), ("author", Text), ("asset", Text), ("text", Text)])
}

/// In long-run deviations: how a mood becomes a tone.
const MOOD: Shape = Shape { mean: 0.1, deviation: 0.6, half_life_secs: 120.0 };

#[derive(Clone, Debug)]
pub(super) struct State {
    assets: Vec<Subject>,
    authors: Vec<Arc<str>>,
    /// The text under construction.
    text: String,
}

#[derive(Clone, Debug)]
struct Subject {
    name: Arc<str>,
    mood: Drift,
    since: Since,
}

#[derive(Clone, Copy, Debug)]
enum Tone {
    Glad,
    Sober,
    Gloomy,
}

impl State {
    pub(super) fn new(config: &Posts, instance: u32) -> Self {
        let subject = |name: &String| Subject {
            name: name.as_str().into(),
            mood: Drift::new(MOOD),
            since: Since::default(),
        };
        let first = u64::from(instance) * u64::from(config.authors);
        let authors = (first..first + u64::from(config.authors)).map(|id| format!("trader{id}").into());
        Self {
            assets: config.assets.iter().map(subject).collect(),
            authors: authors.collect(),
            text: String::new(),
        }
    }

    pub(super) fn fill(&mut self, at: Time, rng: &mut Rng, row: &mut Row) {
        // The lesser of two draws: the first assets are talked about more.
        let count = self.assets.len() as u64;
        let subject = &mut self.assets[rng.below(count).min(rng.below(count)) as usize];
        let mood = subject.mood.step(subject.since.step(at), rng);
        self.text.clear();
        write_post(&mut self.text, &subject.name, tone(mood, rng), rng);
        let author = &self.authors[rng.below(self.authors.len() as u64) as usize];
        row.extend([
            timestamp(at),
            Value::Text(Arc::clone(author)),
            Value::Text(Arc::clone(&subject.name)),
            Value::text(&self.text),
        ]);
    }
}

fn tone(mood: f64, rng: &mut Rng) -> Tone {
    let heard = mood + 0.5 * rng.normal();
    if heard > 0.35 {
        Tone::Glad
    } else if heard < -0.35 {
        Tone::Gloomy
    } else {
        Tone::Sober
    }
}

fn write_post(text: &mut String, asset: &str, tone: Tone, rng: &mut Rng) {
    let (openers, verdicts, tails): (&[_], &[_], &[_]) = match tone {
        Tone::Glad => (&GLAD_OPENERS, &GLAD_VERDICTS, &GLAD_TAILS),
        Tone::Sober => (&SOBER_OPENERS, &SOBER_VERDICTS, &SOBER_TAILS),
        Tone::Gloomy => (&GLOOMY_OPENERS, &GLOOMY_VERDICTS, &GLOOMY_TAILS),
    };
    let mut pick = |choices: &[&'static str]| choices[rng.below(choices.len() as u64) as usize];
    for part in [pick(openers), " $", asset, " ", pick(verdicts), pick(tails)] {
        text.push_str(part);
    }
}

// The words carry sentiment in VADER's lexicon. Dampening words ("almost", "slightly") are left out on purpose:
// see the note on hash order in `operation/sentiment.rs`.
const GLAD_OPENERS: [&str; 6] =
    ["Good morning,", "Love this chart:", "Great news:", "Called it.", "Happy to hold", "Wow,"];
const GLAD_VERDICTS: [&str; 8] = [
    "looks strong today",
    "is a winner",
    "keeps getting better",
    "had an amazing session",
    "is very promising",
    "broke out with great volume",
    "holders must be really happy",
    "rewards patience",
];
const GLAD_TAILS: [&str; 6] = [
    "!",
    ".",
    ", glad I bought the dip.",
    " and I feel confident.",
    ". Beautiful!",
    ", best trade this year!",
];
const SOBER_OPENERS: [&str; 5] = ["Watching", "Update on", "Chart of the day:", "Looking at", "This week in"];
const SOBER_VERDICTS: [&str; 7] = [
    "moves sideways",
    "trades near its average",
    "volume is at the usual level",
    "is back where it was on Monday",
    "opens at yesterday's close",
    "waits for the numbers",
    "is in the same range",
];
const SOBER_TAILS: [&str; 4] = [".", ", let us see.", ". Thoughts?", ", nothing to report."];
const GLOOMY_OPENERS: [&str; 6] =
    ["Bad news:", "Sad day,", "Not good,", "Worried about", "I hate this:", "Careful,"];
const GLOOMY_VERDICTS: [&str; 8] = [
    "looks weak today",
    "is a disaster",
    "keeps losing ground",
    "had a terrible session",
    "crashed on awful volume",
    "holders are in a panic",
    "is a risky bet",
    "failed again",
];
const GLOOMY_TAILS: [&str; 6] =
    ["!", ".", ", I regret buying.", " and I am afraid.", ". Ugly!", ", worst trade this year!"];
