//! The panel of the tour: the step that waits.

use ratatui::layout::Rect;

use super::canvas::{Canvas, rows};
use super::words::wrap;
use crate::tui::keymap::Keymap;
use crate::tui::keys::Action;
use crate::tui::theme::Role;
use crate::tui::tutor::{STEPS, Tutor};

/// What stands there when all is done.
const OVER: &str = "That was the tour. To see what keeps the records: leave, press e in the picker to copy broker-loss to a \
                    file, change producer.acks to \"all\" there, and run the file. The sixty loss scenarios each answer a \
                    question of that kind.";

/// How many rows it takes in this body: as many as the longest step, so that nothing moves from one to the next, but never
/// so many that nothing is left of the screen.
pub fn height(keys: &Keymap, body: Rect) -> u16 {
    let columns = usize::from(body.width).saturating_sub(4);
    let texts = STEPS.iter().map(|step| step.told(keys)).chain([OVER.to_owned()]);
    let most = texts.map(|text| wrap(&text, columns).len()).max().unwrap_or(0);
    (most as u16 + 2).min(body.height / 3 * 2)
}

/// Draws it.
pub fn draw(tutor: Tutor, keys: &Keymap, canvas: &mut Canvas<'_>, area: Rect) {
    let skips = keys.name_of(Action::SkipStep);
    let (title, text, note) = match tutor.waiting() {
        Some(step) => {
            let title = format!("Tour {} of {}: {}", tutor.step + 1, STEPS.len(), step.title);
            (title, step.told(keys), format!("{skips} skips it, :tutor ends"))
        }
        None => ("Tour: done".to_owned(), OVER.to_owned(), format!("{skips} closes it")),
    };
    canvas.clear(area);
    let inner = canvas.pane(area, &title, &note, true);
    for (line, place) in wrap(&text, usize::from(inner.width)).iter().zip(rows(inner)) {
        canvas.text(place, 0, line, Role::Plain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::tui::shot::Shot;
    use crate::tui::{Model, Palette, Theme};

    #[test]
    fn every_step_is_told_in_full_where_there_is_room_for_a_screen_beside_it() {
        for (width, height) in [(120, 36), (100, 30), (80, 24), (60, 20)] {
            let mut model = Model::new("test", 1, Theme::new(Palette::Mono, false), Time::from_secs(9));
            for step in 0..=STEPS.len() {
                model.tutor = Some(Tutor { step, done: 0 });
                let text = Shot::of(&model, width, height).text();
                let told = STEPS.get(step).map_or_else(|| OVER.to_owned(), |step| step.told(&model.keys));
                let last = wrap(&told, usize::from(width) - 4).pop().expect("it says something");
                assert!(text.contains(&last), "step {step} at {width}x{height}: {last}\n{text}");
                assert!(text.contains("Flow"), "{text}");
            }
        }
    }
}
