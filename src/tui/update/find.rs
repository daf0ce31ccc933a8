//! Going to what has a name: `:offset`, `:key`, `:time`, `:record`, `:find` and Ctrl-p; what Tab completes.

use crate::observe::lens::Around;
use crate::trace::PlaceId;
use crate::tui::command::{self, NAMES};
use crate::tui::model::{Mode, Model, Page, Pane};
use crate::tui::find::{self, Goal};
use crate::tui::{query, rows};

use super::{Order, Seek, act, change_filter, choose, focus, leap, show_place};

/// Takes in that the run has answered where something is.
pub(super) fn settle(model: &mut Model) {
    let Some(page) = &model.report.detail.records else { return };
    if model.sought.is_none() || page.query.around != model.sought {
        return;
    }
    let (found, sought, forgotten) = (page.found, model.sought.take(), page.forgotten);
    let line = found.and_then(|id| page.lines.iter().find(|line| line.id == id));
    let exact = match (sought, line) {
        (Some(Around::Offset(offset)), Some(line)) => line.offset == offset,
        (_, found) => found.is_some(),
    };
    if !exact {
        let older = if forgotten > 0 { ", or it is older than what is kept" } else { "" };
        let nearest = if line.is_some() { ": this is the nearest" } else { "" };
        model.said = Some(format!("no record is there{older}{nearest}"));
    }
    choose(model, Pane::Records, found.map(|id| id.to_bits()));
}

/// Does a command that goes somewhere; none when it was none of these.
pub(super) fn command(model: &mut Model, text: &str) -> Option<Option<Order>> {
    let (name, value) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    let said = match name {
        "offset" => to_offset(model, value.trim()),
        "key" => to_key(model, value.trim()),
        "time" => to_time(model, value.trim()),
        "record" => to_record(model, value.trim()),
        "find" => return Some(to_best(model, value.trim())),
        _ => return None,
    };
    if let Err(message) = said {
        model.said = Some(message);
    }
    Some(None)
}

fn to_best(model: &mut Model, value: &str) -> Option<Order> {
    match find::search(model, value).into_iter().next() {
        Some(best) => go(model, best.goal),
        None => {
            model.said = Some(format!("nothing is called `{value}`"));
            None
        }
    }
}

/// Ctrl-p.
pub(super) fn begin(model: &mut Model) {
    let found = find::search(model, "");
    model.mode = Mode::Find { typed: String::new(), found, row: 0 };
}

/// What is typed changes.
pub(super) fn typed(model: &mut Model, change: impl FnOnce(&mut String)) {
    let Mode::Find { typed, .. } = &model.mode else { return };
    let mut typed = typed.clone();
    change(&mut typed);
    let found = find::search(model, &typed);
    model.mode = Mode::Find { typed, found, row: 0 };
}

pub(super) fn move_by(model: &mut Model, by: isize) {
    if let Mode::Find { found, row, .. } = &mut model.mode {
        *row = row.saturating_add_signed(by).min(found.len().saturating_sub(1));
    }
}

/// Goes to what was found.
pub(super) fn go(model: &mut Model, goal: Goal) -> Option<Order> {
    match goal {
        Goal::Page(page) => model.page = page,
        Goal::Channel(channel) => {
            choose(model, Pane::Topics, Some(u64::from(channel)));
            focus(model, Page::Topics, Pane::Topics);
        }
        Goal::Place(place) => show_place(model, place),
        Goal::Group(group) => {
            choose(model, Pane::Groups, Some(u64::from(group)));
            focus(model, Page::Groups, Pane::Groups);
        }
        Goal::Member(member) => {
            choose(model, Pane::Members, Some(u64::from(member)));
            focus(model, Page::Groups, Pane::Members);
        }
        Goal::Leads(broker) => {
            model.lists.entry(Pane::Partitions).or_default().filter = format!("b{broker}");
            focus(model, Page::Topics, Pane::Partitions);
        }
        Goal::Record(record) => return command(model, &format!("record {record}")).flatten(),
        Goal::Offset(place, offset) => {
            show_place_of_records(model, place);
            model.sought = Some(Around::Offset(offset));
        }
        Goal::Fault(index, at) => {
            choose(model, Pane::FaultList, Some(u64::from(index)));
            focus(model, Page::Faults, Pane::FaultList);
            return leap(model, Seek::To(at));
        }
        Goal::Fact(serial, at) => return leap(model, Seek::Fact(serial, at)),
        Goal::Time(time) => return leap(model, Seek::To(time.min(model.snapshot().end))),
        Goal::Setting(index) => {
            choose(model, Pane::Settings, Some(u64::from(index)));
            focus(model, Page::Topics, Pane::Settings);
        }
        Goal::Command(name) => model.mode = Mode::Command(format!("{name} ")),
        Goal::Key(action) => return act(model, action),
    }
    None
}

fn to_offset(model: &mut Model, value: &str) -> Result<(), String> {
    let wanted = || format!(":offset wants a partition and an offset, as :offset orders-0 10813; not `{value}`");
    let (place, offset) = match value.split_once([' ', '@']) {
        Some((place, offset)) => (model.about.place_named(place.trim()), offset.trim()),
        None => (model.place(), value),
    };
    let offset = offset.replace('_', "").parse().map_err(|_| wanted())?;
    let place = place.ok_or_else(wanted)?;
    show_place_of_records(model, place);
    model.sought = Some(Around::Offset(offset));
    Ok(())
}

fn to_time(model: &mut Model, value: &str) -> Result<(), String> {
    let time = command::instant(value).ok_or_else(|| {
        format!(":time wants when a record was offered, as :time 30s; not `{value}` (:goto moves the clock)")
    })?;
    focus(model, Page::Messages, Pane::Records);
    model.followed = None;
    model.sought = Some(Around::Time(time));
    Ok(())
}

fn to_key(model: &mut Model, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err(":key wants a key, as :key user-17".to_owned());
    }
    let quoted = if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value.to_owned() };
    show_all(model);
    change_filter(model, |filter| *filter = format!("key:{quoted}"));
    model.whole_channel = true;
    Ok(())
}

fn to_record(model: &mut Model, value: &str) -> Result<(), String> {
    let id = query::record(value, &model.about)
        .map_err(|_| format!(":record wants a source and a number, as :record shop:1841; not `{value}`"))?;
    show_all(model);
    change_filter(model, |filter| *filter = format!("record:{value}"));
    choose(model, Pane::Records, Some(id.to_bits()));
    Ok(())
}

/// The records of a partition, all of them.
pub(super) fn show_place_of_records(model: &mut Model, place: PlaceId) {
    let Some(channel) = rows::place(model, place).map(|place| place.channel) else { return };
    choose(model, Pane::Topics, Some(u64::from(channel)));
    choose(model, Pane::Partitions, Some(u64::from(place.0)));
    model.lists.entry(Pane::Topics).or_default().filter.clear();
    model.lists.entry(Pane::Partitions).or_default().filter.clear();
    show_all(model);
    model.whole_channel = false;
}

/// The screen of records, without a filter.
fn show_all(model: &mut Model) {
    focus(model, Page::Messages, Pane::Records);
    model.fate = Default::default();
    model.followed = None;
    model.sought = None;
    choose(model, Pane::Records, None);
    change_filter(model, String::clear);
}

/// Tab, while something is typed.
pub(super) fn complete(model: &mut Model) {
    match &model.mode {
        Mode::Filter { .. } if model.pane() == Pane::Records => {
            let text = query::complete(&model.list(Pane::Records).filter, &model.about);
            if let Some(text) = text {
                change_filter(model, |filter| *filter = text);
            }
        }
        Mode::Command(text) => {
            let mut fitting = NAMES.iter().filter(|name| name.starts_with(text.as_str()));
            if let (Some(name), None) = (fitting.next(), fitting.next()) {
                model.mode = Mode::Command(format!("{name} "));
            }
        }
        Mode::Filter { .. } | Mode::Screen | Mode::Help { .. } | Mode::Go | Mode::SetMark | Mode::ToMark | Mode::Why | Mode::Find { .. } => {}
    }
}
