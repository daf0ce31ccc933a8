//! Groups: lag and its trend, members, rebalances.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::list::{self, cell, wrapped};
use super::words::{at, behind, count, count_in};
use crate::observe::GroupView;
use crate::observe::lens::{GroupDetail, Health, MemberState, MemberView, Ownership, RebalanceView};
use crate::trace::{PlaceId, reason_name};
use crate::tui::model::{Model, Pane};
use crate::tui::rows;
use crate::tui::theme::{Glyphs, Role};

use super::flow::state_of;

/// The groups.
pub fn groups(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs();
    let wide = area.width >= 90;
    let name = if wide { 22 } else { 10 };
    let head = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let heading = [
        head("GROUP", name, false),
        head("STATE", 13, false),
        if wide { head("GEN", 4, true) } else { String::new() },
        head("MEM", 4, true),
        head("LAG", 8, true),
        head("TREND", 9, true),
        head("BEHIND", 8, true),
        "VERDICT".to_owned(),
    ];
    list::draw(model, canvas, area, Pane::Groups, &heading.concat(), |key| {
        let Some(view) = model.snapshot().groups.get(key as usize) else { return Vec::new() };
        let before = model.before.groups.get(key as usize);
        group(view, before, model.detail().groups.get(key as usize), name, wide, glyphs)
    });
}

fn group(
    view: &GroupView,
    before: Option<&GroupView>,
    detail: Option<&GroupDetail>,
    name: usize,
    wide: bool,
    glyphs: Glyphs,
) -> Vec<Piece> {
    let text = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let (glyph, role, _) = state_of(view, glyphs);
    let state = view.state.map_or("", |state| match crate::trace::state_name(state) {
        "PreparingRebalance" => "preparing",
        "CompletingRebalance" => "completing",
        other => other,
    });
    let trend = detail.map_or(0, |detail| detail.trend);
    let (verdict, verdict_role) =
        detail.map_or((String::new(), Role::Plain), |detail| verdict(&detail.health));
    let (arrow, trend_role) = match trend {
        1.. => (glyphs.up, if view.behind.as_millis() >= 1_000 { Role::Warn } else { Role::Plain }),
        0 => ("=", Role::Muted),
        ..0 => (glyphs.down, Role::Ok),
    };
    let late = if view.behind.as_millis() >= 1_000 { Role::Warn } else { Role::Plain };
    let moved = |of: fn(&GroupView) -> u64| before.is_some_and(|then| of(then) != of(view));
    vec![
        piece(text(&view.name, name, false), Role::Plain),
        piece(format!("{glyph} "), role),
        piece(text(&state.to_lowercase(), 11, false), role),
        piece(if wide { text(&view.generation.to_string(), 4, true) } else { String::new() }, Role::Plain),
        piece(text(&view.members.to_string(), 4, true), Role::Plain),
        piece(text(&count_in(view.lag, 8), 8, true), Role::Plain).moved(moved(|group| group.lag)),
        piece(text(&format!("{arrow} {}/s", trend.unsigned_abs()), 9, true), trend_role),
        piece(text(&behind(view.behind), 8, true), late),
        piece(verdict, verdict_role),
    ]
}

/// What to think of a group, in words.
pub fn verdict(health: &Health) -> (String, Role) {
    match health {
        Health::Fine => ("OK".to_owned(), Role::Ok),
        Health::CatchesUp(left) => (format!("OK catches up, {} to go", behind(*left)), Role::Plain),
        Health::FallsBehind => ("LATE falls behind".to_owned(), Role::Warn),
        Health::Behind => ("LATE behind".to_owned(), Role::Warn),
        Health::Rebalances(since) => (format!("WAIT rebalances since {}", at(*since)), Role::Warn),
        Health::NoMembers => ("STOP no members".to_owned(), Role::Error),
        Health::StandsStill(who, long) => (format!("ERR {who} stands still, {}", behind(*long)), Role::Error),
    }
}

/// Who owns what.
pub fn members(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(group) = rows::close_group(model) else { return };
    let glyphs = canvas.glyphs();
    let long = area.width >= 40;
    let name = if long { 12 } else { 9 };
    // Where there is little room, names and partitions are worth more than a rate.
    let owned = usize::from(area.width).saturating_sub(name + if long { 26 } else { 13 }).max(4);
    let head = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let heading = [
        head("  MEMBER", name + 2, false),
        head("OWNS", owned, false),
        head("LAG", 6, true),
        if long { head("/s", 5, true) + "READ" } else { String::new() },
    ];
    let rows = (group.members.len() as u16 + 1).min(area.height);
    list::draw(model, canvas, Rect { height: rows, ..area }, Pane::Members, &heading.concat(), |key| {
        group
            .members
            .get(key as usize)
            .map_or_else(Vec::new, |view| member(model, view, (name, owned, long), glyphs))
    });
    let below = Rect { y: area.y + rows, height: area.height - rows, ..area };
    if group.members.is_empty() {
        canvas.text(below, 2, "nobody owns a partition", Role::Muted);
    }
    if let Health::StandsStill(who, long) = &group.health {
        let why = format!(
            "{who} owns partitions with records to read, and has been handed none for {}: it works on what it has, or \
             waits for it. As long as it sends heartbeats the group takes it for alive, until max.poll.interval.ms.",
            behind(*long)
        );
        wrapped(canvas, below, 1, true, &why, Role::Error);
    }
}

fn member(
    model: &Model,
    view: &MemberView,
    (name, owned, area_is_long): (usize, usize, bool),
    glyphs: Glyphs,
) -> Vec<Piece> {
    let text = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let (glyph, role) = match view.state {
        MemberState::Owns => (glyphs.ok, Role::Ok),
        MemberState::Idle | MemberState::Zombie => (glyphs.warn, Role::Warn),
        MemberState::Gone => (glyphs.error, Role::Error),
    };
    let zombie = view.state == MemberState::Zombie;
    let mut owned_places = places(model, &view.places);
    if zombie {
        owned_places = format!("({owned_places})");
    }
    let now = model.snapshot().now;
    let read = view.delivered.map_or_else(|| "never".to_owned(), |at| behind(now.since(at.min(now))));
    vec![
        piece(format!("{glyph} "), role),
        piece(text(&view.name, name, false), Role::Plain),
        piece(text(&owned_places, owned, false), if zombie { Role::Muted } else { Role::Plain }),
        piece(text(&count_in(view.lag, 6), 6, true), Role::Plain),
        piece(if area_is_long { text(&view.rate.to_string(), 5, true) } else { String::new() }, Role::Plain),
        piece(if area_is_long { read } else { String::new() }, Role::Muted),
    ]
}

/// `orders 0-2,5 payments 1`: partitions by channel, neighbours together.
fn places(model: &Model, places: &[PlaceId]) -> String {
    let mut text = String::new();
    let mut sorted: Vec<PlaceId> = places.to_vec();
    sorted.sort_unstable();
    let several = model.about.channels.iter().filter(|channel| !channel.internal).count() > 1;
    let mut rest = sorted.as_slice();
    let mut channel = None;
    while let Some(first) = rest.first() {
        let next = rest.iter().zip(first.0..).take_while(|(place, number)| place.0 == *number).count();
        let Some(detail) = rows::place(model, *first) else { return text };
        let same = rest[..next]
            .iter()
            .take_while(|place| rows::place(model, **place).is_some_and(|at| at.channel == detail.channel))
            .count();
        if channel != Some(detail.channel) {
            let name = model
                .about
                .channels
                .get(detail.channel as usize)
                .map_or("?", |channel| channel.name.as_str());
            let name = if several { format!("{name} ") } else { String::new() };
            text = format!("{}{}{name}", text.trim_end_matches(','), if text.is_empty() { "" } else { " " });
            channel = Some(detail.channel);
        }
        let last = detail.number + same as u32 - 1;
        text += &if same > 1 { format!("{}-{last},", detail.number) } else { format!("{},", detail.number) };
        rest = &rest[same..];
    }
    text.trim_end_matches(',').to_owned()
}

/// What each rebalance changed.
pub fn rebalances(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(group) = rows::close_group(model) else { return };
    let glyphs = canvas.glyphs();
    let wide = area.width >= 100;
    let why = if wide { 28 } else { 20 };
    let head = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let heading = [
        head("GEN", 4, true),
        head("START", 9, true),
        head("REASON", why, false),
        head("PAUSE", 8, true),
        head("MOVED", 5, true),
        format!("BEFORE {} AFTER", glyphs.to),
    ];
    let phases = area.height > 4;
    let rows = area.height.saturating_sub(u16::from(phases));
    let room = usize::from(area.width).saturating_sub(why + 33);
    list::draw(model, canvas, Rect { height: rows, ..area }, Pane::Rebalances, &heading.concat(), |key| {
        group
            .rebalances
            .get(key as usize)
            .map_or_else(Vec::new, |view| rebalance(model, view, why, room, glyphs))
    });
    let keys = rows::keys(model, Pane::Rebalances);
    let chosen = keys.get(rows::row_of(model, Pane::Rebalances, &keys));
    if let Some(view) = chosen.and_then(|key| group.rebalances.get(*key as usize)).filter(|_| phases) {
        let place = Rect { y: area.y + rows, height: 1, ..area };
        canvas.pieces(place, 2, &phases_of(view, usize::from(area.width) / 3, glyphs));
    } else if group.rebalances.is_empty()
        && let Some(place) = rows_of(area).nth(1)
    {
        canvas.text(place, 2, "none yet", Role::Muted);
    }
}

fn rebalance(model: &Model, view: &RebalanceView, why: usize, room: usize, glyphs: Glyphs) -> Vec<Piece> {
    let text = |text: &str, columns, right| cell(text, columns, right, glyphs.cut);
    let so_far = || format!("{}{}", behind(model.snapshot().now.since(view.began)), glyphs.cut);
    let pause = view.took.map_or_else(so_far, |took| took.to_string());
    let after = if view.took.is_none() { "not yet".to_owned() } else { owners(model, &view.after) };
    let change = format!("{} {} {after}", owners(model, &view.before), glyphs.to);
    vec![
        piece(text(&view.generation.to_string(), 4, true), Role::Plain),
        piece(text(&at(view.began), 9, true), Role::Muted),
        piece(text(reason_name(view.why), why, false), Role::Plain),
        piece(text(&pause, 8, true), if view.took.is_none() { Role::Warn } else { Role::Plain }),
        piece(text(&view.moved.to_string(), 5, true), Role::Plain),
        piece(super::words::cut(&change, room, glyphs.cut), Role::Plain),
    ]
}

fn owners(model: &Model, ownership: &Ownership) -> String {
    if ownership.is_empty() {
        return "nobody".to_owned();
    }
    let owns = |(name, owned): &(std::sync::Arc<str>, std::sync::Arc<[PlaceId]>)| {
        format!("{name}:{}", places(model, owned).replace(' ', ""))
    };
    ownership.iter().map(owns).collect::<Vec<_>>().join(" ")
}

/// How long members were waited for, and how long for their assignment.
fn phases_of(view: &RebalanceView, columns: usize, glyphs: Glyphs) -> Vec<Piece> {
    let (Some(took), Some(joining)) = (view.took, view.joining) else {
        return vec![piece("members are waited for, or their assignment", Role::Warn)];
    };
    let part =
        (u128::from(joining.as_nanos()) * columns as u128 / u128::from(took.as_nanos().max(1))) as usize;
    vec![
        piece("join ", Role::Muted),
        piece(glyphs.safe.repeat(part.max(1)), Role::Warn),
        piece(glyphs.partial.repeat(columns.saturating_sub(part).max(1)), Role::Plain),
        piece(" sync   ", Role::Muted),
        piece(
            format!("{joining} for all to join, {} for the assignment", took.saturating_sub(joining)),
            Role::Plain,
        ),
    ]
}

/// The worst that a group suffers, for the small screens.
pub fn count_late(model: &Model) -> String {
    let late = model.detail().groups.iter().filter(|group| group.health != Health::Fine).count();
    if late == 0 { "all keep up".to_owned() } else { format!("{} not well", count(late as u64)) }
}
