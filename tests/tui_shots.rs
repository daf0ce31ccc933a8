//! The pictures in `tui-screenshots/` are what the screens look like: `scripts/shots` writes them.

use std::process::Command;

fn brokersim(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_brokersim"))
        .args(arguments)
        .env("BROKERSIM_KEYS", "")
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
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md");
    let page = std::fs::read_to_string(path).expect("it is there");
    let (before, rest) = page.split_once("```text\n").expect("the list stands first");
    let (_, after) = rest.split_once("```\n").expect("it ends");
    let right = format!("{before}```text\n{printed}```\n{after}");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return std::fs::write(path, right).expect("it can be written");
    }
    assert!(
        printed.lines().count() > 30 && page == right,
        "docs/keys.md has other keys; UPDATE_EXPECT=1 writes them anew:\n{printed}"
    );
}

#[test]
fn keys_of_a_file_are_printed_and_its_flaws_are_shown_with_their_place() {
    let folder = std::env::temp_dir().join(format!("brokersim-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("keys.toml");
    let with = |text: &str| {
        std::fs::write(&file, text).expect("a file");
        let output = brokersim(&["keys", "--keys-file", file.to_str().expect("a path")]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), said)
    };
    let (code, printed, _) = with("[screen]\nzoom = ['F2', 'Z']\n");
    assert!(code == Some(0) && printed.contains("  F2  Z                focused pane alone"), "{printed}");
    let toml = String::from_utf8(brokersim(&["keys", "--format", "toml"]).stdout).expect("it is text");
    let (code, again, said) = with(&toml);
    assert!(
        code == Some(0) && toml.contains("\n[set-mark]\n") && again.contains("focused pane alone"),
        "{said}"
    );
    let (code, _, said) = with("[screen]\nzom = 'F2'\nview = 's'\n");
    assert_eq!(code, Some(2));
    assert!(said.contains("did you mean `zoom`?") && said.contains("keys.toml:2:1"), "{said}");
    assert!(said.contains("`s` is bound twice in [screen]") && said.contains("2 problems in"), "{said}");
    std::fs::remove_dir_all(&folder).ok();
    let output = brokersim(&["keys", "--keys-file", file.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(3), "a file that was asked for has to be there");
}
