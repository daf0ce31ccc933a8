//! Which rows a list has, and in which order: the same for the keys that move in it and for the view that draws it.
//!
//! A row is named by a key that stays with what it shows, whatever the order: a place, a group, a record, a fact.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::observe::Line;
use crate::observe::lens::PlaceDetail;
use crate::trace::PlaceId;

use super::model::{Model, Pane};

/// The keys of a list's rows, in order. Empty for panes without rows.
pub fn keys(model: &Model, pane: Pane) -> Vec<u64> {
    let mut keys = match pane {
        Pane::Topics => model.memo.rows(model, pane, None, || topics(model)),
        Pane::Partitions => of_channel(model, pane, partitions),
        Pane::Groups => model.memo.rows(model, pane, None, || groups(model)),
        Pane::Events => events(model).map(|line| line.serial).collect(),
        Pane::Members => numbered(close_group(model).map_or(0, |group| group.members.len())),
        Pane::Rebalances => numbered(close_group(model).map_or(0, |group| group.rebalances.len())).rev_all(),
        Pane::Records => records(model),
        Pane::Trace => trace(model),
        Pane::FaultList => faults(model),
        Pane::Causes => broken(model),
        Pane::Settings => of_channel(model, pane, settings),
        Pane::Flow
        | Pane::Promises
        | Pane::Rates
        | Pane::Roles
        | Pane::Logs
        | Pane::Lag
        | Pane::Record
        | Pane::Lanes => Vec::new(),
    };
    if model.list(pane).reversed {
        keys.reverse();
    }
    keys
}

/// Rows that belong to the chosen channel.
fn of_channel(model: &Model, pane: Pane, make: impl FnOnce(&Model) -> Vec<u64>) -> Vec<u64> {
    let channel = model.channel().map(|channel| u64::from(channel.0));
    model.memo.rows(model, pane, channel, || make(model))
}

trait ReverseAll {
    fn rev_all(self) -> Self;
}

impl ReverseAll for Vec<u64> {
    fn rev_all(mut self) -> Self {
        self.reverse();
        self
    }
}

fn numbered(count: usize) -> Vec<u64> {
    (0..count as u64).collect()
}

/// Whether a row has every word of a filter; `!word` for those without it.
fn passes(filter: &str, text: &str) -> bool {
    let text = text.to_lowercase();
    filter.split_whitespace().all(|word| match word.strip_prefix('!') {
        Some("") => true,
        Some(word) => !text.contains(&word.to_lowercase()),
        None => text.contains(&word.to_lowercase()),
    })
}

/// The partition rows of a channel.
pub fn places_of(model: &Model, channel: u32) -> &[PlaceDetail] {
    let places = &model.detail().places;
    let from = places.partition_point(|place| place.channel < channel);
    let upto = places.partition_point(|place| place.channel <= channel);
    &places[from..upto]
}

/// Partitions of a channel with a replica out of sync.
pub fn under_replicated(model: &Model, channel: u32) -> usize {
    places_of(model, channel).iter().filter(|place| place.is_under_replicated()).count()
}

fn topics(model: &Model) -> Vec<u64> {
    let list = model.list(Pane::Topics);
    let about = &model.about.channels;
    let matching = |(_, channel): &(u64, &super::model::Named)| passes(&list.filter, &channel.name);
    let mut found: Vec<(u64, _)> = (0..).zip(about).filter(matching).collect();
    let rate = |channel: u64| places_of(model, channel as u32).iter().map(|place| place.rate).sum::<u64>();
    match list.order {
        1 => found.sort_by_cached_key(|(key, _)| Reverse(rate(*key))),
        2 => found.sort_by_cached_key(|(key, _)| Reverse(under_replicated(model, *key as u32))),
        _ => found.sort_by_key(|(key, channel)| (channel.internal, *key)),
    }
    found.into_iter().map(|(key, _)| key).collect()
}

fn partitions(model: &Model) -> Vec<u64> {
    let Some(channel) = model.channel() else { return Vec::new() };
    let list = model.list(Pane::Partitions);
    let first = model.about.channels.get(channel.index()).map_or(0, |channel| u64::from(channel.first_place));
    let rows = places_of(model, channel.0);
    let mut found: Vec<(u64, &PlaceDetail)> = (first..).zip(rows).collect();
    if !list.filter.is_empty() {
        let minimum = minimum(model, channel.0);
        found.retain(|(_, place)| passes(&list.filter, &partition_text(place, minimum)));
    }
    match list.order {
        1 => found.sort_by_key(|(_, place)| Reverse(place.gap())),
        2 => found.sort_by_key(|(_, place)| Reverse(place.rate)),
        3 => found.sort_by_key(|(_, place)| Reverse(place.log_end)),
        4 => found.sort_by_key(|(_, place)| Reverse(gravity(place))),
        _ => {}
    }
    found.into_iter().map(|(key, _)| key).collect()
}

/// What a filter of partitions is held against: number, leader, flags.
fn partition_text(place: &PlaceDetail, minimum: Option<usize>) -> String {
    let leader = place.leader.map_or_else(|| "none".to_owned(), |leader| format!("b{}", leader.0));
    format!("{} {leader} {}", place.number, flags(place, minimum).join(" "))
}

fn gravity(place: &PlaceDetail) -> u32 {
    u32::from(place.leader.is_none()) * 8
        + u32::from(place.cut > 0) * 4
        + u32::from(place.unclean) * 2
        + u32::from(place.is_under_replicated())
}

/// How many replicas in sync a channel wants, when it is known.
pub fn minimum(model: &Model, channel: u32) -> Option<usize> {
    let channel = model.about.channels.get(channel as usize)?;
    setting(model, &channel.name, "min.insync.replicas")?.parse().ok()
}

/// What is wrong with a partition, in words; nothing when all is well. `minimum` is that of its channel.
pub fn flags(place: &PlaceDetail, minimum: Option<usize>) -> Vec<String> {
    let below = minimum.is_some_and(|minimum| place.isr.len() < minimum);
    let found = [
        (place.leader.is_none() && !place.replicas.is_empty()).then(|| "OFFLINE".to_owned()),
        place.unclean.then(|| "UNCLEAN".to_owned()),
        (place.cut > 0).then(|| format!("CUT {}", place.cut)),
        (below && place.leader.is_some()).then(|| "<MIN".to_owned()),
        place.is_under_replicated().then(|| "URP".to_owned()),
    ];
    found.into_iter().flatten().collect()
}

/// A setting of a channel, or else of the cluster.
pub fn setting<'m>(model: &'m Model, of: &str, name: &str) -> Option<&'m str> {
    let settings = &model.about.settings;
    let of_whom = |whom: &str| settings.iter().find(|setting| setting.of == whom && setting.name == name);
    of_whom(of).or_else(|| of_whom("")).map(|setting| setting.value.as_str())
}

fn groups(model: &Model) -> Vec<u64> {
    let list = model.list(Pane::Groups);
    let views = &model.snapshot().groups;
    let mut found: Vec<u64> = (0..views.len() as u64)
        .filter(|key| list.filter.is_empty() || passes(&list.filter, &views[*key as usize].name))
        .collect();
    let trend = |key: u64| model.detail().groups.get(key as usize).map_or(0, |group| group.trend);
    match list.order {
        0 => found.sort_by_key(|key| Reverse(views[*key as usize].lag)),
        1 => found.sort_by(|one, other| views[*one as usize].name.cmp(&views[*other as usize].name)),
        2 => found.sort_by_key(|key| Reverse(trend(*key))),
        _ => found.sort_by_key(|key| Reverse(views[*key as usize].behind)),
    }
    found
}

/// The notable lines that pass the filter, oldest first.
pub fn events(model: &Model) -> impl Iterator<Item = &Line> {
    let filter = model.list(Pane::Events).filter.as_str();
    let lines = model.snapshot().lines.iter();
    lines.filter(move |line| filter.is_empty() || passes(filter, &format!("{} {}", line.tag, line.text)))
}

/// What is known of the group that is looked at.
pub fn close_group(model: &Model) -> Option<&crate::observe::lens::GroupDetail> {
    model.group().and_then(|group| model.detail().groups.get(group.index()))
}

fn records(model: &Model) -> Vec<u64> {
    let page = model.detail().records.as_ref();
    page.map_or_else(Vec::new, |page| page.lines.iter().map(|line| line.id.to_bits()).collect())
}

fn trace(model: &Model) -> Vec<u64> {
    let trace = model.detail().trace.as_ref();
    trace.map_or_else(Vec::new, |trace| trace.lines.iter().map(|line| line.serial).collect())
}

fn faults(model: &Model) -> Vec<u64> {
    let filter = &model.list(Pane::FaultList).filter;
    let matching = (0..).zip(&model.detail().faults).filter(|(_, fault)| passes(filter, &fault.text));
    matching.map(|(key, _)| key).collect()
}

/// Promises that are not as expected.
pub fn broken(model: &Model) -> Vec<u64> {
    use crate::observe::promise::Outcome;
    let is_broken =
        |verdict: &&crate::observe::promise::Verdict| matches!(verdict.outcome, Outcome::Broken { .. });
    let numbered = (0..).zip(&model.detail().verdicts);
    numbered.filter(|(_, verdict)| is_broken(verdict)).map(|(key, _)| key).collect()
}

/// Settings of the chosen channel, then of the cluster, then of those who write to it and read from it.
fn settings(model: &Model) -> Vec<u64> {
    let filter = &model.list(Pane::Settings).filter;
    let channel = model.channel().and_then(|channel| model.about.channels.get(channel.index()));
    let topic = channel.map_or("", |channel| channel.name.as_str());
    let topics: BTreeSet<&str> = model.about.channels.iter().map(|channel| channel.name.as_str()).collect();
    let is_topic = |name: &str| topics.contains(name);
    let numbered = (0..).zip(&model.about.settings);
    let mut found: Vec<(u32, u64)> = numbered
        .filter(|(_, setting)| setting.of == topic || !is_topic(&setting.of))
        .filter(|(_, setting)| passes(filter, &format!("{} {} {}", setting.of, setting.name, setting.value)))
        .map(|(key, setting)| (u32::from(setting.of != topic) + u32::from(!setting.written) * 4, key))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, key)| key).collect()
}

/// The place of the chosen row.
pub fn row_of(model: &Model, pane: Pane, keys: &[u64]) -> usize {
    let chosen = model.list(pane).chosen;
    let newest = pane == Pane::Events || pane == Pane::Records && !model.list(pane).reversed;
    let last = if newest { keys.len().saturating_sub(1) } else { 0 };
    chosen.and_then(|chosen| keys.iter().position(|key| *key == chosen)).unwrap_or(last)
}

/// The first row shown of `count` in a window of `height` with the chosen one in it: near its middle, so that the rows
/// around it are seen, whatever way it was come by.
pub fn first_shown(chosen: usize, count: usize, height: usize) -> usize {
    chosen.saturating_sub(height / 2).min(count.saturating_sub(height))
}

/// The detail of a place.
pub fn place(model: &Model, place: PlaceId) -> Option<&PlaceDetail> {
    model.detail().places.get(place.index())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_row_is_always_in_the_window() {
        for count in 0..40 {
            for height in 1..12 {
                for chosen in 0..count {
                    let first = first_shown(chosen, count, height);
                    assert!((first..first + height).contains(&chosen), "{chosen} of {count} in {height}");
                    assert!(first == 0 || first + height <= count);
                }
            }
        }
    }

    #[test]
    fn a_filter_asks_for_every_word_and_can_rule_one_out() {
        assert!(passes("", "anything") && passes("isr ORDERS", "isr orders-4 shrinks") && passes("!", "x"));
        assert!(!passes("isr billing", "isr orders-4 shrinks"));
        assert!(passes("!group", "isr orders-4") && !passes("!isr", "isr orders-4"));
    }
}
