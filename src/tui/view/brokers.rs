//! The partitions that each broker of the flow has: those that it leads, those that it follows, those that it lags with.
//!
//! **Invariant.** Bounded: with more than [`MOST`] partitions nothing is listed, and the flow only counts.

use super::canvas::{Piece, piece};
use super::words::cut;
use crate::observe::lens::PlaceDetail;
use crate::observe::{NodeState, NodeView};
use crate::trace::kafka::BrokerId;
use crate::tui::model::{Model, Named};
use crate::tui::theme::{Glyphs, Role};

/// Partitions that are listed.
const MOST: usize = 60;

/// Whether there are brokers with partitions, and few enough of them.
pub fn are_listed(model: &Model) -> bool {
    let most = |places: usize| (1..=MOST).contains(&places);
    let users = model.about.channels.iter().filter(|channel| !channel.internal);
    most(users.map(|channel| channel.places as usize).sum())
        && model.detail().places.iter().any(|place| !place.replicas.is_empty())
}

/// Columns that the longest row takes.
pub fn columns(model: &Model) -> u16 {
    if !are_listed(model) {
        return 0;
    }
    let row = |node: &NodeView| held(model, node, 1_000, model.theme.glyphs);
    let wide = |row: Vec<Piece>| row.iter().map(Piece::width).sum::<usize>().saturating_sub(1);
    let longest = model.snapshot().nodes.iter().map(|node| wide(row(node))).max();
    longest.unwrap_or(0) as u16
}

/// What a broker has, in so many columns: `◆o0,3 p1 ●o1-2 ○o4`.
pub fn held(model: &Model, node: &NodeView, columns: usize, glyphs: Glyphs) -> Vec<Piece> {
    let number = node.name.strip_prefix("broker-").and_then(|number| number.parse().ok());
    let Some(broker) = number.map(BrokerId) else { return Vec::new() };
    let names = Names::of(model);
    let mut pieces = vec![piece("  ", Role::Plain)];
    for (glyph, role, standing) in [
        (glyphs.leader, Role::Accent, Standing::Leads),
        (glyphs.ok, Role::Ok, Standing::InSync),
        (glyphs.warn, Role::Warn, Standing::Lags),
        (glyphs.error, Role::Error, Standing::Down),
    ] {
        let of = |place: &&PlaceDetail| standing_of(place, broker, node.state) == Some(standing);
        let named = names.list(places(model).filter(of));
        if !named.is_empty() {
            pieces.extend([piece(glyph, role), piece(format!("{named} "), Role::Plain)]);
        }
    }
    within(pieces, columns, glyphs.cut)
}

/// How a broker stands to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Leads,
    InSync,
    Lags,
    Down,
}

fn standing_of(place: &PlaceDetail, broker: BrokerId, state: NodeState) -> Option<Standing> {
    if !place.replicas.contains(&broker) {
        return None;
    }
    Some(match (state, place.leader == Some(broker), place.isr.contains(&broker)) {
        (NodeState::Down, _, _) => Standing::Down,
        (NodeState::Up | NodeState::Paused, true, _) => Standing::Leads,
        (NodeState::Up | NodeState::Paused, false, true) => Standing::InSync,
        (NodeState::Up | NodeState::Paused, false, false) => Standing::Lags,
    })
}

/// The partitions of the users.
fn places(model: &Model) -> impl Iterator<Item = &PlaceDetail> {
    model.detail().places.iter().filter(|place| !place.internal)
}

/// No wider than the column; what is left out is said.
fn within(pieces: Vec<Piece>, columns: usize, more: &str) -> Vec<Piece> {
    let mut room = columns;
    let mut kept = Vec::new();
    for one in pieces {
        let width = one.text.trim_end().chars().count();
        if width > room {
            leave_out(&mut kept, one, room, more);
            return kept;
        }
        room = room.saturating_sub(one.width());
        kept.push(one);
    }
    kept
}

/// A piece that does not fit, and what comes after it: as much of it as fits, or only that it is missing.
fn leave_out(kept: &mut Vec<Piece>, one: Piece, room: usize, more: &str) {
    match kept.last_mut().filter(|_| room == 0) {
        None => kept.push(Piece { text: cut(one.text.trim_end(), room, more), ..one }),
        Some(last) => {
            last.text.pop();
            last.text.push_str(more);
        }
    }
}

/// Short names of partitions.
struct Names<'m> {
    /// By channel.
    prefixes: Vec<&'m str>,
}

impl<'m> Names<'m> {
    /// As few letters of each channel as tell it from the others.
    fn of(model: &'m Model) -> Self {
        let channels = &model.about.channels;
        let users: Vec<&Named> = channels.iter().filter(|channel| !channel.internal).collect();
        let prefix = |channel: &'m Named| {
            let others = || users.iter().filter(|other| other.name != channel.name);
            let ends = channel.name.char_indices().skip(1).map(|(end, _)| end).chain([channel.name.len()]);
            let mut starts = ends.map(|end| &channel.name[..end]);
            let alone = |start: &&str| others().all(|other| !other.name.starts_with(start));
            starts.find(alone).unwrap_or(&channel.name)
        };
        Self { prefixes: channels.iter().map(prefix).collect() }
    }

    /// `o0-2,4 p1`: neighbours together.
    fn list<'p>(&self, places: impl Iterator<Item = &'p PlaceDetail>) -> String {
        let mut runs: Vec<(u32, u32, u32)> = Vec::new();
        for place in places {
            match runs.last_mut() {
                Some((channel, _, last)) if *channel == place.channel && *last + 1 == place.number => {
                    *last = place.number;
                }
                Some(_) | None => runs.push((place.channel, place.number, place.number)),
            }
        }
        let mut text = String::new();
        let mut before = None;
        for (channel, first, last) in runs {
            if before == Some(channel) {
                text.push(',');
            } else {
                text += &self.begin(channel, text.is_empty());
            }
            text += &if first == last { first.to_string() } else { format!("{first}-{last}") };
            before = Some(channel);
        }
        text
    }

    /// What stands before the numbers of a channel.
    fn begin(&self, channel: u32, first: bool) -> String {
        let prefix = self.prefixes.get(channel as usize).copied().unwrap_or_default();
        let gap = if prefix.ends_with(|last: char| last.is_ascii_digit()) { "-" } else { "" };
        format!("{}{prefix}{gap}", if first { "" } else { " " })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kernel::Time;
    use crate::observe::lens::Detail;
    use crate::tui::{About, Palette, Theme};

    fn place(channel: u32, number: u32, leader: u32, isr: &[u32]) -> PlaceDetail {
        let brokers = |numbers: &[u32]| numbers.iter().copied().map(BrokerId).collect();
        PlaceDetail {
            channel,
            number,
            leader: Some(BrokerId(leader)),
            replicas: brokers(&[1, 2]),
            isr: brokers(isr),
            ..PlaceDetail::default()
        }
    }

    fn model(names: &[&str], places: Vec<PlaceDetail>) -> Model {
        let channel = |name: &&str| Named { name: (*name).to_owned(), places: 2, ..Named::default() };
        let about = About { channels: names.iter().map(channel).collect(), ..About::default() };
        let theme = Theme::new(Palette::Mono, false);
        let mut model = Model::new("test", 1, theme, Time::from_secs(1)).about(Arc::new(about));
        model.report.detail = Arc::new(Detail { places, ..Detail::default() });
        model
    }

    fn row(model: &Model, name: &str, state: NodeState, columns: usize) -> String {
        let node = NodeView { name: name.to_owned(), state, leads: 0 };
        let pieces = held(model, &node, columns, model.theme.glyphs);
        pieces.iter().map(|piece| piece.text.as_str()).collect::<String>().trim_end().to_owned()
    }

    #[test]
    fn a_broker_leads_follows_lags_or_is_down() {
        let places = vec![place(0, 0, 1, &[1, 2]), place(0, 1, 2, &[2]), place(1, 0, 2, &[1, 2])];
        let model = model(&["orders", "payments"], places);
        assert!(are_listed(&model));
        assert_eq!(row(&model, "broker-1", NodeState::Up, 40), "  ◆o0 ●p0 ○o1");
        assert_eq!(row(&model, "broker-2", NodeState::Down, 40), "  ✗o0-1 p0");
        assert_eq!(row(&model, "broker-2", NodeState::Up, 9), "  ◆o1 p0…");
        assert_eq!(row(&model, "controller", NodeState::Up, 40), "");
    }

    #[test]
    fn names_are_as_short_as_they_can_be() {
        let alone = model(&["orders"], vec![place(0, 1, 1, &[1, 2])]);
        assert_eq!(row(&alone, "broker-1", NodeState::Up, 40), "  ◆o1");
        let alike = model(&["log1", "log2"], vec![place(1, 0, 1, &[1, 2])]);
        assert_eq!(row(&alike, "broker-1", NodeState::Up, 40), "  ◆log2-0");
    }
}
