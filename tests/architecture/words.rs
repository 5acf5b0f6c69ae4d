//! The language of documentation, as far as a test can tell.

use super::assert_none;
use super::source::sources;

/// Words that put the subject last, or leave it out. "Returns …" or the subject itself comes first.
const NEVER_FIRST: [&str; 8] = ["How", "So", "That", "What", "Where", "Whether", "Which", "Who"];

/// Returns the text of a line of documentation.
fn documentation(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim_start)
}

fn begins_badly(line: &str) -> bool {
    let word = documentation(line).map(|text| text.split([' ', ',']).next().unwrap_or_default());
    word.is_some_and(|word| NEVER_FIRST.contains(&word))
}

#[test]
fn documentation_begins_with_its_subject() {
    let mut broken = Vec::new();
    for source in sources() {
        let lines = source.text.lines().enumerate().filter(|(_, line)| begins_badly(line));
        broken.extend(lines.map(|(at, line)| format!("{}:{}: {}", source.shown(), at + 1, line.trim())));
    }
    assert_none(&broken, "Documentation begins with \"Returns …\" or its subject.");
}

#[test]
fn only_the_first_word_of_documentation_counts() {
    assert!(begins_badly("    /// Whether it is open."));
    assert!(begins_badly("//! How it ends: slowly."));
    assert!(!begins_badly("/// Returns what it is."));
    assert!(!begins_badly("/// Somebody waits."));
    assert!(!begins_badly("// What a plain comment says."));
    assert!(!begins_badly("let x = 1; // So it is."));
}
