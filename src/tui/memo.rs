//! Rows of long lists, kept as long as what they are made of stays the same: a frame asks for them many times, and a
//! run may have ten thousand of them.
//!
//! **Invariant.** What is remembered is what would be made anew: it is told apart by everything that it is made of.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::observe::Snapshot;
use crate::observe::lens::Detail;

use super::model::{About, Model, Pane};

/// Rows by pane.
#[derive(Clone, Debug, Default)]
pub struct Memo(RefCell<BTreeMap<Pane, Known>>);

/// Rows, and what they were made of.
#[derive(Clone, Debug)]
struct Known {
    snapshot: Arc<Snapshot>,
    detail: Arc<Detail>,
    about: Arc<About>,
    filter: String,
    order: usize,
    of: Option<u64>,
    keys: Vec<u64>,
}

impl Known {
    fn fits(&self, model: &Model, pane: Pane, of: Option<u64>) -> bool {
        let list = model.list(pane);
        Arc::ptr_eq(&self.snapshot, &model.report.snapshot)
            && Arc::ptr_eq(&self.detail, &model.report.detail)
            && Arc::ptr_eq(&self.about, &model.about)
            && self.filter == list.filter
            && self.order == list.order
            && self.of == of
    }
}

impl Memo {
    /// The rows of a pane that are made of the report, of what is known of the scenario, of the pane's filter and order,
    /// and of what they belong to: made anew when one of these has changed.
    pub fn rows(
        &self,
        model: &Model,
        pane: Pane,
        of: Option<u64>,
        make: impl FnOnce() -> Vec<u64>,
    ) -> Vec<u64> {
        if let Some(known) = self.0.borrow().get(&pane).filter(|known| known.fits(model, pane, of)) {
            return known.keys.clone();
        }
        let keys = make();
        let list = model.list(pane);
        let known = Known {
            snapshot: Arc::clone(&model.report.snapshot),
            detail: Arc::clone(&model.report.detail),
            about: Arc::clone(&model.about),
            filter: list.filter.clone(),
            order: list.order,
            of,
            keys: keys.clone(),
        };
        self.0.borrow_mut().insert(pane, known);
        keys
    }
}
