//! One table of keys, as it is shipped. What a key does, the hints in the last row, the popup of a prefix, the help and
//! the printed list all come from it, by way of the [`Keymap`](super::keymap::Keymap) in which a person may have bound
//! some of them otherwise.
//!
//! A context is a way in which keys are read: the screen, the help, a line that is typed, a prefix that waits for the
//! next key.
//!
//! **Invariant.** No key is bound twice in a context.

use std::borrow::Cow;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::kernel::Duration;

use super::model::{Clock, Page, Pane};
use super::update::hands::Hand;
use super::update::{Order, Seek};

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

/// A key, with the modifiers that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    code: KeyCode,
    control: bool,
}

impl Press {
    const fn key(code: KeyCode) -> Self {
        Self { code, control: false }
    }

    const fn letter(letter: char) -> Self {
        Self::key(KeyCode::Char(letter))
    }

    const fn control(letter: char) -> Self {
        Self { code: KeyCode::Char(letter), control: true }
    }

    /// Some terminals send `M`, some `m` with Shift, some both: all are the capital letter here.
    pub fn of(event: KeyEvent) -> Self {
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::Char(letter) if shift => KeyCode::Char(letter.to_ascii_uppercase()),
            KeyCode::Tab if shift => KeyCode::BackTab,
            code => code,
        };
        Self { code, control: event.modifiers.contains(KeyModifiers::CONTROL) }
    }

    /// What a terminal sends for it.
    pub fn event(self) -> KeyEvent {
        let modifiers = if self.control { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
        KeyEvent::new(self.code, modifiers)
    }

    /// The letter, when it is one and nothing else.
    pub fn plain_letter(self) -> Option<char> {
        match self.code {
            KeyCode::Char(letter) if !self.control => Some(letter),
            _ => None,
        }
    }

    /// As the help writes it.
    pub fn name(self) -> String {
        let named = NAMES.iter().find(|(_, code)| *code == self.code);
        let name = match (named, self.code) {
            (Some((name, _)), _) => (*name).to_owned(),
            (None, KeyCode::Char(letter)) => letter.to_string(),
            (None, KeyCode::F(number)) => format!("F{number}"),
            (None, code) => format!("{code:?}"),
        };
        if self.control { format!("Ctrl-{name}") } else { name }
    }

    /// The key that [`Press::name`] calls so; names of more than one letter are taken in any case.
    pub fn named(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("Ctrl-").or_else(|| name.strip_prefix("ctrl-"));
        let (control, name) = rest.map_or((false, name), |rest| (true, rest));
        let mut letters = name.chars();
        let code = match (letters.next(), letters.next()) {
            (Some(letter), None) if control => KeyCode::Char(letter.to_ascii_lowercase()),
            (Some(letter), None) => KeyCode::Char(letter),
            (_, _) => Self::code_named(name)?,
        };
        Some(Self { code, control })
    }

    fn code_named(name: &str) -> Option<KeyCode> {
        if let Some((_, code)) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Some(*code);
        }
        let number = name.strip_prefix(['F', 'f'])?.parse().ok()?;
        (1..=12).contains(&number).then_some(KeyCode::F(number))
    }
}

/// Keys that are not written as the letter they type.
pub(super) const NAMES: [(&str, KeyCode); 16] = [
    ("Space", KeyCode::Char(' ')),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("S-Tab", KeyCode::BackTab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
];

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

const fn row(
    context: Context,
    topic: Topic,
    keys: &'static [Press],
    action: Action,
    help: &'static str,
    hint: &'static str,
) -> Binding {
    Binding { context, keys: Cow::Borrowed(keys), action, help, topic, hint }
}

/// What a small step of time is.
pub const STEP: Duration = Duration::from_millis(100);
/// Rows that Page Up and Page Down pass over.
const HALF_PAGE: isize = 10;

/// All bindings. The hints stand in this order; the first ones are seen on narrow screens too.
pub const BINDINGS: &[Binding] = {
    use Action::{Hand as By, Leap, Order as Ask};
    use Context::{
        Branches, Diff, Fault, Find, Go, Help, Picker, PickerFilter, Reset, Screen, SetMark, ToMark, Typing,
        Why,
    };
    use KeyCode::{BackTab, Backspace, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Tab, Up};
    use Topic::{Change, Look, Move, Other, Time};
    const fn l(letter: char) -> Press {
        Press::letter(letter)
    }
    const fn k(code: KeyCode) -> Press {
        Press::key(code)
    }
    const fn c(letter: char) -> Press {
        Press::control(letter)
    }
    const fn strike(keys: &'static [Press], kind: &'static str) -> Binding {
        row(Fault, Change, keys, By(Hand::Strike(kind)), kind, "")
    }
    &[
        row(Screen, Time, &[l(' ')], Ask(Order::Toggle), "run / pause", "run/pause"),
        row(Screen, Time, &[l('.')], Ask(Order::Seek(Seek::Event)), "one event on", ", step"),
        row(Screen, Time, &[l(',')], Ask(Order::Seek(Seek::EventBack)), "one event back", ""),
        row(Screen, Change, &[l('f')], By(Hand::Faults), "inject a fault: f, then its key", "fault"),
        row(Screen, Change, &[l('u')], By(Hand::TakeBack), "take the last injection back", ""),
        row(Screen, Change, &[l('D')], By(Hand::Differ), "how this branch and where it came from differ", ""),
        row(Screen, Look, &[k(Enter)], Action::Open, "open the selected row", "open"),
        row(Screen, Look, &[l('o')], Action::Records, "the records of what is selected", "records"),
        row(Screen, Look, &[l('t')], Action::Follow, "follow the selected record", "follow"),
        row(Screen, Look, &[l('N')], Action::NextWrong, "the next record that went wrong", "next lost"),
        row(
            Screen,
            Look,
            &[l('w')],
            Action::Why,
            "why: the story of the record, the promise, the lag, the worst",
            "why",
        ),
        row(Screen, Look, &[l('v')], Action::View, "another view of the same", "view"),
        row(Screen, Look, &[l('s')], Action::Sort, "sort by the next column", "sort"),
        row(Screen, Look, &[l('S')], Action::Reverse, "sort the other way round", ""),
        row(Screen, Look, &[l('/')], Action::Filter, "filter the rows of the pane", "filter"),
        row(Screen, Time, &[l(']')], Leap(Seek::Notable), "the next notable event", "[ event"),
        row(Screen, Time, &[l('[')], Leap(Seek::NotableBack), "the notable event before", ""),
        row(Screen, Time, &[l('}')], Leap(Seek::Fault), "the next fault", "{ fault"),
        row(Screen, Time, &[l('{')], Leap(Seek::FaultBack), "the fault before", ""),
        row(Screen, Time, &[l('+')], Ask(Order::Faster), "twice as fast", "- speed"),
        row(Screen, Time, &[l('-')], Ask(Order::Slower), "half as fast", ""),
        row(Screen, Time, &[l('=')], Ask(Order::RealTime), "real time (1x)", ""),
        row(Screen, Time, &[l('M')], Ask(Order::FullSpeed), "as fast as it goes", ""),
        row(Screen, Time, &[l('>')], Ask(Order::Seek(Seek::By(STEP))), "100 ms on", ""),
        row(Screen, Time, &[l('<')], Ask(Order::Seek(Seek::Back(STEP))), "100 ms back", ""),
        row(Screen, Time, &[k(Home)], Leap(Seek::Start), "the beginning of the run", ""),
        row(Screen, Time, &[k(End)], Leap(Seek::Front), "the furthest that was computed", ""),
        row(Screen, Time, &[c('o')], Action::JumpBack, "back to where time stood before the jump", ""),
        row(
            Screen,
            Time,
            &[c('n'), c('i')],
            Action::JumpForward,
            "forward again (Ctrl-i where terminals tell it from Tab)",
            "",
        ),
        row(Screen, Time, &[l('m')], Action::SetMark, "set a mark: the next letter names it", ""),
        row(Screen, Time, &[l('\'')], Action::ToMark, "go to a mark: the next letter says which", ""),
        row(Screen, Change, &[l('b')], By(Hand::Fork), "begin a branch here", ""),
        row(Screen, Change, &[l('B')], By(Hand::Branches), "the branches; Enter goes there", ""),
        row(Screen, Change, &[l('H')], By(Hand::Heal), "heal everything", ""),
        row(Screen, Change, &[l('p')], By(Hand::Produce), "offer one record", ""),
        row(Screen, Change, &[l('R')], By(Hand::Reset), "reset the offsets of the group", ""),
        row(Screen, Change, &[l('!')], By(Hand::Arm), "arm a run by the clock for 60 s; disarm it", ""),
        row(Screen, Move, &[l('1')], Action::Page(0), "Overview", ""),
        row(Screen, Move, &[l('2')], Action::Page(1), "Topics and partitions", ""),
        row(Screen, Move, &[l('3')], Action::Page(2), "Groups and lag", ""),
        row(Screen, Move, &[l('4')], Action::Page(3), "Messages", ""),
        row(Screen, Move, &[l('5')], Action::Page(4), "Faults and promises", ""),
        row(Screen, Move, &[k(Tab), l('l'), k(Right)], Action::NextPane, "the next pane", "pane"),
        row(Screen, Move, &[k(BackTab), l('h'), k(Left)], Action::PreviousPane, "the pane before", ""),
        row(Screen, Move, &[l('j'), k(Down)], Action::Move(1), "a row down", ""),
        row(Screen, Move, &[l('k'), k(Up)], Action::Move(-1), "a row up", ""),
        row(Screen, Move, &[c('d'), k(PageDown)], Action::Move(HALF_PAGE), "ten rows down", ""),
        row(Screen, Move, &[c('u'), k(PageUp)], Action::Move(-HALF_PAGE), "ten rows up", ""),
        row(Screen, Move, &[l('g')], Action::Go, "go: then g to the top, d to what it is about", ""),
        row(Screen, Move, &[l('G')], Action::Bottom, "to the last row; events follow again", ""),
        row(Screen, Move, &[l('z')], Action::Zoom, "focused pane alone / all panes", "zoom"),
        row(Screen, Move, &[k(Esc)], Action::Back, "back: zoom, filter", ""),
        row(
            Screen,
            Look,
            &[c('p')],
            Action::Find,
            "find anything: screens, partitions, records, faults, keys",
            "find",
        ),
        row(Screen, Other, &[l('y')], Action::Share, "copy the command that shows the same", ""),
        row(Screen, Other, &[l('e')], Action::Export, "export the view: text and SVG", ""),
        row(
            Screen,
            Other,
            &[l(':')],
            Action::Command,
            "a command: :goto 42.1s  :fault kill broker-1 for 10s  :save FILE  :speed 4  :q",
            "cmd",
        ),
        row(Screen, Other, &[l('?')], Action::Help, "this help; type to filter it", "help"),
        row(
            Screen,
            Other,
            &[l('q'), c('c')],
            Ask(Order::Quit),
            "quit; a run stays as far as it came",
            "quit",
        ),
        row(Help, Other, &[k(Esc), k(Enter)], Action::Back, "close the help", "close"),
        row(Help, Other, &[k(Down)], Action::Move(1), "scroll down", "down"),
        row(Help, Other, &[k(Up)], Action::Move(-1), "scroll up", "up"),
        row(Help, Other, &[k(PageDown), c('d')], Action::Move(HALF_PAGE), "ten rows down", ""),
        row(Help, Other, &[k(PageUp), c('u')], Action::Move(-HALF_PAGE), "ten rows up", ""),
        row(Help, Other, &[k(Backspace)], Action::Erase, "take a letter back", ""),
        row(Help, Other, &[c('c')], Ask(Order::Quit), "quit", "quit"),
        row(Typing, Other, &[k(Enter)], Action::Enter, "do it", "do it"),
        row(Typing, Other, &[k(Esc)], Action::Back, "leave it", "leave it"),
        row(Typing, Other, &[k(Backspace), c('h')], Action::Erase, "take a letter back", ""),
        row(Typing, Other, &[k(Tab)], Action::Complete, "complete the word", ""),
        row(Typing, Other, &[c('u')], Action::EraseAll, "take everything back", ""),
        row(Typing, Other, &[c('c')], Ask(Order::Quit), "quit", ""),
        row(Go, Move, &[l('g')], Action::Top, "to the first row", "first row"),
        row(Go, Move, &[l('d')], Action::Target, "to what the row is about", "target"),
        row(Go, Move, &[k(Esc)], Action::Back, "nowhere", "stay"),
        row(Go, Other, &[c('c')], Ask(Order::Quit), "quit", ""),
        strike(&[l('k')], "kill"),
        strike(&[l('p')], "power-loss"),
        strike(&[l('s')], "shutdown"),
        strike(&[l('r')], "restart"),
        strike(&[l('R')], "rolling-restart"),
        strike(&[l('z')], "pause"),
        strike(&[l('c')], "slow-cpu"),
        strike(&[l('d')], "slow-disk"),
        strike(&[l('f')], "full-disk"),
        strike(&[l('x')], "lost-disk"),
        strike(&[l('n')], "partition"),
        strike(&[l('b')], "blackhole"),
        strike(&[l('e')], "reset"),
        strike(&[l('l')], "latency"),
        strike(&[l('j')], "network-jitter"),
        strike(&[l('w')], "bandwidth"),
        strike(&[l('h')], "slow-handler"),
        strike(&[l('i')], "stuck-handler"),
        strike(&[l('u')], "burst"),
        strike(&[l('v')], "change-rate"),
        strike(&[l('o')], "produce"),
        strike(&[l('P')], "poison"),
        strike(&[l('a')], "clock-ahead"),
        strike(&[l('A')], "clock-behind"),
        strike(&[l('q')], "close"),
        strike(&[l('+')], "add-member"),
        strike(&[l('-')], "remove-member"),
        strike(&[l('t')], "add-partitions"),
        strike(&[l('E')], "reset-offsets"),
        strike(&[l('H')], "heal"),
        row(Fault, Change, &[l(':')], By(Hand::Edit), "put the line up to be changed first", "edit first"),
        row(Fault, Change, &[k(Esc)], Action::Back, "nothing", "nothing"),
        row(Fault, Other, &[c('c')], Ask(Order::Quit), "quit", ""),
        row(
            Reset,
            Change,
            &[l('e')],
            By(Hand::ResetTo("earliest")),
            "to the beginning of each log",
            "earliest",
        ),
        row(Reset, Change, &[l('l')], By(Hand::ResetTo("latest")), "behind all that is committed", "latest"),
        row(Reset, Change, &[k(Esc)], Action::Back, "nowhere", "nowhere"),
        row(Reset, Other, &[c('c')], Ask(Order::Quit), "quit", ""),
        row(Branches, Change, &[k(Enter)], By(Hand::Switch), "go there", "go there"),
        row(Branches, Change, &[l('D')], By(Hand::Differ), "how it and this one differ", "diff"),
        row(Branches, Move, &[l('j'), k(Down)], Action::Move(1), "a row down", "down"),
        row(Branches, Move, &[l('k'), k(Up)], Action::Move(-1), "a row up", "up"),
        row(Branches, Move, &[k(Esc), l('B'), l('q')], Action::Back, "back", "back"),
        row(Branches, Other, &[c('c')], Ask(Order::Quit), "quit", ""),
        row(Diff, Move, &[l('j'), k(Down)], Action::Move(1), "a row down", "down"),
        row(Diff, Move, &[l('k'), k(Up)], Action::Move(-1), "a row up", "up"),
        row(Diff, Move, &[c('d'), k(PageDown)], Action::Move(HALF_PAGE), "ten rows down", ""),
        row(Diff, Move, &[c('u'), k(PageUp)], Action::Move(-HALF_PAGE), "ten rows up", ""),
        row(Diff, Move, &[k(Esc), l('D'), l('q'), k(Enter)], Action::Back, "back", "back"),
        row(Diff, Other, &[c('c')], Ask(Order::Quit), "quit", ""),
        row(SetMark, Other, &[k(Esc)], Action::Back, "none", "none"),
        row(SetMark, Other, &[c('c')], Ask(Order::Quit), "quit", ""),
        row(Why, Look, &[k(Enter)], Action::Open, "go to the step", "go there"),
        row(Why, Look, &[l('j'), k(Down)], Action::Move(1), "a line down", "k line"),
        row(Why, Look, &[l('k'), k(Up)], Action::Move(-1), "a line up", ""),
        row(Why, Look, &[c('d'), k(PageDown), l(' ')], Action::Move(HALF_PAGE), "ten lines down", ""),
        row(Why, Look, &[c('u'), k(PageUp)], Action::Move(-HALF_PAGE), "ten lines up", ""),
        row(Why, Look, &[l('g'), k(Home)], Action::Top, "to the first line", ""),
        row(Why, Look, &[l('G'), k(End)], Action::Bottom, "to the last line", ""),
        row(Why, Other, &[l('y')], Action::Share, "copy the command that tells the same", "copy"),
        row(Why, Other, &[l('e')], Action::Export, "export the view", "export"),
        row(Why, Other, &[k(Esc), l('w'), l('q')], Action::Back, "close the story", "close"),
        row(Why, Other, &[c('c')], Ask(Order::Quit), "quit", ""),
        row(Find, Other, &[k(Enter)], Action::Enter, "go there", "go there"),
        row(Find, Other, &[k(Down), c('n'), k(Tab)], Action::Move(1), "the next one", "next"),
        row(Find, Other, &[k(Up), c('p'), k(BackTab)], Action::Move(-1), "the one before", ""),
        row(Find, Other, &[k(PageDown), c('d')], Action::Move(HALF_PAGE), "ten further", ""),
        row(Find, Other, &[k(PageUp)], Action::Move(-HALF_PAGE), "ten back", ""),
        row(Find, Other, &[k(Backspace), c('h')], Action::Erase, "take a letter back", ""),
        row(Find, Other, &[c('u')], Action::EraseAll, "take everything back", ""),
        row(Find, Other, &[k(Esc)], Action::Back, "stay", "stay"),
        row(Find, Other, &[c('c')], Ask(Order::Quit), "quit", ""),
        row(ToMark, Other, &[k(Esc)], Action::Back, "none", "none"),
        row(ToMark, Other, &[c('c')], Ask(Order::Quit), "quit", ""),
        row(
            Screen,
            Other,
            &[c('t')],
            Action::SkipStep,
            "past a step of the tour; :tutor begins and ends it",
            "",
        ),
        row(Picker, Look, &[k(Enter)], Action::Open, "run it", "run it"),
        row(Picker, Look, &[l('/')], Action::Filter, "filter; so does any other letter", "or type: filter"),
        row(Picker, Other, &[l('e')], Action::Copy, "copy it to a file, to edit", "copy it to edit"),
        row(Picker, Move, &[l('j'), k(Down)], Action::Move(1), "a row down", "k down/up"),
        row(Picker, Move, &[l('k'), k(Up)], Action::Move(-1), "a row up", ""),
        row(Picker, Move, &[c('d'), k(PageDown)], Action::Move(HALF_PAGE), "ten rows down", ""),
        row(Picker, Move, &[c('u'), k(PageUp)], Action::Move(-HALF_PAGE), "ten rows up", ""),
        row(Picker, Move, &[l('g'), k(Home)], Action::Top, "to the first row", ""),
        row(Picker, Move, &[l('G'), k(End)], Action::Bottom, "to the last row", ""),
        row(Picker, Move, &[k(Esc)], Action::Back, "all rows again", ""),
        row(Picker, Other, &[l('q'), c('c')], Ask(Order::Quit), "quit", "quit"),
        row(PickerFilter, Look, &[k(Enter)], Action::Open, "run it", "run it"),
        row(PickerFilter, Move, &[k(Down), k(Tab)], Action::Move(1), "a row down", "down"),
        row(PickerFilter, Move, &[k(Up), k(BackTab)], Action::Move(-1), "a row up", ""),
        row(PickerFilter, Move, &[k(PageDown), c('d')], Action::Move(HALF_PAGE), "ten rows down", ""),
        row(PickerFilter, Move, &[k(PageUp)], Action::Move(-HALF_PAGE), "ten rows up", ""),
        row(PickerFilter, Other, &[k(Esc)], Action::Back, "all rows again", "all again"),
        row(PickerFilter, Other, &[k(Backspace), c('h')], Action::Erase, "take a letter back", ""),
        row(PickerFilter, Other, &[c('u')], Action::EraseAll, "take everything back", ""),
        row(PickerFilter, Other, &[c('c')], Ask(Order::Quit), "quit", "quit"),
    ]
};

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
        Action::Sort => pane.orders().len() > 1,
        Action::Filter => pane.has_filter(),
        Action::Open => pane.opens(),
        Action::View => pane.has_views(),
        Action::Records => page == Page::Topics,
        Action::Follow | Action::NextWrong => page == Page::Messages,
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
