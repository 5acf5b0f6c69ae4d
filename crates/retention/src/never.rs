//! The sessions that are never deleted, each reason a check of its own.
//!
//! All checks are made for the plan, and again with what is known then before a session is marked and before it is
//! deleted.

#[cfg(test)]
mod tests;

use crate::candidate::{Candidate, Proof, State};
use crate::settings::Settings;
use crate::time::DAY;
use ray_history_core::base::time::Nanos;
use serde::Serialize;

/// The time for which a session and its objects must be there.
const SETTLED: Nanos = DAY;

/// The reason for which a session stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kept {
    /// Its head may still write.
    Live,
    /// Nothing tells if it is dead.
    Unknown,
    /// Somebody pinned it.
    Pinned,
    /// The settings protect it.
    Protected,
    /// Its namespace may be an arbitrary id of v1.6.
    NamespaceUnknown,
    /// Its namespace is not watched, or was not listed since the server started.
    Unwatched,
    /// Nothing proves that it is dead.
    Unproven,
    /// A root could not be listed whole.
    Partial,
    /// This server listed it first less than a day ago.
    JustListed,
    /// An object of it was written less than a day ago, or at a time that the store does not tell.
    Young,
    /// It is being loaded, or open and in use.
    Busy,
    /// No rule matches it.
    NoRule,
    /// It is within the limits of its rule.
    WithinLimits,
    /// It would be marked, but the share of the day is used up.
    Waits,
    /// Its mark is of a later version, or cannot be read.
    NotUnderstood,
}

impl Kept {
    /// All reasons.
    pub const ALL: [Self; 15] = [
        Self::Live,
        Self::Unknown,
        Self::Pinned,
        Self::Protected,
        Self::NamespaceUnknown,
        Self::Unwatched,
        Self::Unproven,
        Self::Partial,
        Self::JustListed,
        Self::Young,
        Self::Busy,
        Self::NoRule,
        Self::WithinLimits,
        Self::Waits,
        Self::NotUnderstood,
    ];

    /// Returns the name in status and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Unknown => "unknown",
            Self::Pinned => "pinned",
            Self::Protected => "protected",
            Self::NamespaceUnknown => "namespaceUnknown",
            Self::Unwatched => "unwatched",
            Self::Unproven => "unproven",
            Self::Partial => "partial",
            Self::JustListed => "justListed",
            Self::Young => "young",
            Self::Busy => "busy",
            Self::NoRule => "noRule",
            Self::WithinLimits => "withinLimits",
            Self::Waits => "waits",
            Self::NotUnderstood => "notUnderstood",
        }
    }

    /// Returns a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Live => "its head may still write",
            Self::Unknown => "nothing tells if it is live or dead",
            Self::Pinned => "it is pinned",
            Self::Protected => "the settings protect it",
            Self::NamespaceUnknown => "its namespace may be an arbitrary id, as KubeRay v1.6 wrote it",
            Self::Unwatched => "its namespace is not watched, or was not listed since the server started",
            Self::Unproven => "nothing proves that it is dead",
            Self::Partial => "the bucket could not be listed whole",
            Self::JustListed => "this server listed it first less than a day ago",
            Self::Young => "an object of it was written less than a day ago",
            Self::Busy => "it is open and in use",
            Self::NoRule => "no rule matches it",
            Self::WithinLimits => "it is within the limits of its rule",
            Self::Waits => "it would be marked, but as many as a day allows are marked",
            Self::NotUnderstood => "its mark was written by a later version, or cannot be read",
        }
    }

    /// Returns `true` if a mark waits while the reason holds. Other reasons remove the mark. After a restart a server
    /// has to watch and list again, which says nothing against the mark.
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Unknown
                | Self::Unwatched
                | Self::Unproven
                | Self::Partial
                | Self::JustListed
                | Self::Busy
                | Self::NotUnderstood
        )
    }
}

/// Returns the first reason for which a session must stay, whatever the rules say.
pub fn never(settings: &Settings, session: &Candidate, now: Nanos) -> Option<Kept> {
    let checks: [(Kept, bool); 11] = [
        (Kept::Live, is_live(session)),
        (Kept::Unknown, is_unknown(session)),
        (Kept::Pinned, is_pinned(session, now)),
        (Kept::Protected, is_protected(settings, session)),
        (Kept::NamespaceUnknown, has_no_namespace(session)),
        (Kept::Unwatched, is_unwatched(session)),
        (Kept::Unproven, is_unproven(session)),
        (Kept::Partial, is_partial(session)),
        (Kept::JustListed, is_just_listed(session, now)),
        (Kept::Young, is_young(session, now)),
        (Kept::Busy, is_busy(session)),
    ];
    checks.into_iter().find_map(|(kept, holds)| holds.then_some(kept))
}

fn is_live(session: &Candidate) -> bool {
    session.state == State::Live
}

fn is_unknown(session: &Candidate) -> bool {
    session.state == State::Unknown
}

fn is_pinned(session: &Candidate, now: Nanos) -> bool {
    session.pin.as_ref().is_some_and(|pin| pin.holds(now))
}

fn is_protected(settings: &Settings, session: &Candidate) -> bool {
    settings.protect.iter().any(|protects| protects.may_cover(session))
}

fn has_no_namespace(session: &Candidate) -> bool {
    !session.namespace_known || session.key.cluster.namespace.is_empty()
}

/// A person's word replaces the watch.
fn is_unwatched(session: &Candidate) -> bool {
    !session.is_watched && session.proof != Some(Proof::DeadAfter)
}

fn is_unproven(session: &Candidate) -> bool {
    session.proof.is_none()
}

fn is_partial(session: &Candidate) -> bool {
    session.listing_is_partial
}

/// A command that runs once lists everything for the first time: a person's word about quiet days replaces it.
fn is_just_listed(session: &Candidate, now: Nanos) -> bool {
    let is_settled = session.first_listed.is_some_and(|first| now.saturating_sub(first) >= SETTLED);
    !is_settled && session.proof != Some(Proof::DeadAfter)
}

/// Objects that nobody has listed yet are looked at before the mark.
fn is_young(session: &Candidate, now: Nanos) -> bool {
    let Some(survey) = session.survey else { return false };
    survey.objects > 0 && survey.newest.is_none_or(|newest| now.saturating_sub(newest) < SETTLED)
}

fn is_busy(session: &Candidate) -> bool {
    session.is_busy
}
