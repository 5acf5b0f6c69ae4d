//! Questions whose answers no watch brings: Events of pods in trouble, nodes of pods, and queues of suspended objects.

use super::{Object, Record, Records};
use crate::document::ObjectId;
use crate::facts::{Kind, Node, Pod, Subject, read};
use crate::object;
use crate::time::Time;
use std::collections::BTreeMap;

/// Seconds after which a pod that has not run is in trouble.
const PENDING: i64 = 60;
/// Seconds after the end of a pod up to which its Events tell anything new.
const OVER: i64 = 120;

/// Namespaces that are remembered while they are being deleted.
const GOING: usize = 1_000;

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodRef {
    /// The namespace.
    pub namespace: String,
    /// The uid.
    pub uid: String,
    /// The time of its last version; of one that waits, the minute, for its Events change while it does not.
    pub seen: Option<Time>,
    /// `true` if its cluster was not seen to go; of the pods of others little is new.
    pub cluster_stays: bool,
}

impl Records {
    /// Returns the pods in trouble: those that wait for more than a minute or with an error, that ended otherwise than
    /// well, or that went while their cluster stays. Not those that went more than two minutes ago.
    pub fn pods_in_trouble(&self, now: Time) -> Vec<PodRef> {
        let mut found = Vec::new();
        for record in self.objects.values() {
            let own = record.own();
            let pods = record.facts.pods.iter();
            let pods = pods.filter(|pod| pod.gone_at.is_none_or(|gone| now.since(gone) <= OVER));
            found.extend(pods.filter(|pod| is_in_trouble(pod, own, now)).map(|pod| PodRef {
                namespace: record.id.namespace.clone(),
                uid: pod.uid.clone(),
                seen: if waits(pod, now) { Some(minute(now)) } else { pod.last_seen.max(pod.gone_at) },
                cluster_stays: own.is_some_and(|cluster| cluster.end().is_none()),
            }));
        }
        found
    }

    /// Returns the nodes of pods that are there or went lately, each with `true` if one of its pods is in trouble.
    pub fn nodes_of_pods(&self, now: Time) -> BTreeMap<String, bool> {
        let mut found = BTreeMap::new();
        for record in self.objects.values() {
            let own = record.own();
            let recent = |pod: &&Pod| pod.gone_at.is_none_or(|gone| now.since(gone) <= OVER);
            for pod in record.facts.pods.iter().filter(recent).filter(|pod| !pod.node.is_empty()) {
                *found.entry(pod.node.clone()).or_default() |= is_in_trouble(pod, own, now);
            }
        }
        found
    }

    /// Takes the answer to a question about the node with a name: its version, or that there is none.
    pub fn node_told(&mut self, name: &str, version: Option<object::Node>, seen: Time) {
        let uid = version.as_ref().map(|node| node.metadata.uid.0.clone());
        if let Some(version) = version {
            self.apply(&Object::Node(version), seen);
        }
        // Another node may have taken the name.
        let is_gone = |node: &&Node| node.name == name && node.gone_at.is_none() && uid.as_ref() != Some(&node.uid);
        let gone: Vec<Node> = self.nodes.iter().filter(is_gone).cloned().collect();
        for node in &gone {
            self.nodes.add(Node { gone_at: Some(seen), ..node.clone() });
        }
        if !gone.is_empty() {
            self.touch(name);
        }
    }

    /// Returns the namespaces of objects that went lately, each with the time of the last end in it.
    pub fn namespaces_of_ends(&self, now: Time) -> BTreeMap<String, Time> {
        let mut found = BTreeMap::new();
        for record in self.objects.values() {
            if let Some(end) = record.own().and_then(Subject::end).filter(|end| now.since(*end) <= OVER) {
                let last = found.entry(record.id.namespace.clone()).or_insert(end);
                *last = end.max(*last);
            }
        }
        found
    }

    /// Takes the answer to a question about a namespace: it is there, or it is gone.
    pub fn namespace_told(&mut self, name: &str, namespace: Option<&object::Namespace>, seen: Time) {
        // One that is being deleted never comes back, but another one may take its name.
        self.going.remove(name);
        let Some(facts) = read::namespace(name, namespace, seen) else { return };
        if namespace.is_some() && self.going.len() < GOING {
            self.going.insert(name.to_owned(), facts.clone());
        }
        let went = |record: &&mut Record| {
            let end = record.own().and_then(Subject::end);
            record.id.namespace == name && end.is_some_and(|end| seen.since(end) <= OVER)
        };
        for record in self.objects.values_mut().filter(went) {
            record.join(facts.clone(), &mut self.joins);
        }
    }

    /// Joins what is known of the namespace into the end of an object that was there before its deletion began.
    pub(super) fn tell_going_namespace(&mut self, uid: &str) {
        let Some(record) = self.objects.get_mut(uid) else { return };
        let Some(facts) = self.going.get(&record.id.namespace) else { return };
        let begun = facts.conditions.iter().map(|condition| condition.at).next();
        let ended = record.own().filter(|object| object.end().is_some());
        if ended.is_some_and(|object| object.created_at <= begun) {
            record.join(facts.clone(), &mut self.joins);
        }
    }

    /// Returns the `RayJobs` and `RayClusters` in a queue of Kueue that are suspended now.
    pub fn queued(&self) -> Vec<ObjectId> {
        let is_queued = |object: &Subject| {
            let is_suspended = object.suspension().is_some();
            object.labels.contains_key("kueue.x-k8s.io/queue-name") && object.end().is_none() && is_suspended
        };
        let records = self.objects.values().filter(|record| record.id.kind != Kind::RayService);
        records.filter(|record| record.own().is_some_and(is_queued)).map(|record| record.id.clone()).collect()
    }
}

fn is_in_trouble(pod: &Pod, cluster: Option<&Subject>, now: Time) -> bool {
    // However late it is asked: a pod that goes with its cluster goes after the cluster's end.
    let went = pod.deleted_at.into_iter().chain(pod.gone_at).min();
    let went = cluster.zip(went).is_some_and(|(cluster, went)| cluster.end().is_none_or(|end| went < end));
    waits(pod, now) || went || pod.is_troubled()
}

fn waits(pod: &Pod, now: Time) -> bool {
    let is_old = pod.created_at.is_some_and(|created| now.since(created) > PENDING);
    is_old && pod.ran_at.is_none() && pod.gone_at.is_none()
}

fn minute(time: Time) -> Time {
    time.plus(-time.since(Time::default()).rem_euclid(60))
}
