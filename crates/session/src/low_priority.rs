//! Low-priority threads for loads, so that answers from open sessions stay quick.
//!
//! Long computations get one thread each. A runtime runs the rest of a load: listing, fetching, reading files.

use super::Error;
use std::io;
use std::thread::{self, JoinHandle};
use tokio::runtime::{Builder, Handle, Runtime};

/// Niceness of the threads that load sessions. On Linux each thread has its own.
///
/// A thread that serves requests weighs 2.4 times as much. Measured on two processors that warm requests keep busy: a
/// cold session that opens in 0.65 s alone opens in 1.7 to 2.7 s with 4, in 2.9 to 4.2 s with 9, in 5 to 13 s with 19;
/// the 99th percentile of the warm requests is the same with all three, some 5 ms.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 4;

const NAME: &str = "ray-history-load";

/// Running computations.
pub(super) struct Started<T>(Vec<JoinHandle<T>>);

/// Starts each computation on a thread of its own, because threads of the blocking pool are reused for other work, and
/// a lowered priority cannot be raised again.
pub(super) fn start<T, F>(work: impl Iterator<Item = F>) -> Result<Started<T>, Error>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let started = work.map(|work| {
        let at_low_priority = move || {
            lower_priority();
            work()
        };
        thread::Builder::new().name(NAME.to_owned()).spawn(at_low_priority).map_err(|_| Error::Broken)
    });
    Ok(Started(started.collect::<Result<_, _>>()?))
}

impl<T: Send + 'static> Started<T> {
    /// Waits for all computations. A panic in one of them is an error, returned after all have ended.
    pub(super) async fn end(self) -> Result<Vec<T>, Error> {
        let join = || {
            let ended: Vec<Option<T>> = self.0.into_iter().map(|thread| thread.join().ok()).collect();
            ended.into_iter().collect::<Option<Vec<T>>>()
        };
        tokio::task::spawn_blocking(join).await.ok().flatten().ok_or(Error::Broken)
    }
}

/// Runs one computation at low priority.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    start(std::iter::once(work))?.end().await?.pop().ok_or(Error::Broken)
}

/// A runtime whose threads have low priority, including those for blocking calls.
#[derive(Debug)]
pub(super) struct LowPriorityRuntime(Option<Runtime>);

impl LowPriorityRuntime {
    /// Starts the runtime.
    pub(super) fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.thread_name(NAME).on_thread_start(lower_priority).enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Returns the handle to spawn tasks on.
    pub(super) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for LowPriorityRuntime {
    /// Does not wait, because it may be dropped on one of its own threads.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(target_os = "linux")]
fn lower_priority() {
    // Some sandboxes refuse this: the thread runs at normal priority then.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    fn niceness() -> i32 {
        rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap()
    }

    #[tokio::test]
    async fn only_load_threads_have_low_priority() {
        let runtime = LowPriorityRuntime::start().unwrap();
        let handle = runtime.handle().unwrap();
        let task = handle.spawn(async { niceness() }).await.unwrap();
        let blocking = handle.spawn_blocking(niceness).await.unwrap();
        assert_eq!([task, blocking, run(niceness).await.unwrap()], [NICENESS; 3]);
        assert!(niceness() < NICENESS);
    }
}
