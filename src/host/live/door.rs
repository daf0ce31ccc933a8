//! A thread that listens at the door and brings in what it hears, a group at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use actix::Addr;

use super::steward::{Group, Steward};
use super::{KNOCKS, PATIENCE};
use crate::host::door::Knock;
use crate::kernel::Vocabulary;

/// Starts the thread. It ends when nobody can knock any more, or when it is over.
pub(super) fn attend<V: Vocabulary>(
    knocks: Receiver<Knock<V>>,
    steward: Addr<Steward<V>>,
    over: Arc<AtomicBool>,
) -> JoinHandle<()> {
    let attend = move || {
        let (taken, done) = sync_channel(1);
        while !over.load(Ordering::Relaxed) {
            match knocks.recv_timeout(PATIENCE) {
                Ok(first) => bring(first, &knocks, &steward, &taken, &done),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    };
    thread::Builder::new()
        .name("door".to_owned())
        .spawn(attend)
        .expect("the machine has a thread for the door")
}

/// Brings in what is there, and waits until it has been taken up.
fn bring<V: Vocabulary>(
    first: Knock<V>,
    knocks: &Receiver<Knock<V>>,
    steward: &Addr<Steward<V>>,
    taken: &SyncSender<()>,
    done: &Receiver<()>,
) {
    let rest = knocks.try_iter().take(KNOCKS - 1);
    let group = Group { knocks: std::iter::once(first).chain(rest).collect(), taken: taken.clone() };
    steward.do_send(group);
    // A steward who is gone takes nothing up.
    while steward.connected() && done.recv_timeout(PATIENCE).is_err() {}
}
