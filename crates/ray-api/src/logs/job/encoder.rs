//! Encodes the bytes of a log file as `{"logs": "…"}`, in pieces.

use super::Decoder;
use crate::json::escape_into;

/// Encodes one file. Pieces may end anywhere, even inside a character.
#[derive(Debug, Default)]
pub struct Encoder {
    started: bool,
    decoder: Decoder,
}

impl Encoder {
    /// Creates an encoder at the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the JSON of the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8 + 16);
        self.begin(&mut out);
        escape_into(&mut out, &self.decoder.push(bytes));
        out
    }

    /// Returns the end of the document.
    pub fn finish(mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        self.begin(&mut out);
        escape_into(&mut out, self.decoder.finish());
        out.extend_from_slice(b"\"}");
        out
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            out.extend_from_slice(b"{\"logs\":\"");
            self.started = true;
        }
    }
}
