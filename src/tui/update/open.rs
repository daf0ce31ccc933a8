//! Enter on a row, and the way to what a row is about.

use crate::kernel::Time;
use crate::observe::promise::Outcome;
use crate::trace::PlaceId;
use crate::tui::model::{Mode, Model, Page, Pane};
use crate::tui::rows;

use super::{Order, Seek, choose, focus, leap, show_records, why};

/// Opens the chosen row.
pub(super) fn open(model: &mut Model) -> Option<Order> {
    if model.mode == Mode::Why {
        return why::open(model);
    }
    let pane = model.pane();
    let keys = rows::keys(model, pane);
    let Some(&key) = keys.get(rows::row_of(model, pane, &keys)) else {
        model.said = Some(super::no_row(model, pane));
        return None;
    };
    match pane {
        Pane::Events => {
            let at = model.snapshot().lines.iter().find(|line| line.serial == key)?.at;
            choose(model, pane, Some(key));
            leap(model, Seek::Fact(key, at))
        }
        Pane::Topics => {
            focus(model, Page::Topics, Pane::Partitions);
            None
        }
        Pane::Partitions => {
            show_records(model);
            None
        }
        Pane::Groups => {
            focus(model, Page::Groups, Pane::Members);
            None
        }
        Pane::Members => {
            target(model);
            None
        }
        Pane::Records => {
            focus(model, Page::Messages, Pane::Trace);
            None
        }
        Pane::Rebalances => {
            let began = rows::close_group(model)?.rebalances.get(key as usize)?.began;
            leap(model, Seek::To(began))
        }
        Pane::Trace => {
            let at = model.detail().trace.as_ref()?.lines.iter().find(|line| line.serial == key)?.at;
            model.followed = model.record();
            leap(model, Seek::Fact(key, at))
        }
        Pane::FaultList => {
            let at = model.detail().faults.get(key as usize)?.at;
            leap(model, Seek::To(at))
        }
        Pane::Causes => {
            let (serial, at) = first_witness(model, key)?;
            leap(model, Seek::Fact(serial, at))
        }
        Pane::Flow
        | Pane::Promises
        | Pane::Rates
        | Pane::Roles
        | Pane::Logs
        | Pane::Settings
        | Pane::Lag
        | Pane::Record
        | Pane::Lanes => {
            model.said = Some("a row of this pane leads nowhere".to_owned());
            None
        }
    }
}

fn first_witness(model: &Model, key: u64) -> Option<(u64, Time)> {
    match &model.detail().verdicts.get(key as usize)?.outcome {
        Outcome::Broken { witnesses, .. } | Outcome::Happened { witnesses, .. } => {
            witnesses.first().map(|witness| (witness.serial, witness.at))
        }
        Outcome::Held | Outcome::NeverHappened => None,
    }
}

/// Shows what the chosen row is about, on the screen where that is at home.
pub(super) fn target(model: &mut Model) {
    match place_of(model) {
        Some(place) => show_place(model, place),
        None => model.said = Some("this row is about nothing that has a screen".to_owned()),
    }
}

/// The partition that the chosen row is about.
pub(super) fn place_of(model: &Model) -> Option<PlaceId> {
    let pane = model.pane();
    let keys = rows::keys(model, pane);
    let key = *keys.get(rows::row_of(model, pane, &keys))?;
    match pane {
        Pane::Members => rows::close_group(model)
            .and_then(|group| group.members.get(key as usize))
            .and_then(|member| member.places.first().copied()),
        Pane::Records => model.detail().records.as_ref().and_then(|page| {
            page.lines.iter().find(|line| line.id.to_bits() == key).and_then(|line| line.place)
        }),
        Pane::Causes => match &model.detail().verdicts[key as usize].outcome {
            Outcome::Broken { witnesses, .. } => witnesses.first().and_then(|witness| witness.place),
            Outcome::Happened { .. } | Outcome::Held | Outcome::NeverHappened => None,
        },
        Pane::Flow
        | Pane::Promises
        | Pane::Events
        | Pane::Rates
        | Pane::Topics
        | Pane::Partitions
        | Pane::Roles
        | Pane::Logs
        | Pane::Settings
        | Pane::Groups
        | Pane::Lag
        | Pane::Rebalances
        | Pane::Record
        | Pane::Trace
        | Pane::Lanes
        | Pane::FaultList => None,
    }
}

pub(super) fn show_place(model: &mut Model, place: PlaceId) {
    let Some(channel) = rows::place(model, place).map(|place| place.channel) else { return };
    choose(model, Pane::Topics, Some(u64::from(channel)));
    choose(model, Pane::Partitions, Some(u64::from(place.0)));
    focus(model, Page::Topics, Pane::Partitions);
}
