//! All that the screen remembers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kernel::{Duration, Time};
use crate::observe::Snapshot;
use crate::observe::ledger::{Balance, Tally};
use crate::observe::lens::{Around, Asked, Detail, FateFilter, Look, Query, RecordOrder};
use crate::trace::{ChannelId, GroupId, PlaceId, RecordId};

use super::courses::{Courses, Deed, Diff};
use super::find::Found;
use super::hands::{Entry, Kind};
use super::keymap::Keymap;
use super::memo::Memo;
use super::pace::Speed;
use super::query;
use super::screen::Moment;
use super::share::Share;
use super::theme::Theme;
use super::timeline::Timeline;
use super::tutor::Tutor;

pub use super::pane::{Page, Pane};

/// How the run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Time passes.
    Running,
    /// Time stands still until told otherwise.
    Paused,
    /// The end was reached.
    Finished,
}

/// What lies ahead and is run to as fast as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeking {
    /// This instant.
    To(Time),
    /// The next fact of a kind, whenever that is.
    Next(Moment),
}

/// What the driver says of the run, a few times a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The run.
    pub snapshot: Arc<Snapshot>,
    /// What screens show beyond it; empty when the host has no lens.
    pub detail: Arc<Detail>,
    /// The furthest instant that was computed: later than the snapshot's when time went back.
    pub front: Time,
    /// How it stands.
    pub clock: Clock,
    /// Where it is on its way to, until it is there.
    pub seeking: Option<Seeking>,
    /// How fast time is wanted to pass.
    pub speed: Speed,
    /// How fast it passed lately; none when nothing was measured yet.
    pub reached: Option<Speed>,
    /// What the driver has to say to the last order; none when it was obeyed in silence.
    pub said: Option<String>,
    /// What is to be known of the run as a whole: that it is the recorded one, that it goes on elsewhere.
    pub note: Option<String>,
    /// The courses that the run has taken.
    pub courses: Arc<Courses>,
    /// Names and settings, where they are others than in the beginning.
    pub about: Option<Arc<About>>,
    /// How two branches differ, when that was asked.
    pub diff: Option<Arc<Diff>>,
}

/// What the scenario says of itself, for the screens that show settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// What stands in the badge: `SIM`, `REAL`, `REPLAY`.
    pub badge: &'static str,
    /// Names of channels, by number.
    pub channels: Vec<Named>,
    /// Names of groups, by number.
    pub groups: Vec<String>,
    /// Names of sources, by number.
    pub sources: Vec<String>,
    /// What was set, and what is worth knowing although it was not.
    pub settings: Vec<Setting>,
    /// The scenario and what was laid over it, as the command line takes them.
    pub arguments: String,
    /// Where what is exported goes; here when empty.
    pub folder: std::path::PathBuf,
    /// Who publishes and reads.
    pub entries: Vec<Entry>,
    /// What can be made to go wrong by hand.
    pub kinds: Vec<Kind>,
}

/// A channel's name and its places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The number of its first place.
    pub first_place: u32,
    /// How many places.
    pub places: u32,
    /// Whether it belongs to the system itself.
    pub internal: bool,
}

/// A setting in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Whose: a topic, a generator, a sink; empty for the cluster.
    pub of: String,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether somebody wrote it.
    pub written: bool,
}

impl About {
    /// `orders-3`.
    pub fn place_name(&self, place: PlaceId) -> String {
        let channel = self
            .channels
            .iter()
            .find(|channel| (channel.first_place..channel.first_place + channel.places).contains(&place.0));
        channel.map_or_else(
            || format!("place {}", place.0),
            |channel| format!("{}-{}", channel.name, place.0 - channel.first_place),
        )
    }

    /// The place of this name: `orders-3`, or `orders` for its first.
    pub fn place_named(&self, name: &str) -> Option<PlaceId> {
        let exactly = |name: &str| self.channels.iter().find(|channel| channel.name == name);
        if let Some(channel) = exactly(name).filter(|channel| channel.places > 0) {
            return Some(PlaceId(channel.first_place));
        }
        let (channel, number) = name.rsplit_once('-')?;
        let (channel, number) = (exactly(channel)?, number.parse::<u32>().ok()?);
        (number < channel.places).then(|| PlaceId(channel.first_place + number))
    }

    /// `shop:1841`: who published it, and the how-manieth it was there.
    pub fn record_name(&self, id: RecordId) -> String {
        let source = self.sources.get(id.source() as usize).map_or("?", String::as_str);
        format!("{source}:{}", id.sequence())
    }

    /// A group's name.
    pub fn group_name(&self, group: GroupId) -> &str {
        self.groups.get(group.index()).map_or("?", String::as_str)
    }
}

/// How a list is shown, and which of its rows is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The key of the chosen row; the first row, or the newest event, when none.
    pub chosen: Option<u64>,
    /// Words that rows must have.
    pub filter: String,
    /// Which order, of those of the pane.
    pub order: usize,
    /// The other way round.
    pub reversed: bool,
}

/// What keys are read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What the screen does.
    Screen,
    /// The help, with what was typed to filter it and how far it is scrolled.
    Help {
        /// The filter.
        filter: String,
        /// Rows above the first one shown.
        scrolled: usize,
    },
    /// A filter for the focused pane is being typed; what it was before.
    Filter {
        /// To be put back when it is left.
        before: String,
    },
    /// A command is being typed.
    Command(String),
    /// `g` was pressed.
    Go,
    /// `m` was pressed.
    SetMark,
    /// `'` was pressed.
    ToMark,
    /// The story of what was asked is read: [`Model::story`].
    Why,
    /// Something is being looked for.
    Find {
        /// What was typed.
        typed: String,
        /// What fits, the best first.
        found: Vec<Found>,
        /// The chosen one.
        row: usize,
    },
    /// `f` was pressed; whether what is chosen is put into the line to be changed first.
    Fault {
        /// Whether.
        edits: bool,
    },
    /// `R` was pressed: where to a group's offsets are set.
    Reset,
    /// The branches, with the one that is chosen.
    Branches(usize),
    /// How two branches differ, and how far that is scrolled.
    Diff(Arc<Diff>, usize),
}

/// The story that is read, or was read last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// What was asked.
    pub asked: Option<Asked>,
    /// The chosen line; none before one was chosen.
    pub row: Option<usize>,
    /// How far the run had come when the story of the worst was given up: it is not asked for by itself until the run has
    /// gone on.
    pub given_up: Option<Time>,
}

/// Instants that were left by jumps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jumps {
    /// Those that one can go back to, the last one last.
    pub back: Vec<Time>,
    /// Those that one can go forward to, the next one last.
    pub forward: Vec<Time>,
}

/// How many instants a list of jumps keeps.
const JUMPS: usize = 100;

impl Jumps {
    /// Leaves an instant for another one.
    pub fn leave(&mut self, now: Time) {
        self.forward.clear();
        push_bounded(&mut self.back, now);
    }

    /// Goes back; none when there is nothing to go back to.
    pub fn go_back(&mut self, now: Time) -> Option<Time> {
        let to = self.back.pop()?;
        push_bounded(&mut self.forward, now);
        Some(to)
    }

    /// Goes forward again.
    pub fn go_forward(&mut self, now: Time) -> Option<Time> {
        let to = self.forward.pop()?;
        push_bounded(&mut self.back, now);
        Some(to)
    }
}

fn push_bounded(list: &mut Vec<Time>, time: Time) {
    if list.last() == Some(&time) {
        return;
    }
    if list.len() == JUMPS {
        list.remove(0);
    }
    list.push(time);
}

/// All that the screen remembers.
#[derive(Clone, Debug)]
pub struct Model {
    /// The scenario's name.
    pub title: String,
    /// The run's seed.
    pub seed: u64,
    /// Names and settings.
    pub about: Arc<About>,
    /// The same in the beginning.
    pub home: Arc<About>,
    /// Colours and glyphs.
    pub theme: Theme,
    /// The keys.
    pub keys: Arc<Keymap>,
    /// The last report.
    pub report: Report,
    /// The snapshot before the last one that differed: numbers that moved since are bold.
    pub before: Arc<Snapshot>,
    /// Which screen is shown.
    pub page: Page,
    /// Which pane has the focus, by screen.
    pub focus: BTreeMap<Page, Pane>,
    /// Whether it has the whole screen.
    pub zoomed: bool,
    /// The lists, by pane.
    pub lists: BTreeMap<Pane, List>,
    /// How keys are read.
    pub mode: Mode,
    /// Instants with names.
    pub marks: BTreeMap<char, Time>,
    /// Instants that were left.
    pub jumps: Jumps,
    /// Whether the lag chart's scale is logarithmic.
    pub logarithmic: bool,
    /// Which records are listed.
    pub fate: FateFilter,
    /// Whether the records of all partitions of the chosen channel are listed.
    pub whole_channel: bool,
    /// Where among the records to go, until the run has answered.
    pub sought: Option<Around>,
    /// The story that is read, or was read last.
    pub story: Story,
    /// What the screen is to hand out.
    pub share: Option<Share>,
    /// The record that is followed.
    pub followed: Option<RecordId>,
    /// A word to the person, until the next key.
    pub said: Option<String>,
    /// What a person does, on its way to the driver.
    pub deed: Option<Deed>,
    /// Whom a fault strikes: so many after the one that is usual.
    pub turn: usize,
    /// Marks over the whole run.
    pub timeline: Timeline,
    /// The tour, while one is taken.
    pub tutor: Option<Tutor>,
    /// Whether something changed since the last frame.
    pub stale: bool,
    /// Rows of long lists.
    pub(super) memo: Memo,
}

impl Model {
    /// A screen on which nothing has happened.
    pub fn new(title: impl Into<String>, seed: u64, theme: Theme, end: Time) -> Self {
        let snapshot = Arc::new(nothing_yet(end));
        let report = Report {
            snapshot: Arc::clone(&snapshot),
            detail: Arc::default(),
            front: Time::ZERO,
            clock: Clock::Paused,
            seeking: None,
            speed: Speed::REAL,
            reached: None,
            said: None,
            courses: Arc::default(),
            about: None,
            diff: None,
            note: None,
        };
        let about = Arc::new(About { badge: "SIM", ..About::default() });
        Self {
            title: title.into(),
            seed,
            home: Arc::clone(&about),
            about,
            theme,
            keys: Arc::default(),
            report,
            before: snapshot,
            page: Page::Overview,
            focus: BTreeMap::new(),
            zoomed: false,
            lists: BTreeMap::new(),
            mode: Mode::Screen,
            marks: BTreeMap::new(),
            jumps: Jumps::default(),
            logarithmic: false,
            fate: FateFilter::All,
            whole_channel: false,
            sought: None,
            story: Story::default(),
            share: None,
            followed: None,
            said: None,
            deed: None,
            turn: 0,
            timeline: Timeline::default(),
            tutor: None,
            stale: true,
            memo: Memo::default(),
        }
    }

    /// The same about this scenario.
    #[must_use]
    pub fn about(mut self, about: Arc<About>) -> Self {
        self.home = Arc::clone(&about);
        self.about = about;
        self
    }

    /// The same with these keys.
    #[must_use]
    pub fn bound(mut self, keys: Arc<Keymap>) -> Self {
        self.keys = keys;
        self
    }

    /// The run as it is shown.
    pub fn snapshot(&self) -> &Snapshot {
        &self.report.snapshot
    }

    /// What is shown beyond it.
    pub fn detail(&self) -> &Detail {
        &self.report.detail
    }

    /// The screens that this run has.
    pub fn pages(&self) -> Vec<Page> {
        Page::ALL
            .into_iter()
            .filter(|page| *page == Page::Overview || !self.detail().places.is_empty())
            .collect()
    }

    /// The pane that has the focus.
    pub fn pane(&self) -> Pane {
        self.focus.get(&self.page).copied().unwrap_or(self.page.panes()[0])
    }

    /// The list of a pane.
    pub fn list(&self, pane: Pane) -> &List {
        const PLAIN: &List = &List { chosen: None, filter: String::new(), order: 0, reversed: false };
        self.lists.get(&pane).unwrap_or(PLAIN)
    }

    /// The channel whose partitions are shown.
    pub fn channel(&self) -> Option<ChannelId> {
        self.chosen(Pane::Topics).map(|key| ChannelId(key as u32))
    }

    /// The partition that is looked at.
    pub fn place(&self) -> Option<PlaceId> {
        self.chosen(Pane::Partitions).map(|key| PlaceId(key as u32))
    }

    /// The group that is looked at.
    pub fn group(&self) -> Option<GroupId> {
        self.chosen(Pane::Groups).map(|key| GroupId(key as u32))
    }

    /// The record that is chosen.
    pub fn record(&self) -> Option<RecordId> {
        self.followed.or_else(|| self.chosen(Pane::Records).map(RecordId::from_bits))
    }

    /// The key of the chosen row of a list that has one.
    pub fn chosen(&self, pane: Pane) -> Option<u64> {
        let keys = super::rows::keys(self, pane);
        keys.get(super::rows::row_of(self, pane, &keys)).copied()
    }

    /// What the driver should look at for this screen.
    pub fn look(&self) -> Look {
        let none = Look { why: self.asked(), ..Look::default() };
        match self.page {
            Page::Overview | Page::Faults => none,
            Page::Topics => Look { place: self.place(), ..none },
            Page::Groups => Look { group: self.group(), ..none },
            Page::Messages => Look { records: Some(self.query()), record: self.record(), ..none },
        }
    }

    /// Whether a story is read.
    pub fn reads_a_story(&self) -> bool {
        self.mode == Mode::Why
    }

    /// What is to be explained: what is read, or, while time stands still, what the overview says of the worst.
    fn asked(&self) -> Option<Asked> {
        // What is on its way has no need of a second run beside it.
        let stands = self.report.clock != Clock::Running && self.report.seeking.is_none();
        let stands = stands && self.page == Page::Overview;
        match self.mode {
            Mode::Why => self.story.asked,
            _ if self.story.given_up == Some(self.report.front) => None,
            _ if stands && !super::rows::broken(self).is_empty() => Some(Asked::Worst { tried: false }),
            _ => None,
        }
    }

    /// Which records are asked for.
    pub fn query(&self) -> Query {
        let list = self.list(Pane::Records);
        let filter = query::read(&list.filter, &self.about).filter;
        let elsewhere = filter.names_a_place();
        let chosen = self.followed.or(list.chosen.map(RecordId::from_bits)).map(Around::Record);
        Query {
            place: self.place().filter(|_| !self.whole_channel && !elsewhere),
            channel: self.channel().filter(|_| !elsewhere),
            fate: self.fate,
            filter: (!filter.terms.is_empty()).then(|| Arc::new(filter)),
            order: RecordOrder::ALL[list.order.min(RecordOrder::ALL.len() - 1)],
            around: self.sought.or(chosen),
        }
    }
}

fn nothing_yet(end: Time) -> Snapshot {
    Snapshot {
        now: Time::ZERO,
        end: end.max(Time::ZERO + Duration::from_nanos(1)),
        facts: 0,
        tally: Tally::default(),
        lost: 0,
        books: Balance::default(),
        channels: Vec::new(),
        groups: Vec::new(),
        latencies_p99: None,
        nodes: Vec::new(),
        places: Vec::new(),
        promises: Vec::new(),
        lines: Vec::new(),
    }
}
