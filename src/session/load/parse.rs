//! Parses event files on threads of their own: files come in from the async side, one builder per thread goes out.
//!
//! Owns the queue between them. A file is decompressed by one thread; when another thread has nothing to do, the
//! blocks of that file are shared out, so that one big file keeps all threads busy. Must never block an async thread.

use crate::event::records::{Block, Records};
use crate::snapshot::build::Builder;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Pieces of a file that wait to be parsed; more would only hold memory.
pub(super) const PIECES_AHEAD: usize = 2;

/// A file on its way from storage: its key, and its bytes piece by piece.
#[derive(Debug)]
pub(super) struct IncomingFile {
    key: Arc<str>,
    pieces: mpsc::Receiver<io::Result<Bytes>>,
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
}

/// The work of one load.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

enum Work {
    File(IncomingFile),
    Block(Arc<str>, Block),
}

impl Queue {
    /// Announces a file; its bytes go into the sender, and dropping that ends the file.
    pub(super) fn push(&self, key: &str) -> Pieces {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        self.lock().files.push_back(IncomingFile { key: key.into(), pieces });
        self.wake.notify_one();
        sender
    }

    /// Says that no more files will come; threads end when all work is done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }

    /// Parses on the calling thread until everything is done.
    pub(super) fn work(&self, session_name: &str) -> Builder {
        let mut builder = Builder::new(session_name);
        while let Some(work) = self.next() {
            match work {
                Work::Block(key, block) => fold(&mut builder, &key, &block),
                Work::File(file) => {
                    self.read(&mut builder, file);
                    self.lock().reading -= 1;
                    self.wake.notify_all();
                }
            }
        }
        builder
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
            if state.closed && state.reading == 0 {
                break None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.idle -= 1;
        work
    }

    fn read(&self, builder: &mut Builder, file: IncomingFile) {
        let key = file.key;
        let mut records = Records::new(PieceReader { pieces: file.pieces, current: Bytes::new() });
        while let Some(block) = records.next_block() {
            if let Some(block) = self.share(&key, block) {
                fold(builder, &key, &block);
            }
        }
        let report = builder.completeness_mut();
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

fn fold(builder: &mut Builder, key: &str, block: &Block) {
    for (position, record) in block.records() {
        builder.fold_record(key, position, record);
    }
}
