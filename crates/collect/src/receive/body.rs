//! Reads a body: short ones into memory, long ones into a file of the spool.

use super::Shared;
use crate::spool::{Refused, Reservation, Spool};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// A longer body goes to a file.
const LONG: usize = 8 << 20;
/// Bytes of all bodies in memory; a body that would exceed them goes to a file.
const HELD: usize = 24 << 20;
/// The time for a whole body. Ray gives up after 3 seconds.
const TIME: Duration = Duration::from_secs(60);

/// A whole body.
pub(super) enum Body {
    Memory { bytes: Vec<u8>, _held: Held },
    File { file: File, len: u64, _room: Reservation },
}

/// The share of a body of the memory of all of them. Given back when dropped.
pub(super) struct Held {
    shared: Arc<Shared>,
    bytes: usize,
}

/// Reads a body. `None` if it was cut off, or came too slowly; an error if there is no room for it.
pub(super) async fn read(incoming: Incoming, shared: &Arc<Shared>) -> Option<Result<Body, Refused>> {
    timeout(TIME, read_all(incoming, shared)).await.ok()?
}

async fn read_all(mut incoming: Incoming, shared: &Arc<Shared>) -> Option<Result<Body, Refused>> {
    let expected = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
    let mut held = Held { shared: Arc::clone(shared), bytes: 0 };
    if expected > LONG || !held.grow(expected) {
        return read_to_file(incoming, Vec::new(), expected, &shared.spool).await;
    }
    let mut bytes = Vec::with_capacity(expected);
    while let Some(piece) = next_piece(&mut incoming).await? {
        let more = (bytes.len() + piece.len()).saturating_sub(held.bytes);
        let is_long = bytes.len() + piece.len() > LONG || !held.grow(more);
        bytes.extend_from_slice(&piece);
        if is_long {
            return read_to_file(incoming, bytes, 0, &shared.spool).await;
        }
    }
    Some(Ok(Body::Memory { bytes, _held: held }))
}

/// Reads the rest of a body into a file. `expected` bytes of it are still to come.
async fn read_to_file(
    mut incoming: Incoming,
    beginning: Vec<u8>,
    expected: usize,
    spool: &Arc<Spool>,
) -> Option<Result<Body, Refused>> {
    let mut reservation = Reservation::new(spool);
    if !reservation.grow(expected as u64) {
        return Some(Err(Refused::Full));
    }
    let mut file = match spool.unnamed_file() {
        Ok(file) => file,
        Err(error) => return Some(Err(Refused::Disk(error))),
    };
    let mut len = 0;
    let mut piece = Some(Bytes::from(beginning));
    while let Some(bytes) = piece {
        len += bytes.len() as u64;
        if len > reservation.bytes() && !reservation.grow(len - reservation.bytes()) {
            return Some(Err(Refused::Full));
        }
        let written = spawn_blocking(move || file.write_all(&bytes).map(|()| file)).await;
        file = match written {
            Ok(Ok(file)) => file,
            Ok(Err(error)) => return Some(Err(Refused::Disk(error))),
            Err(error) => return Some(Err(Refused::Disk(std::io::Error::other(error)))),
        };
        piece = next_piece(&mut incoming).await?;
    }
    Some(Ok(Body::File { file, len, _room: reservation }))
}

/// Returns the next piece of a body, `Some(None)` at its end; `None` if it was cut off.
async fn next_piece(incoming: &mut Incoming) -> Option<Option<Bytes>> {
    loop {
        let Some(frame) = incoming.frame().await else { return Some(None) };
        // Other frames are trailers.
        if let Ok(piece) = frame.ok()?.into_data() {
            return Some(Some(piece));
        }
    }
}

impl Held {
    fn grow(&mut self, bytes: usize) -> bool {
        let before = self.shared.held.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > HELD {
            self.shared.held.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
