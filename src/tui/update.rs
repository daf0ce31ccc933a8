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

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyModifiers};

    use super::*;
    use crate::kernel::Time;
    use crate::observe::{Line, Snapshot};
    use crate::trace::Weight;
    use crate::tui::{Clock, Palette, Theme};

    fn model() -> Model {
        Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(10))
    }

    fn tick_with_lines(model: &mut Model, serials: std::ops::Range<u64>) {
        let line = |serial| Line {
            at: Time::from_millis(serial),
            serial,
            weight: Weight::Info,
            tag: "group",
            text: String::new(),
        };
        let lines: Vec<Line> = serials.map(line).collect();
        let facts = lines.last().map_or(0, |line| line.serial);
        let snapshot = Arc::new(Snapshot { facts, lines, ..model.snapshot().clone() });
        let report = Report { snapshot, clock: Clock::Running, ..model.report.clone() };
        assert_eq!(update(model, Msg::Tick(report)), None);
    }

    fn press(model: &mut Model, code: KeyCode) -> Option<Order> {
        update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    #[test]
    fn a_feed_that_is_held_stays_where_it_is_when_lines_come() {
        let mut model = model();
        tick_with_lines(&mut model, 0..50);
        press(&mut model, KeyCode::Char('k'));
        press(&mut model, KeyCode::PageUp);
        assert_eq!((model.held, model.lines_shown()), (Some(38), 39));
        tick_with_lines(&mut model, 20..80);
        assert_eq!((model.held, model.lines_shown()), (Some(38), 19));
        press(&mut model, KeyCode::Down);
        assert_eq!(model.held, Some(39));
        press(&mut model, KeyCode::Char('G'));
        assert_eq!((model.held, model.lines_shown()), (None, 60));
    }

    #[test]
    fn a_feed_scrolled_to_its_newest_line_follows_again() {
        let mut model = model();
        tick_with_lines(&mut model, 0..5);
        press(&mut model, KeyCode::PageUp);
        assert_eq!(model.held, Some(0));
        press(&mut model, KeyCode::PageDown);
        assert_eq!(model.held, None);
    }

    #[test]
    fn numbers_are_compared_with_the_last_snapshot_that_differed() {
        let mut model = model();
        tick_with_lines(&mut model, 0..5);
        tick_with_lines(&mut model, 0..9);
        tick_with_lines(&mut model, 0..9);
        assert_eq!((model.before.facts, model.snapshot().facts), (4, 8));
    }

    #[test]
    fn the_help_takes_the_keys_while_it_is_open() {
        let mut model = model();
        assert_eq!(press(&mut model, KeyCode::Char(' ')), Some(Order::Toggle));
        press(&mut model, KeyCode::Char('?'));
        assert_eq!(press(&mut model, KeyCode::Char(' ')), None);
        assert_eq!(press(&mut model, KeyCode::Char('q')), None);
        assert_eq!((model.help, press(&mut model, KeyCode::Char('q'))), (None, Some(Order::Quit)));
    }

    #[test]
    fn letting_a_key_go_does_nothing() {
        let release = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(update(&mut model(), Msg::Key(release)), None);
    }
}
