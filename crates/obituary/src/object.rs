//! Objects of Kubernetes, Ray and Kueue as the API server sends them, reduced to the needed fields.
//!
//! Deserializing never fails on a malformed field, keeps texts and lists within bounds, and holds nothing else in
//! memory: values of environment variables, arguments, annotations and runtime environments are skipped while they are
//! read.

mod event;
mod job;
mod lenient;
mod metadata;
mod namespace;
mod node;
mod pod;
mod ray_cluster;
mod ray_job;
mod ray_service;
mod template;
mod workload;

pub use event::Event;
pub use job::Job;
pub use lenient::{Flag, Items, Label, Long, Number, Present, Quantities, Tail, Text, When};
pub use metadata::{Condition, Labels, Metadata, Owner, SuspendedBy};
pub use namespace::Namespace;
pub use node::Node;
pub use pod::{ContainerState, ContainerStatus, Pod, Terminated};
pub use ray_cluster::{RayCluster, RayClusterSpec};
pub use ray_job::RayJob;
pub use ray_service::RayService;
pub use template::{Container, EnvVar, Resources};
pub use workload::Workload;
