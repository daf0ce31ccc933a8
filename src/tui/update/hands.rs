//! Keys and commands with which a person reaches into the run.

use std::sync::Arc;

use super::Order;
use crate::tui::courses::{Deed, Diff};
use crate::tui::hands::{generator, group, hindrance, line};
use crate::tui::model::{Mode, Model};

/// What a key of these does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// Waits for the kind of a fault.
    Faults,
    /// It is to strike another one.
    Another,
    /// What is chosen is put into the line, to be changed first; or not.
    Edit,
    /// A fault of this kind.
    Strike(&'static str),
    /// Everything is healed.
    Heal,
    /// One record is offered.
    Produce,
    /// Waits for where to the offsets are set.
    Reset,
    /// The offsets of the chosen group are set there.
    ResetTo(&'static str),
    /// A branch.
    Fork,
    /// The last injection is taken back.
    TakeBack,
    /// Shows the branches.
    Branches,
    /// To the chosen branch.
    Switch,
    /// How two branches differ.
    Differ,
    /// Arms a run that cannot be repeated, or takes that back.
    Arm,
}

/// Hands a deed to the driver.
pub(super) fn hand(model: &mut Model, deed: Deed) -> Option<Order> {
    model.deed = Some(deed);
    Some(Order::Hand)
}

pub(super) fn act(model: &mut Model, what: Hand) -> Option<Order> {
    let mode = std::mem::replace(&mut model.mode, Mode::Screen);
    match what {
        Hand::Faults => (model.mode, model.turn) = (Mode::Fault { edits: false }, 0),
        Hand::Another => (model.mode, model.turn) = (mode, model.turn.wrapping_add(1)),
        Hand::Edit => model.mode = Mode::Fault { edits: !matches!(mode, Mode::Fault { edits: true }) },
        Hand::Strike(kind) => {
            let order = strike(model, kind, mode == Mode::Fault { edits: true });
            model.turn = 0;
            return order;
        }
        Hand::Heal => return hand(model, Deed::Inject("heal everything".to_owned())),
        Hand::Produce => match generator(model) {
            Some((name, _)) => return hand(model, Deed::Inject(format!("produce {name}"))),
            None => model.said = Some("nobody offers records in this run".to_owned()),
        },
        Hand::Reset => begin_reset(model),
        Hand::ResetTo(position) => {
            let group = group(model)?;
            return hand(model, Deed::Inject(format!("reset-offsets {group} position {position}")));
        }
        Hand::Fork => return hand(model, Deed::Fork),
        Hand::TakeBack => return hand(model, Deed::TakeBack),
        Hand::Branches => show_branches(model),
        Hand::Switch => {
            if let Mode::Branches(chosen) = mode {
                return hand(model, Deed::Switch(chosen));
            }
        }
        Hand::Arm if model.report.courses.armed == Some(true) => return hand(model, Deed::Disarm),
        Hand::Arm => return hand(model, Deed::Arm(String::new())),
        Hand::Differ => {
            let other = if let Mode::Branches(chosen) = mode { Some(chosen) } else { None };
            // Both are made up to the same instant first.
            if model.report.courses.current().is_some() {
                model.said = Some("the branches are compared...".to_owned());
            }
            return hand(model, Deed::Differ(other));
        }
    }
    None
}

/// Injects a fault with the words that are usual, or puts them into the line.
fn strike(model: &mut Model, name: &str, edits: bool) -> Option<Order> {
    let about = Arc::clone(&model.about);
    let Some(kind) = about.kinds.iter().find(|kind| kind.name == name) else {
        model.said = Some("nothing can be made to go wrong in this run".to_owned());
        return None;
    };
    if let Some(why) = hindrance(model, kind).filter(|_| !edits) {
        model.said = Some(format!("`{name}` cannot strike here: {why}"));
        return None;
    }
    match line(model, kind) {
        Some((line, _)) if edits || kind.asks => model.mode = Mode::Command(format!("fault {line}")),
        Some((line, _)) => return hand(model, Deed::Inject(line)),
        None => model.said = Some(format!("there is nobody here whom `{name}` could strike")),
    }
    None
}

fn begin_reset(model: &mut Model) {
    let Some(name) = group(model) else {
        model.said = Some("nobody reads in this run".to_owned());
        return;
    };
    let resets = model.about.kinds.iter().find(|kind| kind.name == "reset-offsets");
    if let Some(why) = resets.and_then(|kind| hindrance(model, kind)) {
        model.said = Some(format!("offsets cannot be set here: {why}"));
        return;
    }
    let members =
        model.snapshot().groups.iter().find(|group| group.name == name).map_or(0, |group| group.members);
    if members > 0 {
        let closes = model.about.entries.iter().find(|entry| entry.group.as_deref() == Some(name.as_str()));
        let closes = closes.map_or("", |entry| &entry.name);
        model.said = Some(format!(
            "{name} has {members} members, and Kafka resets offsets of an empty group only: first `:fault close {closes}` \
             (f q), then R"
        ));
        return;
    }
    model.mode = Mode::Reset;
}

pub(super) fn show_branches(model: &mut Model) {
    let courses = &model.report.courses;
    if courses.current().is_none() {
        model.said = Some("there is one course so far: f injects a fault, b begins a branch".to_owned());
    } else {
        model.mode = Mode::Branches(courses.here);
    }
}

/// Moves in the list of branches, or in what differs; whether one of them is shown.
pub(super) fn move_by(model: &mut Model, by: isize) -> bool {
    let last = model.report.courses.all.len().saturating_sub(1);
    if let Mode::Branches(chosen) = &mut model.mode {
        *chosen = chosen.saturating_add_signed(by).min(last);
    } else if let Mode::Diff(diff, scrolled) = &mut model.mode {
        *scrolled = scrolled.saturating_add_signed(by).min(diff.rows.len());
    } else {
        return false;
    }
    true
}

/// What a report brings of branches.
pub(super) fn tick(model: &mut Model, diff: Option<Arc<Diff>>) {
    if let Some(diff) = diff {
        (model.mode, model.said) = (Mode::Diff(diff, 0), None);
    }
    let about = model.report.about.as_ref().unwrap_or(&model.home);
    if !Arc::ptr_eq(&model.about, about) {
        model.about = Arc::clone(about);
    }
}

/// Where time went back or took another course, marks of what lay ahead are of no more use.
pub(super) fn other_course(model: &mut Model, before: (usize, usize)) {
    let courses = &model.report.courses;
    if (courses.here, courses.all.len()) != before {
        model.timeline = crate::tui::timeline::Timeline::default();
        model.timeline.take(&model.report.snapshot);
    }
}
