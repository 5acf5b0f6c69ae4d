//! Ray's task enums, in declaration order (`src/ray/protobuf/common.proto`).

use serde::{Deserialize, Serialize};

/// The state of a task attempt. The order is Ray's: the state API reports the last state that an attempt has reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "Ray's own names")]
pub enum TaskState {
    #[default]
    Nil = 0,
    PendingArgsAvail = 1,
    PendingNodeAssignment = 2,
    PendingObjStoreMemAvail = 3,
    PendingArgsFetch = 4,
    SubmittedToWorker = 5,
    PendingActorTaskArgsFetch = 6,
    PendingActorTaskOrderingOrConcurrency = 7,
    Running = 8,
    RunningInRayGet = 9,
    RunningInRayWait = 10,
    Finished = 11,
    Failed = 12,
    GettingAndPinningArgs = 13,
}

const STATES: [(TaskState, &str); 14] = [
    (TaskState::Nil, "NIL"),
    (TaskState::PendingArgsAvail, "PENDING_ARGS_AVAIL"),
    (TaskState::PendingNodeAssignment, "PENDING_NODE_ASSIGNMENT"),
    (TaskState::PendingObjStoreMemAvail, "PENDING_OBJ_STORE_MEM_AVAIL"),
    (TaskState::PendingArgsFetch, "PENDING_ARGS_FETCH"),
    (TaskState::SubmittedToWorker, "SUBMITTED_TO_WORKER"),
    (TaskState::PendingActorTaskArgsFetch, "PENDING_ACTOR_TASK_ARGS_FETCH"),
    (TaskState::PendingActorTaskOrderingOrConcurrency, "PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY"),
    (TaskState::Running, "RUNNING"),
    (TaskState::RunningInRayGet, "RUNNING_IN_RAY_GET"),
    (TaskState::RunningInRayWait, "RUNNING_IN_RAY_WAIT"),
    (TaskState::Finished, "FINISHED"),
    (TaskState::Failed, "FAILED"),
    (TaskState::GettingAndPinningArgs, "GETTING_AND_PINNING_ARGS"),
];

impl TaskState {
    /// Returns Ray's name of the state.
    pub fn name(self) -> &'static str {
        STATES[self as usize].1
    }

    /// Parses a state name as events contain it; `None` for one added by a later Ray.
    pub fn parse(name: &str) -> Option<Self> {
        STATES.iter().find(|(_, known)| *known == name).map(|(state, _)| *state)
    }

    /// Returns the state of an enum number, the key of Ray 2.49's `taskState` map.
    pub fn from_number(number: u8) -> Option<Self> {
        STATES.get(usize::from(number)).map(|(state, _)| *state)
    }

    /// Returns `true` if an attempt in this state has ended.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Finished | Self::Failed)
    }
}

/// The kind of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
#[expect(missing_docs, reason = "Ray's own names")]
pub enum TaskType {
    #[default]
    NormalTask = 0,
    ActorCreationTask = 1,
    ActorTask = 2,
    DriverTask = 3,
}

impl TaskType {
    /// Returns Ray's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::NormalTask => "NORMAL_TASK",
            Self::ActorCreationTask => "ACTOR_CREATION_TASK",
            Self::ActorTask => "ACTOR_TASK",
            Self::DriverTask => "DRIVER_TASK",
        }
    }

    /// Parses a type name as events contain it.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::NormalTask, Self::ActorCreationTask, Self::ActorTask, Self::DriverTask]
            .into_iter()
            .find(|known| known.name() == name)
    }
}

/// The language of a task's function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "Ray's own names")]
pub enum Language {
    #[default]
    Python = 0,
    Java = 1,
    Cpp = 2,
}

impl Language {
    /// Returns Ray's name of the language.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "PYTHON",
            Self::Java => "JAVA",
            Self::Cpp => "CPP",
        }
    }

    /// Parses a language name as events contain it.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Python, Self::Java, Self::Cpp].into_iter().find(|known| known.name() == name)
    }
}
