//! Turns the bytes of a log file into `{"logs": "…"}`, piece by piece.

use super::Decoder;
use crate::answer::json::escape_into;

/// Writes one answer. Pieces may end anywhere, inside a character too.
#[derive(Debug, Default)]
pub struct Encoder {
    begun: bool,
    decoder: Decoder,
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
        escape_into(&mut out, &self.decoder.push(bytes));
        out
    }

    /// The end of the answer.
    pub fn finish(mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        self.begin(&mut out);
        escape_into(&mut out, self.decoder.finish());
        out.extend_from_slice(b"\"}");
        out
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            out.extend_from_slice(b"{\"logs\":\"");
            self.begun = true;
        }
    }
}
