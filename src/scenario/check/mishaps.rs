//! What goes wrong in a reading application by itself: which of it can happen together.

use super::super::error::Finding;
use super::super::scenario::{Commit, Reader};
use super::{Check, Written};
use crate::workload::reader::{CrashPoint, OnError};

pub(super) fn check(cx: &mut Check<'_>) {
    let scenario = cx.scenario;
    let written = cx.entries("processor").into_iter().chain(cx.entries("sink"));
    for (written, (_, reader)) in written.zip(scenario.readers()) {
        workers(cx, written, reader);
        crash(cx, written, reader);
        restart(cx, written, reader);
    }
}

/// A loop that polls on while others work has nobody to commit for it but the client.
fn workers(cx: &mut Check<'_>, written: Written<'_>, reader: &Reader) {
    let Some(place) = written.set("workers").filter(|_| reader.mishaps.workers > 0) else { return };
    if reader.commit != Commit::Auto {
        cx.report(
            Finding::new(
                "scenario::workers",
                "a loop that hands its records on does not know when to commit",
            )
            .at(place, "records are handed on")
            .at(written.at("commit"), "the loop commits what is processed")
            .help("leave `commit` out: the client commits what was handed over (which is what goes wrong)"),
        );
    }
    if let Some(point) = written.set("crash-point").filter(|_| not_at_once(reader)) {
        cx.report(
            Finding::new(
                "scenario::workers",
                "with workers a batch has no end at which the process could exit",
            )
            .at(point, "exits at the end of a batch")
            .at(place, "the loop polls on")
            .help("leave `crash-point` out: it exits as soon as it has processed so many"),
        );
    }
}

fn not_at_once(reader: &Reader) -> bool {
    reader.mishaps.crash.is_some_and(|crash| crash.point != CrashPoint::AtOnce)
}

fn crash(cx: &mut Check<'_>, written: Written<'_>, reader: &Reader) {
    let Some(place) = written.set("crash-point") else { return };
    let Some(crash) = reader.mishaps.crash else {
        return cx.report(
            Finding::new("scenario::crash", "it never exits")
                .at(place, "says only where")
                .help("add crash-after = 37: it exits when it has processed so many records"),
        );
    };
    if crash.point == CrashPoint::AfterCommit && reader.commit == Commit::Auto {
        cx.report(
            Finding::new("scenario::crash", "nobody tells the application when the client has committed")
                .at(place, "after the next commit")
                .at(written.at("commit"), "the client commits by itself")
                .help("set commit = \"after\", or choose another crash-point"),
        );
    }
}

fn restart(cx: &mut Check<'_>, written: Written<'_>, reader: &Reader) {
    let exits = reader.mishaps.crash.is_some() || reader.mishaps.on_error == OnError::Crash;
    if let Some(place) = written.set("restart-after").filter(|_| !exits) {
        cx.report(
            Finding::new("scenario::crash", "it is started again, but it never exits")
                .at(place, "when it has exited")
                .at(written.at("on-error"), "exceptions do not end it")
                .help("add crash-after, set on-error = \"crash\", or use `for` in a [[fault]]"),
        );
    }
}
