//! Writes log lines to standard error from one thread, through a bounded queue.
//!
//! Logging never blocks on a reader of standard error: lines that do not fit into the queue are dropped and counted.
//! `tracing-appender` does the same, but reports a failed shutdown on standard error itself, which may be blocked.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Capacity of the queue, in lines.
const QUEUE: usize = 2048;
/// Pause between two attempts to send to a full queue.
const PAUSE: Duration = Duration::from_millis(10);

static QUEUED: OnceLock<SyncSender<Message>> = OnceLock::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);

enum Message {
    Line(Vec<u8>),
    /// Requests a signal once all earlier lines are written.
    Written(SyncSender<()>),
}

/// Starts the thread, once per process.
pub(super) fn start() -> io::Result<()> {
    if QUEUED.get().is_some() {
        return Ok(());
    }
    let (queue, lines) = sync_channel(QUEUE);
    std::thread::Builder::new().name("log".to_owned()).spawn(move || write(&lines, io::stderr()))?;
    let _ = QUEUED.set(queue);
    Ok(())
}

fn write(lines: &Receiver<Message>, mut to: impl Write) {
    while let Ok(message) = lines.recv() {
        match message {
            // Errors are ignored: if standard error is closed, there is no place to report them.
            Message::Line(line) => drop(to.write_all(&line)),
            Message::Written(done) => drop(done.try_send(())),
        }
    }
}

/// Waits until all lines logged so far are written, for at most `bound`.
pub fn flush(bound: Duration) {
    let Some(queue) = QUEUED.get() else { return };
    let end = Instant::now() + bound;
    let (done, written) = sync_channel(1);
    let mut message = Message::Written(done);
    while let Err(TrySendError::Full(back)) = queue.try_send(message) {
        if Instant::now() >= end {
            return;
        }
        message = back;
        std::thread::sleep(PAUSE);
    }
    let _ = written.recv_timeout(end.saturating_duration_since(Instant::now()));
}

/// Returns the number of lines dropped since the start because standard error was not read.
pub fn dropped_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// A writer that queues each write as one line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue;

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let queued = QUEUED.get().is_some_and(|queue| queue.try_send(Message::Line(line.to_vec())).is_ok());
        if !queued {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
