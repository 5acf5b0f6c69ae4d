//! The outcomes of an attempt to persist a session.

use ray_history_metrics::persist::File;
use ray_history_storage as storage;

/// The outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The session is persisted now.
    Written(Written),
    /// It was before, from the same objects.
    Same,
    /// The build that is there was made of objects that are gone, or has more records: it stays.
    Thinner,
    /// Objects came or went meanwhile.
    Changed,
    /// Another writer was faster, or a newer version wrote what is there.
    Conflict,
}

/// The objects that were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes of each table, and of the head.
    pub bytes: Vec<(File, u64)>,
}

impl Written {
    /// Returns the bytes of all objects.
    pub fn total(&self) -> u64 {
        self.bytes.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// The reason why a session could not be persisted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] storage::Error),
    /// The session could not be listed.
    #[error(transparent)]
    Session(#[from] ray_history_session::Error),
    /// The tables could not be made.
    #[error("the tables of the session could not be made: {0}")]
    Tables(#[from] ray_history_tables::Error),
    /// An object that was written is another one when it is read back.
    #[error("{key} was written, and is another object when it is read back")]
    NotAsWritten {
        /// The object.
        key: String,
    },
    /// The work ended unexpectedly, which is a bug.
    #[error("the tables could not be made; please report this")]
    Broken,
}
