//! The rules of liveness: they derive session states from the watch of `RayClusters` and the listing of the bucket.
//!
//! Pure: times are passed in, and no clock is read. Every change returns its effects: clusters that may have new
//! sessions, and sessions that died. All times are Unix microseconds.
//! Only sessions of clusters that were seen are kept: when a cluster appears, the listing must be passed in again.

use super::left_out::LeftOut;
use super::{StartBounds, State, StateRule};
use ray_history_core::base::keep::Keep;
use ray_history_core::base::name::{ClusterId, Owner, SessionKey, SessionName};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The greatest difference allowed between the clocks of the API server, the heads and this process. A head takes
/// longer to start.
const SKEW: i64 = 5_000_000;

/// The age up to which a cluster may not have stored anything yet, when the watch begins.
const STARTING: i64 = 15 * 60_000_000;

/// The most deleted clusters that are remembered. Only a shared bucket needs them, and only for their names.
const REMEMBERED: usize = 100_000;

/// The relevant fields of a `RayCluster` object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The object's uid, which differs from that of an earlier object of the same name.
    pub uid: String,
    /// The time when the object was created.
    pub created: i64,
    /// `true` if it is suspended and has no pods (`spec.suspend`).
    pub suspended: bool,
    /// The `RayJob` or `RayService` that created it.
    pub owner: Option<Owner>,
    /// The state of its head, from its status. A different text means only that there may be new files.
    pub head: Option<String>,
    /// The time for which its labels ask to keep its sessions.
    pub keep: Option<Keep>,
}

/// A session that the bucket lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The session.
    pub key: SessionKey,
    /// The bounds of its start.
    pub start: StartBounds,
    /// `false` if its namespace may be an arbitrary id, as v1.6 collectors wrote.
    pub namespace_known: bool,
}

/// The effects of a change.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Clusters that appeared, changed or were deleted, and so may have new files.
    pub touched: Vec<ClusterId>,
    /// Clusters that were created shortly before the first list, and whose files may come later. Only that list has any.
    pub starting: Vec<ClusterId>,
    /// Sessions that died under the watch, with the owners of their clusters.
    pub died: Vec<(SessionKey, Option<Owner>)>,
}

impl Changes {
    /// Adds the effects of another change.
    pub fn extend(&mut self, more: Self) {
        self.touched.extend(more.touched);
        self.starting.extend(more.starting);
        self.died.extend(more.died);
    }
}

/// The live session of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveSession {
    /// The cluster does not exist, or is suspended.
    NotRunning,
    /// The cluster runs, and no session of it is listed.
    NotListed,
    /// The newest listed session.
    Listed(SessionName),
}

/// A watched cluster, existing or deleted, with its stored sessions.
#[derive(Debug)]
struct ClusterRecord {
    cluster: Cluster,
    /// The time it was last seen, if it was deleted.
    gone: Option<i64>,
    /// It was seen running. If it does not run now, its sessions have ended while it was watched.
    has_run: bool,
    sessions: HashMap<SessionName, StartBounds>,
}

/// The basis of the states of a cluster's sessions.
enum Basis<'a> {
    /// All sessions have this state.
    Fixed(State),
    /// The record of the cluster decides for each session.
    Record(&'a ClusterRecord),
}

/// The states of all sessions, by cluster.
#[derive(Debug, Default)]
pub struct ClusterStates {
    /// `true` if all namespaces have been listed; otherwise `covered` contains those that have been.
    all_covered: bool,
    covered: BTreeSet<String>,
    shared_storage: bool,
    clusters: HashMap<ClusterId, ClusterRecord>,
    gone_count: usize,
    /// Clusters of the bucket whose namespace may be an arbitrary id.
    unknown_namespace: HashSet<ClusterId>,
    listed: bool,
    appeared: u64,
    left_out: LeftOut,
}

impl ClusterStates {
    /// Starts to watch these namespaces (all, if empty), which have not been listed yet. The states of namespaces that
    /// were watched before stay in force until they are listed again.
    pub fn watch(&mut self, namespaces: &[String], shared_storage: bool) {
        let wanted = |namespace: &str| namespaces.is_empty() || namespaces.iter().any(|name| name == namespace);
        self.shared_storage = shared_storage;
        if self.all_covered && !namespaces.is_empty() {
            self.covered = namespaces.iter().cloned().collect();
        }
        self.all_covered &= namespaces.is_empty();
        self.covered.retain(|namespace| wanted(namespace));
        self.clusters.retain(|id, _| wanted(&id.namespace));
        self.left_out.retain(|id| wanted(&id.namespace));
        self.gone_count = self.clusters.values().filter(|record| record.gone.is_some()).count();
    }

    /// Applies the full list of a namespace, or of all namespaces: clusters missing in it are gone.
    pub fn relisted(&mut self, namespace: Option<&str>, found: HashMap<ClusterId, Cluster>, now: i64) -> Changes {
        let first = !self.all_covered && !namespace.is_some_and(|namespace| self.covered.contains(namespace));
        match namespace {
            None => self.all_covered = true,
            Some(namespace) => _ = self.covered.insert(namespace.to_owned()),
        }
        let inside = |id: &ClusterId| namespace.is_none_or(|namespace| id.namespace == namespace);
        self.left_out.retain(|id| !inside(id));
        let there = self.clusters.iter().filter(|(id, record)| record.gone.is_none() && inside(id));
        let vanished: Vec<ClusterId> =
            there.filter(|(id, _)| !found.contains_key(*id)).map(|(id, _)| id.clone()).collect();
        let mut changes = Changes::default();
        for id in vanished {
            changes.extend(self.remove(&id, now));
        }
        for (id, cluster) in found {
            changes.extend(self.put(id, cluster, false));
        }
        if first {
            // All clusters are new. The catalog lists their files anyway.
            let starting = |id: &ClusterId| self.cluster(id).is_some_and(|cluster| cluster.created > now - STARTING);
            changes.starting = std::mem::take(&mut changes.touched);
            changes.starting.retain(starting);
        }
        changes
    }

    /// Applies an object that has just appeared or changed. The listed sessions of a new object are not yet its own.
    pub fn applied(&mut self, id: ClusterId, cluster: Cluster) -> Changes {
        self.put(id, cluster, true)
    }

    /// Records that a cluster has no record, because there are too many. Its sessions are unknown until it is deleted,
    /// gets a record, or is missing in a full list.
    pub fn leave_out(&mut self, id: ClusterId) {
        self.left_out.insert(id);
    }

    /// Returns `true` if there are clusters without a record.
    pub fn leaves_out(&self) -> bool {
        !self.left_out.is_empty()
    }

    /// Applies the deletion of an object. A late event for one that has a successor changes nothing.
    pub fn deleted(&mut self, id: &ClusterId, uid: &str, now: i64) -> Changes {
        self.left_out.remove(id);
        if self.clusters.get(id).is_some_and(|record| record.cluster.uid == uid) {
            return self.remove(id, now);
        }
        Changes::default()
    }

    /// Applies a listing of the bucket. New sessions of clusters that this watch saw and that are already gone have
    /// died too: a short job can end before the first listing.
    pub fn listed(&mut self, sessions: impl IntoIterator<Item = Listed>, at: i64) -> Changes {
        let before: HashMap<ClusterId, (Option<SessionName>, Option<SessionName>)> = self
            .clusters
            .iter()
            .map(|(id, record)| (id.clone(), (record.live_session(), record.newest_session())))
            .collect();
        let mut previous = HashMap::<ClusterId, HashMap<SessionName, StartBounds>>::new();
        for (id, record) in &mut self.clusters {
            previous.insert(id.clone(), std::mem::take(&mut record.sessions));
        }
        self.unknown_namespace.clear();
        for Listed { key, start, namespace_known } in sessions {
            let SessionKey { cluster, session } = key;
            if !namespace_known {
                self.unknown_namespace.insert(cluster.clone());
            }
            if let Some(record) = self.clusters.get_mut(&cluster) {
                // It began before it was first listed.
                let first = previous.get(&cluster).and_then(|sessions| sessions.get(&session));
                record.sessions.insert(session, start.no_later_than(first.map_or(at, |first| first.latest)));
            }
        }
        let mut changes = Changes::default();
        for (id, (live, newest)) in before {
            let Some(record) = self.clusters.get(&id) else { continue };
            let (now_live, now_newest) = (record.live_session(), record.newest_session());
            // Before the first listing only clusters count that ended since: others may have been suspended for days.
            let watched = self.listed || record.gone.is_some() || record.has_run;
            let late = watched && live.is_none() && now_live.is_none() && now_newest != newest;
            let died = live.filter(|session| !record.is_live(session));
            let died = died.or_else(|| late.then_some(now_newest).flatten());
            changes.died.extend(died.map(|session| record.death(&id, session)));
        }
        self.listed = true;
        changes
    }

    /// Returns the state of a session.
    pub fn state(&self, key: &SessionKey) -> State {
        let record = match self.basis(&key.cluster) {
            Basis::Fixed(state) => return state,
            Basis::Record(record) => record,
        };
        match record.gone {
            // Another Kubernetes cluster may have used the same name since.
            Some(last) if record.start_of(&key.session).earliest > last.saturating_add(SKEW) => State::Unknown,
            None if record.is_live(&key.session) => State::Live,
            _ => State::Dead,
        }
    }

    /// Returns a rule for all sessions of a cluster.
    pub fn rule(&self, id: &ClusterId) -> StateRule {
        match self.basis(id) {
            Basis::Fixed(state) => StateRule::All(state),
            Basis::Record(record) if record.gone.is_some() => StateRule::Each,
            // The bucket may contain a newer session than the last listing; it is live.
            Basis::Record(record) => record
                .newest_session()
                .map_or(StateRule::Each, |newest| StateRule::DeadBefore(record.start_of(&newest).guess)),
        }
    }

    fn basis(&self, id: &ClusterId) -> Basis<'_> {
        if !self.covers(&id.namespace) {
            return Basis::Fixed(State::Unknown);
        }
        if self.left_out.contains(id) {
            return Basis::Fixed(State::Unknown);
        }
        match self.clusters.get(id) {
            None if self.shared_storage || self.left_out.may_be_any() || self.unknown_namespace.contains(id) => {
                Basis::Fixed(State::Unknown)
            }
            None => Basis::Fixed(State::Dead),
            Some(record) if record.gone.is_some() && self.shared_storage => Basis::Record(record),
            Some(record) if record.gone.is_some() || record.cluster.suspended => Basis::Fixed(State::Dead),
            Some(record) => Basis::Record(record),
        }
    }

    /// Returns `true` if a namespace is watched and has been listed.
    pub fn covers(&self, namespace: &str) -> bool {
        self.all_covered || self.covered.contains(namespace)
    }

    /// Returns `true` if an object of this name was seen, existing or deleted.
    pub fn has_seen(&self, id: &ClusterId) -> bool {
        self.clusters.contains_key(id)
    }

    /// Returns an existing cluster.
    pub fn cluster(&self, id: &ClusterId) -> Option<&Cluster> {
        self.clusters.get(id).filter(|record| record.gone.is_none()).map(|record| &record.cluster)
    }

    /// Returns the live session of a cluster.
    pub fn live_session(&self, id: &ClusterId) -> LiveSession {
        match self.clusters.get(id) {
            Some(record) if record.gone.is_none() && !record.cluster.suspended => {
                record.live_session().map_or(LiveSession::NotListed, LiveSession::Listed)
            }
            _ => LiveSession::NotRunning,
        }
    }

    /// Returns the owner of an existing or remembered cluster.
    pub fn owner(&self, id: &ClusterId) -> Option<&Owner> {
        self.clusters.get(id)?.cluster.owner.as_ref()
    }

    /// Returns the number of clusters that have appeared so far. When it grows, the listing must be passed in again.
    pub fn appeared(&self) -> u64 {
        self.appeared
    }

    /// Returns the number of existing clusters.
    pub fn count(&self) -> usize {
        self.clusters.len() - self.gone_count
    }

    fn put(&mut self, id: ClusterId, cluster: Cluster, just_now: bool) -> Changes {
        let mut changes = Changes::default();
        self.left_out.remove(&id);
        let Some(record) = self.clusters.get_mut(&id) else {
            self.appeared += 1;
            changes.touched.push(id.clone());
            let has_run = !cluster.suspended;
            self.clusters.insert(id, ClusterRecord { cluster, gone: None, has_run, sessions: HashMap::new() });
            return changes;
        };
        if record.gone.is_none() && record.cluster == cluster {
            return changes;
        }
        let live = record.live_session();
        let owner = record.cluster.owner.clone();
        self.gone_count -= usize::from(record.gone.take().is_some());
        if just_now && record.cluster.uid != cluster.uid {
            let before = cluster.created - SKEW - 1;
            record.sessions.values_mut().for_each(|start| *start = start.no_later_than(before));
        }
        record.has_run |= !cluster.suspended;
        record.cluster = cluster;
        if let Some(session) = live.filter(|session| record.live_session().as_ref() != Some(session)) {
            changes.died.push((SessionKey { cluster: id.clone(), session }, owner));
        }
        changes.touched.push(id);
        changes
    }

    fn remove(&mut self, id: &ClusterId, now: i64) -> Changes {
        let mut changes = Changes::default();
        let Some(record) = self.clusters.get_mut(id).filter(|record| record.gone.is_none()) else {
            return changes;
        };
        changes.died.extend(record.live_session().map(|session| record.death(id, session)));
        changes.touched.push(id.clone());
        record.gone = Some(now);
        self.gone_count += 1;
        if self.gone_count > REMEMBERED {
            let mut times: Vec<i64> = self.clusters.values().filter_map(|record| record.gone).collect();
            let (_, middle, _) = times.select_nth_unstable(REMEMBERED / 2);
            let middle = *middle;
            self.clusters.retain(|_, record| record.gone.is_none_or(|last| last >= middle));
            self.gone_count = self.clusters.values().filter(|record| record.gone.is_some()).count();
        }
        changes
    }
}

impl ClusterRecord {
    fn start_of(&self, session: &SessionName) -> StartBounds {
        self.sessions.get(session).copied().unwrap_or_else(|| StartBounds::from_name(session))
    }

    /// Returns `true` if a session may belong to this object, and not to an earlier one of the same name.
    fn may_own(&self, start: StartBounds) -> bool {
        start.latest.saturating_add(SKEW) >= self.cluster.created
    }

    /// Returns `true` if a session is live: the cluster exists and runs, and no listed session of it is newer.
    fn is_live(&self, session: &SessionName) -> bool {
        let start = self.start_of(session);
        self.gone.is_none()
            && !self.cluster.suspended
            && self.may_own(start)
            && !self
                .sessions
                .iter()
                .any(|(other, theirs)| self.may_own(*theirs) && (theirs.guess, other) > (start.guess, session))
    }

    /// Returns the listed session that is live.
    fn live_session(&self) -> Option<SessionName> {
        self.newest_session().filter(|session| self.is_live(session))
    }

    /// Returns the newest of the listed sessions that may belong to this object.
    fn newest_session(&self) -> Option<SessionName> {
        let own = self.sessions.iter().filter(|(_, start)| self.may_own(**start));
        own.max_by(|(a, first), (b, second)| (first.guess, a).cmp(&(second.guess, b)))
            .map(|(session, _)| session.clone())
    }

    fn death(&self, id: &ClusterId, session: SessionName) -> (SessionKey, Option<Owner>) {
        (SessionKey { cluster: id.clone(), session }, self.cluster.owner.clone())
    }
}

#[cfg(test)]
mod tests;
