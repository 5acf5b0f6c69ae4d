//! The files of the spool that are to be compressed and written, and the results of that.

use super::due::is_full;
use super::live::{Compressed, Live};
use super::state::{Entry, Object, SpoolFile, Stored};
use super::{Destination, Sealing};
use super::{FailPoint, Inner, Spool};
use crate::quarantine;
use ray_history_core::base::name::SessionName;
use ray_history_core::base::time::Nanos;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The pause after a local failure, or a key that a store cannot have.
const RETRY: Duration = Duration::from_secs(5);

/// A file to be compressed further.
#[derive(Debug)]
pub(crate) struct PackJob {
    pub(crate) plain: PathBuf,
    pub(crate) compressed: PathBuf,
    /// The length of the records.
    pub(crate) end: u64,
    pub(crate) records: u64,
}

/// An object to be written.
#[derive(Debug)]
pub(crate) struct PutJob {
    pub(crate) file: Nanos,
    pub(crate) key: String,
    pub(crate) content: Content,
    /// The length of the records that the object holds then.
    pub(crate) end: u64,
    pub(crate) records: u64,
}

/// The content of an object.
#[derive(Debug)]
pub(crate) enum Content {
    /// The beginning of a compressed file that grows meanwhile.
    Growing(PathBuf, u64),
    /// A file whose beginning does not change any more: a compressed one that is sealed, or a plain one.
    Sealed(PathBuf, u64),
    /// The beginning of a plain file that is to be compressed in memory, because the disk has no room for
    /// its compressed form.
    Plain(PathBuf, u64),
}

/// A file whose object is whole and sealed, so that nothing of it is needed here.
#[derive(Debug)]
struct Finished {
    plain: PathBuf,
    compressed: PathBuf,
    /// Its bytes of [`Inner::used`].
    bytes: u64,
    /// The journal that says so.
    journal: Arc<File>,
}

impl Spool {
    /// Closes files for appending: all of a session, or all. Returns them.
    pub(crate) fn close(&self, session: Option<&SessionName>) -> Vec<Nanos> {
        let mut inner = self.inner.lock();
        let names: Vec<Nanos> = inner
            .state
            .files
            .iter()
            .filter(|(_, file)| session.is_none_or(|session| file.session.as_deref() == Some(session.as_str())))
            .map(|(name, _)| *name)
            .collect();
        for name in &names {
            inner.close(*name);
        }
        names
    }

    /// Closes all files if a batch was refused: one that grows keeps its plain form here, one that is sealed does not.
    /// Returns `true` if the journal is to be shortened for such a batch, even if no file is left to be stored.
    pub(crate) fn make_room(&self) -> bool {
        let is_short = std::mem::take(&mut self.inner.lock().is_short_of_room);
        if is_short {
            self.close(None);
        }
        is_short && self.has_long_journal(&self.inner.lock())
    }

    /// Closes a file if it is to be sealed, and returns what is to be compressed of it; `None` if that is nothing.
    pub(crate) fn pack_job(&self, name: Nanos, sealing: &Sealing) -> Option<PackJob> {
        let mut inner = self.inner.lock();
        let (file, live) = (inner.state.files.get(&name)?.clone(), inner.live.get(&name)?.clone());
        if file.packed.is_some() {
            return None;
        }
        if is_full(&file, &live, sealing, Instant::now()) {
            inner.close(name);
        }
        let has_all = live.compressed.is_some_and(|compressed| compressed.end >= file.end);
        (!has_all && !file.is_stored()).then(|| PackJob {
            plain: self.home.plain(name, &file),
            compressed: self.home.compressed(name, &file),
            end: file.end,
            records: file.records,
        })
    }

    /// Notes that a file was compressed up to the end of a job. Returns `true` if it was closed by that, and more came
    /// meanwhile.
    pub(crate) fn compressed(&self, name: Nanos, job: &PackJob, size: u64, sealing: &Sealing) -> bool {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let (Some(file), Some(live)) = (inner.state.files.get(&name), inner.live.get_mut(&name)) else { return false };
        let before = live.compressed.map_or(0, |compressed| compressed.size);
        live.compressed = Some(Compressed { end: job.end, records: job.records, size });
        live.retry_at = None;
        live.waiting = live.waiting.into_iter().chain(live.fresh).min();
        let has_more = job.end < file.end;
        live.fresh = live.fresh.filter(|_| has_more);
        if let Some(fresh) = &mut live.fresh {
            // What is left came while this was compressed.
            fresh.at = Instant::now();
        }
        let is_full = size >= sealing.compressed || sealing.every_flush;
        if !file.is_plain {
            inner.used = inner.used.saturating_sub(before) + size;
        }
        if is_full {
            inner.close(name);
        }
        has_more && inner.live.get(&name).is_some_and(|live| live.is_closed)
    }

    /// Notes that a file could not be compressed; it is tried again later, or written as it is.
    pub(crate) fn not_compressed(&self, name: Nanos) {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let Some(file) = inner.state.files.get(&name).filter(|file| file.packed.is_none()) else { return };
        if let Some(live) = inner.live.get_mut(&name) {
            let compressed = live.compressed.take().filter(|_| !file.is_plain);
            let size = compressed.map_or(0, |compressed| compressed.size);
            inner.used = inner.used.saturating_sub(size);
            live.retry_at = Some(Instant::now() + RETRY);
            live.waiting = live.waiting.into_iter().chain(live.fresh.take()).min();
            if !file.is_plain {
                // Whatever is in it does not count; a disk that is full has other use for the space.
                let _ = remove(&self.home.compressed(name, file));
            }
        }
    }

    /// Returns `true` if records may be appended to a file.
    pub(crate) fn grows(&self, name: Nanos) -> bool {
        self.inner.lock().live.get(&name).is_some_and(|live| !live.is_closed)
    }

    /// Replaces the plain form of a closed file by the compressed one, if that has all.
    pub(crate) fn seal(&self, name: Nanos) -> io::Result<()> {
        let (plain, compressed, size, end) = {
            let mut inner = self.inner.lock();
            let Some((file, live)) = inner.state.files.get(&name).zip(inner.live.get(&name)) else { return Ok(()) };
            if !live.is_closed || file.packed.is_some() {
                return Ok(());
            }
            if file.is_stored() {
                let finished = self.finish(&mut inner, name)?;
                drop(inner);
                return self.remove_finished(finished);
            }
            match live.compressed {
                Some(compressed) if compressed.end >= file.end => {
                    (self.home.plain(name, file), self.home.compressed(name, file), compressed.size, file.end)
                }
                _ => return Ok(()),
            }
        };
        File::open(&compressed)?.sync_all()?;
        let journal = {
            let mut inner = self.inner.lock();
            self.note(&mut inner, Entry::Packed { file: name, size })?;
            inner.dirty.remove(&name);
            inner.journal.file()
        };
        journal.sync_data()?;
        (self.hook)(FailPoint::Packed);
        if plain == compressed {
            return Ok(());
        }
        remove(&plain)?;
        let mut inner = self.inner.lock();
        inner.used = inner.used.saturating_sub(end);
        Ok(())
    }

    /// Returns up to `most` objects to be written, the oldest first, without those in `busy` and those whose node is
    /// not known. Their keys are in the journal.
    pub(crate) fn put_jobs(
        &self,
        busy: &BTreeSet<Nanos>,
        destination: &Destination,
        most: usize,
    ) -> io::Result<Vec<PutJob>> {
        let now = Instant::now();
        let mut inner = self.inner.lock();
        let ready = |name: &Nanos, live: &Live| {
            live.waiting.is_some() && !busy.contains(name) && live.retry_at.is_none_or(|at| at <= now)
        };
        let names: Vec<Nanos> =
            inner.live.iter().filter(|(name, live)| ready(name, live)).map(|(name, _)| *name).collect();
        let mut jobs = Vec::new();
        for name in names {
            if jobs.len() >= most {
                break;
            }
            if let Some(job) = self.put_job(&mut inner, name, destination)? {
                jobs.push(job);
            }
        }
        Ok(jobs)
    }

    fn put_job(&self, inner: &mut Inner, name: Nanos, destination: &Destination) -> io::Result<Option<PutJob>> {
        let Some(file) = inner.state.files.get(&name).cloned() else { return Ok(None) };
        let object = if let Some(object) = &file.object {
            object.clone()
        } else {
            let Some(object) = self.object(inner, name, &file, destination) else { return Ok(None) };
            self.note(inner, Entry::Placed { file: name, object: object.clone() })?;
            object
        };
        let Some(live) = inner.live.get_mut(&name) else { return Ok(None) };
        let path = self.home.compressed(name, &file);
        let (content, end, records) = match live.compressed {
            Some(Compressed { end, records, size }) if file.packed.is_some() || file.is_plain => {
                (Content::Sealed(path, size), end, records)
            }
            Some(Compressed { end, records, size }) => (Content::Growing(path, size), end, records),
            None if file.is_plain => (Content::Sealed(path, file.end), file.end, file.records),
            None => (Content::Plain(self.home.plain(name, &file), file.end), file.end, file.records),
        };
        live.sending = live.waiting.take();
        Ok(Some(PutJob { file: name, key: format!("{}{}", object.node, object.key), content, end, records }))
    }

    /// Returns the object of a file; `None` while its node, or a session for it, is not known.
    fn object(&self, inner: &Inner, name: Nanos, file: &SpoolFile, destination: &Destination) -> Option<Object> {
        let session = SessionName::parse(file.session.as_deref().or(inner.state.session.as_deref())?)?;
        let node = destination(&session)?;
        let key = if file.is_quarantine() {
            format!("{}{}-{name}.jsonl.gz", node.own(self.id()), quarantine::FOLDER)
        } else if file.is_plain {
            node.plain_event_file(&file.folder, name)
        } else {
            node.event_file(&file.folder, name)
        };
        Some(Object { key: key.strip_prefix(node.prefix())?.to_owned(), node: node.prefix().to_owned() })
    }

    /// Notes that an object was written. A sealed one goes from the disk.
    pub(crate) fn written(&self, job: &PutJob, size: u64) -> io::Result<()> {
        (self.hook)(FailPoint::Written);
        let mut inner = self.inner.lock();
        let stored = Stored { end: job.end, records: job.records, size };
        self.note(&mut inner, Entry::Stored { file: job.file, stored })?;
        if let Some(live) = inner.live.get_mut(&job.file) {
            live.sending = None;
        }
        let is_whole = inner.state.files.get(&job.file).is_some_and(SpoolFile::is_stored);
        let is_closed = inner.live.get(&job.file).is_some_and(|live| live.is_closed);
        let finished = if is_whole && is_closed { self.finish(&mut inner, job.file)? } else { None };
        drop(inner);
        self.stored.notify_waiters();
        self.remove_finished(finished)
    }

    /// Notes that an object could not be written, for a reason that only time may mend.
    pub(crate) fn not_written(&self, job: &PutJob) {
        if let Some(live) = self.inner.lock().live.get_mut(&job.file) {
            live.waiting = live.sending.take().into_iter().chain(live.waiting).min();
            live.retry_at = Some(Instant::now() + RETRY);
        }
    }

    /// Returns `true` if something is compressed and not written; its node may not be known.
    pub(crate) fn is_waiting(&self) -> bool {
        self.inner.lock().live.values().any(|live| live.waiting.is_some())
    }

    /// Returns the files with records that the bucket does not have, and the length of their records.
    pub(crate) fn unstored(&self) -> Vec<(Nanos, u64)> {
        let inner = self.inner.lock();
        let files = inner.state.files.iter().filter(|(_, file)| !file.is_stored());
        files.map(|(name, file)| (*name, file.end)).collect()
    }

    /// Returns `true` if the bucket has the records of these files up to these lengths.
    pub(crate) fn has_stored(&self, files: &[(Nanos, u64)]) -> bool {
        let inner = self.inner.lock();
        files.iter().all(|(name, end)| {
            let file = inner.state.files.get(name);
            file.is_none_or(|file| file.stored.is_some_and(|stored| stored.end >= *end))
        })
    }

    /// Returns `true` if none of these files is left on the disk: all are sealed and in the bucket.
    pub(crate) fn has_finished(&self, files: &[Nanos]) -> bool {
        let inner = self.inner.lock();
        !files.iter().any(|name| inner.state.files.get(name).is_some_and(|file| file.end > 0))
    }

    /// Notes that a file's object is whole and sealed. The local file is still there, see [`Self::remove_finished`].
    fn finish(&self, inner: &mut Inner, name: Nanos) -> io::Result<Option<Finished>> {
        let Some(file) = inner.state.files.get(&name).cloned() else { return Ok(None) };
        self.note(inner, Entry::Finished { file: name })?;
        let compressed = inner.live.remove(&name).and_then(|live| live.compressed).map_or(0, |found| found.size);
        let plain = if file.packed.is_some() { 0 } else { file.end };
        let bytes = if file.is_plain { file.end } else { compressed + plain };
        inner.open.retain(|_, open| *open != name);
        inner.dirty.remove(&name);
        Ok(Some(Finished {
            plain: self.home.plain(name, &file),
            compressed: self.home.compressed(name, &file),
            bytes,
            journal: inner.journal.file(),
        }))
    }

    /// Removes a local file once the disk has the journal that says that it is not needed. Batches are taken meanwhile.
    fn remove_finished(&self, finished: Option<Finished>) -> io::Result<()> {
        let Some(Finished { plain, compressed, bytes, journal }) = finished else { return Ok(()) };
        journal.sync_data()?;
        (self.hook)(FailPoint::Finished);
        remove(&plain)?;
        remove(&compressed)?;
        // The folders go with their last file, unless a batch begins another in them.
        let mut inner = self.inner.lock();
        inner.used = inner.used.saturating_sub(bytes);
        plain.ancestors().skip(1).take_while(|dir| **dir != self.home.dir).all(|dir| std::fs::remove_dir(dir).is_ok());
        drop(inner);
        self.stored.notify_waiters();
        Ok(())
    }

    /// Appends an entry to the journal, and applies it. On a disk that is full the reserve makes room.
    fn note(&self, inner: &mut Inner, entry: Entry) -> io::Result<()> {
        let entries = [entry];
        match inner.journal.append(&entries) {
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                self.home.give_reserve()?;
                inner.journal.append(&entries)?;
            }
            result => result?,
        }
        let [entry] = entries;
        inner.state.apply(entry);
        Ok(())
    }

    /// Counts repeated and refused batches for the session of the last event.
    pub(super) fn note_counts(&self, inner: &mut Inner) -> io::Result<()> {
        let (repeated, refused) = inner.uncounted;
        let Some(session) = inner.state.session.clone().filter(|_| (repeated, refused) != (0, 0)) else {
            return Ok(());
        };
        inner.uncounted = (0, 0);
        self.note(inner, Entry::Counted { session, repeated, refused })
    }
}

impl Inner {
    /// Nothing is appended to the file any more.
    fn close(&mut self, name: Nanos) {
        if let Some(live) = self.live.get_mut(&name) {
            live.is_closed = true;
            self.open.retain(|_, open| *open != name);
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
