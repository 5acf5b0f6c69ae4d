//! Documents made piece by piece: a head, rows, and an end, each written when the client has taken what came before.
//!
//! Memory is that of a few pieces and of the longest row, however long the document is.

use super::Answer;
use super::json::JsonWriter;

/// Bytes of a piece; one is longer where its last row is.
pub const PIECE: usize = 128 * 1024;
/// Bytes of the first piece: an answer that is no longer is sent whole, with its length, and compressed.
pub const FIRST_PIECE: usize = 2 * PIECE;

/// Returns a writer for a document of so many rows.
pub fn writer(rows: usize) -> JsonWriter {
    JsonWriter::with_capacity(if rows < 50 { 16 * 1024 } else { PIECE + 16 * 1024 })
}

/// Returns a JSON answer that begins with what `head` holds, has what `write` writes for each of `rows`, and closes
/// with what `end` writes.
pub fn answer<R>(
    head: JsonWriter,
    rows: impl IntoIterator<Item = R, IntoIter: Send + 'static>,
    mut write: impl FnMut(R, &mut JsonWriter) + Send + 'static,
    end: impl FnOnce(&mut JsonWriter) + Send + 'static,
) -> Answer {
    let mut rows = rows.into_iter();
    let step = move |w: &mut JsonWriter| rows.next().map(|row| write(row, w)).is_some();
    steps(head, step, end)
}

/// Returns a JSON answer that begins with what `head` holds, has what `step` writes until that returns `false`, and
/// closes with what `end` writes.
pub fn steps(
    head: JsonWriter,
    step: impl FnMut(&mut JsonWriter) -> bool + Send + 'static,
    end: impl FnOnce(&mut JsonWriter) + Send + 'static,
) -> Answer {
    Answer::json_chunks(Pieces { writer: head, step, end: Some(end), enough: FIRST_PIECE })
}

struct Pieces<S, E> {
    writer: JsonWriter,
    step: S,
    /// None once the document is closed.
    end: Option<E>,
    /// Bytes of the next piece.
    enough: usize,
}

impl<S: FnMut(&mut JsonWriter) -> bool, E: FnOnce(&mut JsonWriter)> Iterator for Pieces<S, E> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        self.end.as_ref()?;
        while self.writer.len() < self.enough {
            if !(self.step)(&mut self.writer) {
                if let Some(end) = self.end.take() {
                    end(&mut self.writer);
                }
                break;
            }
        }
        self.enough = PIECE;
        Some(self.writer.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Body;

    #[test]
    fn rows_are_written_when_they_are_asked_for() {
        let mut head = writer(100);
        head.begin_array();
        let row = |number: usize, w: &mut JsonWriter| w.string(&number.to_string().repeat(PIECE / 4));
        let answer = answer(head, 0..10, row, JsonWriter::end_array);
        let Body::Chunks(pieces) = answer.body else { panic!("one piece") };
        let pieces: Vec<Vec<u8>> = pieces.collect();
        assert_eq!(pieces.len(), 2, "the first is twice as long");
        let numbers: Vec<String> = serde_json::from_slice(&pieces.concat()).unwrap();
        assert!(numbers.iter().enumerate().all(|(at, text)| text.starts_with(&at.to_string())), "in their order");
    }
}
