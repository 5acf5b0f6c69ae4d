//! Reads many log files in order: several ranges at once, so that neither many small files nor a long one take long,
//! and never a whole file in memory. What was begun ends when the reader is dropped.

use super::select::LogFile;
use bytes::Bytes;
use futures_util::stream;
use futures_util::stream::{BoxStream, StreamExt};
use ray_history_core::base::chain::chain;
use ray_history_storage::{self as storage, ErrorKind, ReadRange, Storage};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::task::AbortOnDropHandle;

/// Bytes of a range.
pub const BLOCK: u64 = 512 << 10;
/// Ranges on their way at once.
pub const READS: usize = 12;
/// Bytes held by a reader: each range, once in the pieces in which it comes.
pub const READING: u64 = 2 * READS as u64 * BLOCK;

/// The next bytes of a file.
#[derive(Debug)]
pub struct Block {
    /// Index of the file.
    pub file: usize,
    /// The bytes; empty if they could not be read.
    pub bytes: Bytes,
    /// `true` for the last block of a file.
    pub is_last: bool,
    /// The reason why the rest of the file was not read.
    pub unread: Option<&'static str>,
}

/// A reader of many files.
pub struct LogBlocks {
    fetched: BoxStream<'static, Fetched>,
    /// The file whose block came last, its version, and `true` if nothing more of it is wanted.
    current: usize,
    etag: Option<String>,
    ended: bool,
    warned: bool,
}

impl std::fmt::Debug for LogBlocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogBlocks").field("current", &self.current).finish_non_exhaustive()
    }
}

/// A range of a file that was read.
struct Fetched {
    range: FileRange,
    read: Result<(Bytes, Option<String>), storage::Error>,
}

/// A range of a file.
#[derive(Clone)]
struct FileRange {
    file: usize,
    start: u64,
    end: u64,
    is_last: bool,
    /// Set when the rest of the file needs no request.
    is_over: Arc<AtomicBool>,
}

/// Returns the ranges of a file; one that is empty for an empty file.
fn ranges(file: usize, size: u64) -> impl Iterator<Item = FileRange> {
    let is_over = Arc::new(AtomicBool::new(false));
    (0..size.div_ceil(BLOCK).max(1)).map_while(move |at| {
        let (start, end) = (at * BLOCK, size.min((at + 1) * BLOCK));
        let is_over = Arc::clone(&is_over);
        (!is_over.load(Ordering::Relaxed)).then_some(FileRange { file, start, end, is_last: end == size, is_over })
    })
}

impl LogBlocks {
    /// Returns a reader of these files, in their order.
    pub(crate) fn new(store: Arc<dyn Storage>, files: Arc<[LogFile]>) -> Self {
        let sizes: Arc<[LogFile]> = Arc::clone(&files);
        let all = (0..files.len()).flat_map(move |file| ranges(file, sizes[file].object.size));
        let fetch = move |range: FileRange| {
            let (store, files) = (Arc::clone(&store), Arc::clone(&files));
            let work = async move {
                let read = read(&*store, &files[range.file].object.key, &range).await;
                Fetched { range, read }
            };
            AbortOnDropHandle::new(tokio::spawn(work))
        };
        // A task that was ended by nobody has a result.
        let fetched = stream::iter(all).map(fetch).buffered(READS).filter_map(async |fetched| fetched.ok());
        Self { fetched: fetched.boxed(), current: usize::MAX, etag: None, ended: false, warned: false }
    }

    /// Returns the next block; `None` after the last file.
    pub async fn next(&mut self) -> Option<Block> {
        loop {
            let Fetched { range, read } = self.fetched.next().await?;
            if range.file != self.current {
                (self.current, self.etag, self.ended) = (range.file, None, false);
            }
            if self.ended {
                continue;
            }
            let (bytes, unread) = match read {
                Ok((_, etag)) if self.is_other(etag.as_deref()) => (Bytes::new(), Some(OVERWRITTEN)),
                Ok((bytes, etag)) => {
                    self.etag = self.etag.take().or(etag);
                    let is_short = (bytes.len() as u64) < range.end - range.start;
                    (bytes, is_short.then_some("it is shorter than it was listed"))
                }
                Err(error) => (Bytes::new(), Some(self.reason(&error))),
            };
            self.ended = unread.is_some();
            range.is_over.fetch_or(self.ended, Ordering::Relaxed);
            return Some(Block { file: range.file, bytes, is_last: range.is_last || self.ended, unread });
        }
    }

    /// Returns `true` if the file was overwritten since its first block was read.
    fn is_other(&self, etag: Option<&str>) -> bool {
        self.etag.as_deref().zip(etag).is_some_and(|(first, now)| first != now)
    }

    /// Returns the reason for clients. The store's message may have hosts and paths: the first one is logged.
    fn reason(&mut self, error: &storage::Error) -> &'static str {
        if !std::mem::replace(&mut self.warned, true) {
            tracing::warn!(error = %chain(error), "a log could not be read; others like it are not logged");
        }
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NoBucket => "it is no longer stored",
            ErrorKind::PermissionDenied => "the store refuses it",
            ErrorKind::Archived => "it was moved to an archive",
            ErrorKind::PreconditionFailed => OVERWRITTEN,
            _ => "the store could not read it",
        }
    }
}

const OVERWRITTEN: &str = "it was overwritten while it was read";

async fn read(store: &dyn Storage, key: &str, range: &FileRange) -> Result<(Bytes, Option<String>), storage::Error> {
    if range.start == range.end {
        return Ok((Bytes::new(), None));
    }
    let body = store.read(key, ReadRange::Between(range.start, range.end)).await?;
    let etag = body.meta.etag.clone();
    Ok((body.read_all(range.end - range.start).await?, etag))
}

#[cfg(test)]
mod tests;
