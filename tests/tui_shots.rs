//! The pictures in `tui-screenshots/` are what the screens look like: `scripts/shots` writes them.

use std::process::Command;

fn brokersim(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_brokersim"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the program runs")
}

const SCENARIO: &str = "tui-screenshots/orders-loss.toml";

#[test]
fn the_pictures_are_not_stale() {
    let output = brokersim(&["shot", SCENARIO, "--at", "23.3s", "--all", "tui-screenshots", "--check"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_picture_can_be_had_as_text_svg_and_json_and_says_what_is_wrong_with_its_arguments() {
    let shot = |more: &[&str]| {
        let output = brokersim(&[&["shot", SCENARIO, "--at", "500ms", "--size", "80x24"], more].concat());
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (code, text) = shot(&["--screen", "topics"]);
    assert!(code == Some(0) && text.lines().count() == 24 && text.contains("orders · partitions"), "{text}");
    let (code, svg) = shot(&["--format", "svg", "--theme", "light"]);
    assert!(code == Some(0) && svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    let (code, json) = shot(&["--format", "json", "--screen", "groups", "--keys", "z"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert!(code == Some(0) && json["screen"] == "groups" && json["at_ns"] == 500_000_000, "{json}");
    let (code, said) = shot(&["--screen", "moon"]);
    assert!(code == Some(2) && said.contains("overview, topics"), "{said}");
    let output = brokersim(&["shot", SCENARIO, "--at", "1000s"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_page_of_keys_is_what_the_program_prints() {
    let printed = String::from_utf8(brokersim(&["keys"]).stdout).expect("it is text");
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md")).expect("it is there");
    assert!(
        printed.lines().count() > 30 && page.contains(&printed),
        "docs/keys.md has other keys:\n{printed}"
    );
}
