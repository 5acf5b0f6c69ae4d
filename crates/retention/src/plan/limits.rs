//! The limits of rules: age, and what the newest sessions of a namespace leave.

use super::{Decision, is_too_old};
use crate::candidate::Candidate;
use crate::never::Kept;
use crate::settings::{Rule, Settings};
use crate::time;
use ray_history_core::base::time::Nanos;
use std::cmp::Reverse;

/// A limit of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// `maxAge`.
    Age,
    /// `maxSessions`.
    Sessions,
    /// `maxBytes`.
    Bytes,
}

/// One session of a group: those of a namespace that one rule decides about.
struct Member<'a> {
    rule: usize,
    namespace: &'a str,
    /// The newest first; before them those whose age is not known.
    age: Reverse<Nanos>,
    at: usize,
}

/// Decides about the sessions that rules match: each is beyond a limit, within all, or must be surveyed before.
///
/// Sessions that stay for another reason do not count: they push nothing out.
pub(super) fn decide(settings: &Settings, sessions: &[Candidate], decisions: &mut [Decision], now: Nanos) {
    let mut members: Vec<Member<'_>> = Vec::new();
    for (at, (session, decision)) in sessions.iter().zip(&*decisions).enumerate() {
        if let Decision::Expire { rule, .. } = *decision {
            let age = Reverse(session.aged_from().unwrap_or(Nanos::MAX));
            members.push(Member { rule, namespace: &session.key.cluster.namespace, age, at });
        }
    }
    members.sort_unstable_by(|a, b| {
        let group = (a.rule, a.namespace, a.age).cmp(&(b.rule, b.namespace, b.age));
        let key = |member: &Member<'_>| sessions.get(member.at).map(|session| &session.key);
        group.then_with(|| key(a).cmp(&key(b)))
    });
    for group in members.chunk_by(|a, b| (a.rule, a.namespace) == (b.rule, b.namespace)) {
        let Some(rule) = group.first().and_then(|member| settings.rules.get(member.rule)) else { continue };
        let is_missing =
            |session: &Candidate| session.survey.is_none() && (session.ended.is_none() || rule.max_bytes.is_some());
        let is_ranked = rule.max_sessions.is_some() || rule.max_bytes.is_some();
        // Until all are surveyed, those within the limits may turn out to be beyond them.
        let is_open = is_ranked && group.iter().filter_map(|member| sessions.get(member.at)).any(is_missing);
        let (mut newer, mut bytes) = (0_u64, 0_u64);
        for member in group {
            let (Some(session), Some(decision)) = (sessions.get(member.at), decisions.get_mut(member.at)) else {
                continue;
            };
            // Those whose age is not known come first, and may be older.
            newer += u64::from(session.aged_from().is_some());
            bytes = bytes.saturating_add(session.survey.map_or(0, |survey| survey.bytes));
            *decision = match beyond(settings, member.rule, rule, session, (newer, bytes), now) {
                Some(limit) => Decision::Expire { rule: member.rule, limit },
                None if is_open || is_missing(session) => Decision::Survey,
                None => Decision::Keep(Kept::WithinLimits),
            };
        }
    }
}

/// Returns the limit beyond which a session is: the `newer`th of its group, which has so many bytes up to it.
fn beyond(
    settings: &Settings,
    at: usize,
    rule: &Rule,
    session: &Candidate,
    (newer, bytes): (u64, u64),
    now: Nanos,
) -> Option<Limit> {
    // Until its age is known, a session has no place among the others.
    let is_ranked = session.aged_from().is_some();
    if is_too_old(settings, at, session, now) == Some(true) {
        Some(Limit::Age)
    } else if is_ranked && rule.max_sessions.is_some_and(|most| newer > most) {
        Some(Limit::Sessions)
    } else if is_ranked && rule.max_bytes.is_some_and(|most| bytes > most) {
        Some(Limit::Bytes)
    } else {
        None
    }
}

/// Returns the sentence for a session that goes.
pub(super) fn sentence(settings: &Settings, at: usize, limit: Limit, session: &Candidate, now: Nanos) -> String {
    let (number, namespace) = (at + 1, &session.key.cluster.namespace);
    let rule = settings.rules.get(at).cloned().unwrap_or_default();
    match limit {
        Limit::Age => {
            let age = session.aged_from().map_or(0, |from| now.saturating_sub(from));
            let since = if session.ended.is_some() { "it ended" } else { "its newest file was written" };
            let most = time::words(rule.max_age.map_or(0, time::nanos));
            format!("rule {number}: {since} {} ago, and maxAge is {most}", time::words(age))
        }
        Limit::Sessions => {
            let most = rule.max_sessions.unwrap_or_default();
            format!("rule {number}: namespace {namespace:?} has {most} newer sessions, which is maxSessions")
        }
        Limit::Bytes => {
            let most = rule.max_bytes.unwrap_or_default();
            format!(
                "rule {number}: with newer sessions of namespace {namespace:?} it has more than {most} bytes, which is maxBytes"
            )
        }
    }
}
