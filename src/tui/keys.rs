//! One table of keys, as it is shipped. What a key does, the hints in the last row, the popup of a prefix, the help and
//! the printed list all come from it, by way of the [`Keymap`](super::keymap::Keymap) in which a person may have bound
//! some of them otherwise.
//!
//! A context is a way in which keys are read: the screen, the help, a line that is typed, a prefix that waits for the
//! next key.
//!
//! **Invariant.** No key is bound twice in a context.

use std::borrow::Cow;

use super::model::{Clock, Page, Pane};
use super::update::hands::Hand;
use super::update::{Order, Seek};

mod press;
mod table;

pub(super) use press::NAMES;
pub use press::Press;
pub use table::{BINDINGS, STEP};

/// Where a binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// The screen.
    Screen,
    /// The help over it. Letters filter it.
    Help,
    /// A filter or a command that is being typed. Letters are typed.
    Typing,
    /// After `g`.
    Go,
    /// After `m`: the next letter names a mark.
    SetMark,
    /// After `'`: the next letter names a mark.
    ToMark,
    /// A story that is read.
    Why,
    /// Something is looked for. Letters are typed.
    Find,
    /// After `f`: which fault.
    Fault,
    /// After `R`: where to.
    Reset,
    /// The list of branches.
    Branches,
    /// How two branches differ.
    Diff,
    /// The picker. A letter that is bound to nothing begins to filter.
    Picker,
    /// A filter of the picker that is being typed. Letters are typed.
    PickerFilter,
}

impl Context {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Screen,
        Self::Help,
        Self::Typing,
        Self::Go,
        Self::SetMark,
        Self::ToMark,
        Self::Why,
        Self::Find,
        Self::Fault,
        Self::Reset,
        Self::Branches,
        Self::Diff,
        Self::Picker,
        Self::PickerFilter,
    ];

    /// Whether a letter that is bound to nothing is taken as it is.
    pub fn takes_letters(self) -> bool {
        match self {
            Self::Help | Self::Typing | Self::SetMark | Self::ToMark | Self::Find | Self::PickerFilter => {
                true
            }
            Self::Screen
            | Self::Go
            | Self::Why
            | Self::Picker
            | Self::Fault
            | Self::Reset
            | Self::Branches
            | Self::Diff => false,
        }
    }
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Something for the driver of the run.
    Order(Order),
    /// Something is done to the run by hand.
    Hand(Hand),
    /// Leaves where time stands for another instant, so that one can come back.
    Leap(Seek),
    /// Back in the list of instants that were left.
    JumpBack,
    /// Forward in it.
    JumpForward,
    /// Waits for the name of a mark to set.
    SetMark,
    /// Waits for the name of a mark to go to.
    ToMark,
    /// The how-manieth screen of those that the run has, from 0.
    Page(usize),
    /// The next pane.
    NextPane,
    /// The pane before.
    PreviousPane,
    /// Gives the focused pane the whole screen, or takes it back.
    Zoom,
    /// So many rows down, or up.
    Move(isize),
    /// To the first row.
    Top,
    /// To the last row; a list of events follows the newest again.
    Bottom,
    /// Waits for what to go to.
    Go,
    /// To what the selected row is about, on its own screen.
    Target,
    /// Opens the selected row.
    Open,
    /// Back: closes what is over the screen, ends the zoom, drops the filter.
    Back,
    /// Filters the rows of the focused pane.
    Filter,
    /// The next order of rows.
    Sort,
    /// The order the other way round.
    Reverse,
    /// Another way to show the same.
    View,
    /// The records of what is selected.
    Records,
    /// Follows the selected record.
    Follow,
    /// The next record that went wrong.
    NextWrong,
    /// The one before.
    PreviousWrong,
    /// A command.
    Command,
    /// Opens the help.
    Help,
    /// Ends what is typed, and does it.
    Enter,
    /// Takes the last letter back.
    Erase,
    /// Takes what is typed away.
    EraseAll,
    /// Completes what is typed, as far as that is certain.
    Complete,
    /// Tells why.
    Why,
    /// Copies the command that shows the same.
    Share,
    /// Writes what is on the screen to files.
    Export,
    /// Looks for anything.
    Find,
    /// Copies what is chosen in the picker to a file.
    Copy,
    /// Goes past a step of the tour without doing it.
    SkipStep,
}

/// What keys are about: a heading of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The clock.
    Time,
    /// Rows, panes, screens.
    Move,
    /// What is shown of them.
    Look,
    /// What happens in the run.
    Change,
    /// The rest.
    Other,
}

impl Topic {
    /// All, in the order of the help.
    pub const ALL: [Self; 5] = [Self::Time, Self::Move, Self::Look, Self::Change, Self::Other];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Time => "TIME",
            Self::Move => "MOVE",
            Self::Look => "LOOK",
            Self::Change => "CHANGE",
            Self::Other => "OTHER",
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Where it holds.
    pub context: Context,
    /// The keys; none only where a person took them away.
    pub keys: Cow<'static, [Press]>,
    /// What they do.
    pub action: Action,
    /// What the help says.
    pub help: &'static str,
    /// Where the help says it.
    pub topic: Topic,
    /// What the hints say, after the key that goes the other way where there is one; empty for keys that are not
    /// hinted at.
    pub hint: &'static str,
}

/// The bindings of a context as they are shipped, in their order.
pub fn bindings_of(context: Context) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.context == context)
}

/// What the hint of a binding says while the clock stands so.
pub(super) fn hint_of(binding: &Binding, clock: Clock) -> &'static str {
    match (binding.action, clock) {
        (Action::Order(Order::Toggle), Clock::Running) => "pause",
        (Action::Order(Order::Toggle), Clock::Paused) => "run",
        (_, Clock::Running | Clock::Paused | Clock::Finished) => binding.hint,
    }
}

/// Whether an action has an effect as things stand.
pub(super) fn useful(action: Action, clock: Clock, page: Page, pane: Pane) -> bool {
    match action {
        // A run that has finished goes no further, but it can go back.
        Action::Order(Order::Seek(_)) => true,
        Action::Hand(Hand::Faults) => clock != Clock::Finished,
        Action::Order(order) => clock != Clock::Finished || order == Order::Quit,
        Action::Sort => pane.is_sorted(),
        Action::Filter => pane.has_filter(),
        Action::Open => pane.opens(),
        Action::View => pane.has_views(),
        Action::Records => page == Page::Topics,
        Action::Follow | Action::NextWrong | Action::PreviousWrong => page == Page::Messages,
        Action::Hand(_)
        | Action::Leap(_)
        | Action::JumpBack
        | Action::JumpForward
        | Action::SetMark
        | Action::ToMark
        | Action::Page(_)
        | Action::NextPane
        | Action::PreviousPane
        | Action::Zoom
        | Action::Move(_)
        | Action::Top
        | Action::Bottom
        | Action::Go
        | Action::Target
        | Action::Back
        | Action::Reverse
        | Action::Command
        | Action::Help
        | Action::Enter
        | Action::Erase
        | Action::EraseAll
        | Action::Complete
        | Action::Why
        | Action::Share
        | Action::Export
        | Action::Find
        | Action::Copy
        | Action::SkipStep => true,
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::tui::keymap::Keymap;

    fn action_for(context: Context, press: Press) -> Option<Action> {
        Keymap::shipped().action_for(context, press)
    }

    fn action(code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
        action_for(Context::Screen, Press::of(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn no_key_is_bound_twice_in_a_context() {
        for context in Context::ALL {
            let keys: Vec<Press> =
                bindings_of(context).flat_map(|binding| binding.keys.iter()).copied().collect();
            for (index, key) in keys.iter().enumerate() {
                assert!(!keys[..index].contains(key), "{} is bound twice in {context:?}", key.name());
            }
        }
    }

    #[test]
    fn every_context_can_be_left_and_the_program_too() {
        for context in Context::ALL {
            let quits = bindings_of(context).any(|binding| {
                binding.action == Action::Order(Order::Quit) && binding.keys.contains(&Press::control('c'))
            });
            assert!(quits, "{context:?}");
            let back = action_for(context, Press::key(KeyCode::Esc));
            assert_eq!(back, Some(Action::Back), "{context:?}");
        }
    }

    #[test]
    fn letters_that_are_typed_are_bound_to_nothing_else() {
        for context in Context::ALL.into_iter().filter(|context| context.takes_letters()) {
            let bound = bindings_of(context).flat_map(|binding| binding.keys.iter());
            assert!(bound.copied().all(|key| key.plain_letter().is_none()), "{context:?}");
        }
    }

    #[test]
    fn a_capital_letter_is_the_same_with_and_without_shift() {
        let full_speed = Some(Action::Order(Order::FullSpeed));
        assert_eq!(action(KeyCode::Char('M'), KeyModifiers::NONE), full_speed);
        assert_eq!(action(KeyCode::Char('M'), KeyModifiers::SHIFT), full_speed);
        assert_eq!(action(KeyCode::Char('m'), KeyModifiers::SHIFT), full_speed);
        assert_eq!(action(KeyCode::Char('m'), KeyModifiers::NONE), Some(Action::SetMark));
        assert_eq!(action(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
    }

    #[test]
    fn a_key_has_one_name_and_a_name_one_key() {
        for press in BINDINGS.iter().flat_map(|binding| binding.keys.iter()) {
            assert_eq!(Press::named(&press.name()), Some(*press), "{}", press.name());
        }
        let named = |name| Press::named(name).map(Press::name);
        assert_eq!(
            ["f1", "F12", "ctrl-O", "esc", "ä"].map(named).map(Option::unwrap),
            ["F1", "F12", "Ctrl-o", "Esc", "ä"]
        );
        assert_eq!(["", "F0", "F13", "Fire", "Ctrl-", "Meta-x", "jj"].map(named), [const { None }; 7]);
    }
}
