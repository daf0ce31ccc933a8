//! Curves as text: an area of braille dots, or of ASCII, some rows high.

/// Rows of characters of one curve.
pub(super) const HEIGHT: usize = 3;

/// Draws one series as an area under its curve, `width` characters wide and [`HEIGHT`] high, top row first. `peak` is
/// what reaches the top.
pub(super) fn area(values: &[f64], width: usize, peak: f64, ascii: bool) -> Vec<String> {
    if ascii { ascii_area(values, width, peak) } else { braille_area(values, width, peak) }
}

/// Two dots across and four down in each character.
fn braille_area(values: &[f64], width: usize, peak: f64) -> Vec<String> {
    let heights = heights(values, width * 2, peak, HEIGHT * 4);
    let cell = |row: usize, column: usize| {
        let below = (HEIGHT - 1 - row) * 4;
        let dots = |half: usize| heights[column * 2 + half].saturating_sub(below).min(4);
        braille(dots(0), dots(1))
    };
    (0..HEIGHT).map(|row| (0..width).map(|column| cell(row, column)).collect()).collect()
}

/// So many dots from below in the left and in the right half.
fn braille(left: usize, right: usize) -> char {
    const LEFT: [u32; 5] = [0, 0x40, 0x44, 0x46, 0x47];
    const RIGHT: [u32; 5] = [0, 0x80, 0xA0, 0xB0, 0xB8];
    char::from_u32(0x2800 + LEFT[left] + RIGHT[right]).expect("all of them are letters of braille")
}

/// Two steps in each character.
fn ascii_area(values: &[f64], width: usize, peak: f64) -> Vec<String> {
    let heights = heights(values, width, peak, HEIGHT * 2);
    let cell = |row: usize, column: usize| match heights[column].saturating_sub((HEIGHT - 1 - row) * 2) {
        0 => ' ',
        1 => '.',
        _ => '#',
    };
    (0..HEIGHT).map(|row| (0..width).map(|column| cell(row, column)).collect()).collect()
}

/// The height of each column: the highest of the values that fall into it, as steps of `steps`. What is above zero has
/// one step at least.
fn heights(values: &[f64], columns: usize, peak: f64, steps: usize) -> Vec<usize> {
    let column = |column: usize| {
        let from = column * values.len() / columns;
        let to = ((column + 1) * values.len() / columns).max(from + 1).min(values.len());
        let highest = values.get(from..to).unwrap_or_default().iter().copied().fold(0.0, f64::max);
        if highest <= 0.0 || peak <= 0.0 {
            return 0;
        }
        ((highest / peak * steps as f64).round() as usize).clamp(1, steps)
    };
    (0..columns).map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_rises() {
        let ramp: Vec<f64> = (1..=12).map(f64::from).collect();
        assert_eq!(area(&ramp, 6, 12.0, false), ["    ⣠⣾", "  ⣠⣾⣿⣿", "⣠⣾⣿⣿⣿⣿"].map(blank_is_braille));
        assert_eq!(area(&ramp, 6, 12.0, true), ["    .#", "  .###", ".#####"]);
    }

    fn blank_is_braille(text: &str) -> String {
        text.replace(' ', "\u{2800}")
    }

    #[test]
    fn next_to_nothing_is_seen_and_nothing_is_not() {
        assert_eq!(area(&[0.0, 0.001], 2, 1_000.0, true)[2], " .");
        assert_eq!(area(&[0.0, 0.0], 2, 0.0, true), ["  ", "  ", "  "]);
        assert_eq!(area(&[], 2, 1.0, true), ["  ", "  ", "  "]);
    }
}
