//! The spec of a cluster.

use crate::facts::spec::{Env, Group, Spec};
use crate::object::{EnvVar, RayClusterSpec};

/// Environment variables that are kept of one spec.
const ENV: usize = 128;
/// Groups that are kept of one spec.
const GROUPS: usize = 12;

/// Returns the spec; `None` if nothing is known of it.
pub(super) fn of_cluster(spec: &RayClusterSpec, generation: Option<i64>) -> Option<Spec> {
    let head = std::iter::once((&spec.head, "head"));
    let workers = spec.workers.0.iter().map(|group| (group, group.name.0.as_str()));
    let mut room = ENV;
    let groups = head.chain(workers).take(GROUPS).filter_map(|(group, name)| {
        let template = &group.template.spec;
        let container = template.containers.0.first()?;
        let env: Vec<Env> = container.env.0.iter().take(room).map(variable).collect();
        room -= env.len();
        Some(Group {
            name: name.to_owned(),
            image: container.image.0.clone(),
            requests: container.resources.requests.0.clone(),
            limits: container.resources.limits.0.clone(),
            replicas: [group.min.0, group.replicas.0, group.max.0],
            node_selector: template.node_selector.0.clone(),
            priority_class: template.priority_class.0.clone(),
            env,
        })
    });
    let groups: Vec<Group> = groups.collect();
    let ray_version = spec.ray_version.0.clone();
    (!groups.is_empty() || !ray_version.is_empty()).then(|| Spec {
        generation: generation.unwrap_or(0),
        ray_version,
        groups,
        ..Spec::default()
    })
}

/// Returns the name and the source of a variable.
fn variable(variable: &EnvVar) -> Env {
    let from = &variable.from;
    let key = |kind: &str, name: &str, key: &str| format!("{kind} {name}/{key}");
    let source = if !from.secret.name.0.is_empty() {
        key("secret", &from.secret.name.0, &from.secret.key.0)
    } else if !from.config_map.name.0.is_empty() {
        key("configmap", &from.config_map.name.0, &from.config_map.key.0)
    } else if !from.field.path.0.is_empty() {
        format!("field {}", from.field.path.0)
    } else if !from.resource.resource.0.is_empty() {
        format!("resource {}", from.resource.resource.0)
    } else {
        "value".to_owned()
    };
    Env { name: variable.name.0.clone(), from: source }
}
