//! The plan: sessions, rules, marks and a clock give what would happen now, and why the rest stays. Pure.

mod limits;
mod marks;
#[cfg(test)]
mod tests;

pub use limits::Limit;
pub use marks::{Mark, Unmark, Why};

use crate::candidate::Candidate;
use crate::never::{Kept, never};
use crate::settings::Settings;
use crate::time;
use crate::tombstone::{Phase, Tombstone};
use crate::tombstones::{Stored, Tombstones};
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use std::collections::BTreeMap;

/// The decision about one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It stays.
    Keep(Kept),
    /// It stays until objects were listed, its own or those of others in its namespace: their age or size decides.
    Survey,
    /// It goes: by a rule, counted from zero, and a limit of it.
    Expire {
        /// The index of the rule.
        rule: usize,
        /// The limit beyond which it is.
        limit: Limit,
    },
    /// It is being deleted, or was.
    Hidden,
}

/// Numbers of sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sessions.
    pub sessions: u64,
    /// Their bytes, as far as they are known.
    pub bytes: u64,
    /// The earliest time that is counted: of planned sessions the time from which their age counts, of marked ones the
    /// time before which none is deleted.
    pub oldest: Option<Nanos>,
}

/// Everything that would happen now.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The decisions, in the order of the sessions.
    pub decisions: Vec<Decision>,
    /// The sessions to mark, by their index, the oldest first, as many as the day allows.
    pub marks: Vec<Mark>,
    /// The sessions to mark in place of those that turn out to stay, by their index, the oldest first: a session that
    /// nobody can mark must not use up each day.
    pub spares: Vec<Mark>,
    /// The marks to remove.
    pub unmarks: Vec<Unmark>,
    /// The marks that are due, the earliest first.
    pub due: Vec<SessionKey>,
    /// The sessions whose deletion has begun.
    pub begun: Vec<SessionKey>,
    /// Deleted sessions that are listed again: files came late.
    pub late: Vec<SessionKey>,
    /// Deleted sessions that are listed again and pinned: somebody may have brought them back.
    pub restored: Vec<SessionKey>,
    /// Marks that have done their work.
    pub stale: Vec<SessionKey>,
    /// The sessions that cannot be decided before their objects are listed, by their index.
    pub surveys: Vec<usize>,
    /// All sessions beyond a limit, marked or not.
    pub planned: Totals,
    /// All marked sessions that were not deleted.
    pub marked: Totals,
    /// Sessions that stay, by reason.
    pub kept: BTreeMap<Kept, u64>,
}

impl Totals {
    fn add(&mut self, bytes: u64, time: Option<Nanos>) {
        self.sessions += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.oldest = match (self.oldest, time) {
            (Some(oldest), Some(time)) => Some(oldest.min(time)),
            (oldest, time) => oldest.or(time),
        };
    }
}

/// Returns the plan. Sessions include hidden ones. Nothing that was marked is due before `rests_until`. Sessions that
/// failed, each at its time, are marked after all others.
pub fn plan(
    settings: &Settings,
    sessions: &[Candidate],
    tombstones: &Tombstones,
    now: Nanos,
    rests_until: Option<Nanos>,
    failed: &BTreeMap<SessionKey, Nanos>,
) -> Plan {
    let mut plan = Plan::default();
    let of = |session: &Candidate| tombstones.get(&session.key);
    let decisions = sessions.iter().map(|session| first(settings, session, of(session), now));
    plan.decisions = decisions.collect();
    limits::decide(settings, sessions, &mut plan.decisions, now);
    for (at, (session, decision)) in sessions.iter().zip(&plan.decisions).enumerate() {
        match decision {
            Decision::Keep(kept) => *plan.kept.entry(*kept).or_default() += 1,
            Decision::Survey if session.survey.is_none() => plan.surveys.push(at),
            Decision::Survey | Decision::Hidden => {}
            Decision::Expire { .. } => {
                plan.planned.add(session.survey.map_or(0, |survey| survey.bytes), session.aged_from());
            }
        }
    }
    let about = marks::About { settings, sessions, tombstones, now, rests_until, failed };
    about.judge(&mut plan);
    about.choose(&mut plan);
    plan
}

/// Returns the decision that the session alone allows: the rule that matches it, with a limit that is not looked at yet.
fn first(settings: &Settings, session: &Candidate, stored: Option<&Stored>, now: Nanos) -> Decision {
    match stored.map(|stored| stored.tombstone.as_ref()) {
        Some(None | Some(Tombstone { phase: Phase::Other(_), .. })) => return Decision::Keep(Kept::NotUnderstood),
        Some(Some(tombstone)) if tombstone.hides() => return Decision::Hidden,
        _ => {}
    }
    if let Some(kept) = never(settings, session, now) {
        return Decision::Keep(kept);
    }
    match rule_of(settings, session) {
        Some(rule) => Decision::Expire { rule, limit: Limit::Age },
        None => Decision::Keep(Kept::NoRule),
    }
}

/// Returns the sentence that says why a session stays or goes.
pub fn explain(settings: &Settings, session: &Candidate, decision: Decision, now: Nanos) -> String {
    match decision {
        Decision::Keep(kept) => kept.sentence().to_owned(),
        Decision::Survey => "its objects, or those of others in its namespace, have not been listed yet".to_owned(),
        Decision::Expire { rule, limit } => limits::sentence(settings, rule, limit, session, now),
        Decision::Hidden => "it is being deleted, or was".to_owned(),
    }
}

/// Returns the index of the rule that decides about a session.
pub fn rule_of(settings: &Settings, session: &Candidate) -> Option<usize> {
    settings.rules.iter().position(|rule| rule.matches.covers(session))
}

/// Returns `true` if a session is beyond the greatest age of a rule; `None` if nothing tells its age.
pub fn is_too_old(settings: &Settings, rule: usize, session: &Candidate, now: Nanos) -> Option<bool> {
    let Some(most) = settings.rules.get(rule).and_then(|rule| rule.max_age) else { return Some(false) };
    session.aged_from().map(|from| now.saturating_sub(from) >= time::nanos(most))
}
