//! Lag of one group over time.
//!
//! Bars rather than dots: a bar shows the most there was in its slice of time, so no peak is between columns.

use ratatui::layout::Rect;

use super::canvas::{Canvas, piece, rows as rows_of};
use super::words::{behind, count, tick};
use crate::kernel::{Duration, Time};
use crate::observe::GroupView;
use crate::observe::lens::{FaultState, FaultView};
use crate::tui::model::Model;
use crate::tui::theme::Role;

/// Columns for the numbers at the left.
const MARGIN: u16 = 8;

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let chosen = model.group().map_or(0, |group| group.index());
    let Some(group) = model.snapshot().groups.get(chosen) else {
        canvas.text(area, 0, "no group reads here", Role::Muted);
        return;
    };
    let before = model.before.groups.get(chosen);
    headline(canvas, area, group, before);
    let plot = Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area };
    if plot.height < 3 || plot.width < MARGIN + 8 {
        return;
    }
    let (now, end) = (model.snapshot().now, model.snapshot().end);
    let until = horizon(now, end);
    let bars = Rect { x: plot.x + MARGIN, width: plot.width - MARGIN, height: plot.height - 2, ..plot };
    let values = columns(&group.series, now, until, usize::from(bars.width));
    let top = ceiling(values.iter().flatten().copied().max().unwrap_or(0));
    let scale = Scale { top, logarithmic: model.logarithmic };
    axes(canvas, plot, &scale, until);
    draw_bars(canvas, bars, &values, &scale);
    draw_marks(model, canvas, plot, group, until);
}

fn headline(canvas: &mut Canvas<'_>, area: Rect, group: &GroupView, before: Option<&GroupView>) {
    let (most, at) = group.lag_max;
    let lag_moved = before.is_some_and(|then| then.lag != group.lag);
    let behind_moved = before.is_some_and(|then| then.behind != group.behind);
    let late = if group.behind.as_millis() >= 1_000 { Role::Warn } else { Role::Plain };
    let now = [
        piece("now ", Role::Muted),
        piece(count(group.lag), Role::Plain).moved(lag_moved),
        piece("  behind ", Role::Muted),
        piece(behind(group.behind), late).moved(behind_moved),
    ];
    let column = canvas.pieces(area, 0, &now);
    let room = usize::from(area.width).saturating_sub(column);
    let most = format!("  most {}", count(most));
    let when = format!("{most} at {}", super::words::at(at));
    if let Some(text) = [when, most].iter().find(|text| text.len() <= room) {
        canvas.text(area, column, text, Role::Muted);
    }
}

/// Where the chart ends: the next round time, not after the end of the run.
fn horizon(now: Time, end: Time) -> Time {
    let mut length = Duration::from_secs(1);
    let mut factors = [2, 5, 10].into_iter().cycle();
    let mut decade = Duration::from_secs(1);
    while Time::ZERO + length < now && length < end.since(Time::ZERO) {
        let factor = factors.next().expect("a cycle has no end");
        length = decade * factor;
        if factor == 10 {
            decade = length;
        }
    }
    (Time::ZERO + length).min(end)
}

/// The next of 1, 2, 3, 4, 6, 8, 10, 20, …, from 10 on.
fn ceiling(most: u64) -> u64 {
    let mut decade: u64 = 1;
    loop {
        for factor in [1, 2, 3, 4, 6, 8] {
            let candidate = decade.saturating_mul(factor);
            if candidate >= most.max(10) || candidate == u64::MAX {
                return candidate;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

/// The most there was in each column's slice of time; what it was before, where there was no sample; nothing for
/// time to come.
fn columns(series: &[(Time, u64)], now: Time, until: Time, width: usize) -> Vec<Option<u64>> {
    let mut samples = series.iter().copied().peekable();
    let mut last = 0;
    (0..width)
        .map(|column| {
            let begins = part(until, column, width);
            let ends = part(until, column + 1, width);
            let mut most = None;
            while let Some((_, lag)) = samples.next_if(|(at, _)| *at <= ends) {
                most = most.max(Some(lag));
                last = lag;
            }
            (begins < now).then(|| most.unwrap_or(last))
        })
        .collect()
}

fn part(until: Time, column: usize, width: usize) -> Time {
    let nanos = u128::from(until.as_nanos()) * column as u128 / width.max(1) as u128;
    Time::from_nanos(nanos as u64)
}

fn axes(canvas: &mut Canvas<'_>, plot: Rect, scale: &Scale, until: Time) {
    let [upright, along, corner] = canvas.glyphs().axis;
    let left = usize::from(MARGIN) - 2;
    let height = plot.height - 2;
    for (row, place) in rows_of(plot).take(usize::from(height)).enumerate() {
        let label = if row == 0 {
            count(scale.top)
        } else if height >= 5 && row == usize::from(height) / 2 {
            count(scale.middle())
        } else {
            String::new()
        };
        canvas.text(place, 0, &format!("{label:>left$} {upright}"), Role::Muted);
    }
    let mut below = rows_of(plot).skip(usize::from(height));
    let width = usize::from(plot.width - MARGIN);
    if let Some(place) = below.next() {
        canvas.text(place, 0, &format!("{:>left$} {corner}{}", 0, along.repeat(width)), Role::Muted);
    }
    if let Some(place) = below.next() {
        let place = Rect { x: place.x + MARGIN, width: place.width - MARGIN, ..place };
        let (middle, end) = (tick(part(until, 1, 2)), tick(until));
        canvas.text(place, 0, "0", Role::Muted);
        canvas.text(place, width / 2 - middle.len() / 2, &middle, Role::Muted);
        canvas.text(place, width.saturating_sub(end.len()), &end, Role::Muted);
    }
}

fn draw_bars(canvas: &mut Canvas<'_>, area: Rect, values: &[Option<u64>], scale: &Scale) {
    let height = u64::from(area.height);
    let bars = canvas.glyphs().bars;
    for (column, value) in values.iter().enumerate() {
        let Some(value) = value.filter(|value| *value > 0) else { continue };
        let eighths = scale.eighths(value, height);
        for (row, place) in rows_of(area).rev().enumerate() {
            let full = eighths.saturating_sub(8 * row as u64).min(8);
            if full > 0 {
                canvas.text(place, column, bars[full as usize - 1], Role::Ok);
            }
        }
    }
}

/// What the chart's height stands for.
struct Scale {
    top: u64,
    logarithmic: bool,
}

impl Scale {
    fn eighths(&self, value: u64, height: u64) -> u64 {
        if !self.logarithmic {
            return eighths(value, self.top, height);
        }
        let part = (value as f64).ln_1p() / (self.top.max(1) as f64).ln_1p();
        ((part * (height * 8) as f64) as u64).clamp(1, height * 8)
    }

    fn middle(&self) -> u64 {
        if self.logarithmic { self.top.isqrt() } else { self.top / 2 }
    }
}

/// The height of a bar in eighths of a cell; something is never nothing.
fn eighths(value: u64, top: u64, height: u64) -> u64 {
    let exact = u128::from(value) * u128::from(height * 8) / u128::from(top.max(1));
    (exact as u64).clamp(1, height * 8)
}

/// Marks on the axis where faults struck and where the group began to rebalance; a fault lies above.
fn draw_marks(model: &Model, canvas: &mut Canvas<'_>, plot: Rect, group: &GroupView, until: Time) {
    let axis =
        Rect { x: plot.x + MARGIN, y: plot.y + plot.height - 2, width: plot.width - MARGIN, height: 1 };
    let glyph = canvas.glyphs().rebalance;
    for rebalance in &group.rebalances {
        let column = crate::tui::timeline::part_of(rebalance.began, until, usize::from(axis.width));
        canvas.text(axis, column, glyph, Role::Plain);
    }
    let glyph = canvas.glyphs().fault;
    let struck = |fault: &&FaultView| matches!(fault.state, FaultState::Active | FaultState::Over);
    for fault in model.detail().faults.iter().filter(struck).filter(|fault| fault.at <= until) {
        let column = crate::tui::timeline::part_of(fault.at, until, usize::from(axis.width));
        canvas.text(axis, column, glyph, Role::Fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        assert_eq!([0, 5, 6, 11, 21, 1_954, 50_001].map(ceiling), [10, 10, 10, 20, 30, 2_000, 60_000]);
        assert_eq!(ceiling(u64::MAX), u64::MAX);
        let until = |now| horizon(Time::from_secs(now), Time::from_secs(70)).to_string();
        assert_eq!(
            [0, 1, 3, 10, 11, 42, 60].map(until),
            ["00:01.000", "00:01.000", "00:05.000", "00:10.000", "00:20.000", "00:50.000", "01:10.000"]
        );
    }

    #[test]
    fn a_peak_between_two_columns_is_seen() {
        let at = Time::from_millis;
        let series = [(at(100), 1), (at(200), 90), (at(300), 2), (at(900), 3)];
        let columns = columns(&series, at(950), at(2_000), 4);
        assert_eq!(columns, [Some(90), Some(3), None, None]);
    }

    #[test]
    fn something_is_never_drawn_as_nothing() {
        assert_eq!(eighths(1, 1_000_000, 5), 1);
        assert_eq!(eighths(1_000, 1_000, 5), 40);
        assert_eq!(eighths(u64::MAX, u64::MAX, 5), 40);
    }
}
