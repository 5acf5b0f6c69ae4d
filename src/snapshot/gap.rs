//! One thing that is known to be missing from a session: what, how much it weighs, and what can be done about it.

use serde::Serialize;

/// The kind of a gap. Names never change: programs compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// No event of any type was stored.
    NoEvents,
    /// Event files that hold nothing.
    EmptyEventFiles,
    /// Stored files that could not be read, or not to their end.
    UnreadableFiles,
    /// Events that could not be understood.
    DamagedEvents,
    /// Events of types that this version does not know.
    UnknownEventTypes,
    /// Changes to states that this version does not know.
    UnknownStates,
    /// Events of tasks.
    TaskEvents,
    /// Definitions of tasks.
    TaskDefinitionEvents,
    /// Definitions of actors' tasks.
    ActorTaskDefinitionEvents,
    /// States of tasks.
    TaskLifecycleEvents,
    /// Profile events of tasks.
    TaskProfileEvents,
    /// Events of driver jobs.
    DriverJobEvents,
    /// Events of nodes.
    NodeEvents,
    /// Events of actors.
    ActorEvents,
    /// Events of workers.
    WorkerEvents,
    /// Placement groups, which Ray does not export.
    PlacementGroups,
    /// Attempts without a definition.
    UndefinedAttempts,
    /// Nodes whose own processes sent no event.
    SilentNodes,
    /// Nodes without log files.
    NodesWithoutLogs,
    /// Log files with lines that could not be understood.
    DamagedLogs,
    /// Logs of Ray's processes that are too large to be read whole.
    LongProcessLogs,
    /// Events of a machine whose clock is wrong.
    SkewedEvents,
    /// The head was started again in the middle.
    HeadRestarted,
    /// The session ended without a word.
    EndNotRecorded,
    /// No marker was written.
    NoMarker,
    /// Files that were read before, or are new, and cannot be read now.
    UnreadUpdates,
}

/// The weight of a gap, heaviest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Nearly nothing can be shown.
    Everything,
    /// A whole table, or all of one of its columns, is missing.
    Kind,
    /// Some rows are missing, or not what they were at the end.
    Part,
    /// It may be that something is missing.
    Doubt,
}

/// One gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Its kind, for programs.
    pub code: Code,
    /// Its weight.
    pub weight: Weight,
    /// The gap and its cost, in a sentence.
    pub message: String,
    /// The number missing, where it is counted.
    pub missing: Option<u64>,
    /// The number there should be.
    pub of: Option<u64>,
    /// Event types that were not stored, by Ray's names.
    pub event_types: Vec<&'static str>,
    /// Advice, so that the next session has it.
    pub advice: Option<String>,
}

impl Gap {
    /// A gap that is not counted.
    pub fn new(code: Code, weight: Weight, message: impl Into<String>) -> Self {
        Self { code, weight, message: message.into(), missing: None, of: None, event_types: Vec::new(), advice: None }
    }

    /// Sets the number missing.
    #[must_use]
    pub fn missing(mut self, missing: u64) -> Self {
        self.missing = Some(missing);
        self
    }

    /// Sets the number there should be.
    #[must_use]
    pub fn of(mut self, of: u64) -> Self {
        self.of = Some(of);
        self
    }

    /// Sets the advice.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Memory held beside the struct, in bytes.
    pub fn weight_bytes(&self) -> usize {
        self.message.len() + self.advice.as_ref().map_or(0, String::len) + self.event_types.len() * 16
    }
}

/// `1 node`, `2 nodes`.
pub(super) fn count(n: u64, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        _ => match one.strip_suffix('y') {
            Some(stem) => format!("{n} {stem}ies"),
            None => format!("{n} {one}s"),
        },
    }
}
