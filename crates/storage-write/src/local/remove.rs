//! Removes objects, and folders that are empty then. Never goes through a link, and never above the root.
//!
//! Each folder on the way is opened by its name in the one before, without following links, so that nobody can put a
//! link there meanwhile. Those on the way need not be readable.

use super::leftovers;
use ray_history_storage::connection::Folder;
use ray_history_storage::{Error, ErrorKind};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;

/// The flags of a folder that is listed.
const LISTED: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// The flags of a folder on the way.
#[cfg(target_os = "linux")]
const PASSED: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const PASSED: OFlags = LISTED;

/// Most levels of empty folders in a folder that are removed: more than any session has.
const DEEPEST: usize = 32;

/// Removes an object, which need not be there; its folders stay. Blocks the thread.
pub(super) fn object(folder: &Folder, key: &str) -> Result<(), Error> {
    folder.path(key)?; // Checks the key.
    Tree::open(folder, key)?.remove(key)
}

/// Removes objects, then those of their folders that are empty. A key that ends with `/` is a folder, and goes with the
/// empty folders in it. Blocks the thread.
pub(super) fn objects(folder: &Folder, keys: &[String]) -> Vec<Result<(), Error>> {
    let mut tree = match keys.first().map(|key| Tree::open(folder, key)) {
        Some(Ok(tree)) => tree,
        Some(Err(error)) => return keys.iter().map(|key| Err(error.about(key))).collect(),
        None => return Vec::new(),
    };
    let (mut parents, mut folders) = (BTreeSet::new(), Vec::new());
    let results = keys.iter().map(|key| {
        if let Some(names) = key.strip_suffix('/') {
            folder.path(names).map_err(|error| error.about(key))?;
            folders.push(names);
            parents.insert(names);
        } else {
            folder.path(key)?;
            tree.remove(key)?;
            parents.insert(split(key).0);
        }
        Ok(())
    });
    let results = results.collect();
    for names in folders {
        tree.clear(names);
    }
    // The longest first: a folder is empty only without those in it.
    for names in parents.into_iter().rev() {
        tree.prune(names);
    }
    results
}

/// The folders of a bucket's substitute.
struct Tree<'a> {
    folder: &'a Folder,
    root: OwnedFd,
    /// The folder of the last object, which the next one often has, too; `None` if it is not there.
    last: Option<(&'a str, Option<OwnedFd>)>,
}

impl<'a> Tree<'a> {
    fn open(folder: &'a Folder, key: &str) -> Result<Self, Error> {
        folder.check(key)?;
        let root = openat(CWD, folder.root(), PASSED, Mode::empty());
        let root = root.map_err(|error| folder.failure(key, error.into()))?;
        Ok(Self { folder, root, last: None })
    }

    /// Removes an object, which need not be there.
    fn remove(&mut self, key: &'a str) -> Result<(), Error> {
        let (names, name) = split(key);
        if self.last.as_ref().is_none_or(|(last, _)| *last != names) {
            self.last = Some((names, self.enter(key, names)?));
        }
        let Some((_, Some(parent))) = &self.last else { return Ok(()) };
        match unlinkat(parent, name, AtFlags::empty()) {
            // Nothing, or a folder in its place. Other systems than Linux say `PERM` of a folder.
            Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => Ok(()),
            Err(Errno::PERM) if is(parent, name, FileType::Directory) => Ok(()),
            Err(error) => Err(self.folder.failure(key, error.into())),
        }
    }

    /// Opens a folder by the names on the way; `None` if it is not there. Fails if one of them is a link.
    fn enter(&self, key: &str, names: &str) -> Result<Option<OwnedFd>, Error> {
        let failed = |error: Errno| self.folder.failure(key, io::Error::from(error));
        let mut at = self.root.try_clone().map_err(|error| self.folder.failure(key, error))?;
        for name in names.split('/').filter(|name| !name.is_empty()) {
            at = match openat(&at, name, PASSED | OFlags::NOFOLLOW, Mode::empty()) {
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

    /// Removes the empty folders in a folder. Errors are ignored: no object is left in them.
    fn clear(&self, names: &str) {
        let (above, name) = split(names);
        if let Ok(Some(parent)) = self.enter(names, above)
            && let Ok(inner) = openat(&parent, name, LISTED | OFlags::NOFOLLOW, Mode::empty())
        {
            clear(&inner, DEEPEST);
        }
    }

    /// Removes a folder and those above it up to the first that is not empty, or lies directly in the root: that one may
    /// be made by somebody who has more rights than those who write into it. Errors are ignored: no object is left in it.
    fn prune(&self, mut names: &str) {
        while let Some((above, name)) = names.rsplit_once('/') {
            let Ok(Some(parent)) = self.enter(names, above) else { return };
            let remove = || unlinkat(&parent, name, AtFlags::REMOVEDIR);
            let removed = match remove() {
                Err(Errno::NOTEMPTY | Errno::EXIST) => {
                    if let Ok(inner) = openat(&parent, name, LISTED | OFlags::NOFOLLOW, Mode::empty()) {
                        leftovers::remove_in(&inner);
                    }
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
}

/// Returns the folder of an object, and its name there.
fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

/// Removes the empty folders in a folder, so many levels of them.
fn clear(folder: &OwnedFd, levels: usize) {
    let Some(levels) = levels.checked_sub(1) else { return };
    let Ok(entries) = Dir::read_from(folder) else { return };
    for entry in entries.map_while(Result::ok) {
        let name = entry.file_name();
        let may_be_folder = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        if may_be_folder
            && ![c".", c".."].contains(&name)
            && let Ok(inner) = openat(folder, name, LISTED | OFlags::NOFOLLOW, Mode::empty())
        {
            clear(&inner, levels);
            leftovers::remove_in(&inner);
            let _ = unlinkat(folder, name, AtFlags::REMOVEDIR);
        }
    }
}

fn is(parent: &OwnedFd, name: &str, kind: FileType) -> bool {
    statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == kind)
}

/// Returns an error for each key.
pub(super) fn failed(keys: &[String], why: impl ToString) -> Vec<Result<(), Error>> {
    let why = why.to_string();
    keys.iter().map(|key| Err(Error::because(ErrorKind::Unavailable, key, why.clone()))).collect()
}
