//! The thread that takes batches into the spool. It does nothing else: on the runtime's few blocking threads a batch
//! would wait until files were compressed, synced and read for uploads.

use super::body::Body;
use crate::spool::{Accepted, Refused, Spool};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::thread;
use tokio::sync::{mpsc, oneshot};

/// A batch, and where its outcome goes.
type Job = (Body, oneshot::Sender<Result<Accepted, Refused>>);

/// Hands batches to the thread, which ends when this is dropped.
pub(super) struct Acceptor {
    spool: Arc<Spool>,
    jobs: Mutex<Option<mpsc::UnboundedSender<Job>>>,
}

impl Acceptor {
    pub(super) fn new(spool: Arc<Spool>) -> Self {
        Self { spool, jobs: Mutex::new(None) }
    }

    /// Takes a batch. If the caller leaves meanwhile, it is taken all the same.
    pub(super) async fn take(&self, body: Body) -> Result<Accepted, Refused> {
        let (outcome, taken) = oneshot::channel();
        self.jobs().map_err(Refused::Disk)?.send((body, outcome)).map_err(|_| ended())?;
        taken.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Returns the way to the thread, which is started if it is not there.
    fn jobs(&self) -> io::Result<mpsc::UnboundedSender<Job>> {
        let mut jobs = self.jobs.lock();
        if let Some(jobs) = jobs.as_ref().filter(|jobs| !jobs.is_closed()) {
            return Ok(jobs.clone());
        }
        let (sender, mut receiver) = mpsc::unbounded_channel::<Job>();
        let spool = Arc::clone(&self.spool);
        thread::Builder::new().name("accept".to_owned()).spawn(move || {
            while let Some((body, outcome)) = receiver.blocking_recv() {
                let taken = match &body {
                    Body::Memory { bytes, .. } => spool.accept(bytes),
                    Body::File { file, len, .. } => spool.accept_file(file, *len),
                };
                // Its room is free before the next batch comes.
                drop(body);
                // Nobody waits for it if the client left.
                let _ = outcome.send(taken);
            }
        })?;
        *jobs = Some(sender.clone());
        Ok(sender)
    }
}

fn ended() -> Refused {
    Refused::Disk(io::Error::other("the thread that takes batches has ended"))
}
