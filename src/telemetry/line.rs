//! Makes log lines safe to display: text from a URL or a stored name cannot break a line, control a terminal, or make
//! a line arbitrarily long.

use super::writer::Queue;
use crate::escape::{escaped_json, is_unsafe};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Maximum bytes of a line; longer ones are cut, with a note.
const MAX_BYTES: usize = 4096;

/// A writer that escapes lines and queues them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    /// `true` if the format itself writes colours.
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

/// A writer that queues lines of JSON, and escapes the unsafe characters that JSON leaves unescaped.
#[derive(Clone, Copy, Debug)]
pub(super) struct JsonLines;

impl Write for JsonLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Queue.write_all((escaped_json(text) + "\n").as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns a text with unsafe characters escaped, cut if it is too long. With `colours`, keeps the sequences that set
/// colours.
pub fn safe(text: &str, colours: bool) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_BYTES));
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        if out.len() >= MAX_BYTES {
            let _ = write!(out, "… ({} bytes more)", rest.len());
            break;
        }
        if colours && let Some(colour) = colour(rest) {
            out.push_str(colour);
            rest = &rest[colour.len()..];
            continue;
        }
        if is_unsafe(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
        rest = &rest[char.len_utf8()..];
    }
    out
}

/// Returns the sequence that sets colours at the start of a text.
fn colour(text: &str) -> Option<&str> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    codes[end..].starts_with('m').then(|| &text[..=2 + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_line_ends_and_control_sequences() {
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
    fn cuts_long_lines_with_a_note() {
        let long = safe(&"ä".repeat(10_000), false);
        assert!(long.len() < MAX_BYTES + 40 && long.ends_with("bytes more)"), "{} bytes", long.len());
        assert_eq!(safe(&"x".repeat(MAX_BYTES), false).len(), MAX_BYTES);
    }
}
