//! The wire form of a state file.

use crate::tail::file::LogFile;
use crate::tail::losses::Losses;
use crate::tail::print::Print;
use crate::tail::table::{SavedName, Table};
use crate::tail::walk::Status;
use ray_history_core::base::time::Nanos;
use ray_history_manifest::{LogRange, SettledLogs};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::sync::Arc;
use tokio::time::Instant;

const FORMAT: &str = "ray-history/logs/1";

/// A state file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Saved {
    format: String,
    next_segment: u64,
    last_stored: u64,
    pinned: Option<u64>,
    deleted: u64,
    last_seen: Nanos,
    finished: (u64, u64),
    settled: SettledLogs,
    lost: Vec<LogRange>,
    names: Vec<SavedName>,
    files: Vec<SavedFile>,
}

/// A log file. Its path is learned again from the first scan.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedFile {
    key: u64,
    name: String,
    dev: u64,
    ino: u64,
    seen: Nanos,
    len: u64,
    head: Print,
    /// Of `shipped`, if all that was read was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<Print>,
    shipped: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settled: Option<u64>,
    settled_modified: Nanos,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_segment: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_bytes: Option<u64>,
    released: u64,
    is_rotated: bool,
    has_no_key: bool,
    rewrites: u8,
}

impl Saved {
    /// Returns what a state file says of a table.
    pub(super) fn of(table: &Table) -> Self {
        let names = table.names.iter().map(|(path, name)| SavedName { path: path.to_string(), name: *name });
        Self {
            format: FORMAT.to_owned(),
            next_segment: table.next_segment,
            last_stored: table.last_stored,
            pinned: table.pinned,
            deleted: table.deleted,
            last_seen: table.last_seen,
            finished: table.finished,
            settled: table.settled,
            lost: table.lost.named().to_vec(),
            names: names.collect(),
            files: table.files.iter().map(|(key, file)| SavedFile::of(*key, file)).collect(),
        }
    }

    pub(super) fn is_understood(&self) -> bool {
        self.format == FORMAT
    }

    /// Returns the table. What was read and not stored is read again.
    pub(super) fn restore(self) -> Table {
        let mut table = Table::beginning_at(self.next_segment);
        table.last_stored = self.last_stored;
        table.pinned = self.pinned;
        table.deleted = self.deleted;
        table.last_seen = self.last_seen;
        table.finished = self.finished;
        table.settled = self.settled;
        table.lost = Losses::from_named(self.lost);
        for SavedName { path, name } in self.names {
            table.names.insert(path.into(), name);
        }
        for saved in self.files {
            let name = table.names.get_key_value(saved.name.as_str()).map(|(name, _)| Arc::clone(name));
            let name = name.unwrap_or_else(|| saved.name.as_str().into());
            table.restore(saved.key, saved.restore(name));
        }
        table
    }
}

impl SavedFile {
    fn of(key: u64, file: &LogFile) -> Self {
        Self {
            key,
            name: file.name.to_string(),
            dev: file.status.dev,
            ino: file.status.ino,
            seen: file.seen,
            len: file.status.len,
            head: file.head,
            mark: (file.mark.end() == file.shipped).then_some(file.mark),
            shipped: file.shipped,
            settled: file.settled,
            settled_modified: file.settled_modified,
            after: file.after,
            first_segment: file.first_segment,
            last_bytes: file.last_bytes,
            released: file.released,
            is_rotated: file.is_rotated,
            has_no_key: file.has_no_key,
            rewrites: file.rewrites,
        }
    }

    fn restore(self, name: Arc<str>) -> LogFile {
        LogFile {
            path: OsString::from(&*name).into(),
            name,
            seen: self.seen,
            // No file was modified then, so the first scan compares each with its fingerprints.
            status: Status { dev: self.dev, ino: self.ino, len: self.len, modified: Nanos::MIN },
            head: self.head,
            mark: self.mark.unwrap_or_default(),
            queued: self.shipped,
            shipped: self.shipped,
            settled: self.settled,
            settled_modified: self.settled_modified,
            settled_at: Instant::now(),
            is_rotated: self.is_rotated,
            after: self.after,
            first_segment: self.first_segment,
            released: self.released,
            last_bytes: self.last_bytes,
            has_no_key: self.has_no_key,
            rewrites: self.rewrites,
            rewritten_at: None,
            shown: 0,
            misses: 0,
            unreadable: None,
            handle: None,
            changed: 0,
        }
    }
}
