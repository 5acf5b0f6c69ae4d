//! Removes objects, and folders that are empty then. Never goes through a link, and never above the root.
//!
//! Each folder on the way is opened by its name in the one before, without following links, so that nobody can put a
//! link there meanwhile.

use super::leftovers::Leftovers;
use ray_history_storage::connection::Folder;
use ray_history_storage::{Error, ErrorKind};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;

/// Removes an object, which need not be there; its folders stay. Blocks the thread.
pub(super) fn object(folder: &Folder, key: &str) -> Result<(), Error> {
    folder.path(key)?; // Checks the key.
    folder.check(key)?;
    let (names, name) = key.rsplit_once('/').unwrap_or(("", key));
    let Some(parent) = enter(folder, key, names)? else { return Ok(()) };
    match unlinkat(&parent, name, AtFlags::empty()) {
        // Nothing, or a folder in its place. Other systems than Linux say `PERM` of a folder.
        Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => Ok(()),
        Err(Errno::PERM) if is(&parent, name, FileType::Directory) => Ok(()),
        Err(error) => Err(folder.failure(key, error.into())),
    }
}

/// Removes objects, then those of their folders that are empty. A key that ends with `/` is a folder. Blocks the thread.
pub(super) fn objects(folder: &Folder, leftovers: &Leftovers, keys: &[String]) -> Vec<Result<(), Error>> {
    let mut parents = BTreeSet::new();
    let results = keys.iter().map(|key| {
        let names = match key.strip_suffix('/') {
            Some(names) => folder.path(names).and_then(|_| folder.check(key)).map(|()| names),
            None => object(folder, key).map(|()| key.rsplit_once('/').map_or("", |(names, _)| names)),
        };
        let names = names.map_err(|error| error.about(key))?;
        parents.insert(names);
        Ok(())
    });
    let results = results.collect();
    // The longest first: a folder is empty only without those in it.
    for names in parents.into_iter().rev() {
        prune(folder, leftovers, names);
    }
    results
}

/// Removes a folder and those above it up to the first that is not empty. Errors are ignored: no object is left in it.
fn prune(folder: &Folder, leftovers: &Leftovers, mut names: &str) {
    while !names.is_empty() {
        let (above, name) = names.rsplit_once('/').unwrap_or(("", names));
        let Ok(Some(parent)) = enter(folder, names, above) else { return };
        let remove = || unlinkat(&parent, name, AtFlags::REMOVEDIR);
        let removed = match remove() {
            Err(Errno::NOTEMPTY | Errno::EXIST) if is(&parent, name, FileType::Directory) => {
                leftovers.remove(&folder.root().join(names));
                remove()
            }
            removed => removed,
        };
        if !matches!(removed, Ok(()) | Err(Errno::NOENT)) {
            return;
        }
        names = above;
    }
}

/// Opens a folder below the root by the names on the way; `None` if it is not there. Fails if one of them is a link.
fn enter(folder: &Folder, key: &str, names: &str) -> Result<Option<OwnedFd>, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let failed = |error: Errno| folder.failure(key, io::Error::from(error));
    let mut at = openat(CWD, folder.root(), flags, Mode::empty()).map_err(failed)?;
    for name in names.split('/').filter(|name| !name.is_empty()) {
        at = match openat(&at, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::NOTDIR | Errno::LOOP) if is(&at, name, FileType::Symlink) => {
                return Err(Error::invalid_key(key, "a folder in its path is a link"));
            }
            // Nothing, or an object in place of a folder.
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
    }
    Ok(Some(at))
}

fn is(parent: &OwnedFd, name: &str, kind: FileType) -> bool {
    statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == kind)
}

/// Returns an error for each key.
pub(super) fn failed(keys: &[String], why: impl ToString) -> Vec<Result<(), Error>> {
    let why = why.to_string();
    keys.iter().map(|key| Err(Error::because(ErrorKind::Unavailable, key, why.clone()))).collect()
}
