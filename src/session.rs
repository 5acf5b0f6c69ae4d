//! Sessions: which ones are stored, and how one is opened.
//!
//! `catalog` lists them, `load` reads one and builds its snapshot, `sessions` keeps what is open and hands it out,
//! `logs` reads log files of an open session. This is the only layer that `http` talks to; it owns all requests to
//! storage. Must never know HTTP.

pub mod catalog;
pub mod load;
pub mod logs;
pub mod name;
mod open;
pub mod progress;

pub use load::OpenSession;
pub use name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};
pub use open::{Opening, Sessions};
pub use progress::{Phase, Progress};

use crate::storage;

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
    },
    /// The store could not be asked.
    #[error("the storage could not be read: {0}")]
    Storage(std::sync::Arc<storage::Error>),
    /// A bug of ours ended the load.
    #[error("the load ended unexpectedly; please report this")]
    Broken,
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Self::Storage(std::sync::Arc::new(error))
    }
}
