//! Responses of the live dashboard that a collector stored, by URL without its leading `/`.
//!
//! They are the only source of facts that are in no event and no log; `placement_groups`, `serve`, `data`, `train` and
//! `metadata` document their results without them. Stored responses are strict JSON and may be long: they are read in
//! slices and sent in pieces, never parsed into a tree.

use super::Answer;
use super::pieces::PIECE;
use super::redact::Redactor;
use ray_history_core::snapshot::Snapshot;
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;

/// Returns a document as an answer.
pub(super) fn reply(value: &Value) -> Answer {
    Answer::json(value.to_string().into_bytes())
}

/// Returns the stored response of a URL, with the values of environment variables hidden if `redact` is set.
///
/// Returns `None` if none is stored.
pub(super) fn answer(snapshot: &Arc<Snapshot>, url: &str, redact: bool) -> Option<Answer> {
    let body = snapshot.endpoint(url)?;
    let copy = Pieces { snapshot: Arc::clone(snapshot), url: url.to_owned(), at: 0, len: body.len() };
    Some(if redact {
        Answer::json_chunks(RedactedPieces(copy, Redactor::of_document()))
    } else {
        Answer::json_chunks(copy)
    })
}

/// Returns the byte range of a slice within the text that contains it.
pub(super) fn range_of(slice: &str, text: &str) -> Range<usize> {
    let start = (slice.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + slice.len()
}

/// The JSON of one row, from a stored response or built from other sources.
pub(super) enum Row {
    /// Built from events or logs.
    Built(String),
    /// A byte range of the stored response.
    Stored(Range<usize>),
}

impl Row {
    /// Creates a row from a slice of a stored response.
    pub(super) fn of_slice(slice: &str, stored: &str) -> Self {
        Self::Stored(range_of(slice, stored))
    }

    /// Returns the JSON; `stored` must be the response that the row was created from.
    pub(super) fn json<'a>(&'a self, stored: Option<&'a str>) -> &'a str {
        match self {
            Self::Built(json) => json,
            Self::Stored(range) => stored.and_then(|stored| stored.get(range.clone())).unwrap_or("null"),
        }
    }
}

/// Iterates over a stored response in pieces.
struct Pieces {
    snapshot: Arc<Snapshot>,
    url: String,
    at: usize,
    len: usize,
}

impl Iterator for Pieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let end = (self.at + PIECE).min(self.len);
        let piece = self.snapshot.endpoint(&self.url)?.as_bytes().get(self.at..end)?;
        self.at = end;
        (!piece.is_empty()).then(|| piece.to_vec())
    }
}

/// Iterates over a stored response in pieces, with the values of environment variables hidden.
struct RedactedPieces(Pieces, Redactor);

impl Iterator for RedactedPieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let Self(source, redactor) = self;
        let mut piece = Vec::with_capacity(PIECE.min(source.len));
        redactor.piece(source.snapshot.endpoint(&source.url)?, &mut piece, PIECE);
        (!piece.is_empty()).then_some(piece)
    }
}
