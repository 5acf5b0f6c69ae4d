//! Reads log files of an open session: ranges and last lines, with constant memory for files of any size.
//!
//! All files of a session are searched and downloaded in the same manner: `select` names them, `blocks` reads them,
//! `pattern` and `scan` find lines, and `zip` packs files.
//!
//! The last lines are found by reading backwards in blocks, and are then streamed, so a request for a million lines
//! holds no more memory than a request for one. All requests for one file are for the version of it that the first one
//! found: if it is overwritten meanwhile, the search starts again.

mod attempt;
pub mod blocks;
pub mod pattern;
pub mod scan;
pub mod select;
pub mod zip;

pub(super) use attempt::parts_of;

use super::load::LogObject;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use ray_history_storage::{self as storage, ErrorKind, ObjectBody, ReadRange, Storage};
use std::ops::Range;
use std::sync::Arc;

/// A part of a stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPart {
    /// The file.
    pub file: LogObject,
    /// Start of the range in bytes, reduced to the size of the file.
    pub start: u64,
    /// End of the range (exclusive); `None` for the end of the file.
    pub end: Option<u64>,
}

impl LogPart {
    /// Returns a part that is the whole file.
    pub fn whole(file: &LogObject) -> Self {
        Self { file: file.clone(), start: 0, end: None }
    }

    fn range(&self) -> Range<u64> {
        let end = self.end.unwrap_or(self.file.size).min(self.file.size);
        self.start.min(end)..end
    }
}

/// The bytes of a log, as they arrive.
pub type Blocks = BoxStream<'static, Result<Bytes, storage::Error>>;

/// The bytes of a log file.
pub struct LogBody {
    /// Number of bytes; `None` if the store does not report it.
    pub len: Option<u64>,
    /// Number of bytes at the end that were searched and are returned, if the requested lines begin before them;
    /// `None` if all requested lines are returned.
    pub searched_only: Option<u64>,
    /// The bytes of the log.
    pub stream: Blocks,
}

impl std::fmt::Debug for LogBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogBody").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Bytes of the first step backwards. Each step is twice as long as the previous one, up to `LAST_STEP`.
const FIRST_STEP: u64 = 64 << 10;
/// Bytes of the longest step. A whole step is held in memory.
pub const LAST_STEP: u64 = 1 << 20;
/// Minimum number of bytes that are searched.
const SEARCHED: u64 = 64 << 20;
/// Bytes searched per line if many lines are requested. Nearly all lines are shorter.
const SEARCHED_A_LINE: u64 = 1 << 10;
/// Maximum number of bytes that are searched.
const MAX_SEARCHED: u64 = 1 << 30;
/// Number of attempts of a search in files that are overwritten meanwhile.
const TRIES: u32 = 3;

/// Opens consecutive parts; with `lines`, only that many last lines of all parts together.
pub(super) async fn read(
    store: &Arc<dyn Storage>,
    parts: &[LogPart],
    lines: Option<u64>,
) -> Result<LogBody, storage::Error> {
    let mut tried = 1;
    loop {
        match open(&**store, parts, lines).await {
            Err(changed) if changed.kind() == ErrorKind::PreconditionFailed && tried < TRIES => tried += 1,
            opened => return opened,
        }
    }
}

async fn open(store: &dyn Storage, parts: &[LogPart], lines: Option<u64>) -> Result<LogBody, storage::Error> {
    let mut ranges: Vec<(Version<'_>, Range<u64>)> =
        parts.iter().map(|part| (Version { store, key: &part.file.key, etag: None }, part.range())).collect();
    let mut searched_only = None;
    if let Some(lines) = lines {
        let mut search = Search::for_lines(lines);
        let searched = search.left;
        for (version, range) in ranges.iter_mut().rev() {
            search.back_from(version, range).await?;
        }
        searched_only = (search.left == 0 && search.missing > 0).then_some(searched);
    }
    let mut body = LogBody { len: Some(0), searched_only, stream: stream::empty().boxed() };
    for (mut version, range) in ranges {
        // A single empty file is opened too, to find out if it exists.
        if range.is_empty() && parts.len() > 1 {
            continue;
        }
        let opened = version.read(ReadRange::Between(range.start, range.end)).await?;
        body.len = body.len.zip(opened.promised()).map(|(sum, more)| sum + more);
        body.stream = body.stream.chain(opened.stream).boxed();
    }
    Ok(body)
}

/// A stored file in the version that the first request found. Later requests fail with `ErrorKind::PreconditionFailed`
/// once it was overwritten. Without `ETag`s, a store cannot be held to one version.
struct Version<'a> {
    store: &'a dyn Storage,
    key: &'a str,
    etag: Option<String>,
}

impl Version<'_> {
    async fn read(&mut self, range: ReadRange) -> Result<ObjectBody, storage::Error> {
        let body = self.store.read_matching(self.key, range, self.etag.as_deref()).await?;
        if self.etag.is_none() {
            self.etag.clone_from(&body.meta.etag);
        }
        Ok(body)
    }
}

/// A search for the beginning of the last lines, backwards over consecutive ranges.
struct Search {
    /// Number of lines still to be found.
    missing: u64,
    /// Number of bytes that may still be searched.
    left: u64,
}

impl Search {
    fn for_lines(lines: u64) -> Self {
        Self { missing: lines, left: lines.saturating_mul(SEARCHED_A_LINE).clamp(SEARCHED, MAX_SEARCHED) }
    }

    /// Moves the start of a range to the beginning of the lines, or to where the search ended; and its end to that of
    /// the file, if the file is shorter than it was listed. A final newline ends the last line and begins no other.
    async fn back_from(&mut self, file: &mut Version<'_>, range: &mut Range<u64>) -> Result<(), storage::Error> {
        let (mut at, mut step) = (range.end, FIRST_STEP);
        while at > range.start && self.missing > 0 && self.left > 0 {
            let from = at.saturating_sub(step.min(self.left)).max(range.start);
            let body = file.read(ReadRange::Between(from, at)).await?;
            if body.is_measured && body.meta.size < range.end {
                range.end = body.meta.size.max(range.start);
                at = range.end;
                continue;
            }
            let block = body.read_all(LAST_STEP).await?;
            for found in memchr::memrchr_iter(b'\n', &block) {
                let newline = from + found as u64;
                if newline + 1 == range.end {
                    continue;
                }
                self.missing -= 1;
                if self.missing == 0 {
                    range.start = newline + 1;
                    return Ok(());
                }
            }
            self.left -= at - from;
            (at, step) = (from, (2 * step).min(LAST_STEP));
        }
        if at == range.start && !range.is_empty() {
            // The bytes before the first newline are a line, too.
            self.missing = self.missing.saturating_sub(1);
        }
        range.start = at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use futures_util::TryStreamExt;
    use ray_history_storage::memory::Memory;
    use ray_history_storage::{Delimiter, Error, ListPage, PageToken};
    use std::sync::atomic::{AtomicUsize, Ordering};

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
    async fn counts_last_lines_from_end_of_range() {
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
    async fn counts_lines_across_parts_of_a_rotated_log() {
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
    async fn finds_lines_longer_than_a_block() {
        let long = format!("first\n{}\nlast\n", "x".repeat(3 * LAST_STEP as usize));
        assert_eq!(last(&long, (0, None), Some(2)).await, long["first\n".len()..]);
    }

    #[tokio::test]
    async fn search_is_bounded_without_newlines() {
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

    /// A store whose object is overwritten with the given texts at the given requests.
    #[derive(Debug)]
    struct Overwritten {
        inner: Memory,
        reads: AtomicUsize,
        texts: Vec<(usize, String)>,
    }

    #[async_trait]
    impl Storage for Overwritten {
        async fn list(&self, prefix: &str, of: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
            self.inner.list(prefix, of, page).await
        }

        async fn read_matching(&self, key: &str, range: ReadRange, etag: Option<&str>) -> Result<ObjectBody, Error> {
            let read = self.reads.fetch_add(1, Ordering::Relaxed);
            if let Some((_, text)) = self.texts.iter().find(|(at, _)| *at == read) {
                self.inner.put(key, text.clone());
            }
            self.inner.read_matching(key, range, etag).await
        }
    }

    /// Returns the last lines of a file that was listed with the first text, and the number of requests.
    async fn last_of(lines: u64, texts: &[(usize, &str)]) -> (Result<String, ErrorKind>, usize) {
        let texts: Vec<_> = texts.iter().map(|(at, text)| (*at, (*text).to_owned())).collect();
        let file = LogObject::new("log", texts[0].1.len() as u64);
        let store = Arc::new(Overwritten { inner: Memory::default(), reads: AtomicUsize::new(0), texts });
        let body = read(&(Arc::clone(&store) as Arc<dyn Storage>), &[LogPart::whole(&file)], Some(lines)).await;
        let reads = store.reads.load(Ordering::Relaxed);
        let text = match body {
            Ok(body) => Ok(String::from_utf8(body.stream.try_collect::<Vec<_>>().await.unwrap().concat()).unwrap()),
            Err(error) => Err(error.kind()),
        };
        (text, reads)
    }

    #[tokio::test]
    async fn lines_are_of_one_version_of_a_file() {
        // 20,000 lines are found in two steps, and sent with a third request.
        let (old, new) = ("old\n".repeat(30_000), "new\n".repeat(30_000));
        let (old, new) = (old.as_str(), new.as_str());
        for at in [1, 2] {
            let (text, reads) = last_of(20_000, &[(0, old), (at, new)]).await;
            assert_eq!((text.as_deref(), reads), (Ok(&new[..80_000]), at + 4), "overwritten at request {at}");
        }
        let (text, _) = last_of(20_000, &[(0, old), (1, new), (3, old), (5, new)]).await;
        assert_eq!(text, Err(ErrorKind::PreconditionFailed), "overwritten again and again");
    }

    #[tokio::test]
    async fn reads_last_lines_of_a_truncated_file() {
        let listed = "listed\n".repeat(30_000);
        for (lines, now, expected) in [(2, "a\nb\nc\n", "b\nc\n"), (9, "a\nb", "a\nb"), (1, "", "")] {
            let store = Memory::default();
            store.put("log", now);
            let store: Arc<dyn Storage> = Arc::new(store);
            let part = LogPart::whole(&LogObject::new("log", listed.len() as u64));
            let body = read(&store, &[part], Some(lines)).await.unwrap();
            assert_eq!(body.len, Some(expected.len() as u64));
            let pieces: Vec<Bytes> = body.stream.try_collect().await.unwrap();
            assert_eq!(pieces.concat(), expected.as_bytes(), "{now:?} {lines}");
        }
    }
}
