//! Versions of objects as the watches read them: only the fields that tell why a run ended.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use ray_history_obituary::facts;
use ray_history_obituary::object::{Event, Metadata, Pod, RayCluster, RayJob, RayService};
use ray_history_obituary::records::Object;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt::Debug;

/// A kind that is watched.
pub(super) trait Kind: DeserializeOwned + Clone + Debug + Send + 'static {
    /// The group, the version, the plural and the kind.
    const NAMES: [&'static str; 4];
    /// `false` for objects whose end tells nothing.
    const ENDS: bool = true;
    /// The kind of objects that have documents.
    const DOCUMENTS: Option<facts::Kind> = None;

    /// Returns the metadata.
    fn metadata(&self) -> &Metadata;
    /// Returns the object for the records.
    fn object(self) -> Object;
}

macro_rules! kinds {
    ($($kind:ident $names:expr, $documents:expr;)*) => { $(
        impl Kind for $kind {
            const NAMES: [&'static str; 4] = $names;
            const DOCUMENTS: Option<facts::Kind> = $documents;

            fn metadata(&self) -> &Metadata {
                &self.metadata
            }

            fn object(self) -> Object {
                Object::$kind(self)
            }
        }
    )* };
}

kinds! {
    RayCluster ["ray.io", "v1", "rayclusters", "RayCluster"], Some(facts::Kind::RayCluster);
    RayJob ["ray.io", "v1", "rayjobs", "RayJob"], Some(facts::Kind::RayJob);
    RayService ["ray.io", "v1", "rayservices", "RayService"], None;
    Pod ["", "v1", "pods", "Pod"], None;
}

impl Kind for Event {
    const NAMES: [&'static str; 4] = ["events.k8s.io", "v1", "events", "Event"];
    // Events expire after an hour.
    const ENDS: bool = false;

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn object(self) -> Object {
        Object::Event(self)
    }
}

/// A version of an object, with what the watch itself needs.
#[derive(Clone, Debug)]
pub(super) struct Version<K> {
    metadata: ObjectMeta,
    /// The object.
    pub(super) object: K,
}

impl<'de, K: Kind> Deserialize<'de> for Version<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = K::deserialize(deserializer)?;
        let told = object.metadata();
        let metadata = ObjectMeta {
            name: Some(told.name.0.clone()),
            namespace: Some(told.namespace.0.clone()),
            uid: Some(told.uid.0.clone()),
            resource_version: Some(told.resource_version.0.clone()).filter(|version| !version.is_empty()),
            ..ObjectMeta::default()
        };
        Ok(Self { metadata, object })
    }
}

impl<K: Kind> Resource for Version<K> {
    type DynamicType = ();
    type Scope = k8s_openapi::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        K::NAMES[3].into()
    }

    fn group((): &()) -> Cow<'_, str> {
        K::NAMES[0].into()
    }

    fn version((): &()) -> Cow<'_, str> {
        K::NAMES[1].into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::NAMES[2].into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
