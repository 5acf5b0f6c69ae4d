//! The event types that Ray exports.

/// Ray's `EventType`, limited to the types that this project reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "Ray's own names")]
pub enum EventKind {
    TaskDefinition,
    ActorTaskDefinition,
    TaskLifecycle,
    TaskProfile,
    DriverJobDefinition,
    DriverJobLifecycle,
    SubmissionJobDefinition,
    SubmissionJobLifecycle,
    NodeDefinition,
    NodeLifecycle,
    ActorDefinition,
    ActorLifecycle,
    WorkerDefinition,
    WorkerLifecycle,
    PlacementGroupDefinition,
    PlacementGroupLifecycle,
    Platform,
}

impl EventKind {
    /// The number of types.
    pub const COUNT: usize = Self::ALL.len();

    /// All types, in order.
    pub const ALL: [Self; 17] = [
        Self::TaskDefinition,
        Self::ActorTaskDefinition,
        Self::TaskLifecycle,
        Self::TaskProfile,
        Self::DriverJobDefinition,
        Self::DriverJobLifecycle,
        Self::SubmissionJobDefinition,
        Self::SubmissionJobLifecycle,
        Self::NodeDefinition,
        Self::NodeLifecycle,
        Self::ActorDefinition,
        Self::ActorLifecycle,
        Self::WorkerDefinition,
        Self::WorkerLifecycle,
        Self::PlacementGroupDefinition,
        Self::PlacementGroupLifecycle,
        Self::Platform,
    ];

    /// Returns Ray's name, as lists of event types spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TaskDefinition => "TASK_DEFINITION_EVENT",
            Self::ActorTaskDefinition => "ACTOR_TASK_DEFINITION_EVENT",
            Self::TaskLifecycle => "TASK_LIFECYCLE_EVENT",
            Self::TaskProfile => "TASK_PROFILE_EVENT",
            Self::DriverJobDefinition => "DRIVER_JOB_DEFINITION_EVENT",
            Self::DriverJobLifecycle => "DRIVER_JOB_LIFECYCLE_EVENT",
            Self::SubmissionJobDefinition => "SUBMISSION_JOB_DEFINITION_EVENT",
            Self::SubmissionJobLifecycle => "SUBMISSION_JOB_LIFECYCLE_EVENT",
            Self::NodeDefinition => "NODE_DEFINITION_EVENT",
            Self::NodeLifecycle => "NODE_LIFECYCLE_EVENT",
            Self::ActorDefinition => "ACTOR_DEFINITION_EVENT",
            Self::ActorLifecycle => "ACTOR_LIFECYCLE_EVENT",
            Self::WorkerDefinition => "WORKER_DEFINITION_EVENT",
            Self::WorkerLifecycle => "WORKER_LIFECYCLE_EVENT",
            Self::PlacementGroupDefinition => "PLACEMENT_GROUP_DEFINITION_EVENT",
            Self::PlacementGroupLifecycle => "PLACEMENT_GROUP_LIFECYCLE_EVENT",
            Self::Platform => "PLATFORM_EVENT",
        }
    }
}
