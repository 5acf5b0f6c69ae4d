//! Turns the bytes of a log file into `{"logs": "…"}`, piece by piece.

use crate::answer::json::escape_into;

/// Writes one answer. Pieces may end anywhere, inside a character too.
#[derive(Debug, Default)]
pub struct Encoder {
    begun: bool,
    /// Bytes of a character whose rest has not come yet: at most three.
    half: Vec<u8>,
    /// Whether the piece before ended with `\r`.
    after_cr: bool,
}

impl Encoder {
    /// An encoder at the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// The JSON of the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8 + 16);
        self.begin(&mut out);
        let joined;
        let mut rest = bytes;
        if !self.half.is_empty() {
            joined = [self.half.as_slice(), bytes].concat();
            self.half.clear();
            rest = &joined;
        }
        for chunk in rest.utf8_chunks() {
            self.text(chunk.valid(), &mut out);
            let invalid = chunk.invalid();
            // Only the last chunk can be an unfinished character.
            if !invalid.is_empty() && invalid.as_ptr_range().end == rest.as_ptr_range().end && is_unfinished(invalid) {
                self.half.extend_from_slice(invalid);
            } else if !invalid.is_empty() {
                self.text("\u{fffd}", &mut out);
            }
        }
        out
    }

    /// The end of the answer.
    pub fn finish(mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        self.begin(&mut out);
        if !self.half.is_empty() {
            self.text("\u{fffd}", &mut out);
        }
        out.extend_from_slice(b"\"}");
        out
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            out.extend_from_slice(b"{\"logs\":\"");
            self.begun = true;
        }
    }

    /// Appends text with Python's universal line ends.
    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        let mut rest = text;
        if self.after_cr && !rest.is_empty() {
            rest = rest.strip_prefix('\n').unwrap_or(rest);
            self.after_cr = false;
        }
        while let Some((line, after)) = rest.split_once('\r') {
            escape_into(out, line);
            escape_into(out, "\n");
            self.after_cr = after.is_empty();
            rest = after.strip_prefix('\n').unwrap_or(after);
        }
        escape_into(out, rest);
    }
}

/// Whether bytes that are not UTF-8 may become a character when more come.
fn is_unfinished(invalid: &[u8]) -> bool {
    std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none())
}
