//! Rates of the last minute as small bars, and the lag of every group.

use std::collections::VecDeque;

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece, rows as rows_of};
use super::list::cell;
use super::words::{behind, count, took};
use crate::kernel::{Duration, Time};
use crate::tui::model::Model;
use crate::tui::theme::{Glyphs, Role};

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let rates = &model.detail().rates;
    let columns = usize::from(area.width).saturating_sub(22).clamp(4, 60);
    let mut places = rows_of(area);
    let lag = lag_by_second(model, columns);
    let now = |values: &VecDeque<u64>| values.back().copied().unwrap_or(0);
    let lines: [(&str, Vec<u64>, String); 5] = [
        ("produce", last(&rates.offered, columns), format!("{}/s", count(now(&rates.offered)))),
        ("consume", last(&rates.processed, columns), format!("{}/s", count(now(&rates.processed)))),
        ("lag", lag, count(model.snapshot().groups.iter().map(|group| group.lag).sum())),
        ("p99 e2e", last_p99(model, columns), p99(model)),
        ("URP", last(&rates.under_replicated, columns), count(now(&rates.under_replicated))),
    ];
    // Where nothing is replicated, or read, there is nothing to say of it.
    let replicated = model.detail().places.iter().any(|place| !place.replicas.is_empty());
    let timed = model.snapshot().latencies_p99.is_some() && !model.snapshot().groups.is_empty();
    let says = |name: &str| (replicated || name != "URP") && (timed || name != "p99 e2e");
    for (name, values, text) in lines.into_iter().filter(|(name, ..)| says(name)) {
        let Some(place) = places.next() else { return };
        let wrong = name == "URP" && values.last().is_some_and(|value| *value > 0);
        let role = if wrong { Role::Warn } else { Role::Ok };
        canvas.text(place, 0, name, Role::Muted);
        let bars = sparkline(&values, canvas.glyphs());
        canvas.pieces(place, 9, &[piece(bars, role)]);
        canvas.text(place, 9 + columns + 1, &text, Role::Plain);
    }
    places.next();
    groups(model, canvas, &mut places);
}

/// The same in one row, for small screens.
pub fn line(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let rates = &model.detail().rates;
    let columns = usize::from(area.width / 13).clamp(4, 12);
    let now = |values: &VecDeque<u64>| values.back().copied().unwrap_or(0);
    let lag: u64 = model.snapshot().groups.iter().map(|group| group.lag).sum();
    let parts = [
        ("prod", last(&rates.offered, columns), format!("{}/s", count(now(&rates.offered)))),
        ("cons", last(&rates.processed, columns), format!("{}/s", count(now(&rates.processed)))),
        ("lag", lag_by_second(model, columns), count(lag)),
        ("p99", last_p99(model, columns), p99(model)),
    ];
    let mut column = 1;
    for (name, values, text) in parts {
        let bars = sparkline(&values, canvas.glyphs());
        let pieces = [
            piece(format!("{name} "), Role::Muted),
            piece(bars, Role::Ok),
            piece(format!(" {text}  "), Role::Plain),
        ];
        let width: usize = pieces.iter().map(Piece::width).sum();
        if column + width.saturating_sub(2) > usize::from(area.width) {
            return;
        }
        column = canvas.pieces(area, column, &pieces);
    }
}

/// Milliseconds from offer to first processing that 99 of 100 records did not exceed, in each of the last seconds; at least
/// one where anything was processed, which is drawn.
fn last_p99(model: &Model, columns: usize) -> Vec<u64> {
    let seconds = model.snapshot().latencies_p99.as_deref().unwrap_or_default();
    let millis = |took: &Option<Duration>| took.map_or(0, |took| took.as_millis().max(1));
    seconds[seconds.len().saturating_sub(columns)..].iter().map(millis).collect()
}

/// The same of the last second; a dash where nothing was processed.
fn p99(model: &Model) -> String {
    let seconds = model.snapshot().latencies_p99.as_deref().unwrap_or_default();
    seconds.last().copied().flatten().map_or_else(|| "-".to_owned(), took)
}

fn last(values: &VecDeque<u64>, columns: usize) -> Vec<u64> {
    values.iter().copied().skip(values.len().saturating_sub(columns)).collect()
}

/// The most lag of all groups together in each of the last seconds.
fn lag_by_second(model: &Model, columns: usize) -> Vec<u64> {
    let now = model.snapshot().now;
    let begin = now.since(Time::ZERO).saturating_sub(Duration::from_secs(columns as u64));
    let mut seconds = vec![0; columns.min(now.since(Time::ZERO).as_millis() as usize / 1_000 + 1)];
    for group in &model.snapshot().groups {
        let mut most = vec![0; seconds.len()];
        let recent = group.series.partition_point(|(at, _)| at.since(Time::ZERO) < begin);
        for (at, lag) in &group.series[recent..] {
            let second = (at.since(Time::ZERO).saturating_sub(begin).as_millis() / 1_000) as usize;
            if let Some(most) = most.get_mut(second) {
                *most = (*lag).max(*most);
            }
        }
        seconds.iter_mut().zip(most).for_each(|(sum, most)| *sum += most);
    }
    seconds
}

/// One bar for each value, the largest of them full.
fn sparkline(values: &[u64], glyphs: Glyphs) -> String {
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let bar = |value: &u64| match value {
        0 => " ",
        value => glyphs.bars[(u128::from(*value) * 7 / u128::from(most)) as usize],
    };
    values.iter().map(bar).collect()
}

fn groups(model: &Model, canvas: &mut Canvas<'_>, places: &mut dyn Iterator<Item = Rect>) {
    let glyphs = canvas.glyphs();
    let Some(head) = places.next() else { return };
    let width = usize::from(head.width);
    let bar = width.saturating_sub(46).min(14);
    let name = if width >= 48 { 12 } else { 9 };
    let heading = [
        cell("GROUP", name, false, ""),
        " ".repeat(bar + usize::from(bar > 0)),
        cell("LAG", 8, true, ""),
        cell("TREND", 9, true, ""),
        cell("BEHIND", 8, true, ""),
    ];
    canvas.text(head, 0, &heading.concat(), Role::Muted);
    let most = model.snapshot().groups.iter().map(|group| group.lag).max().unwrap_or(0).max(1);
    let views = model.snapshot().groups.iter().enumerate();
    for ((index, view), place) in views.zip(places) {
        let trend = model.detail().groups.get(index).map_or(0, |group| group.trend);
        let filled = (u128::from(view.lag) * bar as u128 / u128::from(most)) as usize;
        let (arrow, role) = match trend {
            1.. => (glyphs.up, if view.behind.as_millis() >= 1_000 { Role::Warn } else { Role::Plain }),
            0 => ("=", Role::Muted),
            ..0 => (glyphs.down, Role::Ok),
        };
        let late = if view.behind.as_millis() >= 1_000 { Role::Warn } else { Role::Plain };
        let full = glyphs.bars[7].repeat(filled);
        canvas.pieces(
            place,
            0,
            &[
                piece(cell(&view.name, name, false, glyphs.cut), Role::Plain),
                piece(if bar > 0 { format!("{full:<bar$} ") } else { String::new() }, role),
                piece(cell(&count(view.lag), 8, true, glyphs.cut), Role::Plain),
                piece(cell(&format!("{arrow} {}/s", trend.unsigned_abs()), 9, true, glyphs.cut), role),
                piece(cell(&behind(view.behind), 8, true, glyphs.cut), late),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::{Palette, Theme};

    #[test]
    fn the_largest_value_is_a_full_bar_and_nothing_is_none() {
        let glyphs = Theme::new(Palette::Dark, false).glyphs;
        assert_eq!(sparkline(&[0, 1, 50, 100], glyphs), " ▁▄█");
        assert_eq!(sparkline(&[u64::MAX, 0], glyphs), "█ ");
        assert_eq!(sparkline(&[], glyphs), "");
    }
}
