//! One load per session at a time, shared by everybody who waits for it.
//!
//! Owns who waits for what, and how long an error is held. A load runs in a task of its own: a client that leaves
//! cancels nothing, a panic is an error of that load only, and all waiters get the same value or the same error.
//! Those tasks belong to the runtime that the loader was made in, or to one for loads, not to the one that serves whoever
//! asked first: each thread that answers requests has one of its own, which ends while others are still answering.
//! Must never know what a load does.

use super::Error;
use super::freshness::hold;
use super::progress::{Counters, Progress};
use super::quiet::Quiet;
use ray_history_core::base::name::SessionKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a load ends with.
pub(super) type Loaded<T> = Result<T, Error>;

/// The loads of all sessions.
#[derive(Debug)]
pub(super) struct Loader<T> {
    loads: Arc<Mutex<Loads<T>>>,
    tasks: TaskTracker,
    /// None outside a runtime, where nothing can be loaded yet.
    runtime: Option<Handle>,
    /// Where loads run, if not there.
    quiet: Option<Quiet>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Loads<T> {
    /// Ends the loads that run, and not those that start later, when all is begun anew.
    current: CancellationToken,
    running: HashMap<SessionKey, Running<T>>,
    held: HashMap<SessionKey, Held>,
}

#[derive(Debug)]
struct Running<T> {
    result: watch::Receiver<Option<Loaded<T>>>,
    counters: Arc<Counters>,
}

/// An error that is given again without trying, for a while.
#[derive(Debug)]
struct Held {
    error: Error,
    until: Instant,
    failures: u32,
}

/// What a request is to do.
#[derive(Debug)]
pub(super) enum Joined<T> {
    /// It is there.
    Ready(T),
    /// Wait for this.
    Waiting(Waiting<T>),
}

/// A place among those who wait for a load. Dropping it cancels nothing.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    result: watch::Receiver<Option<Loaded<T>>>,
    counters: Arc<Counters>,
}

impl<T: Clone> Waiting<T> {
    /// The end of the load.
    pub(super) async fn end(mut self) -> Loaded<T> {
        let loaded = self.result.wait_for(Option::is_some).await.map_err(|_| Error::Broken)?;
        loaded.clone().unwrap_or(Err(Error::Broken))
    }

    /// How far the load is.
    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

impl<T: Clone + Send + Sync + 'static> Loader<T> {
    /// No loads yet; all of them end when the token is cancelled.
    pub(super) fn new(stop: CancellationToken) -> Self {
        let loads =
            Arc::new(Mutex::new(Loads { current: stop.child_token(), running: HashMap::new(), held: HashMap::new() }));
        Self { loads, tasks: TaskTracker::new(), runtime: Handle::try_current().ok(), quiet: None, stop }
    }

    /// Loads on other threads from now on; what is short, and waited for, does not run there.
    pub(super) fn load_on(&mut self, quiet: Quiet) {
        self.quiet = Some(quiet);
    }

    /// Joins the load of a session that runs, or starts one; an error that is still held is given at once.
    ///
    /// `ready` is asked once more before a load is started: one may have ended since the caller looked.
    pub(super) fn join<F>(
        &self,
        key: &SessionKey,
        ready: impl FnOnce() -> Option<T>,
        load: impl FnOnce(Arc<Counters>) -> F,
    ) -> Loaded<Joined<T>>
    where
        F: Future<Output = Loaded<T>> + Send + 'static,
    {
        let mut loads = self.lock();
        if let Some(running) = loads.running.get(key) {
            let (result, counters) = (running.result.clone(), Arc::clone(&running.counters));
            return Ok(Joined::Waiting(Waiting { result, counters }));
        }
        if let Some(ready) = ready() {
            return Ok(Joined::Ready(ready));
        }
        if let Some(held) = loads.held.get(key)
            && Instant::now() < held.until
        {
            return Err(held.error.clone());
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
        let runtime = self.quiet.as_ref().and_then(Quiet::handle).or(self.runtime.as_ref());
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
            lock(&loads).end(&key, &counters, loaded.as_ref().err());
            // Nobody may be left to hear it.
            let _ = sender.send(Some(loaded));
        });
        Ok(Joined::Waiting(waiting))
    }

    /// How far the load of a session is, if one runs.
    pub(super) fn progress(&self, key: &SessionKey) -> Option<Progress> {
        Some(self.lock().running.get(key)?.counters.now())
    }

    /// The error of a session's last load, while it is held.
    pub(super) fn held(&self, key: &SessionKey) -> Option<Error> {
        let loads = self.lock();
        let held = loads.held.get(key)?;
        (Instant::now() < held.until).then(|| held.error.clone())
    }

    /// How many loads run or wait for their turn.
    pub(super) fn running(&self) -> usize {
        self.lock().running.len()
    }

    /// Completes when no load runs any more.
    pub(super) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Runs something beside the loads that ends with them.
    pub(super) fn beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.spawn(self.runtime.as_ref(), async move {
            stop.run_until_cancelled(work).await;
        });
    }

    /// Runs something to its end, whoever stops waiting for it.
    pub(super) async fn apart<R: Send + 'static>(
        &self,
        work: impl Future<Output = Result<R, Error>> + Send + 'static,
    ) -> Result<R, Error> {
        let (sender, result) = oneshot::channel();
        self.beside(async move {
            // Nobody may be left to hear it.
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

    /// Forgets held errors: the store may answer again.
    pub(super) fn forget(&self) {
        self.lock().held.clear();
    }

    /// Another store is in use: forgets held errors, and ends the loads that run. Who waits for one is told that it gave
    /// way, and may ask again.
    pub(super) fn begin_anew(&self) {
        let mut loads = self.lock();
        loads.held.clear();
        loads.running.clear();
        std::mem::replace(&mut loads.current, self.stop.child_token()).cancel();
    }

    fn lock(&self) -> MutexGuard<'_, Loads<T>> {
        lock(&self.loads)
    }
}

fn lock<T>(loads: &Mutex<Loads<T>>) -> MutexGuard<'_, Loads<T>> {
    loads.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Loads<T> {
    /// Notes how a load ended; not of one from before all was begun anew.
    fn end(&mut self, key: &SessionKey, counters: &Arc<Counters>, error: Option<&Error>) {
        if !self.running.get(key).is_some_and(|running| Arc::ptr_eq(&running.counters, counters)) {
            return;
        }
        self.running.remove(key);
        match error.filter(|error| error.is_worth_holding()) {
            None => {
                self.held.remove(key);
            }
            Some(error) => {
                let now = Instant::now();
                let failures = self.held.get(key).map_or(0, |held| held.failures) + 1;
                // What nobody asked for again long after its hold is forgotten, so that the map stays small.
                self.held.retain(|_, held| now < held.until + hold(held.failures));
                let until = now + hold(failures);
                self.held.insert(key.clone(), Held { error: error.clone(), until, failures });
            }
        }
    }
}

#[cfg(test)]
mod tests;
