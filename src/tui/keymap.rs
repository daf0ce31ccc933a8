//! The keys as they are bound: the table that is shipped, or what a person made of it.
//!
//! **Invariant.** Dispatch, hints, which-key, help and the printed list ask here, so they never tell of another key than
//! the one that works. No key is bound twice in a context.

use super::keys::{Action, BINDINGS, Binding, Context, Press, hint_of, useful};
use super::model::{Clock, Page, Pane};

/// All keys of all contexts.
#[derive(Clone, Debug)]
pub struct Keymap {
    rows: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::shipped()
    }
}

impl Keymap {
    /// The keys as they are shipped.
    pub fn shipped() -> Self {
        Self { rows: BINDINGS.to_vec() }
    }

    /// The keys of these rows, which are those of the shipped table with other keys.
    pub(super) fn of(rows: Vec<Binding>) -> Self {
        assert_eq!(rows.len(), BINDINGS.len(), "every row is there, if only without keys");
        Self { rows }
    }

    /// What a key does in a context.
    pub fn action_for(&self, context: Context, press: Press) -> Option<Action> {
        self.bindings_of(context).find(|row| row.keys.contains(&press)).map(|row| row.action)
    }

    /// The bindings of a context in their order, those without any key left out.
    pub fn bindings_of(&self, context: Context) -> impl Iterator<Item = &Binding> {
        self.rows.iter().filter(move |row| row.context == context && !row.keys.is_empty())
    }

    /// Every row, those without any key too.
    pub fn rows(&self) -> &[Binding] {
        &self.rows
    }

    /// The first key for an action on the screen, as the help writes it; `-` when it has none.
    pub fn name_of(&self, action: Action) -> String {
        let row = self.bindings_of(Context::Screen).find(|row| row.action == action);
        row.map_or_else(|| "-".to_owned(), |row| row.keys[0].name())
    }

    /// Key and hint of every binding of a context that has a hint, however things stand.
    pub fn hints_of(&self, context: Context) -> Vec<(String, String)> {
        let hinted = self.bindings_of(context).filter(|row| !row.hint.is_empty());
        hinted.map(|row| (row.keys[0].name(), self.as_bound(context, row.hint))).collect()
    }

    /// The bindings that the help shows for a filter: those whose keys, words or heading have every word of it.
    pub fn matching(&self, filter: &str) -> impl Iterator<Item = &Binding> {
        let fits = fits(filter);
        self.bindings_of(Context::Screen).filter(move |row| fits(row, row.topic.title()))
    }

    /// The same for another context, under this heading.
    pub fn matching_in(
        &self,
        context: Context,
        heading: &str,
        filter: &str,
    ) -> impl Iterator<Item = &Binding> {
        let fits = fits(filter);
        self.bindings_of(context).filter(move |row| fits(row, heading))
    }

    /// Key and hint, for the bindings that have an effect as things stand.
    pub fn hints(&self, context: Context, clock: Clock, page: Page, pane: Pane) -> Vec<(String, String)> {
        self.bindings_of(context)
            .filter(|row| !row.hint.is_empty())
            // What lies over the screen has keys of its own, which do not depend on what is below.
            .filter(|row| context != Context::Screen || useful(row.action, clock, page, pane))
            .map(|row| (row.keys[0].name(), self.as_bound(context, hint_of(row, clock))))
            .collect()
    }

    /// A hint whose first word is the shipped key that goes the other way, with the key that does it now.
    fn as_bound(&self, context: Context, hint: &str) -> String {
        let Some((other, word)) = hint.split_once(' ') else { return hint.to_owned() };
        let shipped =
            |press| (0..).zip(BINDINGS).find(|(_, row)| row.context == context && row.keys.contains(&press));
        match Press::named(other).and_then(shipped).map(|(index, _): (usize, _)| &self.rows[index].keys) {
            None => hint.to_owned(),
            Some(keys) => {
                keys.first().map_or_else(|| word.to_owned(), |key| format!("{} {word}", key.name()))
            }
        }
    }
}

/// Whether the keys of a binding, its words and the heading above it have every word of a filter.
fn fits(filter: &str) -> impl Fn(&Binding, &str) -> bool + use<> {
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    move |row, heading| {
        let keys: Vec<String> = row.keys.iter().map(|key| key.name()).collect();
        let text = format!("{} {} {heading}", keys.join(" "), row.help).to_lowercase();
        words.iter().all(|word| text.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound() -> Keymap {
        super::super::keymap_file::read(
            "[screen]\nseek-event-back = 'F2'\nseek-notable-back = []\nhelp = ['F1', '?']\n",
        )
        .expect("a file of keys")
    }

    fn hints_of(keymap: &Keymap, clock: Clock) -> Vec<(String, String)> {
        keymap.hints(Context::Screen, clock, Page::Overview, Pane::Flow)
    }

    #[test]
    fn a_finished_run_hints_at_the_way_back_alone() {
        let hints = hints_of(&Keymap::shipped(), Clock::Finished);
        let hinted: Vec<&str> = hints.iter().map(|(_, hint)| hint.as_str()).collect();
        assert!(hinted.contains(&"quit") && hinted.contains(&", step") && hinted.contains(&"[ event"));
        assert!(!hinted.contains(&"- speed") && !hinted.contains(&"run/pause"));
    }

    #[test]
    fn hints_and_help_tell_of_the_keys_that_work() {
        let keymap = bound();
        let hints = hints_of(&keymap, Clock::Paused);
        let has = |key: &str, hint: &str| {
            hints.iter().any(|found| (found.0.as_str(), found.1.as_str()) == (key, hint))
        };
        assert!(
            has(".", "F2 step") && has("]", "event") && has("F1", "help") && has("}", "{ fault"),
            "{hints:?}"
        );
        assert!(
            keymap.matching("f2").count() == 1 && keymap.matching("the notable event before").count() == 0
        );
        let press = |name| Press::named(name).expect("a key");
        assert_eq!(keymap.action_for(Context::Screen, press("?")), Some(Action::Help));
        assert_eq!(keymap.action_for(Context::Screen, press("[")), None);
        assert_eq!(
            (keymap.name_of(Action::Help), keymap.name_of(Action::View)),
            ("F1".to_owned(), "v".to_owned())
        );
    }

    #[test]
    fn a_story_hints_at_the_way_to_a_step_wherever_it_was_asked_for() {
        let keymap = Keymap::shipped();
        for clock in [Clock::Running, Clock::Paused, Clock::Finished] {
            let hints = keymap.hints(Context::Why, clock, Page::Overview, Pane::Flow);
            assert!(hints.contains(&("Enter".to_owned(), "go there".to_owned())), "{hints:?}");
        }
    }

    #[test]
    fn the_help_is_filtered_by_every_word() {
        let keymap = Keymap::shipped();
        let found: Vec<&str> = keymap.matching("FAULT before").map(|row| row.help).collect();
        assert_eq!(found, ["the fault before"]);
        assert_eq!(keymap.matching("").count(), keymap.bindings_of(Context::Screen).count());
        assert_eq!(keymap.matching("ctrl-o").count(), 1);
        assert_eq!(keymap.matching("no such thing").count(), 0);
    }
}
