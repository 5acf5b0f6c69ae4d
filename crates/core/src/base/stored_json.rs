//! Reads stored JSON as leniently as Python's `json` module, which wrote most of it.
//!
//! `NaN` and `Infinity`, numbers beyond the range of a float, lone surrogates, invalid UTF-8, raw control characters, a
//! byte order mark and hundreds of levels are accepted: an odd value is replaced, and the rest of the document stays.
//! The result is JSON as RFC 8259 defines it, so every part of it can be put into a response.
//! Source: `json/decoder.py` and `json/scanner.py` of `CPython`.

mod escape;
pub mod parts;

pub use escape::escape_into;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;

/// The deepest nesting that is read: the same as Python's recursion limit.
const MAX_DEPTH: usize = 1_000;

/// Deserializes a document; `None` if its structure is broken or does not match `T`.
pub fn read<T: DeserializeOwned>(stored: impl AsRef<[u8]>) -> Option<T> {
    let stored = stored.as_ref();
    // Nearly all documents are strict and shallow.
    if let Ok(read) = serde_json::from_slice(stored) {
        return Some(read);
    }
    read_borrowed(&strict(stored)?)
}

/// Parses a document of any shape; `None` if its structure is broken.
pub fn value(stored: impl AsRef<[u8]>) -> Option<Value> {
    read(stored)
}

/// Returns a stored object as strict JSON; `None` for any other document.
pub fn object(stored: &str) -> Option<Cow<'_, str>> {
    strict(stored.as_bytes()).filter(|strict| strict.trim_start().starts_with('{'))
}

/// Deserializes the output of `strict`, of any depth; `None` if it does not match `T`.
pub fn read_borrowed<'a, T: Deserialize<'a>>(strict: &'a str) -> Option<T> {
    let mut reader = serde_json::Deserializer::from_str(strict);
    reader.disable_recursion_limit();
    T::deserialize(&mut reader).ok()
}

/// Returns the document as strict JSON; `None` if its structure is broken, or if it would be longer than twice the
/// stored bytes and `GROWTH`. That takes more than a fifth of control characters other than tabs and line ends, or
/// more than half of invalid UTF-8. Valid numbers and escapes stay as written.
pub fn strict(stored: &[u8]) -> Option<Cow<'_, str>> {
    let limit = 2 * stored.len() + GROWTH;
    let text = text(stored.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stored));
    if text.len() > limit {
        return None;
    }
    match Scan::new(&text, limit).document()? {
        changed if changed.is_empty() => Some(text),
        changed => Some(Cow::Owned(changed)),
    }
}

/// Returns bytes as text, with invalid UTF-8 replaced. Valid text is checked many times faster than by
/// `from_utf8_lossy`.
pub fn text(stored: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(stored).map_or_else(|_| String::from_utf8_lossy(stored), Cow::Borrowed)
}

/// Bytes by which a document of any size may grow.
const GROWTH: usize = 4096;

/// Scans a document without recursion and replaces everything that is not strict JSON.
struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The strict form of the document up to `copied`; empty until the first replacement.
    changed: String,
    copied: usize,
    /// The longest result.
    limit: usize,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str, limit: usize) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, changed: String::new(), copied: 0, limit }
    }

    /// Returns the document with its replacements; empty if nothing was replaced.
    fn document(mut self) -> Option<String> {
        // The open brackets.
        let mut open: Vec<u8> = Vec::new();
        loop {
            // Start of a value.
            match self.peek()? {
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    if self.peek()? == closing(bracket) {
                        self.at += 1;
                    } else {
                        open.push(bracket);
                        if open.len() > MAX_DEPTH {
                            return None;
                        }
                        if bracket == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'"' => self.string()?,
                _ => self.scalar()?,
            }
            // End of a value.
            loop {
                let Some(&bracket) = open.last() else {
                    return self.end();
                };
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        if bracket == b'{' {
                            self.key()?;
                        }
                        break;
                    }
                    byte if byte == closing(bracket) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return None,
                }
            }
        }
    }

    fn end(mut self) -> Option<String> {
        if self.peek().is_some() {
            return None;
        }
        if !self.changed.is_empty() {
            self.changed.push_str(self.text.get(self.copied..)?);
            self.changed.shrink_to_fit();
        }
        Some(self.changed)
    }

    /// Replaces the bytes from `start` to the current position.
    fn replace(&mut self, start: usize, instead: &str) -> Option<()> {
        if self.changed.is_empty() {
            // A buffer that grew by doubling would hold up to twice the limit.
            self.changed.reserve_exact(self.limit);
        }
        self.changed.push_str(self.text.get(self.copied..start)?);
        self.changed.push_str(instead);
        self.copied = self.at;
        (self.changed.len() + self.text.len() - self.copied <= self.limit).then_some(())
    }

    fn key(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        self.string()?;
        if self.peek()? != b':' {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Returns the next byte that is not blank, without consuming it.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.bytes.get(self.at)?, b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match *self.bytes.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.escape()?,
                byte @ ..0x20 => {
                    self.at += 1;
                    let escape = match byte {
                        b'\t' => "\\t",
                        b'\n' => "\\n",
                        b'\r' => "\\r",
                        _ => &format!("\\u{byte:04x}"),
                    };
                    self.replace(self.at - 1, escape)?;
                }
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let start = self.at;
        match *self.bytes.get(start + 1)? {
            b'u' => {
                let high = self.hex4(start)?;
                self.at += 6;
                if (0xd800..0xe000).contains(&high) {
                    let low = self.hex4(self.at).filter(|low| (0xdc00..0xe000).contains(low));
                    if high < 0xdc00 && low.is_some() {
                        self.at += 6;
                    } else {
                        self.replace(start, "\\ufffd")?;
                    }
                }
            }
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            _ => return None,
        }
        Some(())
    }

    /// Returns the number in the `\u0000` escape at a position.
    fn hex4(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }

    fn scalar(&mut self) -> Option<()> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')));
        let (start, end) = (self.at, self.at + len.unwrap_or(rest.len()));
        let text = self.text.get(start..end)?;
        self.at = end;
        match text {
            "true" | "false" | "null" => {}
            "NaN" | "Infinity" | "-Infinity" => self.replace(start, "null")?,
            _ if !is_number(text) => return None,
            // Every reader accepts an integer of any length, but not a float beyond the range of floats.
            _ if text.parse::<f64>().is_ok_and(f64::is_infinite) => self.replace(start, "null")?,
            _ => {}
        }
        Some(())
    }
}

fn closing(bracket: u8) -> u8 {
    if bracket == b'{' { b'}' } else { b']' }
}

/// Returns `true` for a number as RFC 8259 defines it.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_odd_value_is_replaced() {
        for (stored, strict_json) in [
            (&br#"{"a": NaN, "b": [Infinity, -Infinity, 1]}"#[..], r#"{"a": null, "b": [null, null, 1]}"#),
            (b"[1e400, -1e400, 1e-400, 12345678901234567890123]", "[null, null, 1e-400, 12345678901234567890123]"),
            (b"\xef\xbb\xbf[1]", "[1]"),
            (
                br#"["\ud800", "\udc00x", "\ud83d\ude00", "\ud800\ud83d\ude00"]"#,
                r#"["\ufffd", "\ufffdx", "\ud83d\ude00", "\ufffd\ud83d\ude00"]"#,
            ),
            (b"[\"a\tb\nc\"]", r#"["a\tb\nc"]"#),
            (b"[\"caf\xe9\"]", "[\"caf\u{fffd}\"]"),
            (b" \"x\" ", " \"x\" "),
            (b"{}", "{}"),
            (b"[\"\x01\x1b[0m\"]", r#"["\u0001\u001b[0m"]"#),
        ] {
            assert_eq!(strict(stored).as_deref(), Some(strict_json));
            assert!(value(stored).is_some());
        }
    }

    #[test]
    fn broken_json_is_none() {
        for broken in [
            "",
            " ",
            "not json",
            "{",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "[1 2]",
            "\"x",
            "\"\\x\"",
            "\"\\u12\"",
            "01",
            "1.",
            ".5",
            "-",
            "+1",
            "1e",
            "0x1",
            "nan",
            "[1]]",
            "{\"a\":1]",
            "\"\\u+123\"",
        ] {
            assert_eq!(strict(broken.as_bytes()), None, "{broken}");
            assert_eq!(value(broken), None, "{broken}");
        }
    }

    #[test]
    fn depth_is_bounded_and_fits_any_thread_stack() {
        let nested = |depth: usize| "[".repeat(depth) + "NaN" + &"]".repeat(depth);
        let deep = value(nested(MAX_DEPTH)).unwrap();
        assert!(serde_json::to_string(&deep).unwrap().contains("[null]"));
        assert_eq!(value(nested(MAX_DEPTH + 1)), None);
    }

    #[test]
    fn no_document_more_than_doubles() {
        let of = |byte: u8, bytes: usize| [b"[\"", vec![byte; bytes].as_slice(), b"\"]"].concat();
        assert_eq!(strict(&of(b'\n', 1 << 20)).map(|text| text.len()), Some((2 << 20) + 4));
        assert_eq!(strict(&of(1, 1 << 20)), None);
        assert_eq!(strict(&of(1, 500)).map(|text| text.len()), Some(3_004));
        let mixed = [b"[\"", vec![1; 1 << 18].as_slice(), vec![b'a'; 1 << 19].as_slice(), b"\"]"].concat();
        assert_eq!(strict(&mixed), None, "2.67 times as long");
        assert_eq!(strict(&of(0xff, 1 << 20)), None, "three bytes for each that is not UTF-8");
    }

    proptest! {
        #[test]
        fn json_that_serde_json_reads_is_unchanged(text in r#"([\[\]{}:,"\\a0-9.eE+ -]|null|true|\\u0041){0,30}"#) {
            if serde_json::from_str::<Value>(&text).is_ok() {
                let strict = strict(text.as_bytes());
                prop_assert_eq!(strict.as_deref(), Some(&*text));
            }
        }

        #[test]
        fn output_is_always_strict(stored in prop::collection::vec(any::<u8>(), 0..60), odd in r#"([\[\]{}:,"\\a0-9.eE+-]|NaN|Infinity|\\ud8[0-9a-f]{2}){0,30}"#) {
            for stored in [stored.as_slice(), odd.as_bytes()] {
                if let Some(strict) = strict(stored) {
                    prop_assert!(read_borrowed::<Value>(&strict).is_some(), "{}", strict);
                }
            }
        }
    }
}
