//! Parses event files on threads of their own: files come in from the async side, one builder per thread goes out.
//!
//! Owns the queue between them. A file is decompressed by one thread; when another thread has nothing to do, the
//! blocks of that file are shared out, so that one big file keeps all threads busy. The threads run at low priority, so
//! that answers from open sessions stay quick. Must never block an async thread, and must end when nobody wants the
//! result any more (`Stop`).

use super::room::Place;
use crate::event::records::{Block, Records};
use crate::snapshot::build::Builder;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
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

#[derive(Debug, Default)]
struct State {
    files: VecDeque<IncomingFile>,
    blocks: VecDeque<(Arc<str>, Block)>,
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
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    /// Bytes that the builders of all threads hold.
    weight: AtomicU64,
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
    Block(Arc<str>, Block),
}

impl Queue {
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

    /// Bytes that the builders hold so far.
    pub(super) fn weight(&self) -> u64 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Parses on the calling thread until everything is done, or nobody wants it any more.
    pub(super) fn work(&self, session_name: &str) -> Builder {
        let mut folding = Folding { builder: Builder::new(session_name), weight: 0, queue: self };
        while let Some(work) = self.next() {
            match work {
                Work::Block(key, block) => folding.fold(&key, &block),
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
            if let Some((key, block)) = state.blocks.pop_front() {
                break Some(Work::Block(key, block));
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
        while let Some(block) = records.next_block() {
            if let Some(block) = self.share(&key, block) {
                folding.fold(&key, &block);
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
    fn share(&self, key: &Arc<str>, block: Block) -> Option<Block> {
        let mut state = self.lock();
        if state.stopped {
            return None;
        }
        if state.idle <= state.blocks.len() + state.files.len() {
            return Some(block);
        }
        state.blocks.push_back((Arc::clone(key), block));
        drop(state);
        self.wake.notify_one();
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thread's part of the fold, and what it weighs.
struct Folding<'a> {
    builder: Builder,
    weight: u64,
    queue: &'a Queue,
}

impl Folding<'_> {
    fn fold(&mut self, key: &str, block: &Block) {
        for (position, record) in block.records() {
            self.builder.fold_record(key, position, record);
        }
        // Only this thread changes its own part, and a builder never becomes lighter.
        let weight = (self.builder.weight() as u64).max(self.weight);
        self.queue.weight.fetch_add(weight - self.weight, Ordering::Relaxed);
        self.weight = weight;
    }
}
