//! The state of the spool: a fold of its journal. Live and recovered states are made by the same function.

use ray_history_core::base::time::Nanos;
use ray_history_manifest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Accepted batches that are remembered, so that one that Ray sends again is not stored again. Ray repeats only its
/// last.
const REMEMBERED: usize = 16;

/// The durable state of the spool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// The name of the newest file.
    pub(super) newest: Nanos,
    /// The hashes of the last accepted batches.
    pub(super) hashes: VecDeque<u128>,
    /// The session of the last accepted event.
    pub(super) session: Option<String>,
    /// The files that are not both whole in the bucket and sealed, by name.
    pub(super) files: BTreeMap<Nanos, SpoolFile>,
    /// The sealed event files in the bucket, by the prefix of their node.
    pub(super) sealed: BTreeMap<String, Sealed>,
    /// The accepted batches of each session.
    pub(super) counts: BTreeMap<String, Counts>,
}

/// A file of the spool: the records of one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SpoolFile {
    /// Its session; `None` for records that were set aside before any session was known.
    pub(super) session: Option<String>,
    /// The folder of its object below the node, or the one of what was set aside.
    pub(super) folder: String,
    /// The length of the accepted records, one a line.
    pub(super) end: u64,
    /// The accepted records.
    pub(super) records: u64,
    /// `true` if its object is stored as it is, not compressed. It has no compressed form then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_plain: bool,
    /// The size of the compressed file that took the place of the plain one; nothing is appended any more.
    pub(super) packed: Option<u64>,
    /// The object, from before its first write.
    pub(super) object: Option<Object>,
    /// The part that the object is known to hold.
    pub(super) stored: Option<Stored>,
}

/// The key of a file's object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Object {
    /// The prefix of the node.
    pub(super) node: String,
    /// The rest of the key.
    pub(super) key: String,
}

/// The part of a file that the bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored {
    /// The length of the records.
    pub(super) end: u64,
    /// The number of records.
    pub(super) records: u64,
    /// The size of the object.
    pub(super) size: u64,
}

/// The sealed event files of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sealed {
    pub(super) objects: u64,
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) digest: Digest,
    /// Records that were set aside.
    pub(super) quarantined: u64,
}

/// The accepted batches of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Batches.
    pub batches: u64,
    /// Records, without those that were set aside.
    pub records: u64,
    /// Records that were set aside.
    pub quarantined: u64,
    /// Batches that had been accepted before.
    pub repeated: u64,
    /// Batches that were refused, because the spool is full or the disk fails.
    pub refused: u64,
}

/// The bytes that one batch appended to one file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) file: Nanos,
    /// The length of the file afterwards.
    pub(super) end: u64,
    pub(super) records: u64,
    /// The CRC-32 of what was appended.
    pub(super) crc: u32,
}

/// An entry of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// All that came before.
    State(Box<State>),
    /// A file was opened.
    Opened {
        file: Nanos,
        session: Option<String>,
        folder: String,
        #[serde(default, skip_serializing_if = "is_false")]
        is_plain: bool,
    },
    /// A batch is in its files. It is acknowledged only afterwards.
    Batch { hash: u128, session: Option<String>, parts: Vec<Part> },
    /// Batches were repeated or refused.
    Counted { session: String, repeated: u64, refused: u64 },
    /// A file is sealed and compressed.
    Packed { file: Nanos, size: u64 },
    /// A file's object has a key, and may be written from now on.
    Placed { file: Nanos, object: Object },
    /// A file's object was written.
    Stored { file: Nanos, stored: Stored },
    /// A file's object is whole and sealed; the local file goes.
    Finished { file: Nanos },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl State {
    /// Applies an entry. One about a file that is not there any more changes nothing.
    pub(super) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::State(state) => *self = *state,
            Entry::Opened { file, session, folder, is_plain } => {
                self.newest = self.newest.max(file);
                self.files.insert(file, SpoolFile { session, folder, is_plain, ..SpoolFile::default() });
            }
            Entry::Batch { hash, session, parts } => self.apply_batch(hash, session, &parts),
            Entry::Counted { session, repeated, refused } => {
                let counts = self.counts.entry(session).or_default();
                counts.repeated += repeated;
                counts.refused += refused;
            }
            Entry::Packed { file, size } => self.change(file, |file| file.packed = Some(size)),
            Entry::Placed { file, object } => self.change(file, |file| file.object = Some(object)),
            Entry::Stored { file, stored } => self.change(file, |file| file.stored = Some(stored)),
            Entry::Finished { file } => self.finish(file),
        }
    }

    /// Returns `true` if a batch is one of the last that were accepted.
    pub(super) fn has_accepted(&self, hash: u128) -> bool {
        self.hashes.contains(&hash)
    }

    fn apply_batch(&mut self, hash: u128, session: Option<String>, parts: &[Part]) {
        if self.hashes.len() >= REMEMBERED {
            self.hashes.pop_front();
        }
        self.hashes.push_back(hash);
        self.session = session.or_else(|| self.session.take());
        let mut seen: Vec<String> = Vec::new();
        for part in parts {
            let Some(file) = self.files.get_mut(&part.file) else { continue };
            file.end = part.end;
            file.records += part.records;
            let Some(session) = file.session.clone() else { continue };
            let counts = self.counts.entry(session.clone()).or_default();
            if file.is_quarantine() {
                counts.quarantined += part.records;
            } else {
                counts.records += part.records;
            }
            if !seen.contains(&session) {
                counts.batches += 1;
                seen.push(session);
            }
        }
    }

    fn change(&mut self, file: Nanos, change: impl FnOnce(&mut SpoolFile)) {
        if let Some(file) = self.files.get_mut(&file) {
            change(file);
        }
    }

    fn finish(&mut self, file: Nanos) {
        let Some(SpoolFile { folder, object: Some(object), stored: Some(stored), .. }) = self.files.remove(&file)
        else {
            return;
        };
        let sealed = self.sealed.entry(object.node).or_default();
        if folder == crate::quarantine::FOLDER {
            sealed.quarantined += stored.records;
            return;
        }
        sealed.objects += 1;
        sealed.bytes += stored.size;
        sealed.records += stored.records;
        sealed.digest.add(&object.key, stored.size);
    }
}

impl SpoolFile {
    /// Returns `true` for a file of records that were set aside.
    pub(super) fn is_quarantine(&self) -> bool {
        self.folder == crate::quarantine::FOLDER
    }

    /// Returns `true` if the object holds all records so far.
    pub(super) fn is_stored(&self) -> bool {
        self.stored.map_or(self.end == 0, |stored| stored.end >= self.end)
    }
}
