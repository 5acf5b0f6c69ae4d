//! Failures by fingerprint, over all jobs of a session.

use super::cost::Ranked;
use crate::snapshot::digest::Digest;
use crate::snapshot::failures::{FailureGroup, FailureKind, Fingerprint};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers of a failure in one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailureSide {
    /// Failures: attempts, actors, workers, nodes or jobs.
    pub attempts: u64,
    /// Tasks with such attempts.
    pub tasks: u64,
    /// Those of them that a later attempt finished.
    pub recovered: u64,
}

/// A failure of one session or of both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailureChange {
    /// The kind of what failed: `task`, `actor`, `worker`, `node`, `job` or `submission`.
    pub kind: Box<str>,
    /// The function of tasks, or the class of actors; else empty.
    pub func_or_class_name: Box<str>,
    /// Ray's type of the error, or of the end.
    pub error_type: Box<str>,
    /// The part of the message that they have in common.
    pub detail: Box<str>,
    /// The fingerprint.
    pub fingerprint: Box<str>,
    /// Numbers of A, if it had them.
    pub a: Option<FailureSide>,
    /// Numbers of B, if it had them.
    pub b: Option<FailureSide>,
    /// The death that explains more than half of them, such as `worker SYSTEM_ERROR`; that of B, if B had them.
    pub explained_by: Option<Box<str>>,
    /// The id of an example, of B if B had them.
    pub sample_id: Box<str>,
    /// The end of its message.
    pub sample_message: Box<str>,
}

impl FailureChange {
    /// Returns `true` if both sessions had as many.
    pub fn is_equal(&self) -> bool {
        self.a == self.b
    }

    fn difference(&self) -> f64 {
        let [a, b] = [self.a, self.b].map(|side| side.unwrap_or_default().attempts as f64);
        b - a
    }
}

/// Failures, those first of which B had more or fewer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailureChanges {
    /// Those of B alone.
    pub new: Ranked<FailureChange>,
    /// Those of A alone.
    pub gone: Ranked<FailureChange>,
    /// Those of both, also if both had as many.
    pub both: Ranked<FailureChange>,
}

type Key = (FailureKind, Fingerprint);

/// The groups of one failure in all jobs of a session: numbers, and the first group with a death behind it if there is one.
struct Found<'a> {
    side: FailureSide,
    group: &'a FailureGroup,
    explained_by: Option<Box<str>>,
}

pub(super) fn of(a: &Digest, b: &Digest) -> FailureChanges {
    let (a, b) = (all(a), all(b));
    let keys: BTreeSet<Key> = a.keys().chain(b.keys()).copied().collect();
    let rows: Vec<FailureChange> = keys.iter().filter_map(|key| change(a.get(key), b.get(key))).collect();
    let ranked = |has: fn(&FailureChange) -> bool| {
        Ranked::by(rows.iter().filter(|row| has(row)).cloned(), FailureChange::difference)
    };
    FailureChanges {
        new: ranked(|row| row.a.is_none()),
        gone: ranked(|row| row.b.is_none()),
        both: ranked(|row| row.a.is_some() && row.b.is_some()),
    }
}

fn all(digest: &Digest) -> BTreeMap<Key, Found<'_>> {
    let groups = &digest.failures.groups;
    let mut all: BTreeMap<Key, Found<'_>> = BTreeMap::new();
    for group in groups {
        let found = all.entry((group.kind, group.fingerprint)).or_insert_with(|| Found {
            side: FailureSide::default(),
            group,
            explained_by: None,
        });
        let side = &mut found.side;
        side.attempts = side.attempts.saturating_add(group.attempts);
        side.tasks = side.tasks.saturating_add(group.tasks);
        side.recovered = side.recovered.saturating_add(group.recovered);
        let death = group.caused_by.and_then(|at| groups.get(at));
        let death = || death.map(|death| format!("{} {}", death.kind.as_str(), death.error_type).into());
        found.explained_by = found.explained_by.take().or_else(death);
    }
    all
}

fn change(a: Option<&Found<'_>>, b: Option<&Found<'_>>) -> Option<FailureChange> {
    let &Found { group, ref explained_by, .. } = b.or(a)?;
    Some(FailureChange {
        kind: group.kind.as_str().into(),
        func_or_class_name: group.func_or_class_name.clone(),
        error_type: group.error_type.clone(),
        detail: group.detail.clone(),
        fingerprint: group.fingerprint.to_string().into(),
        a: a.map(|found| found.side),
        b: b.map(|found| found.side),
        explained_by: explained_by.clone(),
        sample_id: group.sample.id.clone(),
        sample_message: group.sample.message.clone(),
    })
}
