//! Metrics of why runs ended. No label names a run.

use super::{Registry, from_zero};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Unit;

/// The outcome of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was stopped.
    Stopped,
    /// Nothing tells it.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: Outcome,
}

/// The metric families.
#[derive(Debug)]
pub struct Metrics {
    ended: Family<OutcomeLabel, Counter>,
    rows: Gauge,
    bytes: Gauge,
    stale: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let all = [Outcome::Succeeded, Outcome::Failed, Outcome::Stopped, Outcome::Unknown];
        Self {
            ended: from_zero(all.map(|outcome| OutcomeLabel { outcome })),
            rows: Gauge::default(),
            bytes: Gauge::default(),
            stale: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Counts a run that ended.
    pub fn ended(&self, outcome: Outcome) {
        self.ended.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Sets what is kept of runs, and whether the ledger could not be read last time.
    pub fn kept(&self, rows: usize, bytes: u64, stale: bool) {
        self.rows.set(i64::try_from(rows).unwrap_or(i64::MAX));
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.stale.set(stale.into());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Runs that ended since this replica started, as Kubernetes knew them, by outcome; each once";
        registry.register("runs_ended", help, self.ended.clone());
        registry.register("obituaries_runs", "Runs of which it is kept why they ended", self.rows.clone());
        let help = "Bytes of what is kept of why runs ended, a part of cache.maxMemory";
        registry.register_with_unit("obituaries", help, Unit::Bytes, self.bytes.clone());
        let help = "Set to 1 if the ledger of why runs ended could not be read last time, else 0";
        registry.register("obituaries_stale", help, self.stale.clone());
    }
}
