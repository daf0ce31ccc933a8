//! `brokersim explain`: what a promise, or a cause of loss, means.

use clap::Args;

use crate::observe::promise::{CATALOGUE, Entry, Mode, Promise};
use crate::scenario::error::did_you_mean_or;
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
    let meant = did_you_mean_or(name, names, || "`brokersim explain` lists what there is".to_owned());
    Failure::Usage(format!("there is nothing called `{name}`: {meant}"))
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
    let entry = CATALOGUE.iter().find(|entry| entry.name == name);
    // Some names are both: what happens, and what it does to records.
    match (entry.map(promise), Reason::named(name).map(cause)) {
        (Some(promise), Some(cause)) => Some(format!("{promise}\n{cause}")),
        (promise, cause) => promise.or(cause),
    }
}

fn cause(why: Reason) -> String {
    let mut text = format!("{}: {}\n\n", why.name(), why.means());
    field(&mut text, "is", "a cause in the books: why a record was lost, dropped, refused or passed over.");
    if let Some(promise) = broken_by(why) {
        field(&mut text, "breaks", promise.name());
        text += "  example     [expect]\n";
        text += "              broken = [";
        text += &format!("{{ promise = \"{}\", causes = {{ {} = 3 }} }}]\n", promise.name(), why.name());
    }
    text
}

/// The promise whose `causes` may name a reason. None for an exception of the application's own: the system kept the record.
fn broken_by(why: Reason) -> Option<Promise> {
    match why {
        Reason::DeliveryTimeout
        | Reason::BufferExhausted
        | Reason::NoMetadata
        | Reason::MessageTooLarge
        | Reason::InvalidTimestamp
        | Reason::NotEnoughReplicas
        | Reason::RetriesExhausted
        | Reason::OutOfOrderSequence
        | Reason::Fenced
        | Reason::ProducerClosed
        | Reason::ConnectionLost
        | Reason::ServerRefused => Some(Promise::NothingRefused),
        Reason::NotAcknowledged
        | Reason::LeaderElection
        | Reason::UncleanElection
        | Reason::PowerLoss
        | Reason::HighWaterMark
        | Reason::NoPeer
        | Reason::PeerDied
        | Reason::Linger
        | Reason::SessionEnded
        | Reason::PassedOver
        | Reason::NoSubscription => Some(Promise::AcceptedIsNotLost),
        Reason::Retention | Reason::OffsetReset | Reason::CommittedUnprocessed | Reason::NotYetSubscribed => {
            Some(Promise::NothingSkipped)
        }
        Reason::HandlerFailed => None,
    }
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

    #[test]
    fn a_cause_is_explained_with_the_promise_that_it_breaks() {
        let told = |name: &str| one(name).expect("a cause");
        assert!(told("retention").contains("promise = \"nothing-skipped\", causes = { retention = 3 }"));
        assert!(told("delivery-timeout").contains("promise = \"nothing-refused\""));
        assert!(told("leader-election").contains("promise = \"accepted-is-not-lost\""));
        assert!(!told("handler-failed").contains("example"), "it breaks none");
        let both = told("unclean-election");
        assert!(
            both.contains("sometimes = [") && both.contains("causes = { unclean-election = 3 }"),
            "{both}"
        );
        let lost = unknown("nope").in_a_line();
        assert!(lost.contains("`brokersim explain`") && lost.len() < 120, "{lost}");
        assert!(unknown("retentoin").in_a_line().contains("did you mean `retention`?"));
    }
}
