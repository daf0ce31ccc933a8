//! The flow of records: channels, the nodes that hold them, the groups that read them.

use ratatui::layout::{Constraint, Layout, Rect};

use super::brokers;
use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::words::{behind, count, cut};
use crate::observe::lens::{Asked, CutLink, Telling, Told};
use crate::observe::promise::{Mode, Outcome, Verdict};
use crate::observe::{ChannelView, GroupView, NodeState, NodeView};
use crate::trace::kafka::GroupState;
use crate::tui::keys::Action;
use crate::tui::model::Model;
use crate::tui::theme::{Glyphs, Role};

/// Between two columns.
const GAP: u16 = 4;
/// What the groups need: a name and its lag.
const GROUPS: u16 = 20;
/// The narrowest column.
const LEAST: u16 = 12;
/// Where a group has fewer columns the heading says what its first number is.
const LABELLED: usize = 26;
/// What the partitions of a broker get at most.
const MOST_HELD: u16 = 21;

/// How many rows it would like to have; where there is room, with the partitions of each broker below it.
pub fn rows(model: &Model, roomy: bool) -> u16 {
    let each = if roomy && brokers::are_listed(model) { 2 } else { 1 };
    lists(model, each) + if worst(model).is_some() { 4 } else { 0 }
}

/// Rows of the three lists, with so many for each node.
fn lists(model: &Model, each: usize) -> u16 {
    let snapshot = model.snapshot();
    let most = snapshot.channels.len().max(snapshot.groups.len()).max(shown_nodes(model).len() * each);
    1 + most.min(100) as u16
}

/// Rows that the box with the worst may take: what the lists leave, and always a part of the area.
fn rows_for_why(model: &Model, area: Rect, part: u16) -> u16 {
    // With the partitions of brokers, where the box has enough rows left all the same.
    let each = if brokers::are_listed(model) && area.height >= lists(model, 2) + 4 { 2 } else { 1 };
    area.height.saturating_sub(lists(model, each)).max(area.height / part).max(1).min(area.height)
}

/// The worst that happened: the first promise that was broken and should not have been; without one, the first of those
/// that the scenario expects to break, for that is what it is about.
fn worst(model: &Model) -> Option<&Verdict> {
    let broken = |verdict: &&Verdict| matches!(verdict.outcome, Outcome::Broken { .. });
    let verdicts = &model.detail().verdicts;
    let unexpected = verdicts.iter().filter(broken).find(|verdict| verdict.mode != Mode::Broken);
    unexpected.or_else(|| verdicts.iter().find(broken))
}

/// Why it happened, as far as the facts say it.
fn why(model: &Model, canvas: &mut Canvas<'_>, area: Rect) -> u16 {
    let Some(verdict) = worst(model) else { return 0 };
    if let Some(told) = worst_told(model) {
        return told_box(model, canvas, area, told);
    }
    let text = super::faults::because(model, verdict).join("; ");
    let tells = tells(model);
    let text = format!("why {} is broken {tells}: {text}", verdict.title());
    let lines = super::words::wrap(&text, usize::from(area.width).saturating_sub(2)).len() as u16;
    let height = lines.min(rows_for_why(model, area, 3));
    let box_area = Rect { y: area.y + area.height - height, height, ..area };
    super::list::wrapped(canvas, box_area, 0, true, &text, Role::Error);
    height
}

/// Which key tells the story, and how far that is while it is being made.
fn tells(model: &Model) -> String {
    let key = model.keys.name_of(Action::Why);
    let asked = model.detail().why.as_deref().filter(|told| matches!(told.asked, Asked::Worst { .. }));
    match asked.filter(|told| told.telling == Telling::Asking).map(|told| told.percent) {
        None => format!("({key} tells all)"),
        Some(None) => format!("({key} tells all; the story is being made)"),
        Some(Some(percent)) => format!("({key} tells all; the story is being made, {percent} %)"),
    }
}

/// The story of the worst, where it is known.
fn worst_told(model: &Model) -> Option<&Told> {
    let told = model.detail().why.as_deref()?;
    (matches!(told.asked, Asked::Worst { .. }) && !told.short.is_empty()).then_some(told)
}

/// The sentence, the steps that decided it, and what keeps the records; as much of it as there is room for, the sentence
/// and the end first.
fn told_box(model: &Model, canvas: &mut Canvas<'_>, area: Rect, told: &Told) -> u16 {
    let width = usize::from(area.width).saturating_sub(2);
    let rows_of_line = |line: &str| super::words::wrap(line, width).len() as u16;
    let most = rows_for_why(model, area, 2);
    let (first, rest) = told.short.split_first().expect("a story has a sentence");
    let tells = tells(model);
    // `why lost 2 records are gone: ...`
    let first = match first.strip_prefix("why ").and_then(|rest| rest.split_once(' ')) {
        Some((what, sentence)) => format!("why {what} {tells}: {sentence}"),
        None => format!("{first} {tells}"),
    };
    let mut room = most.saturating_sub(rows_of_line(&first));
    let mut shown = Vec::new();
    // From what keeps the records backwards: what came last decided it.
    for line in rest.iter().rev().map(|line| without_number(line)) {
        room = match room.checked_sub(rows_of_line(line)) {
            Some(room) => room,
            None => break,
        };
        shown.push(line.to_owned());
    }
    shown.push(first);
    shown.reverse();
    let height = shown.iter().map(|line| rows_of_line(line)).sum::<u16>().min(most);
    let area = Rect { y: area.y + area.height - height, height, ..area };
    shown.iter().fold(0, |row, line| super::list::wrapped(canvas, area, row, true, line, Role::Error));
    height
}

/// A step without its number: not all of them are shown.
fn without_number(line: &str) -> &str {
    match line.split_once(' ') {
        Some((number, rest)) if number.bytes().all(|digit| digit.is_ascii_digit()) => rest,
        Some(_) | None => line,
    }
}

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let below = why(model, canvas, area);
    let area = Rect { height: area.height - below, ..area };
    let area = links(model, canvas, area);
    let [channels, gap, nodes, next_gap, groups] = columns(model, area);
    let glyphs = canvas.glyphs();
    let width = usize::from(channels.width);
    let shown = shown_nodes(model);
    let of_channels = channel_rows(model, width, glyphs);
    let of_nodes = node_rows(model, &shown, usize::from(nodes.width), glyphs);
    let deep = brokers::are_listed(model) && usize::from(nodes.height) > 2 * shown.len();
    let of_nodes: Vec<_> = of_nodes
        .zip(&shown)
        .flat_map(|(row, node)| {
            let held = deep.then(|| brokers::held(model, node, usize::from(nodes.width), glyphs));
            std::iter::once(row).chain(held)
        })
        .collect();
    let of_groups = group_rows(model, usize::from(groups.width), glyphs);
    arrows(canvas, gap, model.snapshot().channels.iter().map(|channel| channel.rate > 0));
    arrows(canvas, next_gap, model.snapshot().groups.iter().map(|group| group.rate > 0));
    column(canvas, channels, "PRODUCERS TO", of_channels);
    column(canvas, nodes, nodes_title(model), of_nodes.into_iter());
    let title = if usize::from(groups.width) < LABELLED { "CONSUMER GROUPS, LAG" } else { "CONSUMER GROUPS" };
    column(canvas, groups, title, of_groups);
}

/// Links that are cut, in a row at the end: who is cut off from whom. What remains of the area.
fn links(model: &Model, canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let links = &model.detail().links;
    if links.is_empty() || area.height < 4 {
        return area;
    }
    let place = Rect { y: area.y + area.height - 1, height: 1, ..area };
    let texts: Vec<String> = cut_off(links).into_iter().map(|parts| cut_off_text(model, parts)).collect();
    let glyph = canvas.glyphs().error;
    canvas.pieces(
        place,
        0,
        &[
            piece("LINKS ", Role::Muted),
            piece(format!("{glyph} {}", texts.join(&format!("  {glyph} "))), Role::Error),
        ],
    );
    Rect { height: area.height - 1, ..area }
}

/// A node, those that it is cut off from, whether both ways, and since when.
type CutOff = (u32, Vec<u32>, bool, crate::kernel::Time);

/// Links by the node that most of them share, so that one that is alone is told in a word.
fn cut_off(links: &[CutLink]) -> Vec<CutOff> {
    let mut pairs: Vec<(u32, u32, bool, crate::kernel::Time)> = Vec::new();
    for link in links {
        let back = links.iter().any(|other| (other.from, other.to) == (link.to, link.from));
        if !back || link.from < link.to {
            pairs.push((link.from, link.to, back, link.since));
        }
    }
    let mut found = Vec::new();
    while !pairs.is_empty() {
        let degree = |node: u32| pairs.iter().filter(|(from, to, ..)| *from == node || *to == node).count();
        let of_pairs = pairs.iter().flat_map(|(from, to, ..)| [*from, *to]);
        let hub =
            of_pairs.max_by_key(|node| (degree(*node), std::cmp::Reverse(*node))).expect("there is a pair");
        let (own, rest): (Vec<_>, Vec<_>) =
            pairs.into_iter().partition(|(from, to, ..)| *from == hub || *to == hub);
        let others = own.iter().map(|(from, to, ..)| if *from == hub { *to } else { *from }).collect();
        let since = own.iter().map(|(.., since)| *since).min().expect("a hub has a pair");
        found.push((hub, others, own.iter().all(|(_, _, back, _)| *back), since));
        pairs = rest;
    }
    found
}

fn cut_off_text(model: &Model, (hub, others, both, since): CutOff) -> String {
    let name = |node: u32| model.detail().nodes.get(node as usize).map_or("?", |lane| lane.name.as_str());
    let named: Vec<&str> = others.iter().take(2).map(|node| name(*node)).collect();
    let more = if others.len() > 2 { format!(" +{}", others.len() - 2) } else { String::new() };
    let way = if both { "" } else { ", one way" };
    format!("{} cut off from {}{more}{way}, since {}", name(hub), named.join(", "), super::words::at(since))
}

/// As wide as what stands in them, but so that the groups have what they need.
fn columns(model: &Model, area: Rect) -> [Rect; 5] {
    let snapshot = model.snapshot();
    let most = (area.width.saturating_sub(2 * GAP + GROUPS) / 2).max(LEAST);
    let wide = |longest: Option<usize>, more: u16| {
        Constraint::Length((longest.unwrap_or(0).min(100) as u16 + more).clamp(LEAST, most))
    };
    let channels = snapshot.channels.iter().map(|channel| channel.name.chars().count()).max();
    let shown = shown_nodes(model);
    let nodes = shown.iter().map(|node| node.name.chars().count() + tail(node, "*").len()).max();
    let held = if usize::from(area.height) > 2 * shown.len() { brokers::columns(model) } else { 0 };
    let nodes = nodes.max(Some(usize::from(held.min(MOST_HELD)).saturating_sub(3)));
    Layout::horizontal([
        wide(channels, 10),
        Constraint::Length(GAP),
        wide(nodes, 3),
        Constraint::Length(GAP),
        Constraint::Fill(1),
    ])
    .areas(area)
}

/// Makes no more of the lines than there is room for.
fn column(
    canvas: &mut Canvas<'_>,
    area: Rect,
    title: &str,
    lines: impl ExactSizeIterator<Item = Vec<Piece>>,
) {
    let mut places = rows_of(area);
    if let Some(place) = places.next() {
        canvas.text(place, 0, title, Role::Muted);
    }
    let room = usize::from(area.height).saturating_sub(1);
    let count = lines.len();
    let shown = if count > room { room.saturating_sub(1) } else { room };
    for (line, place) in lines.take(shown).zip(places.by_ref()) {
        canvas.pieces(place, 0, &line);
    }
    if let (true, Some(place)) = (count > shown, places.next()) {
        canvas.text(place, 0, &format!("+{} more", count - shown), Role::Muted);
    }
}

fn arrows(canvas: &mut Canvas<'_>, area: Rect, flows: impl Iterator<Item = bool>) {
    let (head, shaft) = canvas.glyphs().arrow;
    let idle = canvas.glyphs().idle;
    for (flows, place) in flows.zip(rows_of(area).skip(1)) {
        if flows {
            canvas.text(place, 1, &format!("{shaft}{head}"), Role::Ok);
        } else {
            canvas.text(place, 1, idle, Role::Muted);
        }
    }
}

fn channel_rows(model: &Model, width: usize, glyphs: Glyphs) -> impl ExactSizeIterator<Item = Vec<Piece>> {
    let before = &model.before.channels;
    let row = move |(index, channel): (usize, &ChannelView)| {
        let rate = format!("{}/s", count(channel.rate));
        let moved = before.get(index).is_some_and(|then| then.rate != channel.rate);
        let name = width.saturating_sub(rate.chars().count() + 3);
        let (glyph, role) = if channel.rate > 0 { (glyphs.ok, Role::Ok) } else { (glyphs.idle, Role::Muted) };
        vec![
            piece(format!("{glyph} "), role),
            piece(format!("{:name$} ", cut(&channel.name, name, glyphs.cut)), Role::Plain),
            piece(rate, Role::Plain).moved(moved),
        ]
    };
    model.snapshot().channels.iter().enumerate().map(row)
}

/// Brokers, and their controller when something is wrong with it; where there are none, every node. What is wrong with
/// clients is seen with the groups and the faults.
fn shown_nodes(model: &Model) -> Vec<&NodeView> {
    let nodes = &model.snapshot().nodes;
    let brokers = nodes.iter().any(is_broker);
    let is_failing = |node: &NodeView| node.name == "controller" && node.state != NodeState::Up;
    // Where the injector lives nothing happens.
    let lives = |node: &&NodeView| node.name != "faults";
    nodes.iter().filter(lives).filter(|node| !brokers || is_broker(node) || is_failing(node)).collect()
}

fn is_broker(node: &NodeView) -> bool {
    node.name.starts_with("broker-")
}

fn nodes_title(model: &Model) -> &'static str {
    if model.snapshot().nodes.iter().any(is_broker) { "BROKERS" } else { "NODES" }
}

fn node_rows(
    model: &Model,
    shown: &[&NodeView],
    width: usize,
    glyphs: Glyphs,
) -> impl ExactSizeIterator<Item = Vec<Piece>> {
    let before = &model.before.nodes;
    let row = move |node: &&NodeView| {
        let moved = before.iter().any(|then| then.name == node.name && then != *node);
        let (glyph, role) = match node.state {
            NodeState::Up => (glyphs.ok, Role::Ok),
            NodeState::Down => (glyphs.error, Role::Error),
            NodeState::Paused => (glyphs.warn, Role::Warn),
        };
        let tail = tail(node, glyphs.leader);
        let name = width.saturating_sub(tail.chars().count() + 3);
        let tail_role = if node.state == NodeState::Up { Role::Plain } else { role };
        vec![
            piece(format!("{glyph} "), role),
            piece(format!("{} ", cut(&node.name, name, glyphs.cut)), Role::Plain),
            piece(tail, tail_role).moved(moved),
        ]
    };
    shown.iter().map(row)
}

/// What is wrong with a node, and how many partitions it leads.
fn tail(node: &NodeView, leader: &str) -> String {
    let state = match node.state {
        NodeState::Up => "",
        NodeState::Down => "down",
        NodeState::Paused => "paused",
    };
    let leads = if node.leads > 0 { format!("{leader}{}", node.leads) } else { String::new() };
    format!("{state} {leads}").trim().to_owned()
}

fn group_rows(model: &Model, width: usize, glyphs: Glyphs) -> impl ExactSizeIterator<Item = Vec<Piece>> {
    let (groups, before) = (&model.snapshot().groups, &model.before.groups);
    let longest = groups.iter().map(|group| group.name.chars().count()).max().unwrap_or(0);
    let name = longest.min(width.saturating_sub(34).max(8));
    let chosen = model.group().filter(|_| groups.len() > 1);
    let row = move |(index, group): (usize, &GroupView)| {
        let selected = chosen == Some(crate::trace::GroupId(index as u32));
        group_row(group, before.get(index), selected, name, width, glyphs)
    };
    groups.iter().enumerate().map(row)
}

fn group_row(
    group: &GroupView,
    before: Option<&GroupView>,
    selected: bool,
    name: usize,
    width: usize,
    glyphs: Glyphs,
) -> Vec<Piece> {
    let then = |of: fn(&GroupView) -> u64| before.is_some_and(|before| of(before) != of(group));
    let (glyph, role, state) = state_of(group, glyphs);
    let grows = before.is_some_and(|before| before.lag < group.lag) && group.behind.as_millis() >= 1_000;
    let lag_role = if grows { Role::Warn } else { Role::Plain };
    let mut pieces = vec![
        piece(format!("{glyph} "), role),
        piece(
            format!("{:name$} ", cut(&group.name, name, glyphs.cut)),
            if selected { Role::Accent } else { Role::Plain },
        ),
    ];
    pieces.extend([
        piece(if width < LABELLED { "" } else { "lag " }, Role::Muted),
        piece(format!("{:<6}", count(group.lag)), lag_role).moved(then(|group| group.lag)),
    ]);
    let rest = [
        vec![piece(format!(" {}/s", count(group.rate)), Role::Plain).moved(then(|group| group.rate))],
        if state.is_empty() { Vec::new() } else { vec![piece(format!(" {state}"), role)] },
        membership(group, before),
        vec![piece(late(group), Role::Warn)],
    ];
    for more in rest {
        let used: usize = pieces.iter().chain(&more).map(Piece::width).sum();
        if used <= width {
            pieces.extend(more);
        }
    }
    pieces
}

/// How far a group is behind, when that is a second or more.
fn late(group: &GroupView) -> String {
    if group.behind.as_millis() >= 1_000 { format!(" {}", behind(group.behind)) } else { String::new() }
}

fn membership(group: &GroupView, before: Option<&GroupView>) -> Vec<Piece> {
    if group.state.is_none() {
        return Vec::new();
    }
    let moved =
        before.is_some_and(|then| (then.generation, then.members) != (group.generation, group.members));
    vec![piece(format!("  g{} {} mem", group.generation, group.members), Role::Plain).moved(moved)]
}

/// Glyph, look and, when it is not the usual one, name of a group's state.
pub fn state_of(group: &GroupView, glyphs: Glyphs) -> (&'static str, Role, &'static str) {
    match group.state {
        Some(GroupState::Stable) => (glyphs.ok, Role::Ok, ""),
        Some(GroupState::PreparingRebalance | GroupState::CompletingRebalance) => {
            (glyphs.rebalance, Role::Warn, "rebal.")
        }
        Some(GroupState::Empty) => (glyphs.warn, Role::Warn, "empty"),
        Some(GroupState::Dead) => (glyphs.error, Role::Error, "dead"),
        None if group.rate > 0 => (glyphs.ok, Role::Ok, ""),
        None => (glyphs.idle, Role::Muted, ""),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratatui::buffer::Buffer;

    use super::*;
    use crate::kernel::Time;
    use crate::observe::lens::Detail;
    use crate::observe::promise::{Counts, Promise, Witness};
    use crate::tui::{Palette, Theme};

    fn broken(promise: Promise, mode: Mode) -> Verdict {
        let witnesses = vec![Witness::new(7, Time::from_secs(3), "it happened".to_owned())];
        Verdict {
            promise,
            mode,
            scope: String::new(),
            kept: mode == Mode::Broken,
            expected: String::new(),
            counts: Counts::Records,
            outcome: Outcome::Broken { count: 1, causes: Default::default(), witnesses },
        }
    }

    fn drawn(verdicts: Vec<Verdict>) -> String {
        drawn_with(verdicts, None)
    }

    fn drawn_with(verdicts: Vec<Verdict>, why: Option<Arc<Told>>) -> String {
        let mut model = Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(9));
        model.report.detail = Arc::new(Detail { verdicts, why, ..Detail::default() });
        let area = Rect::new(0, 0, 60, 9);
        let mut buffer = Buffer::empty(area);
        draw(&model, &mut Canvas::new(&mut buffer, model.theme), area);
        buffer.content.iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn what_was_expected_to_break_is_told_too_but_only_when_nothing_worse_happened() {
        let expected = broken(Promise::AcceptedIsNotLost, Mode::Broken);
        let text = drawn(vec![expected.clone()]);
        assert!(text.contains("why accepted-is-not-lost is broken (w tells all): at"), "{text}");
        let text = drawn(vec![expected, broken(Promise::NothingSkipped, Mode::Always)]);
        assert!(text.contains("why nothing-skipped is broken"), "{text}");
        assert!(!drawn(Vec::new()).contains("why"));
    }

    #[test]
    fn the_box_says_how_far_its_story_is_while_that_is_being_made() {
        let verdicts = || vec![broken(Promise::NothingSkipped, Mode::Always)];
        let told = |telling, percent| {
            let asked = Asked::Worst { tried: false };
            let upto = Time::from_secs(1);
            let (lines, short) = (Vec::new(), Vec::new());
            drawn_with(verdicts(), Some(Arc::new(Told { asked, upto, telling, percent, lines, short })))
        };
        let making = told(Telling::Asking, Some(35));
        assert!(making.contains("the story is") && making.contains("being made, 35 %"), "{making}");
        assert!(told(Telling::Asking, None).contains("being made)"));
        assert!(!told(Telling::Done, None).contains("is being made"));
    }
}
