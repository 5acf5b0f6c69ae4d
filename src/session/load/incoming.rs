//! An event file on its way from the async side, which fetches it, to a thread that parses it.
//!
//! Owns the few pieces that lie between them. Must never hold a whole file.

use super::room::Place;
use bytes::{Buf, Bytes};
use ray_history_core::base::time::Nanos;
use std::io::{self, Read};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Pieces of a file that wait to be parsed; more would only hold memory.
const PIECES_AHEAD: usize = 2;

/// A file on its way from storage: its key, its bytes piece by piece, and the room that they may take.
#[derive(Debug)]
pub(super) struct IncomingFile {
    pub(super) key: Arc<str>,
    /// The latest time that an event of it may truly have.
    pub(super) latest: Nanos,
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    place: Place,
}

impl IncomingFile {
    /// A file, and where its bytes go; dropping that ends it.
    pub(super) fn new(key: &str, latest: Nanos, place: Place) -> (Self, Pieces) {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        (Self { key: key.into(), latest, pieces, place }, sender)
    }

    /// Its bytes as a blocking reader, which keeps its place.
    pub(super) fn into_reader(self) -> PieceReader {
        PieceReader { pieces: self.pieces, current: Bytes::new(), _place: self.place }
    }
}

/// Where the async side puts a file's bytes.
pub(super) type Pieces = mpsc::Sender<io::Result<Bytes>>;

/// Bytes of an `IncomingFile`. Must not be read on an async thread.
pub(super) struct PieceReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    _place: Place,
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
