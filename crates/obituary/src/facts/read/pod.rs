//! A version of a pod as facts.

use crate::facts::Facts;
use crate::facts::container::{Container, Ended, Waited};
use crate::facts::pod::{Pod, PodCondition, Role};
use crate::join::Table;
use crate::object::{self, ContainerStatus, Terminated};
use crate::text::is_name;
use crate::time::Time;

/// The part of a container's id that is kept.
const ID: usize = 12;

/// Returns the facts of a version of a pod.
pub fn pod(pod: &object::Pod, seen: Time) -> Option<Facts> {
    let (metadata, labels, status) = (&pod.metadata, &pod.metadata.labels, &pod.status);
    if !is_name(&metadata.name.0) || !is_name(&metadata.uid.0) {
        return None;
    }
    let role = match labels.node_type.0.as_str() {
        "head" => Role::Head,
        "" if labels.cluster.0.is_empty() => Role::Submitter,
        _ => Role::Worker,
    };
    let deleted_at = metadata.deletion_requested();
    let version = Version { seen, deleting: deleted_at.is_some() };
    let init = status.init_containers.0.iter().map(|container| version.container(container, true));
    let others = status.containers.0.iter().map(|container| version.container(container, false));
    let containers: Table<Container> = init.chain(others).collect();
    let mut fact = Pod {
        name: metadata.name.0.clone(),
        uid: metadata.uid.0.clone(),
        cluster: labels.cluster.0.clone(),
        role,
        group: labels.group.0.clone(),
        node: pod.spec.node.0.clone(),
        main_container: pod.spec.containers.0.first().map(|main| main.name.0.clone()).unwrap_or_default(),
        created_at: metadata.created.0,
        deleted_at,
        last_seen: Some(seen),
        phase: status.phase.0.clone(),
        conditions: conditions(pod, version),
        containers,
        ..Pod::default()
    };
    fact.ran_at = fact.main().and_then(|container| container.ran_at);
    if let Some(main) = pod.spec.containers.0.first() {
        let limit = main.resources.limits.0.get("memory").cloned().unwrap_or_default();
        (fact.image, fact.memory_limit) = (main.image.0.clone(), limit);
    }
    if let Some(main) = status.containers.0.iter().find(|container| fact.is_main(&named(container))) {
        fact.restarts = main.restarts.0.unwrap_or(0);
    }
    Some(Facts { pods: Table::from_iter([fact]), ..Facts::default() })
}

/// Returns a container with nothing but its name.
fn named(status: &ContainerStatus) -> Container {
    Container { name: status.name.0.clone(), ..Container::default() }
}

/// Returns the conditions that tell of trouble, and the pod's own reason.
fn conditions(pod: &object::Pod, version: Version) -> Table<PodCondition> {
    let told = pod.status.conditions.0.iter().filter(|condition| {
        matches!(
            (condition.kind.0.as_str(), condition.status.0.as_str()),
            ("PodScheduled", "False") | ("DisruptionTarget", "True")
        )
    });
    let fact = |kind: &str, reason: &str, message: &str, at: Time| PodCondition {
        kind: kind.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        at,
        deleting: version.deleting,
    };
    let told = told.map(|condition| {
        let at = condition.at.0.unwrap_or(version.seen);
        fact(&condition.kind.0, &condition.reason.0, &condition.message.0, at)
    });
    let status = &pod.status;
    // The end of its containers is the better time: the pod's own reason has none.
    let ends = status.containers.0.iter().filter_map(|container| container.state.terminated.end.0);
    let own = (!status.reason.0.is_empty()).then(|| {
        fact("Pod", &status.reason.0, &status.message.0, ends.min().map_or(version.seen, |end| end.min(version.seen)))
    });
    told.chain(own).collect()
}

/// A version of a pod: when it was seen, and whether its deletion had been asked for.
#[derive(Clone, Copy)]
struct Version {
    seen: Time,
    deleting: bool,
}

impl Version {
    fn container(self, status: &ContainerStatus, init: bool) -> Container {
        let ended = [&status.state, &status.last].map(|state| self.ended(&state.terminated));
        let waiting = &status.state.waiting;
        let waited = (!waiting.reason.0.is_empty()).then(|| Waited {
            reason: waiting.reason.0.clone(),
            message: waiting.message.0.clone(),
            from: self.seen,
            to: self.seen,
            deleting: self.deleting,
        });
        let starts = [
            status.state.running.start.0,
            status.state.terminated.start.0,
            status.last.running.start.0,
            status.last.terminated.start.0,
        ];
        Container {
            name: status.name.0.clone(),
            image_id: digest(&status.image_id.0),
            init,
            ran_at: starts.into_iter().flatten().min(),
            last_ready: (status.ready.0 == Some(true)).then_some(self.seen),
            ended: ended.into_iter().flatten().collect(),
            waited: waited.into_iter().collect(),
        }
    }

    fn ended(self, terminated: &Terminated) -> Option<Ended> {
        if terminated.reason.0.is_empty() && terminated.exit.0.is_none() {
            return None;
        }
        let id = terminated.id.0.rsplit('/').next().unwrap_or_default();
        let short: String = id.chars().take(ID).collect();
        let at = terminated.end.0.unwrap_or(self.seen);
        Some(Ended {
            id: if short.is_empty() {
                format!("{}{}", terminated.reason.0, terminated.end.0.unwrap_or_default())
            } else {
                short
            },
            at,
            untimed: terminated.end.0.is_none(),
            reason: terminated.reason.0.clone(),
            exit: terminated.exit.0,
            signal: terminated.signal.0,
            message: terminated.message.0.clone(),
            deleting: self.deleting,
        })
    }
}

/// Returns the digest of an image's id, which may name a repository, too.
fn digest(id: &str) -> String {
    id.rsplit(['@', '/']).next().filter(|digest| digest.starts_with("sha256:")).unwrap_or_default().to_owned()
}
