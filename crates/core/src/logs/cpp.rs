//! Lines of Ray's C++ processes: `[YYYY-MM-DD HH:MM:SS,mmm LEVEL pid tid] (component) file.cc:LINE: message key=value`.
//!
//! The format is that of `src/ray/util/logging.cc`; core workers leave out the component. With `RAY_BACKEND_LOG_JSON=1`
//! each line is a JSON object with `asctime` and `message`, and the message's keys as further members. Times are local
//! to the process, without a zone. A message may continue on lines that do not begin with a time.

use super::line::local_time;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The longest line that is kept; a longer one is skipped.
const MAX_LINE: usize = 1 << 20;

/// The first line of a log record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    /// Local time in milliseconds, counted as if it were UTC.
    pub(super) local_ms: i64,
    /// The text after the time, or the message of a JSON line followed by its other keys.
    pub(super) text: Cow<'a, str>,
}

#[derive(Deserialize)]
struct JsonLine {
    asctime: String,
    message: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Parses the first line of a record; `None` for a line that continues one.
pub(super) fn header(line: &str) -> Option<Header<'_>> {
    if let Some(bracketed) = line.strip_prefix('[') {
        let local_ms = local_time(bracketed)?;
        let (_, text) = bracketed.split_once("] ")?;
        return Some(Header { local_ms, text: text.into() });
    }
    if !line.starts_with('{') {
        return None;
    }
    let line: JsonLine = serde_json::from_str(line).ok()?;
    let mut text = line.message;
    for (key, value) in &line.rest {
        if let Value::String(value) = value {
            text.extend([" ", key, "=", value]);
        }
    }
    Some(Header { local_ms: local_time(&line.asctime)?, text: text.into() })
}

/// Returns the word after `key` (which includes its `=` or ` = `), up to a blank, comma or line end.
pub(super) fn word_after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let rest = text.get(text.find(key)? + key.len()..)?;
    let end = rest.find([' ', ',', '\n', '\r']).unwrap_or(rest.len());
    rest.get(..end).filter(|word| !word.is_empty())
}

/// Splits bytes that arrive in pieces into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
    /// `true` while a line that is too long is skipped.
    skipping: bool,
}

impl Lines {
    /// Calls `line` with every line that ends in this piece.
    pub(super) fn push(&mut self, mut piece: &[u8], mut line: impl FnMut(&str)) {
        while let Some(end) = memchr::memchr(b'\n', piece) {
            let (this, next) = piece.split_at(end);
            piece = next.get(1..).unwrap_or_default();
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.rest.is_empty() {
                line(&String::from_utf8_lossy(this));
            } else {
                self.rest.extend_from_slice(this);
                line(&String::from_utf8_lossy(&self.rest));
                self.rest.clear();
            }
        }
        if !self.skipping {
            self.rest.extend_from_slice(piece);
            if self.rest.len() > MAX_LINE {
                self.rest = Vec::new();
                self.skipping = true;
            }
        }
    }

    /// Calls `line` with the text after the last line end.
    pub(super) fn finish(self, mut line: impl FnMut(&str)) {
        if !self.skipping && !self.rest.is_empty() {
            line(&String::from_utf8_lossy(&self.rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_and_json_parse_alike() {
        let text = "[1970-01-02 00:00:01,002 I 1 2] (raylet) a.cc:7: Started worker process with pid 5 worker_id=ab";
        let json = r#"{"asctime":"1970-01-02 00:00:01,002","levelname":"I","message":"Started worker process with pid 5","component":"raylet","worker_id":"ab"}"#;
        for line in [text, json] {
            let found = header(line).unwrap();
            assert_eq!((found.local_ms, word_after(&found.text, "worker_id=")), (86_401_002, Some("ab")), "{line}");
            assert_eq!(word_after(&found.text, "with pid "), Some("5"), "{line}");
        }
        for none in ["", "Traceback", "[1970-01-02 x] y", "{\"asctime\": 1}", "[1970-01-02 00:00:01,002 I 1 2"] {
            assert_eq!(header(none), None, "{none}");
        }
    }

    #[test]
    fn too_long_line_is_skipped_alone() {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in [&vec![b'x'; MAX_LINE + 1][..], b"y\nz", b"\nlast"] {
            lines.push(piece, |line| found.push(line.to_owned()));
        }
        lines.finish(|line| found.push(line.to_owned()));
        assert_eq!(found, ["z", "last"]);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(text in "[ab\n]{0,40}", at in 0usize..40) {
            let read = |pieces: &[&[u8]]| {
                let (mut lines, mut found) = (Lines::default(), Vec::new());
                for piece in pieces {
                    lines.push(piece, |line| found.push(line.to_owned()));
                }
                lines.finish(|line| found.push(line.to_owned()));
                found
            };
            let bytes = text.as_bytes();
            let (a, b) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(read(&[bytes]), read(&[a, b]));
        }
    }
}
