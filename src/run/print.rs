//! Standard output and standard error of commands, which may be closed before the end (`| head`).

use crate::escape::{escaped_json, escaped_lines};
use crate::telemetry;
use ray_history_core::base::chain::chain;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Prints a text with terminal control characters escaped. Succeeds if the reader has closed the pipe.
///
/// # Errors
/// Returns an error if the text cannot be written for another reason, such as a full disk.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    is_open_after(text).map(drop)
}

/// Prints a text in the same way, and returns `false` if the reader has closed the pipe, so that nothing more is wanted.
///
/// # Errors
/// Returns an error if the text cannot be written for another reason.
pub(super) fn is_open_after(text: &str) -> anyhow::Result<bool> {
    is_open_after_bytes(escaped_lines(text).as_bytes())
}

/// Prints a JSON document of others as one line, with JSON's own escapes, so that it stays JSON; returns the same.
///
/// # Errors
/// Returns an error if the text cannot be written for another reason.
pub(super) fn is_open_after_json(text: &str) -> anyhow::Result<bool> {
    // Within strings, JSON escapes these.
    let line: String = text.split(['\n', '\r', '\t']).collect();
    is_open_after_bytes((escaped_json(&line) + "\n").as_bytes())
}

/// Prints bytes of our own as they are, and returns the same.
///
/// # Errors
/// Returns an error if they cannot be written for another reason.
pub(super) fn is_open_after_bytes(bytes: &[u8]) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(true),
    }
}

/// Prints the error that ends the program with all its causes, in which none is repeated.
pub fn print_failure(error: &anyhow::Error) {
    print_error(chain(error.as_ref()));
}

/// Prints an error or a note. A failure to print is ignored.
pub(super) fn print_error(error: impl Display) {
    // The error may contain names from a bucket.
    for line in format!("ray-history: {error}").lines() {
        let _ = writeln!(io::stderr(), "{}", telemetry::safe(line, false));
    }
}
