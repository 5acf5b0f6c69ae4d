//! The log files of one node, and how scans change them.

mod names;

use super::class::Class;
use super::file::LogFile;
use super::losses::Losses;
use super::print::Print;
use super::walk::{self, Found, Walked};
use names::Names;
use parking_lot::Mutex;
use ray_history_core::base::time::Nanos;
use ray_history_manifest::SettledLogs;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::time::Instant;

pub(super) use names::SavedName;

/// The scans after which a file that does not change, and of which all is stored, is closed.
const IDLE_SCANS: u64 = 12;

/// The log files of one node.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) files: BTreeMap<u64, LogFile>,
    pub(super) names: Names,
    pub(super) lost: Losses,
    pub(super) settled: SettledLogs,
    /// Objects of files that were stored since the start.
    pub(super) settlements: u64,
    /// Files that are stored and gone: how many, and their bytes.
    pub(super) finished: (u64, u64),
    /// The number of the next segment.
    pub(super) next_segment: u64,
    /// The number of the last segment that is stored.
    pub(super) last_stored: u64,
    /// The number of the segment that grows.
    pub(super) growing: Option<u64>,
    /// The first segment with bytes of files that are gone and that no object has.
    pub(super) pinned: Option<u64>,
    /// Segments below this number are deleted.
    pub(super) deleted: u64,
    pub(super) last_seen: Nanos,
    pub(super) folders: Vec<OsString>,
    /// Parts of the tree that cannot be read.
    pub(super) closed: Vec<(OsString, &'static str)>,
    /// Links, pipes and the like.
    pub(super) special: Vec<(OsString, &'static str)>,
    by_inode: HashMap<(u64, u64), u64>,
    next_key: u64,
    scan: u64,
}

/// The limits of a scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Files held open.
    pub(super) open: usize,
    /// The bytes of a file that are stored.
    pub(super) max_bytes: u64,
}

impl Table {
    /// Returns an empty table whose first segment gets a number.
    pub(super) fn beginning_at(segment: u64) -> Self {
        Self { next_segment: segment, deleted: segment, ..Self::default() }
    }

    /// Compares a table with the files below `root`. One scan at a time.
    ///
    /// The table is locked for each file that is found, not for the whole walk: the thread that acknowledges events asks
    /// it, too.
    pub(super) fn scan(table: &Mutex<Self>, root: &Path, limits: Limits) {
        let mut held = table.lock().begin_scan(limits);
        let walked = walk::walk(root, &mut |found: &Found<'_>| table.lock().observe(found, limits.open, &mut held));
        table.lock().end_scan(walked, limits);
    }

    /// Returns how many files are open.
    fn begin_scan(&mut self, limits: Limits) -> usize {
        self.scan += 1;
        self.close_idle(limits)
    }

    fn end_scan(&mut self, walked: Walked, limits: Limits) {
        for file in self.files.values_mut() {
            if file.shown == self.scan {
                file.misses = 0;
            } else if walked.is_complete {
                // In an incomplete one it may be in the part that could not be read.
                file.misses = file.misses.saturating_add(1);
            }
        }
        (self.folders, self.closed, self.special) = (walked.folders, walked.closed, walked.special);
        self.look_at_removed();
        self.sweep(limits.max_bytes);
    }

    /// Adds a file with what a state file says of it.
    pub(super) fn restore(&mut self, key: u64, file: LogFile) {
        self.by_inode.insert((file.status.dev, file.status.ino), key);
        self.next_key = self.next_key.max(key + 1);
        self.files.insert(key, file);
    }

    fn observe(&mut self, found: &Found<'_>, most_open: usize, held: &mut usize) {
        let inode = (found.status.dev, found.status.ino);
        let Some((key, file)) = self.by_inode.get(&inode).and_then(|key| Some((*key, self.files.get_mut(key)?))) else {
            return self.add(found, 0, most_open, held);
        };
        file.shown = self.scan;
        let is_moved = file.path.as_ref() != found.path;
        if file.status == found.status && !is_moved && file.unreadable.is_none() {
            return;
        }
        let handle = match file.handle.clone().map_or_else(|| found.open().map(Arc::new), Ok) {
            Ok(handle) => handle,
            Err(error) => {
                file.unreadable = Some(walk::why(error));
                file.status = found.status;
                file.path = found.path.into();
                return;
            }
        };
        match file.is_same(&handle, found) {
            Ok(true) => {}
            Ok(false) => {
                let rewrites = if is_moved { 0 } else { file.next_rewrites() };
                let why = if is_moved { "removed before it was read" } else { "rewritten before it was read" };
                self.drop_file(key, why);
                return self.add(found, rewrites, most_open, held);
            }
            Err(_) => {
                file.unreadable = Some("cannot be read");
                return;
            }
        }
        if is_moved {
            file.path = found.path.into();
        }
        if file.head.is_short() || file.is_rewritten() {
            file.head = Print::head(&handle).unwrap_or(file.head);
        }
        (file.status, file.changed, file.unreadable) = (found.status, self.scan, None);
        if file.handle.is_none() && *held < most_open {
            *held += 1;
            file.handle = Some(handle);
        }
    }

    fn add(&mut self, found: &Found<'_>, rewrites: u8, most_open: usize, held: &mut usize) {
        let key = self.next_key;
        self.next_key += 1;
        let name: Arc<str> = super::name::stored(found.path).into();
        let mut file = LogFile::new(found, name, self.time(), self.scan);
        file.rewrites = rewrites;
        file.rewritten_at = (rewrites > 0).then(Instant::now);
        match found.open() {
            Ok(handle) => {
                file.head = Print::head(&handle).unwrap_or_default();
                if *held < most_open && found.status.len > 0 {
                    *held += 1;
                    file.handle = Some(Arc::new(handle));
                }
            }
            Err(error) => file.unreadable = Some(walk::why(error)),
        }
        self.by_inode.insert((found.status.dev, found.status.ino), key);
        self.take_name(key, &mut file);
        self.files.insert(key, file);
    }

    /// Returns the time, or a little more: no two files of a node are first seen at the same time.
    fn time(&mut self) -> Nanos {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = Nanos::try_from(now.as_nanos()).unwrap_or(Nanos::MAX);
        self.last_seen = now.max(self.last_seen.saturating_add(1));
        self.last_seen
    }

    /// Closes files that have not changed for a while and of which all is stored. If that is in segments only, they stay
    /// open as long as half of the places are free: one that is removed can still be settled, and keeps no segment for
    /// ever. Returns how many files are open.
    fn close_idle(&mut self, limits: Limits) -> usize {
        let mut held = self.files.values().filter(|file| file.handle.is_some()).count();
        for file in self.files.values_mut().filter(|file| file.handle.is_some() && !file.is_gone()) {
            let is_idle = self.scan.saturating_sub(file.changed) > IDLE_SCANS && file.is_shipped(limits.max_bytes);
            if is_idle && (file.first_segment.is_none() || held > limits.open / 2) {
                file.handle = None;
                held -= 1;
            }
        }
        held
    }

    /// Finds what was appended to files that are open and were not seen, before they were removed.
    fn look_at_removed(&mut self) {
        for file in self.files.values_mut().filter(|file| file.misses > 0) {
            let Some(handle) = &file.handle else { continue };
            if let Ok(status) = walk::status_of(handle)
                && status.len > file.status.len
            {
                file.status = status;
                if file.head.is_short() {
                    file.head = Print::head(handle).unwrap_or(file.head);
                }
            }
        }
    }

    /// Forgets files that are gone: those that are stored, and those that nobody can read any more.
    fn sweep(&mut self, max_bytes: u64) {
        let gone = self.files.iter().filter(|(_, file)| file.is_gone());
        let done = gone.filter(|(_, file)| {
            let is_settled = file.is_settled(max_bytes) || file.has_no_key;
            let is_stored = is_settled && (file.is_shipped(max_bytes) || file.is_rewritten());
            is_stored || file.handle.is_none() || file.unreadable.is_some()
        });
        let done: Vec<u64> = done.map(|(key, _)| *key).collect();
        for key in done {
            self.drop_file(key, "removed before it was read");
        }
    }

    /// Forgets a file whose content is gone. What is stored of it nowhere is lost.
    fn drop_file(&mut self, key: u64, why: &'static str) {
        let Some(file) = self.files.remove(&key) else { return };
        let inode = (file.status.dev, file.status.ino);
        if self.by_inode.get(&inode) == Some(&key) {
            self.by_inode.remove(&inode);
        }
        let stored = match file.class() {
            Class::Rewritten if file.is_settled(u64::MAX) => file.status.len,
            Class::Rewritten => 0,
            _ => file.queued.max(file.settled.unwrap_or(0)),
        };
        self.lost.add(&file.stored_as(), stored..file.status.len, why);
        if let Some(first) = file.first_segment {
            self.pinned = Some(self.pinned.map_or(first, |pinned| pinned.min(first)));
        }
        self.finished.0 += 1;
        self.finished.1 += file.status.len;
        self.leave_name(key, &file);
    }

    /// Notes that a segment is stored, and with it each of these files up to an offset.
    pub(super) fn note_stored(&mut self, number: u64, ends: &[(u64, u64)]) {
        self.last_stored = self.last_stored.max(number);
        for (key, end) in ends {
            if let Some(file) = self.files.get_mut(key) {
                file.shipped = file.shipped.max(*end);
            }
        }
    }

    /// Returns the number of the first segment with bytes that are in no object.
    pub(super) fn first_segment(&self) -> u64 {
        let files = self.files.values().filter_map(|file| file.first_segment);
        files.chain(self.pinned).chain(self.growing).min().unwrap_or(self.next_segment)
    }
}
