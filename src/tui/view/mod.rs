//! Draws the screen: one file for each part, and here where the parts lie.
//!
//! From [`FULL`] on everything is shown; from [`SMALL`] on the same with fewer columns; below that the header
//! and the focused pane; under [`LEAST`] a line that says so.
//!
//! **Invariant.** A frame of any size can be drawn.

mod books;
mod canvas;
mod feed;
mod flow;
mod header;
mod help;
mod hints;
mod lag;
mod strip;
mod words;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use super::model::{Model, Pane};
use super::theme::Role;
use canvas::Canvas;

const FULL: (u16, u16) = (120, 36);
const SMALL: (u16, u16) = (80, 24);
const LEAST: (u16, u16) = (40, 10);

/// Draws a frame.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let canvas = &mut Canvas::new(frame.buffer_mut(), model.theme);
    if !holds(area, LEAST) {
        canvas.text(area, 0, &format!("needs {}x{} or more", LEAST.0, LEAST.1), Role::Plain);
        return;
    }
    let [header, body, strip, hints] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(if holds(area, FULL) { 2 } else { 1 }),
        Constraint::Length(1),
    ])
    .areas(area);
    header::draw(model, canvas, header);
    for (pane, area) in panes(model, area, body) {
        let inner = canvas.pane(area, &title(model, pane), &note(model, pane), pane == model.focus);
        match pane {
            Pane::Flow => flow::draw(model, canvas, inner),
            Pane::Books => books::draw(model, canvas, inner),
            Pane::Lag => lag::draw(model, canvas, inner),
            Pane::Feed => feed::draw(model, canvas, inner),
        }
    }
    strip::draw(model, canvas, strip);
    hints::draw(model, canvas, hints);
    if let Some(scrolled) = model.help {
        help::draw(canvas, body, scrolled);
    }
}

fn holds(area: Rect, (columns, rows): (u16, u16)) -> bool {
    area.width >= columns && area.height >= rows
}

/// Where each pane lies.
fn panes(model: &Model, screen: Rect, body: Rect) -> Vec<(Pane, Rect)> {
    if model.zoomed || !holds(screen, SMALL) {
        return vec![(model.focus, body)];
    }
    let wide = holds(screen, FULL);
    let flow_rows = flow::rows(model) + 2;
    if wide {
        let top = flow_rows.max(books::ROWS + 2).min(body.height * 3 / 5);
        let [top, bottom] = Layout::vertical([Constraint::Length(top), Constraint::Fill(1)]).areas(body);
        let columns = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]);
        let ([flow, books], [feed, lag]) = (columns.areas(top), columns.areas(bottom));
        return vec![(Pane::Flow, flow), (Pane::Books, books), (Pane::Lag, lag), (Pane::Feed, feed)];
    }
    let flow_rows = flow_rows.clamp(4, 7);
    let [flow, middle, feed] =
        Layout::vertical([Constraint::Length(flow_rows), Constraint::Length(8), Constraint::Fill(1)])
            .areas(body);
    let [lag, books] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(36)]).areas(middle);
    vec![(Pane::Flow, flow), (Pane::Books, books), (Pane::Lag, lag), (Pane::Feed, feed)]
}

fn title(model: &Model, pane: Pane) -> String {
    let group = model.snapshot().groups.get(model.group);
    match (pane, group) {
        (Pane::Lag, Some(group)) => format!("{} · {}", pane.title(), group.name),
        (Pane::Flow | Pane::Books | Pane::Lag | Pane::Feed, _) => pane.title().to_owned(),
    }
}

/// What stands at the right end of a pane's border.
fn note(model: &Model, pane: Pane) -> String {
    let groups = model.snapshot().groups.len();
    match pane {
        Pane::Flow => "records/s over the last second".to_owned(),
        Pane::Books => String::new(),
        Pane::Lag if groups > 1 => format!("{} of {groups}, Tab", model.group + 1),
        Pane::Lag => String::new(),
        Pane::Feed if model.held.is_some() => "held, G follows".to_owned(),
        Pane::Feed => "following".to_owned(),
    }
}
