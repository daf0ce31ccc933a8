//! Whole screens, text and style, of one scenario at one instant, against `tests/screens/`; every key; ten thousand
//! partitions. `UPDATE_EXPECT=1` writes the screens anew.

#![expect(clippy::disallowed_types, reason = "a frame's time is wall time")]

#[path = "screen/by_hand.rs"]
mod by_hand;
#[path = "../benches/screen/crowd.rs"]
mod crowd;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration as Wall, Instant};

use brokersim::host::Simulation;
use brokersim::kernel::{Duration, Event, Observer, Time};
use brokersim::observe::lens::{Lens, LensSetup, Look};
use brokersim::observe::{Watch, WatchSetup};
use brokersim::scenario::wiring::{Wired, wire};
use brokersim::scenario::{Overrides, Scenario};
use brokersim::trace::{Fact, Stage};
use brokersim::tui::pace::Speed;
use brokersim::tui::shot::Shot;
use brokersim::tui::{
    About, Clock, Mode, Model, Msg, Named, Page, Palette, Pane, Report, Setting, Theme, update, view,
};
use crossterm::event::KeyCode;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use by_hand::{drawn, every_key, press};
use crowd::{Crowd, Shape};

const SCENARIO: &str = include_str!("../tui-screenshots/orders-loss.toml");
/// A broker is down, records are lost, a consumer stands still.
const BAD: Time = Time::from_millis(23_300);

/// The run as a screen sees it.
#[derive(Clone)]
struct Eyes {
    watch: Watch,
    lens: Lens,
    about: Arc<About>,
    end: Time,
}

impl Observer<Fact> for Eyes {
    fn observe(&mut self, events: &[Event<Fact>]) {
        self.watch.observe(events);
        self.lens.observe(events);
    }
}

impl Eyes {
    fn report(&self, look: &Look, clock: Clock) -> Report {
        Report {
            snapshot: Arc::new(self.watch.snapshot()),
            detail: Arc::new(self.lens.detail(&self.watch, look)),
            front: self.watch.now(),
            clock,
            seeking: None,
            speed: Speed::Times(8_000),
            reached: Some(Speed::Times(6_123)),
            said: None,
            note: None,
            courses: Arc::default(),
            about: None,
            diff: None,
        }
    }
}

fn about(stage: &Stage) -> Arc<About> {
    let channel = |channel: &brokersim::trace::Channel| Named {
        name: channel.name.clone(),
        first_place: channel.first_place.0,
        places: channel.places,
        internal: channel.internal,
    };
    let setting = |of: &str, name: &str, value: &str, written| Setting {
        of: of.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
        written,
    };
    Arc::new(About {
        badge: "SIM",
        channels: stage.channels.iter().map(channel).collect(),
        groups: stage.groups.iter().map(|group| group.name.clone()).collect(),
        sources: stage.sources.clone(),
        settings: vec![
            setting("orders", "min.insync.replicas", "2", true),
            setting("", "unclean.leader.election.enable", "false", false),
            setting("shop", "producer.acks", "1", true),
        ],
        ..About::default()
    })
}

/// The scenario at its bad instant, and a moment before: computed once for all tests.
fn bad_day() -> &'static [Eyes; 2] {
    static DAY: OnceLock<[Eyes; 2]> = OnceLock::new();
    DAY.get_or_init(|| {
        let scenario =
            Scenario::load(SCENARIO, "orders-loss.toml", &Overrides::default()).expect("it makes sense");
        let Wired { parts, stage, expected, end, .. } = wire(&scenario);
        let mut simulation = Simulation::new(parts);
        let cast = Arc::new(simulation.cast().clone());
        let mut watch = Watch::new(WatchSetup {
            stage: Arc::clone(&stage),
            cast: Arc::clone(&cast),
            warm_up: Time::ZERO + scenario.run.warm_up,
            end,
            sample_every: Duration::from_millis(100),
            for_tape: false,
        })
        .expecting(expected);
        let about = about(&stage);
        let lens = Lens::new(LensSetup { stage, cast, scheduled: Vec::new() });
        watch.remember();
        let mut eyes = Eyes { watch, lens, about, end };
        let mut before = None;
        for until in [BAD.as_millis() - 100, BAD.as_millis()] {
            let until = Time::from_millis(until);
            simulation.run_until(until, &mut eyes);
            eyes.watch.catch_up(until);
            eyes.lens.catch_up(until);
            before.get_or_insert_with(|| eyes.clone());
        }
        [before.expect("it was there"), eyes]
    })
}

fn empty(palette: Palette, ascii: bool) -> Model {
    Model::new("orders-loss", 5, Theme::new(palette, ascii), bad_day()[1].end)
}

/// The bad day on a screen, with a moment before it, so that some numbers have moved.
fn on_a_bad_day(page: Page, palette: Palette, ascii: bool, clock: Clock) -> Model {
    let [before, now] = bad_day();
    let mut model = empty(palette, ascii).about(Arc::clone(&now.about));
    model.page = page;
    update(&mut model, Msg::Tick(before.report(&Look::default(), Clock::Running)));
    look(&mut model, clock);
    model
}

/// Brings what the model looks at.
fn look(model: &mut Model, clock: Clock) {
    for _ in 0..3 {
        let report = bad_day()[1].report(&model.look(), clock);
        update(model, Msg::Tick(report));
    }
}

/// Text, then a letter for the look of each cell.
fn told(model: &Model, width: u16, height: u16) -> String {
    let shot = Shot::of(model, width, height);
    shot.text() + &shot.looks()
}

/// Every page and the help in these colours, by name.
fn all(palette: Palette, ascii: bool) -> Vec<(&'static str, Model)> {
    let page = |page: Page| (page.name(), on_a_bad_day(page, palette, ascii, Clock::Paused));
    let mut help = on_a_bad_day(Page::Overview, palette, ascii, Clock::Paused);
    help.mode = HELP();
    Page::ALL.into_iter().map(page).chain([("help", help)]).collect()
}

fn compare(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, text).expect("the folder of expected screens can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} looks different; UPDATE_EXPECT=1 writes it anew:\n{text}");
}

const SIZES: [(u16, u16); 4] = [(120, 36), (80, 24), (60, 20), (20, 5)];
const CLOCKS: [Clock; 3] = [Clock::Running, Clock::Paused, Clock::Finished];
const HELP: fn() -> Mode = || Mode::Help { filter: String::new(), scrolled: 0 };

#[test]
fn every_screen_looks_as_it_should_at_every_size_with_and_without_colour() {
    for ((name, dark), (_, mono)) in all(Palette::Dark, false).iter().zip(&all(Palette::Mono, false)) {
        for (width, height) in SIZES {
            let [in_colour, without] = [dark, mono].map(|model| Shot::of(model, width, height));
            compare(&format!("{name}_dark_{width}x{height}"), &(in_colour.text() + &in_colour.looks()));
            // Colour only repeats what the glyphs say: the text is the same, and is kept once.
            assert_eq!(in_colour.text(), without.text(), "{name} at {width}x{height}");
            compare(&format!("{name}_mono_{width}x{height}"), &without.looks());
        }
    }
}

#[test]
fn ascii_and_an_empty_run_look_as_they_should() {
    for ((name, ascii), (_, plain)) in all(Palette::Mono, true).iter().zip(&all(Palette::Mono, false)) {
        for (width, height) in SIZES {
            let shot = Shot::of(ascii, width, height);
            assert!(shot.text().is_ascii(), "{}", shot.text());
            // Other glyphs at the same places: looks are those without --ascii.
            assert_eq!(shot.looks(), Shot::of(plain, width, height).looks(), "{name} at {width}x{height}");
        }
        compare(&format!("{name}_ascii_120x36"), &Shot::of(ascii, 120, 36).text());
    }
    compare("empty_80x24", &told(&empty(Palette::Dark, false), 80, 24));
}

#[test]
fn the_facts_of_the_bad_day_are_on_the_screens() {
    let text = |page| Shot::of(&on_a_bad_day(page, Palette::Mono, false, Clock::Paused), 120, 36).text();
    let overview = text(Page::Overview);
    assert!(overview.contains("✗ 1 down") && overview.contains("accepted-is-not-lost"), "{overview}");
    let topics = text(Page::Topics);
    assert!(
        topics.contains("URP") && topics.contains("✗ down 15.000") && topics.contains("LOG END"),
        "{topics}"
    );
    let groups = text(Page::Groups);
    assert!(groups.contains("(orders 4-5)") && groups.contains("no heartbeat within"), "{groups}");
    let messages = text(Page::Messages);
    assert!(messages.contains("shop:") && messages.contains("committed"), "{messages}");
    let faults = text(Page::Faults);
    assert!(faults.contains("slow-disk broker-3") && faults.contains("ACTIVE"), "{faults}");
}

#[test]
fn no_size_is_too_small_or_too_large() {
    let modes = [Mode::Screen, HELP(), Mode::Command("goto 12".repeat(40)), Mode::Go, Mode::ToMark];
    let mut models: Vec<Model> = Page::ALL
        .into_iter()
        .zip([Palette::Dark, Palette::Light, Palette::Mono].into_iter().cycle())
        .map(|(page, palette)| on_a_bad_day(page, palette, page == Page::Groups, Clock::Running))
        .chain([empty(Palette::Dark, false)])
        .collect();
    let mut step = 0;
    for height in 1..=60 {
        for part in 0..16 {
            let width = 1 + part * 12 + height * 5 % 12;
            step += 1;
            let count = models.len();
            let model = &mut models[step % count];
            let panes = model.page.panes();
            model.focus.insert(model.page, panes[step / count % panes.len()]);
            model.zoomed = width % 5 == 0;
            model.mode = modes[step % modes.len()].clone();
            drawn(model, width, height);
        }
    }
}

#[test]
fn no_key_in_any_context_of_any_pane_panics() {
    let modes = [
        Mode::Screen,
        HELP(),
        Mode::Filter { before: String::new() },
        Mode::Command("goto 1".to_owned()),
        Mode::Go,
        Mode::SetMark,
        Mode::ToMark,
    ];
    for page in Page::ALL {
        for clock in CLOCKS {
            let model = on_a_bad_day(page, Palette::Dark, false, clock);
            for pane in page.panes() {
                for mode in &modes {
                    for key in every_key() {
                        let mut model = model.clone();
                        model.focus.insert(page, *pane);
                        model.mode = mode.clone();
                        press(&mut model, key);
                        model.look();
                    }
                }
            }
        }
    }
}

#[test]
fn a_walk_of_a_thousand_keys_is_drawn_at_every_step() {
    let keys = every_key();
    let mut model = on_a_bad_day(Page::Overview, Palette::Dark, false, Clock::Paused);
    let mut chance: u32 = 7;
    for step in 0..1_000 {
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        press(&mut model, keys[(chance >> 8) as usize % keys.len()]);
        if step % 10 == 0 {
            look(&mut model, CLOCKS[step / 10 % 3]);
        }
        let (width, height) = SIZES[step % 3];
        drawn(&model, width, height);
    }
}

#[test]
fn the_monochrome_theme_sends_no_colour() {
    for (page, ascii) in Page::ALL.into_iter().flat_map(|page| [(page, false), (page, true)]) {
        let mut model = on_a_bad_day(page, Palette::Mono, ascii, Clock::Running);
        for mode in [Mode::Screen, HELP()] {
            model.mode = mode;
            let buffer = drawn(&model, 120, 36);
            assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        }
    }
}

#[test]
fn every_glyph_is_one_column_wide() {
    for page in Page::ALL {
        let buffer = drawn(&on_a_bad_day(page, Palette::Dark, false, Clock::Running), 120, 36);
        assert!(buffer.content.iter().all(|cell| cell.symbol().chars().count() == 1));
    }
}

#[test]
fn what_is_wrong_is_in_the_header_and_what_is_fine_is_not() {
    let header =
        |model: &Model| Shot::of(model, 120, 24).text().lines().next().unwrap_or_default().to_owned();
    let wrong = header(&on_a_bad_day(Page::Overview, Palette::Dark, false, Clock::Running));
    assert!(wrong.contains("✗ 1 down") && wrong.contains("lost"), "{wrong}");
    let fine = header(&empty(Palette::Dark, false));
    assert!(!fine.contains("lost") && !fine.contains("dup") && !fine.contains("down"), "{fine}");
}

#[test]
fn ten_thousand_partitions_and_a_thousand_groups_are_drawn_row_by_row() {
    // 16 ms in a release build; without optimisation, on a machine that does other things, only what grows faster than
    // the crowd is caught.
    let limit = Wall::from_millis(if cfg!(debug_assertions) { 2_000 } else { 16 });
    let crowd = Crowd::new(Shape::OneTopic);
    let mut model = crowd.model();
    let mut terminal = Terminal::new(TestBackend::new(120, 36)).expect("a backend for tests");
    for page in Page::ALL {
        model.page = page;
        crowd.look(&mut model);
        let mut fastest = Wall::MAX;
        for _ in 0..8 {
            // The best of some: a machine that is busy is not the screen's fault.
            let began = Instant::now();
            press(&mut model, KeyCode::PageDown.into());
            terminal.draw(|frame| view(&model, frame)).expect("it takes every frame");
            fastest = fastest.min(began.elapsed());
        }
        assert!(fastest < limit, "{page:?}: {fastest:?}");
    }
    model.page = Page::Topics;
    model.focus.insert(Page::Topics, Pane::Partitions);
    crowd.look(&mut model);
    press(&mut model, KeyCode::Char('G').into());
    let text = Shot::of(&model, 120, 36).text();
    assert!(text.contains("9999"), "{text}");
}
