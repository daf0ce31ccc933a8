//! Handing out what is on the screen: the command that shows the same, and files.
//!
//! **Not modelled:** the command leads to the same screen, selection and instant; how far lists are scrolled follows from
//! these.

use crate::kernel::Time;
use crate::observe::lens::{Asked, FateFilter};

use super::model::{Mode, Model, Page, Pane};

/// What is to be handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// A text, to the clipboard.
    Copy(String),
    /// The view, as text and SVG, into files of this name and their endings.
    Export(String),
}

/// Copies the command that shows the same.
pub(super) fn copy(model: &mut Model) {
    let course = model.report.courses.current();
    if course.is_some_and(|course| course.injected.is_some() && course.saved.is_none()) {
        model.said = Some(
            "this branch is in no file yet: `:save FILE` writes it, and y says how to see it again"
                .to_owned(),
        );
        return;
    }
    let command = command(model);
    model.said = Some(command.clone());
    model.share = Some(Share::Copy(command));
}

/// Writes the view into files.
pub(super) fn export(model: &mut Model) {
    let view = if model.mode == Mode::Why { "why" } else { model.page.name() };
    let name = format!("{}-{view}-{}", model.title, seconds(model.snapshot().now));
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    model.share =
        Some(Share::Export(name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect()));
}

/// The command line that shows what is on the screen.
pub fn command(model: &Model) -> String {
    // A branch that was saved is in a file of its own.
    let saved = model.report.courses.current().and_then(|course| course.saved.as_ref());
    let arguments = saved.unwrap_or(&model.about.arguments);
    let badge = model.about.badge;
    if model.mode == Mode::Why && (badge == "SIM" || badge == "REPLAY") {
        return format!("brokersim why {arguments}{}", question(model));
    }
    if badge.starts_with("REPLAY") {
        return format!("brokersim ui {arguments}");
    }
    if badge != "SIM" {
        return format!("brokersim run {arguments}");
    }
    let keys = keys(model);
    let keys = if keys.is_empty() { String::new() } else { format!(" --keys {}", quoted(&keys)) };
    format!(
        "brokersim shot {arguments} --screen {} --at {}{keys}",
        model.page.name(),
        seconds(model.snapshot().now)
    )
}

fn question(model: &Model) -> String {
    match model.story.asked {
        Some(Asked::Record(id)) => format!(" {}", model.about.record_name(id)),
        Some(Asked::Lag(group)) => format!(" --lag={}", model.about.group_name(group)),
        Some(Asked::Promise(_) | Asked::Worst { .. }) | None => String::new(),
    }
}

/// `42.318s`, to the nanosecond.
fn seconds(time: Time) -> String {
    let nanos = time.as_nanos();
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The keys that lead from the screen as it opens to what is chosen on it.
fn keys(model: &Model) -> String {
    let (mut keys, from) = match model.page {
        Page::Overview | Page::Faults => (String::new(), model.page.panes()[0]),
        Page::Topics => (find(model.place().map(|place| model.about.place_name(place))), Pane::Partitions),
        Page::Groups => {
            (find(model.group().map(|group| model.about.group_name(group).to_owned())), Pane::Groups)
        }
        Page::Messages => (records(model), Pane::Records),
    };
    let panes = model.page.panes();
    let index = |pane| panes.iter().position(|one| *one == pane).unwrap_or(0);
    let tabs = (index(model.pane()) + panes.len() - index(from)) % panes.len();
    keys.push_str(&"\t".repeat(tabs));
    if model.zoomed {
        keys.push('z');
    }
    keys
}

fn find(name: Option<String>) -> String {
    name.map_or_else(String::new, |name| format!(":find {name}\n"))
}

fn records(model: &Model) -> String {
    let line = model.detail().records.as_ref().zip(model.record());
    let line = line.and_then(|(page, id)| page.lines.iter().find(|line| line.id == id));
    let mut keys = match line.and_then(|line| line.place.map(|place| (place, line.offset))) {
        Some((place, offset)) => format!(":offset {} {offset}\n", model.about.place_name(place)),
        None => find(model.place().map(|place| model.about.place_name(place))) + "o",
    };
    let fate = FateFilter::ALL.iter().position(|fate| *fate == model.fate).unwrap_or(0);
    keys.push_str(&"v".repeat(fate));
    let filter = &model.list(Pane::Records).filter;
    if !filter.is_empty() {
        keys.push_str(&format!("/{filter}\n"));
    }
    if model.whole_channel {
        keys.push('o');
    }
    keys
}

/// As bash, zsh and ksh take it.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|letter| match letter {
            '\n' => "\\n".to_owned(),
            '\t' => "\\t".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\'' => "\\'".to_owned(),
            letter => letter.to_string(),
        })
        .collect();
    format!("$'{escaped}'")
}

/// What a terminal takes for its clipboard (OSC 52).
pub fn to_clipboard(text: &str) -> String {
    format!("\u{1b}]52;c;{}\u{7}", base64(text.as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word =
            three.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = if place <= three.len() {
                char::from(LETTERS[(word >> (18 - 6 * place) & 63) as usize])
            } else {
                '='
            };
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clipboard_is_given_base64() {
        let texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(texts, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
        assert_eq!(to_clipboard("f"), "\u{1b}]52;c;Zg==\u{7}");
    }

    #[test]
    fn an_instant_is_written_as_exactly_as_it_is() {
        let written = [0, 42_300_000_000, 1, 60_000_000_000]
            .map(|nanos| seconds(Time::ZERO + crate::kernel::Duration::from_nanos(nanos)));
        assert_eq!(written, ["0s", "42.3s", "0.000000001s", "60s"]);
    }

    #[test]
    fn keys_are_quoted_for_a_shell() {
        assert_eq!(quoted("/it's\n\t\\"), "$'/it\\'s\\n\\t\\\\'");
    }
}
