//! Decodes the bytes of a log file to text as Python does, in pieces.

/// Decodes one file. Pieces may end anywhere, even inside a character.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The first bytes of an incomplete character, at most three.
    incomplete: Vec<u8>,
    /// `true` if the previous piece ended with `\r`.
    after_cr: bool,
}

impl Decoder {
    /// Returns the text of the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len() + 4);
        let joined;
        let mut rest = bytes;
        if !self.incomplete.is_empty() {
            joined = [self.incomplete.as_slice(), bytes].concat();
            self.incomplete.clear();
            rest = &joined;
        }
        for chunk in rest.utf8_chunks() {
            self.text(chunk.valid(), &mut out);
            let invalid = chunk.invalid();
            // Only the last chunk can be an incomplete character.
            if !invalid.is_empty() && invalid.as_ptr_range().end == rest.as_ptr_range().end && is_incomplete(invalid) {
                self.incomplete.extend_from_slice(invalid);
            } else if !invalid.is_empty() {
                self.text("\u{fffd}", &mut out);
            }
        }
        out
    }

    /// Returns the text of the remaining bytes at the end of the file.
    pub fn finish(self) -> &'static str {
        if self.incomplete.is_empty() { "" } else { "\u{fffd}" }
    }

    /// Appends text with Python's universal newlines.
    fn text(&mut self, text: &str, out: &mut String) {
        let mut rest = text;
        if self.after_cr && !rest.is_empty() {
            rest = rest.strip_prefix('\n').unwrap_or(rest);
            self.after_cr = false;
        }
        while let Some((line, after)) = rest.split_once('\r') {
            out.push_str(line);
            out.push('\n');
            self.after_cr = after.is_empty();
            rest = after.strip_prefix('\n').unwrap_or(after);
        }
        out.push_str(rest);
    }
}

/// Returns `true` if invalid bytes are the start of a character.
fn is_incomplete(invalid: &[u8]) -> bool {
    std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none())
}
