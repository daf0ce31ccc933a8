//! A screen without a terminal and without a clock: keys go in, a model comes out. For tests and measurements, and for
//! whoever wants the same frames again.
//!
//! The run is driven by the same conductor as before a person. Its wall clock counts how often it is read, so a script
//! gives the same frames on every machine, running or paused.

use std::cell::Cell;
use std::time::Duration as Wall;

use crossterm::event::KeyEvent;

use crate::observe::lens::Look;

use super::super::model::Model;
use super::super::mouse::Mouse;
use super::super::pace::Speed;
use super::super::update::{Msg, Order, update};
use super::conductor::{Conductor, Mailbox};
use super::{Left, Pilot};

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Presses a key.
    Key(KeyEvent),
    /// Uses the mouse.
    Mouse(Mouse),
    /// Does nothing for so long.
    Wait(Wall),
}

/// How much later it is each time somebody asks.
const TICK: Wall = Wall::from_millis(1);
/// A report makes the screen look elsewhere, which makes another report; what is looked at last is chosen in a list that
/// depends on a list.
const LOOKS: usize = 3;

/// Plays a script on a run that begins at speed `home`; `seen` is shown the model after each of them. Leaves at the end of
/// the script, or where it says so.
pub fn play(
    pilot: &mut dyn Pilot,
    model: &mut Model,
    home: Speed,
    script: impl IntoIterator<Item = Act>,
    mut seen: impl FnMut(&Model),
) -> Left {
    let now = Cell::new(Wall::ZERO);
    let clock = || {
        now.set(now.get() + TICK);
        now.get()
    };
    let mailbox = Mailbox::default();
    let mut conductor = Conductor::new(pilot, home, &mailbox, clock);
    let mut look = Look::default();
    for deed in script {
        let order = match deed {
            Act::Key(key) => update(model, Msg::Key(key)),
            Act::Mouse(mouse) => update(model, Msg::Mouse(mouse)),
            Act::Wait(long) => {
                let until = now.get() + long;
                while now.get() < until {
                    conductor.turn();
                }
                None
            }
        };
        if let Some(deed) = model.deed.take() {
            mailbox.hand_in(deed);
        }
        match order {
            Some(Order::Quit) => return Left::Quit,
            Some(order) => conductor.obey(order),
            None => {}
        }
        while conductor.is_under_way() {
            conductor.turn();
        }
        for _ in 0..LOOKS {
            if model.look() != look {
                look = model.look();
                mailbox.look(look.clone());
                conductor.obey(Order::Look);
            }
            conductor.turn();
            if let Some(report) = mailbox.take() {
                update(model, Msg::Tick(report));
            }
        }
        seen(model);
    }
    Left::Finished
}
