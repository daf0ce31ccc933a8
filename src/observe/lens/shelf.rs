//! Contents of records that were stored lately: keys and values, where a run keeps them.
//!
//! Bounded: the last [`RECORDS`] records and, beyond one page, [`BYTES`] bytes. Full pages are shared between clones, so that
//! a checkpoint of a run costs little.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::trace::{Body, Ids, RecordId, Span};

/// Records whose contents are kept.
const RECORDS: usize = 10_000;
/// Bytes of them.
const BYTES: u64 = 32 << 20;
/// Batches on a page.
const PAGE: usize = 256;

/// Contents, by batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    pages: VecDeque<Page>,
    open: Page,
}

#[derive(Clone, Debug, Default)]
struct Page {
    spans: Arc<Vec<Span>>,
    records: usize,
    bytes: u64,
}

impl Shelf {
    /// Takes in what was stored, if contents come with it.
    pub(super) fn stored(&mut self, ids: &Ids) {
        let Ids::Span(span) = ids else { return };
        if !span.batch.has_bodies() {
            return;
        }
        self.open.records += span.len() as usize;
        self.open.bytes += u64::from(span.batch.bytes());
        Arc::make_mut(&mut self.open.spans).push(span.clone());
        if self.open.spans.len() == PAGE {
            self.pages.push_back(std::mem::take(&mut self.open));
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        let sum = |of: fn(&Page) -> u64, pages: &VecDeque<Page>| pages.iter().map(of).sum::<u64>();
        while self.pages.len() > 1
            && (sum(|page| page.records as u64, &self.pages) > RECORDS as u64
                || sum(|page| page.bytes, &self.pages) > BYTES)
        {
            self.pages.pop_front();
        }
    }

    fn spans(&self) -> impl Iterator<Item = &Span> {
        self.pages.iter().chain([&self.open]).flat_map(|page| page.spans.iter())
    }

    /// The contents of all that are kept.
    pub(super) fn all(&self) -> BTreeMap<RecordId, &Body> {
        self.spans().flat_map(bodies).collect()
    }

    /// The contents of these, as far as they are kept.
    pub(super) fn some(&self, wanted: &BTreeSet<RecordId>) -> BTreeMap<RecordId, &Body> {
        self.spans().flat_map(bodies).filter(|(id, _)| wanted.contains(id)).collect()
    }
}

fn bodies(span: &Span) -> impl Iterator<Item = (RecordId, &Body)> {
    let records = (span.from..).zip(span.records());
    records.filter_map(|(index, record)| Some((record.id, span.batch.body(index)?)))
}
