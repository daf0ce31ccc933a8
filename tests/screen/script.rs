//! A recorded session: a script of keys gives the same frames and the same digest, each time it is played.

use std::time::Duration as Wall;

use brokersim::cli::Driven;
use brokersim::tui::keys::Press;
use brokersim::tui::pace::Speed;
use brokersim::tui::shot::Shot;
use brokersim::tui::{Act, Clock, play};

use super::{SCENARIO, theme};

/// Keys by name; `~` waits a second.
const SCRIPT: &str = "~ ~ Space 2 j j . . . , , ] ] [ } > > < m a 3 v 4 v v Enter t Esc { 1 Tab Tab k k Enter Ctrl-o \
                      ' a 5 : g o t o Space 9 . 5 Enter + + Space ~ Space / l o s t Enter z z ? f a Esc - = Home . . End";

fn steps(script: &str) -> Vec<Act> {
    let step = |name: &str| match Press::named(name) {
        _ if name == "~" => Act::Wait(Wall::from_secs(1)),
        Some(press) => Act::Key(press.event()),
        None => panic!("no key is called {name}"),
    };
    script.split_whitespace().map(step).collect()
}

/// The frames of a script, and the digests at its end and at the end of the run.
fn played() -> (Vec<String>, [String; 2]) {
    let mut driven = Driven::on_screen(SCENARIO, "orders-loss.toml").expect("it makes sense");
    let mut model = driven.model(theme());
    let mut frames = Vec::new();
    let mut film = |model: &brokersim::tui::Model| {
        let shot = Shot::of(model, 120, 36);
        frames.push(shot.text() + &shot.looks());
    };
    play(driven.pilot(), &mut model, Speed::Times(2_000), steps(SCRIPT), &mut film);
    let there = driven.digest().to_string();
    // Whoever comes anew finds time running.
    let rest = steps("M ~ ~ ~ ~ ~ ~ ~ ~");
    play(driven.pilot(), &mut model, Speed::Times(2_000), rest, &mut film);
    assert_eq!(model.report.clock, Clock::Finished, "the run came to its end");
    (frames, [there, driven.digest().to_string()])
}

#[test]
fn a_script_of_keys_gives_the_same_frames_and_the_same_digests_twice() {
    let ((frames, digests), (again, digests_again)) = (played(), played());
    assert_eq!(digests, digests_again);
    for (index, (frame, other)) in frames.iter().zip(&again).enumerate() {
        assert!(frame == other, "frame {index} differs:\n{frame}\n{other}");
    }
    let different = frames.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(
        frames.len() == again.len() && different > 40,
        "{different} of {} frames show something new",
        frames.len()
    );
}

#[test]
fn who_wandered_about_in_a_run_ends_it_with_the_digest_of_one_that_nobody_watched() {
    let mut straight = Driven::headless(SCENARIO, "orders-loss.toml").expect("it makes sense");
    let end = straight.pilot().end();
    straight.pilot().advance(end);
    assert_eq!(played().1[1], straight.digest().to_string());
}
