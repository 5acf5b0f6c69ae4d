//! Walks the files below a folder that user code writes to. Never leaves it, never follows a link, never waits.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

/// Folders below one another. Each holds two descriptors while it is read.
const DEEPEST: usize = 32;
/// Files of one walk.
const MOST_FILES: usize = 100_000;
/// Folders of one walk.
const MOST_FOLDERS: usize = 20_000;
/// Problems and folders that are remembered.
const MOST_TOLD: usize = 1_000;

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// A regular file, as `stat` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) len: u64,
    /// The time of the last change, in nanoseconds since 1970.
    pub(super) modified: i64,
}

/// A regular file that was found.
pub(super) struct Found<'a> {
    /// Its path below the folder.
    pub(super) path: &'a OsStr,
    pub(super) status: Status,
    folder: BorrowedFd<'a>,
    name: &'a OsStr,
}

/// The outcome of a walk.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Folders, each with its final `/`.
    pub(super) folders: Vec<OsString>,
    /// Parts of the tree that may have files that were not seen, and why: folders without permission, too many files.
    pub(super) closed: Vec<(OsString, &'static str)>,
    /// Entries that are neither folders nor regular files.
    pub(super) special: Vec<(OsString, &'static str)>,
    /// `true` if every file was seen that was there all the time.
    pub(super) is_complete: bool,
    files: usize,
    folders_read: usize,
}

impl Found<'_> {
    /// Opens the file, if it is still the same.
    pub(super) fn open(&self) -> Result<File, Errno> {
        open_regular(self.folder, self.name, self.status)
    }
}

/// Walks the files below `root`. A root that is not there has no files.
pub(super) fn walk(root: &Path, visit: &mut dyn FnMut(&Found<'_>)) -> Walked {
    let mut walked = Walked { is_complete: true, ..Walked::default() };
    match rustix::fs::open(root, FOLDER, Mode::empty()) {
        Ok(folder) => folder_files(&folder, &mut OsString::new(), 0, &mut walked, visit),
        Err(Errno::NOENT) => {}
        Err(error) => walked.leave_out(OsStr::new(""), why(error)),
    }
    walked.folders.sort();
    walked
}

/// Opens the file at a path below `root`, without following a link, if it is still the same.
pub(super) fn open_below(root: &Path, path: &OsStr, status: Status) -> Result<File, Errno> {
    let mut folder = rustix::fs::open(root, FOLDER, Mode::empty())?;
    let mut rest = Path::new(path).components().peekable();
    while let Some(part) = rest.next() {
        let Component::Normal(name) = part else { return Err(Errno::INVAL) };
        if rest.peek().is_none() {
            return open_regular(folder.as_fd(), name, status);
        }
        folder = openat(&folder, name, FOLDER, Mode::empty())?;
    }
    Err(Errno::INVAL)
}

/// Returns the reason of an error, for people.
pub(super) fn why(error: Errno) -> &'static str {
    match error {
        Errno::ACCESS | Errno::PERM => "no permission",
        Errno::NOENT => "removed",
        Errno::MFILE | Errno::NFILE => "too many open files",
        Errno::LOOP | Errno::NOTDIR => "a link, or no regular file",
        Errno::IO => "the disk cannot be read",
        _ => "cannot be read",
    }
}

fn folder_files(
    folder: &OwnedFd,
    path: &mut OsString,
    depth: usize,
    walked: &mut Walked,
    visit: &mut dyn FnMut(&Found<'_>),
) {
    walked.folders_read += 1;
    let mut entries = match Dir::read_from(folder) {
        Ok(entries) => entries,
        Err(error) => return walked.leave_out(path, why(error)),
    };
    while let Some(entry) = entries.read() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return walked.leave_out(path, why(error)),
        };
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let before = path.len();
        path.push(name);
        match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile if walked.files >= MOST_FILES => walked.leave_out(path, "too many files"),
                FileType::RegularFile => {
                    walked.files += 1;
                    visit(&Found { path: path.as_os_str(), status: status(&stat), folder: folder.as_fd(), name });
                }
                FileType::Directory if depth >= DEEPEST => walked.leave_out(path, "too deep"),
                FileType::Directory if walked.folders_read >= MOST_FOLDERS => {
                    walked.leave_out(path, "too many folders");
                }
                FileType::Directory => match openat(folder, name, FOLDER, Mode::empty()) {
                    Ok(below) => {
                        path.push("/");
                        if walked.folders.len() < MOST_TOLD {
                            walked.folders.push(path.clone());
                        }
                        folder_files(&below, path, depth + 1, walked, visit);
                    }
                    Err(Errno::NOENT) => {}
                    Err(error) => walked.leave_out(path, why(error)),
                },
                FileType::Symlink => walked.name_special(path, "a link"),
                _ => walked.name_special(path, "no regular file"),
            },
            Err(Errno::NOENT) => {}
            Err(error) => walked.leave_out(path, why(error)),
        }
        truncate(path, before);
    }
}

impl Walked {
    fn leave_out(&mut self, path: &OsStr, why: &'static str) {
        self.is_complete = false;
        if self.closed.len() < MOST_TOLD {
            self.closed.push((path.to_owned(), why));
        }
    }

    fn name_special(&mut self, path: &OsStr, why: &'static str) {
        if self.special.len() < MOST_TOLD {
            self.special.push((path.to_owned(), why));
        }
    }
}

fn open_regular(folder: BorrowedFd<'_>, name: &OsStr, expected: Status) -> Result<File, Errno> {
    let file = openat(folder, name, FILE, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    let now = status(&stat);
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Errno::LOOP);
    }
    if (now.dev, now.ino) == (expected.dev, expected.ino) { Ok(File::from(file)) } else { Err(Errno::NOENT) }
}

/// Returns the status of an open file.
pub(super) fn status_of(file: &File) -> Result<Status, Errno> {
    rustix::fs::fstat(file).map(|stat| status(&stat))
}

fn status(stat: &rustix::fs::Stat) -> Status {
    let seconds = stat.st_mtime.saturating_mul(1_000_000_000);
    Status {
        dev: stat.st_dev,
        ino: stat.st_ino,
        len: u64::try_from(stat.st_size).unwrap_or(0),
        modified: seconds.saturating_add(i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
    }
}

fn truncate(path: &mut OsString, len: usize) {
    let mut bytes = std::mem::take(path).into_encoded_bytes();
    bytes.truncate(len);
    *path = std::os::unix::ffi::OsStringExt::from_vec(bytes);
}

#[cfg(test)]
mod tests;
