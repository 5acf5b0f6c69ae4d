//! A channel that carries an event file from the async side, which fetches it, to a thread that parses it.
//!
//! Only a few pieces are buffered in between, never a whole file.

use crate::memory::FetchSlot;
use bytes::{Buf, Bytes};
use ray_history_core::base::time::Nanos;
use std::io::{self, Read};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Maximum number of pieces of a file that wait to be parsed. More would only hold memory.
const PIECES_AHEAD: usize = 2;

/// A file that is being fetched: its key, its bytes piece by piece, and its fetch slot.
#[derive(Debug)]
pub(super) struct IncomingFile {
    pub(super) key: Arc<str>,
    /// Latest plausible time of an event in the file.
    pub(super) latest: Nanos,
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    slot: FetchSlot,
}

impl IncomingFile {
    /// Creates a file and the sender of its bytes. Dropping the sender ends the file.
    pub(super) fn new(key: &str, latest: Nanos, slot: FetchSlot) -> (Self, Pieces) {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        (Self { key: key.into(), latest, pieces, slot }, sender)
    }

    /// Returns the bytes as a blocking reader, which keeps the slot.
    pub(super) fn into_reader(self) -> PieceReader {
        PieceReader { pieces: self.pieces, current: Bytes::new(), _slot: self.slot }
    }
}

/// The sender of a file's bytes.
pub(super) type Pieces = mpsc::Sender<io::Result<Bytes>>;

/// The bytes of an `IncomingFile`. Must not be read on an async thread.
pub(super) struct PieceReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    _slot: FetchSlot,
}

impl Read for PieceReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => return Ok(0),
            }
        }
        let len = buf.len().min(self.current.len());
        self.current.copy_to_slice(&mut buf[..len]);
        Ok(len)
    }
}
