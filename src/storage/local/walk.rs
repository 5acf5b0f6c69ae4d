//! Listing a folder the way a bucket lists: in key order, page by page.
//!
//! A page continues after the last key of the one before; whole folders that lie before it are not entered.
//! What stays unlistable until somebody changes it is left out and told; any other failure is one of the whole page:
//! a network file system that stumbles must not look like a bucket that holds less.

use super::super::{Delimiter, Error, ErrorKind, ListPage, PageToken};
use super::{failure, meta, path};
use std::fs::{self, DirEntry, FileType, Metadata, ReadDir};
use std::io;
use std::path::Path;

/// One page of the keys below `prefix`. The root is looked at afterwards, because it may go while it is walked.
pub(super) fn list(
    root: &Path,
    prefix: &str,
    delimiter: Delimiter,
    page: Option<PageToken>,
    limit: usize,
) -> Result<ListPage, Error> {
    let listed = below(root, prefix, delimiter, page, limit);
    path::root_is_there(root, prefix)?;
    listed
}

fn below(
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

/// Greater than whatever follows in a key.
const BEHIND: char = char::MAX;

struct Walk<'a> {
    root: &'a Path,
    prefix: &'a str,
    delimiter: Delimiter,
    after: &'a str,
    limit: usize,
    last: Option<String>,
    found: ListPage,
    /// `fs::read_dir`, but for tests of what it cannot be made to say.
    read_dir: fn(&Path) -> io::Result<ReadDir>,
}

/// Whether the walk goes on, or its page is full.
#[derive(PartialEq, Eq)]
enum Go {
    On,
    Full,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path, prefix: &'a str, delimiter: Delimiter, after: &'a str, limit: usize) -> Self {
        let (found, read_dir) = (ListPage::default(), |folder: &Path| fs::read_dir(folder));
        Self { root, prefix, delimiter, after, limit, last: None, found, read_dir }
    }

    fn run(mut self, folder: &Path, folder_key: &str) -> Result<ListPage, Error> {
        match self.folder(folder, folder_key) {
            Ok(_) => Ok(self.found),
            // It was there a moment ago.
            Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(ListPage::default()),
            Err(e) => Err(e),
        }
    }

    /// Lists one folder and, without a delimiter, those below it.
    fn folder(&mut self, folder: &Path, folder_key: &str) -> Result<Go, Error> {
        let (entries, more) = self.entries(folder, folder_key).map_err(|e| failure(folder_key, e))?;
        let last = entries.last().map(|entry| entry.key.clone());
        for entry in entries {
            if self.entry(folder, entry)? == Go::Full {
                return Ok(Go::Full);
            }
        }
        if more {
            // Folders without a key, and what was left out, fill no page: the next one begins behind them.
            // Behind a file, siblings whose names begin with its name are still to come.
            let behind = |last: String| if last.ends_with('/') { format!("{last}{BEHIND}") } else { last };
            self.found.next = last.map(|last| PageToken(behind(last)));
            return Ok(Go::Full);
        }
        Ok(Go::On)
    }

    /// Returns the entries of a folder that may stand on this page, in the order of their keys, and whether there are
    /// more. A folder of hundreds of thousands of files is read for each page, and never held whole.
    fn entries(&self, folder: &Path, folder_key: &str) -> io::Result<(Vec<Entry>, bool)> {
        let kept = self.limit + 1 - self.found.len().min(self.limit);
        let (mut entries, mut more) = (Vec::new(), false);
        for entry in (self.read_dir)(folder)? {
            let entry = entry?;
            match entry.file_type() {
                Ok(file_type) => {
                    entries.extend(Entry::of(&entry, file_type, folder_key).filter(|entry| self.is_wanted(entry)));
                }
                // Asked for one by one on some file systems: a file that has gone since takes no others with it.
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
            if entries.len() > 2 * kept {
                entries.select_nth_unstable_by(kept, |a, b| a.key.cmp(&b.key));
                entries.truncate(kept);
                more = true;
            }
        }
        // A folder sorts as `name/`, as its keys do: `a-b` and `a.txt` come before `a/x`.
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        if more {
            // What was dropped is greater than these, but maybe not than those behind them.
            entries.truncate(kept);
        }
        Ok((entries, more))
    }

    /// Returns `true` if an entry lies behind the last page, or has keys that do.
    fn is_wanted(&self, entry: &Entry) -> bool {
        let is_folder = entry.kind == Kind::Folder;
        let inside = is_folder && self.delimiter == Delimiter::None && self.after.starts_with(&entry.key);
        // The prefix ends within the last name of its path, so no folder leads to it here.
        entry.key.starts_with(self.prefix) && (entry.key.as_str() > self.after || inside)
    }

    fn entry(&mut self, folder: &Path, entry: Entry) -> Result<Go, Error> {
        let Entry { key, kind } = entry;
        if self.found.len() == self.limit {
            self.found.next = self.last.take().map(PageToken);
            return Ok(Go::Full);
        }
        match kind {
            Kind::Unnamable => self.found.skipped.push(Error::invalid_key(key, "the name is not UTF-8")),
            Kind::Folder if self.delimiter == Delimiter::Slash => {
                self.last = Some(key.clone());
                self.found.prefixes.push(key);
            }
            Kind::Folder => match self.folder(&folder.join(entry_name(&key)), &key) {
                Ok(go) => return Ok(go),
                Err(e) => self.leave_out(e)?,
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
        Ok(Go::On)
    }

    fn file(&mut self, key: String, metadata: Result<Metadata, Error>) -> Result<(), Error> {
        match metadata {
            Ok(metadata) => {
                self.last = Some(key.clone());
                self.found.objects.push(meta(key, &metadata));
                Ok(())
            }
            Err(e) => self.leave_out(e),
        }
    }

    /// Goes on without a folder or file, if that is right for this error.
    fn leave_out(&mut self, error: Error) -> Result<(), Error> {
        match error.kind() {
            // It was there a moment ago.
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
    /// No key can hold its name.
    Unnamable,
}

impl Entry {
    /// `None` for what is no object: sockets, pipes, devices.
    fn of(entry: &DirEntry, file_type: FileType, folder_key: &str) -> Option<Self> {
        let name = entry.file_name();
        let (name, kind) = match name.to_str() {
            None => (name.to_string_lossy(), Kind::Unnamable),
            Some(name) if file_type.is_dir() => (name.into(), Kind::Folder),
            Some(name) if file_type.is_file() => (name.into(), Kind::File),
            Some(name) if file_type.is_symlink() => (name.into(), Kind::Link),
            Some(_) => return None,
        };
        let slash = if kind == Kind::Folder { "/" } else { "" };
        Some(Self { key: format!("{folder_key}{name}{slash}"), kind })
    }
}

/// The last name of a key, without a folder's `/`.
fn entry_name(key: &str) -> &str {
    let key = key.strip_suffix('/').unwrap_or(key);
    key.rsplit('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests;
