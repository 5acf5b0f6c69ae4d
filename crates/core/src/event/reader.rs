//! A pull reader over one JSON record: no tree, no recursion, and no allocation except for strings with escapes.
//!
//! It is lenient about types, because collectors re-marshal events: a number in place of a string is read as its text,
//! null as absent. It is strict about structure: a record that is not JSON is `Damaged`, with the position.

mod escapes;

pub use escapes::without_needless_escapes;

use escapes::{has_escapes, unescape};
use memchr::memchr2;
use std::borrow::Cow;

/// An error: the record is not JSON from this byte on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {at}")]
pub struct Damaged {
    /// Byte offset in the record.
    pub at: usize,
}

/// The result of a read.
pub type Result<T> = std::result::Result<T, Damaged>;

/// The first few fields of a record that this version does not know: their message and name.
pub type UnknownFields<'a> = Vec<(&'static str, &'a str)>;

/// The most unknown fields kept for one record.
const MAX_UNKNOWN_FIELDS: usize = 8;

/// A reader: a position in a record.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    unknown: UnknownFields<'a>,
    unknown_states: u32,
    escaped: bool,
}

impl<'a> Reader<'a> {
    /// Creates a reader at the beginning of a record.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, unknown: Vec::new(), unknown_states: 0, escaped: false }
    }

    /// Returns the whole record.
    pub fn record(&self) -> &'a str {
        self.text
    }

    /// Reads an object and calls `field` with each key; `field` must read or skip the value. Any other value is
    /// skipped.
    pub fn object(&mut self, mut field: impl FnMut(&mut Self, &'a str) -> Result<()>) -> Result<()> {
        if self.peek() != b'{' {
            return self.skip().map(|_| ());
        }
        self.at += 1;
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek() != b'"' {
                return Err(self.damaged());
            }
            let key = self.quoted_plain()?;
            self.expect(b':')?;
            field(self, key)?;
            match self.peek() {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.damaged()),
            }
        }
    }

    /// Reads an array and calls `item` for each element, which it must read or skip. Any other value is skipped.
    pub fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        if self.peek() != b'[' {
            return self.skip().map(|_| ());
        }
        self.at += 1;
        if self.peek() == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            match self.peek() {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.damaged()),
            }
        }
    }

    /// Reads a string; a number or boolean as its text, null as empty.
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        if self.peek() != b'"' {
            let raw = self.skip()?;
            return Ok(Cow::Borrowed(if raw == "null" { "" } else { raw }));
        }
        let raw = self.quoted()?;
        self.text_of(raw)
    }

    /// Returns the text of a raw string, without its quotes, as `object` passes keys.
    pub fn text_of(&self, raw: &'a str) -> Result<Cow<'a, str>> {
        if !has_escapes(raw) {
            return Ok(Cow::Borrowed(raw));
        }
        unescape(raw).map(Cow::Owned).ok_or_else(|| self.damaged())
    }

    /// Reads a string in which no version of Ray writes escapes (ids, enum names, times), without unescaping it;
    /// `has_escaped` reports if it had any.
    pub fn plain(&mut self) -> Result<&'a str> {
        if self.peek() == b'"' {
            return self.quoted_plain();
        }
        let raw = self.skip()?;
        Ok(if raw == "null" { "" } else { raw })
    }

    /// Reads an integer, quoted (as protobuf writes 64-bit ones) or not; null and invalid values are 0.
    pub fn int(&mut self) -> Result<i64> {
        let raw = self.plain()?;
        Ok(raw.parse().unwrap_or_else(|_| float_to_int(raw)))
    }

    /// Reads a boolean; anything but `true` is false.
    pub fn bool(&mut self) -> Result<bool> {
        Ok(self.plain()? == "true")
    }

    /// Reads a number; null and invalid values are 0.
    pub fn float(&mut self) -> Result<f64> {
        Ok(self.plain()?.parse().unwrap_or(0.0))
    }

    /// Returns `true` if the next value is an object.
    pub fn is_object(&mut self) -> bool {
        self.peek() == b'{'
    }

    /// Returns `true` if the next value is null.
    pub fn is_null(&mut self) -> bool {
        self.peek() == b'n'
    }

    /// Skips any value and returns its JSON text.
    pub fn skip(&mut self) -> Result<&'a str> {
        let next = self.peek();
        let start = self.at;
        match next {
            b'"' => {
                self.quoted()?;
            }
            b'{' | b'[' => self.skip_container()?,
            b',' | b'}' | b']' | b':' | 0 => return Err(self.damaged()),
            _ => {
                let rest = &self.text.as_bytes()[start..];
                let len = rest.iter().position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
                self.at += len.unwrap_or(rest.len());
            }
        }
        self.text.get(start..self.at).ok_or_else(|| self.damaged())
    }

    /// Skips the value of a field that a later Ray added to a message, and records its name.
    pub fn unknown(&mut self, message: &'static str, field: &'a str) -> Result<()> {
        self.skip()?;
        if self.unknown.len() < MAX_UNKNOWN_FIELDS {
            self.unknown.push((message, field));
        }
        Ok(())
    }

    /// Takes the unknown fields recorded so far.
    pub fn take_unknown(&mut self) -> UnknownFields<'a> {
        std::mem::take(&mut self.unknown)
    }

    /// Counts a state that a later Ray added.
    pub fn unknown_state(&mut self) {
        self.unknown_states += 1;
    }

    /// Returns the number of unknown states counted so far.
    pub fn unknown_states(&self) -> u32 {
        self.unknown_states
    }

    /// Returns `true` if a key or a plain string contains escapes, as JSON allows. The output of
    /// `without_needless_escapes` for the record can then be read instead.
    pub fn has_escaped(&self) -> bool {
        self.escaped
    }

    /// Returns the position: the end of what was read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Checks that only blanks are left.
    pub fn end(&mut self) -> Result<()> {
        self.peek();
        if self.at == self.text.len() { Ok(()) } else { Err(self.damaged()) }
    }

    fn skip_container(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        let mut depth = 0usize;
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.quoted()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => return Err(self.damaged()),
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Reads the raw text between quotes, and records escapes for `has_escaped`.
    fn quoted_plain(&mut self) -> Result<&'a str> {
        let (raw, has_escapes) = self.quoted_raw()?;
        self.escaped |= has_escapes;
        Ok(raw)
    }

    /// Reads the raw text between quotes, with its escapes.
    fn quoted(&mut self) -> Result<&'a str> {
        self.quoted_raw().map(|(raw, _)| raw)
    }

    /// Reads the raw text between quotes; the flag is `true` if it has escapes.
    fn quoted_raw(&mut self) -> Result<(&'a str, bool)> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            let rest = self.text.as_bytes().get(at..).ok_or_else(|| self.damaged())?;
            let found = memchr2(b'"', b'\\', rest).ok_or_else(|| self.damaged())?;
            if rest[found] == b'"' {
                self.at = at + found + 1;
                let raw = self.text.get(start..at + found).ok_or_else(|| self.damaged())?;
                return Ok((raw, at > start));
            }
            at += found + 2;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek() != byte {
            return Err(self.damaged());
        }
        self.at += 1;
        Ok(())
    }

    /// Returns the next byte that is not blank, without consuming it; 0 at the end.
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    fn damaged(&self) -> Damaged {
        Damaged { at: self.at }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, and whole numbers survive")]
fn float_to_int(raw: &str) -> i64 {
    raw.parse::<f64>().map_or(0, |value| value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_fields_of_any_type_and_skips_unknown_ones() {
        let record = r#" {"a":"x\n\u00e9\ud83d\ude00","n":"12","m":12.0,"skip":{"deep":[1,{"q":"}\"]"}]},"z":null} "#;
        let mut seen = Vec::new();
        let mut reader = Reader::new(record);
        reader
            .object(|r, key| {
                match key {
                    "a" | "z" => seen.push(r.string()?.into_owned()),
                    "n" | "m" => seen.push(r.int()?.to_string()),
                    _ => {
                        r.skip()?;
                    }
                }
                Ok(())
            })
            .unwrap();
        reader.end().unwrap();
        assert_eq!(seen, ["x\né😀", "12", "12", ""]);
    }

    #[test]
    fn needless_escapes_are_reported_and_removed() {
        let escaped = r#"{"\u0061":"x\/y", "n":[1,"\"\n"]}"#;
        let mut reader = Reader::new(escaped);
        reader.object(|r, _| r.skip().map(|_| ())).unwrap();
        assert!(reader.has_escaped());
        let plain = without_needless_escapes(escaped).unwrap();
        assert_eq!(plain, r#"{"a":"x/y", "n":[1,"\"\n"]}"#);
        let mut reader = Reader::new(&plain);
        reader.object(|r, key| if key == "a" { r.plain().map(|_| ()) } else { r.skip().map(|_| ()) }).unwrap();
        assert!(!reader.has_escaped());
        assert_eq!(without_needless_escapes("{\"half"), None);
    }

    #[test]
    fn partial_record_is_damaged() {
        for broken in ["{\"a\":", "{\"a\":1", "{\"a", "{\"a\":\"x", "{]", "{\"a\":[1,2", "{\"a\" 1}", "{\"a\":\"\\"] {
            let mut reader = Reader::new(broken);
            assert!(reader.object(|r, _| r.skip().map(|_| ())).is_err(), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".*") {
            let mut reader = Reader::new(&text);
            let _ = reader.object(|r, _| r.string().map(|_| ()));
            let _ = Reader::new(&text).array(|r| r.skip().map(|_| ()));
        }

        #[test]
        fn reads_strings_as_serde_json_wrote_them(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(Reader::new(&json).string().unwrap(), text);
        }
    }
}
