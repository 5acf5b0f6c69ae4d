//! Versions of objects as facts. Each returns `None` for an object without the names that facts need.

mod pod;
mod spec;

pub use pod::pod;

use super::Facts;
use super::attempt::{Attempt, State, is_over};
use super::condition::Condition;
use super::event::Event;
use super::node::Node;
use super::spec::Spec;
use super::subject::{Kind, OwnerRef, Subject, Suspend};
use crate::join::Table;
use crate::object;
use crate::text::is_name;
use crate::time::Time;
use ray_history_core::base::keep::{KEEP, KEEP_FOR};
use std::collections::BTreeMap;

/// Returns what all kinds have: names, times, the owner, labels, and who suspended it.
fn subject(kind: Kind, metadata: &object::Metadata, suspended: Option<bool>, seen: Time) -> Option<Subject> {
    let [namespace, name, uid] = [&metadata.namespace.0, &metadata.name.0, &metadata.uid.0];
    if ![namespace, name, uid].into_iter().all(|text| is_name(text)) {
        return None;
    }
    let generation = metadata.generation.0.unwrap_or(0);
    let suspended = suspended.unwrap_or(false);
    let by = metadata.suspended_by.0.clone().filter(|_| suspended || generation > 1);
    let suspend = (suspended || by.is_some()).then(|| {
        let (at, by) = by.map_or((seen, None), |(at, by)| (at, Some(by)));
        Suspend { generation, value: suspended, by, at: Some(at) }
    });
    let labels = [
        ("kueue.x-k8s.io/queue-name", &metadata.labels.queue.0),
        (KEEP, &metadata.labels.keep.0),
        (KEEP_FOR, &metadata.labels.keep_for.0),
    ];
    let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
    Some(Subject {
        kind,
        namespace: namespace.clone(),
        name: name.clone(),
        uid: uid.clone(),
        created_at: metadata.created.0,
        deleted_at: metadata.deletion_requested(),
        last_seen: Some(seen),
        seen_going: metadata.deleted.0.is_some(),
        owner: owner(metadata),
        labels: labels.map(|(name, value)| (name.to_owned(), value.clone())).collect(),
        suspends: suspend.into_iter().collect(),
        not_suspended: if suspended { 0 } else { generation },
        ..Subject::default()
    })
}

/// Returns the controlling owner; else the one that KubeRay's labels name.
fn owner(metadata: &object::Metadata) -> Option<OwnerRef> {
    let owners = &metadata.owners.0;
    let referred = owners.iter().find(|owner| owner.controller.0 == Some(true)).or_else(|| owners.first());
    let referred = referred.map(|owner| OwnerRef {
        kind: owner.kind.0.clone(),
        name: owner.name.0.clone(),
        uid: owner.uid.0.clone(),
    });
    let labels = &metadata.labels;
    let labelled = || {
        let kind = Kind::from_name(&labels.origin_kind.0)?;
        Some(OwnerRef { kind: kind.to_string(), name: labels.origin_name.0.clone(), uid: String::new() })
    };
    referred.or_else(labelled).filter(|owner| is_name(&owner.name))
}

/// Returns the conditions of an object.
fn conditions(about: &str, conditions: &[object::Condition], seen: Time) -> Table<Condition> {
    let told = conditions.iter().filter(|condition| !condition.kind.0.is_empty());
    let fact = |condition: &object::Condition| Condition {
        at: condition.at.0.unwrap_or(seen),
        about: about.to_owned(),
        kind: condition.kind.0.clone(),
        status: condition.status.0.clone(),
        reason: condition.reason.0.clone(),
        message: condition.message.0.clone(),
        seen: Some(seen),
    };
    told.map(fact).collect()
}

/// Returns the facts of a version of a `RayCluster`.
pub fn ray_cluster(cluster: &object::RayCluster, seen: Time) -> Option<Facts> {
    let mut subject = subject(Kind::RayCluster, &cluster.metadata, cluster.spec.suspend.0, seen)?;
    let status = &cluster.status;
    let provisioned = status
        .conditions
        .0
        .iter()
        .find(|condition| condition.kind.0 == "RayClusterProvisioned" && condition.status.0 == "True");
    subject.ready_at = provisioned
        .map(|condition| condition.at.0.unwrap_or(seen))
        .or_else(|| (status.state.0 == "ready").then_some(seen));
    subject.spec = spec::of_cluster(&cluster.spec, cluster.metadata.generation.0);
    let conditions = conditions(&subject.shown(), &status.conditions.0, seen);
    Some(Facts { objects: Table::from_iter([subject]), conditions, ..Facts::default() })
}

/// Returns the facts of a version of a `RayJob`.
pub fn ray_job(job: &object::RayJob, seen: Time) -> Option<Facts> {
    let mut subject = subject(Kind::RayJob, &job.metadata, job.spec.suspend.0, seen)?;
    let spec = &job.spec;
    let cluster = spec::of_cluster(&spec.cluster, job.metadata.generation.0).unwrap_or_default();
    subject.spec = Some(Spec {
        generation: job.metadata.generation.0.unwrap_or(0),
        entrypoint: spec.entrypoint.0.clone(),
        submission_mode: spec.submission_mode.0.clone(),
        active_deadline_seconds: spec.deadline.0,
        pre_running_deadline_seconds: spec.pre_running_deadline.0,
        ttl_seconds_after_finished: spec.ttl.0,
        shutdown_after_job_finishes: spec.shutdown.0.unwrap_or(false) || spec.deletion.0,
        backoff_limit: spec.backoff_limit.0,
        ..cluster
    })
    .filter(|spec| *spec != Spec { generation: spec.generation, ..Spec::default() });
    let attempts = attempt(job, &subject, seen).into_iter().collect();
    Some(Facts { objects: Table::from_iter([subject]), attempts, ..Facts::default() })
}

/// Returns the attempt that the status tells of.
fn attempt(job: &object::RayJob, subject: &Subject, seen: Time) -> Option<Attempt> {
    let status = &job.status;
    let deployment = &status.deployment.0;
    let over = is_over(deployment);
    // Without a cluster there is an attempt only where KubeRay gave up.
    if status.cluster.0.is_empty() && !matches!(deployment.as_str(), "Failed" | "ValidationFailed") {
        return None;
    }
    let ran =
        status.info.start.0.or_else(|| {
            matches!(status.job.0.as_str(), "RUNNING" | "SUCCEEDED" | "STOPPED" | "FAILED").then_some(seen)
        });
    let ran = ran.filter(|_| status.job.0 != "PENDING");
    Some(Attempt {
        job: subject.uid.clone(),
        cluster: status.cluster.0.clone(),
        from: status.start.0,
        ran_at: ran,
        to: over.then(|| status.end.0.unwrap_or(seen)),
        state: State {
            deployment_status: deployment.clone(),
            job_status: status.job.0.clone(),
            reason: status.reason.0.clone(),
            message: status.message.0.clone(),
            submission_id: status.job_id.0.clone(),
        },
    })
}

/// Returns the facts of a version of a `RayService`.
pub fn ray_service(service: &object::RayService, seen: Time) -> Option<Facts> {
    let mut subject = subject(Kind::RayService, &service.metadata, None, seen)?;
    let active = &service.status.active.cluster.0;
    if is_name(active) {
        subject.active = BTreeMap::from([(active.clone(), seen)]);
    }
    let conditions = conditions(&subject.shown(), &service.status.conditions.0, seen);
    Some(Facts { objects: Table::from_iter([subject]), conditions, ..Facts::default() })
}

/// Returns the facts of a version of the Job that submits.
pub fn job(job: &object::Job, seen: Time) -> Option<Facts> {
    let name = &job.metadata.name.0;
    let conditions = conditions(&format!("Job {name}"), &job.status.conditions.0, seen);
    is_name(name).then(|| Facts { conditions, ..Facts::default() })
}

/// Returns the facts of a version of a Workload of Kueue.
pub fn workload(workload: &object::Workload, seen: Time) -> Option<Facts> {
    let name = &workload.metadata.name.0;
    let conditions = conditions(&format!("Workload {name}"), &workload.status.conditions.0, seen);
    is_name(name).then(|| Facts { conditions, ..Facts::default() })
}

/// Returns the facts of a namespace whose object went: that it is being deleted, or is gone itself.
pub fn namespace(name: &str, namespace: Option<&object::Namespace>, seen: Time) -> Option<Facts> {
    let at = namespace.map_or(Some(seen), |namespace| namespace.metadata.deleted.0)?;
    let condition = Condition {
        at,
        about: format!("Namespace {name}"),
        kind: if namespace.is_some() { "Terminating" } else { "Absent" }.to_owned(),
        status: "True".to_owned(),
        seen: Some(seen),
        ..Condition::default()
    };
    is_name(name).then(|| Facts { conditions: Table::from_iter([condition]), ..Facts::default() })
}

/// Returns the facts of an Event, with the namespace and the uid of the object that it is about.
pub fn event(event: &object::Event, seen: Time) -> Option<Facts> {
    let about = event.about();
    if !is_name(&about.name.0) || event.reason.0.is_empty() {
        return None;
    }
    let at = event.happened().unwrap_or(seen);
    let fact = Event {
        at,
        first: event.began().map_or(at, |first| first.min(at)),
        count: event.times(),
        kind: event.kind.0.clone(),
        reason: event.reason.0.clone(),
        about: format!("{} {}", about.kind.0, about.name.0),
        from: event.reporter().to_owned(),
        note: event.text().to_owned(),
    };
    Some(Facts { events: Table::from_iter([fact]), ..Facts::default() })
}

/// Taints with which autoscalers and administrators announce that a node goes.
const DRAINS: [&str; 4] = [
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "ToBeDeletedByClusterAutoscaler",
    "node.kubernetes.io/unschedulable",
];

/// Returns the facts of a version of a node.
pub fn node(node: &object::Node, seen: Time) -> Option<Node> {
    let (metadata, labels) = (&node.metadata, &node.metadata.labels);
    let capacity = [&labels.karpenter.0, &labels.eks.0, &labels.aks.0];
    let spot = capacity.into_iter().any(|value| value.eq_ignore_ascii_case("spot")) || labels.gke.0 == "true";
    let ready = node.status.conditions.0.iter().find(|condition| condition.kind.0 == "Ready");
    let taints = node.spec.taints.0.iter().filter(|taint| DRAINS.contains(&taint.key.0.as_str()));
    is_name(&metadata.name.0).then(|| Node {
        name: metadata.name.0.clone(),
        uid: metadata.uid.0.clone(),
        spot,
        instance_type: labels.instance_type.0.clone(),
        zone: labels.zone.0.clone(),
        created_at: metadata.created.0,
        not_ready_at: ready.filter(|ready| ready.status.0 != "True").map(|ready| ready.at.0.unwrap_or(seen)),
        drained: taints.map(|taint| (taint.at.0.unwrap_or(seen), taint.key.0.clone())).min(),
        gone_at: None,
    })
}
