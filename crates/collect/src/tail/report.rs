//! The logs' part of the manifest.

use super::class::Class;
use super::file::LogFile;
use super::name;
use super::node::Node;
use ray_history_manifest::{LogRange, Logs, Segments};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Names at the end and ranges that are listed: a manifest has a bound.
const MOST: usize = 10_000;

impl Node {
    /// Returns what is stored of the logs. It never says more than the bucket has.
    pub(super) fn manifest_part(&self) -> Logs {
        let is_closing = self.is_closing.load(Ordering::Relaxed);
        let max = self.settings.max_bytes;
        let table = self.table.lock();
        let files = || table.files.values();
        let mut lost = table.lost.named().to_vec();
        lost.extend(files().filter_map(|file| unread(file, is_closing)).take(MOST));
        lost.extend(table.closed.iter().map(|(path, why)| range(name::stored(path), 0, 0, why)));
        let too_long = files().filter(|file| file.status.len > max).map(|file| {
            let to = file.last_bytes.unwrap_or(file.status.len).max(max);
            range(file.stored_as(), max, to, "the file is too long")
        });
        let special = table.special.iter().map(|(path, why)| range(name::stored(path), 0, 0, why));
        Logs {
            files: table.finished.0 + table.files.len() as u64,
            bytes: table.finished.1 + files().map(|file| file.status.len).sum::<u64>(),
            settled: table.settled,
            segments: Segments { first: table.first_segment(), last: table.last_stored },
            ended: files().filter_map(end_name).take(MOST).collect::<BTreeMap<_, _>>(),
            folders: table.folders.iter().map(|path| name::stored(path)).collect(),
            lost,
            skipped: too_long.take(MOST).chain(special).collect(),
        }
    }
}

/// Returns the range of a file that is stored nowhere because it cannot be read, or because there was no time.
fn unread(file: &LogFile, is_closing: bool) -> Option<LogRange> {
    let is_left = || is_closing && file.class() == Class::Rewritten;
    let why = file.unreadable.or_else(|| is_left().then_some("no time was left"))?;
    let stored = match file.class() {
        Class::Rewritten if file.settled_modified == file.status.modified => file.settled.unwrap_or(0),
        Class::Rewritten => 0,
        _ => file.queued.max(file.settled.unwrap_or(0)),
    };
    (stored < file.status.len).then(|| range(file.stored_as(), stored, file.status.len, why))
}

/// Returns the name that a file is stored under and its name at the end, if these differ.
fn end_name(file: &LogFile) -> Option<(String, String)> {
    if file.is_gone() || !file.is_over() {
        return None;
    }
    let (stored, end) = (file.stored_as(), name::stored(&file.path));
    (stored != end).then_some((stored, end))
}

fn range(path: String, from: u64, to: u64, why: &str) -> LogRange {
    LogRange { path, from, to, why: why.to_owned() }
}
