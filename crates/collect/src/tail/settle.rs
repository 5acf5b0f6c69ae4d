//! Stores whole log files at the keys that KubeRay's collector gives them, where byte ranges of them can be read.
//!
//! An object is always a prefix of its file, but for files that are rewritten in place. A file is stored again when it
//! has doubled, so about twice in all; within an hour if it is short; and at its end.

use super::class::Class;
use super::file::LogFile;
use super::node::Node;
use super::state::States;
use super::table::Table;
use super::walk::status_of;
use crate::upload::Sink;
use futures_util::StreamExt;
use futures_util::stream;
use ray_history_storage::ErrorKind;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

/// The time between two objects of a file, if it is not over.
const EARLIEST: Duration = Duration::from_secs(300);
/// The time after which a file of up to `SHORT` bytes is stored, however little was appended.
const LATEST: Duration = Duration::from_secs(3600);
const SHORT: u64 = 64 << 20;
/// Files on their way at the same time.
const AT_ONCE: usize = 4;
/// The longest key of all stores.
const LONGEST_KEY: usize = 1_000;
/// The time that an upload may take, and the bytes for each further second: one that takes longer has a reason that
/// ends only when it begins again, such as a file that became shorter.
const PATIENCE: Duration = Duration::from_secs(600);
const SLOWEST: u64 = 1 << 20;
/// Uploads that may share a rate: four of logs, four of events, segment, manifest, and what the dashboard answered.
const SHARERS: u64 = 12;

/// The files to settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those that are due.
    Due,
    /// All that are not as they should be at the end.
    All,
}

/// An upload of a file.
struct Job {
    key: u64,
    file: Arc<File>,
    /// Its length now.
    len: u64,
    modified: i64,
    /// The key below the node.
    below: String,
    is_rotated: bool,
    /// The segment that grows now, or the next one: what is appended from now on is in it or a later one.
    segment: u64,
}

impl Node {
    /// Settles files, the most urgent class first and in it the shortest first. May be dropped at any time.
    pub(super) async fn settle(&self, which: Which, sink: &Sink, states: &States) {
        loop {
            let _turn = self.settling.lock().await;
            let mut waiting = self.candidates(which);
            if waiting.is_empty() {
                return;
            }
            if which == Which::Due {
                waiting.truncate(AT_ONCE); // Between these, whoever closes the logs may have its turn.
            }
            let before = self.settled_files();
            stream::iter(waiting).for_each_concurrent(AT_ONCE, |key| self.settle_file(key, sink)).await;
            states.save(&self.session, &self.id, &self.table).await;
            // Some wait for others, so there may be more; but what cannot be stored now is left for later.
            if self.settled_files() == before {
                return;
            }
        }
    }

    /// Returns how many files lack what their objects should have at the end, and their bytes.
    pub(super) fn unsettled(&self) -> (u64, u64) {
        let table = self.table.lock();
        let max = self.settings.max_bytes;
        let left = table.files.values().filter(|file| !file.is_settled(max) && !file.has_no_key);
        left.fold((0, 0), |(files, bytes), file| {
            (files + 1, bytes + file.whole(max) - file.settled.unwrap_or(0).min(file.whole(max)))
        })
    }

    fn candidates(&self, which: Which) -> Vec<u64> {
        let mut table = self.table.lock();
        let max = self.settings.max_bytes;
        let files = table.files.iter().filter(|(_, file)| {
            let is_free =
                file.after.and_then(|before| table.files.get(&before)).is_none_or(|file| file.settled.is_some());
            is_free && !file.has_no_key && !file.is_settled(max) && (which == Which::All || is_due(file, max))
        });
        let mut files: Vec<_> = files.map(|(key, file)| (file.class(), file.status.len, *key)).collect();
        files.retain(|(_, _, key)| {
            let Some(file) = table.files.get_mut(key) else { return false };
            file.has_no_key = self.keys.log(&file.stored_as()).len() > LONGEST_KEY;
            !file.has_no_key
        });
        files.sort_unstable();
        files.into_iter().map(|(_, _, key)| key).collect()
    }

    fn settled_files(&self) -> u64 {
        self.table.lock().settlements
    }

    async fn settle_file(&self, key: u64, sink: &Sink) {
        let Some(job) = self.job(key) else { return };
        // Others have their part of a rate that is set, too.
        let slowest = self.settings.upload_rate.map_or(SLOWEST, |rate| SLOWEST.min(rate / SHARERS).max(1));
        let limit = PATIENCE + Duration::from_secs(job.len / slowest);
        let object = format!("{}{}", self.keys.prefix(), job.below);
        match timeout(limit, sink.put_file(&object, &job.file, job.len)).await {
            Ok(Ok(())) => self.table.lock().note_settled(&job),
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::InvalidKey | ErrorKind::TooLarge) => {
                if let Some(file) = self.table.lock().files.get_mut(&key) {
                    file.has_no_key = true;
                }
            }
            // It goes on with the next scan, which sees what became of the file.
            Ok(Err(_)) | Err(_) => {}
        }
    }

    /// Takes the length of a file; `None` if it is not the one that it was at the last scan.
    fn job(&self, key: u64) -> Option<Job> {
        let mut table = self.table.lock();
        let segment = table.growing.unwrap_or(table.next_segment);
        let file = table.files.get_mut(&key)?;
        let Some(handle) = file.open(&self.root) else {
            // No scan looks for it any more.
            file.has_no_key = self.is_former.load(Ordering::Relaxed);
            return None;
        };
        let status = status_of(&handle).ok()?;
        let is_same = |print: super::print::Print| print.is_of(&handle).is_ok_and(|same| same);
        let is_rewritten = file.class() == Class::Rewritten;
        if !(is_rewritten || is_same(file.head) && is_same(file.mark) && status.len >= file.status.len) {
            return None;
        }
        let below = format!("logs/{}", file.stored_as());
        // Nothing that a scan did not see: what follows may be another node's.
        let len = if is_rewritten { status.len } else { file.status.len }.min(self.settings.max_bytes);
        Some(Job { key, file: handle, len, modified: status.modified, below, is_rotated: file.is_rotated, segment })
    }
}

fn is_due(file: &LogFile, max: u64) -> bool {
    let age = file.settled_at.elapsed();
    let whole = file.whole(max);
    let settled = file.settled.unwrap_or(0);
    match file.class() {
        Class::Rewritten => age >= EARLIEST || file.is_gone(),
        // Until then the object of its name has the bytes of the file that it took the name from.
        _ if file.after.is_some() => true,
        // One that was moved may still be written to.
        _ if file.is_gone() || file.is_over() && (file.settled.is_none() || age >= EARLIEST) => true,
        _ => age >= EARLIEST && whole - settled.min(whole) >= settled || age >= LATEST && whole <= SHORT,
    }
}

impl Table {
    /// Notes that a file is stored.
    fn note_settled(&mut self, job: &Job) {
        self.settlements += 1;
        let file = self.files.get_mut(&job.key);
        let name = match &file {
            Some(file) if !job.is_rotated => self.names.get_mut(&file.name),
            Some(_) => None,
            None => self.names.get_mut(job.below.strip_prefix("logs/").unwrap_or_default()).filter(|_| !job.is_rotated),
        };
        let before = match (&name, &file) {
            (Some(name), _) => name.stored,
            (None, Some(file)) => file.settled,
            // It was forgotten meanwhile, with a name of its own: its object is there and belongs to the logs.
            (None, None) => None,
        };
        if let Some(name) = name {
            name.stored = Some(job.len);
        }
        if let Some(len) = before {
            self.settled.digest.subtract(&job.below, len);
            self.settled.bytes -= len;
            self.settled.objects -= 1;
        }
        self.settled.digest.add(&job.below, job.len);
        self.settled.bytes += job.len;
        self.settled.objects += 1;
        // A file that had to leave its name meanwhile is stored under its own next.
        let Some(file) = file.filter(|file| file.is_rotated == job.is_rotated) else { return };
        file.settled = Some(job.len);
        file.settled_modified = job.modified;
        file.settled_at = tokio::time::Instant::now();
        file.released = job.len;
        if file.class() == Class::Rewritten {
            file.status.modified = file.status.modified.max(job.modified);
        }
        file.after = None;
        if file.last_bytes.is_none() {
            file.first_segment = (file.queued > job.len).then_some(job.segment);
        }
    }
}
