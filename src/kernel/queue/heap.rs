//! A heap with four children a node: short, evident, and the oracle of order for the ladder.

use std::collections::VecDeque;

use super::Agenda;
use crate::kernel::time::Time;

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    at: Time,
    serial: u64,
    item: T,
}

impl<T> Entry<T> {
    fn before(&self, other: &Self) -> bool {
        (self.at, self.serial) < (other.at, other.serial)
    }
}

/// A heap with four children a node, and a queue of its own for what is due at once.
#[derive(Clone, Debug)]
pub struct Heap<T> {
    entries: Vec<Entry<T>>,
    /// Items of the time that came out last, put in after it did.
    due: VecDeque<T>,
    now: Time,
    pushed: u64,
}

impl<T> Default for Heap<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), due: VecDeque::new(), now: Time::ZERO, pushed: 0 }
    }
}

impl<T: Copy> Agenda<T> for Heap<T> {
    #[inline]
    fn push(&mut self, at: Time, item: T) {
        assert!(at >= self.now, "the past is over");
        if at == self.now {
            self.due.push_back(item);
            return;
        }
        self.pushed += 1;
        let entry = Entry { at, serial: self.pushed, item };
        self.entries.push(entry);
        self.rise(self.entries.len() - 1);
    }

    #[inline]
    fn pop_until(&mut self, until: Time) -> Option<(Time, T)> {
        // What lies in the heap for this very instant went in before anything that is due at once.
        let next = self.entries.first().map_or(Time::NEVER, |entry| entry.at);
        if next > self.now
            && self.now <= until
            && let Some(item) = self.due.pop_front()
        {
            return Some((self.now, item));
        }
        if next > until || self.entries.is_empty() {
            return None;
        }
        let top = self.take_first();
        self.now = top.at;
        Some((top.at, top.item))
    }

    fn len(&self) -> usize {
        self.entries.len() + self.due.len()
    }
}

impl<T: Copy> Heap<T> {
    fn rise(&mut self, mut hole: usize) {
        let entry = self.entries[hole];
        while hole > 0 {
            let parent = (hole - 1) / 4;
            if !entry.before(&self.entries[parent]) {
                break;
            }
            self.entries[hole] = self.entries[parent];
            hole = parent;
        }
        self.entries[hole] = entry;
    }

    fn take_first(&mut self) -> Entry<T> {
        let last = self.entries.pop().expect("the caller saw an entry");
        let Some(first) = self.entries.first().copied() else { return last };
        let len = self.entries.len();
        let mut hole = 0;
        loop {
            let begin = 4 * hole + 1;
            if begin >= len {
                break;
            }
            let end = (begin + 4).min(len);
            let mut least = begin;
            for child in begin + 1..end {
                if self.entries[child].before(&self.entries[least]) {
                    least = child;
                }
            }
            if !self.entries[least].before(&last) {
                break;
            }
            self.entries[hole] = self.entries[least];
            hole = least;
        }
        self.entries[hole] = last;
        first
    }
}
