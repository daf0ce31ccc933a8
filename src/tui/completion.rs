//! What the word of a command that is being typed may become.
//!
//! **Invariant.** A function of the model, and only what the command takes there is offered.

use std::collections::BTreeSet;

use super::command::NAMES;
use super::model::Model;

/// Candidates for the last word of a command, the first word included.
pub fn candidates(model: &Model, text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let begun =
        if text.is_empty() || text.ends_with(char::is_whitespace) { "" } else { words[words.len() - 1] };
    let before = &words[..words.len() - usize::from(!begun.is_empty())];
    let mut found = possible(model, before);
    found.retain(|word| word.starts_with(begun) && word != begun);
    found
}

/// The text with its last word completed as far as that is certain; none when nothing can be added.
pub fn complete(model: &Model, text: &str) -> Option<String> {
    let found = candidates(model, text);
    let begun = text.rsplit(char::is_whitespace).next().unwrap_or("");
    let mut shared = found.first()?.clone();
    for other in &found {
        let alike = shared.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
        shared = shared.chars().take(alike).collect();
    }
    let more = shared.strip_prefix(begun)?;
    let gap = if found.len() == 1 { " " } else { "" };
    (!more.is_empty() || !gap.is_empty()).then(|| format!("{text}{more}{gap}"))
}

fn possible(model: &Model, before: &[&str]) -> Vec<String> {
    let about = &model.about;
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match before {
        [] => owned(NAMES),
        ["fault" | "f"] => about.kinds.iter().map(|kind| kind.name.to_owned()).collect(),
        ["fault" | "f", _] => struck(model),
        ["heal"] => struck(model),
        ["theme"] => owned(&["dark", "light", "mono"]),
        ["speed"] => owned(&["max"]),
        ["rate" | "produce"] => generators(model),
        ["add" | "remove"] => readers(model),
        ["reset"] => about.groups.clone(),
        ["reset", _] => owned(&["earliest", "latest"]),
        ["offset"] => user_channels(model).map(|name| format!("{name}-")).collect(),
        _ => Vec::new(),
    }
}

fn generators(model: &Model) -> Vec<String> {
    let entries = model.about.entries.iter();
    entries.filter(|entry| entry.group.is_none()).map(|entry| entry.name.clone()).collect()
}

fn readers(model: &Model) -> Vec<String> {
    let entries = model.about.entries.iter();
    entries.filter(|entry| entry.group.is_some()).map(|entry| entry.name.clone()).collect()
}

fn user_channels(model: &Model) -> impl Iterator<Item = &String> {
    model.about.channels.iter().filter(|channel| !channel.internal).map(|channel| &channel.name)
}

/// Who can be struck: brokers, entries, groups, topics, and everything, each name once.
fn struck(model: &Model) -> Vec<String> {
    let about = &model.about;
    let brokers = model.detail().brokers.iter().map(|view| format!("broker-{}", view.broker.0));
    let entries = about.entries.iter().map(|entry| entry.name.clone());
    let all = brokers.chain(entries).chain(about.groups.iter().cloned()).chain(user_channels(model).cloned());
    let mut known = BTreeSet::new();
    all.chain(["everything".to_owned()]).filter(|name| known.insert(name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kernel::Time;
    use crate::tui::hands::{Entry, Kind, Strikes};
    use crate::tui::{About, Named, Palette, Theme};

    fn model() -> Model {
        let kind = |name| Kind {
            name,
            about: "",
            strikes: Strikes::Nodes,
            usual: "",
            asks: false,
            cannot: Default::default(),
        };
        let entry = |name: &str, group: Option<&str>| Entry {
            name: name.to_owned(),
            publishes_to: None,
            group: group.map(str::to_owned),
        };
        let orders = Named { name: "orders".to_owned(), places: 1, ..Named::default() };
        let about = About {
            kinds: vec![kind("kill"), kind("slow-cpu"), kind("slow-disk")],
            entries: vec![entry("shop", None), entry("billing", Some("billing"))],
            groups: vec!["billing".to_owned()],
            channels: vec![orders],
            ..About::default()
        };
        let theme = Theme::new(Palette::Mono, false);
        Model::new("test", 1, theme, Time::from_secs(1)).about(Arc::new(about))
    }

    #[test]
    fn a_command_a_fault_and_whom_it_strikes_are_completed() {
        let model = model();
        let done = |text: &str| complete(&model, text);
        assert_eq!(done("und").as_deref(), Some("undo "));
        assert_eq!(done("fault k").as_deref(), Some("fault kill "));
        assert_eq!(done("fault slow").as_deref(), Some("fault slow-"));
        assert_eq!(done("fault slow-"), None, "it could be one or the other");
        assert_eq!(done("fault kill bi").as_deref(), Some("fault kill billing "));
        assert_eq!(done("reset billing e").as_deref(), Some("reset billing earliest "));
        assert_eq!(done("goto 4"), None);
    }

    #[test]
    fn only_what_a_command_takes_is_offered() {
        let model = model();
        assert_eq!(candidates(&model, "rate "), ["shop"]);
        assert_eq!(candidates(&model, "add "), ["billing"]);
        assert_eq!(candidates(&model, "fault kill "), ["shop", "billing", "orders", "everything"]);
        assert!(candidates(&model, "").contains(&"save".to_owned()));
    }
}
