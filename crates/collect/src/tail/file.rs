//! One log file: its identity, and how far it is stored.

use super::class::{self, Class};
use super::name;
use super::print::Print;
use super::walk::{Found, Status};
use std::ffi::OsStr;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Rewrites in place after which only the last content of a file is stored.
const REWRITES: u8 = 2;
/// The time within which a second rewrite shows that a file is rewritten again and again.
const OFTEN: Duration = Duration::from_secs(600);
/// Scans that do not show a file until it counts as removed: one that is renamed during a scan may be missed once.
const MISSES: u8 = 2;

/// The bytes that are stored of the end of a file whose middle is left out.
const LAST_BYTES: u64 = 256 << 10;

/// A log file. All positions are offsets in it.
#[derive(Debug)]
pub(super) struct LogFile {
    /// The first path that it was seen under, as it is stored.
    pub(super) name: Arc<str>,
    /// Its path at the last scan that showed it.
    pub(super) path: Box<OsStr>,
    /// The time when it was first seen, unique for the node; in nanoseconds since 1970.
    pub(super) seen: i64,
    pub(super) status: Status,
    pub(super) head: Print,
    /// The fingerprint of the bytes that end at `queued`.
    pub(super) mark: Print,
    /// The end of what is in a segment, or will be with the next put of one.
    pub(super) queued: u64,
    /// The end of what is in stored segments.
    pub(super) shipped: u64,
    /// The length of its object, if that has this file's bytes.
    pub(super) settled: Option<u64>,
    /// The time of its modification when it was settled.
    pub(super) settled_modified: i64,
    /// When it was settled, or first seen.
    pub(super) settled_at: Instant,
    /// `true` if its name belongs to another file, so that it is stored under a name of its own.
    pub(super) is_rotated: bool,
    /// The file whose object has the name that this one gets, until that file is stored elsewhere.
    pub(super) after: Option<u64>,
    /// The first segment with bytes that are in no object.
    pub(super) first_segment: Option<u64>,
    /// The end of what may be in its object only.
    pub(super) released: u64,
    /// The start of its last bytes, if what is before them is left out because it is too long.
    pub(super) last_bytes: Option<u64>,
    /// `true` if the store cannot have a key of its name: it is in segments only.
    pub(super) has_no_key: bool,
    /// The number of rewrites in place, each soon after the one before.
    pub(super) rewrites: u8,
    pub(super) rewritten_at: Option<Instant>,
    /// The number of the last scan that showed it.
    pub(super) shown: u64,
    /// Complete scans since then.
    pub(super) misses: u8,
    /// The reason why it cannot be read.
    pub(super) unreadable: Option<&'static str>,
    pub(super) handle: Option<Arc<File>>,
    /// The number of the last scan that saw it change.
    pub(super) changed: u64,
}

impl LogFile {
    /// Returns a file that is seen for the first time.
    pub(super) fn new(found: &Found<'_>, name: Arc<str>, seen: i64, scan: u64) -> Self {
        Self {
            name,
            path: found.path.into(),
            seen,
            status: found.status,
            head: Print::default(),
            mark: Print::default(),
            queued: 0,
            shipped: 0,
            settled: None,
            settled_modified: 0,
            settled_at: Instant::now(),
            is_rotated: false,
            after: None,
            first_segment: None,
            released: 0,
            last_bytes: None,
            has_no_key: false,
            rewrites: 0,
            rewritten_at: None,
            shown: scan,
            misses: 0,
            unreadable: None,
            handle: None,
            changed: scan,
        }
    }

    /// Returns its identity, as segments and rotated names have it.
    pub(super) fn id(&self) -> String {
        format!("{}-{}", self.status.ino, self.seen)
    }

    /// Returns the path below `logs/` that it is stored under.
    pub(super) fn stored_as(&self) -> String {
        if self.is_rotated { name::rotated(&self.name, &self.id()) } else { self.name.to_string() }
    }

    pub(super) fn class(&self) -> Class {
        if self.is_rewritten() { Class::Rewritten } else { Class::of(&self.name, self.status.len) }
    }

    /// Returns `true` if its class is `Rewritten`, without the work of finding out which of the others it is.
    pub(super) fn is_rewritten(&self) -> bool {
        self.rewrites >= REWRITES || class::is_rewritten(&self.name)
    }

    /// Returns `true` if an open file with this inode number is this file, and not a later one.
    pub(super) fn is_same(&self, file: &File, found: &Found<'_>) -> std::io::Result<bool> {
        if self.is_rewritten() {
            return Ok(self.path.as_ref() == found.path);
        }
        if self.head.is_empty() {
            return Ok(self.path.as_ref() == found.path);
        }
        let is_long_enough = found.status.len >= self.queued.max(self.settled.unwrap_or(0));
        Ok(is_long_enough && self.head.is_of(file)? && self.mark.is_of(file)?)
    }

    /// Returns `true` once scans do not show it any more.
    pub(super) fn is_gone(&self) -> bool {
        self.misses >= MISSES
    }

    /// Returns `true` if nobody appends to it any more: it was removed, renamed or moved.
    pub(super) fn is_over(&self) -> bool {
        self.is_gone() || self.is_rotated || !self.has_its_name()
    }

    fn has_its_name(&self) -> bool {
        self.path.to_str() == Some(&*self.name) || name::stored(&self.path) == *self.name
    }

    /// Returns how often the next file of its path was rewritten in place. Rewrites long after one another are rotations.
    pub(super) fn next_rewrites(&self) -> u8 {
        let is_soon = self.rewritten_at.is_some_and(|before| before.elapsed() < OFTEN);
        if is_soon { self.rewrites.saturating_add(1) } else { 1 }
    }

    /// Returns the range that a segment should take next. Of a file with more than `max` bytes it is the start and, when
    /// nothing follows, the end.
    pub(super) fn unqueued(&self, max: u64, is_closing: bool) -> Range<u64> {
        let len = self.status.len;
        if len <= max || self.queued < max {
            self.queued..len.min(max).max(self.queued)
        } else if is_closing || self.is_over() {
            let end = len.max(self.queued);
            self.queued.max(end.saturating_sub(LAST_BYTES))..end
        } else {
            self.queued..self.queued
        }
    }

    /// Returns `true` if stored segments have all that they should have.
    pub(super) fn is_shipped(&self, max: u64) -> bool {
        self.shipped == self.queued && self.unqueued(max, false).is_empty()
    }

    /// Returns the length of the object that the whole file is stored as.
    pub(super) fn whole(&self, max: u64) -> u64 {
        self.status.len.min(max)
    }

    /// Returns `true` if its object is what it should be at the end.
    pub(super) fn is_settled(&self, max: u64) -> bool {
        let is_whole = |settled| settled >= self.whole(max);
        let is_last = || self.settled_modified == self.status.modified;
        self.settled.is_some_and(|settled| if self.is_rewritten() { is_last() } else { is_whole(settled) })
    }
}
