//! Unfinished files that killed processes left behind: a write into a folder removes them, and so does the removal of the
//! folder.

use parking_lot::Mutex;
use ray_history_storage::connection::Folder;
use rustix::fs::{AtFlags, Dir, statat, unlinkat};
use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time after the last write to an unfinished file at which nobody writes it any more. Long, because the clock of a
/// shared file system may be another.
const ABANDONED: Duration = Duration::from_hours(24);
/// Most folders that are remembered; then they are looked at again.
const MAX_FOLDERS: usize = 10_000;

/// The folders that were looked at, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftovers(Arc<Mutex<HashMap<PathBuf, Instant>>>);

impl Leftovers {
    /// Removes the abandoned files of a folder, once in the time in which others can become so. Errors are ignored: no
    /// reader sees these files.
    pub(super) fn remove(&self, folder: &Path) {
        if !self.is_due(folder) {
            return;
        }
        let now = SystemTime::now();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let age = || now.duration_since(entry.metadata().ok()?.modified().ok()?).ok();
            if Folder::is_partial(&entry.file_name()) && age().is_some_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn is_due(&self, folder: &Path) -> bool {
        let mut looks = self.0.lock();
        if looks.get(folder).is_some_and(|look| look.elapsed() < ABANDONED) {
            return false;
        }
        if looks.len() >= MAX_FOLDERS {
            looks.clear();
        }
        looks.insert(folder.to_owned(), Instant::now());
        true
    }
}

/// Removes the abandoned files of an open folder, up to the first entry that keeps the folder anyway. Errors are ignored.
pub(super) fn remove_in(folder: &OwnedFd) {
    let Ok(entries) = Dir::read_from(folder) else { return };
    for entry in entries.map_while(Result::ok) {
        let name = entry.file_name();
        if [c".", c".."].contains(&name) {
            continue;
        }
        if !is_abandoned(folder, name) {
            return;
        }
        let _ = unlinkat(folder, name, AtFlags::empty());
    }
}

fn is_abandoned(folder: &OwnedFd, name: &CStr) -> bool {
    let age = || {
        let written = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?.st_mtime;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(i128::from(now.as_secs()) - i128::from(written))
    };
    Folder::is_partial(OsStr::from_bytes(name.to_bytes()))
        && age().is_some_and(|age| age > i128::from(ABANDONED.as_secs()))
}
