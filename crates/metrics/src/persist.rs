//! Metrics of persisted snapshots: what is written of dead sessions, and what sessions are opened from. No label names
//! a session.

use super::{Registry, from_zero};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Unit;
use std::time::Duration;

/// The end of an attempt to persist a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its snapshot was written.
    Written,
    /// The same snapshot was there already.
    Same,
    /// The snapshot that is there was made of more, so it stays.
    Thinner,
    /// Objects of the session changed meanwhile, so nothing was committed.
    Changed,
    /// Another replica wrote at the same time, and won.
    Conflict,
    /// The store failed, or refused.
    Failed,
}

const OUTCOMES: [Outcome; 6] =
    [Outcome::Written, Outcome::Same, Outcome::Thinner, Outcome::Changed, Outcome::Conflict, Outcome::Failed];

impl Outcome {
    /// Returns the word of the label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Same => "same",
            Self::Thinner => "thinner",
            Self::Changed => "changed",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
        }
    }
}

/// A file of a persisted snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum File {
    /// The head, which names the others.
    Head,
    /// Attempts of tasks.
    Tasks,
    /// Profile events.
    ProfileEvents,
    /// Actors.
    Actors,
    /// A table of all sessions of one day.
    Rollup,
}

const FILES: [File; 5] = [File::Head, File::Tasks, File::ProfileEvents, File::Actors, File::Rollup];

impl File {
    /// Returns the word of the label, which is the name of the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Tasks => "tasks",
            Self::ProfileEvents => "profile_events",
            Self::Actors => "actors",
            Self::Rollup => "rollup",
        }
    }
}

/// The end of an attempt to bring the rollups of a day up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rollup {
    /// They have the rows of all sessions that were asked for.
    Written,
    /// Another replica wrote at the same time, again and again.
    Conflict,
    /// The store failed, or refused.
    Failed,
}

const ROLLUPS: [Rollup; 3] = [Rollup::Written, Rollup::Conflict, Rollup::Failed];

impl Rollup {
    /// Returns the word of the label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
        }
    }
}

/// The data that a session was opened from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Events, logs and stored answers.
    Raw,
    /// A persisted snapshot.
    Snapshot,
}

impl Source {
    /// Returns the word of the label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Snapshot => "snapshot",
        }
    }
}

/// The reason why a persisted snapshot was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// Its bytes are not those that were written, or not a snapshot.
    Damaged,
    /// Its files are of several builds: a write did not end.
    Torn,
    /// A newer version of the program wrote it.
    Newer,
    /// It promises more than can be read.
    TooLarge,
}

const REJECTIONS: [Rejection; 4] = [Rejection::Damaged, Rejection::Torn, Rejection::Newer, Rejection::TooLarge];

impl Rejection {
    /// Returns the word of the label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Torn => "torn",
            Self::Newer => "newer",
            Self::TooLarge => "too_large",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TableLabel {
    table: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FromLabel {
    from: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// The metric families.
#[derive(Debug)]
pub struct Metrics {
    sessions: Family<OutcomeLabel, Counter>,
    seconds: Histogram,
    bytes: Family<TableLabel, Counter>,
    rollups: Family<OutcomeLabel, Counter>,
    rollup_seconds: Histogram,
    opened: Family<FromLabel, Counter>,
    rejected: Family<ReasonLabel, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            sessions: from_zero(OUTCOMES.map(|outcome| OutcomeLabel { outcome: outcome.name() })),
            // 10 ms to 11 minutes, as loads.
            seconds: Histogram::new(exponential_buckets(0.01, 3.0, 11)),
            bytes: from_zero(FILES.map(|file| TableLabel { table: file.name() })),
            rollups: from_zero(ROLLUPS.map(|outcome| OutcomeLabel { outcome: outcome.name() })),
            rollup_seconds: Histogram::new(exponential_buckets(0.01, 3.0, 11)),
            opened: from_zero([Source::Raw, Source::Snapshot].map(|from| FromLabel { from: from.name() })),
            rejected: from_zero(REJECTIONS.map(|reason| ReasonLabel { reason: reason.name() })),
        }
    }
}

impl Metrics {
    /// Counts an attempt to persist a session, and the time it took.
    pub fn ended(&self, outcome: Outcome, took: Duration) {
        self.sessions.get_or_create(&OutcomeLabel { outcome: outcome.name() }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Counts the bytes of a file that was put into the store.
    pub fn wrote(&self, file: File, bytes: u64) {
        self.bytes.get_or_create(&TableLabel { table: file.name() }).inc_by(bytes);
    }

    /// Counts an attempt to bring the rollups of a day up to date, and the time it took.
    pub fn rolled_up(&self, outcome: Rollup, took: Duration) {
        self.rollups.get_or_create(&OutcomeLabel { outcome: outcome.name() }).inc();
        self.rollup_seconds.observe(took.as_secs_f64());
    }

    /// Counts a session that was opened.
    pub fn opened(&self, from: Source) {
        self.opened.get_or_create(&FromLabel { from: from.name() }).inc();
    }

    /// Counts a persisted snapshot that was not used.
    pub fn rejected(&self, reason: Rejection) {
        self.rejected.get_or_create(&ReasonLabel { reason: reason.name() }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Attempts to write the snapshot of a dead session, by outcome";
        registry.register("persist_sessions", help, self.sessions.clone());
        let help = "Duration of an attempt to write the snapshot of a dead session";
        registry.register_with_unit("persist", help, Unit::Seconds, self.seconds.clone());
        let help =
            "Bytes of snapshots that were put into the store, by table; head is the object that names the others";
        registry.register_with_unit("persist", help, Unit::Bytes, self.bytes.clone());
        let help = "Attempts to bring the rollups of a day up to date, by outcome";
        registry.register("persist_rollups", help, self.rollups.clone());
        let help = "Duration of an attempt to bring the rollups of a day up to date";
        registry.register_with_unit("persist_rollup", help, Unit::Seconds, self.rollup_seconds.clone());
        let help = "Sessions that were opened, by the data they were opened from";
        registry.register("opened", help, self.opened.clone());
        let help = "Snapshots in the store that were not used, by reason; raw data was read in their place";
        registry.register("snapshot_rejected", help, self.rejected.clone());
    }
}
