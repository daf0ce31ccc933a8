//! What went wrong when: lanes of nodes and promises, the faults, and what broken promises tell.

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use super::axis;
use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::list::{self, cell, wrapped};
use super::words::{at, cut};
use crate::kernel::Time;
use crate::observe::NodeState;
use crate::observe::lens::{FaultState, FaultView, NodeLane};
use crate::observe::promise::{Mode, Outcome, Verdict};
use crate::tui::keys::Action;
use crate::tui::model::{Model, Pane};
use crate::tui::rows;
use crate::tui::theme::{Glyphs, Role};
use crate::tui::timeline::part_of;
use crate::tui::update::hands::Hand;

/// Nodes with something to show come first; others as there is room.
pub fn lanes(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let links = broken_links(model);
    let names = names_width(model, area, &links);
    let lane = Rect { x: area.x + names as u16, width: area.width.saturating_sub(names as u16), ..area };
    let glyphs = canvas.glyphs();
    let mut places = rows_of(area);
    if let Some(place) = places.next() {
        axis::draw(model, canvas, Rect { y: place.y, height: 1, ..lane }, 16);
    }
    let columns = usize::from(lane.width);
    let promises = &model.detail().verdicts;
    let rebalanced: Vec<_> =
        model.snapshot().groups.iter().filter(|group| !group.rebalances.is_empty()).collect();
    let room = places
        .len()
        .saturating_sub(promises.len().min(places.len() / 2))
        .saturating_sub(rebalanced.len().min(3))
        .saturating_sub(links.len());
    for (index, node) in shown_nodes(model, room) {
        let Some(place) = places.next() else { return };
        canvas.text(place, 0, &cut(&node.name, names - 1, glyphs.cut), Role::Plain);
        let row = Rect { y: place.y, height: 1, ..lane };
        for (column, (glyph, role)) in node_cells(model, index, node, columns, glyphs).into_iter().enumerate()
        {
            canvas.text(row, column, glyph, role);
        }
    }
    for (text, times) in links {
        let Some(place) = places.next() else { return };
        canvas.text(place, 0, &cut(text, names - 1, glyphs.cut), Role::Plain);
        link(model, canvas, Rect { y: place.y, height: 1, ..lane }, &times);
    }
    for group in rebalanced.into_iter().take(3) {
        let Some(place) = places.next() else { return };
        canvas.text(place, 0, &cut(&format!("rebalance {}", group.name), names - 1, glyphs.cut), Role::Plain);
        let row = Rect { y: place.y, height: 1, ..lane };
        passed(model, canvas, row);
        for rebalance in &group.rebalances {
            let column = part_of(rebalance.began, model.snapshot().end, columns);
            canvas.text(row, column, glyphs.rebalance, Role::Plain);
        }
    }
    for verdict in promises {
        let Some(place) = places.next() else { return };
        canvas.text(place, 0, &cut(&verdict.title(), names - 1, glyphs.cut), Role::Plain);
        promise(model, canvas, Rect { y: place.y, height: 1, ..lane }, verdict);
    }
}

/// Faults of the network, and links that have a lane.
const NETWORK: [&str; 6] = ["partition", "blackhole", "reset", "latency", "network-jitter", "bandwidth"];
const LINKS: usize = 3;

/// What was done to links, by what it was, and when: each has a lane of its own.
fn broken_links(model: &Model) -> Vec<(&str, Vec<&FaultView>)> {
    let mut found: Vec<(&str, Vec<&FaultView>)> = Vec::new();
    let of_network = |fault: &&FaultView| {
        let kind = fault.text.split_whitespace().next().unwrap_or_default();
        NETWORK.contains(&kind) && fault.state != FaultState::Missed
    };
    for fault in model.detail().faults.iter().filter(of_network) {
        match found.iter_mut().find(|(text, _)| *text == fault.text) {
            Some((_, times)) => times.push(fault),
            None => found.push((&fault.text, vec![fault])),
        }
    }
    found.truncate(LINKS);
    found
}

fn link(model: &Model, canvas: &mut Canvas<'_>, area: Rect, times: &[&FaultView]) {
    passed(model, canvas, area);
    let (now, end) = (model.snapshot().now, model.snapshot().end);
    let columns = usize::from(area.width);
    let glyph = canvas.glyphs().partial;
    for fault in times.iter().filter(|fault| fault.at <= now) {
        let upto = fault.ended.unwrap_or(now).min(now);
        let (from, upto) = (part_of(fault.at, end, columns), part_of(upto, end, columns));
        for column in from..=upto {
            canvas.text(area, column, glyph, Role::Fault);
        }
    }
}

/// Columns for the names of lanes: as many as they need, but no more than a third.
fn names_width(model: &Model, area: Rect, links: &[(&str, Vec<&FaultView>)]) -> usize {
    let nodes = model.detail().nodes.iter().map(|node| node.name.chars().count());
    let promises = model.detail().verdicts.iter().map(|verdict| verdict.title().chars().count());
    let groups = model.snapshot().groups.iter().map(|group| "rebalance ".len() + group.name.chars().count());
    let links = links.iter().map(|(text, _)| text.chars().count());
    let longest = nodes.chain(promises).chain(groups).chain(links).max().unwrap_or(0);
    (longest + 1).clamp(12, usize::from(area.width / 3).clamp(12, 32))
}

/// Those that were not always up first, then brokers, then the others; in their own order.
fn shown_nodes(model: &Model, room: usize) -> Vec<(u32, &NodeLane)> {
    let struck: BTreeSet<u32> =
        model.detail().faults.iter().flat_map(|fault| fault.nodes.iter().copied()).collect();
    let mut nodes: Vec<(u32, &NodeLane)> = (0..).zip(&model.detail().nodes).collect();
    // Where the injector lives nothing happens.
    nodes.retain(|(_, node)| node.name != "faults");
    nodes.sort_by_key(|(index, node)| {
        (node.states.is_empty() && !struck.contains(index), !node.name.starts_with("broker-"), *index)
    });
    nodes.truncate(room);
    nodes.sort_by_key(|(index, _)| *index);
    nodes
}

fn node_cells(
    model: &Model,
    index: u32,
    node: &NodeLane,
    columns: usize,
    glyphs: Glyphs,
) -> Vec<(&'static str, Role)> {
    let (now, end) = (model.snapshot().now, model.snapshot().end);
    let faults: Vec<&FaultView> =
        model.detail().faults.iter().filter(|fault| fault.nodes.contains(&index)).collect();
    let cell = |column: usize| {
        let begins = Time::ZERO + end.since(Time::ZERO) * column as u64 / columns.max(1) as u64;
        let ends = Time::ZERO + end.since(Time::ZERO) * (column as u64 + 1) / columns.max(1) as u64;
        if begins > now {
            return (glyphs.idle, Role::Muted);
        }
        let before =
            node.states.iter().rev().find(|(at, _)| *at <= begins).map_or(NodeState::Up, |(_, state)| *state);
        let within = node.states.iter().filter(|(at, _)| (begins..ends).contains(at));
        let worst = within.map(|(_, state)| *state).chain([before]).max_by_key(|state| match state {
            NodeState::Up => 0,
            NodeState::Paused => 1,
            NodeState::Down => 2,
        });
        let struck =
            faults.iter().any(|fault| fault.at < ends && fault.ended.is_none_or(|ended| ended > begins));
        match worst {
            Some(NodeState::Down) => (glyphs.error, Role::Error),
            Some(NodeState::Paused) => (glyphs.warn, Role::Warn),
            Some(NodeState::Up) | None if struck => (glyphs.partial, Role::Fault),
            Some(NodeState::Up) | None => (glyphs.lane, Role::Ok),
        }
    };
    (0..columns).map(cell).collect()
}

fn passed(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let columns = usize::from(area.width);
    let (now, end) = (model.snapshot().now, model.snapshot().end);
    let here = if now >= end { columns } else { part_of(now, end, columns) };
    let (done, left) = (canvas.glyphs().passed.repeat(here), canvas.glyphs().idle.repeat(columns - here));
    canvas.pieces(area, 0, &[piece(done, Role::Muted), piece(left, Role::Muted)]);
}

fn promise(model: &Model, canvas: &mut Canvas<'_>, area: Rect, verdict: &Verdict) {
    passed(model, canvas, area);
    let glyphs = canvas.glyphs();
    let (witnesses, glyph, role) = match &verdict.outcome {
        Outcome::Broken { witnesses, .. } if verdict.mode == Mode::Broken => {
            (witnesses, glyphs.up, Role::Warn)
        }
        Outcome::Broken { witnesses, .. } => (witnesses, glyphs.error, Role::Error),
        Outcome::Happened { witnesses, .. } => (witnesses, glyphs.held, Role::Ok),
        Outcome::Held | Outcome::NeverHappened => return,
    };
    for witness in witnesses {
        let column = part_of(witness.at, model.snapshot().end, usize::from(area.width));
        canvas.text(area, column, glyph, role);
    }
}

/// The faults.
pub fn faults(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs();
    if model.detail().faults.is_empty() {
        let injects = model.keys.name_of(Action::Hand(Hand::Faults));
        let text = format!("the scenario lets nothing go wrong: {injects} injects a fault");
        wrapped(canvas, area, 0, false, &text, Role::Muted);
        return;
    }
    let long = area.width >= 50;
    // The cursor and the gaps included; `scheduled` is the longest state.
    let others = 2 + 3 + 10 + if long { 9 + 5 } else { 0 } + 9;
    let by_hand = !long && model.detail().faults.iter().any(|fault| fault.by_hand);
    let by_hand = if by_hand { BY_HAND.len() } else { 0 };
    let text = usize::from(area.width).saturating_sub(others + by_hand + 1).max(8);
    let head = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let heading = [
        head("#", 2, true),
        head("AT", 9, true),
        if long { head("FOR", 8, true) } else { String::new() },
        head("FAULT", text, false),
        if long { head("BY", 4, false) } else { String::new() },
        "STATE".to_owned(),
    ];
    list::draw(model, canvas, area, Pane::FaultList, &heading.concat(), |key| {
        let Some(fault) = model.detail().faults.get(key as usize) else { return Vec::new() };
        let lasts = fault.ended.map_or_else(|| "-".to_owned(), |ended| ended.since(fault.at).to_string());
        let (state, role) = match fault.state {
            FaultState::Scheduled => ("scheduled", Role::Muted),
            FaultState::Active => ("ACTIVE", Role::Fault),
            FaultState::Over => ("over", Role::Plain),
            FaultState::Missed => ("missed", Role::Warn),
        };
        vec![
            piece(cell(&(fault.fault + 1).to_string(), 2, true, glyphs.cut), Role::Plain),
            piece(cell(&at(fault.at), 9, true, glyphs.cut), Role::Muted),
            piece(if long { cell(&lasts, 8, true, glyphs.cut) } else { String::new() }, Role::Plain),
            piece(cell(&fault.text, text, false, glyphs.cut), Role::Plain),
            by_whom(fault, long),
            piece(state, role),
            piece(if fault.by_hand && !long { BY_HAND } else { "" }, Role::Fault),
        ]
    });
}

/// What stands behind the state of a fault that somebody injected, where there is no column for it.
const BY_HAND: &str = " by hand";

/// Who injects it: a person's hand, or the scenario's file.
fn by_whom(fault: &FaultView, shown: bool) -> Piece {
    match (shown, fault.by_hand) {
        (false, _) => piece("", Role::Plain),
        (true, true) => piece("hand ", Role::Fault),
        (true, false) => piece("file ", Role::Muted),
    }
}

/// Broken promises, and the first witness of the chosen one.
pub fn causes(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let broken = rows::broken(model);
    let glyphs = canvas.glyphs();
    if broken.is_empty() {
        canvas.text(area, 0, &format!("{} no promise is broken", glyphs.held), Role::Ok);
        return;
    }
    let rows = (broken.len() as u16).min(area.height / 2).max(1).min(area.height);
    list::draw(model, canvas, Rect { height: rows, ..area }, Pane::Causes, "", |key| {
        let Some(verdict) = model.detail().verdicts.get(key as usize) else { return Vec::new() };
        let role = if verdict.mode == Mode::Broken { Role::Warn } else { Role::Error };
        vec![
            piece(format!("{} ", glyphs.error), role),
            piece(format!("{}  ", verdict.title()), Role::Plain),
            piece(verdict.happened(), role),
        ]
    });
    let chosen = broken[rows::row_of(model, Pane::Causes, &broken)];
    let Some(verdict) = model.detail().verdicts.get(chosen as usize) else { return };
    let below = Rect { y: area.y + rows, height: area.height - rows, ..area };
    let mut row = 1;
    for text in because(model, verdict) {
        row = wrapped(canvas, below, row, true, &text, Role::Error);
    }
}

/// The witnesses of a broken promise, and the faults before the first of them.
pub fn because(model: &Model, verdict: &Verdict) -> Vec<String> {
    let Some(first) = verdict.witnesses().first() else { return Vec::new() };
    let mut said = vec![format!("at {}: {}", at(first.at), first.told())];
    let before = model
        .detail()
        .faults
        .iter()
        .rfind(|fault| fault.at <= first.at && fault.state != FaultState::Scheduled);
    if let Some(fault) = before {
        said.push(format!("the fault before it: {} at {}", fault.text, at(fault.at)));
    }
    said
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratatui::buffer::Buffer;

    use super::*;
    use crate::kernel::Duration;
    use crate::observe::Snapshot;
    use crate::observe::lens::Detail;
    use crate::tui::{Palette, Theme};

    fn fault(text: &str, at: u64, lasts: u64, by_hand: bool) -> FaultView {
        let at = Time::from_secs(at);
        FaultView {
            fault: 0,
            at,
            ended: Some(at + Duration::from_secs(lasts)),
            text: text.to_owned(),
            nodes: Vec::new(),
            state: FaultState::Over,
            by_hand,
        }
    }

    fn rows_drawn(
        faults: Vec<FaultView>,
        width: u16,
        draw: fn(&Model, &mut Canvas<'_>, Rect),
    ) -> Vec<String> {
        let mut model = Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(10));
        model.report.snapshot = Arc::new(Snapshot { now: Time::from_secs(10), ..model.snapshot().clone() });
        model.report.detail = Arc::new(Detail { faults, ..Detail::default() });
        let area = Rect::new(0, 0, width, 4);
        let mut buffer = Buffer::empty(area);
        draw(&model, &mut Canvas::new(&mut buffer, model.theme), area);
        let row = |place: Rect| (0..width).map(|x| buffer[(x, place.y)].symbol()).collect::<String>();
        rows_of(area).map(row).collect()
    }

    #[test]
    fn what_is_done_to_links_has_a_lane_and_the_end_of_the_run_has_passed() {
        let faults = vec![fault("partition b1", 2, 3, false), fault("kill b1", 1, 1, false)];
        let rows = rows_drawn(faults, 32, lanes);
        assert_eq!(rows[1], "partition … ────▒▒▒▒▒▒▒─────────");
        assert_eq!(rows[2].trim(), "", "a killed broker is no broken link");
    }

    #[test]
    fn the_list_of_faults_says_who_injects_them() {
        let faults = vec![fault("kill b1", 1, 1, false), fault("kill b2", 2, 1, true)];
        let rows = rows_drawn(faults.clone(), 60, super::faults);
        assert!(rows[1].contains("file over") && rows[2].contains("hand over"), "{rows:?}");
        let narrow = rows_drawn(faults, 40, super::faults);
        assert!(!narrow[1].contains("hand") && narrow[2].contains("over by hand"), "{narrow:?}");
        assert!(rows_drawn(Vec::new(), 60, super::faults)[0].contains("f injects a fault"));
    }
}
