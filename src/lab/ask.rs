//! A question about a run, answered: two runs, one to see who came to grief and one to see how.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::analyze::why::{
    About, Annals, Asked, Cluster, Flow, Focus, Outcomes, RecordStory, Refusal, Refused, SCHEMA, Scene, Step,
    Trouble, Victim, What, Why, broken, clusters, merge, story, to_ask, to_follow,
};
use crate::kernel::{Duration, Event, Time};
use crate::observe::promise::{Promise, Verdict};
use crate::scenario::ScenarioError;
use crate::trace::{Fact, GroupId, Life, PlaceId, RecordId};

use super::rerun::{Looked, Recipe};
use super::trial::Measured;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Records by name: `shop:1841`, `0.1841`, `orders-0@17`.
    pub records: Vec<String>,
    /// Kinds of trouble. When neither these, nor records, nor lag are asked for, the promises that are broken decide,
    /// and all but late records when there are none.
    pub troubles: Vec<Trouble>,
    /// Whose lag: none, everybody's (an empty list), or that of these groups.
    pub lag: Option<Vec<String>>,
    /// When a record is late.
    pub late: Duration,
    /// Whether remedies are tried on the same seed, for the incidents that are told in full.
    pub try_remedies: bool,
}

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum Unknown {
    /// The scenario makes no sense.
    #[error("{0}")]
    Scenario(#[from] ScenarioError),
    /// There is no such record.
    #[error("{0}")]
    Record(String),
}

/// Answers a question about the run that a recipe gives.
///
/// # Errors
/// When the scenario makes no sense, or a record is asked for that is not there.
pub fn ask(recipe: &Recipe, question: &Question) -> Result<(Why, Looked), Unknown> {
    let looked = recipe.look(question.late)?;
    let ids = find_all(recipe, &looked.scene, &question.records)?;
    let mut why = tell(&Seen::of(&looked), question, &ids, |follow| recipe.follow(follow))?;
    if question.try_remedies {
        try_remedies(recipe, question.late, &mut why);
    }
    Ok((why, looked))
}

/// What a first look at a run has seen.
pub struct Seen<'a> {
    /// Names and settings.
    pub scene: &'a Scene,
    /// Who came to grief.
    pub outcomes: &'a Outcomes,
    /// What arrived and what was worked off.
    pub flow: &'a Flow,
    /// Which run it is.
    pub head: Head<'a>,
}

/// Which run is explained.
pub struct Head<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// Its seed.
    pub seed: u64,
    /// The digest of its facts; empty where it cannot be repeated.
    pub digest: &'a str,
    /// What came of the promises.
    pub promises: &'a [Verdict],
}

impl<'a> Seen<'a> {
    /// A run that was made again.
    pub fn of(looked: &'a Looked) -> Self {
        let Looked { scene, outcomes, flow, summary } = looked;
        let head = Head {
            scenario: &summary.scenario,
            seed: summary.seed,
            digest: &summary.digest,
            promises: &summary.promises,
        };
        Self { scene, outcomes, flow, head }
    }
}

/// Answers a question about a run that was seen; `lives` gathers the lives of some of its records. [`Question::records`] is
/// not read: `ids` are the records that are asked for.
///
/// # Errors
/// Those of `lives`, and when a group is asked for that is not there.
pub fn tell(
    seen: &Seen<'_>,
    question: &Question,
    ids: &[RecordId],
    lives: impl FnOnce(Vec<RecordId>) -> Result<Vec<Event<Fact>>, ScenarioError>,
) -> Result<Why, Unknown> {
    let Seen { scene, outcomes, flow, head } = seen;
    let open = question.is_open() && ids.is_empty();
    let question = &if open { question.about(head.promises) } else { question.clone() };
    let annals = Annals { scene, events: outcomes.annals() };
    let all = clusters(outcomes.victims(), annals);
    let wanted: Vec<&Cluster> =
        all.iter().filter(|cluster| question.troubles.contains(&cluster.trouble)).collect();
    let told: Vec<Cluster> = wanted.iter().take(TOLD).map(|cluster| (*cluster).clone()).collect();
    let mut follow = to_follow(&told);
    follow.extend(ids.iter().copied());
    let lives = if follow.is_empty() { Vec::new() } else { lives(follow)? };
    let events = merge(outcomes.annals(), lives);
    let mut warnings = Vec::new();
    if outcomes.beyond() > 0 {
        warnings
            .push(format!("{} more records came to grief than are sorted by cause here", outcomes.beyond()));
    }
    let asked = question.troubles.iter().map(|trouble| {
        let of_kind = |cluster: &&Cluster| cluster.trouble == *trouble;
        Asked {
            trouble: *trouble,
            records: all.iter().filter(of_kind).map(|cluster| cluster.victims.len() as u64).sum(),
            incidents: told.iter().filter(of_kind).map(|cluster| cluster.tell(scene, &events)).collect(),
        }
    });
    let rises = groups(scene, question)?
        .into_iter()
        .filter_map(|group| flow.largest_rise(scene, outcomes.annals(), group))
        .collect();
    Ok(Why {
        rises,
        schema: SCHEMA,
        scenario: head.scenario.to_owned(),
        seed: head.seed,
        digest: head.digest.to_owned(),
        warnings,
        besides: if open { besides(&all, question) } else { Vec::new() },
        refused: if open { refused(scene, outcomes) } else { Vec::new() },
        asked: asked.collect(),
        records: ids.iter().map(|id| record_story(scene, annals, outcomes.victims(), &events, *id)).collect(),
    })
}

impl Question {
    /// Whether nothing in particular is asked for.
    fn is_open(&self) -> bool {
        self.troubles.is_empty() && self.records.is_empty() && self.lag.is_none()
    }

    /// The same, with what the broken promises ask when nothing else is asked for.
    fn about(&self, promises: &[Verdict]) -> Self {
        let mut question = self.clone();
        if !self.is_open() {
            return question;
        }
        for about in to_ask(&broken(promises)) {
            match about {
                About::Records(trouble) => question.troubles.push(trouble),
                About::Lag => question.lag = Some(Vec::new()),
            }
        }
        let about_refusals = broken(promises).contains(&Promise::NothingRefused);
        if question.troubles.is_empty() && question.lag.is_none() && !about_refusals {
            question.troubles = USUAL.to_vec();
        }
        question
    }
}

/// What is explained when nothing is asked for and no promise is broken.
pub const USUAL: [Trouble; 3] = [Trouble::Lost, Trouble::Duplicated, Trouble::Reordered];

/// Trouble that was not asked about, late records left out: those are found only when somebody says what late is.
fn besides(all: &[Cluster], question: &Question) -> Vec<(Trouble, u64)> {
    let count = |trouble: Trouble| {
        let of_kind = all.iter().filter(|cluster| cluster.trouble == trouble);
        of_kind.map(|cluster| cluster.victims.len() as u64).sum()
    };
    let others = USUAL.into_iter().filter(|trouble| !question.troubles.contains(trouble));
    others.map(|trouble| (trouble, count(trouble))).filter(|(_, records)| *records > 0).collect()
}

fn refused(scene: &Scene, outcomes: &Outcomes) -> Vec<Refused> {
    let told = |refusal: &Refusal| Refused {
        why: refusal.why,
        records: refusal.records,
        example: scene.record(refusal.first),
    };
    outcomes.refused().map(told).collect()
}

/// The groups whose lag is asked for.
fn groups(scene: &Scene, question: &Question) -> Result<Vec<GroupId>, Unknown> {
    let Some(names) = &question.lag else { return Ok(Vec::new()) };
    let all = (0..scene.stage.groups.len() as u32).map(GroupId);
    if names.is_empty() {
        return Ok(all.collect());
    }
    let find = |name: &String| {
        all.clone().find(|group| scene.group(*group) == name).ok_or_else(|| {
            let there: Vec<_> = all.clone().map(|group| scene.group(group).to_owned()).collect();
            Unknown::Record(format!(
                "there is no group `{name}` in this run; there are: {}",
                there.join(", ")
            ))
        })
    };
    names.iter().map(find).collect()
}

/// Incidents beyond this many are not worth a run each.
const TRIED: usize = 3;

/// Tries for each of the largest incidents what the rules propose, until something helps.
fn try_remedies(recipe: &Recipe, late: Duration, why: &mut Why) {
    let mut known: BTreeMap<Vec<String>, Option<Measured>> = BTreeMap::new();
    let of_kind = why.asked.iter_mut().flat_map(|asked| asked.incidents.iter_mut().take(TRIED));
    let of_records = why.records.iter_mut().flat_map(|record| record.incidents.iter_mut().take(1));
    for incident in of_kind.chain(of_records) {
        let helps = incident.remedies.iter().find(|remedy| {
            let measured =
                known.entry(remedy.set.clone()).or_insert_with(|| recipe.with(&remedy.set).measure(late));
            measured.as_ref().is_some_and(|measured| measured.total(&[incident.trouble]) == 0)
        });
        if let Some(remedy) = helps.cloned() {
            incident.conclude(remedy);
        }
    }
    for record in &mut why.records {
        if let Some(incident) = record.incidents.first() {
            record.headline.clone_from(&incident.headline);
        }
    }
}

/// Incidents beyond this many are counted and not told.
const TOLD: usize = 64;

fn record_story(
    scene: &Scene,
    annals: Annals<'_>,
    victims: &[Victim],
    events: &[Event<Fact>],
    id: RecordId,
) -> RecordStory {
    let own: Vec<_> = victims.iter().filter(|victim| victim.id == id).copied().collect();
    let incidents: Vec<_> =
        clusters(&own, annals).iter().map(|cluster| cluster.tell(scene, events)).collect();
    let last = events.last().map_or(Time::ZERO, |event| event.at);
    let (headline, steps) = match incidents.first() {
        Some(incident) => (incident.headline.clone(), incident.steps.clone()),
        None => {
            let group = scene.stage.groups.first().map(|_| GroupId(0));
            let until = life_ends(events, id).unwrap_or(last);
            let steps = story(scene, events, Focus { id, group, struck: None, long: false, until });
            (fared(&scene.record(id), &steps), steps)
        }
    };
    RecordStory { record: scene.record(id), headline, steps, incidents }
}

/// What became of a record that is no victim.
fn fared(record: &str, steps: &[Step]) -> String {
    let answer = steps.iter().rev().find_map(|step| match &step.what {
        What::Accepted { .. } => Some(None),
        What::Rejected { why } => Some(Some(("was refused", *why))),
        What::Unknown { why } => Some(Some(("was given up by its producer", *why))),
        _ => None,
    });
    let is_processed = steps.iter().any(|step| matches!(step.what, What::Processed { .. }));
    match answer.flatten() {
        Some((how, why)) if is_processed => {
            format!("{record} {how} ({}), but it was in the log, and was processed.", why.means())
        }
        Some((how, why)) => format!("{record} {how}: {}.", why.means()),
        None => format!("{record} fared well: nothing was lost, repeated or overtaken."),
    }
}

/// When the last thing happened to a record.
fn life_ends(events: &[Event<Fact>], id: RecordId) -> Option<Time> {
    let touches = |event: &&Event<Fact>| match &event.fact {
        Fact::Life(
            Life::Accepted { ids, .. }
            | Life::Stored { ids, .. }
            | Life::Delivered { ids, .. }
            | Life::Processed { ids, .. }
            | Life::Rejected { ids, .. }
            | Life::Unknown { ids, .. },
        ) => ids.iter().any(|other| other == id),
        Fact::Life(Life::Settled { .. }) => true,
        Fact::Life(_)
        | Fact::Kafka(_)
        | Fact::Physics(_)
        | Fact::ZeroMq(_)
        | Fact::Mqtt(_)
        | Fact::Injected(_)
        | Fact::Commanded(_) => false,
    };
    events.iter().rfind(touches).map(|event| event.at)
}

fn find_all(recipe: &Recipe, scene: &Scene, names: &[String]) -> Result<Vec<RecordId>, Unknown> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let census = census(recipe, scene, names)?;
    names.iter().map(|name| census.find(scene, name)).collect()
}

/// Who is there, and what lies at the offsets that were asked for.
struct Census {
    offered: Vec<u64>,
    spots: Vec<((PlaceId, u64), Option<RecordId>)>,
    ends: Vec<u64>,
}

fn census(recipe: &Recipe, scene: &Scene, names: &[String]) -> Result<Census, ScenarioError> {
    let spots = names.iter().filter_map(|name| spot(scene, name)).map(|spot| (spot, None)).collect();
    let mut census = Census {
        offered: vec![0; scene.stage.sources.len()],
        spots,
        ends: vec![0; scene.stage.places() as usize],
    };
    recipe.watch(&mut census)?;
    Ok(census)
}

impl crate::kernel::Observer<Fact> for Census {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            match &event.fact {
                Fact::Life(Life::Offered { first, records, .. }) => {
                    self.offered[first.source() as usize] = first.sequence() + u64::from(*records);
                }
                Fact::Life(Life::Stored { ids, place, offset }) => {
                    let end = offset + u64::from(ids.len());
                    self.ends[place.index()] = self.ends[place.index()].max(end);
                    for ((of, at), id) in &mut self.spots {
                        // The first record that had the offset: a later one took its place.
                        if of == place && (*offset..end).contains(at) && id.is_none() {
                            *id = ids.iter().nth((*at - offset) as usize);
                        }
                    }
                }
                Fact::Life(_)
                | Fact::Kafka(_)
                | Fact::Physics(_)
                | Fact::ZeroMq(_)
                | Fact::Mqtt(_)
                | Fact::Injected(_)
                | Fact::Commanded(_) => {}
            }
        }
    }
}

/// `orders-0@17`
fn spot(scene: &Scene, name: &str) -> Option<(PlaceId, u64)> {
    let (place, offset) = name.split_once('@')?;
    let offset = offset.trim().parse().ok()?;
    let named =
        |place: &PlaceId| scene.stage.place_name(*place) == name.split('@').next().unwrap_or_default().trim();
    let _ = place;
    (0..scene.stage.places()).map(PlaceId).find(named).map(|place| (place, offset))
}

/// `shop:1841` or `0.1841`
fn numbered(scene: &Scene, name: &str) -> Option<(u32, u64)> {
    let (source, number) = name.rsplit_once([':', '.', '#'])?;
    let number = number.parse().ok()?;
    let index = match source.parse::<u32>() {
        Ok(index) => Some(index).filter(|index| (*index as usize) < scene.stage.sources.len()),
        Err(_) => scene.stage.sources.iter().position(|one| one == source).map(|index| index as u32),
    };
    index.map(|index| (index, number))
}

impl Census {
    fn find(&self, scene: &Scene, name: &str) -> Result<RecordId, Unknown> {
        if let Some((source, number)) = numbered(scene, name)
            && number < self.offered[source as usize]
        {
            return Ok(RecordId::new(source, number));
        }
        if let Some(spot) = spot(scene, name) {
            let found = self.spots.iter().find(|(of, _)| *of == spot).and_then(|(_, id)| *id);
            return found.ok_or_else(|| self.no_record(scene, name));
        }
        Err(self.no_record(scene, name))
    }

    fn no_record(&self, scene: &Scene, name: &str) -> Unknown {
        let sources = scene.stage.sources.iter().zip(&self.offered).filter(|(_, offered)| **offered > 0);
        let sources = sources.map(|(source, offered)| format!("{source}:0 to {source}:{}", offered - 1));
        let places = (0..scene.stage.places()).map(PlaceId).zip(&self.ends).filter(|(_, end)| **end > 0);
        let places = places.map(|(place, end)| {
            let name = scene.stage.place_name(place);
            format!("{name}@0 to {name}@{}", end - 1)
        });
        let there: Vec<_> = sources.chain(places).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        Unknown::Record(format!("there is no record `{name}` in this run; there are: {there}"))
    }
}
