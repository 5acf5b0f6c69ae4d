//! A version of an object, whatever its kind is.

use crate::object;

/// A version of an object, as a watch or a listing gives it.
#[derive(Clone, Debug)]
pub enum Object {
    /// A `RayCluster`.
    RayCluster(object::RayCluster),
    /// A `RayJob`.
    RayJob(object::RayJob),
    /// A `RayService`.
    RayService(object::RayService),
    /// A pod of Ray, or one that submits a job.
    Pod(object::Pod),
    /// The Job of such a pod.
    Job(object::Job),
    /// An Event about any of these.
    Event(object::Event),
    /// A node.
    Node(object::Node),
    /// A Workload of Kueue.
    Workload(object::Workload),
}

impl Object {
    /// Reads the JSON of an object of one of these kinds; `None` for another kind, and for what is no JSON.
    pub fn read(json: &[u8]) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Named {
            #[serde(default)]
            kind: object::Label,
        }
        let Named { kind } = serde_json::from_slice(json).ok()?;
        Some(match kind.0.as_str() {
            "RayCluster" => Self::RayCluster(serde_json::from_slice(json).ok()?),
            "RayJob" => Self::RayJob(serde_json::from_slice(json).ok()?),
            "RayService" => Self::RayService(serde_json::from_slice(json).ok()?),
            "Pod" => Self::Pod(serde_json::from_slice(json).ok()?),
            "Job" => Self::Job(serde_json::from_slice(json).ok()?),
            "Event" => Self::Event(serde_json::from_slice(json).ok()?),
            "Node" => Self::Node(serde_json::from_slice(json).ok()?),
            "Workload" => Self::Workload(serde_json::from_slice(json).ok()?),
            _ => return None,
        })
    }
}
