//! Keys as a person wants them: a file of `action = key` by context, which `brokersim keys --format toml` writes and
//! [`read`] reads.
//!
//! What a file does not speak of stays as it is shipped; an empty list takes the keys of an action away.
//!
//! **Invariant.** A text gives either a keymap in which no key is bound twice in a context and every context can be
//! left, or all of its flaws, each with its place. Names of actions and contexts are made from the table, so a new row
//! has one without anybody naming it.

use std::borrow::Cow;
use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

use super::keymap::Keymap;
use super::keys::{Action, BINDINGS, Binding, Context, NAMES, Press, Topic};
use super::update::Order;

/// Something in a file of keys that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The kind: `keys::what`.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The bytes of the file in which it is.
    pub place: Range<usize>,
    /// What is said of the place.
    pub label: String,
    /// How to mend it.
    pub help: String,
}

impl Context {
    /// Its name in a file of keys: `set-mark`.
    pub fn name(self) -> String {
        kebab(&format!("{self:?}"))
    }
}

impl Action {
    /// Its name in a file of keys: `seek-notable-back`, `page-2`, `down-10`.
    pub fn name(self) -> String {
        if let Self::Move(rows) = self {
            let way = if rows < 0 { "up" } else { "down" };
            return if rows.abs() == 1 { way.to_owned() } else { format!("{way}-{}", rows.abs()) };
        }
        if let Self::Page(number) = self {
            return format!("page-{}", number + 1);
        }
        // What it is made of, without how it is told: `Order(Seek(Event))`.
        let words = format!("{self:?}").replace("Leap", "Seek");
        kebab(words.strip_prefix("Order(").unwrap_or(&words))
    }
}

/// `Seek(NotableBack)` as `seek-notable-back`.
fn kebab(words: &str) -> String {
    let mut name = String::new();
    for letter in words.chars() {
        let begins = !letter.is_alphanumeric() || letter.is_uppercase();
        if begins && !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        name.extend(letter.to_lowercase().filter(|letter| letter.is_alphanumeric()));
    }
    name.trim_end_matches('-').to_owned()
}

/// A keymap as a file that can be edited: every action of every context, and what it does.
pub fn write(keymap: &Keymap) -> String {
    let mut text = String::from(
        "# Keys of the screen, by what is in front: an action has a key or a list of keys; [] takes them away.\n\
         # What is left out stays as it is shipped. Names of keys: a, A, Ctrl-a, F1, and ",
    );
    text += &NAMES.map(|(name, _)| name).join(", ");
    text += ".\n";
    for context in Context::ALL {
        text += &format!("\n[{}]\n", context.name());
        for topic in Topic::ALL {
            let rows = keymap.rows().iter().filter(|row| row.context == context && row.topic == topic);
            rows.for_each(|row| text += &line(row));
        }
    }
    text
}

fn line(row: &Binding) -> String {
    let mut keys: Vec<String> = row.keys.iter().map(|key| quoted(&key.name())).collect();
    let keys = if keys.len() == 1 { keys.remove(0) } else { format!("[{}]", keys.join(", ")) };
    format!("{:<48} # {}\n", format!("{:<20} = {keys}", row.action.name()), row.help)
}

fn quoted(name: &str) -> String {
    if name.contains(['"', '\\']) { format!("'{name}'") } else { format!("\"{name}\"") }
}

/// Reads a file of keys.
///
/// # Errors
/// All of its flaws, in the order in which they are found; at least one.
pub fn read(text: &str) -> Result<Keymap, Vec<Flaw>> {
    let document = Document::parse(text).map_err(|error| {
        let place = error.span().unwrap_or(0..0);
        let help = "contexts are tables, keys are texts: `[screen]`, then `help = \"F1\"`";
        vec![flaw("keys::syntax", error.message().to_owned(), (place, "here"), help)]
    })?;
    let mut reading = Reading { rows: BINDINGS.to_vec(), written: Vec::new(), flaws: Vec::new() };
    for (name, item) in document.as_table().iter() {
        let key = document.as_table().key(name).and_then(|key| key.span());
        reading.context(name, key.unwrap_or(0..0), item);
    }
    reading.hold_against_each_other();
    if reading.flaws.is_empty() { Ok(Keymap::of(reading.rows)) } else { Err(reading.flaws) }
}

fn flaw(
    code: &'static str,
    message: String,
    (place, label): (Range<usize>, &str),
    help: impl Into<String>,
) -> Flaw {
    Flaw { code, message, place, label: label.to_owned(), help: help.into() }
}

/// A file that is being read.
struct Reading {
    rows: Vec<Binding>,
    /// Rows that the file speaks of, and where each of their keys stands.
    written: Vec<(usize, Press, Range<usize>)>,
    flaws: Vec<Flaw>,
}

impl Reading {
    fn context(&mut self, name: &str, place: Range<usize>, item: &Item) {
        let Some(context) = Context::ALL.into_iter().find(|context| context.name() == name) else {
            let help = did_you_mean(name, Context::ALL.map(Context::name));
            return self.flaws.push(flaw(
                "keys::context",
                format!("keys are read in no context called `{name}`"),
                (place, "not known"),
                help,
            ));
        };
        let Some(table) = item.as_table_like() else {
            let help = format!("write `[{name}]`, and below it a line for each action");
            return self.flaws.push(flaw(
                "keys::table",
                format!("`{name}` is a table of actions"),
                (place, "not a table"),
                help,
            ));
        };
        for (action, item) in table.iter() {
            self.action(context, action, place_of(table, action), item);
        }
    }

    fn action(&mut self, context: Context, name: &str, place: Range<usize>, item: &Item) {
        let known = |row: &Binding| row.context == context && row.action.name() == name;
        let Some(index) = self.rows.iter().position(known) else {
            let names = BINDINGS.iter().filter(|row| row.context == context).map(|row| row.action.name());
            let help = did_you_mean(name, names);
            let what = format!("[{}] has no action called `{name}`", context.name());
            return self.flaws.push(flaw("keys::action", what, (place, "not known"), help));
        };
        let before = self.flaws.len();
        let keys = self.keys(context, item, place.clone());
        if keys.is_empty() && self.flaws.len() == before && is_a_way_out(&self.rows[index]) {
            let what = format!("without a key for `{name}` there is no way out of [{}]", context.name());
            self.flaws.push(flaw("keys::way-out", what, (place, "no key"), "give it any key"));
        }
        self.written.extend(keys.iter().map(|(press, place)| (index, *press, place.clone())));
        self.rows[index].keys = Cow::Owned(keys.into_iter().map(|(press, _)| press).collect());
    }

    /// The keys of a value: a text, or a list of texts.
    fn keys(&mut self, context: Context, item: &Item, place: Range<usize>) -> Vec<(Press, Range<usize>)> {
        let place = item.span().unwrap_or(place);
        let one = |value: &Value| (value.as_str().map(str::to_owned), value.span().unwrap_or(place.clone()));
        let values: Vec<_> = match item.as_value() {
            Some(Value::Array(list)) => list.iter().map(one).collect(),
            Some(value) => vec![one(value)],
            None => vec![(None, place.clone())],
        };
        values.into_iter().filter_map(|(text, place)| self.key(context, text.as_deref(), place)).collect()
    }

    fn key(
        &mut self,
        context: Context,
        text: Option<&str>,
        place: Range<usize>,
    ) -> Option<(Press, Range<usize>)> {
        let Some(text) = text else {
            let what = "a key is written as a text".to_owned();
            let help = "for example \"x\", \"Ctrl-x\" or [\"x\", \"F2\"]";
            self.flaws.push(flaw("keys::value", what, (place, "not a text"), help));
            return None;
        };
        let Some(press) = Press::named(text) else {
            let help = did_you_mean(text, NAMES.map(|(name, _)| name.to_owned()));
            self.flaws.push(flaw(
                "keys::key",
                format!("no key is called `{text}`"),
                (place, "not known"),
                help,
            ));
            return None;
        };
        if context.takes_letters() && press.plain_letter().is_some() {
            let what = format!("in [{}] letters are typed: `{text}` cannot do anything else", context.name());
            self.flaws.push(flaw(
                "keys::letter",
                what,
                (place, "a letter"),
                "take a key like \"Ctrl-x\" or \"F2\"",
            ));
            return None;
        }
        Some((press, place))
    }

    /// No key does two things in a context.
    fn hold_against_each_other(&mut self) {
        for (at, (index, press, place)) in self.written.iter().enumerate() {
            let row = &self.rows[*index];
            let earlier = self.written[..at]
                .iter()
                .find(|(other, key, _)| key == press && self.rows[*other].context == row.context);
            let shipped = || {
                (0..self.rows.len()).find(|other| {
                    let spoken_of = self.written.iter().any(|(written, ..)| written == other);
                    let other = &self.rows[*other];
                    !spoken_of && other.context == row.context && other.keys.contains(press)
                })
            };
            let Some(other) = earlier.map(|(other, ..)| *other).or_else(shipped) else { continue };
            let (name, other) = (row.action.name(), self.rows[other].action.name());
            let what = format!("`{}` is bound twice in [{}]", press.name(), row.context.name());
            let label = format!("`{other}` has it too");
            let help = if earlier.is_some() {
                "a key does one thing: take one of both away".to_owned()
            } else {
                format!(
                    "`{other}` has it as long as the file does not say otherwise: give `{other}` another key, or \
                         none with `{other} = []`, or `{name}` one that is free"
                )
            };
            self.flaws.push(flaw("keys::twice", what, (place.clone(), &label), help));
        }
    }
}

/// Whoever cannot leave is caught.
fn is_a_way_out(row: &Binding) -> bool {
    row.action == Action::Back || row.action == Action::Order(Order::Quit)
}

fn place_of(table: &dyn TableLike, key: &str) -> Range<usize> {
    table.key(key).and_then(|key| key.span()).unwrap_or(0..0)
}

/// The nearest name, or all of them.
fn did_you_mean(word: &str, names: impl IntoIterator<Item = String>) -> String {
    let names: Vec<String> = names.into_iter().collect();
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let distance = |name: &str| {
        let (word, name) = (plain(word), plain(name));
        let part = word.len() > 2 && name.contains(&word);
        if part { 1 } else { strsim::damerau_levenshtein(&word, &name) }
    };
    let bound = (word.chars().count() / 3).max(1);
    let nearest = names.iter().map(|name| (distance(name), name.len(), name)).min();
    match nearest.filter(|(distance, ..)| *distance <= bound) {
        Some((.., name)) => format!("did you mean `{name}`?"),
        None => format!("choose one of {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaws(text: &str) -> Vec<Flaw> {
        read(text).expect_err("it has flaws")
    }

    /// The one flaw of a text: its code, what it points to, and how it is mended.
    fn flaw_of(text: &str) -> (&'static str, &str, String) {
        let [only] = <[Flaw; 1]>::try_from(flaws(text)).unwrap_or_else(|all| panic!("{all:?}"));
        (only.code, &text[only.place], format!("{}; {}; {}", only.message, only.label, only.help))
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        let keymap = read(&write(&Keymap::shipped())).unwrap_or_else(|flaws| panic!("{flaws:?}"));
        for (row, shipped) in keymap.rows().iter().zip(BINDINGS) {
            assert_eq!((row.action, &row.keys), (shipped.action, &shipped.keys), "{}", row.help);
        }
        assert_eq!(write(&keymap), write(&Keymap::shipped()));
    }

    #[test]
    fn every_action_of_a_context_has_a_name_of_its_own() {
        for (index, row) in BINDINGS.iter().enumerate() {
            let name = row.action.name();
            let same = |other: &&Binding| other.context == row.context && other.action.name() == name;
            assert!(
                !name.is_empty() && BINDINGS[..index].iter().find(same).is_none(),
                "{name} in {:?}",
                row.context
            );
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_one() {
        let (code, place, said) = flaw_of("[screen]\nzom = 'F2'\n");
        assert_eq!((code, place), ("keys::action", "zom"));
        assert!(said.contains("did you mean `zoom`?"), "{said}");
        let (code, place, said) = flaw_of("[screens]\nzoom = 'F2'\n");
        assert_eq!((code, place), ("keys::context", "screens"));
        assert!(said.contains("did you mean `screen`?"), "{said}");
        let (code, place, said) = flaw_of("[screen]\nzoom = ['F2', 'Entr']\n");
        assert_eq!((code, place), ("keys::key", "'Entr'"));
        assert!(said.contains("did you mean `Enter`?"), "{said}");
        let (.., said) = flaw_of("[screen]\nzoom = 'Hyper-Space-Key'\n");
        assert!(said.contains("choose one of Space, Enter"), "{said}");
    }

    #[test]
    fn a_key_is_bound_once_in_a_context_whoever_bound_it() {
        let (code, place, said) = flaw_of("[screen]\nzoom = 's'\n");
        assert_eq!((code, place), ("keys::twice", "'s'"));
        assert!(said.contains("`sort` has it too") && said.contains("sort = []"), "{said}");
        let (code, place, _) = flaw_of("[screen]\nzoom = 'F2'\nview = ['v', 'F2']\n");
        assert_eq!((code, place), ("keys::twice", "'F2'"));
        let (code, ..) = flaw_of("[screen]\nzoom = ['F2', 'F2']\n");
        assert_eq!(code, "keys::twice");
        assert!(read("[screen]\nzoom = 's'\nsort = 'z'\n").is_ok(), "two keys can change places");
        assert!(read("[screen]\nzoom = 's'\nsort = []\n").is_ok(), "a key that was taken away is free");
        assert!(read("[screen]\nzoom = 'F2'\n[help]\ndown = 'F2'\n").is_ok(), "contexts have their own keys");
    }

    #[test]
    fn letters_stay_letters_where_they_are_typed_and_there_is_always_a_way_out() {
        assert_eq!(flaw_of("[typing]\nerase = 'x'\n").0, "keys::letter");
        assert!(read("[typing]\nerase = 'Ctrl-x'\n").is_ok());
        assert_eq!(flaw_of("[screen]\nquit = []\n").0, "keys::way-out");
        assert_eq!(flaw_of("[help]\nback = []\n").0, "keys::way-out");
        assert!(read("[screen]\nquit = 'Q'\n").is_ok());
    }

    #[test]
    fn what_is_no_table_of_texts_is_refused_and_all_flaws_are_told() {
        assert_eq!(flaw_of("screen = 'F2'\n").0, "keys::table");
        assert_eq!(flaw_of("[screen]\nzoom = 2\n").0, "keys::value");
        assert_eq!(flaw_of("[screen]\nzoom = { a = 1 }\n").0, "keys::value");
        assert_eq!(flaw_of("[screen\n").0, "keys::syntax");
        let codes: Vec<_> =
            flaws("[screen]\nzom = 'F2'\nview = 'Fx'\n[moon]\n").iter().map(|flaw| flaw.code).collect();
        assert_eq!(codes, ["keys::action", "keys::key", "keys::context"]);
    }
}
