//! What the watch of `RayClusters` has seen and what the bucket lists, and the rules that make states of it.
//!
//! Pure: told what was seen and when, it reads no clock. Every change returns what it changed: clusters whose sessions
//! are worth looking for, and sessions that died. All times are Unix microseconds.
//! Only sessions of clusters that were seen are kept: when one appears, the listing is to be told again.

use super::{Began, State, Verdict};
use crate::base::name::{ClusterId, Owner, SessionKey, SessionName};
use std::collections::{BTreeSet, HashMap, HashSet};

/// How far the clocks of the API server, the heads and ours may be apart. A head needs longer than this to start.
const SKEW: i64 = 5_000_000;

/// How many clusters that are gone are remembered. Only a shared bucket needs them, and then only for their names.
const REMEMBERED: usize = 100_000;

/// A `RayCluster` object, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Tells it from an object of the same name that was there before.
    pub uid: String,
    /// When the object was created.
    pub created: i64,
    /// Whether its pods are taken down for a while (`spec.suspend`).
    pub suspended: bool,
    /// The `RayJob` or `RayService` that made it.
    pub owner: Option<Owner>,
    /// What its status says of its head; another text means that there may be new files, and nothing else.
    pub head: Option<String>,
}

/// A session that the bucket lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which session.
    pub key: SessionKey,
    /// When it began.
    pub began: Began,
    /// Whether its namespace is one: a v1.6 collector may have put another word in its place.
    pub namespace_known: bool,
}

/// What a change changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Clusters that appeared, changed or went: there may be new files of theirs.
    pub touched: Vec<ClusterId>,
    /// Sessions that have died since the watch knows them, with the owners of their clusters.
    pub died: Vec<(SessionKey, Option<Owner>)>,
}

impl Changes {
    /// Adds those of another change.
    pub fn extend(&mut self, more: Self) {
        self.touched.extend(more.touched);
        self.died.extend(more.died);
    }
}

/// A cluster of the watch, there or gone, with its stored sessions.
#[derive(Debug)]
struct Seen {
    cluster: Cluster,
    /// When it was last there, if it is gone.
    gone: Option<i64>,
    sessions: HashMap<SessionName, Began>,
}

/// What decides the states of a cluster's sessions.
enum Deciding<'a> {
    /// All have this one.
    All(State),
    /// What was seen of it, session by session.
    Seen(&'a Seen),
}

/// What is known.
#[derive(Debug, Default)]
pub struct Known {
    /// Whether all namespaces have been listed, or which.
    all_covered: bool,
    covered: BTreeSet<String>,
    shared_storage: bool,
    clusters: HashMap<ClusterId, Seen>,
    gone: usize,
    /// Clusters of the bucket whose namespace may be none.
    unplaced: HashSet<ClusterId>,
    listed: bool,
    appeared: u64,
}

impl Known {
    /// Begins to watch: these namespaces (all, when empty), of which nothing is known yet. What is known about
    /// namespaces that were watched before and still are stays in force until they are listed again.
    pub fn watch(&mut self, namespaces: &[String], shared_storage: bool) {
        let wanted = |namespace: &str| namespaces.is_empty() || namespaces.iter().any(|name| name == namespace);
        self.shared_storage = shared_storage;
        if self.all_covered && !namespaces.is_empty() {
            self.covered = namespaces.iter().cloned().collect();
        }
        self.all_covered &= namespaces.is_empty();
        self.covered.retain(|namespace| wanted(namespace));
        self.clusters.retain(|id, _| wanted(&id.namespace));
        self.gone = self.clusters.values().filter(|seen| seen.gone.is_some()).count();
    }

    /// A namespace, or all, was listed in full: whatever is missing in there has gone, whatever else was heard.
    pub fn relisted(&mut self, namespace: Option<&str>, found: HashMap<ClusterId, Cluster>, now: i64) -> Changes {
        let first = !self.all_covered && !namespace.is_some_and(|namespace| self.covered.contains(namespace));
        match namespace {
            None => self.all_covered = true,
            Some(namespace) => _ = self.covered.insert(namespace.to_owned()),
        }
        let inside = |id: &ClusterId| namespace.is_none_or(|namespace| id.namespace == namespace);
        let there = self.clusters.iter().filter(|(id, seen)| seen.gone.is_none() && inside(id));
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
            // Everything is new. The catalog looks for all of it anyway.
            changes.touched.clear();
        }
        changes
    }

    /// An object appeared or changed, just now: if it is a new one, what the bucket lists is not its own yet.
    pub fn applied(&mut self, id: ClusterId, cluster: Cluster) -> Changes {
        self.put(id, cluster, true)
    }

    /// An object was deleted. A late word about one that has a successor changes nothing.
    pub fn deleted(&mut self, id: &ClusterId, uid: &str, now: i64) -> Changes {
        if self.clusters.get(id).is_some_and(|seen| seen.cluster.uid == uid) {
            return self.remove(id, now);
        }
        Changes::default()
    }

    /// The bucket was listed. Sessions that were not there before, of clusters that this watch has seen and that are
    /// gone by now, have died too: a short job is over before anybody lists it.
    pub fn listed(&mut self, sessions: impl IntoIterator<Item = Listed>, at: i64) -> Changes {
        let before: HashMap<ClusterId, (Option<SessionName>, Option<SessionName>)> =
            self.clusters.iter().map(|(id, seen)| (id.clone(), (seen.live(), seen.newest()))).collect();
        let mut known = HashMap::<ClusterId, HashMap<SessionName, Began>>::new();
        for (id, seen) in &mut self.clusters {
            known.insert(id.clone(), std::mem::take(&mut seen.sessions));
        }
        self.unplaced.clear();
        for Listed { key, began, namespace_known } in sessions {
            let SessionKey { cluster, session } = key;
            if !namespace_known {
                self.unplaced.insert(cluster.clone());
            }
            if let Some(seen) = self.clusters.get_mut(&cluster) {
                // It began before anybody first listed it.
                let first = known.get(&cluster).and_then(|sessions| sessions.get(&session));
                seen.sessions.insert(session, began.no_later_than(first.map_or(at, |first| first.latest)));
            }
        }
        let mut changes = Changes::default();
        for (id, (live, newest)) in before {
            let Some(seen) = self.clusters.get(&id) else { continue };
            let (now_live, now_newest) = (seen.live(), seen.newest());
            // Before the first listing only what went meanwhile: a suspended one may have been so for days.
            let watched = self.listed || seen.gone.is_some();
            let late = watched && live.is_none() && now_live.is_none() && now_newest != newest;
            let died = live.filter(|session| !seen.lives(session));
            let died = died.or_else(|| late.then_some(now_newest).flatten());
            changes.died.extend(died.map(|session| seen.dead(&id, session)));
        }
        self.listed = true;
        changes
    }

    /// The state of a session.
    pub fn state(&self, key: &SessionKey) -> State {
        let seen = match self.deciding(&key.cluster) {
            Deciding::All(state) => return state,
            Deciding::Seen(seen) => seen,
        };
        match seen.gone {
            // Another Kubernetes cluster may use the same name since.
            Some(last) if seen.began(&key.session).earliest > last.saturating_add(SKEW) => State::Unknown,
            None if seen.lives(&key.session) => State::Live,
            _ => State::Dead,
        }
    }

    /// What can be said of all sessions of a cluster together.
    pub fn verdict(&self, id: &ClusterId) -> Verdict {
        match self.deciding(id) {
            Deciding::All(state) => Verdict::All(state),
            Deciding::Seen(seen) if seen.gone.is_some() => Verdict::Each,
            // A newer session may be stored than the listing that was told has: it lives.
            Deciding::Seen(seen) => {
                seen.newest().map_or(Verdict::Each, |newest| Verdict::DeadBefore(seen.began(&newest).guess))
            }
        }
    }

    fn deciding(&self, id: &ClusterId) -> Deciding<'_> {
        if !self.covers(&id.namespace) {
            return Deciding::All(State::Unknown);
        }
        match self.clusters.get(id) {
            None if self.shared_storage || self.unplaced.contains(id) => Deciding::All(State::Unknown),
            None => Deciding::All(State::Dead),
            Some(seen) if seen.gone.is_some() && self.shared_storage => Deciding::Seen(seen),
            Some(seen) if seen.gone.is_some() || seen.cluster.suspended => Deciding::All(State::Dead),
            Some(seen) => Deciding::Seen(seen),
        }
    }

    /// Whether a namespace is watched and has been listed.
    pub fn covers(&self, namespace: &str) -> bool {
        self.all_covered || self.covered.contains(namespace)
    }

    /// A cluster that is there.
    pub fn cluster(&self, id: &ClusterId) -> Option<&Cluster> {
        self.clusters.get(id).filter(|seen| seen.gone.is_none()).map(|seen| &seen.cluster)
    }

    /// The owner of a cluster that is there or was.
    pub fn owner(&self, id: &ClusterId) -> Option<&Owner> {
        self.clusters.get(id)?.cluster.owner.as_ref()
    }

    /// How often a cluster has appeared: when this has grown, the listing is to be told again.
    pub fn appeared(&self) -> u64 {
        self.appeared
    }

    /// How many clusters are there.
    pub fn count(&self) -> usize {
        self.clusters.len() - self.gone
    }

    fn put(&mut self, id: ClusterId, cluster: Cluster, just_now: bool) -> Changes {
        let mut changes = Changes::default();
        let Some(seen) = self.clusters.get_mut(&id) else {
            self.appeared += 1;
            changes.touched.push(id.clone());
            self.clusters.insert(id, Seen { cluster, gone: None, sessions: HashMap::new() });
            return changes;
        };
        if seen.gone.is_none() && seen.cluster == cluster {
            return changes;
        }
        let live = seen.live();
        let owner = seen.cluster.owner.clone();
        self.gone -= usize::from(seen.gone.take().is_some());
        if just_now && seen.cluster.uid != cluster.uid {
            let before = cluster.created - SKEW - 1;
            seen.sessions.values_mut().for_each(|began| *began = began.no_later_than(before));
        }
        seen.cluster = cluster;
        if let Some(session) = live.filter(|session| seen.live().as_ref() != Some(session)) {
            changes.died.push((SessionKey { cluster: id.clone(), session }, owner));
        }
        changes.touched.push(id);
        changes
    }

    fn remove(&mut self, id: &ClusterId, now: i64) -> Changes {
        let mut changes = Changes::default();
        let Some(seen) = self.clusters.get_mut(id).filter(|seen| seen.gone.is_none()) else {
            return changes;
        };
        changes.died.extend(seen.live().map(|session| seen.dead(id, session)));
        changes.touched.push(id.clone());
        seen.gone = Some(now);
        self.gone += 1;
        if self.gone > REMEMBERED {
            let mut times: Vec<i64> = self.clusters.values().filter_map(|seen| seen.gone).collect();
            let (_, middle, _) = times.select_nth_unstable(REMEMBERED / 2);
            let middle = *middle;
            self.clusters.retain(|_, seen| seen.gone.is_none_or(|last| last >= middle));
            self.gone = self.clusters.values().filter(|seen| seen.gone.is_some()).count();
        }
        changes
    }
}

impl Seen {
    fn began(&self, session: &SessionName) -> Began {
        self.sessions.get(session).copied().unwrap_or_else(|| Began::from_name(session))
    }

    /// Whether a session may be one of this object rather than of one of the same name before it.
    fn own(&self, began: Began) -> bool {
        began.latest.saturating_add(SKEW) >= self.cluster.created
    }

    /// Whether a session lives: the cluster is there and runs, and no listed session of it is newer.
    fn lives(&self, session: &SessionName) -> bool {
        let began = self.began(session);
        self.gone.is_none()
            && !self.cluster.suspended
            && self.own(began)
            && !self
                .sessions
                .iter()
                .any(|(other, theirs)| self.own(*theirs) && (theirs.guess, other) > (began.guess, session))
    }

    /// The listed session that lives.
    fn live(&self) -> Option<SessionName> {
        self.newest().filter(|session| self.lives(session))
    }

    /// The newest of the listed sessions that may be this object's.
    fn newest(&self) -> Option<SessionName> {
        let own = self.sessions.iter().filter(|(_, began)| self.own(**began));
        own.max_by(|(a, first), (b, second)| (first.guess, a).cmp(&(second.guess, b)))
            .map(|(session, _)| session.clone())
    }

    fn dead(&self, id: &ClusterId, session: SessionName) -> (SessionKey, Option<Owner>) {
        (SessionKey { cluster: id.clone(), session }, self.cluster.owner.clone())
    }
}

#[cfg(test)]
mod tests;
