//! Reads log files of an open session: ranges, and the last lines, with constant memory for files of any size.
//!
//! The last lines are found by reading backwards in blocks; what is found is then streamed, so that asking for a
//! million lines holds no more than asking for one.

use super::Error;
use super::load::LogObject;
use crate::storage::{self, ReadRange, Storage};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use std::ops::Range;
use std::sync::Arc;

/// Which part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRange {
    /// First byte, and the byte after the last; to the end when none.
    pub bytes: (u64, Option<u64>),
    /// How many of the last lines of that range; all when none.
    pub lines: Option<u64>,
}

/// The bytes of a log file.
pub struct LogBody {
    /// How many bytes will come.
    pub len: u64,
    /// The bytes.
    pub stream: BoxStream<'static, Result<Bytes, storage::Error>>,
}

impl std::fmt::Debug for LogBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogBody").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Bytes read at a time when looking backwards for lines.
const BLOCK: u64 = 256 * 1024;

/// Opens a part of a file.
pub(super) async fn read(store: &Arc<dyn Storage>, file: &LogObject, wanted: LogRange) -> Result<LogBody, Error> {
    let end = wanted.bytes.1.unwrap_or(file.size).min(file.size);
    let mut range = wanted.bytes.0.min(end)..end;
    if let Some(lines) = wanted.lines {
        range.start = start_of_last_lines(&**store, &file.key, range.clone(), lines).await?;
    }
    let body = store.read(&file.key, ReadRange::Between(range.start, range.end)).await?;
    Ok(LogBody { len: body.len(), stream: body.stream })
}

/// Where the last `lines` lines of a range begin. A final newline ends the last line and begins no other.
async fn start_of_last_lines(
    store: &dyn Storage,
    key: &str,
    range: Range<u64>,
    lines: u64,
) -> Result<u64, storage::Error> {
    if lines == 0 {
        return Ok(range.end);
    }
    let mut missing = lines;
    let mut at = range.end;
    while at > range.start {
        let from = at.saturating_sub(BLOCK).max(range.start);
        let block = store.read(key, ReadRange::Between(from, at)).await?.read_all(BLOCK).await?;
        for found in memchr::memrchr_iter(b'\n', &block) {
            let newline = from + found as u64;
            if newline + 1 == range.end {
                continue;
            }
            missing -= 1;
            if missing == 0 {
                return Ok(newline + 1);
            }
        }
        at = from;
    }
    Ok(range.start)
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
        let body = read(&store, &file, LogRange { bytes, lines }).await.unwrap();
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
    async fn lines_longer_than_a_block_are_found() {
        let long = format!("first\n{}\nlast\n", "x".repeat(3 * BLOCK as usize));
        assert_eq!(last(&long, (0, None), Some(2)).await, long["first\n".len()..]);
    }
}
