//! The events that a collector accepted and stored.

use crate::digest::Digest;
use serde::{Deserialize, Serialize};

/// The events that a collector accepted of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Events {
    /// Batches that were accepted.
    pub batches: u64,
    /// Records in the event files, those in growing ones included.
    pub records: u64,
    /// Batches that Ray sent again.
    pub repeated: u64,
    /// Records that were set aside: they belong to no event file.
    pub quarantined: u64,
    /// Batches that were refused because the spool was full; Ray sends them again.
    pub refused: u64,
    /// Event files that do not change any more.
    pub sealed: SealedFiles,
    /// Event files that grow.
    pub growing: Vec<GrowingFile>,
}

/// The sealed event files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SealedFiles {
    /// Their number.
    pub objects: u64,
    /// Their stored length.
    pub bytes: u64,
    /// Their records.
    pub records: u64,
    /// The digest of their keys below the node and sizes.
    pub digest: Digest,
}

/// An event file that is put again, longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GrowingFile {
    /// Its key below the node.
    pub key: String,
    /// Its stored length when the manifest was written; it may be longer now.
    pub size: u64,
    /// Its records then.
    pub records: u64,
}
