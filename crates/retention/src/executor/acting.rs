//! A run in progress: the parts that every step needs.

use super::errors::{Failure, Step};
use super::{Act, Known, Run, RunOutcome};
use crate::candidate::Candidate;
use crate::plan::{Decision, Limit, Plan};
use crate::settings::Settings;
use crate::tombstone::{Phase, Removed, Tombstone};
use ray_history_core::base::name::SessionKey;
use ray_history_storage_write::StorageWrite;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A run in progress.
pub(super) struct Acting<'a> {
    pub(super) settings: &'a Settings,
    pub(super) digest: String,
    pub(super) known: &'a dyn Known,
    pub(super) writer: Arc<dyn StorageWrite>,
    /// The limits by which the plan lets marked sessions go.
    pub(super) limits: HashMap<SessionKey, Limit>,
    pub(super) run: Run,
    /// The sessions whose requests the store refused, or failed at: each with the first such outcome.
    pub(super) refused: Vec<(SessionKey, RunOutcome)>,
}

impl Acting<'_> {
    /// Fails once the run may act no longer.
    pub(super) fn goes_on(&self) -> Step<()> {
        if self.known.goes_on() { Ok(()) } else { Err(Failure::Ended) }
    }

    /// Notes an outcome that would end the run. Returns `true` if another session had the same already: one may be
    /// locked, or closed to us, and must not stop the others for ever.
    pub(super) fn is_refused_again(&mut self, key: &SessionKey, outcome: &RunOutcome) -> bool {
        let is_same = |known: &RunOutcome| known.as_str() == outcome.as_str();
        if self.refused.iter().any(|(other, known)| other != key && is_same(known)) {
            return true;
        }
        self.refused.push((key.clone(), outcome.clone()));
        false
    }

    /// Counts objects that were deleted, whatever happens next.
    pub(super) fn removed(&mut self, removed: Removed) {
        let run = &mut self.run;
        run.objects = run.objects.saturating_add(removed.objects);
        run.bytes = run.bytes.saturating_add(removed.bytes);
    }

    /// Counts an act, and tells it.
    pub(super) fn acted(&mut self, act: Act) {
        let run = &mut self.run;
        match &act {
            Act::Marked { .. } => run.marked += 1,
            Act::Unmarked { .. } => run.unmarked += 1,
            Act::Begun { .. } => {}
            Act::Deleted { .. } => run.deleted += 1,
        }
        run.outcome = match (&act, &run.outcome) {
            (Act::Deleted { .. } | Act::Begun { .. }, _) | (_, RunOutcome::Deleting) => RunOutcome::Deleting,
            _ => RunOutcome::Marking,
        };
        self.known.acted(&act);
    }
}

/// Returns `true` if a mark is in a phase that a deletion goes through.
pub(super) fn is_deleting(tombstone: &Tombstone) -> bool {
    tombstone.phase == Phase::Deleting
}

/// Returns the limits by which a plan lets marked sessions go.
pub(super) fn limits(plan: &Plan, sessions: &[Candidate]) -> HashMap<SessionKey, Limit> {
    let due: HashSet<&SessionKey> = plan.due.iter().collect();
    let all = sessions.iter().zip(&plan.decisions);
    let expiring = all.filter_map(|(session, decision)| match decision {
        Decision::Expire { limit, .. } if due.contains(&session.key) => Some((session.key.clone(), *limit)),
        _ => None,
    });
    expiring.collect()
}
