//! Parses event files on threads of their own: files come in from the async side, one builder per thread goes out.
//!
//! Owns the queue between them. A file is decompressed by one thread; when another thread has nothing to do, the
//! blocks of that file are shared out, so that one big file keeps all threads busy. The threads run at low priority, so
//! that answers from open sessions stay quick. What they hold is counted before they hold it: a record without an end
//! is read no further than memory is reserved for it. Must never block an async thread, and must end when nobody wants
//! the result any more (`Stop`).

use super::held::{Held, Hold};
use super::room::Place;
use crate::event::records::{BLOCK, Block, Records, Step};
use crate::snapshot::build::Builder;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Pieces of a file that wait to be parsed; more would only hold memory.
pub(super) const PIECES_AHEAD: usize = 2;

/// A file on its way from storage: its key, its bytes piece by piece, and the room that they may take.
#[derive(Debug)]
pub(super) struct IncomingFile {
    key: Arc<str>,
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    place: Place,
}

/// Where the async side puts a file's bytes.
pub(super) type Pieces = mpsc::Sender<io::Result<Bytes>>;

/// Bytes of an `IncomingFile` as a blocking reader.
struct PieceReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
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

/// A block that any thread may parse.
#[derive(Debug)]
struct Share {
    key: Arc<str>,
    block: Block,
    _held: Hold,
}

#[derive(Debug, Default)]
struct State {
    files: VecDeque<IncomingFile>,
    blocks: VecDeque<Share>,
    /// Threads that wait for work.
    idle: usize,
    /// Threads that read a file and may still share blocks of it.
    reading: usize,
    /// No more files will come.
    closed: bool,
    /// Nobody wants the result any more.
    stopped: bool,
}

/// The work of one load.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    held: Arc<Held>,
}

/// Stops a queue's threads when dropped: the load was cancelled, timed out or ran out of memory. Dropped after all of
/// them ended, it changes nothing.
#[derive(Debug)]
pub(super) struct Stop(pub(super) Arc<Queue>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Stops a queue's other threads when one of them panics: they would wait for it for ever.
#[derive(Debug)]
pub(super) struct StopOnPanic(pub(super) Arc<Queue>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// Counts a thread as reading a file, even if it panics.
struct Reading<'a>(&'a Queue);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.lock().reading -= 1;
        self.0.wake.notify_all();
    }
}

enum Work {
    File(IncomingFile),
    Block(Share),
}

impl Queue {
    /// No work yet.
    pub(super) fn new(held: Arc<Held>) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), held }
    }

    /// Announces a file; its bytes go into the sender, and dropping that ends the file.
    pub(super) fn push(&self, key: &str, place: Place) -> Pieces {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let mut state = self.lock();
        if !state.stopped {
            state.files.push_back(IncomingFile { key: key.into(), pieces, place });
        }
        drop(state);
        self.wake.notify_one();
        sender
    }

    /// Says that no more files will come; threads end when all work is done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.files.clear();
        state.blocks.clear();
        drop(state);
        self.wake.notify_all();
    }

    /// Parses on the calling thread until everything is done, or nobody wants it any more.
    pub(super) fn work(&self, session_name: &str) -> Builder {
        let mut folding = Folding { builder: Builder::new(session_name), weight: 0, held: &self.held };
        while let Some(work) = self.next() {
            match work {
                Work::Block(share) => folding.fold(&share.key, &share.block),
                Work::File(file) => {
                    let _reading = Reading(self);
                    self.read(&mut folding, file);
                }
            }
        }
        folding.builder
    }

    fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        state.idle += 1;
        let work = loop {
            if let Some(share) = state.blocks.pop_front() {
                break Some(Work::Block(share));
            }
            if let Some(file) = state.files.pop_front() {
                state.reading += 1;
                break Some(Work::File(file));
            }
            if state.stopped || (state.closed && state.reading == 0) {
                break None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.idle -= 1;
        work
    }

    fn read(&self, folding: &mut Folding<'_>, file: IncomingFile) {
        let IncomingFile { key, pieces, place: _place } = file;
        let mut records = Records::new(PieceReader { pieces, current: Bytes::new() });
        let mut ahead = self.held.hold(0);
        loop {
            let step = records.step();
            ahead.set(beyond_a_block(records.may_hold()));
            match step {
                Step::Block(block) => {
                    let held = self.held.hold(beyond_a_block(block.weight()));
                    if let Some(share) = self.share(Share { key: Arc::clone(&key), block, _held: held }) {
                        folding.fold(&key, &share.block);
                    }
                }
                // The load fails, and nobody will ask for the rest of what is read here.
                Step::On if self.held.cover().is_err() => self.stop(),
                Step::On => {}
                Step::End => break,
            }
            if self.lock().stopped {
                return;
            }
        }
        let report = folding.builder.completeness_mut();
        report.event_files += 1;
        for &position in records.too_long() {
            report.damaged_records.add(&key, position, "longer than any event");
        }
        if let Some(why) = records.broken() {
            report.unreadable_files.add(&key, 0, why);
        }
    }

    /// Gives a block to a thread that waits, or back when none does.
    fn share(&self, share: Share) -> Option<Share> {
        let mut state = self.lock();
        if state.stopped {
            return None;
        }
        if state.idle <= state.blocks.len() + state.files.len() {
            return Some(share);
        }
        state.blocks.push_back(share);
        drop(state);
        self.wake.notify_one();
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What every load holds covers blocks of the usual length.
fn beyond_a_block(bytes: usize) -> u64 {
    bytes.saturating_sub(BLOCK) as u64
}

/// One thread's part of the fold, and what it weighs.
struct Folding<'a> {
    builder: Builder,
    weight: u64,
    held: &'a Held,
}

impl Folding<'_> {
    fn fold(&mut self, key: &str, block: &Block) {
        for (position, record) in block.records() {
            self.builder.fold_record(key, position, record);
        }
        // Only this thread changes its own part, and a builder never becomes lighter.
        let weight = (self.builder.weight() as u64).max(self.weight);
        self.held.built(weight - self.weight);
        self.weight = weight;
    }
}

#[cfg(test)]
mod tests {
    use super::super::held::{BASE, tests::alone};
    use super::*;
    use crate::session::admission::Short;
    use crate::snapshot::build::Builder;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    /// What comes of files that each are one piece.
    async fn parsed(held: &Arc<Held>, files: Vec<Bytes>) -> Builder {
        let queue = Arc::new(Queue::new(Arc::clone(held)));
        for file in files {
            let pieces = queue.push("x", held.room.take(file.len() as u64).await);
            pieces.send(Ok(file)).await.unwrap();
        }
        queue.close();
        tokio::task::spawn_blocking(move || queue.work("session")).await.unwrap()
    }

    #[tokio::test]
    async fn a_file_that_was_fetched_keeps_its_place_until_it_is_parsed() {
        let (held, _) = alone(64 << 20).await;
        let places = [held.room.take(10_000).await, held.room.take(10_000).await];
        assert!(held.room.taken() > 20_000);
        drop(places);
        parsed(&held, vec![Bytes::from_static(b"{}\n"); 3]).await;
        assert_eq!(held.room.taken(), 0);
    }

    #[tokio::test]
    async fn a_record_without_an_end_is_read_no_further_than_there_is_memory_for_it() {
        let zeros = gzip(&vec![b'0'; 12 << 20]);
        let (held, ledger) = alone(16 << 20).await;
        parsed(&held, vec![zeros.clone()]).await;
        let (needed, short) = held.outgrown().unwrap();
        assert_eq!(short, Short::TooLarge(14 << 20));
        assert!(needed < 32 << 20, "{needed} bytes, which the step that was not taken would have held");
        assert!(ledger.used() <= 16 << 20);
        // Where there is memory for it, it is one damaged record, and nothing is held afterwards.
        let (held, _) = alone(1 << 30).await;
        let mut builder = parsed(&held, vec![zeros, Bytes::from_static(b"{}\n")]).await;
        assert_eq!((builder.completeness_mut().records, held.outgrown()), (2, None));
        assert_eq!(held.bytes(), BASE + 2 * builder.weight() as u64, "nothing else is held any more");
    }
}
