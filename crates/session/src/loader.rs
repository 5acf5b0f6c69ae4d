//! Runs one load per session at a time, shared by all waiters.
//!
//! A load runs in a task of its own: a client that leaves cancels nothing, a panic is an error of that load only, and
//! all waiters get the same value or the same error, which is cached for a while. The tasks run on the runtime that the
//! loader was created in, or on one for loads, not on that of the first caller: each thread that answers requests has
//! a runtime of its own, which may end while others still answer. The loader knows nothing of what a load does.

use super::Error;
use super::freshness::retry_delay;
use super::low_priority::LowPriorityRuntime;
use super::progress::{Counters, Progress};
use parking_lot::Mutex;
use ray_history_core::base::name::SessionKey;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The result of a load.
pub(super) type Loaded<T> = Result<T, Error>;

/// The loads of all sessions.
#[derive(Debug)]
pub(super) struct Loader<T> {
    loads: Arc<Mutex<Loads<T>>>,
    tasks: TaskTracker,
    /// `None` if created outside a runtime, where nothing can be loaded yet.
    runtime: Option<Handle>,
    /// The runtime of loads, if it is another one.
    low_priority: Option<LowPriorityRuntime>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Loads<T> {
    /// Cancels the running loads on `reset`, but none that start later.
    current: CancellationToken,
    running: HashMap<SessionKey, Running<T>>,
    errors: HashMap<SessionKey, CachedError>,
}

#[derive(Debug)]
struct Running<T> {
    result: watch::Receiver<Option<Loaded<T>>>,
    counters: Arc<Counters>,
}

/// An error that is returned for a while without another attempt.
#[derive(Debug)]
struct CachedError {
    error: Error,
    until: Instant,
    failures: u32,
}

/// The result of joining a load.
#[derive(Debug)]
pub(super) enum Joined<T> {
    /// The value is available.
    Ready(T),
    /// The load is running.
    Waiting(Waiting<T>),
}

/// A waiter for a load. Dropping it cancels nothing.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    result: watch::Receiver<Option<Loaded<T>>>,
    counters: Arc<Counters>,
}

impl<T: Clone> Waiting<T> {
    /// Waits for the result of the load.
    pub(super) async fn wait(mut self) -> Loaded<T> {
        let loaded = self.result.wait_for(Option::is_some).await.map_err(|_| Error::Broken)?;
        loaded.clone().unwrap_or(Err(Error::Broken))
    }

    /// Returns the progress counters of the load.
    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

impl<T: Clone + Send + Sync + 'static> Loader<T> {
    /// Creates a loader whose loads all end when the token is cancelled.
    pub(super) fn new(stop: CancellationToken) -> Self {
        let loads = Arc::new(Mutex::new(Loads {
            current: stop.child_token(),
            running: HashMap::new(),
            errors: HashMap::new(),
        }));
        Self { loads, tasks: TaskTracker::new(), runtime: Handle::try_current().ok(), low_priority: None, stop }
    }

    /// Runs loads on a low-priority runtime from now on. Short tasks with waiting callers do not run there.
    pub(super) fn load_on(&mut self, low_priority: LowPriorityRuntime) {
        self.low_priority = Some(low_priority);
    }

    /// Joins the running load of a session, or starts one. A cached error is returned at once.
    ///
    /// `ready` is called once more before a load is started, because one may have ended since the caller checked.
    pub(super) fn join<F>(
        &self,
        key: &SessionKey,
        ready: impl FnOnce() -> Option<T>,
        load: impl FnOnce(Arc<Counters>) -> F,
    ) -> Loaded<Joined<T>>
    where
        F: Future<Output = Loaded<T>> + Send + 'static,
    {
        let mut loads = self.loads.lock();
        if let Some(running) = loads.running.get(key) {
            let (result, counters) = (running.result.clone(), Arc::clone(&running.counters));
            return Ok(Joined::Waiting(Waiting { result, counters }));
        }
        if let Some(ready) = ready() {
            return Ok(Joined::Ready(ready));
        }
        if let Some(cached) = loads.errors.get(key)
            && Instant::now() < cached.until
        {
            return Err(cached.error.clone());
        }
        if self.stop.is_cancelled() {
            return Err(Error::Stopping);
        }
        let (sender, result) = watch::channel(None);
        let counters = Arc::new(Counters::start());
        let running = Running { result: result.clone(), counters: Arc::clone(&counters) };
        loads.running.insert(key.clone(), running);
        let current = loads.current.clone();
        drop(loads);
        let waiting = Waiting { result, counters: Arc::clone(&counters) };
        let (loads, stop, key) = (Arc::clone(&self.loads), self.stop.clone(), key.clone());
        let work = load(Arc::clone(&counters));
        let runtime = self.low_priority.as_ref().and_then(LowPriorityRuntime::handle).or(self.runtime.as_ref());
        self.spawn(runtime, async move {
            // The inner task turns a panic into an error of this load only.
            let mut work = tokio::spawn(work);
            let loaded = tokio::select! {
                done = &mut work => done.unwrap_or(Err(Error::Broken)),
                () = current.cancelled() => {
                    work.abort();
                    Err(if stop.is_cancelled() { Error::Stopping } else { Error::Busy })
                }
            };
            loads.lock().finish(&key, &counters, loaded.as_ref().err());
            // There may be no receiver left.
            let _ = sender.send(Some(loaded));
        });
        Ok(Joined::Waiting(waiting))
    }

    /// Returns the progress of a session's load, if one runs.
    pub(super) fn progress(&self, key: &SessionKey) -> Option<Progress> {
        Some(self.loads.lock().running.get(key)?.counters.now())
    }

    /// Returns the error of a session's last load while it is cached.
    #[cfg(test)]
    pub(super) fn cached_error(&self, key: &SessionKey) -> Option<Error> {
        let loads = self.loads.lock();
        let cached = loads.errors.get(key)?;
        (Instant::now() < cached.until).then(|| cached.error.clone())
    }

    /// Returns the number of loads that run or wait for a permit.
    pub(super) fn running(&self) -> usize {
        self.loads.lock().running.len()
    }

    /// Waits until no load runs.
    pub(super) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Spawns a background task that ends with the loads.
    pub(super) fn spawn_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.spawn(self.runtime.as_ref(), async move {
            stop.run_until_cancelled(work).await;
        });
    }

    /// Runs a future to its end even if the caller stops waiting for it.
    pub(super) async fn run_detached<R: Send + 'static>(
        &self,
        work: impl Future<Output = Result<R, Error>> + Send + 'static,
    ) -> Result<R, Error> {
        let (sender, result) = oneshot::channel();
        self.spawn_background(async move {
            // There may be no receiver left.
            let _ = sender.send(work.await);
        });
        result.await.unwrap_or(Err(if self.stop.is_cancelled() { Error::Stopping } else { Error::Broken }))
    }

    fn spawn(&self, runtime: Option<&Handle>, work: impl Future<Output = ()> + Send + 'static) {
        match runtime {
            Some(runtime) => self.tasks.spawn_on(work, runtime),
            None => self.tasks.spawn(work),
        };
    }

    /// Clears cached errors, because the store may have recovered.
    pub(super) fn clear_errors(&self) {
        self.loads.lock().errors.clear();
    }

    /// Clears cached errors and cancels the running loads, because the store was replaced. Waiters get `Error::Busy`
    /// and may try again.
    pub(super) fn reset(&self) {
        let mut loads = self.loads.lock();
        loads.errors.clear();
        loads.running.clear();
        std::mem::replace(&mut loads.current, self.stop.child_token()).cancel();
    }
}

impl<T> Loads<T> {
    /// Records the end of a load, unless it was started before the last `reset`.
    fn finish(&mut self, key: &SessionKey, counters: &Arc<Counters>, error: Option<&Error>) {
        if !self.running.get(key).is_some_and(|running| Arc::ptr_eq(&running.counters, counters)) {
            return;
        }
        self.running.remove(key);
        match error.filter(|error| error.is_cacheable()) {
            None => {
                self.errors.remove(key);
            }
            Some(error) => {
                let now = Instant::now();
                let failures = self.errors.get(key).map_or(0, |cached| cached.failures) + 1;
                // Errors long past their expiry are removed, so that the map stays small.
                self.errors.retain(|_, cached| now < cached.until + retry_delay(cached.failures));
                let until = now + retry_delay(failures);
                self.errors.insert(key.clone(), CachedError { error: error.clone(), until, failures });
            }
        }
    }
}

#[cfg(test)]
mod tests;
