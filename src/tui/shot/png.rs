//! A frame as PNG: our own grid of cells, twice as large as the SVG. Lines, blocks, shades and braille are rectangles; letters
//! come from a font in the program (`assets/font`).
//!
//! **Invariant.** The same frame gives the same bytes: nothing here depends on the machine.

use ab_glyph::{Font, FontRef, PxScale, point};
use ratatui::buffer::Cell;

use super::{AIR, BASE, CELL, Ground, Look, Shot, shade_of, shapes};

/// Pixels of one unit of the SVG.
const SCALE: u32 = 2;
/// Pixels of an em, in the SVG's units.
const EM: f32 = 14.0;

const PLAIN: &[u8] = include_bytes!("../../../assets/font/DejaVuSansMono.subset.ttf");
const BOLD: &[u8] = include_bytes!("../../../assets/font/DejaVuSansMono-Bold.subset.ttf");

type Colour = [u8; 3];

/// An image: three bytes a pixel.
struct Image {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Image {
    fn new(width: u32, height: u32, back: Colour) -> Self {
        Self { width, height, pixels: back.repeat((width * height) as usize) }
    }

    /// Lays a colour over a pixel; `opacity` is 0 to 255.
    fn blend(&mut self, x: u32, y: u32, colour: Colour, opacity: u32) {
        if x >= self.width || y >= self.height {
            return;
        }
        let at = ((y * self.width + x) * 3) as usize;
        for (pixel, part) in self.pixels[at..at + 3].iter_mut().zip(colour) {
            let mixed = u32::from(*pixel) * (255 - opacity) + u32::from(part) * opacity;
            *pixel = ((mixed + 127) / 255) as u8;
        }
    }

    /// A rectangle, in the SVG's units.
    fn rectangle(&mut self, [x, y, width, height]: [u32; 4], colour: Colour, opacity: u32) {
        for row in y * SCALE..(y + height) * SCALE {
            for column in x * SCALE..(x + width) * SCALE {
                self.blend(column, row, colour, opacity);
            }
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut rows = Vec::with_capacity(self.pixels.len() + self.height as usize);
        for row in self.pixels.chunks(self.width as usize * 3) {
            // No filter: the picture is flat, and runs are found as they are.
            rows.push(0);
            rows.extend_from_slice(row);
        }
        let mut head = Vec::new();
        head.extend_from_slice(&self.width.to_be_bytes());
        head.extend_from_slice(&self.height.to_be_bytes());
        // Eight bits, red green blue, the only compression and filter there are, not interlaced.
        head.extend_from_slice(&[8, 2, 0, 0, 0]);
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut png, *b"IHDR", &head);
        chunk(&mut png, *b"IDAT", &miniz_oxide::deflate::compress_to_vec_zlib(&rows, 8));
        chunk(&mut png, *b"IEND", &[]);
        png
    }
}

/// A chunk with its length and checksum. PNG specification, 5.3.
fn chunk(png: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    png.extend_from_slice(&(data.len() as u32).to_be_bytes());
    let from = png.len();
    png.extend_from_slice(&name);
    png.extend_from_slice(data);
    let sum = crc(&png[from..]);
    png.extend_from_slice(&sum.to_be_bytes());
}

/// CRC-32 of ISO 3309. PNG specification, annex D.
fn crc(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
    let byte = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum));
    !bytes.iter().fold(!0, byte)
}

/// The letters of both weights.
struct Letters {
    plain: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Letters {
    fn new() -> Self {
        let font = |bytes| FontRef::try_from_slice(bytes).expect("the font in the program is one");
        Self { plain: font(PLAIN), bold: font(BOLD) }
    }

    fn draw(&self, image: &mut Image, symbol: &str, (x, y): (u32, u32), (colour, look): (Colour, &Look)) {
        let font = if look.bold { &self.bold } else { &self.plain };
        let units = font.units_per_em().expect("the font says its units");
        let scale = PxScale::from(EM * SCALE as f32 * font.height_unscaled() / units);
        for letter in symbol.chars() {
            let known = font.glyph_id(letter);
            let id = if known.0 == 0 { font.glyph_id('\u{fffd}') } else { known };
            let advance = font.h_advance_unscaled(id) / units * EM;
            let left = (x as f32 + (CELL.0 as f32 - advance).max(0.0) / 2.0) * SCALE as f32;
            let glyph = id.with_scale_and_position(scale, point(left, (y * SCALE) as f32));
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            outline.draw(|column, row, covered| {
                let (x, y) = (bounds.min.x as i64 + i64::from(column), bounds.min.y as i64 + i64::from(row));
                if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) {
                    let opacity = (covered.clamp(0.0, 1.0) * 255.0).round() as u32;
                    image.blend(x, y, colour, opacity * faded(look) / 255);
                }
            });
        }
    }
}

fn faded(look: &Look) -> u32 {
    if look.dim { 166 } else { 255 }
}

/// `#16181d`
fn colour(text: &str) -> Colour {
    let number = u32::from_str_radix(text.trim_start_matches('#'), 16).expect("colours here are six digits");
    [(number >> 16) as u8, (number >> 8) as u8, number as u8]
}

/// The picture of a frame.
pub(super) fn png(shot: &Shot) -> Vec<u8> {
    let (columns, rows) = (shot.buffer.area.width, shot.buffer.area.height);
    let ground = Ground::of(shot.palette);
    let size = |cells: u16, of: u32| (u32::from(cells) * of + 2 * AIR) * SCALE;
    let mut image = Image::new(size(columns, CELL.0), size(rows, CELL.1), colour(ground.back));
    let letters = Letters::new();
    for (row, cells) in (0..).zip(shot.rows()) {
        for (column, cell) in (0..).zip(cells) {
            draw(&mut image, &letters, cell, (AIR + column * CELL.0, AIR + row * CELL.1), &ground);
        }
    }
    image.encode()
}

fn draw(image: &mut Image, letters: &Letters, cell: &Cell, (x, y): (u32, u32), ground: &Ground) {
    let look = Look::of(cell, ground);
    let fill = colour(if look.reversed { ground.back } else { &look.fill });
    if look.reversed {
        image.rectangle([x, y, CELL.0, CELL.1], colour(&look.fill), 255);
    }
    if look.underlined {
        image.rectangle([x, y + CELL.1 - 3, CELL.0, 1], fill, faded(&look));
    }
    let boxes = shapes(cell.symbol());
    for [left, up, width, height] in &boxes {
        let opacity = (shade_of(cell.symbol()) * 255.0) as u32 * faded(&look) / 255;
        image.rectangle([x + left, y + up, *width, *height], fill, opacity);
    }
    if boxes.is_empty() && cell.symbol() != " " {
        letters.draw(image, cell.symbol(), (x, y + BASE), (fill, &look));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::tui::{Model, Palette, Theme};

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(crc(b"IEND"), 0xae42_6082);
    }

    #[test]
    fn every_glyph_of_the_screen_is_a_rectangle_or_in_the_font() {
        let letters = Letters::new();
        let source = concat!(
            include_str!("../theme.rs"),
            include_str!("../view/header.rs"),
            include_str!("../view/flow.rs")
        );
        let missing: Vec<char> = source
            .chars()
            .filter(|letter| !letter.is_control() && shapes(&letter.to_string()).is_empty())
            .filter(|letter| letters.plain.glyph_id(*letter).0 == 0 || letters.bold.glyph_id(*letter).0 == 0)
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn a_picture_is_the_same_bytes_each_time_and_shows_what_is_there() {
        let shot = |title: &str| {
            let model = Model::new(title, 7, Theme::new(Palette::Dark, false), Time::from_secs(10));
            Shot::of(&model, 60, 20).png()
        };
        assert_eq!(shot("orders"), shot("orders"));
        assert_ne!(shot("orders"), shot("ordern"));
        let png = shot("orders");
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 1_000);
        assert_eq!(png[16..24], [0, 0, 0x04, 0x60, 0, 0, 0x02, 0xf8], "60 x 9 and 20 x 18, with air, twice");
    }

    #[test]
    fn a_letter_leaves_its_colour_and_a_blank_does_not() {
        let mut image = Image::new(40, 40, [0; 3]);
        let look = Look::of(&Cell::new("x"), &Ground::of(Palette::Dark));
        Letters::new().draw(&mut image, " ", (0, BASE), ([255; 3], &look));
        assert!(image.pixels.iter().all(|part| *part == 0));
        Letters::new().draw(&mut image, "M", (0, BASE), ([255; 3], &look));
        assert!(image.pixels.iter().filter(|part| **part > 200).count() > 60);
    }
}
