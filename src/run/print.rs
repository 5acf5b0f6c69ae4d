//! Standard output and standard error of commands, which may be closed before the end (`| head`).

use crate::escape::escaped_lines;
use crate::telemetry;
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
    let mut out = io::stdout().lock();
    match out.write_all(escaped_lines(text).as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(true),
    }
}

/// Prints the error that ends the program. A failure to print is ignored.
pub fn print_error(error: impl Display) {
    // The error may contain names from a bucket.
    for line in format!("ray-history: {error}").lines() {
        let _ = writeln!(io::stderr(), "{}", telemetry::safe(line, false));
    }
}
