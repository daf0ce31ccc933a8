//! Terminals of any size.

use brokersim::tui::Page;
use brokersim::tui::shot::Shot;

use super::by_hand::drawn;
use super::small;

#[test]
fn below_80x24_there_is_the_header_and_the_pane_that_has_the_focus() {
    for page in Page::ALL {
        let mut model = small();
        model.page = page;
        for pane in page.panes() {
            model.focus.insert(page, *pane);
            for (width, height) in [(79, 24), (80, 23), (40, 10)] {
                let text = Shot::of(&model, width, height).text();
                let corners = text.matches(['┏', '┌']).count();
                assert!(corners == 1 && text.contains('┏'), "{pane:?} at {width}x{height}:\n{text}");
                assert!(text.lines().next().is_some_and(|header| header.contains("00:16.300")), "{text}");
            }
        }
    }
}

#[test]
fn under_40x10_a_line_says_so() {
    for (width, height) in [(39, 10), (40, 9), (30, 1), (20, 5)] {
        let text = Shot::of(&small(), width, height).text();
        assert!(text.trim() == "needs 40x10 or more"[..19.min(usize::from(width))].trim(), "{text}");
    }
}

#[test]
fn a_storm_of_sizes_is_drawn() {
    let mut model = small();
    let mut chance: u32 = 11;
    let mut next = |upto: u32| {
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (chance >> 16) % upto
    };
    for _ in 0..400 {
        model.page = Page::ALL[next(5) as usize];
        model.zoomed = next(4) == 0;
        drawn(&model, 1 + next(200) as u16, 1 + next(80) as u16);
    }
}
