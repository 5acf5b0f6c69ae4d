//! Ray's export events: the wire format, decoded into types that borrow from the record.
//!
//! A record is one JSON object (proto-JSON, camelCase; `snake_case` is read too). `records` splits a stored file into
//! records, `decode` turns one record into an `Event`. A field allocates only if its string has escapes, and no JSON
//! tree is built. Unknown fields are skipped and unknown types reported, so later Rays can be read.
//! Knows nothing of storage, tables or async. Source of the format: `events_*.proto` of Ray 2.49 to 2.60.

pub mod actor;
pub mod decode;
pub mod job;
pub mod kind;
mod message;
pub mod node;
pub mod placement_group;
pub mod reader;
pub mod records;
pub mod salvage;
pub mod task;
pub mod value;
pub mod worker;

use crate::base::id::NodeId;
use crate::base::time::Nanos;

pub use decode::decode;
pub use kind::EventKind;
pub use reader::{Damaged, UnknownFields, without_needless_escapes};

/// An event: the envelope and its payload.
#[derive(Debug)]
pub struct Event<'a> {
    /// `eventType` as sent.
    pub event_type: &'a str,
    /// `sessionName` as sent; empty when missing.
    pub session_name: &'a str,
    /// The time it was created.
    pub timestamp: Nanos,
    /// The node of the process that created it; before Ray 2.53 the envelope has none.
    pub node_id: Option<NodeId>,
    /// The payload.
    pub payload: Payload<'a>,
    /// The first few fields that this version does not know.
    pub unknown_fields: UnknownFields<'a>,
    /// The number of transitions to states that a later Ray added.
    pub unknown_states: u32,
    /// `true` if keys, ids or names contain escapes and so were not understood; see `reader`.
    pub has_escaped: bool,
}

/// The payload of an event.
#[derive(Debug)]
pub enum Payload<'a> {
    /// `TASK_DEFINITION_EVENT`.
    TaskDefinition(Box<task::TaskDefinition<'a>>),
    /// `ACTOR_TASK_DEFINITION_EVENT`.
    ActorTaskDefinition(Box<task::TaskDefinition<'a>>),
    /// `TASK_LIFECYCLE_EVENT`, and `TASK_EXECUTION_EVENT` of Ray 2.49.
    TaskLifecycle(Box<task::TaskLifecycle<'a>>),
    /// `TASK_PROFILE_EVENT`.
    TaskProfile(task::TaskProfile<'a>),
    /// `DRIVER_JOB_DEFINITION_EVENT`.
    DriverJobDefinition(job::DriverJobDefinition<'a>),
    /// `DRIVER_JOB_LIFECYCLE_EVENT`.
    DriverJobLifecycle(job::DriverJobLifecycle),
    /// `SUBMISSION_JOB_DEFINITION_EVENT`.
    SubmissionJobDefinition(job::SubmissionJobDefinition<'a>),
    /// `SUBMISSION_JOB_LIFECYCLE_EVENT`.
    SubmissionJobLifecycle(job::SubmissionJobLifecycle<'a>),
    /// `NODE_DEFINITION_EVENT`.
    NodeDefinition(node::NodeDefinition<'a>),
    /// `NODE_LIFECYCLE_EVENT`.
    NodeLifecycle(node::NodeLifecycle<'a>),
    /// `ACTOR_DEFINITION_EVENT`.
    ActorDefinition(Box<actor::ActorDefinition<'a>>),
    /// `ACTOR_LIFECYCLE_EVENT`.
    ActorLifecycle(actor::ActorLifecycle<'a>),
    /// `WORKER_DEFINITION_EVENT`.
    WorkerDefinition(worker::WorkerDefinition<'a>),
    /// `WORKER_LIFECYCLE_EVENT`.
    WorkerLifecycle(worker::WorkerLifecycle<'a>),
    /// `PLACEMENT_GROUP_DEFINITION_EVENT`.
    PlacementGroupDefinition(Box<placement_group::PlacementGroupDefinition<'a>>),
    /// `PLACEMENT_GROUP_LIFECYCLE_EVENT`.
    PlacementGroupLifecycle(placement_group::PlacementGroupLifecycle<'a>),
    /// `PLATFORM_EVENT`: the whole record, because the dashboard shows it unchanged.
    Platform(&'a str),
    /// A payload that this version does not know, or no payload.
    Unknown,
}

impl Payload<'_> {
    /// Returns the type of event with this payload; `None` for one that this version does not know.
    pub fn kind(&self) -> Option<EventKind> {
        Some(match self {
            Self::TaskDefinition(_) => EventKind::TaskDefinition,
            Self::ActorTaskDefinition(_) => EventKind::ActorTaskDefinition,
            Self::TaskLifecycle(_) => EventKind::TaskLifecycle,
            Self::TaskProfile(_) => EventKind::TaskProfile,
            Self::DriverJobDefinition(_) => EventKind::DriverJobDefinition,
            Self::DriverJobLifecycle(_) => EventKind::DriverJobLifecycle,
            Self::SubmissionJobDefinition(_) => EventKind::SubmissionJobDefinition,
            Self::SubmissionJobLifecycle(_) => EventKind::SubmissionJobLifecycle,
            Self::NodeDefinition(_) => EventKind::NodeDefinition,
            Self::NodeLifecycle(_) => EventKind::NodeLifecycle,
            Self::ActorDefinition(_) => EventKind::ActorDefinition,
            Self::ActorLifecycle(_) => EventKind::ActorLifecycle,
            Self::WorkerDefinition(_) => EventKind::WorkerDefinition,
            Self::WorkerLifecycle(_) => EventKind::WorkerLifecycle,
            Self::PlacementGroupDefinition(_) => EventKind::PlacementGroupDefinition,
            Self::PlacementGroupLifecycle(_) => EventKind::PlacementGroupLifecycle,
            Self::Platform(_) => EventKind::Platform,
            Self::Unknown => return None,
        })
    }
}
