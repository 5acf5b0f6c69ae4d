//! The collector's manifest and log segments: wire forms, and the proof that a session is whole.
//!
//! Pure: no I/O, no clock. The collector writes these forms, the server reads them.

mod digest;
mod manifest;
pub mod proof;
pub mod segment;

pub use digest::{Digest, InvalidDigest};
pub use manifest::{
    AgentCounters, Collector, Endpoint, Events, FORMAT, GrowingFile, Identity, LogRange, Logs, MAX_BYTES, Manifest,
    NotUnderstood, OwnerName, Pod, Reason, Role, SealedFiles, Segments, SettledLogs, State,
};
