//! The end of a node: the hook before Ray gets its SIGTERM, SIGTERM to the collector itself, and closing.
//!
//! Closing goes in the order in which being killed costs least: events, a segment of the logs (now nothing is lost),
//! the dashboard's answers, the manifest, and then the log files as such.

use async_trait::async_trait;
use parking_lot::Mutex;
use ray_history_manifest::State;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Every process of Ray has flushed when nothing came for this time.
const QUIET: Duration = Duration::from_millis(1200);
/// The longest time that the hook waits for that.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The longest time that the hook waits for the store.
const LONGEST_FLUSH: Duration = Duration::from_secs(10);
/// Scrapes of Ray's agent while the hook waits; as many again for events of the dashboard's answers.
const SCRAPES: u32 = 3;
/// The part of the hook's wait that is kept for a scrape when events go on.
const LAST_SCRAPE: Duration = Duration::from_secs(1);
/// A caller of the hook within this time after a drain gets the answer of that one.
const PAUSE: Duration = Duration::from_secs(30);
/// Without SIGTERM in this time, the node is open again: anybody who reaches the pod can call the hook.
const REOPEN: Duration = Duration::from_secs(60);
/// The interval of flushes while the node ends.
const FLUSH: Duration = Duration::from_secs(2);
/// The interval at which the raylet and the events are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// A late event is followed by a scrape after this time without another one.
const LATE: Duration = Duration::from_millis(400);
/// While events go on, the agent is asked in this interval: a verdict holds to the last answer, and Ray may go on for
/// half a minute after its SIGTERM.
const PACE: Duration = Duration::from_secs(1);
/// The agent is left alone for this many times as long as its last answer took.
const REST: u32 = 9;
/// The time for which events are received after the raylet is gone.
const AFTERMATH: Duration = Duration::from_millis(1500);
/// The part of the grace period that is kept for closing.
const CLOSING: Duration = Duration::from_secs(5);

/// The node as its end sees it.
#[async_trait]
pub trait Node: Send + Sync + 'static {
    /// Asks the dashboard one last time.
    async fn poll(&self);
    /// Asks Ray's agent for its counters.
    async fn scrape(&self);
    /// Returns `true` if the last scrape says that nothing is on its way, and no event came after it.
    fn is_quiet(&self) -> bool;
    /// Returns the time of the last event.
    fn last_event_at(&self) -> Option<Instant>;
    /// Returns `true` while a raylet of this pod accepts connections.
    fn raylet_is_alive(&self) -> bool;
    /// Stores all events and logs.
    async fn flush(&self);
    /// Seals the event files and stores a segment of all logs.
    async fn seal(&self);
    /// Puts the manifests of all nodes that are not closed.
    async fn put_manifests(&self, state: State);
    /// Stores the log files as such until a deadline.
    async fn settle(&self, deadline: Instant);
}

/// The end of a node, which may be called off.
pub struct Drain {
    node: Arc<dyn Node>,
    /// The end of the last drain; locked during one.
    last: tokio::sync::Mutex<Option<Instant>>,
    /// Follows the node after a drain.
    follower: Mutex<Option<JoinHandle<()>>>,
}

impl Drain {
    /// Returns the end of a node.
    pub fn new(node: Arc<dyn Node>) -> Self {
        Self { node, last: tokio::sync::Mutex::default(), follower: Mutex::default() }
    }

    /// Waits until Ray has handed over what it has, and stores it. Any number of callers share one drain.
    pub async fn drain(&self) {
        let mut last = self.last.lock().await;
        if last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        tracing::info!("draining: Ray is about to end");
        let end = Instant::now() + LONGEST_WAIT;
        let node = &*self.node;
        // A dashboard that does not answer must not keep the events waiting.
        let poll = async { (timeout_at(end, node.poll()).await.is_ok(), Instant::now()) };
        let wait = async { (quiet(node, end).await, Instant::now()) };
        let ((is_polled, polled), ((), waited)) = tokio::join!(poll, wait);
        if is_polled && polled > waited && !node.is_quiet() {
            // What the dashboard did for its answers made events, too.
            quiet(node, end).await;
        }
        let stored = async {
            node.flush().await;
            node.put_manifests(State::Draining).await;
        };
        if timeout_at(Instant::now() + LONGEST_FLUSH, stored).await.is_err() {
            tracing::warn!("the store does not take everything in time; the spool has it");
        }
        *last = Some(Instant::now());
        self.follow();
    }

    /// Follows the node after a drain: flushes often, and opens it again if it goes on.
    fn follow(&self) {
        let node = Arc::clone(&self.node);
        let follower = tokio::spawn(async move {
            follow(&node, Instant::now() + REOPEN, || false).await;
            tracing::info!("no SIGTERM followed: open again");
            node.put_manifests(State::Open).await;
        });
        if let Some(before) = self.follower.lock().replace(follower) {
            before.abort();
        }
    }

    /// Goes on receiving until Ray is gone or the grace period is nearly over, and then closes everything. Returns when
    /// all is stored, or, for log files that also are in segments, when the grace period is over.
    pub async fn end(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        if let Some(follower) = self.follower.lock().take() {
            follower.abort();
        }
        let has_drained = self.last.lock().await.is_some_and(|last| last.elapsed() < REOPEN);
        let node = &self.node;
        let mut gone: Option<Instant> = None;
        follow(node, deadline - CLOSING.min(grace), || {
            gone = if node.raylet_is_alive() { None } else { gone.or_else(|| Some(Instant::now())) };
            gone.is_some_and(|gone| gone.elapsed() >= AFTERMATH)
        })
        .await;
        node.seal().await;
        if !has_drained {
            drop(timeout_at(Instant::now() + LONGEST_WAIT, node.poll()).await);
        }
        node.put_manifests(State::Draining).await;
        node.settle(deadline).await;
        node.put_manifests(State::Closed).await;
    }
}

/// Waits until nothing is on its way, at most until `end`. Ray's counters are asked in any case: with them it is proved
/// up to now.
async fn quiet(node: &dyn Node, end: Instant) {
    let mut scraped: Option<Instant> = None;
    for _ in 0..SCRAPES {
        while let Some(since) = node.last_event_at().max(scraped)
            && since.elapsed() < QUIET
            && Instant::now() < end - LAST_SCRAPE
        {
            sleep_until((since + QUIET).min(end - LAST_SCRAPE)).await;
        }
        scraped = Some(Instant::now());
        if timeout_at(end, node.scrape()).await.is_err() || node.is_quiet() || Instant::now() >= end - LAST_SCRAPE {
            return;
        }
    }
}

/// Flushes often and scrapes after late events, until a time or a sign.
async fn follow(node: &Arc<dyn Node>, until: Instant, mut is_over: impl FnMut() -> bool) {
    let mut flush: Option<(Instant, JoinHandle<()>)> = None;
    // Without a hook, events may have come since the last scrape of the minute.
    let mut seen = node.last_event_at().filter(|_| node.is_quiet());
    let (mut asked, mut rest) = (Instant::now(), PACE);
    while Instant::now() < until && !is_over() {
        // Not awaited: the end must not depend on the store.
        if flush.as_ref().is_none_or(|(began, flush)| flush.is_finished() && began.elapsed() >= FLUSH) {
            let node = Arc::clone(node);
            flush = Some((Instant::now(), tokio::spawn(async move { node.flush().await })));
        }
        let last = node.last_event_at();
        let is_due = asked.elapsed() >= rest || rest == PACE && last.is_some_and(|last| last.elapsed() >= LATE);
        if last != seen && is_due {
            (seen, asked) = (last, Instant::now());
            drop(timeout_at(until, node.scrape()).await);
            rest = (asked.elapsed() * REST).max(PACE);
        }
        sleep(LOOK).await;
    }
    if let Some((_, flush)) = flush {
        flush.abort();
    }
}

#[cfg(test)]
mod tests;
