//! Parses event files on dedicated threads: takes files from the async side and produces one builder per thread.
//!
//! A file is decompressed by one thread. When another thread is idle, the blocks of that file are shared, so that one
//! big file keeps all threads busy. The threads run at low priority, so that answers from open sessions stay quick.
//! Memory is counted before it is used: a record without an end is read no further than memory is reserved for it. The
//! threads never block an async thread, and end when the result is no longer needed (`Stop`).

use super::incoming::{IncomingFile, Pieces};
use crate::load_permit::{HeldBytes, LoadPermit};
use crate::memory::FetchSlot;
use parking_lot::{Condvar, Mutex, MutexGuard};
use ray_history_core::base::time::Nanos;
use ray_history_core::event::records::{BLOCK, Block, Records, Step};
use ray_history_core::snapshot::build::Builder;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A block that any thread may parse.
#[derive(Debug)]
struct SharedBlock {
    key: Arc<str>,
    latest: Nanos,
    block: Block,
    _held: HeldBytes,
}

#[derive(Debug, Default)]
struct State {
    files: VecDeque<IncomingFile>,
    blocks: VecDeque<SharedBlock>,
    /// Threads that wait for work.
    idle: usize,
    /// Threads that read a file and may still share blocks of it.
    reading: usize,
    /// No more files will come.
    closed: bool,
    /// The result is no longer needed.
    stopped: bool,
}

/// The queue of files and blocks of one load.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    permit: Arc<LoadPermit>,
}

/// Stops a queue's threads on drop, if the load was cancelled, timed out or ran out of memory. Has no effect after all
/// of them ended.
#[derive(Debug)]
pub(super) struct Stop(pub(super) Arc<Queue>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Stops a queue's other threads if one of them panics, because they would wait for it for ever.
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
    Block(SharedBlock),
}

impl Queue {
    /// Creates an empty queue.
    pub(super) fn new(permit: Arc<LoadPermit>) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), permit }
    }

    /// Queues a file with the latest plausible time of its events, and returns the sender of its bytes. Dropping the
    /// sender ends the file.
    pub(super) fn push(&self, key: &str, latest: Nanos, slot: FetchSlot) -> Pieces {
        let (file, sender) = IncomingFile::new(key, latest, slot);
        let mut state = self.lock();
        if !state.stopped {
            state.files.push_back(file);
        }
        drop(state);
        self.wake.notify_one();
        sender
    }

    /// Declares that no more files will come. Threads end when all work is done.
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

    /// Parses on the calling thread until everything is done or the queue is stopped.
    pub(super) fn work(&self, session_name: &str) -> Parsed {
        let parsed = Parsed { builder: Builder::new(session_name), records: BTreeMap::new() };
        let mut folding = Folding { parsed, weight: 0, permit: &self.permit };
        while let Some(work) = self.next() {
            match work {
                Work::Block(share) => folding.fold(&share),
                Work::File(file) => {
                    let _reading = Reading(self);
                    self.read(&mut folding, file);
                }
            }
        }
        folding.parsed
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
            self.wake.wait(&mut state);
        };
        state.idle -= 1;
        work
    }

    fn read(&self, folding: &mut Folding<'_>, file: IncomingFile) {
        let (key, latest) = (Arc::clone(&file.key), file.latest);
        let mut records = Records::new(file.into_reader());
        let mut ahead = self.permit.hold(0);
        loop {
            let step = records.step();
            ahead.set(excess_over_block(records.may_hold()));
            match step {
                Step::Block(block) => {
                    let held = self.permit.hold(excess_over_block(block.weight()));
                    if let Some(share) = self.share(SharedBlock { key: Arc::clone(&key), latest, block, _held: held }) {
                        folding.fold(&share);
                    }
                }
                // The load fails, so the rest is not needed.
                Step::Incomplete if self.permit.cover().is_err() => self.stop(),
                Step::Incomplete => {}
                Step::End => break,
            }
            if self.lock().stopped {
                return;
            }
        }
        let report = folding.parsed.builder.completeness_mut();
        report.event_files += 1;
        report.empty_event_files += u64::from(records.is_blank());
        for &position in records.too_long() {
            report.add_damaged(&key, position, "longer than any event");
        }
        if let Some(why) = records.broken() {
            report.unreadable_files.add(&key, 0, why);
        }
    }

    /// Passes a block to an idle thread, or returns it if there is none.
    fn share(&self, share: SharedBlock) -> Option<SharedBlock> {
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
        self.state.lock()
    }
}

/// Returns the bytes above the usual block length, which the base of every load covers.
fn excess_over_block(bytes: usize) -> u64 {
    bytes.saturating_sub(BLOCK) as u64
}

/// The result of one parsing thread.
pub(super) struct Parsed {
    pub(super) builder: Builder,
    /// Records read, by file.
    pub(super) records: BTreeMap<Arc<str>, u64>,
}

/// One thread's builder, and its weight.
struct Folding<'a> {
    parsed: Parsed,
    weight: u64,
    permit: &'a LoadPermit,
}

impl Folding<'_> {
    fn fold(&mut self, share: &SharedBlock) {
        let Parsed { builder, records } = &mut self.parsed;
        let before = builder.completeness_mut().records;
        builder.expect_until(share.latest);
        for (position, record) in share.block.records() {
            builder.fold_record(&share.key, position, record);
        }
        *records.entry(Arc::clone(&share.key)).or_default() += builder.completeness_mut().records - before;
        // Only this thread changes its builder, and a builder never becomes lighter.
        let weight = (builder.weight() as u64).max(self.weight);
        self.permit.add_built(weight - self.weight);
        self.weight = weight;
    }
}

#[cfg(test)]
mod tests;
