//! How the screen's memory changes when something comes in.

use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind};

use crate::kernel::Duration;

use super::keys::{Action, Context, action_for};
use super::model::{Model, Pane, Report};

/// What comes in.
#[derive(Clone, Debug)]
pub enum Msg {
    /// The run went on, or stands otherwise.
    Tick(Report),
    /// A key.
    Key(KeyEvent),
    /// The terminal has another size, or has to be drawn anew.
    Redraw,
}

/// What the screen asks the driver of the run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Run if paused, pause if running.
    Toggle,
    /// Pause, and take one thing off the agenda.
    Step,
    /// Pause, and let so much simulated time pass.
    Skip(Duration),
    /// Twice as fast.
    Faster,
    /// Half as fast.
    Slower,
    /// In real time.
    RealTime,
    /// As fast as it goes.
    FullSpeed,
    /// Leave; a run that has not ended stays as it is.
    Quit,
}

/// Takes in a message; what it means for the run.
pub fn update(model: &mut Model, msg: Msg) -> Option<Order> {
    model.stale = true;
    match msg {
        Msg::Tick(report) => {
            tick(model, report);
            None
        }
        Msg::Key(key) if key.kind == KeyEventKind::Release => None,
        Msg::Key(key) => action_for(context_of(model), key).and_then(|action| act(model, action)),
        Msg::Redraw => None,
    }
}

/// Which bindings hold now.
pub fn context_of(model: &Model) -> Context {
    if model.help.is_some() { Context::Help } else { Context::Screen }
}

fn tick(model: &mut Model, report: Report) {
    if report.snapshot.facts != model.report.snapshot.facts {
        model.before = Arc::clone(&model.report.snapshot);
    }
    model.timeline.take(&report.snapshot);
    model.group = model.group.min(report.snapshot.groups.len().saturating_sub(1));
    model.report = report;
}

fn act(model: &mut Model, action: Action) -> Option<Order> {
    match action {
        Action::Order(order) => return Some(order),
        Action::Focus(pane) => model.focus = pane,
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::NextGroup => choose_group(model, 1),
        Action::PreviousGroup => choose_group(model, -1),
        Action::Older(lines) => scroll(model, -lines),
        Action::Newer(lines) => scroll(model, lines),
        Action::Oldest => model.held = model.snapshot().lines.first().map(|line| line.serial),
        Action::Newest => model.held = None,
        Action::Help => model.help = Some(0),
        Action::CloseHelp => model.help = None,
        Action::HelpUp => model.help = model.help.map(|line| line.saturating_sub(1)),
        Action::HelpDown => model.help = model.help.map(|line| line.saturating_add(1)),
    }
    None
}

fn choose_group(model: &mut Model, by: isize) {
    let groups = model.snapshot().groups.len() as isize;
    if groups > 0 {
        model.group = (model.group as isize + by).rem_euclid(groups) as usize;
        if model.zoomed {
            model.focus = Pane::Lag;
        }
    }
}

/// Moves the last line shown; past the newest the feed follows again.
fn scroll(model: &mut Model, by: isize) {
    let shown = model.lines_shown() as isize + by;
    let lines = &model.snapshot().lines;
    let held = if shown >= lines.len() as isize {
        None
    } else {
        lines.get((shown.max(1) - 1) as usize).map(|line| line.serial)
    };
    model.held = held;
}
