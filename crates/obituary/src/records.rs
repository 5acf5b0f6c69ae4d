//! All objects that are watched, with their facts, and the news that are worth writing.

mod news;
mod questions;
mod routes;
mod sessions;
mod submitters;
#[cfg(test)]
mod tests;
mod unseen;
mod version;

pub use news::Due;
pub use questions::PodRef;
pub use sessions::EndedCluster;
pub use submitters::FailedSubmitter;
pub use version::Object;

use crate::cause::RayFacts;
use crate::document::{Document, Kubernetes, ObjectId, SubmitterLog};
use crate::facts::{Event, Facts, Kind, Node, Subject, read};
use crate::join::{Join, Keyed, Table};
use crate::object;
use crate::time::Time;
use news::Written;
use routes::Routes;
use std::collections::{BTreeMap, BTreeSet};

/// Nodes that are remembered.
const NODES: usize = 10_000;
/// Events about nodes that are remembered.
const NODE_EVENTS: usize = 1_000;

/// One object, with its own facts: those of a cluster's pods, and those of a job's attempts.
#[derive(Clone, Debug, Default)]
struct Record {
    id: ObjectId,
    facts: Facts,
    /// The number of the last join, among those of all objects.
    version: u64,
    /// The [`stamp`](Records::stamp) at which there was no news.
    judged: u64,
    /// The end of the submitter whose log is known.
    logged: Option<Time>,
    written: Option<Written>,
}

/// The facts of all watched objects.
#[derive(Clone, Debug, Default)]
pub struct Records {
    objects: BTreeMap<String, Record>,
    /// The number of joins.
    joins: u64,
    /// Clusters by the uid of their owner.
    owned: BTreeMap<String, BTreeSet<String>>,
    routes: Routes,
    nodes: Table<Node>,
    node_events: Table<Event>,
    /// Facts of namespaces that are being deleted, by name.
    going: BTreeMap<String, Facts>,
    /// Things that cannot be seen for now, by namespace; of all, without one.
    hidden: BTreeSet<(Option<String>, String)>,
    /// Logs of submitters that no document has yet, by the uid of their `RayJob`.
    submitter_logs: BTreeMap<String, SubmitterLog>,
    /// `true` if there is no room for another object.
    is_full: bool,
    /// The objects that there was no room for.
    refused: usize,
}

impl Records {
    /// Takes a version of an object that was seen at a time.
    pub fn apply(&mut self, version: &Object, seen: Time) {
        self.take(version, seen, false);
    }

    /// Takes the last version of an object that a watch saw go.
    pub fn delete(&mut self, version: &Object, seen: Time) {
        self.take(version, seen, true);
    }

    fn take(&mut self, version: &Object, seen: Time, gone: bool) {
        match version {
            Object::RayCluster(it) => self.subject(read::ray_cluster(it, seen), seen, gone),
            Object::RayJob(it) => self.subject(read::ray_job(it, seen), seen, gone),
            Object::RayService(it) => self.subject(read::ray_service(it, seen), seen, gone),
            Object::Pod(it) => self.pod(it, seen, gone),
            Object::Job(it) => {
                if let (Some(facts), Some(owner)) = (read::job(it, seen), it.metadata.owner(Kind::RayJob.name())) {
                    self.routes.lead(&it.metadata.uid.0, &owner.uid.0);
                    self.join_uid(&owner.uid.0, facts);
                    self.settle(&it.metadata.uid.0, &owner.uid.0);
                }
            }
            Object::Event(it) if !gone => self.event(it, seen),
            Object::Event(_) => {}
            Object::Node(it) => self.node(read::node(it, seen), seen, gone),
            Object::Workload(it) => {
                let kinds = [Kind::RayJob, Kind::RayCluster];
                let owner = kinds.into_iter().find_map(|kind| it.metadata.owner(kind.name()));
                if let (Some(facts), Some(owner)) = (read::workload(it, seen), owner) {
                    self.join_uid(&owner.uid.0, facts);
                }
            }
        }
    }

    /// Keeps the facts within so many bytes: beyond them, no further object is taken. Returns the number of objects that
    /// there was no room for so far.
    pub fn limit(&mut self, bytes: usize) -> usize {
        self.is_full = self.weight() >= bytes;
        self.refused
    }

    /// Joins a document that was read from the bucket. Returns `false` if its object is not watched.
    pub fn join_stored(&mut self, document: Document) -> bool {
        let Some(record) = self.objects.get_mut(&document.object.uid) else { return false };
        let stored = Written::of(&document);
        match &mut record.written {
            Some(written) => written.revision = written.revision.max(stored.revision),
            none => *none = Some(stored),
        }
        record.join(document.facts, &mut self.joins);
        self.log_written(&document.object.uid, document.submitter_log.as_ref());
        true
    }

    /// Returns the facts of an object together with those of its owner, its clusters and its nodes.
    pub fn facts(&self, uid: &str) -> Option<Facts> {
        let record = self.objects.get(uid)?;
        let mut facts = record.facts.clone();
        if let Some(owner) = self.owner_of(record) {
            facts.join(owner.facts.clone());
        }
        for cluster in self.clusters_of(&record.id) {
            facts.join(cluster.facts.clone());
        }
        let named: BTreeSet<String> =
            facts.pods.iter().map(|pod| pod.node.clone()).filter(|node| !node.is_empty()).collect();
        let nodes = self.nodes.iter().filter(|node| named.contains(&node.name)).cloned().collect();
        let about = |event: &&Event| event.about.split_once(' ').is_some_and(|(_, node)| named.contains(node));
        let events = self.node_events.iter().filter(about).cloned().collect();
        facts.join(Facts { nodes, events, ..Facts::default() });
        Some(facts)
    }

    /// Returns the document of an object, to be written now.
    pub fn document(
        &self,
        uid: &str,
        now: Time,
        writer: &str,
        kubernetes: &Kubernetes,
        ray: Option<&RayFacts>,
    ) -> Option<Document> {
        let record = self.objects.get(uid)?;
        let mut document = Document::new(record.id.clone(), self.facts(uid)?, ray);
        document.revision = record.written.as_ref().map_or(0, |written| written.revision) + 1;
        document.is_final = self.is_over(record, now);
        document.written_at = Some(now);
        writer.clone_into(&mut document.writer);
        document.kubernetes = kubernetes.clone();
        document.submitter_log = self.submitter_logs.get(uid).cloned();
        Some(document)
    }

    /// Returns the bytes of memory of all facts.
    pub fn weight(&self) -> usize {
        let records: usize = self.objects.values().map(|record| record.facts.weight() + 256).sum();
        let logs: usize = self.submitter_logs.values().map(|log| log.text.len() + 256).sum();
        records + logs + self.routes.weight() + 256 * (self.nodes.len() + self.node_events.len())
    }

    /// Returns the bytes of memory of one object's facts.
    pub fn weight_of(&self, uid: &str) -> Option<usize> {
        self.objects.get(uid).map(|record| record.facts.weight())
    }

    /// Returns the objects.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectId> {
        self.objects.values().map(|record| &record.id)
    }

    fn subject(&mut self, facts: Option<Facts>, seen: Time, gone: bool) {
        let Some(mut facts) = facts else { return };
        let told = facts.objects.iter().next().cloned();
        let Some(mut subject) = told else { return };
        if gone {
            (subject.gone_at, subject.seen_going) = (Some(seen), true);
            facts.objects.add(subject.clone());
        }
        if let (Kind::RayCluster, Some(owner)) = (subject.kind, &subject.owner) {
            self.owned.entry(owner.uid.clone()).or_default().insert(subject.uid.clone());
        }
        let Subject { kind, namespace, name, uid, .. } = subject;
        self.enter(ObjectId { kind, namespace, name, uid: uid.clone() });
        self.join_uid(&uid, facts);
        self.tell_going_namespace(&uid);
    }

    fn pod(&mut self, pod: &object::Pod, seen: Time, gone: bool) {
        let Some(mut facts) = read::pod(pod, seen) else { return };
        let told = facts.pods.iter().next().cloned();
        if gone && let Some(mut fact) = told {
            fact.gone_at = Some(seen);
            facts.pods.add(fact);
        }
        let metadata = &pod.metadata;
        let (namespace, uid) = (&metadata.namespace.0, &metadata.uid.0);
        if let Some(owner) = metadata.owner(Kind::RayCluster.name()) {
            let (name, owner) = (owner.name.0.clone(), owner.uid.0.clone());
            let id = ObjectId { kind: Kind::RayCluster, namespace: namespace.clone(), name, uid: owner.clone() };
            if id.key("").is_some() {
                self.enter(id);
                self.routes.lead(uid, &owner);
                self.join_uid(&owner, facts);
                self.settle(uid, &owner);
            }
            return;
        }
        // A submitter: its Job leads to the RayJob, else the labels do.
        let job = metadata.owner("Job").map(|job| job.uid.0.as_str());
        let labels = &metadata.labels;
        let by_job = job.and_then(|job| self.routes.of(job)).map(ToOwned::to_owned);
        let by_name = || self.named(Kind::RayJob, namespace, &labels.origin_name.0, metadata.created.0);
        if let Some(owner) = by_job.or_else(by_name) {
            self.routes.lead(uid, &owner);
            self.join_uid(&owner, facts);
            self.settle(uid, &owner);
        } else if labels.origin_kind.0 == Kind::RayJob.name() {
            self.routes.keep_named(Kind::RayJob, namespace, &labels.origin_name.0, uid, facts);
        }
    }

    fn event(&mut self, event: &object::Event, seen: Time) {
        let Some(facts) = read::event(event, seen) else { return };
        let about = event.about();
        match about.kind.0.as_str() {
            "Node" | "NodeClaim" => {
                self.node_events.join(facts.events);
                self.node_events.keep_greatest(NODE_EVENTS, |event| event.at);
                self.touch(&about.name.0);
            }
            "Job" => {
                let owner = self.routes.of(&about.uid.0).map(ToOwned::to_owned);
                // KubeRay gives the Job the name of its RayJob.
                let owner =
                    owner.or_else(|| self.named(Kind::RayJob, &about.namespace.0, &about.name.0, event.happened()));
                match owner {
                    Some(owner) => self.join_uid(&owner, facts),
                    None => self.routes.keep(&about.uid.0, facts),
                }
            }
            _ => self.join_uid(&about.uid.0, facts),
        }
    }

    fn node(&mut self, node: Option<Node>, seen: Time, gone: bool) {
        let Some(mut node) = node else { return };
        node.gone_at = gone.then_some(seen);
        let (key, name) = (node.key(), node.name.clone());
        let known = self.nodes.get(&key).cloned();
        self.nodes.add(node);
        // Nodes report themselves all the time, mostly unchanged.
        if self.nodes.get(&key) != known.as_ref() {
            self.touch(&name);
        }
        self.nodes.keep_greatest(NODES, |node| (node.gone_at.is_none(), node.gone_at));
    }

    /// Notes news of a node, which are news of the objects that have pods on it.
    fn touch(&mut self, node: &str) {
        for record in self.objects.values_mut() {
            if record.facts.pods.iter().any(|pod| pod.node == node) {
                self.joins += 1;
                record.version = self.joins;
            }
        }
    }

    /// Adds a record for an object, if there is none, and takes what waited for it.
    fn enter(&mut self, id: ObjectId) {
        if self.objects.contains_key(&id.uid) {
            return;
        }
        if self.is_full {
            self.refused += 1;
            return;
        }
        let uid = id.uid.clone();
        let hidden = self.hidden.iter();
        let hidden = hidden.filter(|(place, _)| place.as_ref().is_none_or(|place| *place == id.namespace));
        let unseen: BTreeSet<String> = hidden.map(|(_, what)| what.clone()).collect();
        let waiting = self.routes.take_named(id.kind, &id.namespace, &id.name);
        let mut record = Record { id, ..Record::default() };
        record.join(Facts { unseen, ..Facts::default() }, &mut self.joins);
        self.objects.insert(uid.clone(), record);
        self.settle(&uid.clone(), &uid);
        for (thing, facts) in waiting {
            self.routes.lead(&thing, &uid);
            self.join_uid(&uid, facts);
            self.settle(&thing, &uid);
        }
    }

    /// Joins what waited for a thing into the record that it belongs to.
    fn settle(&mut self, thing: &str, owner: &str) {
        if let Some(facts) = self.routes.take(thing) {
            self.join_uid(owner, facts);
        }
    }

    /// Joins facts about an object or a thing with a uid; they wait if it is not known yet.
    fn join_uid(&mut self, uid: &str, facts: Facts) {
        let owner = self.routes.of(uid).unwrap_or(uid).to_owned();
        match self.objects.get_mut(&owner) {
            Some(record) => record.join(facts, &mut self.joins),
            None if self.is_full => {}
            None => self.routes.keep(&owner, facts),
        }
    }

    /// Returns the uid of the object with a name that was there at a time.
    fn named(&self, kind: Kind, namespace: &str, name: &str, at: Option<Time>) -> Option<String> {
        let same =
            |record: &&Record| record.id.kind == kind && record.id.namespace == namespace && record.id.name == name;
        let created = |record: &Record| record.own().and_then(|subject| subject.created_at);
        let before = |record: &&Record| at.is_none_or(|at| created(record).is_none_or(|created| created <= at));
        let mut all: Vec<&Record> = self.objects.values().filter(same).filter(before).collect();
        all.sort_by_key(|record| created(record));
        all.last().map(|record| record.id.uid.clone())
    }

    /// Returns the owner, if it is watched.
    fn owner_of(&self, record: &Record) -> Option<&Record> {
        let subject = record.own()?;
        let owner = subject.owner.as_ref()?;
        if !owner.uid.is_empty() {
            return self.objects.get(&owner.uid);
        }
        let uid = self.named(Kind::from_name(&owner.kind)?, &subject.namespace, &owner.name, subject.created_at)?;
        self.objects.get(&uid)
    }

    /// Returns the clusters of a `RayJob`; none for other kinds.
    fn clusters_of(&self, id: &ObjectId) -> Vec<&Record> {
        let owned = self.owned.get(&id.uid).filter(|_| id.kind == Kind::RayJob);
        owned.into_iter().flatten().filter_map(|uid| self.objects.get(uid)).collect()
    }
}

impl Record {
    fn join(&mut self, facts: Facts, joins: &mut u64) {
        self.facts.join(facts);
        *joins += 1;
        self.version = *joins;
    }

    /// Returns the object itself, if a version of it was seen.
    fn own(&self) -> Option<&Subject> {
        self.facts.object(&self.id.uid)
    }

    /// Returns the object itself; with its names alone if no version of it was seen.
    fn subject(&self) -> Subject {
        let ObjectId { kind, namespace, name, uid } = self.id.clone();
        let named = || Subject { kind, namespace, name, uid, ..Subject::default() };
        self.own().cloned().unwrap_or_else(named)
    }
}
