//! A queue whose older part lies on full pages, shared between clones: a checkpoint of a run copies what is young.
//!
//! **Invariant.** Full pages have [`PAGE`] entries and never change; whoever takes back from one copies it first. Of what is
//! dropped at the front, less than a page stays in memory.

use std::collections::VecDeque;
use std::ops::Index;
use std::sync::Arc;

/// Entries of a full page.
const PAGE: usize = 64;

/// Entries, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Pages<T> {
    full: VecDeque<Arc<[T]>>,
    open: Vec<T>,
    /// How many entries of the first full page were dropped.
    gone: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { full: VecDeque::new(), open: Vec::new(), gone: 0 }
    }
}

impl<T: Clone> Pages<T> {
    #[inline]
    pub(super) fn push_back(&mut self, entry: T) {
        self.open.push(entry);
        if self.open.len() == PAGE {
            self.full.push_back(self.open.drain(..).collect());
        }
    }

    pub(super) fn pop_back(&mut self) -> Option<T> {
        if self.open.is_empty()
            && let Some(last) = self.full.pop_back()
        {
            let gone = if self.full.is_empty() { std::mem::take(&mut self.gone) } else { 0 };
            self.open.extend_from_slice(&last[gone..]);
        }
        self.open.pop()
    }

    /// Drops so many of the oldest.
    pub(super) fn drop_front(&mut self, count: usize) {
        assert!(count <= self.len(), "what is dropped is there");
        self.gone += count;
        while self.gone >= PAGE && self.full.pop_front().is_some() {
            self.gone -= PAGE;
        }
        if self.full.is_empty() {
            self.open.drain(..std::mem::take(&mut self.gone));
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.full.len() * PAGE + self.open.len() - self.gone
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        (index < self.len()).then(|| &self[index])
    }

    #[inline]
    pub(super) fn back(&self) -> Option<&T> {
        self.open.last().or_else(|| self.full.back()?.last())
    }

    /// From the how-manieth on.
    #[inline]
    pub(super) fn iter_from(&self, index: usize) -> impl Iterator<Item = &T> {
        (index..self.len()).map(|index| &self[index])
    }

    /// The first for which this is not so, when it is so for all before it.
    pub(super) fn partition_point(&self, is_before: impl Fn(&T) -> bool) -> usize {
        let (mut below, mut above) = (0, self.len());
        while below < above {
            let middle = below + (above - below) / 2;
            if is_before(&self[middle]) { below = middle + 1 } else { above = middle }
        }
        above
    }
}

impl<T> Index<usize> for Pages<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        let place = index + self.gone;
        match self.full.get(place / PAGE) {
            Some(page) => &page[place % PAGE],
            None => &self.open[place - self.full.len() * PAGE],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Rng;

    #[test]
    fn it_is_a_queue_and_a_clone_keeps_what_it_had() {
        for seed in 0..20 {
            let mut rng = Rng::named(seed, "pages");
            let (mut pages, mut queue) = (Pages::default(), VecDeque::new());
            let mut kept = Vec::new();
            for step in 0..3_000_u64 {
                match rng.below(40) {
                    0 => {
                        let count = rng.below(100).min(queue.len() as u64) as usize;
                        pages.drop_front(count);
                        queue.drain(..count);
                    }
                    1 => (0..rng.below(90)).for_each(|_| assert_eq!(pages.pop_back(), queue.pop_back())),
                    2 if kept.len() < 5 => kept.push((pages.clone(), queue.clone())),
                    _ => {
                        pages.push_back(step);
                        queue.push_back(step);
                    }
                }
                assert_eq!((pages.len(), pages.back()), (queue.len(), queue.back()));
                let near = rng.below(queue.len() as u64 + 2) as usize;
                assert_eq!(pages.get(near), queue.get(near));
                let limit = rng.below(step + 1);
                let before = |entry: &u64| *entry < limit;
                assert_eq!(pages.partition_point(before), queue.partition_point(before));
            }
            kept.push((pages, queue));
            for (pages, queue) in kept {
                assert!(pages.iter_from(0).eq(&queue), "{seed}");
            }
        }
    }
}
