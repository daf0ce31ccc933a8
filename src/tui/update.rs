//! How the screen's memory changes when something comes in.

use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind};

use crate::kernel::{Duration, Time};
use crate::observe::lens::FateFilter;

use super::keys::{Action, Context, Press};
use super::model::{Mode, Model, Page, Pane, Report};
use super::mouse::{self, Mouse};
use super::pace::Speed;
use super::{rows, share, tutor};

mod find;
mod open;
mod typing;
pub(super) mod why;

pub mod hands;

use open::{open, show_place, target};
use typing::change_filter;

/// What comes in.
#[derive(Clone, Debug)]
pub enum Msg {
    /// The run went on, or stands otherwise.
    Tick(Report),
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(Mouse),
    /// The terminal has another size, or has to be drawn anew.
    Redraw,
}

/// What the screen asks the driver of the run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Run if paused, pause if running.
    Toggle,
    /// Give up what is sought, and pause where the run is; nothing when it is there already.
    Stand,
    /// Pause, at another instant.
    Seek(Seek),
    /// Twice as fast.
    Faster,
    /// Half as fast.
    Slower,
    /// In real time.
    RealTime,
    /// As fast as it goes.
    FullSpeed,
    /// So fast.
    Speed(Speed),
    /// Show in the next reports what the screen looks at now.
    Look,
    /// Do what was handed in: [`Model::deed`].
    Hand,
    /// Leave; a run that has not ended stays as far as it came.
    Quit,
}

/// An instant to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// After the next thing on the agenda.
    Event,
    /// Before the last one.
    EventBack,
    /// So much later.
    By(Duration),
    /// So much earlier.
    Back(Duration),
    /// At the next notable fact.
    Notable,
    /// At the one before.
    NotableBack,
    /// At the next fault.
    Fault,
    /// At the one before.
    FaultBack,
    /// The beginning.
    Start,
    /// The furthest that was computed.
    Front,
    /// There.
    To(Time),
    /// Just after this fact, which happened then.
    Fact(u64, Time),
}

/// Takes in a message; what it means for the run.
pub fn update(model: &mut Model, msg: Msg) -> Option<Order> {
    model.stale = true;
    let order = take_in(model, msg);
    tutor::attend(model, order);
    order
}

fn take_in(model: &mut Model, msg: Msg) -> Option<Order> {
    match msg {
        Msg::Tick(report) => {
            tick(model, report);
            None
        }
        Msg::Key(key) if key.kind == KeyEventKind::Release => None,
        Msg::Key(key) => press(model, Press::of(key)),
        Msg::Mouse(mouse) => mouse::obey(model, mouse),
        Msg::Redraw => None,
    }
}

/// Which bindings hold now.
pub fn context_of(model: &Model) -> Context {
    match model.mode {
        Mode::Screen => Context::Screen,
        Mode::Help { .. } => Context::Help,
        Mode::Filter { .. } | Mode::Command(_) => Context::Typing,
        Mode::Go => Context::Go,
        Mode::SetMark => Context::SetMark,
        Mode::ToMark => Context::ToMark,
        Mode::Why => Context::Why,
        Mode::Find { .. } => Context::Find,
        Mode::Fault { .. } => Context::Fault,
        Mode::Reset => Context::Reset,
        Mode::Branches(_) => Context::Branches,
        Mode::Diff(..) => Context::Diff,
    }
}

fn tick(model: &mut Model, report: Report) {
    if report.snapshot.facts != model.report.snapshot.facts {
        model.before = Arc::clone(&model.report.snapshot);
    }
    model.timeline.take(&report.snapshot);
    if let Some(said) = &report.said {
        model.said = Some(said.clone()).filter(|said| !said.is_empty());
    }
    let (before, diff) = ((model.report.courses.here, model.report.courses.all.len()), report.diff.clone());
    model.report = report;
    find::settle(model);
    hands::tick(model, diff);
    hands::other_course(model, before);
}

fn press(model: &mut Model, press: Press) -> Option<Order> {
    model.said = None;
    let context = context_of(model);
    if let Some(action) = model.keys.action_for(context, press) {
        return act(model, action);
    }
    match press.plain_letter() {
        Some(letter) if context.takes_letters() => typing::letter(model, letter),
        Some(_) | None => {
            if context == Context::Screen && press.plain_letter().is_some() {
                let help = model.keys.name_of(Action::Help);
                model.said =
                    Some(format!("{} does nothing here: {help} tells what each key does", press.name()));
            }
            // A prefix waits for one key, whatever it is.
            if matches!(context, Context::Go | Context::Fault | Context::Reset) {
                model.mode = Mode::Screen;
            }
            None
        }
    }
}

/// Does what a key is bound to.
pub(super) fn act(model: &mut Model, action: Action) -> Option<Order> {
    if model.mode == Mode::Go {
        model.mode = Mode::Screen;
    }
    match action {
        Action::Order(order) => return Some(order),
        Action::Hand(what) => return hands::act(model, what),
        Action::Leap(seek) => return leap(model, seek),
        Action::JumpBack => return jump(model, false),
        Action::JumpForward => return jump(model, true),
        Action::SetMark => model.mode = Mode::SetMark,
        Action::ToMark => model.mode = Mode::ToMark,
        Action::Page(number) => match model.pages().get(number) {
            Some(page) => model.page = *page,
            None => model.said = Some("this run has no such screen".to_owned()),
        },
        Action::NextPane => next_pane(model, 1),
        Action::PreviousPane => next_pane(model, -1),
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::Move(by) => move_by(model, by),
        Action::Top => move_by(model, isize::MIN / 2),
        Action::Bottom => move_by(model, isize::MAX / 2),
        Action::Go => model.mode = Mode::Go,
        Action::Target => target(model),
        Action::Open => return open(model),
        Action::Back => return back(model),
        Action::Filter => begin_filter(model),
        Action::Sort => sort(model),
        Action::Reverse => reverse(model),
        Action::View => other_view(model),
        Action::Records => show_records(model),
        Action::Follow => follow(model),
        Action::NextWrong => next_wrong(model, true),
        Action::PreviousWrong => next_wrong(model, false),
        Action::Command => model.mode = Mode::Command(String::new()),
        Action::Help => model.mode = Mode::Help { filter: String::new(), scrolled: 0 },
        Action::Enter => return typing::enter(model),
        Action::Erase => typing::erase(model),
        Action::EraseAll => typing::erase_all(model),
        Action::Complete => find::complete(model),
        Action::Why => why::read(model),
        Action::Share => share::copy(model),
        Action::Export => share::export(model),
        Action::Find => find::begin(model),
        Action::SkipStep => tutor::skip(model),
        // Bound in the picker alone.
        Action::Copy => {}
    }
    None
}

/// Goes to another instant, so that one can come back.
pub(super) fn leap(model: &mut Model, seek: Seek) -> Option<Order> {
    let now = model.snapshot().now;
    model.jumps.leave(now);
    Some(Order::Seek(seek))
}

fn jump(model: &mut Model, forward: bool) -> Option<Order> {
    let now = model.snapshot().now;
    let to = if forward { model.jumps.go_forward(now) } else { model.jumps.go_back(now) };
    if to.is_none() {
        model.said = Some("no jump to go to".to_owned());
    }
    to.map(|to| Order::Seek(Seek::To(to)))
}

fn next_pane(model: &mut Model, by: isize) {
    let panes = model.page.panes();
    let here = panes.iter().position(|pane| *pane == model.pane()).unwrap_or(0) as isize;
    let next = panes[(here + by).rem_euclid(panes.len() as isize) as usize];
    model.focus.insert(model.page, next);
}

fn focus(model: &mut Model, page: Page, pane: Pane) {
    model.page = page;
    model.focus.insert(page, pane);
}

fn choose(model: &mut Model, pane: Pane, key: Option<u64>) {
    model.lists.entry(pane).or_default().chosen = key;
}

/// So many rows down, or up, in what has the focus.
pub(super) fn move_by(model: &mut Model, by: isize) {
    if model.mode == Mode::Why {
        return why::move_by(model, by);
    }
    if let Mode::Help { scrolled, .. } = &mut model.mode {
        *scrolled = scrolled.saturating_add_signed(by).min(1_000);
        return;
    }
    if find::move_by(model, by) || hands::move_by(model, by) {
        return;
    }
    move_in(model, model.pane(), by);
}

/// So many rows down, or up, in a pane.
pub(super) fn move_in(model: &mut Model, pane: Pane, by: isize) {
    let keys = rows::keys(model, pane);
    let Some(last) = keys.len().checked_sub(1) else {
        model.said = Some(no_row(model, pane));
        return;
    };
    let row = rows::row_of(model, pane, &keys).saturating_add_signed(by).min(last);
    choose_among(model, pane, &keys, row);
}

/// Why nothing can be chosen in a pane.
fn no_row(model: &Model, pane: Pane) -> String {
    let next = model.keys.name_of(Action::NextPane);
    let why =
        if pane.has_rows() { "there is no row here now" } else { "this pane has no rows to choose from" };
    format!("{why}: {next} goes to the next pane")
}

/// The row of this key, if it is still there.
pub(super) fn choose_row(model: &mut Model, pane: Pane, key: u64) {
    let keys = rows::keys(model, pane);
    if let Some(row) = keys.iter().position(|known| *known == key) {
        choose_among(model, pane, &keys, row);
    }
}

fn choose_among(model: &mut Model, pane: Pane, keys: &[u64], row: usize) {
    let follows = pane == Pane::Events && row + 1 == keys.len();
    choose(model, pane, (!follows).then(|| keys[row]));
    if pane == Pane::Records {
        model.followed = None;
    }
}

fn back(model: &mut Model) -> Option<Order> {
    model.turn = 0;
    let mode = std::mem::replace(&mut model.mode, Mode::Screen);
    if let Mode::Filter { before } = mode {
        change_filter(model, |filter| *filter = before);
    } else if mode == Mode::Screen {
        return back_on_screen(model);
    } else if mode == Mode::Why {
        why::give_up(model);
    }
    None
}

fn back_on_screen(model: &mut Model) -> Option<Order> {
    if model.report.seeking.is_some() {
        return Some(Order::Stand);
    }
    if model.zoomed {
        model.zoomed = false;
    } else if !model.list(model.pane()).filter.is_empty() {
        change_filter(model, String::clear);
    } else if model.followed.is_some() {
        model.followed = None;
    } else if model.page != Page::Overview || !why::give_up(model) {
        choose(model, Pane::Events, None);
    }
    None
}

fn begin_filter(model: &mut Model) {
    let pane = model.pane();
    if pane.has_filter() {
        model.mode = Mode::Filter { before: model.list(pane).filter.clone() };
    } else {
        model.said = Some("the rows of this pane have no filter".to_owned());
    }
}

fn sort(model: &mut Model) {
    let pane = model.pane();
    if pane.is_sorted() {
        let list = model.lists.entry(pane).or_default();
        list.order = (list.order + 1) % pane.orders().len();
        list.reversed = false;
    } else {
        model.said = Some(ONE_ORDER.to_owned());
    }
}

const ONE_ORDER: &str = "the rows of this pane have one order";

fn reverse(model: &mut Model) {
    let pane = model.pane();
    if pane.is_sorted() {
        let list = model.lists.entry(pane).or_default();
        list.reversed = !list.reversed;
    } else {
        model.said = Some(ONE_ORDER.to_owned());
    }
}

fn other_view(model: &mut Model) {
    match model.page {
        Page::Groups => model.logarithmic = !model.logarithmic,
        Page::Messages if model.pane() == Pane::Record => {
            let list = model.lists.entry(Pane::Record).or_default();
            list.order = (list.order + 1) % Pane::Record.orders().len();
        }
        Page::Messages => {
            let here = FateFilter::ALL.iter().position(|fate| *fate == model.fate).unwrap_or(0);
            model.fate = FateFilter::ALL[(here + 1) % FateFilter::ALL.len()];
        }
        Page::Overview | Page::Topics | Page::Faults => {
            let said = "there is one view of this screen; those of Groups and Messages have several";
            model.said = Some(said.to_owned());
        }
    }
}

fn show_records(model: &mut Model) {
    if model.page == Page::Topics {
        model.whole_channel = model.pane() == Pane::Topics;
        model.followed = None;
        focus(model, Page::Messages, Pane::Records);
    } else if model.page == Page::Messages {
        model.whole_channel = !model.whole_channel;
    } else if let Some(place) = open::place_of(model) {
        find::show_place_of_records(model, place);
    } else {
        let said = "no partition is chosen here: choose one on Topics, or find it by its name";
        model.said = Some(format!("{said} with {}", model.keys.name_of(Action::Find)));
    }
}

fn follow(model: &mut Model) {
    if model.page == Page::Messages {
        model.followed = if model.followed.is_some() { None } else { model.record() };
    } else {
        let page = model.pages().iter().position(|page| *page == Page::Messages).map(Action::Page);
        let goes = page.map(|page| format!(" ({})", model.keys.name_of(page))).unwrap_or_default();
        model.said = Some(format!("a record is followed from Messages{goes}"));
    }
}

/// The next record that went wrong, or the one before; from elsewhere all of them.
fn next_wrong(model: &mut Model, forward: bool) {
    if model.page != Page::Messages {
        if model.pages().contains(&Page::Messages) {
            focus(model, Page::Messages, Pane::Records);
            (model.fate, model.whole_channel, model.followed) = (FateFilter::Wrong, true, None);
        }
        return;
    }
    let keys = rows::keys(model, Pane::Records);
    let here = rows::row_of(model, Pane::Records, &keys);
    let lines = model.detail().records.as_ref().map_or(&[][..], |page| &page.lines);
    let step = |by: usize| if forward { here + by } else { here + lines.len() - by };
    let wrong = (1..=lines.len()).map(|by| step(by) % lines.len()).find(|row| lines[*row].is_wrong());
    let key = wrong.map(|row| lines[row].id.to_bits());
    match key {
        Some(key) => choose(model, Pane::Records, Some(key)),
        None => model.fate = FateFilter::Wrong,
    }
    model.followed = None;
}

#[cfg(test)]
mod tests;
