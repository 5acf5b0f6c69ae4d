//! The room that the spool takes: its files, its journal, and what compressing the records further may add.

use super::{Inner, Spool};
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering;

/// Deflate stores what it cannot compress in blocks, each longer than this, whose headers are short.
const BLOCK: u64 = 1 << 10;
/// Bytes around the blocks of a flush: the header of a member and its end, and the flush itself.
const AROUND: u64 = 64;
/// This part of the bound is kept for the journal, which is written to when no batch is accepted, too.
const PART_OF_JOURNAL: u64 = 64;
/// Bytes that are kept for the journal at most.
const MOST_OF_JOURNAL: u64 = 2 << 20;

/// Returns the room that records of some length need: for themselves, and for their compressed form.
pub(super) fn of_records(len: u64) -> u64 {
    len + compressed_at_most(len)
}

/// Returns the longest compressed form of some bytes: records need not compress at all.
pub(crate) fn compressed_at_most(len: u64) -> u64 {
    if len == 0 { 0 } else { len + len / BLOCK + AROUND }
}

/// The spool has no room for what a batch became.
#[derive(Debug)]
struct Full;

/// Takes bytes from the room that is left.
pub(super) fn take(room: &mut u64, bytes: u64) -> io::Result<()> {
    *room = room.checked_sub(bytes).ok_or_else(|| io::Error::new(ErrorKind::StorageFull, Full))?;
    Ok(())
}

/// Returns `true` if it was the spool's own bound that failed, not its disk.
pub(super) fn is_full(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Full>)
}

impl Spool {
    /// Returns the bytes of all records, bodies on their way, and the journal.
    ///
    /// Not counted are the space that is kept for a full disk, and the next journal while it is written: it has the
    /// state alone, some kilobytes.
    pub fn used(&self) -> u64 {
        let inner = self.inner.lock();
        (inner.used + inner.journal.len()).saturating_add(self.incoming.load(Ordering::Relaxed))
    }

    /// Returns `true` if all that is here, on its way, and still to be compressed keeps within the bound.
    pub(super) fn has_room(&self) -> bool {
        self.claimed(&self.inner.lock()) <= self.limits.bytes
    }

    /// Returns the bytes that are kept for the journal. It is replaced when it needs half of them beside its state, so
    /// that the other half is there for what is noted while no batch is accepted.
    fn share_of_journal(&self) -> u64 {
        (self.limits.bytes / PART_OF_JOURNAL).min(MOST_OF_JOURNAL)
    }

    /// Returns `true` if it is time to replace the journal. A small spool has no room for a long one.
    pub(super) fn has_long_journal(&self, inner: &Inner) -> bool {
        inner.journal.is_longer_than(self.share_of_journal() / 2)
    }

    /// Returns the bytes of all files and bodies, and those that compressing records further may add: until a file is
    /// sealed, both of its forms are there.
    pub(super) fn claimed(&self, inner: &Inner) -> u64 {
        let uncompressed = inner.state.files.iter().filter(|(_, file)| file.packed.is_none() && !file.is_plain);
        let compressed = |name| inner.live.get(name).and_then(|live| live.compressed).map_or(0, |found| found.end);
        let to_come = uncompressed.map(|(name, file)| compressed_at_most(file.end.saturating_sub(compressed(name))));
        let journal = inner.journal.len().max(self.share_of_journal());
        let here = inner.used + journal + to_come.sum::<u64>();
        here.saturating_add(self.incoming.load(Ordering::Relaxed))
    }

    /// Returns the bytes of records alone.
    #[cfg(test)]
    pub(crate) fn inner_used(&self) -> u64 {
        self.inner.lock().used
    }

    /// Returns the bound of [`Self::used`].
    pub fn limit(&self) -> u64 {
        self.limits.bytes
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the spool is full")
    }
}

impl Error for Full {}
