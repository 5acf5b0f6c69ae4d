//! Metadata without annotations, and conditions, which all objects have.

use super::lenient::{Flag, Items, Label, Number, Present, Text, When, lenient, otherwise};
use crate::time::Time;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

lenient! {
    /// Metadata.
    pub struct Metadata {
        /// The name.
        name: Label = "name",
        /// The namespace.
        namespace: Label = "namespace",
        /// The uid.
        uid: Label = "uid",
        /// The version, for the watch.
        resource_version: Label = "resourceVersion",
        /// The number of the spec's version.
        generation: Number = "generation",
        /// The time of the creation.
        created: When = "creationTimestamp",
        /// The time at which the object is to be gone: for pods, of the request plus the grace.
        deleted: When = "deletionTimestamp",
        /// The grace in seconds.
        grace: Number = "deletionGracePeriodSeconds",
        /// The labels that are kept.
        labels: Labels = "labels",
        /// The owners.
        owners: Items<Owner, 4> = "ownerReferences",
        /// The manager that set `spec.suspend`.
        suspended_by: SuspendedBy = "managedFields",
    }
}

impl Metadata {
    /// Returns the time at which the deletion was requested.
    pub fn deletion_requested(&self) -> Option<Time> {
        let grace = self.grace.0.unwrap_or(0).clamp(0, 86_400);
        self.deleted.0.map(|time| time.plus(-grace))
    }

    /// Returns the owner of a kind, of Ray's or of Kubernetes' API.
    pub fn owner(&self, kind: &str) -> Option<&Owner> {
        self.owners.0.iter().find(|owner| owner.kind.0 == kind)
    }
}

lenient! {
    /// An owner.
    pub struct Owner {
        /// The kind.
        kind: Label = "kind",
        /// The name.
        name: Label = "name",
        /// The uid.
        uid: Label = "uid",
        /// `true` for the owner that controls the object.
        controller: Flag = "controller",
    }
}

lenient! {
    /// The labels that are kept.
    pub struct Labels {
        /// The cluster of a pod.
        cluster: Label = "ray.io/cluster",
        /// The group of a pod.
        group: Label = "ray.io/group",
        /// `head` or `worker`.
        node_type: Label = "ray.io/node-type",
        /// The kind of the object that created this one.
        origin_kind: Label = "ray.io/originated-from-crd",
        /// Its name.
        origin_name: Label = "ray.io/originated-from-cr-name",
        /// The queue of Kueue.
        queue: Label = "kueue.x-k8s.io/queue-name",
        /// `true` if the run's data is to be kept.
        keep: Label = "history.ray.io/keep",
        /// The time for which it is to be kept.
        keep_for: Label = "history.ray.io/keep-for",
        /// The capacity of a node, as Karpenter says it.
        karpenter: Label = "karpenter.sh/capacity-type",
        /// The same, of EKS.
        eks: Label = "eks.amazonaws.com/capacityType",
        /// The same, of GKE.
        gke: Label = "cloud.google.com/gke-spot",
        /// The same, of AKS.
        aks: Label = "kubernetes.azure.com/scalesetpriority",
        /// The type of a node.
        instance_type: Label = "node.kubernetes.io/instance-type",
        /// The zone of a node.
        zone: Label = "topology.kubernetes.io/zone",
    }
}

lenient! {
    /// A condition.
    pub struct Condition {
        /// The type.
        kind: Label = "type",
        /// `True`, `False` or `Unknown`.
        status: Label = "status",
        /// The reason.
        reason: Label = "reason",
        /// The message.
        message: Text = "message",
        /// The time of the last change.
        at: When = "lastTransitionTime",
    }
}

/// The manager that set `spec.suspend` last, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuspendedBy(pub Option<(Time, String)>);

lenient! {
    struct Managed {
        manager: Label = "manager",
        at: When = "time",
        fields: Fields = "fieldsV1",
    }
}

lenient! {
    struct Fields {
        spec: SpecFields = "f:spec",
    }
}

lenient! {
    struct SpecFields {
        suspend: Present = "f:suspend",
    }
}

impl<'de> Deserialize<'de> for SuspendedBy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Managers;
        impl<'de> Visitor<'de> for Managers {
            type Value = SuspendedBy;

            otherwise!(SuspendedBy(None); bool number text map);

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SuspendedBy, A::Error> {
                let mut newest = None;
                while let Some(managed) = list.next_element::<Managed>()? {
                    if let (true, Some(at)) = (managed.fields.spec.suspend.0, managed.at.0) {
                        newest = newest.max(Some((at, managed.manager.0)));
                    }
                }
                Ok(SuspendedBy(newest))
            }
        }
        deserializer.deserialize_any(Managers)
    }
}
