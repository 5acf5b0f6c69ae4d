//! A batch on its way into the spool: cut into records, sorted, appended to the files, then noted in the journal.

use super::state::{Entry, Part, SpoolFile};
use super::sync::sync_file;
use super::{FailPoint, Inner, Spool, room};
use crate::category::{self, Place, Reason};
use crate::quarantine;
use flate2::Crc;
use ray_history_core::base::name::SessionName;
use ray_history_core::base::time::Nanos;
use ray_history_core::event::records::{MAX_RECORD, items};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Bytes of a long body that are read at once.
const STEP: u64 = 1 << 20;
/// Bytes of one file that are held before they are written.
const HELD: usize = 256 << 10;
/// Bytes of the journal for a batch, and for each of its parts and new files.
const ENTRY: u64 = 200;

/// The parts of a batch.
pub(super) struct Batch<'a> {
    spool: &'a Spool,
    inner: &'a mut Inner,
    /// The room that is left: what is set aside is longer than it was.
    room: u64,
    parts: Vec<Appended>,
    opened: Vec<Entry>,
    /// The name of the last file that was opened for it.
    newest: Nanos,
    /// The session of the first record that has one.
    session: Option<SessionName>,
    records: u64,
    quarantined: u64,
}

/// The records for one file.
struct Appended {
    /// `None` for what is set aside.
    place: Option<Place>,
    held: Vec<u8>,
    records: u64,
    target: Option<Target>,
}

/// The file of a part, once something was written to it.
struct Target {
    name: Nanos,
    file: File,
    /// `true` if it is not compressed.
    is_plain: bool,
    /// The length that counts until now.
    start: u64,
    end: u64,
    crc: Crc,
    /// The path, if the file is new.
    new: Option<PathBuf>,
}

/// The records of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Records, without those that were set aside.
    pub records: u64,
    /// Records that were set aside.
    pub quarantined: u64,
}

impl<'a> Batch<'a> {
    pub(super) fn new(spool: &'a Spool, inner: &'a mut Inner, room: u64) -> Self {
        Self {
            spool,
            inner,
            room,
            parts: Vec::new(),
            opened: Vec::new(),
            newest: 0,
            session: None,
            records: 0,
            quarantined: 0,
        }
    }

    /// Takes all records of a body.
    pub(super) fn take(&mut self, body: &[u8]) -> io::Result<()> {
        self.take_piece(body, true).map(|_| ())
    }

    /// Takes all records of a body that lies in a file.
    pub(super) fn take_file(&mut self, mut body: &File) -> io::Result<()> {
        let mut held = Vec::new();
        // An item without an end: everything after it is set aside, because it is unknown where the next one begins.
        let mut is_lost = false;
        loop {
            let read = (&mut body).take(STEP).read_to_end(&mut held)? as u64;
            let ended = read < STEP;
            if is_lost {
                self.set_aside(Reason::TooLong, &held, 0)?;
                held.clear();
            } else {
                let taken = self.take_piece(&held, ended)?;
                held.drain(..taken);
                if held.len() > MAX_RECORD {
                    self.set_aside(Reason::TooLong, &held, 1)?;
                    held.clear();
                    is_lost = true;
                }
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Takes the whole records of a piece, and returns their length.
    fn take_piece(&mut self, piece: &[u8], ended: bool) -> io::Result<usize> {
        let plain = self.take_plain(piece)?;
        let piece = piece.get(plain..).unwrap_or_default();
        let cut = items(piece);
        for item in cut.items {
            self.take_record(piece.get(item).unwrap_or_default())?;
        }
        let rest = piece.get(cut.open..).unwrap_or_default();
        if ended && !rest.is_empty() {
            self.set_aside(Reason::NoObject, rest, 1)?;
            return Ok(plain + piece.len());
        }
        Ok(plain + cut.open)
    }

    /// Takes records that are as Ray writes them, as almost all are, up to the first one that is not. Each is read once.
    fn take_plain(&mut self, piece: &[u8]) -> io::Result<usize> {
        let text = match str::from_utf8(piece) {
            Ok(text) => text,
            // The piece may end within a character.
            Err(error) => {
                piece.get(..error.valid_up_to()).and_then(|valid| str::from_utf8(valid).ok()).unwrap_or_default()
            }
        };
        let mut at = 0;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            let start = rest.find(|between| !matches!(between, '[' | ',' | ' ' | '\n'));
            let Some(rest) = start.and_then(|start| rest.get(start..)) else { return Ok(at) };
            let Some(first) = category::first(rest).filter(|first| first.len < MAX_RECORD) else { return Ok(at) };
            let record = rest.get(..first.len).unwrap_or_default();
            self.spool.seen.event(&first.place.session, first.kind, record.as_bytes());
            self.append(first.place, record.as_bytes())?;
            at = text.len() - rest.len() + first.len;
        }
    }

    fn take_record(&mut self, record: &[u8]) -> io::Result<()> {
        let (place, kind) = match category::place(record) {
            Ok(found) if record.len() < MAX_RECORD => found,
            Ok(_) => return self.set_aside(Reason::TooLong, record, 1),
            Err(reason) => return self.set_aside(reason, record, 1),
        };
        self.spool.seen.event(&place.session, &kind, record);
        self.append(place, record)
    }

    fn append(&mut self, place: Place, record: &[u8]) -> io::Result<()> {
        if self.session.is_none() {
            self.session = Some(place.session.clone());
        }
        self.records += 1;
        let part = self.part(Some(place));
        // No string of JSON has a raw newline, so these lie between tokens.
        part.held.extend(record.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
        part.held.push(b'\n');
        part.records += 1;
        self.write_long_parts()
    }

    fn set_aside(&mut self, reason: Reason, record: &[u8], records: u64) -> io::Result<()> {
        self.quarantined += records;
        let part = self.part(None);
        quarantine::write(reason, record, &mut part.held);
        part.records += records;
        self.write_long_parts()
    }

    /// Returns the part of a place; records mostly follow others of the same.
    fn part(&mut self, place: Option<Place>) -> &mut Appended {
        let at = self.parts.iter().rposition(|part| part.place == place).unwrap_or_else(|| {
            self.parts.push(Appended { place, held: Vec::new(), records: 0, target: None });
            self.parts.len() - 1
        });
        &mut self.parts[at]
    }

    fn write_long_parts(&mut self) -> io::Result<()> {
        // Only the part that just grew can be long.
        if let Some(at) = self.parts.iter().position(|part| part.held.len() >= HELD) {
            self.write(at)?;
        }
        Ok(())
    }

    /// Writes the held bytes of a part behind the end of its file. They count only when the journal says so.
    fn write(&mut self, at: usize) -> io::Result<()> {
        if self.parts[at].target.is_none() {
            self.parts[at].target = Some(self.target(at)?);
        }
        let part = &mut self.parts[at];
        let len = part.held.len() as u64;
        // It stays with its part if writing fails, so that what was written goes with the batch.
        let Some(target) = &mut part.target else { return Ok(()) };
        room::take(&mut self.room, if target.is_plain { len } else { room::of_records(len) })?;
        target.file.write_all_at(&part.held, target.end)?;
        target.crc.update(&part.held);
        target.end += len;
        part.held = Vec::new();
        Ok(())
    }

    /// Returns the open file for a part, or a new one.
    fn target(&mut self, at: usize) -> io::Result<Target> {
        let key = if let Some(place) = &self.parts[at].place {
            (Some(place.session.to_string()), place.category.folder().into_owned())
        } else {
            let session = self.session.as_ref().map(SessionName::to_string);
            (session.or_else(|| self.inner.state.session.clone()), quarantine::FOLDER.to_owned())
        };
        let (name, file, is_new) = if let Some(name) = self.inner.open.get(&key) {
            (*name, self.inner.state.files.get(name).cloned().unwrap_or_default(), false)
        } else {
            let (session, folder) = key;
            let is_plain = self.spool.is_plain && folder != quarantine::FOLDER;
            let file = SpoolFile { session: session.clone(), folder: folder.clone(), is_plain, ..SpoolFile::default() };
            let name = self.inner.next_name(self.newest);
            self.newest = name;
            self.opened.push(Entry::Opened { file: name, session, folder, is_plain });
            (name, file, true)
        };
        let path = self.spool.home.plain(name, &file);
        if is_new && let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        let new = is_new.then_some(path);
        Ok(Target { name, file: open, is_plain: file.is_plain, start: file.end, end: file.end, crc: Crc::new(), new })
    }

    /// Writes what is left, then the entry of the journal that makes it count. Nothing counts if this fails.
    pub(super) fn commit(mut self, hash: u128) -> io::Result<Taken> {
        let taken = Taken { records: self.records, quarantined: self.quarantined };
        if self.parts.is_empty() {
            return Ok(taken);
        }
        for at in 0..self.parts.len() {
            if !self.parts[at].held.is_empty() {
                self.write(at)?;
            }
        }
        let is_synced = self.spool.limits.fsync == super::Fsync::Batch;
        let mut parts = Vec::new();
        for Appended { records, target, .. } in &self.parts {
            let Some(Target { name, file, end, crc, new, .. }) = target else { continue };
            match new {
                Some(path) if is_synced => sync_file(&self.spool.home, path)?,
                None if is_synced => file.sync_data()?,
                _ => {}
            }
            parts.push(Part { file: *name, end: *end, records: *records, crc: crc.sum() });
        }
        room::take(&mut self.room, ENTRY * (1 + self.parts.len() + self.opened.len()) as u64)?;
        (self.spool.hook)(FailPoint::Appended);
        let session = self.session.as_ref().map(SessionName::to_string);
        let mut entries = std::mem::take(&mut self.opened);
        entries.push(Entry::Batch { hash, session, parts: parts.clone() });
        if is_synced {
            self.inner.journal.append_synced(&entries)?;
        } else {
            self.inner.journal.append(&entries)?;
        }
        self.parts.clear();
        (self.spool.hook)(FailPoint::Journaled);
        self.inner.accepted(entries, &parts);
        Ok(taken)
    }
}

/// Removes the bytes of a batch that does not count, because a disk may be full.
impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for target in self.parts.drain(..).filter_map(|part| part.target) {
            // If it stays, it is overwritten by the next batch, or cut off at the next start.
            let _ = match target.new {
                Some(path) => std::fs::remove_file(path),
                None => target.file.set_len(target.start),
            };
        }
    }
}
