//! Metrics of retention. No label names a session.

use super::{Registry, from_zero};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Unit;
use std::sync::atomic::AtomicU64;

/// The last word of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// It did what there was to do.
    Done,
    /// It stopped because the list of sessions shrank.
    Halted,
    /// The store forbids it.
    Forbidden,
    /// The store failed.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: Outcome,
}

/// A step of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Step {
    /// It was marked.
    Marked,
    /// Its mark was removed.
    Unmarked,
    /// It was deleted.
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabel {
    step: Step,
}

/// The metric families.
#[derive(Debug)]
pub struct Metrics {
    runs: Family<OutcomeLabel, Counter>,
    sessions: Family<StepLabel, Counter>,
    objects: Counter,
    bytes: Counter,
    marked: Gauge,
    share: Gauge<f64, AtomicU64>,
    halted: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let outcomes = [Outcome::Done, Outcome::Halted, Outcome::Forbidden, Outcome::Failed];
        let steps = [Step::Marked, Step::Unmarked, Step::Deleted];
        Self {
            runs: from_zero(outcomes.map(|outcome| OutcomeLabel { outcome })),
            sessions: from_zero(steps.map(|step| StepLabel { step })),
            objects: Counter::default(),
            bytes: Counter::default(),
            marked: Gauge::default(),
            share: Gauge::default(),
            halted: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Counts a run.
    pub fn ran(&self, outcome: Outcome) {
        self.runs.get_or_create(&OutcomeLabel { outcome }).inc();
        self.halted.set((outcome == Outcome::Halted).into());
    }

    /// Counts sessions to which something was done.
    pub fn did(&self, step: Step, sessions: u64) {
        self.sessions.get_or_create(&StepLabel { step }).inc_by(sessions);
    }

    /// Counts objects that were deleted, and their bytes.
    pub fn deleted(&self, objects: u64, bytes: u64) {
        self.objects.inc_by(objects);
        self.bytes.inc_by(bytes);
    }

    /// Sets the sessions that are marked, and the share of all sessions that was marked within a day.
    pub fn marked(&self, sessions: u64, share_of_day: f64) {
        self.marked.set(i64::try_from(sessions).unwrap_or(i64::MAX));
        self.share.set(share_of_day);
    }

    /// Sets what is shown of the present to nothing, because everything is kept.
    pub fn off(&self) {
        self.marked(0, 0.0);
        self.halted.set(0);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("retention_runs", "Runs of retention, by their last word", self.runs.clone());
        let help = "Sessions that were marked for deletion, unmarked, or deleted";
        registry.register("retention_sessions", help, self.sessions.clone());
        let help = "Objects that retention deleted";
        registry.register("retention_objects_deleted", help, self.objects.clone());
        let help = "Bytes of the objects that retention deleted";
        registry.register_with_unit("retention_deleted", help, Unit::Bytes, self.bytes.clone());
        let help = "Sessions that are marked for deletion, as this replica last listed them";
        registry.register("retention_marked", help, self.marked.clone());
        let help = "Share of all sessions that was marked within the last day, from 0 to 1";
        registry.register("retention_marked_share", help, self.share.clone());
        let help = "Set to 1 if retention halted because the list of sessions shrank, else 0";
        registry.register("retention_halted", help, self.halted.clone());
    }
}
