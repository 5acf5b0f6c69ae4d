//! The journal: what happened to the files of the spool, one line for each event, each with its checksum.
//!
//! A line is the CRC-32 of its text in hex, a space, and the text, which is JSON. Several entries that belong together
//! are appended with one write. A line that was cut, or damaged, ends the journal.

use super::state::{Entry, State};
use flate2::Crc;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the journal in the spool.
const NAME: &str = "journal";
/// The name of the next journal while it is written.
const NEXT: &str = "journal.next";

/// The open journal.
#[derive(Debug)]
pub(super) struct Journal {
    dir: PathBuf,
    file: Arc<File>,
    /// The length up to which all lines are whole.
    len: u64,
    /// The length of the state in front.
    head: u64,
    /// `true` if bytes of a failed write may follow `len`.
    is_torn: bool,
}

impl Journal {
    /// Opens the journal of a spool, and cuts it after the last whole line that `len` names.
    pub(super) fn open(dir: &Path, len: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(dir.join(NAME))?;
        file.set_len(len)?;
        Ok(Self { dir: dir.to_owned(), file: Arc::new(file), len, head: 0, is_torn: false })
    }

    /// Appends entries: all of them, or none if it fails. A kill in the middle leaves some of the first.
    pub(super) fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        self.append_then(entries, |_| Ok(()))
    }

    /// Appends entries, and brings them to the disk: all of them, or none if either fails.
    pub(super) fn append_synced(&mut self, entries: &[Entry]) -> io::Result<()> {
        self.append_then(entries, File::sync_data)
    }

    fn append_then(&mut self, entries: &[Entry], then: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            write_line(entry, &mut lines)?;
        }
        if self.is_torn {
            self.file.set_len(self.len)?;
            self.is_torn = false;
        }
        if let Err(error) = (&*self.file).write_all(&lines).and_then(|()| then(&self.file)) {
            self.is_torn = self.file.set_len(self.len).is_err();
            return Err(error);
        }
        self.len += lines.len() as u64;
        Ok(())
    }

    /// Returns the length.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the file, to be synced without holding a lock.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Returns `true` if replacing the journal by one with a single entry saves `bytes`, and half of its length.
    pub(super) fn is_longer_than(&self, bytes: u64) -> bool {
        self.len > bytes + 2 * self.head
    }

    /// Writes to another file from now on.
    #[cfg(test)]
    pub(super) fn break_for_test(&mut self, file: File) {
        self.file = Arc::new(file);
    }

    /// Returns the place of the last entry, whose state is to be the beginning of the next journal.
    pub(super) fn mark(&self) -> Mark {
        Mark { dir: self.dir.clone(), file: Arc::clone(&self.file), len: self.len }
    }

    /// Writes to the next journal from now on, which takes over the entries that came since its mark.
    ///
    /// If `is_synced`, all of it is on the disk afterwards, with its name. Else these entries and the name are not, see
    /// [`Self::sync_name`].
    pub(super) fn put_in_place(&mut self, next: Next, is_synced: bool) -> io::Result<()> {
        let Next { mark, file, head } = next;
        if !Arc::ptr_eq(&mark.file, &self.file) {
            // Another one was faster.
            return Ok(());
        }
        let mut later = Vec::new();
        let mut journal = File::open(self.dir.join(NAME))?;
        journal.seek(SeekFrom::Start(mark.len))?;
        journal.take(self.len.saturating_sub(mark.len)).read_to_end(&mut later)?;
        (&file).write_all(&later)?;
        if is_synced {
            file.sync_data()?;
        }
        std::fs::rename(self.dir.join(NEXT), self.dir.join(NAME))?;
        self.file = Arc::new(file);
        self.len = head + later.len() as u64;
        self.head = head;
        self.is_torn = false;
        if is_synced { Self::sync_name(&self.dir) } else { Ok(()) }
    }

    /// Brings the name of the journal of a spool to the disk.
    pub(super) fn sync_name(dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

/// A place in a journal.
#[derive(Debug)]
pub(super) struct Mark {
    dir: PathBuf,
    file: Arc<File>,
    len: u64,
}

/// A journal with a single entry, on the disk and not in the place of the other.
#[derive(Debug)]
pub(super) struct Next {
    mark: Mark,
    file: File,
    head: u64,
}

impl Mark {
    /// Writes the next journal, and brings it to the disk. What the state names must be there, too.
    pub(super) fn write(self, state: State) -> io::Result<Next> {
        let mut line = Vec::new();
        write_line(&Entry::State(Box::new(state)), &mut line)?;
        let path = self.dir.join(NEXT);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().create_new(true).append(true).open(&path)?;
        (&file).write_all(&line)?;
        file.sync_all()?;
        Ok(Next { mark: self, file, head: line.len() as u64 })
    }
}

/// Calls `entry` with each whole entry of a spool's journal, in order, and returns the length of all of them.
pub(super) fn read(dir: &Path, mut entry: impl FnMut(Entry)) -> io::Result<u64> {
    let file = match File::open(dir.join(NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    let mut len = 0;
    while file.read_until(b'\n', &mut line)? > 0 {
        let Some(read) = parse_line(&line) else { break };
        entry(read);
        len += line.len() as u64;
        line.clear();
    }
    Ok(len)
}

fn write_line(entry: &Entry, out: &mut Vec<u8>) -> io::Result<()> {
    let text = serde_json::to_vec(entry)?;
    write!(out, "{:08x} ", crc32(&text))?;
    out.extend_from_slice(&text);
    out.push(b'\n');
    Ok(())
}

fn parse_line(line: &[u8]) -> Option<Entry> {
    let (sum, text) = line.strip_suffix(b"\n")?.split_at_checked(8)?;
    let text = text.strip_prefix(b" ")?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (sum == crc32(text)).then(|| serde_json::from_slice(text).ok()).flatten()
}

/// Returns the CRC-32 of some bytes, as gzip has it.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
