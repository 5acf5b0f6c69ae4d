//! Brings a spool back after a kill: the journal up to its last whole line says what counts, everything else goes.
//!
//! A killed process leaves at most bytes that no entry names: they are cut off. A kernel that crashed may have lost
//! bytes that an entry names, up to one flush: by their checksums it is known where each file ends then.

use super::home::Home;
use super::journal::{self, Journal};
use super::state::{Entry, Part, State};
use flate2::Crc;
use ray_history_core::base::time::Nanos;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A spool as it was found.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) state: State,
    pub(super) journal: Journal,
    /// Records that had been accepted and are not there any more.
    pub(super) lost: u64,
}

/// Reads the journal and cuts all files to what it says.
pub(super) fn recover(home: &Home) -> io::Result<Recovered> {
    let mut end = State::default();
    journal::read(&home.dir, |entry| end.apply(entry))?;
    let mut state = State::default();
    let mut damaged = BTreeSet::new();
    let mut lost = 0;
    let len = journal::read(&home.dir, |mut entry| {
        if let Entry::Batch { parts, .. } = &mut entry {
            parts.retain(|part| {
                let is_plain = end.files.get(&part.file).is_some_and(|file| file.packed.is_none());
                let is_whole = !is_plain || !damaged.contains(&part.file) && is_there(home, &state, part);
                if !is_whole {
                    damaged.insert(part.file);
                    lost += part.records;
                }
                is_whole
            });
            if parts.is_empty() {
                // Nothing of it is there, so it is no repeated one if it comes again.
                return;
            }
        }
        state.apply(entry);
    })?;
    lost += cut_files(home, &mut state)?;
    remove_unknown_files(home, &state)?;
    Ok(Recovered { state, journal: Journal::open(&home.dir, len)?, lost })
}

/// Returns `true` if the file has what a batch appended.
fn is_there(home: &Home, state: &State, part: &Part) -> bool {
    let Some(file) = state.files.get(&part.file) else { return true };
    checksum(&home.plain(part.file, file), file.end, part.end).is_ok_and(|crc| crc == part.crc)
}

fn checksum(path: &Path, from: u64, to: u64) -> io::Result<u32> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::with_capacity(64 << 10, file.take(to.saturating_sub(from)));
    let mut crc = Crc::new();
    let mut rest = to.saturating_sub(from);
    while rest > 0 {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        crc.update(bytes);
        let len = bytes.len();
        rest -= len as u64;
        reader.consume(len);
    }
    Ok(crc.sum())
}

/// Cuts every file at the offset that the journal names. Returns the records that are not there.
fn cut_files(home: &Home, state: &mut State) -> io::Result<u64> {
    let mut lost = 0;
    let mut gone = Vec::new();
    for (name, file) in &mut state.files {
        let is_whole_in_bucket = file.stored.is_some_and(|stored| stored.records >= file.records);
        if let Some(size) = file.packed {
            let found = home.compressed(*name, file).metadata().map_or(0, |found| found.len());
            if found < size {
                gone.push(*name);
                lost += if is_whole_in_bucket { 0 } else { file.records };
            }
            continue;
        }
        let path = home.plain(*name, file);
        let found = path.metadata().map_or(0, |found| found.len());
        if found < file.end {
            let records = file.records;
            (file.end, file.records) = whole_lines(&path, found)?;
            lost += records.saturating_sub(file.records);
        }
        if file.stored.is_some_and(|stored| stored.end > file.end) {
            // The object has more than this disk: it stays as it is.
            gone.push(*name);
            continue;
        }
        match OpenOptions::new().write(true).open(&path) {
            Ok(plain) => plain.set_len(file.end)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for name in gone {
        state.apply(Entry::Finished { file: name });
    }
    Ok(lost)
}

/// Returns the length of the whole lines at the beginning of a file, and their number.
fn whole_lines(path: &Path, len: u64) -> io::Result<(u64, u64)> {
    if len == 0 {
        return Ok((0, 0));
    }
    let mut reader = BufReader::new(File::open(path)?.take(len));
    let (mut end, mut lines, mut line) = (0, 0, Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        if line.ends_with(b"\n") {
            end += line.len() as u64;
            lines += 1;
        }
        line.clear();
    }
    Ok((end, lines))
}

/// Removes the files of sessions that the journal does not name, and compressed ones that are made anew.
fn remove_unknown_files(home: &Home, state: &State) -> io::Result<()> {
    let known = |(name, file): (&Nanos, &super::state::SpoolFile)| match file.packed {
        Some(_) => home.compressed(*name, file),
        None => home.plain(*name, file),
    };
    let known: BTreeSet<PathBuf> = state.files.iter().map(known).collect();
    for entry in std::fs::read_dir(&home.dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("session_") || name == crate::quarantine::FOLDER {
            remove_below(&entry.path(), &known)?;
        }
    }
    Ok(())
}

fn remove_below(dir: &Path, known: &BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            remove_below(&path, known)?;
            // Fails if something is left in it.
            let _ = std::fs::remove_dir(&path);
        } else if !known.contains(&path) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}
