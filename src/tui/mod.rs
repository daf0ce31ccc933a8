//! The screen: what a person sees of a run while it runs, and the keys that drive it.
//!
//! Three parts, kept apart: a [`Model`] is all that the screen remembers, [`update`](fn@update) changes it when
//! something comes in, [`view`](fn@view) draws it. A [`Report`] brings a [`Snapshot`](crate::observe::Snapshot)
//! of the run; that is all a view knows of it, so the same views serve any host that gives the same snapshots.
//!
//! **Invariant.** Neither model, update nor view reads a clock, chance or the environment: a frame is a function
//! of model and size. The screen never changes what happens in a run, only when it is computed; what a person changes by
//! hand is another course of it.

pub mod command;
mod completion;
mod courses;
mod find;
pub mod hands;
pub mod keymap;
pub mod keymap_file;
pub mod keys;
mod memo;
mod model;
pub mod mouse;
pub mod pace;
mod pane;
pub mod picker;
pub mod query;
mod rows;
mod screen;
mod share;
pub mod shot;
pub mod terminal;
pub mod theme;
mod timeline;
mod tutor;
pub mod update;
mod view;

pub use courses::{Course, Courses, Deed, Diff, DiffRow, Done};
pub use model::{About, Clock, Jumps, List, Mode, Model, Named, Page, Pane, Report, Seeking, Setting};
pub use screen::player::{Act, play};
pub use screen::{Direction, Left, Moment, Pilot, Progress, ScreenOptions, Spot, run};
pub use share::Share;
pub use theme::{Glyphs, Palette, Role, Theme};
pub use timeline::{Mark, Timeline};
pub use tutor::{STEPS, Step, Tutor};
pub use update::{Msg, Order, Seek, context_of, update};
pub use view::{shown, view};
