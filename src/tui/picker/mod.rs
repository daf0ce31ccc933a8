//! The picker: what there is to run, each with its question, and a preview of the chosen one beside it.
//!
//! As the screen it is a model, an update and a view, none of which reads a clock or the environment; [`pick`] shows
//! it on the terminal until something was picked. Letters that are bound to nothing begin to filter, so that typing
//! `lag` finds lag; in the filter every letter is typed.
//!
//! With the mouse: the wheel moves, a click chooses, a click on what is chosen, or a double click, runs it.
//!
//! **Invariant.** The chosen entry is always one of those that pass the filter; none when none does.

mod driver;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::keymap::Keymap;
use super::keys::{Action, Context, Press};
use super::mouse::{Gesture, Mouse};
use super::theme::{Role, Theme};
use super::update::Order;

pub use driver::pick;
pub use view::view;

/// Something to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The heading it stands under. Entries of one group stand together.
    pub group: &'static str,
    /// Its name, as on the command line.
    pub name: String,
    /// The question that it answers, or what it is.
    pub question: String,
    /// A word on what it needs; empty when nothing.
    pub needs: &'static str,
    /// Whether it can be copied to a file.
    pub can_copy: bool,
}

/// A part of a preview: a heading, and lines that are wrapped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paragraph {
    /// Its heading; none when empty.
    pub heading: String,
    /// Its lines, and how they look.
    pub lines: Vec<(Role, String)>,
}

/// What was picked, by the number of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picked {
    /// It is to be run, or opened.
    Open(usize),
    /// It is to be copied to a file.
    Copy(usize),
    /// Nothing: leave.
    Leave,
}

/// What the picker remembers.
#[derive(Clone, Debug)]
pub struct Picker {
    /// All there is, in the order in which it is listed.
    entries: Vec<Entry>,
    filter: String,
    /// Whether letters are typed into the filter.
    typing: bool,
    /// The chosen entry.
    chosen: Option<usize>,
    /// Of which entry the preview is.
    previewed: Option<usize>,
    preview: Vec<Paragraph>,
    /// Colours and glyphs.
    theme: Theme,
    keys: Arc<Keymap>,
    /// Whether the mouse is listened to.
    mouse: bool,
    /// A word to the person, until the next key.
    said: Option<String>,
    stale: bool,
}

impl Picker {
    /// A picker of these entries; the first one is chosen.
    pub fn new(entries: Vec<Entry>, theme: Theme) -> Self {
        let chosen = (!entries.is_empty()).then_some(0);
        Self {
            entries,
            filter: String::new(),
            typing: false,
            chosen,
            previewed: None,
            preview: Vec::new(),
            theme,
            keys: Arc::default(),
            mouse: false,
            said: None,
            stale: true,
        }
    }

    /// The same with these keys.
    #[must_use]
    pub fn bound(mut self, keys: Arc<Keymap>) -> Self {
        self.keys = keys;
        self
    }

    /// The same, listening to the mouse or not.
    #[must_use]
    pub fn pointed(mut self, mouse: bool) -> Self {
        self.mouse = mouse;
        self
    }

    /// Takes other entries: something was run, or copied. What was chosen stays chosen where it is still there.
    pub fn renew(&mut self, entries: Vec<Entry>) {
        let before = self.chosen.map(|index| self.entries[index].clone());
        let same = |entry: &Entry| {
            before.as_ref().is_some_and(|before| before.group == entry.group && before.name == entry.name)
        };
        let chosen = entries.iter().position(same);
        self.entries = entries;
        self.chosen = chosen;
        self.previewed = None;
        self.choose_what_is_there();
    }

    /// Says a word to the person, until the next key.
    pub fn say(&mut self, text: impl Into<String>) {
        self.said = Some(text.into());
        self.stale = true;
    }

    /// The chosen entry, by its number.
    pub fn chosen(&self) -> Option<usize> {
        self.chosen
    }

    /// The entry whose preview is missing.
    pub fn wants_preview(&self) -> Option<usize> {
        self.chosen.filter(|chosen| self.previewed != Some(*chosen))
    }

    /// Takes the preview of an entry.
    pub fn take_preview(&mut self, of: usize, preview: Vec<Paragraph>) {
        self.previewed = Some(of);
        self.preview = preview;
        self.stale = true;
    }

    /// The entries that pass the filter, by number, in their order.
    pub fn listed(&self) -> Vec<usize> {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let passes = |entry: &Entry| {
            let text = format!("{} {} {} {}", entry.name, entry.question, entry.group, entry.needs);
            let text = text.to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        (0..self.entries.len()).filter(|index| passes(&self.entries[*index])).collect()
    }

    /// Which bindings hold now.
    pub fn context(&self) -> Context {
        if self.typing { Context::PickerFilter } else { Context::Picker }
    }

    /// Takes in a key; what it picks.
    pub fn key(&mut self, key: KeyEvent) -> Option<Picked> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        self.stale = true;
        self.said = None;
        let press = Press::of(key);
        match self.keys.action_for(self.context(), press) {
            Some(action) => self.act(action),
            None => {
                if let Some(letter) = press.plain_letter() {
                    self.typing = true;
                    self.change_filter(|filter| filter.push(letter));
                }
                None
            }
        }
    }

    /// Takes in what was done with the mouse; what it picks.
    pub fn point(&mut self, mouse: Mouse) -> Option<Picked> {
        self.stale = true;
        self.said = None;
        let under = view::entry_at(self, mouse.size, mouse.at);
        match mouse.gesture {
            Gesture::Wheel(by) => self.move_by(by),
            Gesture::Click if under.is_some() && under == self.chosen => return under.map(Picked::Open),
            Gesture::Click => self.chosen = under.or(self.chosen),
            // The first of the two chose: the list may have moved under the second.
            Gesture::DoubleClick if under.is_some() => return self.chosen.map(Picked::Open),
            Gesture::DoubleClick => {}
        }
        None
    }

    fn act(&mut self, action: Action) -> Option<Picked> {
        match action {
            Action::Open => return self.chosen.map(Picked::Open),
            Action::Copy => return self.copy(),
            Action::Order(Order::Quit) => return Some(Picked::Leave),
            Action::Move(by) => self.move_by(by),
            Action::Top => self.move_by(isize::MIN / 2),
            Action::Bottom => self.move_by(isize::MAX / 2),
            Action::Filter => self.typing = true,
            Action::Back => self.back(),
            Action::Erase => self.erase(),
            Action::EraseAll => self.change_filter(String::clear),
            // The table of keys has nothing else in these contexts: a test holds that.
            other => unreachable!("{other:?} is bound in the picker"),
        }
        None
    }

    fn copy(&mut self) -> Option<Picked> {
        let chosen = self.chosen?;
        if !self.entries[chosen].can_copy {
            self.say("only a bundled scenario is copied: a file of your own is edited where it lies");
            return None;
        }
        Some(Picked::Copy(chosen))
    }

    fn back(&mut self) {
        self.typing = false;
        self.change_filter(String::clear);
    }

    fn erase(&mut self) {
        self.change_filter(|filter| {
            filter.pop();
        });
        self.typing = !self.filter.is_empty();
    }

    fn change_filter(&mut self, change: impl FnOnce(&mut String)) {
        change(&mut self.filter);
        self.choose_what_is_there();
    }

    fn choose_what_is_there(&mut self) {
        let listed = self.listed();
        if self.chosen.is_none_or(|chosen| !listed.contains(&chosen)) {
            self.chosen = listed.first().copied();
        }
        self.stale = true;
    }

    fn move_by(&mut self, by: isize) {
        let listed = self.listed();
        let Some(last) = listed.len().checked_sub(1) else { return };
        let here = listed.iter().position(|index| Some(*index) == self.chosen).unwrap_or(0);
        self.chosen = Some(listed[here.saturating_add_signed(by).min(last)]);
    }
}
