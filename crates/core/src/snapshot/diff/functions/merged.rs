//! The rows of one function and type in all jobs of a session.

use super::super::cost::seconds;
use crate::base::task::TaskType;
use crate::snapshot::digest::Digest;
use crate::snapshot::functions::{FunctionStats, Histogram, Run};
use std::collections::BTreeMap;

/// Numbers of one function in all jobs.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) attempts: u64,
    pub(super) retried: u64,
    /// Run times.
    pub(super) runs: u64,
    run_us: u64,
    wait_us: u64,
    histogram: Histogram,
    /// The run times of the first row with any, and the number of such rows.
    first: Option<Run>,
    rows: u64,
}

/// Returns the functions of a session.
pub(super) fn all(digest: &Digest) -> BTreeMap<(&str, TaskType), Merged> {
    let mut all: BTreeMap<(&str, TaskType), Merged> = BTreeMap::new();
    for row in &digest.functions.rows {
        all.entry((&row.func_or_class_name, row.task_type)).or_default().add(&row.stats);
    }
    all
}

impl Merged {
    fn add(&mut self, stats: &FunctionStats) {
        self.attempts = self.attempts.saturating_add(stats.attempts);
        self.retried = self.retried.saturating_add(stats.retried);
        if let Some(wait) = stats.wait {
            self.wait_us = self.wait_us.saturating_add(wait.sum_us);
        }
        if let Some(run) = stats.run {
            self.runs = self.runs.saturating_add(run.count);
            self.run_us = self.run_us.saturating_add(run.sum_us);
            self.histogram.add(&stats.histogram);
            self.first.get_or_insert(run);
            self.rows += 1;
        }
    }

    pub(super) fn run_seconds(&self) -> f64 {
        seconds(self.run_us)
    }

    pub(super) fn wait_seconds(&self) -> f64 {
        seconds(self.wait_us)
    }

    /// Returns the mean of the run times.
    pub(super) fn mean_seconds(&self) -> Option<f64> {
        (self.runs > 0).then(|| self.run_seconds() / self.runs as f64)
    }

    /// Returns `true` if all run times are of one row, whose quantiles are exact.
    pub(super) fn is_exact(&self) -> bool {
        self.rows == 1
    }

    /// Returns the median or the last hundredth of the run times, in seconds.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        match self.first {
            Some(run) if self.rows == 1 => seconds(if share > 0.5 { run.p99_us } else { run.p50_us }),
            _ => self.histogram.quantile(share).unwrap_or_default() / 1e6,
        }
    }
}
