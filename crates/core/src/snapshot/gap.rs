//! Known gap of a session: the kind of data missing, its weight, and advice.

use serde::{Deserialize, Serialize};

/// Kind of a gap. The serialized names are stable, because programs compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// No event of any type was stored.
    NoEvents,
    /// Empty event files.
    EmptyEventFiles,
    /// Stored files that could not be read, or not to their end.
    UnreadableFiles,
    /// Events that could not be parsed.
    DamagedEvents,
    /// Events of types that this version does not know.
    UnknownEventTypes,
    /// Transitions to states that this version does not know.
    UnknownStates,
    /// No task events were exported.
    TaskEvents,
    /// Task definitions were not exported.
    TaskDefinitionEvents,
    /// Definitions of actor tasks were not exported.
    ActorTaskDefinitionEvents,
    /// Task states were not exported.
    TaskLifecycleEvents,
    /// Profile events of tasks were not exported.
    TaskProfileEvents,
    /// Profile events of attempts that Ray before 2.55 did not send.
    UnsentProfileEvents,
    /// Events of driver jobs are missing.
    DriverJobEvents,
    /// Events of nodes are missing.
    NodeEvents,
    /// Events of actors are missing.
    ActorEvents,
    /// Events of workers are missing.
    WorkerEvents,
    /// Placement groups are missing; Ray does not export them.
    PlacementGroups,
    /// Attempts without a definition.
    UndefinedAttempts,
    /// Nodes whose own processes sent no event.
    SilentNodes,
    /// Nodes without log files.
    NodesWithoutLogs,
    /// Log files with lines that could not be parsed.
    DamagedLogs,
    /// Logs of Ray's processes that are too large to be read whole.
    LongProcessLogs,
    /// Events of a machine whose clock is wrong.
    SkewedEvents,
    /// The head restarted during the session.
    HeadRestarted,
    /// The end of the session was not recorded.
    EndNotRecorded,
    /// No marker was written.
    NoMarker,
    /// Files that were readable before, or are new, and cannot be read now.
    UnreadUpdates,
    /// Events that Ray counted and never handed over.
    DroppedEvents,
    /// Events or event files that a collector stored and that are gone.
    LostEvents,
    /// Events that a collector set aside, because they belong to no event file.
    QuarantinedEvents,
    /// Log files, or ranges of them, that a collector could not store or that are gone.
    LostLogs,
    /// Nodes of a session with manifests that have none.
    NodesWithoutCollector,
}

/// Weight of a gap, heaviest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Nearly nothing can be shown.
    Everything,
    /// A whole table or column is missing.
    Kind,
    /// Some rows are missing or not up to date.
    Part,
    /// Something may be missing.
    Doubt,
}

/// One gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Kind, for programs.
    pub code: Code,
    /// Weight.
    pub weight: Weight,
    /// Sentence that describes the gap and its effect.
    pub message: String,
    /// Number of missing items, if counted.
    pub missing: Option<u64>,
    /// Number of items expected, if counted.
    pub of: Option<u64>,
    /// Ray's names of event types that were not stored.
    pub event_types: Vec<&'static str>,
    /// Advice on how to avoid the gap in the next session.
    pub advice: Option<String>,
}

impl Gap {
    /// Creates a gap without counts.
    pub fn new(code: Code, weight: Weight, message: impl Into<String>) -> Self {
        Self { code, weight, message: message.into(), missing: None, of: None, event_types: Vec::new(), advice: None }
    }

    /// Sets the number of missing items.
    #[must_use]
    pub fn missing(mut self, missing: u64) -> Self {
        self.missing = Some(missing);
        self
    }

    /// Sets the number of items expected.
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

    /// Returns the memory held in addition to the struct, in bytes.
    pub fn weight_bytes(&self) -> usize {
        self.message.len() + self.advice.as_ref().map_or(0, String::len) + self.event_types.len() * 16
    }
}

/// Returns a number with its noun, such as `1 node` or `2 nodes`.
pub fn count(n: u64, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        _ => match one.strip_suffix('y') {
            Some(stem) => format!("{n} {stem}ies"),
            None => format!("{n} {one}s"),
        },
    }
}
