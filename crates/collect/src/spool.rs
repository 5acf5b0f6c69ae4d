//! The spool: accepted events on the local disk, until the bucket has them.
//!
//! ```text
//! lock, spool.json, reserve                          this process, the spool's id, space for a disk that is full
//! journal                                            what counts, see `journal`
//! {session}/{category}/{created ns}.jsonl            a growing file, one record a line
//! {session}/{category}/{created ns}.jsonl.gz         its compressed form; alone once the file is sealed. There is none
//!                                                    if files are stored as they are
//! quarantine/…, {session}/quarantine/…               records that no session can be given
//! ```
//!
//! A batch is appended to its files, then noted in the journal with the end of each file, then acknowledged. So after a
//! kill at any instant every batch is in all its files or in none. There is one journal for all sessions, because a
//! batch may have events of several.

mod batch;
mod due;
mod home;
mod journal;
mod live;
mod outbox;
mod recover;
mod report;
mod reservation;
mod room;
mod sealing;
mod state;
mod sync;
#[cfg(test)]
mod tests;

pub use batch::Taken;
pub(crate) use outbox::{Content, PutJob};
pub(crate) use reservation::Reservation;
#[cfg(test)]
pub(crate) use room::compressed_at_most;
pub use sealing::Sealing;
pub use state::Counts;

use crate::evidence::Seen;
use batch::Batch;
use home::Home;
use journal::Journal;
use live::{Live, Moment, wall_clock};
use parking_lot::Mutex;
use ray_history_core::base::name::SessionName;
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::NodeKeys;
use siphasher::sip128::{Hasher128, SipHasher};
use state::{Entry, Part, State};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The pause between two looks at a lock that another collector holds.
const LOCK_PAUSE: Duration = Duration::from_secs(1);

/// Returns the keys of this node in a session; `None` while its id is not known, so its objects wait.
pub type Destination = Arc<dyn Fn(&SessionName) -> Option<NodeKeys> + Send + Sync>;

/// The bounds of a spool.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all records and of the journal together, also while they are compressed; a batch that would exceed them
    /// is refused.
    pub bytes: u64,
    /// When accepted batches are brought to the disk.
    pub fsync: Fsync,
}

/// When accepted batches are brought to the disk. A killed process loses nothing either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Before they are written to the bucket: a kernel that crashes loses at most what came since the last flush.
    #[default]
    Flush,
    /// Before they are acknowledged.
    Batch,
}

/// The outcome for a batch that is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Its records are in the spool.
    New(Taken),
    /// The same bytes were accepted shortly before.
    Repeated,
}

/// Why a batch cannot be accepted now.
#[derive(Debug)]
pub enum Refused {
    /// The spool has no room for it.
    Full,
    /// The disk fails.
    Disk(io::Error),
}

/// An instant at which a process may be killed, for tests that do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailPoint {
    /// A batch is in its files, and not in the journal.
    Appended,
    /// A batch is in the journal, and not acknowledged.
    Journaled,
    /// A file is compressed for good, and its plain form still there.
    Packed,
    /// An object is written, and that is not in the journal.
    Written,
    /// The journal says that an object is whole, and the local file is still there.
    Finished,
    /// The next journal is whole, and not in the place of the other.
    JournalWritten,
}

/// Called at each [`FailPoint`].
pub type Hook = Arc<dyn Fn(FailPoint) + Send + Sync>;

/// The spool of this pod.
pub struct Spool {
    home: Home,
    limits: Limits,
    hook: Hook,
    inner: Mutex<Inner>,
    /// Bytes of bodies that are on their way into a file.
    incoming: AtomicU64,
    /// Told when a batch was accepted, or somebody wants a flush.
    wake: Notify,
    /// Told when something was stored.
    stored: Notify,
    lost: u64,
    seen: Seen,
    /// `true` if files of events are stored as they are.
    is_plain: bool,
}

/// All that changes.
struct Inner {
    state: State,
    journal: Journal,
    live: BTreeMap<Nanos, Live>,
    /// The file that grows, by session and folder.
    open: HashMap<(Option<String>, String), Nanos>,
    /// Files with bytes that may not be on the disk.
    dirty: BTreeSet<Nanos>,
    /// Bytes of all files of records.
    used: u64,
    last_event: Option<Instant>,
    /// Repeated and refused batches that the journal does not count yet.
    uncounted: (u64, u64),
    /// A batch was refused, so files are sealed before their time.
    is_short_of_room: bool,
}

impl Spool {
    /// Opens a spool, which is made if it is missing, and recovers what is in it. Waits while another collector has it.
    pub async fn open(dir: &Path, limits: Limits) -> io::Result<Self> {
        loop {
            if let Some(spool) = Self::try_open(dir, limits, Arc::new(|_| {}))? {
                return Ok(spool);
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
    }

    /// Opens a spool whose `hook` is called at the instants that matter; `None` while another collector has it.
    pub fn try_open(dir: &Path, limits: Limits, hook: Hook) -> io::Result<Option<Self>> {
        let Some(home) = Home::open(dir)? else { return Ok(None) };
        let recover::Recovered { state, journal, lost } = recover::recover(&home)?;
        let mut inner = Inner::new(state, journal);
        inner.sync_all(&home)?;
        let replaced = inner.journal.mark().write(inner.state.clone()).and_then(|next| {
            hook(FailPoint::JournalWritten);
            inner.journal.put_in_place(next, true)
        });
        if lost > 0 {
            // The old journal names bytes that are not there, so nothing may be added to it.
            replaced?;
        }
        let _ = home.reserve();
        Ok(Some(Self {
            home,
            limits,
            hook,
            inner: Mutex::new(inner),
            incoming: AtomicU64::new(0),
            wake: Notify::new(),
            stored: Notify::new(),
            lost,
            seen: Seen::default(),
            is_plain: false,
        }))
    }

    /// Returns the same spool, whose new files of events are stored as they are, not compressed.
    #[must_use]
    pub fn with_plain_files(self) -> Self {
        Self { is_plain: true, ..self }
    }

    /// Returns the id of the spool.
    pub fn id(&self) -> &str {
        &self.home.about.id
    }

    /// Returns what the events of this process show to be in use.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Returns how many times a collector started on this spool.
    pub fn boots(&self) -> u64 {
        self.home.about.boots
    }

    /// Returns the number of accepted records that were not there any more when the spool was opened: none, unless a
    /// kernel crashed or somebody removed files.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Takes a batch. Blocks: on the disk, and while another batch is taken.
    pub fn accept(&self, body: &[u8]) -> Result<Accepted, Refused> {
        let mut hasher = SipHasher::new();
        hasher.write(body);
        let len = body.len() as u64;
        self.take(hasher.finish128().as_u128(), len, 0, |batch| batch.take(body))
    }

    /// Takes a batch that lies in a file, from its beginning.
    pub(crate) fn accept_file(&self, mut body: &File, len: u64) -> Result<Accepted, Refused> {
        let mut hasher = SipHasher::new();
        let mut buffer = vec![0; 64 << 10];
        body.rewind().map_err(Refused::Disk)?;
        loop {
            let read = body.read(&mut buffer).map_err(Refused::Disk)?;
            if read == 0 {
                break;
            }
            hasher.write(buffer.get(..read).unwrap_or_default());
        }
        body.rewind().map_err(Refused::Disk)?;
        self.take(hasher.finish128().as_u128(), len, len, |batch| {
            batch.take_file(body)?;
            // It makes room for the compressed form of its records, before they count.
            body.set_len(0)
        })
    }

    /// Takes a body of some length, and some bytes that are reserved for it and free by the time that its records count.
    fn take(
        &self,
        hash: u128,
        len: u64,
        reserved: u64,
        fill: impl FnOnce(&mut Batch<'_>) -> io::Result<()>,
    ) -> Result<Accepted, Refused> {
        let mut inner = self.inner.lock();
        if inner.state.has_accepted(hash) {
            inner.uncounted.0 += 1;
            return Ok(Accepted::Repeated);
        }
        let claimed = self.claimed(&inner);
        // Beside a file that is not compressed, its body is there all the time.
        let (room, reserved) = if self.is_plain { (len, 0) } else { (room::of_records(len), reserved) };
        let free = self.limits.bytes.saturating_sub(claimed.saturating_sub(reserved));
        if room > free {
            self.refused(&mut inner);
            return Err(Refused::Full);
        }
        let mut batch = Batch::new(self, &mut inner, free);
        match fill(&mut batch).and_then(|()| batch.commit(hash)) {
            Ok(taken) => {
                self.wake.notify_one();
                Ok(Accepted::New(taken))
            }
            Err(error) => {
                self.refused(&mut inner);
                Err(if room::is_full(&error) { Refused::Full } else { Refused::Disk(error) })
            }
        }
    }

    /// Counts a batch that was refused, here or before it was whole, and has room made for it.
    pub(crate) fn count_refused(&self) {
        self.refused(&mut self.inner.lock());
    }

    fn refused(&self, inner: &mut Inner) {
        inner.uncounted.1 += 1;
        inner.is_short_of_room = true;
        self.wake.notify_one();
    }

    /// Makes a file without a name in the spool.
    pub(crate) fn unnamed_file(&self) -> io::Result<File> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let path = self.home.dir.join(format!("incoming-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        std::fs::remove_file(path)?;
        Ok(file)
    }

    /// Wakes the uploader.
    pub(crate) fn wake(&self) -> &Notify {
        &self.wake
    }

    /// Tells those who wait for something to be stored.
    pub(crate) fn stored(&self) -> &Notify {
        &self.stored
    }
}

impl Inner {
    fn new(state: State, journal: Journal) -> Self {
        let now = Moment::now();
        let mut inner = Self {
            state,
            journal,
            live: BTreeMap::new(),
            open: HashMap::new(),
            dirty: BTreeSet::new(),
            used: 0,
            last_event: None,
            uncounted: (0, 0),
            is_short_of_room: false,
        };
        for (name, file) in &inner.state.files {
            let age = u64::try_from(now.wall.saturating_sub(*name)).unwrap_or(0);
            let mut live = Live::new(now.at.checked_sub(Duration::from_nanos(age)).unwrap_or(now.at));
            if let Some(size) = file.packed {
                live.is_closed = true;
                live.compressed = Some(live::Compressed { end: file.end, records: file.records, size });
                live.waiting = Some(Moment { wall: *name, ..now });
                inner.used += size;
            } else {
                if !file.is_stored() {
                    live.fresh = Some(Moment { wall: *name, ..now });
                }
                inner.open.insert((file.session.clone(), file.folder.clone()), *name);
                inner.dirty.insert(*name);
                inner.used += file.end;
            }
            inner.live.insert(*name, live);
        }
        inner
    }

    /// Returns a name for a new file: its time, later than that of all others, and than `newest`.
    fn next_name(&self, newest: Nanos) -> Nanos {
        wall_clock().max(self.state.newest.max(newest) + 1)
    }

    /// Applies the entries of a batch that the journal has.
    fn accepted(&mut self, entries: Vec<Entry>, parts: &[Part]) {
        let now = Moment::now();
        self.last_event = Some(now.at);
        for entry in entries {
            if let Entry::Opened { file, session, folder, .. } = &entry {
                self.live.insert(*file, Live::new(now.at));
                self.open.insert((session.clone(), folder.clone()), *file);
            }
            if let Entry::Batch { parts, .. } = &entry {
                let before = |part: &Part| self.state.files.get(&part.file).map_or(0, |file| file.end);
                self.used += parts.iter().map(|part| part.end.saturating_sub(before(part))).sum::<u64>();
            }
            self.state.apply(entry);
        }
        for part in parts {
            self.dirty.insert(part.file);
            if let Some(live) = self.live.get_mut(&part.file) {
                live.fresh.get_or_insert(now);
            }
        }
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("dir", &self.home.dir).finish_non_exhaustive()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the spool is full"),
            Self::Disk(error) => write!(f, "the disk of the spool fails: {error}"),
        }
    }
}
