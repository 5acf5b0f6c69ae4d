//! Standard output and error of commands, whose readers may leave before the end (`| head`).

use crate::telemetry;
use ray_history_core::base::escape::escaped_lines;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Prints a text with characters escaped that control a terminal. Succeeds if the reader has gone.
///
/// # Errors
/// When the text cannot be written for any other reason, such as a full disk.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(escaped_lines(text).as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Says why the program ends. Where nobody reads that, there is nobody to tell.
pub fn complain(error: impl Display) {
    // A cause may quote names from a bucket.
    for line in format!("ray-history: {error}").lines() {
        let _ = writeln!(io::stderr(), "{}", telemetry::safe(line, false));
    }
}
