//! Answers that the live dashboard gave and a collector kept, by URL without its leading `/`.
//!
//! What no event and no log tells comes from here alone; `placement_groups`, `serve`, `data`, `train` and `metadata`
//! say what they do where nothing was kept. Stored answers are strict JSON and may be long: they are read in slices and
//! sent in pieces, never made into a tree.

use super::Answer;
use super::pieces::PIECE;
use super::redact::Redactor;
use crate::snapshot::Snapshot;
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;

/// A document as an answer.
pub(super) fn reply(value: &Value) -> Answer {
    Answer::json(value.to_string().into_bytes())
}

/// Returns a stored answer as it is, or with the values of environment variables hidden; none where it is not stored.
pub(super) fn answer(snapshot: &Arc<Snapshot>, url: &str, redact: bool) -> Option<Answer> {
    let body = snapshot.endpoint(url)?;
    let copy = Copy { snapshot: Arc::clone(snapshot), url: url.to_owned(), at: 0, len: body.len() };
    Some(if redact { Answer::json_chunks(Hiding(copy, Redactor::of_document())) } else { Answer::json_chunks(copy) })
}

/// Returns the place of a slice in a text.
pub(super) fn place(slice: &str, text: &str) -> Range<usize> {
    let start = (slice.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + slice.len()
}

/// The JSON of a row of an answer that is stored in part.
pub(super) enum Row {
    /// Made from what else tells of it.
    Made(String),
    /// A part of the stored answer.
    Stored(Range<usize>),
}

impl Row {
    /// Makes a row of a slice of a stored answer.
    pub(super) fn of_slice(slice: &str, stored: &str) -> Self {
        Self::Stored(place(slice, stored))
    }

    /// Returns the JSON, of the same stored answer.
    pub(super) fn json<'a>(&'a self, stored: Option<&'a str>) -> &'a str {
        match self {
            Self::Made(json) => json,
            Self::Stored(place) => stored.and_then(|stored| stored.get(place.clone())).unwrap_or("null"),
        }
    }
}

/// A stored answer, piece by piece.
struct Copy {
    snapshot: Arc<Snapshot>,
    url: String,
    at: usize,
    len: usize,
}

impl Iterator for Copy {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let end = (self.at + PIECE).min(self.len);
        let piece = self.snapshot.endpoint(&self.url)?.as_bytes().get(self.at..end)?;
        self.at = end;
        (!piece.is_empty()).then(|| piece.to_vec())
    }
}

/// A stored answer, piece by piece, with values hidden.
struct Hiding(Copy, Redactor);

impl Iterator for Hiding {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let Self(from, redactor) = self;
        let mut piece = Vec::with_capacity(PIECE.min(from.len));
        redactor.piece(from.snapshot.endpoint(&from.url)?, &mut piece, PIECE);
        (!piece.is_empty()).then_some(piece)
    }
}
