//! `brokersim explain`: what a promise, or a cause of loss, means.

use clap::Args;

use crate::observe::promise::{CATALOGUE, Entry, Mode};
use crate::scenario::error::did_you_mean;
use crate::trace::Reason;

use super::failure::Failure;
use super::{Exit, output};

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArguments {
    /// The name of a promise, or of a cause of loss; all of them unless given.
    name: Option<String>,
}

/// How far a line of prose goes.
const WIDTH: usize = 100;

/// Explains one name, or lists all.
pub fn explain(arguments: &ExplainArguments) -> Result<Exit, Failure> {
    let text = match &arguments.name {
        None => list(),
        Some(name) => one(name).ok_or_else(|| unknown(name))?,
    };
    output::print(&text)?;
    Ok(Exit::Ok)
}

fn unknown(name: &str) -> Failure {
    let names = CATALOGUE.iter().map(|entry| entry.name).chain(Reason::ALL.iter().map(|why| why.name()));
    Failure::Usage(format!(
        "there is nothing called `{name}`: {}",
        did_you_mean(name, names.collect::<Vec<_>>())
    ))
}

fn list() -> String {
    let mut text = String::from("Promises, for `always`, `eventually` and `broken` in [expect]:\n");
    let line = |name: &str, about: &str| format!("  {name:<38} {about}\n");
    let (signs, promises): (Vec<&Entry>, Vec<&Entry>) =
        CATALOGUE.iter().partition(|entry| entry.takes(Mode::Sometimes));
    promises.iter().for_each(|entry| text += &line(entry.name, entry.about));
    text += "\nWhat may happen, for `sometimes`:\n";
    signs.iter().for_each(|entry| text += &line(entry.name, entry.about));
    text += "\nCauses, as the books and `causes` name them:\n";
    Reason::ALL.iter().for_each(|why| text += &line(why.name(), why.means()));
    text + "\n`brokersim explain NAME` says more about each.\n"
}

fn one(name: &str) -> Option<String> {
    if let Some(entry) = CATALOGUE.iter().find(|entry| entry.name == name) {
        return Some(promise(entry));
    }
    let why = Reason::named(name)?;
    let mut text = format!("{}: {}\n\n", why.name(), why.means());
    field(&mut text, "is", "a cause in the books: why a record was lost, dropped, refused or passed over.");
    field(
        &mut text,
        "example",
        "broken = [{ promise = \"accepted-is-not-lost\", causes = { NAME = 3 } }]"
            .replace("NAME", why.name())
            .as_str(),
    );
    Some(text)
}

fn promise(entry: &Entry) -> String {
    let sometimes = entry.takes(Mode::Sometimes);
    let modes: Vec<_> = Mode::ALL.into_iter().filter(|mode| entry.takes(*mode)).map(Mode::name).collect();
    let mut text = format!("{}: {}\n\n", entry.name, entry.about);
    field(&mut text, "means", entry.means);
    field(&mut text, if sometimes { "made by" } else { "holds with" }, entry.holds);
    field(&mut text, "under", &modes.join(", "));
    field(&mut text, "counts", entry.counts.key());
    field(&mut text, "source", entry.source);
    text += "  example     [expect]\n";
    text + &format!("              {}\n", entry.example)
}

fn field(text: &mut String, name: &str, said: &str) {
    let mut line = format!("  {name:<11}");
    for word in said.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            *text += &(line + "\n");
            line = format!("  {:<11}", "");
        }
        line.push(' ');
        line += word;
    }
    *text += &(line + "\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_list_is_explained() {
        let list = list();
        for name in CATALOGUE.iter().map(|entry| entry.name).chain(Reason::ALL.map(Reason::name)) {
            assert!(list.contains(name), "{name}");
            let text = one(name).expect("a name of the list");
            assert!(text.starts_with(&format!("{name}: ")), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
        }
        assert!(one("accepted-is-lost").is_none());
    }
}
