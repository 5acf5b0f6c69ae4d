//! Writes objects behind one trait, apart from the reading trait by type and crate: what the server reads with cannot
//! write.
//!
//! A call is one attempt, or one upload in parts; callers decide how often to try again. Errors are those of
//! `ray_history_storage`.

pub mod memory;

use async_trait::async_trait;
use bytes::Bytes;
use ray_history_storage::Error;
use std::fmt::Debug;
use std::fs::File;

/// The condition of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum If {
    /// Writes always.
    Any,
    /// Writes if there is no object with this key. A store that ignores conditions (garage) writes always.
    Absent,
}

/// The outcome of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is stored.
    Written,
    /// The condition does not hold, and nothing was changed.
    Refused,
}

/// A bucket, or its substitute, that can be written to.
///
/// Keys are UTF-8, separated by `/` and relative to the bucket. They are never normalised.
#[async_trait]
pub trait StorageWrite: Debug + Send + Sync + 'static {
    /// Writes an object, whole or not at all, if the condition holds.
    async fn put(&self, key: &str, bytes: Bytes, condition: If) -> Result<Put, Error>;

    /// Writes the first `len` bytes of a file as an object, whole or not at all, replacing one of the same key. The file
    /// may grow meanwhile. Long files are uploaded in parts; an upload that fails is aborted.
    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error>;

    /// Deletes an object. One that is not there counts as deleted.
    async fn delete(&self, key: &str) -> Result<(), Error>;
}
