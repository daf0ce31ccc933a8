//! Topics and partitions: roles, logs, and the settings that matter to them.

use ratatui::layout::Rect;

use super::axis;
use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::list::{self, cell};
use super::words::{at, count, count_in};
use crate::kernel::Time;
use crate::observe::NodeState;
use crate::observe::lens::{FaultState, LogEnd, PlaceCloseUp, PlaceDetail, ReplicaView};
use crate::trace::kafka::BrokerId;
use crate::tui::model::{Model, Pane};
use crate::tui::rows;
use crate::tui::theme::{Glyphs, Role};
use crate::tui::timeline::part_of;

/// The channels.
pub fn topics(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let cut = canvas.glyphs().cut;
    let wide = area.width >= 48;
    let name = usize::from(area.width).saturating_sub(if wide { 33 } else { 22 }).max(6);
    let heading = format!(
        "{}{}{}{}{}",
        cell("NAME", name, false, cut),
        cell("P", 4, true, cut),
        if wide { cell("RF", 2, true, cut) + &cell("MSGS", 7, true, cut) } else { String::new() },
        cell("URP", 4, true, cut),
        cell("IN/s", 6, true, cut)
    );
    list::draw(model, canvas, area, Pane::Topics, &heading, |key| {
        let channel = &model.about.channels[key as usize];
        let rate: u64 = rows::places_of(model, key as u32).iter().map(|place| place.rate).sum();
        let urp = rows::under_replicated(model, key as u32);
        let role = if channel.internal { Role::Muted } else { Role::Plain };
        vec![
            piece(cell(&channel.name, name, false, cut), role),
            piece(cell(&channel.places.to_string(), 4, true, cut), role),
            piece(if wide { held(model, key as u32, cut) } else { String::new() }, role),
            piece(cell(&if urp > 0 { urp.to_string() } else { String::new() }, 4, true, cut), Role::Warn),
            piece(cell(&count(rate), 6, true, cut), role),
        ]
    });
}

/// Replicas of a partition, and records that lie in all partitions together.
fn held(model: &Model, channel: u32, cut: &str) -> String {
    let places = rows::places_of(model, channel);
    let factor = places.iter().map(|place| place.replicas.len()).max().unwrap_or(0);
    let records: u64 = places.iter().map(|place| place.log_end.saturating_sub(place.start)).sum();
    cell(&factor.to_string(), 2, true, cut) + &cell(&count_in(records, 7), 7, true, cut)
}

/// The partitions of the chosen channel.
pub fn partitions(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs();
    let wide = area.width >= 80;
    let heading = if wide {
        "  P LEADER EP REPLICAS   ISR      START      HW     LEO  GAP  IN/s FLAGS"
    } else {
        "  P LEADER EP REPLICAS  ISR          HW     LEO  GAP  IN/s FLAGS"
    };
    let brokers: Vec<(BrokerId, NodeState)> =
        model.detail().brokers.iter().map(|view| (view.broker, view.state)).collect();
    let first = model.channel().and_then(|channel| model.about.channels.get(channel.index()));
    let first = first.map_or(0, |channel| channel.first_place);
    let minimum = model.channel().and_then(|channel| rows::minimum(model, channel.0));
    list::draw(model, canvas, area, Pane::Partitions, heading, |key| {
        let place = &model.detail().places[key as usize];
        debug_assert!(key as u32 >= first, "a row of the chosen channel");
        partition(place, minimum, &brokers, wide, glyphs)
    });
    if rows::keys(model, Pane::Partitions).is_empty() {
        canvas.text(
            Rect { y: area.y + 1.min(area.height), ..area },
            2,
            "no partition has all of these words",
            Role::Muted,
        );
    }
}

fn partition(
    place: &PlaceDetail,
    minimum: Option<usize>,
    brokers: &[(BrokerId, NodeState)],
    wide: bool,
    glyphs: Glyphs,
) -> Vec<Piece> {
    let leader =
        place.leader.map_or_else(|| "-".to_owned(), |leader| format!("{}b{}", glyphs.leader, leader.0));
    let isr: Vec<String> = place.isr.iter().map(|broker| broker.0.to_string()).collect();
    let flags = rows::flags(place, minimum).join(" ");
    let number = |value: u64, columns: usize| cell(&count_in(value, columns), columns, true, glyphs.cut);
    let mut pieces = vec![
        piece(cell(&place.number.to_string(), 3, true, glyphs.cut), Role::Plain),
        piece(
            cell(&leader, 6, false, glyphs.cut),
            if place.leader.is_some() { Role::Accent } else { Role::Error },
        ),
        piece(cell(&place.epoch.to_string(), 2, true, glyphs.cut), Role::Plain),
    ];
    let strip = replicas(place, brokers, glyphs);
    let width: usize = strip.iter().map(Piece::width).sum();
    let columns = if wide { 10 } else { 9 };
    pieces.extend(strip);
    pieces.push(piece(" ".repeat(columns.max(width) + 1 - width), Role::Plain));
    pieces.push(piece(
        cell(&isr.join(","), 7, false, glyphs.cut),
        if place.is_under_replicated() { Role::Warn } else { Role::Plain },
    ));
    if wide {
        pieces.push(piece(number(place.start, 6), Role::Muted));
    }
    pieces.extend([
        piece(number(place.high_watermark, 7), Role::Plain),
        piece(number(place.log_end, 7), Role::Plain),
        piece(number(place.gap(), 4), if place.gap() > 0 { Role::Plain } else { Role::Muted }),
        piece(number(place.rate, 5), Role::Plain),
        piece(flags, if place.cut > 0 || place.leader.is_none() { Role::Error } else { Role::Warn }),
    ]);
    pieces
}

/// `◆1✗2●3`: each replica that is known, and how it is.
fn replicas(place: &PlaceDetail, brokers: &[(BrokerId, NodeState)], glyphs: Glyphs) -> Vec<Piece> {
    const MOST: usize = 5;
    let one = |broker: &BrokerId| {
        let (glyph, role) = replica_look(*broker, place.leader, &place.isr, brokers, glyphs);
        [piece(glyph, role), piece(broker.0.to_string(), Role::Plain)]
    };
    let mut pieces: Vec<Piece> = place.replicas.iter().take(MOST).flat_map(one).collect();
    if place.replicas.len() > MOST {
        pieces.push(piece(glyphs.cut, Role::Muted));
    }
    pieces
}

fn replica_look(
    broker: BrokerId,
    leader: Option<BrokerId>,
    isr: &[BrokerId],
    brokers: &[(BrokerId, NodeState)],
    glyphs: Glyphs,
) -> (&'static str, Role) {
    let state = brokers.iter().find(|(id, _)| *id == broker).map(|(_, state)| *state);
    match (state, leader == Some(broker), isr.contains(&broker)) {
        (Some(NodeState::Down), _, _) => (glyphs.error, Role::Error),
        (_, true, _) => (glyphs.leader, Role::Accent),
        (_, false, true) => (glyphs.ok, Role::Ok),
        (_, false, false) => (glyphs.warn, Role::Warn),
    }
}

/// Leader and in-sync set of the chosen partition over the whole run.
pub fn roles(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(close_up) = &model.detail().close_up else { return };
    let tail = usize::from(area.width / 5).clamp(10, 18);
    let lane =
        Rect { x: area.x + 4.min(area.width), width: area.width.saturating_sub(tail as u16 + 5), ..area };
    let mut places = rows_of(area);
    if area.height > close_up.replicas.len() as u16 + 1
        && let Some(place) = places.next()
    {
        axis::draw(model, canvas, Rect { y: place.y, height: 1, ..lane }, 14);
    }
    for replica in &close_up.replicas {
        let Some(place) = places.next() else { return };
        canvas.text(place, 0, &format!("b{}", replica.broker.0), Role::Plain);
        let cells = role_cells(model, close_up, replica.broker, usize::from(lane.width), canvas.glyphs());
        for (column, (glyph, role)) in cells.into_iter().enumerate() {
            canvas.text(Rect { y: place.y, height: 1, ..lane }, column, glyph, role);
        }
        let right = Rect {
            x: area.x + area.width - (tail as u16).min(area.width),
            width: (tail as u16).min(area.width),
            ..place
        };
        let (text, role) = standing(model, close_up, replica, canvas.glyphs());
        canvas.text(right, 0, &super::words::cut(&text, tail, canvas.glyphs().cut), role);
    }
    if let Some(place) = places.next() {
        canvas.text(place, 0, "ev", Role::Muted);
        events(model, canvas, Rect { y: place.y, height: 1, ..lane });
    }
}

/// The faults under the lanes.
fn events(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let end = model.snapshot().end;
    let glyphs = canvas.glyphs();
    for fault in model.detail().faults.iter().filter(|fault| fault.state != FaultState::Missed) {
        let role = if fault.state == FaultState::Scheduled { Role::Muted } else { Role::Fault };
        let column = part_of(fault.at, end, usize::from(area.width));
        canvas.text(area, column, &format!("{} {}", glyphs.fault, fault.text), role);
    }
}

fn role_cells(
    model: &Model,
    close_up: &PlaceCloseUp,
    broker: BrokerId,
    columns: usize,
    glyphs: Glyphs,
) -> Vec<(&'static str, Role)> {
    let (now, end) = (model.snapshot().now, model.snapshot().end);
    let name = format!("broker-{}", broker.0);
    let states =
        model.detail().nodes.iter().find(|lane| lane.name == name).map_or(&[][..], |lane| &lane.states);
    let cell = |column: usize| {
        let ends = Time::ZERO + end.since(Time::ZERO) * (column as u64 + 1) / columns.max(1) as u64;
        let begins = Time::ZERO + end.since(Time::ZERO) * column as u64 / columns.max(1) as u64;
        if begins > now {
            return (glyphs.idle, Role::Muted);
        }
        let state =
            states.iter().rev().find(|(at, _)| *at <= ends).map_or(NodeState::Up, |(_, state)| *state);
        let Some(change) = close_up.changes.iter().rev().find(|change| change.at <= ends) else {
            return (glyphs.idle, Role::Muted);
        };
        let down = [(broker, state)];
        replica_look(broker, change.leader, &change.isr, &down, glyphs)
    };
    (0..columns).map(cell).collect()
}

fn standing(model: &Model, close_up: &PlaceCloseUp, replica: &ReplicaView, glyphs: Glyphs) -> (String, Role) {
    let broker = replica.broker;
    let down =
        model.detail().brokers.iter().find(|view| view.broker == broker && view.state == NodeState::Down);
    if let Some(view) = down {
        return (format!("{} down {}", glyphs.error, at(view.since)), Role::Error);
    }
    let Some(last) = close_up.changes.last() else { return (String::new(), Role::Muted) };
    if last.leader == Some(broker) {
        let since = close_up.changes.iter().rev().take_while(|change| change.leader == Some(broker)).last();
        return (
            format!("{} leads {}", glyphs.leader, since.map_or_else(String::new, |change| at(change.at))),
            Role::Accent,
        );
    }
    if last.isr.contains(&broker) {
        return (format!("{} in sync", glyphs.ok), Role::Ok);
    }
    let left = close_up.changes.iter().rev().take_while(|change| !change.isr.contains(&broker)).last();
    (format!("{} out {}", glyphs.warn, left.map_or_else(String::new, |change| at(change.at))), Role::Warn)
}

/// The logs of the chosen partition, replica by replica.
pub fn logs(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(close_up) = &model.detail().close_up else { return };
    let Some(place) = rows::place(model, close_up.place) else { return };
    let glyphs = canvas.glyphs();
    let tail = if area.width >= 70 { 26 } else { 20 };
    let bar = Rect { x: area.x + 5.min(area.width), width: area.width.saturating_sub(6 + tail), ..area };
    let scale = Scale::of(place, close_up, usize::from(bar.width));
    let mut places = rows_of(area);
    if let Some(first) = places.next() {
        canvas.text(
            Rect { y: first.y, height: 1, ..bar },
            0,
            &format!("{} on", count(scale.from)),
            Role::Muted,
        );
        let mark = format!("{}{} high watermark", count(place.high_watermark), glyphs.down);
        let column =
            scale.column(place.high_watermark).saturating_sub(count(place.high_watermark).chars().count());
        let room = usize::from(bar.width).saturating_sub(mark.chars().count());
        let column = column.min(room).max(count(scale.from).len() + 4);
        if scale.column(place.high_watermark) <= scale.columns {
            canvas.text(Rect { y: first.y, height: 1, ..bar }, column, &mark, Role::Muted);
        }
        canvas.text(Rect { x: bar.x + bar.width + 1, width: tail, ..first }, 0, "LOG END", Role::Muted);
    }
    let brokers: Vec<_> = model.detail().brokers.iter().map(|view| (view.broker, view.state)).collect();
    for replica in &close_up.replicas {
        let Some(row) = places.next() else { return };
        let (glyph, role) = replica_look(replica.broker, place.leader, &place.isr, &brokers, glyphs);
        canvas.pieces(row, 0, &[piece(format!("b{} ", replica.broker.0), Role::Plain), piece(glyph, role)]);
        for (column, (glyph, role)) in log_cells(place, replica, &scale, glyphs).into_iter().enumerate() {
            canvas.text(Rect { y: row.y, height: 1, ..bar }, column, glyph, role);
        }
        let (text, role) = log_end(place, close_up, replica, glyphs);
        let right = Rect { x: bar.x + bar.width + 1, width: tail, ..row };
        canvas.text(right, 0, &super::words::cut(&text, usize::from(tail), glyphs.cut), role);
    }
    let legend = format!(
        "{} committed  {} not yet  {} cut off  {} nobody has said",
        glyphs.safe, glyphs.partial, glyphs.error, glyphs.unknown
    );
    let epochs: Vec<String> = close_up
        .epochs
        .iter()
        .rev()
        .take(4)
        .map(|epoch| format!("e{} b{} from {}", epoch.epoch, epoch.leader.0, count(epoch.start)))
        .collect();
    let _ = places.next();
    for text in [legend, format!("epochs  {}", epochs.join("  "))] {
        if let Some(row) = places.next() {
            canvas.text(row, 0, &super::words::cut(&text, usize::from(row.width), glyphs.cut), Role::Muted);
        }
    }
}

/// Which offsets a bar covers.
struct Scale {
    from: u64,
    /// Offsets in `columns`.
    span: u64,
    columns: usize,
}

impl Scale {
    /// So that the ends of all logs are seen: one offset a column where that is possible.
    fn of(place: &PlaceDetail, close_up: &PlaceCloseUp, columns: usize) -> Self {
        let ends = close_up.replicas.iter().flat_map(|replica| {
            let tail = replica
                .tail
                .map(|tail| tail.from)
                .filter(|_| replica.tail.is_some_and(|tail| is_recent(place, tail.to)));
            [Some(replica.log_end.offset()), tail]
        });
        let ends: Vec<u64> = ends.flatten().chain([place.high_watermark, place.log_end]).collect();
        let (least, most) =
            (ends.iter().min().copied().unwrap_or(0), ends.iter().max().copied().unwrap_or(0));
        let diverged = close_up.replicas.iter().filter_map(|replica| replica.diverged).min();
        if let Some(diverged) = diverged.filter(|_| most - least > columns as u64 / 2) {
            // Where logs part matters more than where they end.
            let from = diverged.saturating_sub(columns as u64 / 2).max(place.start.min(most));
            return Self { from, span: columns.max(1) as u64, columns };
        }
        let wanted = most - least + 2 + columns as u64 / 3;
        let span = wanted.max(columns as u64).max(1);
        Self { from: (most + 2).saturating_sub(span).max(place.start.min(most)), span, columns }
    }

    fn column(&self, offset: u64) -> usize {
        let part =
            u128::from(offset.saturating_sub(self.from)) * self.columns as u128 / u128::from(self.span);
        part as usize
    }

    fn offset(&self, column: usize) -> u64 {
        self.from + (column as u128 * u128::from(self.span) / self.columns.max(1) as u128) as u64
    }
}

/// Whether a cut is near enough to the end of the log to be shown in its bar.
fn is_recent(place: &PlaceDetail, to: u64) -> bool {
    place.log_end.saturating_sub(to) < 200
}

fn log_cells(
    place: &PlaceDetail,
    replica: &ReplicaView,
    scale: &Scale,
    glyphs: Glyphs,
) -> Vec<(&'static str, Role)> {
    let end = replica.log_end.offset();
    let cut = replica.tail.filter(|tail| is_recent(place, tail.to));
    let leads_more = |offset: u64| offset < place.log_end && matches!(replica.log_end, LogEnd::AtLeast(_));
    let cell = |column: usize| {
        let offset = scale.offset(column);
        if offset < place.start {
            (" ", Role::Plain)
        } else if cut.is_some_and(|tail| (tail.to..tail.from).contains(&offset)) && offset >= end {
            (glyphs.error, Role::Error)
        } else if offset < end && replica.diverged.is_some_and(|from| offset >= from) {
            // What the leader does not have: it will be cut off.
            (glyphs.error, Role::Error)
        } else if offset < end && offset < place.high_watermark {
            (glyphs.safe, Role::Ok)
        } else if offset < end {
            (glyphs.partial, Role::Warn)
        } else if leads_more(offset) {
            (glyphs.unknown, Role::Muted)
        } else {
            (" ", Role::Plain)
        }
    };
    (0..scale.columns).map(cell).collect()
}

fn log_end(
    place: &PlaceDetail,
    close_up: &PlaceCloseUp,
    replica: &ReplicaView,
    glyphs: Glyphs,
) -> (String, Role) {
    let text = match replica.log_end {
        LogEnd::At(offset) => count(offset),
        LogEnd::AtLeast(offset) => format!("{} {}", glyphs.least, count(offset)),
    };
    if let Some(from) = replica.diverged {
        return (format!("{text}  parts at {}", count(from)), Role::Error);
    }
    if let Some(tail) = replica.tail {
        return (format!("{text}  cut {} at {}", count(tail.from - tail.to), at(tail.at)), Role::Warn);
    }
    let epoch = close_up.epochs.iter().rev().find(|epoch| epoch.leader == replica.broker);
    match epoch.filter(|_| place.leader == Some(replica.broker)) {
        Some(epoch) => (format!("{text}  e{} from {}", epoch.epoch, count(epoch.start)), Role::Plain),
        None => (text, Role::Plain),
    }
}

/// The settings that matter: written ones are plain, defaults are muted.
pub fn settings(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let cut = canvas.glyphs().cut;
    list::draw(model, canvas, area, Pane::Settings, "", |key| {
        let setting = &model.about.settings[key as usize];
        let topic = model.channel().and_then(|channel| model.about.channels.get(channel.index()));
        let whose = topic.is_some_and(|channel| channel.name == setting.of) || setting.of.is_empty();
        let name = if whose { setting.name.clone() } else { format!("{} {}", setting.of, setting.name) };
        let columns = usize::from(area.width).saturating_sub(setting.value.chars().count() + 3);
        let role = if setting.written { Role::Plain } else { Role::Muted };
        vec![piece(cell(&name, columns, false, cut), role), piece(setting.value.as_str(), role)]
    });
}
