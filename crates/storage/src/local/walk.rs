//! Lists a folder as a bucket does: in key order, page by page.
//!
//! A page continues after the last key of the page before; folders that sort entirely before it are not entered.
//! Entries with permanent errors are skipped and reported; any other error fails the whole page, because a temporary
//! failure of a network file system must not look like a bucket with fewer objects.

use super::super::{Delimiter, Error, ErrorKind, ListPage, PageToken};
use super::{PARTIAL, failure, meta, path};
use std::fs::{self, DirEntry, FileType, Metadata, ReadDir};
use std::io;
use std::path::Path;

/// Returns one page of the keys below `prefix`. The root is checked afterwards, because it may vanish during the
/// walk.
pub(super) fn list(
    root: &Path,
    prefix: &str,
    delimiter: Delimiter,
    page: Option<PageToken>,
    limit: usize,
) -> Result<ListPage, Error> {
    let listed = list_prefix(root, prefix, delimiter, page, limit);
    path::check_root(root, prefix)?;
    listed
}

fn list_prefix(
    root: &Path,
    prefix: &str,
    delimiter: Delimiter,
    page: Option<PageToken>,
    limit: usize,
) -> Result<ListPage, Error> {
    let (folder_key, _) = prefix.split_at(prefix.rfind('/').map_or(0, |slash| slash + 1));
    let Some(folder) = path::folder(root, folder_key)? else { return Ok(ListPage::default()) };
    let after = page.map(|token| token.0).unwrap_or_default();
    Walk::new(root, prefix, delimiter, &after, limit).run(&folder, folder_key)
}

/// Sorts after any character that may follow in a key.
const LAST_CHAR: char = char::MAX;

struct Walk<'a> {
    root: &'a Path,
    prefix: &'a str,
    delimiter: Delimiter,
    after: &'a str,
    limit: usize,
    last: Option<String>,
    found: ListPage,
    /// `fs::read_dir`; tests replace it to return errors.
    read_dir: fn(&Path) -> io::Result<ReadDir>,
}

/// The state of the walk after an entry.
#[derive(PartialEq, Eq)]
enum Progress {
    Continue,
    PageFull,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path, prefix: &'a str, delimiter: Delimiter, after: &'a str, limit: usize) -> Self {
        let (found, read_dir) = (ListPage::default(), |folder: &Path| fs::read_dir(folder));
        Self { root, prefix, delimiter, after, limit, last: None, found, read_dir }
    }

    fn run(mut self, folder: &Path, folder_key: &str) -> Result<ListPage, Error> {
        match self.folder(folder, folder_key) {
            Ok(_) => Ok(self.found),
            // It existed a moment ago.
            Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(ListPage::default()),
            Err(e) => Err(e),
        }
    }

    /// Lists one folder and, without a delimiter, those below it.
    fn folder(&mut self, folder: &Path, folder_key: &str) -> Result<Progress, Error> {
        let (entries, more) = self.entries(folder, folder_key).map_err(|e| failure(folder_key, e))?;
        let last = entries.last().map(|entry| entry.key.clone());
        for entry in entries {
            if self.entry(folder, entry)? == Progress::PageFull {
                return Ok(Progress::PageFull);
            }
        }
        if more {
            // Folders without keys and skipped entries fill no page: the next page begins after them.
            // After a file, siblings whose names begin with its name still follow.
            let after = |last: String| if last.ends_with('/') { format!("{last}{LAST_CHAR}") } else { last };
            self.found.next = last.map(|last| PageToken(after(last)));
            return Ok(Progress::PageFull);
        }
        Ok(Progress::Continue)
    }

    /// Returns the entries of a folder that may belong to this page, in the order of their keys, and `true` if there
    /// are more. A folder of hundreds of thousands of files is read for each page, but never held in memory as a whole.
    fn entries(&self, folder: &Path, folder_key: &str) -> io::Result<(Vec<Entry>, bool)> {
        let kept = self.limit + 1 - self.found.len().min(self.limit);
        let (mut entries, mut more) = (Vec::new(), false);
        for entry in (self.read_dir)(folder)? {
            let entry = entry?;
            match entry.file_type() {
                Ok(file_type) => {
                    entries.extend(Entry::of(&entry, file_type, folder_key).filter(|entry| self.is_wanted(entry)));
                }
                // Some file systems look up each type separately: a file that vanished meanwhile is ignored.
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
            if entries.len() > 2 * kept {
                entries.select_nth_unstable_by(kept, |a, b| a.key.cmp(&b.key));
                entries.truncate(kept);
                more = true;
            }
        }
        // A folder sorts as `name/`, like its keys: `a-b` and `a.txt` come before `a/x`.
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        if more {
            // Dropped entries sort after these, but not necessarily after the rest.
            entries.truncate(kept);
        }
        Ok((entries, more))
    }

    /// Returns `true` if an entry sorts after the last page, or contains keys that do.
    fn is_wanted(&self, entry: &Entry) -> bool {
        let is_folder = entry.kind == Kind::Folder;
        let inside = is_folder && self.delimiter == Delimiter::None && self.after.starts_with(&entry.key);
        // The prefix ends within the last name of its path, so no folder contains it.
        entry.key.starts_with(self.prefix) && (entry.key.as_str() > self.after || inside)
    }

    fn entry(&mut self, folder: &Path, entry: Entry) -> Result<Progress, Error> {
        let Entry { key, kind } = entry;
        if self.found.len() == self.limit {
            self.found.next = self.last.take().map(PageToken);
            return Ok(Progress::PageFull);
        }
        match kind {
            Kind::NotUtf8 => self.found.skipped.push(Error::invalid_key(key, "the name is not UTF-8")),
            Kind::Folder if self.delimiter == Delimiter::Slash => {
                self.last = Some(key.clone());
                self.found.prefixes.push(key);
            }
            Kind::Folder => match self.folder(&folder.join(entry_name(&key)), &key) {
                Ok(go) => return Ok(go),
                Err(e) => self.skip(e)?,
            },
            Kind::File => {
                let file = fs::symlink_metadata(folder.join(entry_name(&key)));
                self.file(key.clone(), file.map_err(|e| failure(key, e)))?;
            }
            Kind::Link => {
                let file = path::linked_file(self.root, &folder.join(entry_name(&key)), &key);
                self.file(key, file.map(|(_, metadata)| metadata))?;
            }
        }
        Ok(Progress::Continue)
    }

    fn file(&mut self, key: String, metadata: Result<Metadata, Error>) -> Result<(), Error> {
        match metadata {
            Ok(metadata) => {
                self.last = Some(key.clone());
                self.found.objects.push(meta(key, &metadata));
                Ok(())
            }
            Err(e) => self.skip(e),
        }
    }

    /// Skips a folder or file if the error is permanent or the entry has vanished; otherwise returns the error.
    fn skip(&mut self, error: Error) -> Result<(), Error> {
        match error.kind() {
            // It existed a moment ago.
            ErrorKind::NotFound => Ok(()),
            ErrorKind::PermissionDenied | ErrorKind::InvalidKey => {
                self.found.skipped.push(error);
                Ok(())
            }
            _ => Err(error),
        }
    }
}

struct Entry {
    /// The full key; a folder's ends with `/`.
    key: String,
    kind: Kind,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Link,
    /// The name is not UTF-8, so it cannot be part of a key.
    NotUtf8,
}

impl Entry {
    /// Returns `None` for sockets, pipes, devices and unfinished files, which are not objects.
    fn of(entry: &DirEntry, file_type: FileType, folder_key: &str) -> Option<Self> {
        let name = entry.file_name();
        let (name, kind) = match name.to_str() {
            None => (name.to_string_lossy(), Kind::NotUtf8),
            Some(name) if name.starts_with(PARTIAL) => return None,
            Some(name) if file_type.is_dir() => (name.into(), Kind::Folder),
            Some(name) if file_type.is_file() => (name.into(), Kind::File),
            Some(name) if file_type.is_symlink() => (name.into(), Kind::Link),
            Some(_) => return None,
        };
        let slash = if kind == Kind::Folder { "/" } else { "" };
        Some(Self { key: format!("{folder_key}{name}{slash}"), kind })
    }
}

/// Returns the last name of a key, without a folder's `/`.
fn entry_name(key: &str) -> &str {
    let key = key.strip_suffix('/').unwrap_or(key);
    key.rsplit('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests;
