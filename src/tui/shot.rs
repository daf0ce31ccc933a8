//! Pictures of a frame: as text, as SVG, as PNG, as JSON. The same frame gives the same bytes, whatever the machine: no clock,
//! locale or name of a host is in it.
//!
//! In an SVG every run of glyphs of one look has an explicit x for each, so that a font of another width moves nothing;
//! lines, blocks and shades are drawn as rectangles, so that no font has to have them.

use std::fmt::Write as _;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use serde::Serialize;

use super::model::Model;
use super::theme::Palette;
use super::view::view;

mod png;

/// A frame.
pub struct Shot {
    buffer: Buffer,
    palette: Palette,
}

/// A frame as JSON has it.
#[derive(Serialize)]
struct Frame<'a> {
    schema: &'static str,
    scenario: &'a str,
    seed: u64,
    screen: &'static str,
    at_ns: u64,
    facts: u64,
    width: u16,
    height: u16,
    lines: Vec<String>,
    /// A letter for each cell: see [`letter`].
    looks: Vec<String>,
}

/// What a look is: ok, warn, error, fault, accent, muted, selection, bold; `.` for plain.
fn letter(cell: &Cell) -> char {
    let is = |modifier| cell.modifier.contains(modifier);
    match cell.fg {
        Color::Indexed(80 | 27) => 'o',
        Color::Indexed(228 | 94) => 'w',
        Color::Indexed(202 | 52) => 'e',
        Color::Indexed(135 | 54) => 'f',
        Color::Indexed(255 | 16) => 'a',
        Color::Indexed(244 | 242) => 'm',
        _ if is(Modifier::REVERSED) && is(Modifier::BOLD) => 'e',
        _ if is(Modifier::UNDERLINED) && is(Modifier::BOLD) => 'f',
        _ if is(Modifier::REVERSED) => 's',
        _ if is(Modifier::UNDERLINED) => 'w',
        _ if is(Modifier::DIM) => 'm',
        _ if is(Modifier::BOLD) => 'b',
        _ => '.',
    }
}

impl Shot {
    /// Draws the model in so many columns and rows.
    pub fn of(model: &Model, width: u16, height: u16) -> Self {
        let backend = TestBackend::new(width, height);
        let Ok(mut terminal) = Terminal::new(backend);
        let Ok(_) = terminal.draw(|frame| view(model, frame));
        Self { buffer: terminal.backend().buffer().clone(), palette: model.theme.palette }
    }

    fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.buffer.content.chunks(usize::from(self.buffer.area.width).max(1))
    }

    /// The glyphs, without what is blank at the ends of lines.
    pub fn text(&self) -> String {
        let line = |row: &[Cell]| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned();
        self.rows().map(|row| line(row) + "\n").collect()
    }

    /// A letter for the look of each cell.
    pub fn looks(&self) -> String {
        self.rows()
            .map(|row| row.iter().map(letter).collect::<String>().trim_end_matches('.').to_owned() + "\n")
            .collect()
    }

    /// As JSON: what it is a picture of, its lines, and a letter for the look of each cell.
    pub fn json(&self, model: &Model) -> String {
        let snapshot = model.snapshot();
        let lines = |text: String| text.lines().map(str::to_owned).collect();
        let frame = Frame {
            schema: "brokersim.shot.v1",
            scenario: &model.title,
            seed: model.seed,
            screen: model.page.name(),
            at_ns: snapshot.now.as_nanos(),
            facts: snapshot.facts,
            width: self.buffer.area.width,
            height: self.buffer.area.height,
            lines: lines(self.text()),
            looks: lines(self.looks()),
        };
        serde_json::to_string_pretty(&frame).expect("a frame is plain data") + "\n"
    }

    /// As PNG, twice as large as the SVG.
    pub fn png(&self) -> Vec<u8> {
        png::png(self)
    }

    /// As SVG.
    pub fn svg(&self) -> String {
        let (columns, rows) = (self.buffer.area.width, self.buffer.area.height);
        let ground = Ground::of(self.palette);
        let (width, height) = (u32::from(columns) * CELL.0 + 2 * AIR, u32::from(rows) * CELL.1 + 2 * AIR);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\">\n\
             <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{}\"/>\n",
            ground.back
        );
        for (row, cells) in (0..).zip(self.rows()) {
            draw_row(&mut svg, cells, AIR + row * CELL.1, &ground);
        }
        svg + "</svg>\n"
    }
}

/// A cell's width and height, and the air around all of them, in the SVG's units.
const CELL: (u32, u32) = (9, 18);
const AIR: u32 = 10;
/// Where letters stand in a cell.
const BASE: u32 = 14;

/// What plain text and the background look like.
struct Ground {
    back: &'static str,
    text: &'static str,
}

impl Ground {
    fn of(palette: Palette) -> Self {
        match palette {
            Palette::Dark | Palette::Mono => Self { back: "#16181d", text: "#d0d0d0" },
            Palette::Light => Self { back: "#fbfbf8", text: "#262626" },
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Look {
    fill: String,
    bold: bool,
    underlined: bool,
    reversed: bool,
    dim: bool,
}

impl Look {
    fn of(cell: &Cell, ground: &Ground) -> Self {
        let fill = match cell.fg {
            Color::Indexed(index) => rgb(index),
            _ => ground.text.to_owned(),
        };
        Self {
            fill,
            bold: cell.modifier.contains(Modifier::BOLD),
            underlined: cell.modifier.contains(Modifier::UNDERLINED),
            reversed: cell.modifier.contains(Modifier::REVERSED),
            dim: cell.modifier.contains(Modifier::DIM),
        }
    }
}

/// The colours of the 256-colour palette, from 16 on.
fn rgb(index: u8) -> String {
    if index >= 232 {
        let grey = 8 + 10 * (u32::from(index) - 232);
        return format!("#{grey:02x}{grey:02x}{grey:02x}");
    }
    let cube = u32::from(index.saturating_sub(16));
    let level = |part: u32| if part == 0 { 0 } else { 55 + 40 * part };
    format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6))
}

fn draw_row(svg: &mut String, cells: &[Cell], top: u32, ground: &Ground) {
    let looks: Vec<Look> = cells.iter().map(|cell| Look::of(cell, ground)).collect();
    let mut from = 0;
    while from < cells.len() {
        let same = looks[from..].iter().take_while(|look| **look == looks[from]).count();
        draw_run(svg, &cells[from..from + same], from as u32, top, &looks[from], ground);
        from += same;
    }
}

fn draw_run(svg: &mut String, cells: &[Cell], column: u32, top: u32, look: &Look, ground: &Ground) {
    let x = |index: usize| AIR + (column + index as u32) * CELL.0;
    let fill = if look.reversed { ground.back } else { &look.fill };
    let dim = if look.dim { " opacity=\"0.65\"" } else { "" };
    let wide = cells.len() as u32 * CELL.0;
    if look.reversed {
        rectangle(svg, [x(0), top, wide, CELL.1], &look.fill, "");
    }
    if look.underlined {
        rectangle(svg, [x(0), top + CELL.1 - 3, wide, 1], fill, dim);
    }
    let (mut letters, mut places) = (String::new(), String::new());
    let mut index = 0;
    while index < cells.len() {
        let symbol = cells[index].symbol();
        let same = cells[index..].iter().take_while(|cell| cell.symbol() == symbol).count();
        let boxes = shapes(symbol);
        if !boxes.is_empty() {
            // What runs on to the next cell is one rectangle.
            for [left, up, width, height] in boxes {
                if left == 0 && width == CELL.0 {
                    rectangle(
                        svg,
                        [x(index), top + up, same as u32 * CELL.0, height],
                        fill,
                        shade(symbol, dim),
                    );
                } else {
                    (0..same).for_each(|at| {
                        rectangle(svg, [x(index + at) + left, top + up, width, height], fill, dim)
                    });
                }
            }
        } else if symbol != " " {
            for at in 0..same {
                letters += &escaped(symbol);
                write!(places, "{} ", x(index + at)).expect("a string takes everything");
            }
        }
        index += same;
    }
    if !letters.is_empty() {
        let weight = if look.bold { " font-weight=\"bold\"" } else { "" };
        let (y, places) = (top + BASE, places.trim_end());
        writeln!(svg, "<text x=\"{places}\" y=\"{y}\" fill=\"{fill}\"{weight}{dim}>{letters}</text>")
            .expect("a string takes everything");
    }
}

fn rectangle(svg: &mut String, [x, y, width, height]: [u32; 4], fill: &str, more: &str) {
    writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"{more}/>")
        .expect("a string takes everything");
}

fn shade<'a>(symbol: &str, dim: &'a str) -> &'a str {
    match symbol {
        "▓" => " opacity=\"0.75\"",
        "▒" => " opacity=\"0.45\"",
        _ => dim,
    }
}

/// How much of a shade covers what is behind it.
fn shade_of(symbol: &str) -> f32 {
    match symbol {
        "▓" => 0.75,
        "▒" => 0.45,
        _ => 1.0,
    }
}

fn escaped(symbol: &str) -> String {
    symbol.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The rectangles of a line, a block or a shade in its cell: left, top, width, height. Empty for letters.
fn shapes(symbol: &str) -> Vec<[u32; 4]> {
    const W: u32 = CELL.0;
    const H: u32 = CELL.1;
    let (thin, thick) = (1, 2);
    let along = |weight| [0, H / 2, W, weight];
    let upright = |weight| [W / 2, 0, weight, H];
    let right = |weight| [W / 2, H / 2, W - W / 2, weight];
    let left = |weight| [0, H / 2, W / 2 + weight, weight];
    let below = |weight| [W / 2, H / 2, weight, H - H / 2];
    let above = |weight| [W / 2, 0, weight, H / 2 + weight];
    let bar = |eighths: u32| vec![[0, H - H * eighths / 8, W, H * eighths / 8]];
    match symbol {
        "─" => vec![along(thin)],
        "━" => vec![along(thick)],
        "│" => vec![upright(thin)],
        "┃" => vec![upright(thick)],
        "┌" => vec![right(thin), below(thin)],
        "┐" => vec![left(thin), below(thin)],
        "└" => vec![right(thin), above(thin)],
        "┘" => vec![left(thin), above(thin)],
        "┏" => vec![right(thick), below(thick)],
        "┓" => vec![left(thick), below(thick)],
        "┗" => vec![right(thick), above(thick)],
        "┛" => vec![left(thick), above(thick)],
        "▁" => bar(1),
        "▂" => bar(2),
        "▃" => bar(3),
        "▄" => bar(4),
        "▅" => bar(5),
        "▆" => bar(6),
        "▇" => bar(7),
        "█" => bar(8),
        "▓" | "▒" => vec![[0, 2, W, H - 4]],
        "▌" => vec![[0, 0, W / 2, H]],
        symbol => braille(symbol),
    }
}

/// The dots of a braille pattern, as charts use them: two columns of four. Unicode, U+2800 to U+28FF.
fn braille(symbol: &str) -> Vec<[u32; 4]> {
    let code = symbol.chars().next().map_or(0, u32::from);
    if !(0x2800..0x2900).contains(&code) {
        return Vec::new();
    }
    const DOTS: [(u32, u32); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let dots = DOTS.into_iter().enumerate().filter(|(bit, _)| code >> bit & 1 == 1);
    dots.map(|(_, (column, row))| [2 + column * 4, 2 + row * 4, 2, 2]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::tui::Theme;

    fn shot(palette: Palette, ascii: bool) -> Shot {
        let model = Model::new("a <b> & c", 7, Theme::new(palette, ascii), Time::from_secs(10));
        Shot::of(&model, 80, 24)
    }

    #[test]
    fn two_shots_of_one_model_are_the_same_bytes() {
        assert_eq!(shot(Palette::Dark, false).svg(), shot(Palette::Dark, false).svg());
        assert_ne!(shot(Palette::Dark, false).svg(), shot(Palette::Light, false).svg());
    }

    #[test]
    fn an_svg_has_no_glyph_that_is_drawn_and_escapes_its_letters() {
        let svg = shot(Palette::Dark, false).svg();
        assert!(!svg.contains('─') && !svg.contains('┏') && svg.contains("&lt;") && !svg.contains("<b>"));
    }

    #[test]
    fn colours_are_those_of_the_palette_of_256() {
        assert_eq!(
            [16, 27, 80, 202, 231, 244, 255].map(rgb),
            ["#000000", "#005fff", "#5fd7d7", "#ff5f00", "#ffffff", "#808080", "#eeeeee"]
        );
    }
}
