//! The logs that a collector stored.

use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The logs of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Logs {
    /// Number of files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that are stored as objects of their own.
    pub settled: SettledLogs,
    /// Segments that still hold bytes that are in no settled file.
    pub segments: Segments,
    /// Names that files had at the end, by the name they are stored under, where these differ.
    pub ended: BTreeMap<String, String>,
    /// Folders at the end, empty ones included, each with its final `/`.
    pub folders: Vec<String>,
    /// Ranges that were there and are stored nowhere.
    pub lost: Vec<LogRange>,
    /// Ranges that were left out on purpose, because a setting bounds a file.
    pub skipped: Vec<LogRange>,
}

/// The log files that are stored as objects of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettledLogs {
    /// Their number.
    pub objects: u64,
    /// Their stored length.
    pub bytes: u64,
    /// The digest of their keys below the node and sizes.
    pub digest: Digest,
}

/// The numbers of the segments that count, both included; older ones hold settled bytes only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Segments {
    /// The first. Above `last` there is none.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// A range of a log file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogRange {
    /// The path of the file below the session's `logs/` folder.
    pub path: String,
    /// The first byte.
    pub from: u64,
    /// The byte after the last one.
    pub to: u64,
    /// The reason why it is not stored.
    pub why: String,
}
