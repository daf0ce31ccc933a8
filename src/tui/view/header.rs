//! The first row: which run, how its clock stands, and what is wrong.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, piece};
use super::words::{count, cut};
use crate::observe::NodeState;
use crate::observe::promise::Mode as PromiseMode;
use crate::tui::Moment;
use crate::tui::keys::Action;
use crate::tui::model::{Clock, Model, Seeking};
use crate::tui::mouse::Under;
use crate::tui::pace::Speed;
use crate::tui::theme::{Glyphs, Role};

/// How much is said: each level leaves out a little more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    All,
    WithoutReachedSpeed,
    WithoutState,
    WithoutEnd,
    WithoutSpeed,
}

const DETAILS: [Detail; 5] = [
    Detail::All,
    Detail::WithoutReachedSpeed,
    Detail::WithoutState,
    Detail::WithoutEnd,
    Detail::WithoutSpeed,
];

/// Draws it.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.glyphs();
    let room = usize::from(area.width);
    let note = model.report.note.as_ref().map_or(0, |note| note.chars().count() + 2);
    let branch = branch(model).map_or(0, |text| text.chars().count());
    let title = model.title.chars().count().min(16) + badge(model).len() + 3 + note + branch;
    let rights = DETAILS.map(|detail| right(model, glyphs, detail));
    let width = |pieces: &[Piece]| pieces.iter().map(Piece::width).sum::<usize>();
    let shortest = rights.len() - 1;
    let chosen = rights.iter().position(|right| width(right) + title < room).unwrap_or(shortest);
    let right = &rights[chosen];
    let left = room.saturating_sub(width(right) + 1);
    if left > badge(model).len() {
        draw_left(model, canvas, area, left);
    }
    canvas.pieces(area, left, right);
}

fn badge(model: &Model) -> String {
    let armed = if model.report.courses.armed == Some(true) { "ARMED " } else { "" };
    format!(" {} {armed}", model.about.badge)
}

/// The second row: the screens that the run has.
pub fn tabs(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let mut column = 1;
    let named = |index: usize, title: &str| format!(" {} {title} ", model.keys.name_of(Action::Page(index)));
    let pages = model.pages();
    let whole: usize =
        pages.iter().enumerate().map(|(index, page)| named(index, page.title()).chars().count()).sum();
    let short = whole + " ? Help ".len() >= usize::from(area.width);
    for (index, page) in pages.into_iter().enumerate() {
        let text = named(index, if short { page.short_title() } else { page.title() });
        let role = if page == model.page { Role::Selection } else { Role::Muted };
        canvas.shows(tab(area, column, &text), Under::Page(index));
        column = canvas.text(area, column, &text, role);
    }
    let help = if matches!(model.mode, crate::tui::model::Mode::Help { .. }) {
        Role::Selection
    } else {
        Role::Muted
    };
    let text = format!(" {} Help ", model.keys.name_of(Action::Help));
    canvas.shows(tab(area, column, &text), Under::Help);
    canvas.text(area, column, &text, help);
}

/// Where a tab lies.
fn tab(area: Rect, column: usize, text: &str) -> Rect {
    let column = (column as u16).min(area.width);
    let width = (text.chars().count() as u16).min(area.width - column);
    Rect { x: area.x + column, width, ..area }
}

/// Badge, title and seed, in so many columns.
fn draw_left(model: &Model, canvas: &mut Canvas<'_>, area: Rect, columns: usize) {
    let start = canvas.text(area, 0, &badge(model), Role::Selection) + 1;
    let title = cut(&model.title, columns.saturating_sub(start + 2), canvas.glyphs().cut);
    let after = canvas.text(area, start, &title, Role::Accent);
    let after = match branch(model) {
        Some(text) if after + text.chars().count() < columns => canvas.text(area, after, &text, Role::Fault),
        Some(_) | None => after,
    };
    let note = model.report.note.as_ref().map(|note| format!("  {note}"));
    let after = match note {
        Some(note) => {
            let room = columns.saturating_sub(after + 1);
            canvas.text(area, after, &cut(&note, room, canvas.glyphs().cut), Role::Accent)
        }
        None => after,
    };
    let seed = format!("  seed {}", model.seed);
    if after + seed.len() + 1 < columns {
        canvas.text(area, after, &seed, Role::Muted);
    }
}

/// Which branch it is, and what was injected in it; nothing for a run as the file says.
fn branch(model: &Model) -> Option<String> {
    let courses = &model.report.courses;
    courses.current()?;
    let (number, injected, fault) = (courses.here + 1, courses.injected(), model.theme.glyphs.fault);
    let injected = if injected > 0 { format!(" {fault}{injected}") } else { String::new() };
    Some(format!("  branch {number}{injected}"))
}

fn right(model: &Model, glyphs: Glyphs, detail: Detail) -> Vec<Piece> {
    let mut pieces = clock(model, glyphs, detail);
    pieces.extend(wrong(model, glyphs));
    pieces
}

fn clock(model: &Model, glyphs: Glyphs, detail: Detail) -> Vec<Piece> {
    let snapshot = model.snapshot();
    let mut pieces = vec![state(model, glyphs, detail), piece(format!("  {}", snapshot.now), Role::Plain)];
    if detail < Detail::WithoutEnd {
        pieces.push(piece(format!(" / {}", snapshot.end), Role::Muted));
    }
    let has_speed = model.report.clock != Clock::Finished && model.report.seeking.is_none();
    if has_speed && detail < Detail::WithoutSpeed {
        let speed = if detail == Detail::All { speed(model) } else { model.report.speed.to_string() };
        pieces.push(piece(format!("  {speed}"), Role::Plain));
    }
    pieces
}

/// What time does; that it stands still, or is on its way, is said at every width.
fn state(model: &Model, glyphs: Glyphs, detail: Detail) -> Piece {
    if let Some(seeking) = model.report.seeking {
        return piece(format!("{} SEEKING {}", glyphs.running, sought(seeking)), Role::Accent);
    }
    let says = detail < Detail::WithoutState;
    match model.report.clock {
        Clock::Running => {
            piece(format!("{}{}", glyphs.running, if says { " running" } else { "" }), Role::Ok)
        }
        Clock::Paused => piece(format!("{} PAUSED", glyphs.paused), Role::Accent),
        Clock::Finished => piece(format!("{} FINISHED", glyphs.ok), Role::Selection),
    }
}

/// Where time is on its way to.
fn sought(seeking: Seeking) -> String {
    match seeking {
        Seeking::To(time) => format!("to {time}"),
        Seeking::Next(Moment::Notable) => "the next event".to_owned(),
        Seeking::Next(Moment::Fault) => "the next fault".to_owned(),
    }
}

/// The speed that is wanted, and the one that is reached where that is much less, or wanted as high as possible.
fn speed(model: &Model) -> String {
    let report = &model.report;
    match (report.speed, report.reached) {
        (Speed::Max, Some(reached)) => format!("max ({reached})"),
        (Speed::Times(wanted), Some(Speed::Times(reached))) if reached < wanted / 10 * 9 => {
            format!("{} (only {})", report.speed, rounded(reached))
        }
        (_, _) => report.speed.to_string(),
    }
}

fn rounded(speed: u64) -> Speed {
    Speed::Times(if speed >= 10_000 { speed / 1_000 * 1_000 } else { speed / 100 * 100 })
}

/// What is wrong; nothing when all is well.
fn wrong(model: &Model, glyphs: Glyphs) -> Vec<Piece> {
    let (snapshot, before) = (model.snapshot(), &model.before);
    let down = snapshot.nodes.iter().filter(|node| node.state == NodeState::Down).count() as u64;
    let down_before = before.nodes.iter().filter(|node| node.state == NodeState::Down).count() as u64;
    let tally = |value: u64, then: u64, glyph: &str, word: &str, role| {
        (value > 0).then(|| piece(format!("{glyph} {} {word}", count(value)), role).moved(value != then))
    };
    // Those that the scenario expects to break are no news.
    let verdicts = &model.detail().verdicts;
    let unexpected =
        |key: &u64| verdicts.get(*key as usize).is_some_and(|verdict| verdict.mode != PromiseMode::Broken);
    let broken = crate::tui::rows::broken(model).iter().filter(|key| unexpected(key)).count();
    let promises = (broken > 0).then(|| {
        let of = model.detail().verdicts.len();
        piece(format!("{} {broken}/{of} broken", glyphs.up), Role::Warn)
    });
    let found = [
        tally(down, down_before, glyphs.error, "down", Role::Error),
        tally(snapshot.lost, before.lost, glyphs.error, "lost", Role::Error),
        tally(snapshot.tally.duplicates, before.tally.duplicates, "2x", "dup", Role::Warn),
        promises,
    ];
    found.into_iter().flatten().flat_map(|found| [piece("  ", Role::Plain), found]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::tui::model::Report;
    use crate::tui::shot::Shot;
    use crate::tui::{Msg, Palette, Theme, update};

    fn head(ascii: bool, width: u16, clock: Clock, seeking: Option<Seeking>) -> String {
        let theme = Theme::new(Palette::Mono, ascii);
        let mut model = Model::new("orders-loss", 5, theme, Time::from_secs(120));
        let report = Report { clock, seeking, ..model.report.clone() };
        update(&mut model, Msg::Tick(report));
        Shot::of(&model, width, 24).text().lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_seek_says_where_to_at_every_width_and_is_over_when_it_is_there() {
        let to = Some(Seeking::To(Time::from_millis(12_300)));
        for (ascii, width) in [(false, 120), (false, 80), (true, 80), (false, 60), (true, 40), (false, 40)] {
            let seeks = head(ascii, width, Clock::Paused, to);
            assert!(seeks.contains("SEEKING to 00:12.300  00:00.000"), "{width}: {seeks}");
            assert!(!seeks.contains("PAUSED") && ascii == seeks.is_ascii(), "{width}: {seeks}");
            let there = head(ascii, width, Clock::Paused, None);
            assert!(there.contains("PAUSED") && !there.contains("SEEKING"), "{width}: {there}");
        }
        let next = head(false, 60, Clock::Paused, Some(Seeking::Next(Moment::Fault)));
        assert!(next.contains("SEEKING the next fault"), "{next}");
    }
}
