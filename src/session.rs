//! Sessions: which ones are stored, and how one is opened.
//!
//! ```text
//! catalog   which sessions are stored, and where ── listed   keeps the list fresh; what is asked of it
//! links     from names that people know to sessions
//! open      Sessions: what everybody else talks to
//!   cache      open sessions that are kept ── freshness   when one is compared with the store again
//!   loader     one load per session at a time, shared by everybody who waits
//!   admission  who may load now ── memory   the one account of bytes for builds and open sessions
//!   load       reads one session and builds its snapshot
//! logs      reads log files of an open session
//! survey    looks through a store for whoever sets one up
//! ```
//!
//! This is the only layer that `http` talks to; it owns all requests to storage. Must never know HTTP.

mod admission;
mod cache;
pub mod catalog;
mod ended;
mod freshness;
pub mod links;
mod listed;
pub mod load;
mod loader;
pub mod logs;
mod memory;
mod open;
pub mod progress;
mod quiet;
mod source;
mod survey;
#[cfg(test)]
mod testing;

pub use ended::Ended;
pub use load::{LogIndex, OpenSession};
pub use memory::Memory;

pub use open::{Opening, Sessions, Stored, Usage};
pub use progress::{Phase, Progress};
pub use survey::{Content, Newest, Survey};

use ray_history_core::base::name::SessionKey;
use ray_history_storage as storage;
use std::time::Duration;

/// Why a session cannot be shown. The texts are for users.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No such session is stored.
    #[error("no session {0} is stored here")]
    Unknown(SessionKey),
    /// It is listed, but nothing of it is there (yet).
    #[error("session {0} has a marker but no data yet: its collectors may still be uploading")]
    NothingStored(SessionKey),
    /// It has event files, and not one of them could be read.
    #[error("none of the {files} event files of session {key} could be read ({why})")]
    NothingReadable {
        /// Which session.
        key: SessionKey,
        /// How many event files it has.
        files: usize,
        /// The first reason.
        why: String,
        /// Set if they lie in an archive.
        archived: bool,
    },
    /// It was listed, and is not there any more.
    #[error("{0} was stored when this session was last listed, and is gone since")]
    LogGone(String),
    /// The store could not be asked.
    #[error("the storage could not be read: {0}")]
    Storage(std::sync::Arc<storage::Error>),
    /// It took longer than `loading.timeout`.
    #[error("session {key} could not be loaded within {} s; loading.timeout in the settings allows more", after.as_secs())]
    TimedOut {
        /// Which session.
        key: SessionKey,
        /// The setting.
        after: Duration,
    },
    /// Building it would take more memory than there is for it.
    #[error(
        "session {key} needs more than {} MiB to be opened and {} MiB may be used; cache.maxMemory in the settings \
         allows more", needed >> 20, limit >> 20
    )]
    TooLarge {
        /// Which session.
        key: SessionKey,
        /// Bytes it held when it was given up.
        needed: u64,
        /// Bytes one load may hold.
        limit: u64,
    },
    /// It would have disturbed loads that somebody waits for; only what nobody waits for ends so.
    #[error("other sessions are being loaded")]
    Busy,
    /// The program stops.
    #[error("this server is stopping")]
    Stopping,
    /// A bug of ours ended the load.
    #[error("the load ended unexpectedly; please report this")]
    Broken,
}

impl Error {
    /// Returns `true` if what was asked for lies in an archive of the store.
    pub fn is_archived(&self) -> bool {
        match self {
            Self::Storage(error) => error.kind() == storage::ErrorKind::Archived,
            Self::NothingReadable { archived, .. } => *archived,
            _ => false,
        }
    }

    /// Whether the same load would fail again at once, so that the error is given for a while without trying.
    fn is_worth_holding(&self) -> bool {
        !matches!(self, Self::Unknown(_) | Self::Busy | Self::Stopping)
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Self::Storage(std::sync::Arc::new(error))
    }
}
