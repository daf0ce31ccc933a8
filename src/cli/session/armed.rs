//! Hands on a run by the clock: it is only looked at until it is armed, and armed for [`ARMED`] at a time.
//!
//! What is injected strikes now. It is judged as if it stood in the scenario, and by what the run's world can do
//! ([`Scenario::suits_by_hand`](crate::scenario::Scenario::suits_by_hand)); then the injector, an actor like any other, is
//! told of it through the door, as the one of a simulation is.
//!
//! **Invariant.** Unarmed nothing reaches the run. What was injected is a fact of the run, a note of its summary, and in the
//! file that `:save` writes.
//!
//! **Not modelled:** branches, and taking back: what is real has one course. Instances and partitions that the run was not
//! made with: they cannot be put there any more.

use std::path::Path;

use super::Session;
use super::branch::{Base, next_instant, save, with_entry};
use super::sight::one_scheduled;
use crate::cli::load::Loaded;
use crate::fault::{LOOK_BEFORE, Strike};
use crate::gateway::Options;
use crate::host::Door;
use crate::kernel::{Duration, Time};
use crate::observe::lens::Scheduled;
use crate::scenario::World;
use crate::scenario::scenario::Fault;
use crate::scenario::spoken::{Spoken, seconds};
use crate::scenario::wiring::Planner;
use crate::tui::{Courses as CoursesView, Done};
use crate::wire::Brokersim;
use crate::wire::fault::ToInjector;

/// A run is armed for so long after it was, or after the last thing that was done to it.
const ARMED: Duration = Duration::from_secs(60);
/// What is injected strikes so much later: it has to get to whoever carries it out.
const ON_THE_WAY: Duration = Duration::from_millis(10);

/// Whether what is done reaches the run.
#[derive(Clone, Copy, Debug, Default)]
struct Safety {
    until: Option<Time>,
}

impl Safety {
    fn arm(&mut self, now: Time) {
        self.until = Some(now + ARMED);
    }

    fn disarm(&mut self) {
        self.until = None;
    }

    fn is_armed(self, now: Time) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// What holds a run by the clock.
pub(super) struct Reins {
    base: Base,
    /// The scenario's text with all that was injected.
    text: String,
    planner: Planner,
    door: Door<Brokersim>,
    world: World,
    options: Options,
    /// Whether something stands between clients and brokers.
    between: bool,
    /// The number of the next fault.
    next: u32,
    safety: Safety,
    /// Entries of which an instance was removed, once for each.
    removed: Vec<String>,
}

/// What was injected.
struct Struck {
    said: String,
    at: Time,
    scheduled: Scheduled,
}

impl Reins {
    /// Of a run that has not begun.
    pub(super) fn new(
        loaded: &Loaded,
        planner: Planner,
        door: Door<Brokersim>,
        (world, options): (&World, &Options),
    ) -> Self {
        Self {
            base: Base::new(loaded),
            text: loaded.text.clone(),
            planner,
            door,
            world: world.clone(),
            options: options.clone(),
            between: loaded.scenario.breaks_paths() || options.proxy,
            next: first_by_hand(loaded),
            safety: Safety::default(),
            removed: Vec::new(),
        }
    }

    fn now(&self) -> Time {
        self.door.clock().now()
    }

    /// What has to be typed to arm it.
    fn name(&self) -> String {
        let servers: Vec<_> = self.world.servers().iter().map(ToString::to_string).collect();
        if servers.is_empty() { self.world.to_string() } else { servers.join(",") }
    }

    fn arm(&mut self, name: &str) -> Result<Done, String> {
        let own = self.name();
        if name.is_empty() {
            return Err(format!(
                "this run is only looked at. Armed, what you inject strikes it at once and is not taken back: to arm it for {} \
                 type its name, `:arm {own}`",
                seconds(Time::ZERO + ARMED)
            ));
        }
        if name != own && name != self.world.to_string() {
            return Err(format!("this run is on `{own}`, not on `{name}`: nothing is armed"));
        }
        self.safety.arm(self.now());
        let said = format!(
            "ARMED: f, p, R, H and :rate reach {own} now, until nothing was done for {}; `:disarm` or ! takes it back",
            seconds(Time::ZERO + ARMED)
        );
        Ok(Done { said, ..Done::default() })
    }

    /// Has a fault strike that was said in a line, in a run that ends at `end`.
    fn strike(&mut self, line: &str, end: Time) -> Result<Struck, String> {
        let now = self.now();
        if !self.safety.is_armed(now) {
            return Err(format!(
                "nothing was done: this run is only looked at until it is armed, by ! or `:arm {}`",
                self.name()
            ));
        }
        let spoken = Spoken::read(line)?;
        let at = strikes_at(&spoken, now, end)?;
        let text = with_entry(&self.text, now, &spoken.entry(at));
        let scenario = self.base.load(&text)?;
        let fault =
            scenario.all_faults().pop().filter(|fault| fault.by_hand).ok_or("it is lost in the file")?;
        scenario.suits_by_hand(&fault, (&self.world, &self.options), self.between)?;
        self.count_members(&fault)?;
        let injector = self.planner.injector();
        self.door.say(injector.id(), injector, ToInjector::Also(Box::new(self.planner.plan(&fault))));
        let scheduled = one_scheduled(self.next, &fault);
        self.next += 1;
        self.text = text;
        self.safety.arm(now);
        Ok(Struck { said: spoken.line(), at, scheduled })
    }

    /// Who is added has to have been removed: a run by the clock begins with all that it will ever have.
    fn count_members(&mut self, fault: &Fault) -> Result<(), String> {
        let names: Vec<String> = fault.targets.iter().map(ToString::to_string).collect();
        if fault.strike == Strike::RemoveMember {
            self.removed.extend(names);
        } else if fault.strike == Strike::AddMember {
            for name in names {
                let removed = self.removed.iter().position(|removed| *removed == name);
                let removed = removed.ok_or_else(|| {
                    format!(
                        "nobody of {name} was removed by hand, and a run by the clock begins with all that it will ever \
                         have: for one more put `add-member = \"{name}\"` into the scenario"
                    )
                })?;
                self.removed.remove(removed);
            }
        }
        Ok(())
    }

    /// For the header.
    pub(super) fn view(&self) -> CoursesView {
        let armed = Some(self.safety.is_armed(self.now()));
        CoursesView { armed, removed: self.removed.clone(), ..CoursesView::default() }
    }

    fn save(&self, file: &str, replace: bool) -> Result<Done, String> {
        save(Path::new(file), replace, |path| self.base.to_be_saved(&self.text, path))?;
        let said =
            format!("saved; `brokersim run {file} --on {}` does the same at the same times", self.world);
        Ok(Done { said, ..Done::default() })
    }
}

/// The number of the first fault that is injected by hand into a run of this scenario.
pub(in crate::cli) fn first_by_hand(loaded: &Loaded) -> u32 {
    loaded.scenario.all_faults().len() as u32
}

/// When it strikes: as soon as it can, unless it is said otherwise.
fn strikes_at(spoken: &Spoken, now: Time, end: Time) -> Result<Time, String> {
    let wait = if spoken.is_role { LOOK_BEFORE } else { Duration::ZERO };
    let soonest = next_instant(now) + ON_THE_WAY + wait;
    let at = spoken.at.map_or(soonest, |at| Time::ZERO + at);
    if at < soonest {
        return Err(format!(
            "at {} it cannot strike any more: now is {now}; leave `at` out, and it strikes at once",
            seconds(at)
        ));
    }
    if at >= end {
        return Err(format!("the run is over at {end}: nothing strikes after that"));
    }
    Ok(at)
}

/// What is said where nobody can lend a hand.
const NO_REINS: &str = "nothing can be changed in this run";

impl Session {
    /// By the clock: what is injected from now on reaches the run.
    pub(super) fn arm(&mut self, name: &str) -> Result<Done, String> {
        if self.courses.is_some() {
            return Err("a simulation needs no arming: nothing that is injected does any harm".to_owned());
        }
        self.is_going_on()?;
        self.reins.as_mut().ok_or(NO_REINS)?.arm(name)
    }

    /// Not any more.
    pub(super) fn disarm(&mut self) -> Result<Done, String> {
        let reins =
            self.reins.as_mut().ok_or("a simulation is never armed: there is nothing to take back")?;
        reins.safety.disarm();
        Ok(Done { said: "disarmed: this run is only looked at".to_owned(), ..Done::default() })
    }

    /// By the clock: has a fault strike now.
    pub(super) fn inject_now(&mut self, line: &str) -> Result<Done, String> {
        self.is_going_on()?;
        if self.frame().is_some() {
            return Err("this has passed, and what strikes strikes now: End goes to the present".to_owned());
        }
        let end = self.end;
        let struck = self.reins.as_mut().ok_or(NO_REINS)?.strike(line, end)?;
        let Struck { said, at, scheduled } = struck;
        self.engine.expect(scheduled);
        let said = format!("by hand at {}: {said}", seconds(at));
        self.notes.push(said.clone());
        Ok(Done { said, ..Done::default() })
    }

    /// By the clock: writes the scenario with what was injected.
    pub(super) fn save_now(&self, file: &str, replace: bool) -> Result<Done, String> {
        self.reins.as_ref().ok_or(NO_REINS)?.save(file, replace)
    }

    fn is_going_on(&self) -> Result<(), String> {
        let over = self.engine.now() >= self.end;
        if over { Err("the run is over: nothing reaches it any more".to_owned()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::load::load_text;
    use crate::kernel::{Event, Physics};
    use crate::scenario::Overrides;
    use crate::trace::{Fact, Phase};
    use crate::tui::{Deed, Pilot};

    const SHOP: &str = r#"
[run]
seed = 3
duration = "20s"
drain = "1s"

[kafka]
brokers = 3

[kafka.topics.orders]
partitions = 2
replication.factor = 3

[[generator]]
name = "shop"
topic = "orders"
arrivals = { constant = "20/s" }

[[sink]]
name = "billing"
from = "orders"
instances = 2
"#;

    /// A run by the clock that has begun.
    fn session(text: &str) -> Session {
        let loaded = load_text(text.to_owned(), Path::new("shop.toml"), &Overrides::default());
        let loaded = loaded.unwrap_or_else(|failure| panic!("{}", failure.in_a_line()));
        let mut session = Session::on_screen_in(&loaded, None, &World::Live, &Options::default())
            .unwrap_or_else(|failure| panic!("{}", failure.in_a_line()));
        session.attend(Duration::from_millis(50));
        session
    }

    /// Everything that happens until something does, or half the run is over.
    fn until(session: &mut Session, happened: impl Fn(&Fact) -> bool) -> Vec<Event<Fact>> {
        let mut seen: Vec<Event<Fact>> = Vec::new();
        while session.now() < Time::from_secs(10) && !seen.iter().any(|event| happened(&event.fact)) {
            let next = session.now() + Duration::from_millis(20);
            session.advance(next, &mut seen);
        }
        seen
    }

    fn inject(session: &mut Session, line: &str) -> Result<Done, String> {
        session.hand(Deed::Inject(line.to_owned()))
    }

    fn arm(session: &mut Session, name: &str) -> Result<Done, String> {
        session.hand(Deed::Arm(name.to_owned()))
    }

    fn struck(kind: &'static str) -> impl Fn(&Fact) -> bool {
        move |fact| matches!(fact, Fact::Injected(one) if one.kind == kind && one.phase == Phase::Begins)
    }

    #[test]
    fn an_armed_hand_kills_a_broker_of_a_run_by_the_clock_and_an_unarmed_one_nobody() {
        let mut session = session(SHOP);
        let refused = inject(&mut session, "kill broker-2 for 300ms").expect_err("it is not armed");
        assert!(refused.contains("`:arm live`") && refused.contains("nothing was done"), "{refused}");
        assert_eq!(session.courses().armed, Some(false));
        arm(&mut session, "live").expect("that is its name");
        assert_eq!(session.courses().armed, Some(true));
        inject(&mut session, "kill broker-2 for 300ms").expect("it is armed");
        let restarted = |fact: &Fact| matches!(fact, Fact::Physics(Physics::Restarted { .. }));
        let seen = until(&mut session, restarted);
        let all = |wanted: &dyn Fn(&Fact) -> bool| seen.iter().filter(|event| wanted(&event.fact)).count();
        assert_eq!((all(&struck("kill")), all(&restarted)), (1, 1), "once: the refused one never struck");
        let crashed = |fact: &Fact| matches!(fact, Fact::Physics(Physics::Crashed { .. }));
        assert_eq!(all(&crashed), 1);
        let faults = session.detail().faults;
        assert!(faults.len() == 1 && faults[0].by_hand && faults[0].text.contains("broker-2"), "{faults:?}");
        assert!(
            session.notes().iter().any(|note| note.contains("by hand at") && note.contains("kill broker-2"))
        );
        session.hand(Deed::Disarm).expect("it was armed");
        assert!(
            inject(&mut session, "pause broker-1 for 1s").is_err() && session.courses().armed == Some(false)
        );
    }

    #[test]
    fn a_run_is_armed_by_its_own_name_and_by_no_other() {
        let mut session = session(SHOP);
        let asked = arm(&mut session, "").expect_err("a name is asked for");
        assert!(asked.contains("`:arm live`") && asked.contains("60s"), "{asked}");
        assert!(arm(&mut session, "production").is_err_and(|why| why.contains("not on `production`")));
        assert_eq!(session.courses().armed, Some(false));
    }

    #[test]
    fn what_was_done_by_hand_is_saved_into_a_scenario_that_says_the_same() {
        let mut session = session(SHOP);
        arm(&mut session, "live").expect("that is its name");
        for line in ["change-rate shop rate 50/s", "produce shop records 7", "remove-member billing"] {
            inject(&mut session, line).unwrap_or_else(|why| panic!("{line}: {why}"));
        }
        until(&mut session, struck("remove-member"));
        inject(&mut session, "add-member billing").expect("one was removed");
        let path = std::env::temp_dir().join(format!("brokersim-armed-{}.toml", std::process::id()));
        let file = path.display().to_string();
        session.hand(Deed::Save { file, replace: true }).expect("it can be written");
        let saved = std::fs::read_to_string(&path).expect("it was written");
        std::fs::remove_file(&path).ok();
        let loaded = load_text(saved, Path::new("saved.toml"), &Overrides::default());
        let faults = loaded.unwrap_or_else(|failure| panic!("{}", failure.in_a_line())).scenario.all_faults();
        let kinds: Vec<_> = faults.iter().map(|fault| (fault.kind.name, fault.by_hand)).collect();
        let wanted = ["change-rate", "produce", "remove-member", "add-member"].map(|kind| (kind, true));
        assert_eq!(kinds, wanted);
    }

    #[test]
    fn what_the_run_was_not_made_with_is_refused_by_name() {
        let mut session = session(SHOP);
        arm(&mut session, "live").expect("that is its name");
        for (line, why) in [
            ("add-member billing", "nobody of billing was removed"),
            ("add-partitions orders to 4", "partitions"),
            ("kill broker-9", "broker-9"),
            ("kill broker-1 at 1ms", "any more"),
            ("kill broker-1 at 1h", "is over"),
            ("fly broker-1", "fly"),
        ] {
            let said = inject(&mut session, line).expect_err(line);
            assert!(said.contains(why), "{line}: {said}");
        }
    }

    #[test]
    fn the_past_and_what_is_over_are_not_struck() {
        let mut session = session(SHOP);
        arm(&mut session, "live").expect("that is its name");
        session.attend(Duration::from_millis(50));
        assert!(session.go(crate::tui::Spot::At(Time::ZERO)));
        assert!(inject(&mut session, "kill broker-1").is_err_and(|why| why.contains("has passed")));
        session.end = session.engine.now();
        assert!(inject(&mut session, "kill broker-1").is_err_and(|why| why.contains("is over")));
    }

    #[test]
    fn arming_lapses_when_nothing_is_done_for_so_long() {
        let mut safety = Safety::default();
        let now = Time::from_secs(5);
        assert!(!safety.is_armed(now));
        safety.arm(now);
        assert!(safety.is_armed(now + Duration::from_millis(59_999)) && !safety.is_armed(now + ARMED));
        safety.disarm();
        assert!(!safety.is_armed(now));
    }
}
