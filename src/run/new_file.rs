//! Writes what arrives piece by piece to a file, which has its name only once it is whole, or to standard output.

use anyhow::Context;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;

/// Writes all pieces to a file, and returns their bytes. Nothing is left after an error.
pub(super) async fn write(file: &Path, pieces: impl Stream<Item = anyhow::Result<Bytes>>) -> anyhow::Result<u64> {
    let part = PathBuf::from(format!("{}.part", file.display()));
    let written = write_part(&part, pieces).await;
    if written.is_err() {
        // The error counts that came first.
        let _ = std::fs::remove_file(&part);
    }
    let bytes = written?;
    std::fs::rename(&part, file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(bytes)
}

async fn write_part(path: &Path, pieces: impl Stream<Item = anyhow::Result<Bytes>>) -> anyhow::Result<u64> {
    let cannot = || format!("cannot write {}", path.display());
    let (mut file, mut bytes, mut pieces) = (File::create(path).with_context(cannot)?, 0, pin!(pieces));
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        file.write_all(&piece).with_context(cannot)?;
        bytes += piece.len() as u64;
    }
    Ok(bytes)
}

/// Writes all pieces to standard output. Succeeds if the reader has closed the pipe.
pub(super) async fn print(pieces: impl Stream<Item = anyhow::Result<Bytes>>) -> anyhow::Result<()> {
    let (mut out, mut pieces) = (io::stdout(), pin!(pieces));
    while let Some(piece) = pieces.next().await {
        match out.write_all(&piece?) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
    Ok(out.flush()?)
}
