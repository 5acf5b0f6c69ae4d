//! Turns the bytes of a log file into text as Python reads it, piece by piece.

/// Reads one file. Pieces may end anywhere, inside a character too.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Bytes of a character whose rest has not come yet: at most three.
    half: Vec<u8>,
    /// Whether the piece before ended with `\r`.
    after_cr: bool,
}

impl Decoder {
    /// Returns the text of the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len() + 4);
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

    /// Returns the text of what is left at the end of the file.
    pub fn finish(self) -> &'static str {
        if self.half.is_empty() { "" } else { "\u{fffd}" }
    }

    /// Appends text with Python's universal line ends.
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

/// Whether bytes that are not UTF-8 may become a character when more come.
fn is_unfinished(invalid: &[u8]) -> bool {
    std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none())
}
