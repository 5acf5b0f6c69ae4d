//! The needed fields of a `RayService`. Parsing tolerates any malformed field, so that no object can stop the watch.

use super::limits::is_name;
use super::ray_cluster::{Maybe, needed};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// A `RayService`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RayService {
    #[serde(default, deserialize_with = "needed")]
    metadata: ObjectMeta,
    #[serde(default, deserialize_with = "active")]
    status: Option<String>,
}

impl RayService {
    /// Returns the namespace and name; empty if missing.
    pub(super) fn place(&self) -> (&str, &str) {
        fn text(text: Option<&String>) -> &str {
            text.map_or("", String::as_str)
        }
        (text(self.metadata.namespace.as_ref()), text(self.metadata.name.as_ref()))
    }

    /// Returns the namespace, name and active cluster, if it has one and the names are valid.
    pub(super) fn active(&self) -> Option<(String, String, String)> {
        let (namespace, name) = self.place();
        let active = self.status.as_deref()?;
        let are_names = [namespace, name, active].into_iter().all(is_name);
        are_names.then(|| (namespace.to_owned(), name.to_owned(), active.to_owned()))
    }
}

impl Resource for RayService {
    type DynamicType = ();
    type Scope = k8s_openapi::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "RayService".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "ray.io".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "rayservices".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Deserializes `status.activeServiceStatus.rayClusterName`; `None` if missing, malformed or empty.
fn active<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Active {
        #[serde(default)]
        ray_cluster_name: Maybe<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Status {
        #[serde(default)]
        active_service_status: Maybe<Active>,
    }
    let status = Maybe::<Status>::deserialize(deserializer)?.value();
    let active = status.and_then(|status| status.active_service_status.value());
    Ok(active.and_then(|active| active.ray_cluster_name.value()).filter(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_the_active_cluster_if_well_formed() {
        for (status, active) in [
            (json!({"activeServiceStatus": {"rayClusterName": "chat-a"}, "pendingServiceStatus": {}}), Some("chat-a")),
            (json!({"activeServiceStatus": {"rayClusterName": ""}}), None),
            (json!({"activeServiceStatus": {}}), None),
            (json!({"activeServiceStatus": [1]}), None),
            (json!(null), None),
        ] {
            let metadata = json!({"namespace": "team", "name": "chat"});
            let service: RayService = serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap();
            assert_eq!(service.active().map(|(_, _, active)| active).as_deref(), active, "{status}");
            assert_eq!(service.place(), ("team", "chat"));
        }
    }
}
