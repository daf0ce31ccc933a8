//! Going to what has a name: `:offset`, `:key`, `:time`, `:record`, `:find` and Ctrl-p; what Tab completes.

use crate::observe::lens::Around;
use crate::trace::PlaceId;
use crate::tui::command;
use crate::tui::completion;
use crate::tui::find::{self, Goal};
use crate::tui::model::{Mode, Model, Page, Pane};
use crate::tui::{query, rows};

use super::{Order, Seek, act, change_filter, choose, focus, leap, show_place};

/// Takes in that the run has answered where something is.
pub(super) fn settle(model: &mut Model) {
    let Some(page) = &model.report.detail.records else { return };
    if model.sought.is_none() || page.query.around != model.sought {
        return;
    }
    let (found, sought, forgotten) = (page.found, model.sought.take(), page.forgotten);
    let line = found.and_then(|id| page.lines.iter().find(|line| line.id == id));
    let exact = match (sought, line) {
        (Some(Around::Offset(offset)), Some(line)) => line.offset == offset,
        (_, found) => found.is_some(),
    };
    if !exact {
        let older = if forgotten > 0 { ", or it is older than what is kept" } else { "" };
        let nearest = if line.is_some() { ": this is the nearest" } else { "" };
        model.said = Some(format!("no record is there{older}{nearest}"));
    }
    choose(model, Pane::Records, found.map(|id| id.to_bits()));
}

/// Does a command that goes somewhere; none when it was none of these.
pub(super) fn command(model: &mut Model, text: &str) -> Option<Option<Order>> {
    let (name, value) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    let said = match name {
        "offset" => to_offset(model, value.trim()),
        "key" => to_key(model, value.trim()),
        "time" => to_time(model, value.trim()),
        "record" => to_record(model, value.trim()),
        "find" => return Some(to_best(model, value.trim())),
        _ => return None,
    };
    if let Err(message) = said {
        model.said = Some(message);
    }
    Some(None)
}

fn to_best(model: &mut Model, value: &str) -> Option<Order> {
    match find::search(model, value).into_iter().next() {
        Some(best) => go(model, best.goal),
        None => {
            model.said = Some(format!("nothing is called `{value}`"));
            None
        }
    }
}

/// Ctrl-p.
pub(super) fn begin(model: &mut Model) {
    let found = find::search(model, "");
    model.mode = Mode::Find { typed: String::new(), found, row: 0 };
}

/// What is typed changes.
pub(super) fn typed(model: &mut Model, change: impl FnOnce(&mut String)) {
    let Mode::Find { typed, .. } = &model.mode else { return };
    let mut typed = typed.clone();
    change(&mut typed);
    let found = find::search(model, &typed);
    model.mode = Mode::Find { typed, found, row: 0 };
}

/// Moves among what was found; whether something is looked for.
pub(super) fn move_by(model: &mut Model, by: isize) -> bool {
    let Mode::Find { found, row, .. } = &mut model.mode else { return false };
    *row = row.saturating_add_signed(by).min(found.len().saturating_sub(1));
    true
}

/// Goes to what was found.
pub(super) fn go(model: &mut Model, goal: Goal) -> Option<Order> {
    match goal {
        Goal::Page(page) => model.page = page,
        Goal::Channel(channel) => {
            choose(model, Pane::Topics, Some(u64::from(channel)));
            focus(model, Page::Topics, Pane::Topics);
        }
        Goal::Place(place) => show_place(model, place),
        Goal::Group(group) => {
            choose(model, Pane::Groups, Some(u64::from(group)));
            focus(model, Page::Groups, Pane::Groups);
        }
        Goal::Member(member) => {
            choose(model, Pane::Members, Some(u64::from(member)));
            focus(model, Page::Groups, Pane::Members);
        }
        Goal::Leads(broker) => {
            model.lists.entry(Pane::Partitions).or_default().filter = format!("b{broker}");
            focus(model, Page::Topics, Pane::Partitions);
        }
        Goal::Record(record) => return command(model, &format!("record {record}")).flatten(),
        Goal::Offset(place, offset) => {
            show_place_of_records(model, place);
            model.sought = Some(Around::Offset(offset));
        }
        Goal::Fault(index, at) => {
            choose(model, Pane::FaultList, Some(u64::from(index)));
            focus(model, Page::Faults, Pane::FaultList);
            return leap(model, Seek::To(at));
        }
        Goal::Fact(serial, at) => return leap(model, Seek::Fact(serial, at)),
        Goal::Time(time) => return leap(model, Seek::To(time.min(model.snapshot().end))),
        Goal::Setting(index) => {
            choose(model, Pane::Settings, Some(u64::from(index)));
            focus(model, Page::Topics, Pane::Settings);
        }
        Goal::Command(name) => model.mode = Mode::Command(format!("{name} ")),
        Goal::Key(action) => return act(model, action),
    }
    None
}

fn to_offset(model: &mut Model, value: &str) -> Result<(), String> {
    let wanted =
        || format!(":offset wants a partition and an offset, as :offset orders-0 10813; not `{value}`");
    let (place, offset) = match value.split_once([' ', '@']) {
        Some((place, offset)) => (model.about.place_named(place.trim()), offset.trim()),
        None => (model.place(), value),
    };
    let offset = offset.replace('_', "").parse().map_err(|_| wanted())?;
    let place = place.ok_or_else(wanted)?;
    show_place_of_records(model, place);
    model.sought = Some(Around::Offset(offset));
    Ok(())
}

fn to_time(model: &mut Model, value: &str) -> Result<(), String> {
    let time = command::instant(value).ok_or_else(|| {
        format!(":time wants when a record was offered, as :time 30s; not `{value}` (:goto moves the clock)")
    })?;
    focus(model, Page::Messages, Pane::Records);
    model.followed = None;
    model.sought = Some(Around::Time(time));
    Ok(())
}

fn to_key(model: &mut Model, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err(":key wants a key, as :key user-17".to_owned());
    }
    let quoted = if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value.to_owned() };
    show_all(model);
    change_filter(model, |filter| *filter = format!("key:{quoted}"));
    model.whole_channel = true;
    Ok(())
}

fn to_record(model: &mut Model, value: &str) -> Result<(), String> {
    let id = query::record(value, &model.about)
        .map_err(|_| format!(":record wants a source and a number, as :record shop:1841; not `{value}`"))?;
    show_all(model);
    change_filter(model, |filter| *filter = format!("record:{value}"));
    choose(model, Pane::Records, Some(id.to_bits()));
    Ok(())
}

/// The records of a partition, all of them.
pub(super) fn show_place_of_records(model: &mut Model, place: PlaceId) {
    let Some(channel) = rows::place(model, place).map(|place| place.channel) else { return };
    choose(model, Pane::Topics, Some(u64::from(channel)));
    choose(model, Pane::Partitions, Some(u64::from(place.0)));
    model.lists.entry(Pane::Topics).or_default().filter.clear();
    model.lists.entry(Pane::Partitions).or_default().filter.clear();
    show_all(model);
    model.whole_channel = false;
}

/// The screen of records, without a filter.
fn show_all(model: &mut Model) {
    focus(model, Page::Messages, Pane::Records);
    model.fate = Default::default();
    model.followed = None;
    model.sought = None;
    choose(model, Pane::Records, None);
    change_filter(model, String::clear);
}

/// Tab, while something is typed.
pub(super) fn complete(model: &mut Model) {
    if let Mode::Command(text) = &model.mode {
        if let Some(text) = completion::complete(model, text) {
            model.mode = Mode::Command(text);
        }
    } else if let (Mode::Filter { .. }, Pane::Records) = (&model.mode, model.pane()) {
        let text = query::complete(&model.list(Pane::Records).filter, &model.about);
        if let Some(text) = text {
            change_filter(model, |filter| *filter = text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::kernel::Time;
    use crate::observe::lens::{
        Asked, Detail, Part, PlaceDetail, Query, RecordPage, Telling, Told, ToldLine, Tone,
    };
    use crate::tui::update::{Msg, update};
    use crate::tui::{About, Clock, Named, Palette, Report, Share, Theme};

    fn place(number: u32) -> PlaceDetail {
        PlaceDetail { number, ..PlaceDetail::default() }
    }

    /// A screen of a run of one topic with two partitions.
    fn model() -> Model {
        let orders = Named { name: "orders".to_owned(), first_place: 0, places: 2, internal: false };
        let about = About {
            badge: "SIM",
            channels: vec![orders],
            sources: vec!["shop".to_owned()],
            arguments: "a.toml --seed 7".to_owned(),
            ..About::default()
        };
        let theme = Theme::new(Palette::Mono, false);
        let mut model = Model::new("test", 1, theme, Time::from_secs(60)).about(Arc::new(about));
        tick(&mut model, Detail { places: vec![place(0), place(1)], ..Detail::default() });
        model
    }

    fn tick(model: &mut Model, detail: Detail) {
        let report = Report { detail: Arc::new(detail), clock: Clock::Paused, ..model.report.clone() };
        assert_eq!(update(model, Msg::Tick(report)), None);
    }

    fn type_text(model: &mut Model, text: &str) -> Option<Order> {
        text.chars().fold(None, |_, letter| {
            let code = match letter {
                '\n' => KeyCode::Enter,
                '\t' => KeyCode::Tab,
                letter => KeyCode::Char(letter),
            };
            update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
        })
    }

    #[test]
    fn an_offset_that_is_not_remembered_leads_to_the_nearest_and_says_so() {
        let mut model = model();
        type_text(&mut model, ":offset orders-1 10_813\n");
        assert_eq!(
            (model.page, model.place(), model.query().around),
            (Page::Messages, Some(PlaceId(1)), Some(Around::Offset(10_813)))
        );
        let query = Query { around: Some(Around::Offset(10_813)), ..Query::default() };
        let page = RecordPage { query, forgotten: 3, ..RecordPage::default() };
        let detail = Detail { records: Some(page), ..Detail::clone(model.detail()) };
        tick(&mut model, detail);
        assert_eq!(model.sought, None);
        let said = model.said.expect("it is said");
        assert!(said.contains("older than what is kept"), "{said}");
    }

    #[test]
    fn commands_that_miss_something_say_what_they_want() {
        for (typed, wanted) in [
            (":offset orders-9 1\n", ":offset orders-0 10813"),
            (":offset\n", ":offset orders-0 10813"),
            (":time soon\n", ":time 30s"),
            (":key\n", ":key user-17"),
            (":record 17\n", ":record shop:1841"),
            (":find nothing at all\n", "nothing is called"),
        ] {
            let mut model = model();
            assert_eq!(type_text(&mut model, typed), None);
            let said = model.said.unwrap_or_default();
            assert!(said.contains(wanted), "{typed}: {said}");
        }
    }

    #[test]
    fn a_filter_of_records_is_asked_of_the_run_and_completed_by_tab() {
        let mut model = model();
        model.page = Page::Messages;
        type_text(&mut model, "/lost of\t>100\n");
        assert_eq!(model.list(Pane::Records).filter, "lost offset:>100");
        assert_eq!(model.query().filter.map(|filter| filter.terms.len()), Some(2));
        type_text(&mut model, "/ topic:orders\n");
        let query = model.query();
        assert_eq!((query.place, query.channel), (None, None), "the filter says where");
        type_text(&mut model, ":key a b\n");
        assert_eq!(model.list(Pane::Records).filter, "key:\"a b\"");
    }

    #[test]
    fn n_lists_what_went_wrong_from_wherever_one_is() {
        let mut model = model();
        model.page = Page::Faults;
        type_text(&mut model, "n");
        assert_eq!((model.page, model.pane()), (Page::Messages, Pane::Records));
        let query = model.query();
        assert_eq!((query.fate, query.place), (crate::observe::lens::FateFilter::Wrong, None));
    }

    #[test]
    fn ctrl_p_goes_where_what_was_typed_leads() {
        let mut model = model();
        let find = KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL);
        update(&mut model, Msg::Key(find));
        type_text(&mut model, "orders-1\n");
        assert_eq!((model.page, model.place(), &model.mode), (Page::Topics, Some(PlaceId(1)), &Mode::Screen));
        update(&mut model, Msg::Key(find));
        let there = Order::Seek(Seek::To(Time::from_millis(42_100)));
        assert_eq!(type_text(&mut model, "42.1s\n"), Some(there));
        update(&mut model, Msg::Key(find));
        assert_eq!(type_text(&mut model, "run / pause\n"), Some(Order::Toggle), "a key is pressed");
    }

    #[test]
    fn a_step_of_a_story_leads_to_its_instant_and_the_story_stays_open_at_it() {
        let mut model = model();
        type_text(&mut model, "w");
        let asked = Asked::Worst { tried: true };
        assert_eq!((&model.mode, model.look().why), (&Mode::Why, Some(asked)));
        let step = |serial| ToldLine {
            fact: Some((serial, Time::from_millis(serial))),
            ..ToldLine::new(Part::Step { who: "broker-1".to_owned() }, Tone::Plain, "takes over")
        };
        let lines = vec![ToldLine::new(Part::Headline, Tone::Plain, "gone"), step(7), step(9)];
        let told = Told {
            asked,
            upto: Time::from_secs(1),
            telling: Telling::Done,
            percent: None,
            lines,
            short: Vec::new(),
        };
        let detail = Detail { why: Some(Arc::new(told)), ..Detail::clone(model.detail()) };
        tick(&mut model, detail);
        let there = Order::Seek(Seek::Fact(9, Time::from_millis(9)));
        assert_eq!(type_text(&mut model, "j\n"), Some(there));
        assert_eq!((&model.mode, model.story.row), (&Mode::Screen, Some(2)));
        type_text(&mut model, "wk");
        assert_eq!(model.story.row, Some(1), "it is open where it was left");
    }

    #[test]
    fn the_command_that_is_copied_leads_to_what_is_chosen() {
        let mut model = model();
        type_text(&mut model, ":find orders-1\nzy");
        let command = "brokersim shot a.toml --seed 7 --screen topics --at 0s --keys $':find orders-1\\nz'";
        assert_eq!(model.share, Some(Share::Copy(command.to_owned())));
        assert_eq!(model.said.as_deref(), Some(command));
        type_text(&mut model, "wy");
        assert_eq!(model.share, Some(Share::Copy("brokersim why a.toml --seed 7".to_owned())));
    }
}
