//! The collector's manifest and log segments: wire forms, and the proof that a session is whole.
//!
//! Pure: no I/O, no clock. The collector writes these forms, the server reads them.

pub mod segment;
