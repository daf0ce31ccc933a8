//! Colours and glyphs.
//!
//! Every state has its own glyph; colour only repeats it. The colours are those of the 256-colour palette that
//! are least confused under normal, protan, deutan and tritan vision, with a contrast of at least 4.5:1.
//!
//! **Invariant.** The monochrome palette uses no colour but the terminal's own, only modifiers: with `NO_COLOR`
//! set, the terminal library answers any colour with a reset that would wipe bold and reverse.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

/// Which colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// For a dark background.
    Dark,
    /// For a light one.
    Light,
    /// None at all.
    Mono,
}

/// What something is, so that it looks the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing special.
    Plain,
    /// All is well.
    Ok,
    /// Look at this.
    Warn,
    /// Something is wrong.
    Error,
    /// Somebody made it go wrong.
    Fault,
    /// A leader, a heading, a number that moved.
    Accent,
    /// Less important.
    Muted,
    /// Selected, a badge.
    Selection,
}

/// The glyphs, each one column wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Up, stable, in sync.
    pub ok: &'static str,
    /// Lagging, empty, paused.
    pub warn: &'static str,
    /// Down, lost.
    pub error: &'static str,
    /// An injected fault.
    pub fault: &'static str,
    /// A leader.
    pub leader: &'static str,
    /// A group that rebalances.
    pub rebalance: &'static str,
    /// It grows.
    pub up: &'static str,
    /// It shrinks.
    pub down: &'static str,
    /// Idle, to come.
    pub idle: &'static str,
    /// Running.
    pub running: &'static str,
    /// Paused.
    pub paused: &'static str,
    /// Where records go, head and shaft.
    pub arrow: (&'static str, &'static str),
    /// Something was cut off here.
    pub cut: &'static str,
    /// Time that has passed.
    pub passed: &'static str,
    /// The chosen row.
    pub cursor: &'static str,
    /// It holds.
    pub held: &'static str,
    /// A record that all replicas in sync have.
    pub safe: &'static str,
    /// A record that is not committed; time in which something is degraded.
    pub partial: &'static str,
    /// It may be there, or not.
    pub unknown: &'static str,
    /// Time in which a node is up.
    pub lane: &'static str,
    /// From something to something.
    pub to: &'static str,
    /// At least.
    pub least: &'static str,
    /// Bars of eight heights, the lowest first.
    pub bars: [&'static str; 8],
    /// The axis: upright, along, corner.
    pub axis: [&'static str; 3],
    /// The border of a pane.
    pub border: border::Set<'static>,
    /// The border of the pane that has the focus.
    pub focus: border::Set<'static>,
}

const UNICODE: Glyphs = Glyphs {
    ok: "●",
    warn: "○",
    error: "✗",
    fault: "↯",
    leader: "◆",
    rebalance: "↻",
    up: "▲",
    down: "▼",
    idle: "·",
    running: "▶",
    paused: "II",
    arrow: ("▶", "━"),
    cut: "…",
    passed: "─",
    cursor: "▌",
    held: "✓",
    safe: "▓",
    partial: "▒",
    unknown: "?",
    lane: "━",
    to: "→",
    least: "≥",
    bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    axis: ["│", "─", "└"],
    border: border::PLAIN,
    focus: border::THICK,
};

const ASCII: Glyphs = Glyphs {
    ok: "*",
    warn: "o",
    error: "x",
    fault: "!",
    leader: "@",
    rebalance: "~",
    up: "^",
    down: "v",
    idle: ".",
    running: ">",
    paused: "II",
    arrow: (">", "="),
    cut: ".",
    passed: "-",
    cursor: ">",
    held: "+",
    safe: "#",
    partial: "%",
    unknown: "?",
    lane: "=",
    to: ">",
    least: ">",
    bars: [".", ".", ".", ":", ":", ":", "#", "#"],
    axis: ["|", "-", "+"],
    border: frame("-", "|", "+"),
    focus: frame("=", "#", "#"),
};

const fn frame(along: &'static str, upright: &'static str, corner: &'static str) -> border::Set<'static> {
    border::Set {
        top_left: corner,
        top_right: corner,
        bottom_left: corner,
        bottom_right: corner,
        vertical_left: upright,
        vertical_right: upright,
        horizontal_top: along,
        horizontal_bottom: along,
    }
}

/// Colours and glyphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// The colours.
    pub palette: Palette,
    /// The glyphs.
    pub glyphs: Glyphs,
}

impl Theme {
    /// A theme; `ascii` for terminals or fonts that know no other glyphs.
    pub fn new(palette: Palette, ascii: bool) -> Self {
        Self { palette, glyphs: if ascii { ASCII } else { UNICODE } }
    }

    /// How something looks.
    pub fn style(&self, role: Role) -> Style {
        match self.palette {
            Palette::Dark => coloured(role, [80, 228, 202, 135, 255, 244]),
            Palette::Light => coloured(role, [27, 94, 52, 54, 16, 242]),
            Palette::Mono => mono(role),
        }
    }
}

/// `colours`: of ok, warn, error, fault, accent, muted.
fn coloured(role: Role, colours: [u8; 6]) -> Style {
    let colour = |index: usize| Style::new().fg(Color::Indexed(colours[index]));
    match role {
        Role::Plain => Style::new(),
        Role::Ok => colour(0),
        Role::Warn => colour(1),
        Role::Error => colour(2).add_modifier(Modifier::BOLD),
        Role::Fault => colour(3).add_modifier(Modifier::BOLD),
        Role::Accent => colour(4).add_modifier(Modifier::BOLD),
        Role::Muted => colour(5),
        Role::Selection => Style::new().add_modifier(Modifier::REVERSED),
    }
}

fn mono(role: Role) -> Style {
    let modifier = match role {
        Role::Plain | Role::Ok => Modifier::empty(),
        Role::Warn => Modifier::UNDERLINED,
        Role::Error => Modifier::REVERSED | Modifier::BOLD,
        Role::Fault => Modifier::BOLD | Modifier::UNDERLINED,
        Role::Accent => Modifier::BOLD,
        Role::Muted => Modifier::DIM,
        Role::Selection => Modifier::REVERSED,
    };
    Style::new().add_modifier(modifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_glyph_of_the_ascii_set_is_ascii() {
        let glyphs = Theme::new(Palette::Mono, true).glyphs;
        let border = |set: border::Set<'static>| [set.top_left, set.vertical_left, set.horizontal_top];
        let all =
            [glyphs.bars.as_slice(), &glyphs.axis, &border(glyphs.border), &border(glyphs.focus)].concat();
        let more = [glyphs.ok, glyphs.warn, glyphs.error, glyphs.fault, glyphs.leader, glyphs.rebalance];
        let rest = [glyphs.up, glyphs.down, glyphs.idle, glyphs.running, glyphs.cut, glyphs.passed];
        let logs = [glyphs.cursor, glyphs.held, glyphs.safe, glyphs.partial, glyphs.unknown, glyphs.lane];
        let ends = [glyphs.to, glyphs.least];
        assert!(
            all.iter()
                .chain(&more)
                .chain(&rest)
                .chain(&logs)
                .chain(&ends)
                .all(|glyph| glyph.is_ascii() && glyph.len() == 1)
        );
    }

    #[test]
    fn states_that_must_not_be_confused_have_their_own_glyphs() {
        for ascii in [false, true] {
            let glyphs = Theme::new(Palette::Dark, ascii).glyphs;
            let states =
                [glyphs.ok, glyphs.warn, glyphs.error, glyphs.fault, glyphs.leader, glyphs.rebalance];
            for (index, state) in states.iter().enumerate() {
                assert!(!states[..index].contains(state), "{state}");
            }
        }
    }
}
