//! Reads log files of an open session: ranges, and the last lines, with constant memory for files of any size.
//!
//! The last lines are found by reading backwards in blocks; what is found is then streamed, so that asking for a
//! million lines holds no more than asking for one.

mod attempt;

pub(super) use attempt::parts_of;

use super::load::LogObject;
use crate::storage::{self, ReadRange, Storage};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use std::ops::Range;
use std::sync::Arc;

/// A part of a stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPart {
    /// The file.
    pub file: LogObject,
    /// Its bytes from here on, cut to what it holds.
    pub start: u64,
    /// Up to here; to its end when none.
    pub end: Option<u64>,
}

impl LogPart {
    /// All of a file.
    pub fn whole(file: &LogObject) -> Self {
        Self { file: file.clone(), start: 0, end: None }
    }

    fn range(&self) -> Range<u64> {
        let end = self.end.unwrap_or(self.file.size).min(self.file.size);
        self.start.min(end)..end
    }
}

/// The bytes of a log, as they come.
pub type Blocks = BoxStream<'static, Result<Bytes, storage::Error>>;

/// The bytes of a log file.
pub struct LogBody {
    /// How many bytes will come; none where the store does not say.
    pub len: Option<u64>,
    /// Set where the lines that were asked for begin before the last bytes that were looked through: so many, which are
    /// what comes.
    pub searched_only: Option<u64>,
    /// The bytes.
    pub stream: Blocks,
}

impl std::fmt::Debug for LogBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogBody").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Bytes of the first step backwards; each step is twice as long as the one before, up to `LAST_STEP`.
const FIRST_STEP: u64 = 64 << 10;
/// Bytes of the longest step, all of which are in memory.
pub const LAST_STEP: u64 = 1 << 20;
/// Bytes that are looked through for few lines.
const SEARCHED: u64 = 64 << 20;
/// Bytes that are looked through for each of many lines: longer than nearly all are.
const SEARCHED_A_LINE: u64 = 1 << 10;
/// Bytes that are looked through at most.
const MAX_SEARCHED: u64 = 1 << 30;

/// Opens parts that follow each other; with `lines`, only the last so many lines of them together.
pub(super) async fn read(
    store: &Arc<dyn Storage>,
    parts: &[LogPart],
    lines: Option<u64>,
) -> Result<LogBody, storage::Error> {
    let mut ranges: Vec<(&LogPart, Range<u64>)> = parts.iter().map(|part| (part, part.range())).collect();
    let mut searched_only = None;
    if let Some(lines) = lines {
        let mut search = Search::for_lines(lines);
        let searched = search.left;
        for (part, range) in ranges.iter_mut().rev() {
            range.start = search.back_from(&**store, &part.file.key, range.clone()).await?;
        }
        searched_only = (search.left == 0 && search.missing > 0).then_some(searched);
    }
    let mut body = LogBody { len: Some(0), searched_only, stream: stream::empty().boxed() };
    for (part, range) in ranges {
        // An empty file is opened, too, if it is the only one: whether it is there at all is part of the answer.
        if range.is_empty() && parts.len() > 1 {
            continue;
        }
        let opened = store.read(&part.file.key, ReadRange::Between(range.start, range.end)).await?;
        body.len = body.len.zip(opened.promised()).map(|(sum, more)| sum + more);
        body.stream = body.stream.chain(opened.stream).boxed();
    }
    Ok(body)
}

/// A search for the beginning of the last lines, backwards over ranges that follow each other.
struct Search {
    /// Lines that are still to be found.
    missing: u64,
    /// Bytes that may still be looked through.
    left: u64,
}

impl Search {
    fn for_lines(lines: u64) -> Self {
        Self { missing: lines, left: lines.saturating_mul(SEARCHED_A_LINE).clamp(SEARCHED, MAX_SEARCHED) }
    }

    /// Returns where the lines begin in a range, or where the search ended. A final newline ends the last line and
    /// begins no other.
    async fn back_from(&mut self, store: &dyn Storage, key: &str, range: Range<u64>) -> Result<u64, storage::Error> {
        let (mut at, mut step) = (range.end, FIRST_STEP);
        while at > range.start && self.missing > 0 && self.left > 0 {
            let from = at.saturating_sub(step.min(self.left)).max(range.start);
            let block = store.read(key, ReadRange::Between(from, at)).await?.read_all(LAST_STEP).await?;
            for found in memchr::memrchr_iter(b'\n', &block) {
                let newline = from + found as u64;
                if newline + 1 == range.end {
                    continue;
                }
                self.missing -= 1;
                if self.missing == 0 {
                    return Ok(newline + 1);
                }
            }
            self.left -= at - from;
            (at, step) = (from, (2 * step).min(LAST_STEP));
        }
        if at == range.start && !range.is_empty() {
            // What stands before the first newline is a line, too.
            self.missing = self.missing.saturating_sub(1);
        }
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::Memory;
    use futures_util::TryStreamExt;

    async fn last(text: &str, bytes: (u64, Option<u64>), lines: Option<u64>) -> String {
        let store = Memory::default();
        store.put("log", text.to_owned());
        let store: Arc<dyn Storage> = Arc::new(store);
        let file = LogObject::new("log", text.len() as u64);
        let body = read(&store, &[LogPart { file, start: bytes.0, end: bytes.1 }], lines).await.unwrap();
        let parts: Vec<Bytes> = body.stream.try_collect().await.unwrap();
        String::from_utf8(parts.concat()).unwrap()
    }

    #[tokio::test]
    async fn the_last_lines_are_counted_from_the_end_of_the_range() {
        for (text, lines, expected) in [
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\nb\n", 9, "a\nb\n"),
            ("", 5, ""),
            ("a\n", 0, ""),
            ("\n\n", 1, "\n"),
        ] {
            assert_eq!(last(text, (0, None), Some(lines)).await, expected, "{text:?} {lines}");
        }
        assert_eq!(last("a\nb\nc\nd\n", (2, Some(6)), Some(1)).await, "c\n");
        assert_eq!(last("a\nb\n", (2, None), None).await, "b\n");
        assert_eq!(last("ab", (7, Some(9)), None).await, "");
    }

    #[tokio::test]
    async fn lines_are_counted_across_the_parts_of_a_rotated_log() {
        let store = Memory::default();
        store.put("old", "a\nb\nc\n");
        store.put("new", "d\ne\n");
        let store: Arc<dyn Storage> = Arc::new(store);
        let parts = [("old", 6, 2, None), ("new", 4, 0, Some(4))].map(|(key, size, start, end)| LogPart {
            file: LogObject::new(key, size),
            start,
            end,
        });
        for (lines, expected) in
            [(None, "b\nc\nd\ne\n"), (Some(1), "e\n"), (Some(3), "c\nd\ne\n"), (Some(9), "b\nc\nd\ne\n")]
        {
            let body = read(&store, &parts, lines).await.unwrap();
            assert_eq!(body.len, Some(expected.len() as u64));
            let pieces: Vec<Bytes> = body.stream.try_collect().await.unwrap();
            assert_eq!(String::from_utf8(pieces.concat()).unwrap(), expected, "{lines:?}");
        }
    }

    #[tokio::test]
    async fn lines_longer_than_a_block_are_found() {
        let long = format!("first\n{}\nlast\n", "x".repeat(3 * LAST_STEP as usize));
        assert_eq!(last(&long, (0, None), Some(2)).await, long["first\n".len()..]);
    }

    #[tokio::test]
    async fn a_search_ends_where_newlines_are_rare() {
        let store = Memory::default();
        store.put("log", format!("first\n{}", "x".repeat(SEARCHED as usize + 100)));
        let store: Arc<dyn Storage> = Arc::new(store);
        let part = |size| [LogPart::whole(&LogObject::new("log", size))];
        let whole = SEARCHED + 106;
        let body = read(&store, &part(whole), Some(2)).await.unwrap();
        assert_eq!((body.len, body.searched_only), (Some(SEARCHED), Some(SEARCHED)));
        let body = read(&store, &[LogPart { end: None, start: 6, file: LogObject::new("log", SEARCHED + 6) }], Some(1))
            .await
            .unwrap();
        assert_eq!((body.len, body.searched_only), (Some(SEARCHED), None), "to the beginning");
        let body = read(&store, &part(whole), Some(100_000)).await.unwrap();
        assert_eq!((body.len, body.searched_only), (Some(whole), None), "more lines may be longer");
    }
}
