//! Marks: those to set, those to remove, and those that are due.

use super::{Decision, Limit, Plan, limits};
use crate::candidate::Candidate;
use crate::never::Kept;
use crate::pins::Pin;
use crate::settings::Settings;
use crate::time::{self, DAY};
use crate::tombstone::{Phase, Tombstone};
use crate::tombstones::Tombstones;
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// The time for which a mark waits beyond its date for what a server has to find out again after a restart.
const PATIENCE: Nanos = 7 * DAY;
/// The time for which a mark that was removed is remembered, so that it counts for the share of its day.
const REMEMBERED: Nanos = DAY;
/// The time for which a deleted session is remembered.
const KEPT_DELETED: Nanos = 30 * DAY;

/// Sessions that may take the place of those that turn out to stay.
const SPARES: usize = 100;

/// A mark to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The index of the session.
    pub at: usize,
    /// The index of the rule.
    pub rule: usize,
    /// The limit beyond which the session is.
    pub limit: Limit,
    /// The sentence that says why.
    pub reason: String,
}

/// A mark to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmark {
    /// The session.
    pub key: SessionKey,
    /// The reason.
    pub why: Why,
}

/// The reason for which a mark goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The rules are others.
    RulesChanged,
    /// The session is not listed any more.
    NotListed,
    /// Its objects are others.
    ObjectsChanged,
    /// Another rule decides about it than the mark says.
    OtherRule,
    /// It stays.
    Kept(Kept),
    /// A week after its date, the server had still not found out all that it must know.
    Overdue(Kept),
    /// It was deleted, and somebody brought it back and pinned it.
    Restored,
    /// A week after its date, its objects, or those of others in its namespace, could still not be listed.
    Unlisted,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RulesChanged => f.write_str("the rules changed"),
            Self::NotListed => f.write_str("it is not listed any more"),
            Self::ObjectsChanged => f.write_str("its objects changed"),
            Self::OtherRule => f.write_str("another rule decides about it now"),
            Self::Kept(kept) => f.write_str(kept.sentence()),
            Self::Overdue(kept) => write!(f, "it could not be deleted for a week: {}", kept.sentence()),
            Self::Restored => f.write_str("it was brought back, and is pinned"),
            Self::Unlisted => f.write_str("it could not be deleted for a week: not all objects could be listed"),
        }
    }
}

/// The inputs of a plan.
pub(super) struct About<'a> {
    pub(super) settings: &'a Settings,
    pub(super) sessions: &'a [Candidate],
    pub(super) tombstones: &'a Tombstones,
    pub(super) now: Nanos,
    pub(super) rests_until: Option<Nanos>,
    pub(super) failed: &'a BTreeMap<SessionKey, Nanos>,
}

impl About<'_> {
    /// Says what happens to each mark that is there.
    pub(super) fn judge(&self, plan: &mut Plan) {
        let digest = self.settings.digest();
        let marked =
            self.sessions.iter().enumerate().filter(|(_, session)| self.tombstones.get(&session.key).is_some());
        let listed: HashMap<&SessionKey, usize> = marked.map(|(at, session)| (&session.key, at)).collect();
        let mut due = Vec::new();
        for (key, stored) in self.tombstones.iter() {
            let Some(tombstone) = &stored.tombstone else { continue };
            let at = listed.get(key).copied();
            let since = self.now.saturating_sub(tombstone.changed);
            let is_pinned = || at.and_then(|at| self.sessions.get(at)).is_some_and(|it| it.pin == Some(Pin::Object));
            if tombstone.phase == Phase::Deleted && is_pinned() {
                plan.restored.push(key.clone());
            }
            match tombstone.phase {
                Phase::Marked => {
                    let date = tombstone.due(self.settings.grace);
                    plan.marked.add(tombstone.bytes, Some(date));
                    match self.unmark(tombstone, at, plan, &digest) {
                        Some(why) => plan.unmarks.push(super::Unmark { key: key.clone(), why }),
                        None if self.is_due(date) && expires(at, plan) => due.push((date, key)),
                        None => {}
                    }
                }
                Phase::Unmarked if since >= REMEMBERED => plan.stale.push(key.clone()),
                Phase::Deleting => plan.begun.push(key.clone()),
                Phase::Deleted if at.is_some() && since >= time::nanos(self.settings.grace) => {
                    plan.late.push(key.clone());
                }
                Phase::Deleted if at.is_none() && since >= KEPT_DELETED => plan.stale.push(key.clone()),
                _ => {}
            }
        }
        due.sort();
        plan.due = due.into_iter().map(|(_, key)| key.clone()).collect();
    }

    /// Chooses the sessions that are marked today.
    pub(super) fn choose(&self, plan: &mut Plan) {
        let mut expiring: Vec<(Option<Nanos>, Nanos, usize)> = Vec::new();
        for (at, (session, decision)) in self.sessions.iter().zip(&plan.decisions).enumerate() {
            let is_marked = || self.phase(&session.key).is_some_and(|phase| *phase == Phase::Marked);
            if matches!(decision, Decision::Expire { .. }) && !is_marked() {
                let failed = self.failed.get(&session.key).copied();
                expiring.push((failed, session.aged_from().unwrap_or(Nanos::MAX), at));
            }
        }
        let left = self.left_today();
        expiring.sort_unstable();
        let waiting = expiring.len().saturating_sub(left);
        if waiting > 0 {
            plan.kept.insert(Kept::Waits, waiting as u64);
        }
        let spares = if left == 0 { 0 } else { SPARES };
        let mut marks = expiring.into_iter().take(left.saturating_add(spares)).filter_map(|(_, _, at)| {
            let (session, decision) = (self.sessions.get(at)?, plan.decisions.get(at)?);
            let Decision::Expire { rule, limit } = *decision else { return None };
            let reason = limits::sentence(self.settings, rule, limit, session, self.now);
            Some(Mark { at, rule, limit, reason })
        });
        plan.marks = marks.by_ref().take(left).collect();
        plan.spares = marks.collect();
    }

    /// Returns the marks that the share of the day still allows. Marks that were removed count, too.
    fn left_today(&self) -> usize {
        let share = usize::from(self.settings.max_share.min(100));
        let most = (self.sessions.len() * share / 100).max(1);
        let marks = self.tombstones.iter().filter_map(|(_, stored)| stored.tombstone.as_ref());
        let today = marks.filter(|tombstone| self.now.saturating_sub(tombstone.at) < DAY).count();
        most.saturating_sub(today)
    }

    fn phase(&self, key: &SessionKey) -> Option<&Phase> {
        self.tombstones.get(key)?.tombstone.as_ref().map(|tombstone| &tombstone.phase)
    }

    fn is_due(&self, date: Nanos) -> bool {
        self.now >= date && self.rests_until.is_none_or(|until| self.now >= until)
    }

    /// Returns the reason for which a mark goes.
    fn unmark(&self, tombstone: &Tombstone, at: Option<usize>, plan: &Plan, digest: &str) -> Option<Why> {
        if tombstone.rules_digest != digest {
            return Some(Why::RulesChanged);
        }
        let Some((session, decision)) = at.and_then(|at| Some((self.sessions.get(at)?, plan.decisions.get(at)?)))
        else {
            // A listing with holes says nothing.
            let is_whole = !self.sessions.iter().any(|session| session.listing_is_partial);
            return is_whole.then_some(Why::NotListed);
        };
        if session.survey.is_some_and(|survey| survey.digest != tombstone.digest) {
            return Some(Why::ObjectsChanged);
        }
        let is_overdue = self.now.saturating_sub(tombstone.due(self.settings.grace)) >= PATIENCE;
        match *decision {
            Decision::Keep(kept) if !kept.is_passing() => Some(Why::Kept(kept)),
            Decision::Keep(kept) => is_overdue.then_some(Why::Overdue(kept)),
            Decision::Survey => is_overdue.then_some(Why::Unlisted),
            Decision::Expire { rule, .. } => (rule != tombstone.rule).then_some(Why::OtherRule),
            Decision::Hidden => None,
        }
    }
}

fn expires(at: Option<usize>, plan: &Plan) -> bool {
    at.and_then(|at| plan.decisions.get(at)).is_some_and(|decision| matches!(decision, Decision::Expire { .. }))
}
