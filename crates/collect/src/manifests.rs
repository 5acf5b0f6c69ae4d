//! Composes the manifests of this pod's sessions and nodes, and puts them.

mod node_manifest;

use crate::destinations::Destinations;
use crate::parts::{EventPart, LogPart};
use crate::upload::Sink;
use node_manifest::NodeManifest;
use parking_lot::Mutex;
use ray_history_core::base::name::SessionName;
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::NodeKeys;
use ray_history_manifest::{AgentCounters, Collector, Endpoint, FORMAT, Identity, Manifest, Reason, Role, State};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The interval of manifests while something changes.
const INTERVAL: Duration = Duration::from_secs(60);
/// The interval while nothing does: a reader takes a head for alive whose manifest is younger than three minutes.
const HEARTBEAT: Duration = Duration::from_secs(165);
/// The longest interval of nodes without a head: a reader believes a quarter of an hour at most.
const MOST_HEARTBEAT: Duration = Duration::from_mins(10);
/// The time within which the logs of Ray's own processes are stored once they are due, and the manifest with them.
const STORED: Duration = Duration::from_secs(45);

/// Returns the interval of manifests while nothing changes, which they tell.
///
/// Idle nodes store their own processes' logs now and then, and a manifest each time, which is a sign of life as well.
/// Another one in between would double what an idle node costs. The head's tells whether the session is alive, so that
/// one is not put off.
pub fn heartbeat(role: Role, system_log_flush: Duration) -> Duration {
    match role {
        Role::Head => HEARTBEAT,
        Role::Worker => system_log_flush.saturating_add(STORED).clamp(HEARTBEAT, MOST_HEARTBEAT),
    }
}

/// A node of a session: its session, and its id in hex.
pub type NodeId = (SessionName, String);

/// The facts that are the same in all manifests of a process.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The id of the spool.
    pub spool: String,
    /// The number of times that a collector started on it.
    pub boot: u64,
    /// The program.
    pub collector: Collector,
    /// The node's identity, but for its session and id.
    pub identity: Identity,
}

/// The manifests of all nodes that this pod was.
pub struct Manifests {
    facts: Facts,
    folder: PathBuf,
    destinations: Destinations,
    sink: Sink,
    events: Arc<dyn EventPart>,
    logs: Arc<dyn LogPart>,
    nodes: Mutex<BTreeMap<NodeId, NodeManifest>>,
    /// Manifests are put one after the other, so that a later one is never replaced by an earlier one.
    putting: tokio::sync::Mutex<()>,
}

impl Manifests {
    /// Returns the manifests, whose local copies are in a folder of the spool.
    pub fn new(
        facts: Facts,
        folder: PathBuf,
        destinations: Destinations,
        sink: Sink,
        events: Arc<dyn EventPart>,
        logs: Arc<dyn LogPart>,
    ) -> Self {
        let (nodes, putting) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { facts, folder, destinations, sink, events, logs, nodes, putting }
    }

    fn with<T>(&self, node: &NodeId, act: impl FnOnce(&mut NodeManifest) -> T) -> T {
        let mut nodes = self.nodes.lock();
        let state = nodes.entry(node.clone()).or_insert_with(|| NodeManifest::load(&self.folder, node));
        act(state)
    }

    /// Takes over a scrape of the agent of a node.
    pub fn scraped(&self, node: &NodeId, counters: Vec<AgentCounters>, began: Instant) {
        self.with(node, |state| state.agents.update(counters, began, now()));
    }

    /// Takes over that the raylet of a node was found gone.
    pub fn ray_ended(&self, node: &NodeId) {
        self.with(node, |state| state.ray_ended = now());
    }

    /// Returns `true` if Ray's counters say that nothing is on its way from a node.
    pub fn is_quiet(&self, node: &NodeId) -> bool {
        let last = self.events.last_event_at();
        self.with(node, |state| state.agents.are_quiet(last))
    }

    /// Takes over that an answer of the dashboard is stored.
    pub fn stored_endpoint(&self, node: &NodeId, url: &str, endpoint: Endpoint) {
        self.with(node, |state| state.endpoints.insert(url.to_owned(), endpoint));
    }

    /// Returns the stored answer of a URL.
    pub fn endpoint(&self, node: &NodeId, url: &str) -> Option<Endpoint> {
        self.with(node, |state| state.endpoints.get(url).cloned())
    }

    /// Returns the last state that was put.
    pub fn state(&self, node: &NodeId) -> State {
        self.with(node, |state| state.state)
    }

    /// Returns how many events Ray's agents dropped, by type, of all nodes of this process.
    pub fn dropped(&self) -> BTreeMap<String, u64> {
        let mut dropped: BTreeMap<String, u64> = BTreeMap::new();
        for state in self.nodes.lock().values() {
            for (kind, count) in state.agents.dropped() {
                let sum = dropped.entry(kind.to_owned()).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        dropped
    }

    /// Puts the manifest of a node that goes on, if it is due.
    pub async fn put_if_due(&self, node: &NodeId) {
        let Some((composed, state, reason)) = self.next(node, false) else { return };
        let collector = &self.facts.collector;
        let heartbeat = Duration::try_from_secs_f64(collector.heartbeat_seconds).unwrap_or_default().max(HEARTBEAT);
        let due = self.with(node, |known| {
            let age = known.put.map_or(Duration::MAX, |put| put.elapsed());
            let is_telling = known.is_first_with_counters(&composed);
            age >= heartbeat || (age >= INTERVAL || is_telling) && known.differs(&composed)
        });
        if due {
            self.put(node, state, reason).await;
        }
    }

    /// Puts the manifest of a closed node again if something was stored since: a log that was stored again would look as
    /// if somebody had replaced it. Such a node gives no signs of life.
    pub async fn put_late(&self, node: &NodeId) {
        let Some((composed, state, reason)) = self.next(node, true) else { return };
        if self.with(node, |known| known.differs(&composed)) {
            self.put(node, state, reason).await;
        }
    }

    /// Returns the manifest that would be put now without a new state, of a node that is closed or of one that goes on.
    fn next(&self, node: &NodeId, is_closed: bool) -> Option<(Manifest, State, Option<Reason>)> {
        let (state, reason) = self.with(node, |known| (known.state, known.reason));
        if (state == State::Closed) != is_closed {
            return None;
        }
        let keys = self.destinations.session_keys(&node.0)?;
        Some((self.compose(node, &keys.node(&node.1), state, reason), state, reason))
    }

    /// Puts the manifest of a node with a new state. Waits for the store.
    pub async fn put(&self, node: &NodeId, state: State, reason: Option<Reason>) {
        let _one = self.putting.lock().await;
        let Some(keys) = self.destinations.session_keys(&node.0) else { return };
        let keys = keys.node(&node.1);
        let manifest = self.compose(node, &keys, state, reason);
        self.with(node, |known| known.save(&self.folder, node, &manifest));
        let key = format!("{}manifest.json", keys.own(&self.facts.spool));
        match self.sink.put(&key, manifest.to_bytes().into()).await {
            Ok(()) => {
                self.logs.manifest_is_stored(&node.0, &node.1, &manifest.logs).await;
                self.with(node, |known| known.put(manifest));
            }
            Err(error) => {
                tracing::warn!(error = %ray_history_core::base::chain::chain(&error), "a manifest cannot be put");
            }
        }
    }

    fn compose(&self, node: &NodeId, keys: &NodeKeys, state: State, reason: Option<Reason>) -> Manifest {
        // Before the parts: what is stored meanwhile is not claimed.
        let flushed_to = self.events.flushed_to();
        let written = now();
        let events = self.events.manifest_part(&node.0, keys);
        let logs = self.logs.manifest_part(&node.0, &node.1);
        let (last_event, kept) = (self.events.last_event_at(), events.records.saturating_add(events.quarantined));
        let identity = Identity { session: node.0.to_string(), node: node.1.clone(), ..self.facts.identity.clone() };
        self.with(node, |known| Manifest {
            format: FORMAT.to_owned(),
            spool: self.facts.spool.clone(),
            boot: self.facts.boot,
            sequence: known.sequence + 1,
            written,
            flushed_to,
            collector: self.facts.collector.clone(),
            state,
            reason,
            identity,
            events,
            ray: known.agents.counters(last_event, kept),
            ray_ended: known.ray_ended,
            logs,
            endpoints: known.endpoints.clone(),
        })
    }
}

/// Returns the time of the machine's clock.
pub(crate) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
