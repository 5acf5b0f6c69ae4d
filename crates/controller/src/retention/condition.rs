//! The state of retention as the status shows it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use ray_history_core::base::time::Nanos;
use ray_history_retention::{Kept, Mode, Run, RunOutcome};
use ray_history_settings::crd::{
    DeletedStatus, KeptStatus, MarkedStatus, PlannedStatus, RetentionMode, RetentionStatus,
};

/// The time within which runs that find the same are one in the status: less than the pause of those that have nothing
/// to do.
const SOON: Nanos = 55 * 60 * 1_000_000_000;

/// The result of the last run.
#[derive(Clone, Debug)]
struct Last {
    outcome: RunOutcome,
    acts: bool,
    failed: (u64, Vec<String>),
}

/// The part of retention that the status shows.
#[derive(Clone, Debug)]
pub(crate) struct State {
    last: Option<Last>,
    status: RetentionStatus,
    /// Time of the halt that was told.
    halted_at: Option<Nanos>,
    /// The reason why the store cannot be written to, if any.
    pub(super) not_connected: Option<String>,
}

impl State {
    /// Returns the state before the first run.
    pub(super) fn new(mode: Mode) -> Self {
        let status = RetentionStatus {
            mode: match mode {
                Mode::Off => RetentionMode::Off,
                Mode::DryRun => RetentionMode::DryRun,
                Mode::Delete => RetentionMode::Delete,
            },
            ..RetentionStatus::default()
        };
        Self { last: None, status, halted_at: None, not_connected: None }
    }

    /// Takes the failure of a run that made no plan: the numbers of the last one stay.
    pub(super) fn failed(&mut self, outcome: RunOutcome) {
        let acts = self.last.as_ref().is_some_and(|last| last.acts);
        self.last = Some(Last { outcome, acts, failed: (0, Vec::new()) });
    }

    /// Takes the result of a run, of a replica that acts or one that only plans. Returns the message of a halt that was
    /// not told yet.
    pub(super) fn ran(&mut self, run: &Run, acts: bool, now: Nanos) -> Option<String> {
        let (plan, count) = (&run.plan, |kept: Kept| run.plan.kept.get(&kept).copied().unwrap_or_default());
        let all = |kept: &[Kept]| number(kept.iter().map(|kept| count(*kept)).sum());
        let mut before = std::mem::take(&mut self.status);
        let last_run = before.last_run.take();
        let status = RetentionStatus {
            mode: before.mode,
            planned: Some(PlannedStatus {
                sessions: number(plan.planned.sessions),
                bytes: number(plan.planned.bytes),
                oldest: plan.planned.oldest.and_then(time),
            }),
            marked: Some(MarkedStatus {
                sessions: number(plan.marked.sessions + run.marked),
                next: plan.marked.oldest.and_then(time),
            }),
            deleted: Some(DeletedStatus {
                sessions: number(run.state.deleted.sessions),
                objects: number(run.state.deleted.objects),
                bytes: number(run.state.deleted.bytes),
                last: run.state.deleted.last.and_then(time),
            }),
            kept: Some(KeptStatus {
                pinned: all(&[Kept::Pinned, Kept::Protected]),
                live: all(&[Kept::Live]),
                unknown: all(&[Kept::Unknown, Kept::Unproven, Kept::Unwatched, Kept::NamespaceUnknown]),
                young: all(&[Kept::Young, Kept::JustListed]),
                busy: all(&[Kept::Busy]),
                other: all(&[Kept::NoRule, Kept::WithinLimits, Kept::Waits, Kept::NotUnderstood, Kept::Partial]),
            }),
            last_run: None,
        };
        // A run that found nothing new soon after another is no reason to write the status.
        let is_soon = |last: &Time| now.saturating_sub(nanos(last)) < SOON;
        let last_run = last_run.filter(|last| status == before && is_soon(last)).or_else(|| time(now));
        self.status = RetentionStatus { last_run, ..status };
        self.last = Some(Last { outcome: run.outcome.clone(), acts, failed: run.failed.clone() });
        let halted = run.state.halted.as_ref();
        let before = std::mem::replace(&mut self.halted_at, halted.map(|halt| halt.at));
        halted.filter(|halt| before != Some(halt.at)).map(|halt| halt.message.clone())
    }

    /// Returns the numbers for the status.
    pub(crate) fn status(&self) -> RetentionStatus {
        self.status.clone()
    }

    /// Returns the status, reason and message of the condition.
    pub(crate) fn condition(&self) -> (&'static str, &'static str, String) {
        if let Some(why) = &self.not_connected {
            return ("False", "StoreFails", format!("the store cannot be written to: {why}; the server keeps trying"));
        }
        let Some(Last { outcome, acts, failed }) = &self.last else {
            return ("Unknown", "Pending", "the first plan is being made".to_owned());
        };
        let skipped = match failed {
            (0, _) => String::new(),
            (count, errors) => {
                format!("; {count} sessions failed, and the others went on: {}", errors.first().map_or("", |e| e))
            }
        };
        let (status, message) = match outcome {
            RunOutcome::Idle => ("True", "there is nothing to mark or to delete now".to_owned()),
            RunOutcome::DryRun if self.status.mode == RetentionMode::Delete && !acts => {
                return ("False", "NotLeading", "nothing is marked or deleted: this replica does not lead for certain, and only plans".to_owned());
            }
            RunOutcome::DryRun => (
                "True",
                "nothing is marked or deleted: mode is DryRun; status.retention and ray-history retention plan show what would be".to_owned(),
            ),
            RunOutcome::Marking => ("True", "sessions were marked or unmarked".to_owned()),
            RunOutcome::Deleting => ("True", "sessions are being deleted".to_owned()),
            RunOutcome::Halted { message } => ("False", message.clone()),
            RunOutcome::Forbidden { message } => (
                "False",
                format!("the store refuses what retention needs: {message}; see docs/retention-stores.md for its rights, or set spec.retention.mode to DryRun"),
            ),
            RunOutcome::StoreFails { message } => ("False", format!("the store fails: {message}; the next run tries again")),
            RunOutcome::ReadOnly => ("False", "this store cannot be written to".to_owned()),
        };
        (status, outcome.as_str(), message + &skipped)
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn nanos(time: &Time) -> Nanos {
    time.0.as_second().saturating_mul(1_000_000_000)
}

fn time(nanos: Nanos) -> Option<Time> {
    // Seconds, because more would only make the status change.
    Timestamp::from_second(nanos / 1_000_000_000).ok().map(Time)
}

#[cfg(test)]
mod tests;
