//! Rows of the rollup `runs`: a session as a whole.

use crate::error::Error;
use crate::head::{About, Totals};
use crate::row::{Columns, Count, Enum, Record, Row};
use crate::values::Values;
use ray_history_core::snapshot::run_facts::Outcome;

/// Facts about the end of a session that others than itself know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The outcome; `None` if only its jobs tell.
    pub outcome: Option<Outcome>,
    /// The code of the first cause.
    pub cause: Option<Box<str>>,
}

/// The sources of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The build of the head.
    pub build: Box<str>,
    /// Its size.
    pub head_bytes: u64,
    /// Its tag.
    pub head_etag: Option<Box<str>>,
    /// The outcome that is shown.
    pub outcome: Outcome,
    /// The cause that is shown.
    pub cause: Option<Box<str>>,
}

impl Written {
    /// Returns `true` if the row is that of a head with this size and tag, and shows what is told.
    pub fn is_of(&self, head_bytes: u64, head_etag: Option<&str>, told: &Told) -> bool {
        let shows = told.outcome.is_none_or(|outcome| outcome == self.outcome)
            && (told.cause.is_none() || told.cause == self.cause);
        self.head_bytes == head_bytes && self.head_etag.as_deref() == head_etag && shows
    }
}

/// A session.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RunRow {
    owner_kind: Option<Box<str>>,
    owner_name: Option<Box<str>>,
    ray_version: Option<Box<str>>,
    started_ms: Option<i64>,
    ended_ms: Option<i64>,
    outcome: Outcome,
    cause: Option<Box<str>>,
    jobs: Vec<Count>,
    tasks: Option<u64>,
    attempts: Option<u64>,
    failed: Option<u64>,
    unfinished: Option<u64>,
    error_types: Vec<Count>,
    nodes: Option<u64>,
    node_hours: Option<f64>,
    cpu_hours: Option<f64>,
    gpu_hours: Option<f64>,
    gaps: Vec<Box<str>>,
    raw_bytes: u64,
    snapshot_bytes: u64,
    tasks_key: Box<str>,
    build: Box<str>,
    head_bytes: u64,
    head_etag: Option<Box<str>>,
}

impl RunRow {
    /// Returns the row of a session by its head, of which older ones have no totals.
    pub(super) fn of(about: &About, totals: Option<Totals>, told: &Told, tasks_key: String) -> Self {
        let owner = about.session.owner();
        let tables: u64 = about.tables.iter().map(|file| file.size).fold(0, u64::saturating_add);
        let row = Self {
            owner_kind: owner.as_ref().map(|owner| owner.kind.kind().into()),
            owner_name: owner.map(|owner| owner.name.into()),
            attempts: Some(about.attempts),
            outcome: told.outcome.unwrap_or_default(),
            cause: told.cause.clone(),
            raw_bytes: about.inputs.bytes,
            snapshot_bytes: tables,
            tasks_key: tasks_key.into(),
            build: about.build.as_str().into(),
            ..Self::default()
        };
        let Some(totals) = totals else { return row };
        let Totals {
            ray_version,
            started_ms,
            ended_ms,
            outcome,
            jobs,
            tasks,
            attempts,
            failed,
            unfinished,
            error_types,
            nodes,
            node_hours,
            cpu_hours,
            gpu_hours,
            gaps,
        } = totals;
        Self {
            ray_version,
            started_ms,
            ended_ms,
            outcome: told.outcome.unwrap_or(outcome),
            jobs: Count::entries(&jobs),
            tasks: Some(tasks),
            attempts: Some(attempts),
            failed: Some(failed),
            unfinished: Some(unfinished),
            error_types: Count::entries(&error_types),
            nodes: Some(nodes),
            node_hours,
            cpu_hours: Some(cpu_hours),
            gpu_hours: Some(gpu_hours),
            gaps,
            ..row
        }
    }

    /// Adds the object of the head.
    pub(super) fn with_head(self, bytes: u64, etag: Option<&str>) -> Self {
        let snapshot_bytes = self.snapshot_bytes.saturating_add(bytes);
        Self { snapshot_bytes, head_bytes: bytes, head_etag: etag.map(Into::into), ..self }
    }

    pub(super) fn written(self) -> Written {
        let Self { build, head_bytes, head_etag, outcome, cause, .. } = self;
        Written { build, head_bytes, head_etag, outcome, cause }
    }
}

impl Enum for Outcome {
    fn word(self) -> &'static str {
        self.as_str()
    }

    fn of_word(word: &str) -> Option<Self> {
        // Words of later versions.
        Some(Self::parse(word).unwrap_or_default())
    }
}

impl Record for RunRow {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self {
            owner_kind,
            owner_name,
            ray_version,
            started_ms,
            ended_ms,
            outcome,
            cause,
            jobs,
            tasks,
            attempts,
            failed,
            unfinished,
            error_types,
            nodes,
            node_hours,
            cpu_hours,
            gpu_hours,
            gaps,
            raw_bytes,
            snapshot_bytes,
            tasks_key,
            build,
            head_bytes,
            head_etag,
        } = self;
        columns.string("owner_kind", owner_kind)?;
        columns.string("owner_name", owner_name)?;
        columns.string("ray_version", ray_version)?;
        columns.millis([("started_at", started_ms), ("ended_at", ended_ms)])?;
        columns.string("outcome", outcome)?;
        columns.string("cause", cause)?;
        columns.map("jobs", jobs)?;
        columns.number("tasks", tasks)?;
        columns.number("attempts", attempts)?;
        columns.number("failed", failed)?;
        columns.number("unfinished", unfinished)?;
        columns.map("error_types", error_types)?;
        columns.number("nodes", nodes)?;
        columns.number("node_hours", node_hours)?;
        columns.number("cpu_hours", cpu_hours)?;
        columns.number("gpu_hours", gpu_hours)?;
        columns.words("gaps", gaps)?;
        columns.number("raw_bytes", raw_bytes)?;
        columns.number("snapshot_bytes", snapshot_bytes)?;
        columns.string("tasks_key", tasks_key)?;
        columns.string("build", build)?;
        columns.number("_head_bytes", head_bytes)?;
        columns.string("_head_etag", head_etag)
    }
}

impl Row for RunRow {
    const TABLE: &'static str = "runs";

    fn is_before(&self, _next: &Self, _values: &Values) -> bool {
        true
    }
}
