//! The needed fields of a `RayCluster`. Parsing tolerates any malformed field, so that no object can stop the watch,
//! and skips all other fields, so that thousands of objects need little memory.

use super::limits::{is_name, shortened};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::Resource;
use ray_history_core::base::keep::{KEEP, KEEP_FOR, Keep};
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind};
use ray_history_session::liveness::Cluster;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Labels with which KubeRay names the object that created a cluster.
const OWNER_KIND: &str = "ray.io/originated-from-crd";
const OWNER_NAME: &str = "ray.io/originated-from-cr-name";

/// A `RayCluster`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RayCluster {
    #[serde(default, deserialize_with = "needed")]
    metadata: ObjectMeta,
    #[serde(default, deserialize_with = "suspended")]
    spec: bool,
    #[serde(default, deserialize_with = "head")]
    status: Option<String>,
}

impl RayCluster {
    /// Returns the cluster's id and its data for liveness: `None` for an object with an invalid name or uid, and no
    /// data for an object being deleted.
    pub(super) fn cluster(&self) -> Option<(ClusterId, Option<Cluster>)> {
        let metadata = &self.metadata;
        let id = ClusterId { namespace: metadata.namespace.clone()?, name: metadata.name.clone()? };
        let created = metadata.creation_timestamp.as_ref().map_or(i64::MIN / 2, |time| time.0.as_microsecond());
        let (uid, head) = (metadata.uid.clone()?, self.status.clone().map(shortened));
        if ![&id.namespace, &id.name, &uid].into_iter().all(|name| is_name(name)) {
            return None;
        }
        let cluster = Cluster { uid, created, suspended: self.spec, owner: self.owner(), head, keep: self.keep() };
        Some((id, metadata.deletion_timestamp.is_none().then_some(cluster)))
    }

    /// Returns the `uid`.
    pub(super) fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Returns the time for which its labels ask to keep its sessions.
    fn keep(&self) -> Option<Keep> {
        let labels = self.metadata.labels.as_ref()?;
        let label = |name| labels.get(name).map_or("", String::as_str);
        Keep::of_labels(label(KEEP), label(KEEP_FOR))
    }

    /// Returns the `RayJob` or `RayService` that created the cluster: by owner reference, else by label. References are
    /// lost when the owner is deleted and the cluster kept.
    fn owner(&self) -> Option<Owner> {
        let kind = |kind: &str| OwnerKind::from_folder(&kind.to_ascii_lowercase());
        let references = self.metadata.owner_references.iter().flatten();
        let referred = references
            .filter(|owner| owner.api_version.starts_with("ray.io/"))
            .find_map(|owner| Some(Owner { kind: kind(&owner.kind)?, name: owner.name.clone() }));
        let owner = referred.or_else(|| {
            let labels = self.metadata.labels.as_ref()?;
            Some(Owner { kind: kind(labels.get(OWNER_KIND)?)?, name: labels.get(OWNER_NAME)?.clone() })
        });
        owner.filter(|owner| is_name(&owner.name))
    }
}

impl Resource for RayCluster {
    type DynamicType = ();
    type Scope = k8s_openapi::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "RayCluster".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "ray.io".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "rayclusters".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Deserializes metadata without annotations and managed fields, which are most of it.
pub(super) fn needed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Needed {
        name: Maybe<String>,
        namespace: Maybe<String>,
        uid: Maybe<String>,
        resource_version: Maybe<String>,
        creation_timestamp: Maybe<Time>,
        deletion_timestamp: Maybe<Time>,
        labels: Maybe<BTreeMap<String, String>>,
        owner_references: Maybe<Vec<OwnerReference>>,
    }
    let needed = Maybe::<Needed>::deserialize(deserializer)?.value().unwrap_or_default();
    let labels = needed.labels.value().map(|mut labels| {
        labels.retain(|name, _| [OWNER_KIND, OWNER_NAME, KEEP, KEEP_FOR].contains(&name.as_str()));
        labels
    });
    Ok(ObjectMeta {
        name: needed.name.value(),
        namespace: needed.namespace.value(),
        uid: needed.uid.value(),
        resource_version: needed.resource_version.value(),
        creation_timestamp: needed.creation_timestamp.value(),
        deletion_timestamp: needed.deletion_timestamp.value(),
        labels,
        owner_references: needed.owner_references.value(),
        ..ObjectMeta::default()
    })
}

/// Deserializes `spec.suspend`; `false` if missing or malformed.
fn suspended<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    struct Spec {
        #[serde(default)]
        suspend: Maybe<bool>,
    }
    Ok(Maybe::<Spec>::deserialize(deserializer)?.value().and_then(|spec| spec.suspend.value()).unwrap_or_default())
}

/// Deserializes `status.state` and the pod of `status.head`; `None` if missing or malformed.
fn head<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        #[serde(default)]
        pod_name: Maybe<String>,
        #[serde(default, rename = "podIP")]
        pod_ip: Maybe<String>,
    }
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        state: Maybe<String>,
        #[serde(default)]
        head: Maybe<Head>,
    }
    let Some(status) = Maybe::<Status>::deserialize(deserializer)?.value() else { return Ok(None) };
    let pod = status.head.value().and_then(|head| head.pod_name.value().or(head.pod_ip.value()));
    let parts: Vec<String> = status.state.value().into_iter().chain(pod).collect();
    Ok((!parts.is_empty()).then(|| parts.join(" ")))
}

/// A value of type `T`, or a malformed value, which is ignored.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Maybe<T> {
    /// The value.
    Valid(T),
    /// A malformed value.
    Malformed(serde::de::IgnoredAny),
}

impl<T> Maybe<T> {
    /// Returns the value unless it is malformed.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Valid(value) => Some(value),
            Self::Malformed(_) => None,
        }
    }
}

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self::Malformed(serde::de::IgnoredAny)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(object: Value) -> RayCluster {
        serde_json::from_value(object).unwrap()
    }

    fn object(spec: Value) -> Value {
        json!({
            "apiVersion": "ray.io/v1", "kind": "RayCluster",
            "metadata": {
                "name": "c", "namespace": "team", "uid": "u", "creationTimestamp": "2026-11-22T12:00:00Z",
                "annotations": {"a": "b"}, "managedFields": [{"manager": "kubectl"}]
            },
            "spec": spec, "status": {"state": "ready"}
        })
    }

    #[test]
    fn reads_only_the_needed_fields() {
        let cluster = read(object(json!({"suspend": true, "headGroupSpec": {"template": {"spec": {}}}})));
        let (id, known) = cluster.cluster().unwrap();
        assert_eq!((id.namespace.as_str(), id.name.as_str()), ("team", "c"));
        let known = known.unwrap();
        assert_eq!((known.created, known.suspended), (1_795_348_800_000_000, true));
        assert!(cluster.metadata.annotations.is_none() && cluster.metadata.managed_fields.is_none());
    }

    #[test]
    fn a_malformed_spec_is_not_suspended() {
        for spec in
            [json!(null), json!("x"), json!([1]), json!({"suspend": "yes"}), json!({"suspend": null}), json!({})]
        {
            assert!(!read(object(spec.clone())).spec, "{spec}");
        }
    }

    #[test]
    fn ignores_objects_with_malformed_metadata() {
        for odd in [
            json!({}),
            json!({"metadata": null}),
            json!({"metadata": {"name": 1, "namespace": [], "uid": {}, "labels": {"a": 1}, "ownerReferences": "x"}}),
            json!({"metadata": {"name": "c", "namespace": "team"}}),
            json!({"metadata": {"name": "n".repeat(1_000), "namespace": "team", "uid": "u"}}),
        ] {
            assert_eq!(read(odd.clone()).cluster(), None, "{odd}");
        }
        let mut without_a_time = object(json!({}));
        without_a_time["metadata"]["creationTimestamp"] = json!("yesterday");
        assert!(read(without_a_time).cluster().is_some());
    }

    #[test]
    fn the_head_is_state_and_pod_if_well_formed() {
        for (status, head) in [
            (json!({"state": "ready", "head": {"podName": "c-head", "podIP": "10.0.0.1"}}), Some("ready c-head")),
            (json!({"state": "ready", "head": {"podIP": "10.0.0.1"}}), Some("ready 10.0.0.1")),
            (json!({"head": {"podName": "c-head"}}), Some("c-head")),
            (json!({"state": 1, "head": [2]}), None),
            (json!({}), None),
            (json!("ready"), None),
            (json!(null), None),
        ] {
            let mut object = object(json!({}));
            object["status"] = status.clone();
            assert_eq!(read(object).cluster().unwrap().1.unwrap().head.as_deref(), head, "{status}");
        }
    }

    #[test]
    fn a_cluster_being_deleted_is_gone() {
        let mut object = object(json!({}));
        object["metadata"]["deletionTimestamp"] = json!("2026-11-22T13:00:00Z");
        assert_eq!(read(object).cluster().unwrap().1, None);
    }

    #[test]
    fn the_owner_comes_from_reference_or_label() {
        let nightly = Some(Owner { kind: OwnerKind::RayJob, name: "nightly".to_owned() });
        let mut referred = object(json!({}));
        referred["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "ray.io/v1", "kind": "RayJob", "name": "nightly", "uid": "1"}]);
        assert_eq!(read(referred).owner(), nightly);
        let mut labelled = object(json!({}));
        labelled["metadata"]["labels"] = json!({(OWNER_KIND): "RayJob", (OWNER_NAME): "nightly", "app": "x"});
        assert_eq!(read(labelled).owner(), nightly);
        assert_eq!(read(object(json!({}))).owner(), None);
    }
}
