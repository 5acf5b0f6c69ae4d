//! The logs of one node of a session: their table, the segment that grows, and what is due.

use super::Settings;
use super::class::Class;
use super::disk::Disk;
use super::fill::{fill, is_full};
use super::state::States;
use super::table::{Limits, Table};
use crate::upload::Sink;
use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_core::base::name::SessionName;
use ray_history_core::layout::NodeKeys;
use ray_history_manifest::segment::SegmentWriter;
use ray_history_storage::Error;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The age at which a segment is sealed.
const OLD: Duration = Duration::from_secs(300);

/// The logs of one node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) session: SessionName,
    /// The id of the node in hex.
    pub(super) id: String,
    pub(super) keys: NodeKeys,
    /// The prefix of the segments.
    pub(super) own: String,
    /// The session's `logs` folder.
    pub(super) root: PathBuf,
    pub(super) settings: Settings,
    pub(super) table: Arc<Mutex<Table>>,
    /// `true` once nothing of it is scanned any more: another node has the folder now.
    pub(super) is_former: AtomicBool,
    /// `true` once it is to be stored as it is: it may end at any moment.
    pub(super) is_closing: AtomicBool,
    /// Since when each class may have bytes that are not stored.
    pub(super) waiting: Mutex<HashMap<Class, Instant>>,
    /// The start of the last scan.
    scanned: Mutex<Option<Instant>>,
    uploads: tokio::sync::Mutex<Uploads>,
    segment: Arc<Mutex<SegmentWriter>>,
    /// One at a time settles files.
    pub(super) settling: tokio::sync::Mutex<()>,
}

/// The growing segment's object.
#[derive(Debug, Default)]
struct Uploads {
    opened: Option<Instant>,
    /// `true` if the segment has bytes that its object lacks.
    is_ahead: bool,
    /// `true` if a state file has its number.
    is_saved: bool,
    /// The number of frames of its object.
    stored: usize,
}

/// A segment as it is to be stored.
struct Object {
    bytes: Bytes,
    frames: usize,
    is_full: bool,
    /// The end of what it has, or earlier segments have, of each file that it adds to.
    ends: Vec<(u64, u64)>,
}

impl Node {
    pub(super) fn new(
        session: SessionName,
        id: String,
        keys: NodeKeys,
        spool: &str,
        root: PathBuf,
        settings: Settings,
        table: Table,
    ) -> Self {
        Self {
            session,
            id,
            own: keys.own(spool),
            keys,
            root,
            settings,
            table: Arc::new(Mutex::new(table)),
            is_former: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            waiting: Mutex::default(),
            scanned: Mutex::default(),
            uploads: tokio::sync::Mutex::default(),
            segment: Arc::default(),
            settling: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { open: self.settings.most_open, max_bytes: self.settings.max_bytes }
    }

    /// Looks at all files once. Blocks for some microseconds a file.
    ///
    /// Bytes that it finds may have been written right after the scan before, so they wait since then: the time between two
    /// scans is part of the longest wait.
    pub(super) fn scan(&self) {
        let started = Instant::now();
        let since = self.scanned.lock().replace(started).unwrap_or(started);
        Table::scan(&self.table, &self.root, self.limits());
        let max = self.settings.max_bytes;
        let table = self.table.lock();
        let mut waiting = self.waiting.lock();
        for file in table.files.values().filter(|file| !file.is_shipped(max)) {
            let class = file.class();
            if class != Class::Rewritten {
                waiting.entry(class).or_insert(since);
            }
        }
    }

    /// Returns `true` if some class has waited for as long as it may, or will have at the next look.
    pub(super) fn is_due(&self) -> bool {
        let period = |class: &Class| match class {
            Class::Facts => self.settings.facts_flush,
            Class::User => self.settings.user_flush,
            Class::System | Class::Rewritten => self.settings.system_flush,
        };
        self.waiting.lock().iter().any(|(class, since)| since.elapsed() + super::LOOK >= period(class))
    }

    /// Puts all that scans have seen and that is in no segment yet: a request carries everything, since it costs the
    /// same. Returns once it is stored. May be dropped at any time; the next call goes on.
    pub(super) async fn flush(&self, sink: &Sink, states: &States) -> Result<(), Error> {
        let mut uploads = self.uploads.lock().await;
        if uploads.opened.is_some_and(|opened| opened.elapsed() >= OLD) && !uploads.is_ahead {
            self.seal(&mut uploads);
        }
        loop {
            self.waiting.lock().clear();
            if self.has_unqueued() {
                self.begin(&mut uploads);
                // Set before the read, so that a call which is dropped during it leaves nothing behind.
                uploads.is_ahead = true;
            }
            if !uploads.is_ahead {
                return Ok(());
            }
            if !uploads.is_saved {
                // A segment must be known before it is stored: after a kill its number must not be used again.
                states.save(&self.session, &self.id, &self.table).await;
                uploads.is_saved = true;
            }
            let Some((number, object)) = self.read_files(&states.disk).await else {
                uploads.is_ahead = false; // Nothing could be read.
                return Ok(());
            };
            sink.put(&self.segment_key(number), object.bytes).await?;
            uploads.is_ahead = false;
            uploads.stored = object.frames;
            self.table.lock().note_stored(number, &object.ends);
            let go_on = object.is_full && self.seal(&mut uploads);
            states.save(&self.session, &self.id, &self.table).await;
            if !go_on {
                return Ok(());
            }
        }
    }

    /// Returns the key of a segment.
    pub(super) fn segment_key(&self, number: u64) -> String {
        format!("{}logs-{number:010}.seg", self.own)
    }

    fn has_unqueued(&self) -> bool {
        let is_closing = self.is_closing.load(Ordering::Relaxed);
        let max = self.settings.max_bytes;
        let table = self.table.lock();
        let mut files = table.files.values().filter(|file| file.unreadable.is_none());
        files.any(|file| !file.unqueued(max, is_closing).is_empty() && file.class() != Class::Rewritten)
    }

    /// Reads what is in no segment yet, and returns the number of the segment and what is to be stored as its object;
    /// `None` if the segment is empty.
    async fn read_files(&self, disk: &Disk) -> Option<(u64, Object)> {
        let (table, segment, root) = (Arc::clone(&self.table), Arc::clone(&self.segment), self.root.clone());
        let (max, is_closing) = (self.settings.max_bytes, self.is_closing.load(Ordering::Relaxed));
        let number = table.lock().growing?;
        let read = disk.run(move || {
            let mut segment = segment.lock();
            // If this was dropped before it began, another call may have sealed the segment.
            let is_current = table.lock().growing == Some(number);
            if is_current {
                fill(&table, &root, &mut segment, max, is_closing);
            }
            (is_current && !segment.frames().is_empty()).then(|| Object::of(&segment, &table))
        });
        Some((number, read.await??))
    }

    /// Opens a segment, if none is open.
    fn begin(&self, uploads: &mut Uploads) {
        let mut table = self.table.lock();
        if table.growing.is_none() {
            table.growing = Some(table.next_segment);
            table.next_segment += 1;
            *uploads = Uploads { opened: Some(Instant::now()), ..Uploads::default() };
        }
    }

    /// Seals the segment, if its object has all of it. Returns `true` if it did.
    fn seal(&self, uploads: &mut Uploads) -> bool {
        let mut segment = self.segment.lock();
        // A call that was dropped may have read more meanwhile.
        uploads.is_ahead = segment.frames().len() != uploads.stored;
        if !uploads.is_ahead {
            self.table.lock().growing = None;
            *segment = SegmentWriter::default();
            *uploads = Uploads::default();
        }
        !uploads.is_ahead
    }
}

impl Object {
    /// The table is not locked while the object is made, which takes milliseconds.
    fn of(segment: &SegmentWriter, table: &Mutex<Table>) -> Self {
        let ends = {
            let table = table.lock();
            let files = table.files.iter().filter(|(_, file)| file.queued > file.shipped);
            files.map(|(key, file)| (*key, file.queued)).collect()
        };
        let (frames, is_full) = (segment.frames().len(), is_full(segment));
        Self { bytes: segment.object().into(), frames, is_full, ends }
    }
}
