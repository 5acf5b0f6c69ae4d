//! Makes log lines safe to show: whatever a URL or a stored name holds, a line stays one line, steers
//! no terminal, and has an end.

use super::writer::Queue;
use crate::base::escape::steers;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Bytes of a line that are kept; longer ones are cut, and say so.
const LONGEST: usize = 4096;

/// Queues lines made safe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    /// Whether the format itself writes colours.
    pub(super) colours: bool,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Queue.write_all((safe(text, self.colours) + "\n").as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Queues lines of JSON, in which only the characters are left that JSON does not escape itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct JsonLines;

impl Write for JsonLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Queue.write_all((safe_json(text) + "\n").as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// They stand in strings alone, so JSON's own escapes mean the same.
fn safe_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if steers(char) {
            let _ = write!(out, "\\u{:04x}", u32::from(char));
        } else {
            out.push(char);
        }
    }
    out
}

/// Returns a text with what steers a terminal or ends a line escaped, cut where it is too long. With `colours`, the
/// sequences that set them stay.
pub fn safe(text: &str, colours: bool) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        if out.len() >= LONGEST {
            let _ = write!(out, "… ({} bytes more)", rest.len());
            break;
        }
        if colours && let Some(colour) = colour(rest) {
            out.push_str(colour);
            rest = &rest[colour.len()..];
            continue;
        }
        if steers(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
        rest = &rest[char.len_utf8()..];
    }
    out
}

/// A sequence that sets colours, at the beginning of a text.
fn colour(text: &str) -> Option<&str> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    codes[end..].starts_with('m').then(|| &text[..=2 + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_and_steers_nothing() {
        for (text, expected) in [
            ("plain ünïcödé 日本", "plain ünïcödé 日本"),
            ("a\nINFO forged\r\n", r"a\nINFO forged\r\n"),
            ("\u{1b}]0;title\u{7}\u{9b}2J", r"\u{1b}]0;title\u{7}\u{9b}2J"),
            ("nul \0 tab \t del \u{7f}", r"nul \u{0} tab \t del \u{7f}"),
            ("\u{202e}gnp.exe \u{2028}", r"\u{202e}gnp.exe \u{2028}"),
            ("\u{1b}[31mred\u{1b}[0m", r"\u{1b}[31mred\u{1b}[0m"),
        ] {
            assert_eq!(safe(text, false), expected);
        }
        assert_eq!(safe("\u{1b}[1;31mred\u{1b}[0m \u{1b}[2J", true), "\u{1b}[1;31mred\u{1b}[0m \\u{1b}[2J");
        assert_eq!(safe("\u{1b}[31", true), r"\u{1b}[31");
    }

    #[test]
    fn json_means_the_same_afterwards() {
        let value = serde_json::json!({"a": "x\n\u{9b}\u{2028}\u{202e}\u{7f}ü\""});
        let line = safe_json(&value.to_string());
        assert!(!line.contains(|c: char| steers(c)), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let long = safe(&"ä".repeat(10_000), false);
        assert!(long.len() < LONGEST + 40 && long.ends_with("bytes more)"), "{} bytes", long.len());
        assert_eq!(safe(&"x".repeat(LONGEST), false).len(), LONGEST);
    }
}
