//! Bounds of the facts of one object: at most [`MAX_WEIGHT`] bytes, so that a live cluster takes no more memory.
//!
//! Beyond that the least telling things are dropped first and counted: old ordinary Events, pods without trouble, old
//! warnings, and of pods in trouble those in the middle, so that the first and the last ones stay.

use super::Facts;
use super::event::Event;
use super::pod::{Pod, Role};
use super::subject::Kind;
use super::weight::Weigh;
use crate::join::Keyed;
use std::collections::BTreeSet;

/// The weight of the facts of one object, in bytes.
pub const MAX_WEIGHT: usize = 64 << 10;

/// Greatest numbers of things that no weight bounds.
const OBJECTS: usize = 24;
const NODES: usize = 200;
const SESSIONS: usize = 64;
/// Sessions whose ends are kept, the last ones.
const SESSION_ENDS: usize = 8;
const UNSEEN: usize = 32;
const ENDS: usize = 6;
const WAITS: usize = 6;
const CONTAINERS: usize = 8;
/// Attempts of which the text is kept.
const ATTEMPTS: usize = 20;
/// Reasons of Events that may be the only trace of a cause.
const DECISIVE: [&str; 6] = ["Evicted", "Preempted", "Invalid", "FailedToCreate", "FailedScheduling", "Disruption"];

fn is_decisive(event: &Event) -> bool {
    DECISIVE.iter().any(|reason| event.reason.starts_with(reason))
}

impl Facts {
    /// Returns the bytes that these facts take in memory.
    pub fn weight(&self) -> usize {
        self.weigh()
    }

    /// Drops the least telling things until the bounds hold.
    pub(super) fn limit(&mut self) {
        self.limit_numbers();
        if self.weigh() <= MAX_WEIGHT {
            return;
        }
        self.drop_events(|event| event.kind != "Warning" && !is_decisive(event));
        self.drop_pods(|pod| pod.role == Role::Worker && !pod.is_troubled());
        self.drop_nodes();
        self.drop_events(|event| !is_decisive(event));
        self.drop_pods(|pod| pod.role == Role::Worker);
        self.drop_conditions();
        self.drop_texts();
        self.drop_events(|_| true);
        self.drop_pods(|_| true);
        self.drop_attempts();
        self.drop_rest();
    }

    /// Bounds what is small and could be many.
    fn limit_numbers(&mut self) {
        self.objects.keep_greatest(OBJECTS, |object| (object.kind != Kind::RayCluster, object.created_at));
        let many: Vec<_> = self
            .objects
            .iter()
            .filter(|object| object.suspends.len() > WAITS || object.active.len() > OBJECTS)
            .map(Keyed::key)
            .collect();
        for key in many {
            let Some(mut object) = self.objects.remove(&key) else { continue };
            object.suspends.keep_greatest(WAITS, |suspend| suspend.generation);
            while object.active.len() > OBJECTS {
                object.active.pop_first();
            }
            self.objects.add(object);
        }
        self.nodes.keep_greatest(NODES, |node| (node.gone_at, node.not_ready_at));
        while self.sessions.len() > SESSIONS {
            self.sessions.pop_first();
        }
        self.session_ends.keep_greatest(SESSION_ENDS, |end| end.at);
        while self.unseen.len() > UNSEEN {
            self.unseen.pop_last();
        }
        let crowded = |pod: &&Pod| pod.containers.iter().any(|c| c.ended.len() > ENDS || c.waited.len() > WAITS);
        let crowded: Vec<String> = self
            .pods
            .iter()
            .filter(|pod| pod.containers.len() > CONTAINERS || pod.conditions.len() > WAITS || crowded(pod))
            .map(|pod| pod.uid.clone())
            .collect();
        for uid in crowded {
            let Some(mut pod) = self.pods.remove(&uid) else { continue };
            limit_pod(&mut pod);
            self.pods.add(pod);
        }
    }

    /// Drops Events, the oldest ones first.
    fn drop_events(&mut self, which: impl Fn(&Event) -> bool) {
        let mut excess = self.weigh().saturating_sub(MAX_WEIGHT);
        let mut droppable: Vec<_> = self.events.iter().filter(|event| which(event)).collect();
        droppable.sort_by_key(|event| event.at);
        let mut keys = Vec::new();
        for event in droppable {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(event.weigh());
            keys.push(Keyed::key(event));
        }
        for key in keys {
            self.events.remove(&key);
            self.omitted.events.add(&format!("{key:?}"));
        }
    }

    /// Drops pods: those in the middle of the order of their creation first.
    fn drop_pods(&mut self, which: impl Fn(&Pod) -> bool) {
        let mut excess = self.weigh().saturating_sub(MAX_WEIGHT);
        let mut droppable: Vec<_> = self.pods.iter().filter(|pod| which(pod)).collect();
        droppable.sort_by_key(|pod| (pod.created_at, &pod.uid));
        let mut dropped = Vec::new();
        while excess > 0 && !droppable.is_empty() {
            let pod = droppable.remove(droppable.len() / 2);
            excess = excess.saturating_sub(pod.weigh());
            dropped.push((pod.uid.clone(), pod.group.clone(), pod.is_troubled()));
        }
        for (uid, group, troubled) in dropped {
            self.pods.remove(&uid);
            if troubled {
                self.omitted.pods.add(&uid);
            } else {
                self.omitted.add_healthy(&group, &uid);
            }
        }
    }

    /// Drops nodes without pods: those of pods that were dropped, and of documents that were joined.
    fn drop_nodes(&mut self) {
        if self.weigh() <= MAX_WEIGHT {
            return;
        }
        let named: BTreeSet<&String> = self.pods.iter().map(|pod| &pod.node).collect();
        let others: Vec<_> = self.nodes.iter().filter(|node| !named.contains(&node.name)).map(Keyed::key).collect();
        for key in others {
            self.nodes.remove(&key);
            self.omitted.others.add(&format!("node {key:?}"));
        }
    }

    /// Drops conditions, the oldest first.
    fn drop_conditions(&mut self) {
        while self.weigh() > MAX_WEIGHT && !self.conditions.is_empty() {
            let left = self.conditions.len() / 2;
            for dropped in self.conditions.keep_greatest(left, |condition| condition.at) {
                self.omitted.others.add(&format!("{} {} {}", dropped.about, dropped.kind, dropped.at));
            }
        }
    }

    /// Drops the messages of old attempts, and specs of old objects.
    fn drop_texts(&mut self) {
        if self.weigh() <= MAX_WEIGHT {
            return;
        }
        let mut rest = self.attempts.keep_greatest(ATTEMPTS.min(self.attempts.len() / 2), |attempt| attempt.from);
        for mut attempt in rest.drain(..) {
            attempt.state.message.clear();
            self.omitted.others.add(&attempt.cluster);
            self.attempts.add(attempt);
        }
        let mut objects = std::mem::take(&mut self.objects);
        for mut old in objects.keep_greatest(2, |object| (object.kind != Kind::RayCluster, object.created_at)) {
            if old.spec.take().is_some() {
                self.omitted.others.add(&format!("spec {}", old.uid));
            }
            objects.add(old);
        }
        self.objects = objects;
    }

    /// Drops attempts, the oldest first.
    fn drop_attempts(&mut self) {
        while self.weigh() > MAX_WEIGHT && self.attempts.len() > 1 {
            let left = self.attempts.len() / 2;
            for dropped in self.attempts.keep_greatest(left, |attempt| attempt.from) {
                self.omitted.others.add(&dropped.cluster);
            }
        }
    }

    /// Drops what is left beside the newest object, its attempt and its sessions, for names and specs may be of any
    /// number and length.
    fn drop_rest(&mut self) {
        if self.weigh() <= MAX_WEIGHT {
            return;
        }
        self.drop_nodes();
        let mut objects = std::mem::take(&mut self.objects);
        for mut object in objects.keep_greatest(0, |_| ()) {
            if object.spec.take().is_some() {
                self.omitted.others.add(&format!("spec {}", object.uid));
            }
            self.objects.add(object);
        }
        while self.weigh() > MAX_WEIGHT && self.objects.len() > 1 {
            let left = self.objects.len() / 2;
            for dropped in
                self.objects.keep_greatest(left, |object| (object.kind != Kind::RayCluster, object.created_at))
            {
                self.omitted.others.add(&dropped.uid);
            }
        }
        if self.weigh() > MAX_WEIGHT {
            self.omitted.tell_none_apart();
        }
    }
}

/// Keeps the first and the last ends and waits of each container.
fn limit_pod(pod: &mut Pod) {
    let main = pod.main().map(|container| container.name.clone());
    pod.conditions.keep_greatest(WAITS, |condition| std::cmp::Reverse(condition.at));
    let mut containers: Vec<_> = std::mem::take(&mut pod.containers).iter().cloned().collect();
    containers.sort_by_key(|container| (Some(&container.name) != main.as_ref(), container.name.clone()));
    for mut container in containers.into_iter().take(CONTAINERS) {
        // Those of memory first, then the first ones: first causes are early.
        let last = container.ended.iter().map(|ended| ended.at).max();
        container
            .ended
            .keep_greatest(ENDS, |ended| (ended.out_of_memory(), Some(ended.at) == last, std::cmp::Reverse(ended.at)));
        container.waited.keep_greatest(WAITS, |waited| std::cmp::Reverse(waited.from));
        pod.containers.add(container);
    }
}
