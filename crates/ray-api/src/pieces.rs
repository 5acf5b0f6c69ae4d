//! JSON documents generated in pieces: a head, rows and an end, each written when the client has taken the last one.
//!
//! Memory is bounded by a few pieces plus the longest row, however long the document is.

use super::Answer;
use super::json::JsonWriter;

/// Target size of a piece in bytes; a piece may exceed it by its last row. Each costs a change of threads: a timeline of
/// 100,000 tasks takes 1.7 times as long with pieces of half the size. A shorter answer is sent whole, with its length,
/// and compressed.
pub const PIECE: usize = 256 * 1024;

/// Returns a writer with capacity for a document of `rows` rows.
pub fn writer(rows: usize) -> JsonWriter {
    JsonWriter::with_capacity(if rows < 50 { 16 * 1024 } else { PIECE + 16 * 1024 })
}

/// Returns a JSON answer that consists of `head`, the output of `write` for each of `rows`, and the output of `end`.
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

/// Returns a JSON answer that consists of `head`, the output of `step` until it returns `false`, and the output of
/// `end`.
pub fn steps(
    head: JsonWriter,
    step: impl FnMut(&mut JsonWriter) -> bool + Send + 'static,
    end: impl FnOnce(&mut JsonWriter) + Send + 'static,
) -> Answer {
    Answer::json_chunks(Pieces { writer: head, step, end: Some(end) })
}

struct Pieces<S, E> {
    writer: JsonWriter,
    step: S,
    /// `None` once the document is closed.
    end: Option<E>,
}

impl<S: FnMut(&mut JsonWriter) -> bool, E: FnOnce(&mut JsonWriter)> Iterator for Pieces<S, E> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        self.end.as_ref()?;
        while self.writer.len() < PIECE {
            if !(self.step)(&mut self.writer) {
                if let Some(end) = self.end.take() {
                    end(&mut self.writer);
                }
                break;
            }
        }
        Some(self.writer.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;

    #[test]
    fn writes_rows_on_demand() {
        let mut head = writer(100);
        head.begin_array();
        let row = |number: usize, w: &mut JsonWriter| w.string(&number.to_string().repeat(PIECE / 4));
        let answer = answer(head, 0..10, row, JsonWriter::end_array);
        let Body::Chunks(pieces) = answer.body else { panic!("not in pieces") };
        let pieces: Vec<Vec<u8>> = pieces.collect();
        assert_eq!(pieces.len(), 3, "four rows fill a piece");
        let numbers: Vec<String> = serde_json::from_slice(&pieces.concat()).unwrap();
        assert!(numbers.iter().enumerate().all(|(at, text)| text.starts_with(&at.to_string())), "in their order");
    }
}
