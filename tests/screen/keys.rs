//! Every key in every context, on every page, of an empty, a small and a large run.

use std::collections::BTreeMap;
use std::sync::Arc;

use brokersim::tui::keymap::Keymap;
use brokersim::tui::keymap_file;
use brokersim::tui::keys::{Context, Press};
use brokersim::tui::shot::Shot;
use brokersim::tui::{Model, Page, context_of};
use crossterm::event::KeyEvent;

use super::by_hand::{drawn, every_key, press};
use super::{empty, large, small};

fn bound(model: &Model, context: Context) -> Vec<KeyEvent> {
    model.keys.bindings_of(context).flat_map(|row| row.keys.iter()).map(|key| key.event()).collect()
}

/// The contexts that two bound keys lead to from here, each with a model that is in it.
fn contexts(model: &Model) -> BTreeMap<Context, Model> {
    let mut found = BTreeMap::from([(context_of(model), model.clone())]);
    for _ in 0..2 {
        for (context, model) in found.clone() {
            for key in bound(&model, context) {
                let mut next = model.clone();
                press(&mut next, key);
                found.entry(context_of(&next)).or_insert(next);
            }
        }
    }
    found
}

fn on(model: &Model, page: Page) -> Model {
    let mut model = model.clone();
    model.page = page;
    model
}

/// Contexts that want more than keys: another screen, a group without members, a branch. They are tested where they are.
const ELSEWHERE: [&str; 5] = ["picker", "picker-filter", "reset", "branches", "diff"];

#[test]
fn every_context_is_reached_by_keys_somewhere() {
    let model = small();
    let reached: Vec<Context> =
        Page::ALL.into_iter().flat_map(|page| contexts(&on(&model, page)).into_keys()).collect();
    for context in Context::ALL.into_iter().filter(|context| !ELSEWHERE.contains(&context.name().as_str())) {
        assert!(reached.contains(&context), "{context:?} has no way in: it can be neither tested nor used");
    }
}

#[test]
fn every_key_in_every_context_on_every_page_is_taken_whatever_the_run() {
    for model in [empty(), small()] {
        for page in Page::ALL {
            for (_, model) in contexts(&on(&model, page)) {
                for key in every_key() {
                    let mut model = model.clone();
                    press(&mut model, key);
                    model.look();
                }
            }
        }
    }
}

#[test]
fn what_a_bound_key_leads_to_can_be_drawn_in_every_pane_whatever_the_run() {
    let sizes = [(120, 36), (80, 24), (60, 20), (45, 11)];
    let mut step = 0;
    for model in [empty(), small(), large()] {
        for page in Page::ALL {
            for (context, model) in contexts(&on(&model, page)) {
                for key in bound(&model, context) {
                    step += 1;
                    let mut model = model.clone();
                    let panes = page.panes();
                    model.focus.insert(page, panes[step % panes.len()]);
                    press(&mut model, key);
                    let (width, height) = sizes[step % sizes.len()];
                    drawn(&model, width, height);
                }
            }
        }
    }
}

#[test]
fn keys_that_a_person_bound_are_the_ones_that_work_and_that_are_told_of() {
    let keymap = keymap_file::read("[screen]\npage-2 = 'F2'\nzoom = ['Z']\n[go]\ntop = 'F3'\n")
        .expect("it makes sense");
    let mut model = small().bound(Arc::new(keymap));
    let named = |name| Press::named(name).expect("a key").event();
    press(&mut model, named("2"));
    assert_eq!(model.page, Page::Overview, "a key that was taken away does nothing");
    press(&mut model, named("F2"));
    press(&mut model, named("Z"));
    assert!(model.page == Page::Topics && model.zoomed);
    press(&mut model, named("g"));
    let hints = Shot::of(&model, 120, 36).text();
    assert!(hints.contains("F3 first row") && hints.contains(" F2 Topics "), "{hints}");
    press(&mut model, named("F3"));
    press(&mut model, named("?"));
    assert!(Shot::of(&model, 120, 60).text().contains("F2                Topics and partitions"));
}

#[test]
fn the_file_of_shipped_keys_is_the_shipped_keymap() {
    let text = keymap_file::write(&Keymap::shipped());
    assert!(text.lines().count() > 40 && text.contains("[screen]") && text.contains("quit "), "{text}");
    let read = keymap_file::read(&text).unwrap_or_else(|flaws| panic!("{flaws:?}"));
    assert_eq!(keymap_file::write(&read), text);
}
