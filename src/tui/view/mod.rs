//! Draws the screen: one file for each part, and here where the parts lie.
//!
//! From [`FULL`] on everything is shown; from [`SMALL`] on the same with fewer columns; below that the header
//! and the focused pane; under [`LEAST`] a line that says so.
//!
//! **Invariant.** A frame of any size can be drawn, and how long that takes follows what is in it, not how much there
//! is to scroll through.

mod axis;
mod books;
mod brokers;
pub(super) mod canvas;
mod faults;
mod feed;
mod find;
mod flow;
mod groups;
mod header;
mod help;
pub(super) mod hints;
mod lag;
mod list;
mod messages;
mod promises;
mod rates;
mod strip;
mod topics;
mod tour;
mod which;
mod why;
pub(super) mod words;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect, Size};

use super::keys::Action;
use super::model::{Mode, Model, Page, Pane};
use super::mouse::Under;
use super::theme::Role;
use canvas::Canvas;

const FULL: (u16, u16) = (120, 36);
const SMALL: (u16, u16) = (80, 24);
const LEAST: (u16, u16) = (40, 10);

/// Draws a frame.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    draw_all(model, &mut Canvas::new(frame.buffer_mut(), model.theme), area);
}

/// What lies where on a screen of this size, the uppermost last.
pub fn shown(model: &Model, size: Size) -> Vec<(Rect, Under)> {
    let area = Rect::from((Position::ORIGIN, size));
    let mut buffer = Buffer::empty(area);
    let mut canvas = Canvas::new(&mut buffer, model.theme);
    draw_all(model, &mut canvas, area);
    canvas.into_shown()
}

fn draw_all(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if !holds(area, LEAST) {
        canvas.text(area, 0, &format!("needs {}x{} or more", LEAST.0, LEAST.1), Role::Plain);
        return;
    }
    let [head, tabs, body, strip, hints] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(if holds(area, FULL) { 2 } else { 1 }),
        Constraint::Length(1),
    ])
    .areas(area);
    let body = tour(model, canvas, body);
    header::draw(model, canvas, head);
    header::tabs(model, canvas, tabs);
    match &model.mode {
        Mode::Help { filter, scrolled } => help::draw(&model.keys, canvas, body, filter, *scrolled),
        Mode::Why => why::draw(model, canvas, body),
        _ => panes(model, canvas, area, body),
    }
    if let Mode::Find { typed, found, row } = &model.mode {
        find::draw(canvas, body, typed, found, *row);
    }
    which::draw(model, canvas, body);
    strip::draw(model, canvas, strip);
    hints::draw(model, canvas, hints);
}

/// Draws the panel of the tour, while one is taken; what is left of the body.
fn tour(model: &Model, canvas: &mut Canvas<'_>, body: Rect) -> Rect {
    let Some(tutor) = model.tutor else { return body };
    let [body, panel] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(tour::height(&model.keys, body))])
            .areas(body);
    tour::draw(tutor, &model.keys, canvas, panel);
    body
}

fn holds(area: Rect, (columns, rows): (u16, u16)) -> bool {
    area.width >= columns && area.height >= rows
}

fn panes(model: &Model, canvas: &mut Canvas<'_>, screen: Rect, body: Rect) {
    let body = if model.page == Page::Messages {
        let [line, rest] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(body);
        messages::filter(model, canvas, line);
        rest
    } else {
        body
    };
    let small = holds(screen, SMALL) && !holds(screen, FULL) && !model.zoomed;
    if small && model.page == Page::Overview {
        rates::line(model, canvas, Rect { y: body.y + body.height - 1, height: 1, ..body });
    }
    for (pane, area) in places(model, screen, body) {
        canvas.shows(area, Under::Pane(pane));
        let inner = canvas.pane(area, &title(model, pane), &note(model, pane), pane == model.pane());
        draw(model, canvas, pane, inner);
    }
}

fn draw(model: &Model, canvas: &mut Canvas<'_>, pane: Pane, area: Rect) {
    match pane {
        Pane::Flow => flow::draw(model, canvas, area),
        Pane::Promises => promises::draw(model, canvas, area),
        Pane::Events => feed::draw(model, canvas, area),
        Pane::Rates => rates::draw(model, canvas, area),
        Pane::Topics => topics::topics(model, canvas, area),
        Pane::Partitions => topics::partitions(model, canvas, area),
        Pane::Roles => topics::roles(model, canvas, area),
        Pane::Logs => topics::logs(model, canvas, area),
        Pane::Settings => topics::settings(model, canvas, area),
        Pane::Groups => groups::groups(model, canvas, area),
        Pane::Lag => lag::draw(model, canvas, area),
        Pane::Members => groups::members(model, canvas, area),
        Pane::Rebalances => groups::rebalances(model, canvas, area),
        Pane::Records => messages::records(model, canvas, area),
        Pane::Record => messages::one(model, canvas, area),
        Pane::Trace => messages::trace(model, canvas, area),
        Pane::Lanes => faults::lanes(model, canvas, area),
        Pane::FaultList => faults::faults(model, canvas, area),
        Pane::Causes => faults::causes(model, canvas, area),
    }
}

/// Where each pane lies.
fn places(model: &Model, screen: Rect, body: Rect) -> Vec<(Pane, Rect)> {
    let focus = model.pane();
    if model.zoomed || !holds(screen, SMALL) {
        return vec![(focus, body)];
    }
    let wide = holds(screen, FULL);
    match model.page {
        Page::Overview => overview(model, body, wide),
        Page::Topics => topics_page(model, body, wide),
        Page::Groups => groups_page(model, body, wide),
        Page::Messages => messages_page(body, wide),
        Page::Faults => faults_page(model, body, wide),
    }
}

fn stack<const N: usize>(area: Rect, rows: [Constraint; N]) -> [Rect; N] {
    Layout::vertical(rows).areas(area)
}

fn beside(area: Rect, left: Constraint, right: Constraint) -> [Rect; 2] {
    Layout::horizontal([left, right]).areas(area)
}

fn overview(model: &Model, body: Rect, wide: bool) -> Vec<(Pane, Rect)> {
    use Constraint::{Fill, Length};
    let wanted = flow::rows(model, wide) + 2;
    let promised = model.snapshot().promises.len().min(9) as u16;
    let (top, right) = if wide {
        (wanted.max(promised + 9).clamp(12, body.height * 3 / 5), 48)
    } else {
        (wanted.clamp(5, 9), 36)
    };
    let [top, bottom] = stack(body, [Length(top), Fill(1)]);
    if wide {
        let ([flow, promises], [events, rates]) =
            (beside(top, Fill(1), Length(right)), beside(bottom, Fill(1), Length(right)));
        return vec![
            (Pane::Flow, flow),
            (Pane::Promises, promises),
            (Pane::Events, events),
            (Pane::Rates, rates),
        ];
    }
    let [middle, _] = stack(bottom, [Fill(1), Length(1)]);
    let [events, promises] = beside(middle, Fill(1), Length(right));
    let mut found = vec![(Pane::Flow, top), (Pane::Events, events), (Pane::Promises, promises)];
    if model.pane() == Pane::Rates {
        // There is no room for it beside the others: it takes the place of the events.
        found[1].0 = Pane::Rates;
    }
    found
}

fn topics_page(model: &Model, body: Rect, wide: bool) -> Vec<(Pane, Rect)> {
    use Constraint::{Fill, Length};
    let replicas =
        model.detail().close_up.as_ref().map_or(3, |close_up| close_up.replicas.len().clamp(1, 9) as u16);
    if wide {
        let [top, roles, bottom] = stack(body, [Fill(1), Length(replicas + 4), Length(replicas + 8)]);
        let [topics, partitions] =
            beside(top, Length(if model.pane() == Pane::Topics { 52 } else { 36 }), Fill(1));
        let [logs, settings] = beside(bottom, Fill(1), Length(46));
        return vec![
            (Pane::Topics, topics),
            (Pane::Partitions, partitions),
            (Pane::Roles, roles),
            (Pane::Logs, logs),
            (Pane::Settings, settings),
        ];
    }
    let focus = model.pane();
    let upper = if matches!(focus, Pane::Topics | Pane::Settings) { focus } else { Pane::Partitions };
    let [top, roles, logs] = stack(body, [Fill(1), Length(replicas + 2), Length(replicas + 3)]);
    vec![(upper, top), (Pane::Roles, roles), (Pane::Logs, logs)]
}

fn groups_page(model: &Model, body: Rect, wide: bool) -> Vec<(Pane, Rect)> {
    use Constraint::{Fill, Length};
    let groups = model.snapshot().groups.len().clamp(1, usize::from(body.height / 4)) as u16;
    let [top, middle, bottom] = stack(body, [Length(groups + 3), Fill(1), Length(if wide { 9 } else { 5 })]);
    let [lag, members] = beside(middle, Fill(1), Length(if wide { 54 } else { 38 }));
    vec![(Pane::Groups, top), (Pane::Lag, lag), (Pane::Members, members), (Pane::Rebalances, bottom)]
}

fn messages_page(body: Rect, wide: bool) -> Vec<(Pane, Rect)> {
    use Constraint::{Fill, Length};
    let [top, trace] = stack(body, [Fill(1), Length(if wide { 14 } else { 9 })]);
    let [records, record] = beside(top, Fill(1), Length(if wide { 48 } else { 30 }));
    vec![(Pane::Records, records), (Pane::Record, record), (Pane::Trace, trace)]
}

fn faults_page(model: &Model, body: Rect, wide: bool) -> Vec<(Pane, Rect)> {
    use Constraint::{Fill, Length};
    let faults = model.detail().faults.len().clamp(1, usize::from(body.height / 4)) as u16;
    let [lanes, bottom] = stack(body, [Fill(1), Length((faults + 3).max(if wide { 11 } else { 8 }))]);
    let [list, causes] = beside(bottom, Fill(1), Length(if wide { 56 } else { 36 }));
    vec![(Pane::Lanes, lanes), (Pane::FaultList, list), (Pane::Causes, causes)]
}

fn title(model: &Model, pane: Pane) -> String {
    let place = || model.place().map_or_else(String::new, |place| model.about.place_name(place));
    let channel = || {
        let channel = model.channel().and_then(|channel| model.about.channels.get(channel.index()));
        channel.map_or_else(String::new, |channel| channel.name.clone())
    };
    let group = || {
        let group = model.group().and_then(|group| model.snapshot().groups.get(group.index()));
        group.map_or_else(String::new, |group| group.name.clone())
    };
    let of = |whose: String, what: &str| {
        if whose.is_empty() { what.to_owned() } else { format!("{whose} · {what}") }
    };
    match pane {
        Pane::Flow => "Flow".to_owned(),
        Pane::Promises => "Promises & counters".to_owned(),
        Pane::Events => "Events".to_owned(),
        Pane::Rates => "Rates".to_owned(),
        Pane::Topics => "Topics".to_owned(),
        Pane::Partitions => of(channel(), "partitions"),
        Pane::Roles => of(place(), "leader & ISR over time"),
        Pane::Logs => of(place(), "log, replica by replica"),
        Pane::Settings => of(channel(), "settings that matter"),
        Pane::Groups => "Groups".to_owned(),
        Pane::Lag => of(group(), "lag over time"),
        Pane::Members => of(group(), "members"),
        Pane::Rebalances => of(group(), "rebalances"),
        Pane::Records => "Messages".to_owned(),
        Pane::Record => "Record".to_owned(),
        Pane::Trace => {
            let known = model.detail().trace.as_ref().map(|trace| trace.id);
            let shown = known.filter(|_| !messages::is_of_another(model)).or(model.record());
            of(shown.map_or_else(String::new, |id| model.about.record_name(id)), "its way")
        }
        Pane::Lanes => "Timeline".to_owned(),
        Pane::FaultList => "Faults".to_owned(),
        Pane::Causes => "Broken promises".to_owned(),
    }
}

/// What stands at the right end of a pane's border.
fn note(model: &Model, pane: Pane) -> String {
    match pane {
        Pane::Flow => "records/s over the last second".to_owned(),
        Pane::Events => {
            let held = if model.list(pane).chosen.is_some() {
                format!("held, {} follows", model.keys.name_of(Action::Bottom))
            } else {
                "following".to_owned()
            };
            format!("{} · {held}", list::note(model, pane))
        }
        Pane::Rates => "the last minute".to_owned(),
        Pane::Lag => if model.logarithmic { "logarithmic" } else { "" }.to_owned(),
        Pane::Groups => format!("{} · {}", groups::count_late(model), list::note(model, pane)),
        Pane::Topics | Pane::Partitions | Pane::Records | Pane::FaultList | Pane::Rebalances => {
            list::note(model, pane)
        }
        Pane::Members => model
            .group()
            .and_then(|group| model.snapshot().groups.get(group.index()))
            .map_or_else(String::new, |group| format!("gen {}", group.generation)),
        Pane::Trace => format!("{} goes there", model.keys.name_of(Action::Open)),
        Pane::Roles
        | Pane::Logs
        | Pane::Settings
        | Pane::Promises
        | Pane::Record
        | Pane::Lanes
        | Pane::Causes => String::new(),
    }
}
