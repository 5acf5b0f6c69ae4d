//! Runs long computations off the async threads, at lower priority: answers from open sessions stay quick.

use crate::session::Error;
use std::thread::{self, JoinHandle};

/// On Linux threads have a niceness of their own: about a tenth of the weight of one that serves requests.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Computations that run.
pub(super) struct Started<T>(Vec<JoinHandle<T>>);

/// Starts one computation per function, each on a thread of its own: threads of the blocking pool are used again for
/// other things, and a lowered priority cannot be raised again.
pub(super) fn start<T, F>(work: impl Iterator<Item = F>) -> Result<Started<T>, Error>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let started = work.map(|work| {
        let quiet = move || {
            lower_priority();
            work()
        };
        thread::Builder::new().name("ray-history-load".to_owned()).spawn(quiet).map_err(|_| Error::Broken)
    });
    Ok(Started(started.collect::<Result<_, _>>()?))
}

impl<T: Send + 'static> Started<T> {
    /// Waits for all of them. A panic in one of them is an error, after all have ended.
    pub(super) async fn end(self) -> Result<Vec<T>, Error> {
        let join = || {
            let ended: Vec<Option<T>> = self.0.into_iter().map(|thread| thread.join().ok()).collect();
            ended.into_iter().collect::<Option<Vec<T>>>()
        };
        tokio::task::spawn_blocking(join).await.ok().flatten().ok_or(Error::Broken)
    }
}

/// Runs one computation.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    start(std::iter::once(work))?.end().await?.pop().ok_or(Error::Broken)
}

#[cfg(target_os = "linux")]
fn lower_priority() {
    // Refused by some sandboxes: then it runs at normal priority.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}
