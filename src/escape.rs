//! Escapes text of others, so that it cannot break a line or control a terminal.
//!
//! The log (`telemetry`) and the output of commands use the same rule.

use std::fmt::Write;

/// Returns `true` for a character that ends a line, controls a terminal, or changes the direction of writing.
pub fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a text in which each such character is escaped.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if is_unsafe(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

/// Returns a text of several lines in which all but their ends is escaped.
pub fn escaped_lines(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
}

/// Returns a text of JSON in which each such character has JSON's own escape. They occur only inside strings, so the
/// meaning stays.
pub fn escaped_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if is_unsafe(char) {
            // All of them are in the first plane. Writing to a text cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(char));
        } else {
            out.push(char);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_json_keeps_its_meaning() {
        let value = serde_json::json!({"a": "x\n\u{9b}\u{2028}\u{202e}\u{7f}ü\""});
        let line = escaped_json(&value.to_string());
        assert!(!line.contains(is_unsafe), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
    }

    #[test]
    fn escapes_all_but_line_ends() {
        for (text, expected) in [
            ("plain ünïcödé 日本", "plain ünïcödé 日本"),
            ("\u{1b}]0;title\u{7}\u{9b}2J", r"\u{1b}]0;title\u{7}\u{9b}2J"),
            ("\u{202e}gnp.exe \u{2028}\r", r"\u{202e}gnp.exe \u{2028}\r"),
        ] {
            assert_eq!(escaped(text), expected);
            assert_eq!(escaped_lines(text), expected);
        }
        assert_eq!(escaped("a\nb\n"), r"a\nb\n");
        assert_eq!(escaped_lines("a\nb\u{1b}\n"), "a\nb\\u{1b}\n");
    }
}
