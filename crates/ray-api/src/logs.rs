//! Log files: their names (`listing`), a part of one (`request`), and the output of a job's driver (`job`).
//!
//! Nothing here reads a file: `session` does, and these modules select the bytes and encode them.

pub mod ansi;
pub mod job;
pub mod listing;
pub mod request;
