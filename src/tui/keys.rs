//! One table of keys. What a key does, the hints in the last row, and the help all come from it.
//!
//! **Invariant.** No key is bound twice in a context.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::kernel::Duration;

use super::model::{Clock, Pane};
use super::update::Order;

/// Where a binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// The screen.
    Screen,
    /// The help over it.
    Help,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Something for the driver of the run.
    Order(Order),
    /// Gives a pane the focus.
    Focus(Pane),
    /// Gives the focused pane the whole screen, or takes it back.
    Zoom,
    /// The lag chart shows the next group.
    NextGroup,
    /// The lag chart shows the previous group.
    PreviousGroup,
    /// The feed goes back so many lines.
    Older(isize),
    /// The feed goes forward so many lines.
    Newer(isize),
    /// The feed goes to its oldest line.
    Oldest,
    /// The feed follows the newest line.
    Newest,
    /// Opens the help.
    Help,
    /// Closes it.
    CloseHelp,
    /// Scrolls it up.
    HelpUp,
    /// Scrolls it down.
    HelpDown,
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
    fn of(event: KeyEvent) -> Self {
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::Char(letter) if shift => KeyCode::Char(letter.to_ascii_uppercase()),
            KeyCode::Tab if shift => KeyCode::BackTab,
            code => code,
        };
        Self { code, control: event.modifiers.contains(KeyModifiers::CONTROL) }
    }

    /// As the help writes it.
    pub fn name(self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(letter) => letter.to_string(),
            KeyCode::Up => "Up".to_owned(),
            KeyCode::Down => "Down".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::BackTab => "S-Tab".to_owned(),
            code => format!("{code:?}"),
        };
        if self.control { format!("Ctrl-{name}") } else { name }
    }
}

/// What keys are about: a heading of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The clock.
    Time,
    /// Panes, groups, lines.
    Look,
    /// The rest.
    Other,
}

impl Topic {
    /// All, in the order of the help.
    pub const ALL: [Self; 3] = [Self::Time, Self::Look, Self::Other];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Time => "TIME",
            Self::Look => "LOOK",
            Self::Other => "OTHER",
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Where it holds.
    pub context: Context,
    /// The keys.
    pub keys: &'static [Press],
    /// What they do.
    pub action: Action,
    /// What the help says.
    pub help: &'static str,
    /// Where the help says it.
    pub topic: Topic,
    /// What the hints say; empty for keys that are not hinted at.
    pub hint: &'static str,
}

const fn on(
    keys: &'static [Press],
    action: Action,
    topic: Topic,
    help: &'static str,
    hint: &'static str,
) -> Binding {
    Binding { context: Context::Screen, keys, action, help, topic, hint }
}

const fn in_help(keys: &'static [Press], action: Action, help: &'static str, hint: &'static str) -> Binding {
    Binding { context: Context::Help, keys, action, help, topic: Topic::Other, hint }
}

const STEP: Duration = Duration::from_millis(100);
/// Lines that Page Up and Page Down pass over.
const PAGE: isize = 10;

/// All bindings. The hints stand in this order; the first ones are seen on narrow screens too.
pub const BINDINGS: &[Binding] = {
    use Action::{Focus, Newer, Older, Order as Ask};
    use KeyCode::{BackTab, Down, End, Esc, Home, PageDown, PageUp, Tab, Up};
    use Topic::{Look, Other, Time};
    const fn l(letter: char) -> Press {
        Press::letter(letter)
    }
    const fn k(code: KeyCode) -> Press {
        Press::key(code)
    }
    &[
        on(&[l(' ')], Ask(Order::Toggle), Time, "run / pause", "run/pause"),
        on(
            &[l('q'), Press::control('c')],
            Ask(Order::Quit),
            Other,
            "quit; a run stays as far as it came",
            "quit",
        ),
        on(&[l('?')], Action::Help, Other, "this help", "help"),
        on(&[l('+')], Ask(Order::Faster), Time, "twice as fast", "faster"),
        on(&[l('-')], Ask(Order::Slower), Time, "half as fast", "slower"),
        on(&[l('.')], Ask(Order::Step), Time, "pause, and one event on", "step"),
        on(&[l('>')], Ask(Order::Skip(STEP)), Time, "pause, and 100 ms on", "100 ms"),
        on(&[k(Tab)], Action::NextGroup, Look, "lag of the next group", "group"),
        on(&[k(BackTab)], Action::PreviousGroup, Look, "lag of the previous group", ""),
        on(&[l('k'), k(Up)], Older(1), Look, "an older event", "older"),
        on(&[l('j'), k(Down)], Newer(1), Look, "a newer event", "newer"),
        on(&[k(PageUp), Press::control('u')], Older(PAGE), Look, "ten older events", ""),
        on(&[k(PageDown), Press::control('d')], Newer(PAGE), Look, "ten newer events", ""),
        on(&[l('g'), k(Home)], Action::Oldest, Look, "the oldest event", ""),
        on(&[l('G'), k(End), k(Esc)], Action::Newest, Look, "follow the newest event", "follow"),
        on(&[l('M')], Ask(Order::FullSpeed), Time, "as fast as it goes", "full speed"),
        on(&[l('=')], Ask(Order::RealTime), Time, "real time (1x)", "1x"),
        on(&[l('z')], Action::Zoom, Look, "focused pane alone / all panes", "zoom"),
        on(&[l('1')], Focus(Pane::Flow), Look, "focus: flow", ""),
        on(&[l('2')], Focus(Pane::Books), Look, "focus: counters", ""),
        on(&[l('3')], Focus(Pane::Lag), Look, "focus: lag", ""),
        on(&[l('4')], Focus(Pane::Feed), Look, "focus: events", ""),
        in_help(&[l('?'), l('q'), k(Esc)], Action::CloseHelp, "close the help", "close"),
        in_help(&[l('j'), k(Down)], Action::HelpDown, "scroll down", "down"),
        in_help(&[l('k'), k(Up)], Action::HelpUp, "scroll up", "up"),
        in_help(&[Press::control('c')], Ask(Order::Quit), "quit", "quit"),
    ]
};

/// What a key does in a context.
pub fn action_for(context: Context, event: KeyEvent) -> Option<Action> {
    let press = Press::of(event);
    bindings_of(context).find(|binding| binding.keys.contains(&press)).map(|binding| binding.action)
}

/// The bindings of a context, in their order.
pub fn bindings_of(context: Context) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.context == context)
}

/// Key and hint, for the bindings that have an effect as the run stands.
pub fn hints(context: Context, clock: Clock) -> impl Iterator<Item = (String, &'static str)> {
    bindings_of(context)
        .filter(move |binding| !binding.hint.is_empty() && useful(binding.action, clock))
        .map(move |binding| (binding.keys[0].name(), hint_of(binding, clock)))
}

fn hint_of(binding: &'static Binding, clock: Clock) -> &'static str {
    match (binding.action, clock) {
        (Action::Order(Order::Toggle), Clock::Running) => "pause",
        (Action::Order(Order::Toggle), Clock::Paused) => "run",
        (_, Clock::Running | Clock::Paused | Clock::Finished) => binding.hint,
    }
}

/// A run that has finished does not run any faster.
fn useful(action: Action, clock: Clock) -> bool {
    clock != Clock::Finished || !matches!(action, Action::Order(order) if order != Order::Quit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_bound_twice_in_a_context() {
        for context in [Context::Screen, Context::Help] {
            let keys: Vec<Press> = bindings_of(context).flat_map(|binding| binding.keys).copied().collect();
            for (index, key) in keys.iter().enumerate() {
                assert!(!keys[..index].contains(key), "{} is bound twice in {context:?}", key.name());
            }
        }
    }

    #[test]
    fn a_capital_letter_is_the_same_with_and_without_shift() {
        let press =
            |letter, modifiers| action_for(Context::Screen, KeyEvent::new(KeyCode::Char(letter), modifiers));
        let full_speed = Some(Action::Order(Order::FullSpeed));
        assert_eq!(press('M', KeyModifiers::NONE), full_speed);
        assert_eq!(press('M', KeyModifiers::SHIFT), full_speed);
        assert_eq!(press('m', KeyModifiers::SHIFT), full_speed);
        assert_eq!(press('m', KeyModifiers::NONE), None);
        assert_eq!(press('q', KeyModifiers::CONTROL), None);
    }

    #[test]
    fn a_finished_run_hints_at_no_clock() {
        let hinted: Vec<&str> = hints(Context::Screen, Clock::Finished).map(|(_, hint)| hint).collect();
        assert!(hinted.contains(&"quit") && !hinted.contains(&"faster") && !hinted.contains(&"run/pause"));
    }
}
