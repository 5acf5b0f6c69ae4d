//! Attempts of tasks that failed.

use super::FailureKind;
use super::deaths::Deaths;
use super::draft::{Detail, Drafts, Key, Message, One};
use super::fingerprint;
use crate::base::id::TaskId;
use crate::base::task::TaskState;
use crate::snapshot::actor::Actor;
use crate::snapshot::intern::Str;
use crate::snapshot::task::Attempt;
use crate::snapshot::text::{Text, TextReader};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Types of errors that a death of a worker or a node can stand behind.
const OF_DEATHS: [&str; 9] = [
    "WORKER_DIED",
    "ACTOR_DIED",
    "ACTOR_UNAVAILABLE",
    "NODE_DIED",
    "LOCAL_RAYLET_DIED",
    "OWNER_DIED",
    "OUT_OF_MEMORY",
    "OBJECT_LOST",
    "OBJECT_FETCH_TIMED_OUT",
];

/// Counts the attempts that failed and that Ray would show.
pub(super) fn add(drafts: &mut Drafts<'_>, deaths: &Deaths) {
    let snapshot = drafts.snapshot;
    let failed = failed(drafts);
    let details = details(drafts, failed.iter().map(|(attempt, _)| (attempt.error_type(), attempt.error_message())));
    for (attempt, recovered) in failed {
        let error_type = snapshot.str(attempt.error_type());
        let at = attempt.time_of(TaskState::Failed).filter(|at| *at > 0);
        let (mut node, mut worker) = (snapshot.id(attempt.node_id()), snapshot.id(attempt.worker_id()));
        if let Some(last) = actor_of(drafts, &attempt).and_then(|actor| actor.incarnations.last())
            && worker.is_empty()
        {
            // A call that reached no process failed with the last one of its actor.
            (node, worker) = (snapshot.id(last.node), snapshot.id(last.worker));
        }
        let cause = OF_DEATHS.contains(&error_type).then(|| deaths.explain(at, node, worker)).flatten();
        let key = Key {
            kind: FailureKind::Task,
            job: attempt.job_id(),
            function: snapshot.str(attempt.shape().func_or_class_name),
            error_type,
            detail: details.get(&(attempt.error_type(), attempt.error_message())).copied().unwrap_or_default(),
        };
        let one = One {
            at,
            id: Ok(&attempt.task_id().0),
            attempt: Some((attempt.task_id(), attempt.attempt_number())),
            recovered,
            node,
            worker,
            message: Message::Stored(attempt.error_message()),
            cause,
        };
        drafts.add(key, one);
    }
}

/// Returns the attempts that failed, each with `true` if a later attempt of its task finished.
fn failed<'a>(drafts: &Drafts<'a>) -> Vec<(Attempt<'a>, bool)> {
    let mut failed = Vec::new();
    let (mut task, mut finished): (Option<&TaskId>, bool) = (None, false);
    for attempt in drafts.snapshot.tasks.iter() {
        if task != Some(attempt.task_id()) {
            (task, finished) = (Some(attempt.task_id()), false);
        }
        // The latest attempt of a task comes first.
        match attempt.state() {
            TaskState::Finished => finished = true,
            TaskState::Failed if attempt.is_defined() => failed.push((attempt, finished)),
            _ => {}
        }
    }
    failed
}

/// Returns the details of messages. Each is read once, in the order in which they lie, because one that is read
/// decompresses its neighbours, too.
fn details(
    drafts: &mut Drafts<'_>,
    messages: impl Iterator<Item = (Str, Text)>,
) -> HashMap<(Str, Text), Detail, RandomState> {
    let mut known: HashMap<(Str, Text), Detail, RandomState> =
        messages.map(|message| (message, Detail::default())).collect();
    let texts = &drafts.snapshot.texts;
    let mut order: Vec<(Str, Text)> = known.keys().copied().collect();
    order.sort_unstable_by_key(|(_, text)| texts.block_of(*text));
    let mut reader = TextReader::default();
    for (error_type, text) in order {
        let detail = fingerprint::detail(drafts.snapshot.str(error_type), reader.get(texts, text));
        known.insert((error_type, text), drafts.detail(detail));
    }
    known
}

fn actor_of<'a>(drafts: &Drafts<'a>, attempt: &Attempt<'_>) -> Option<&'a Actor> {
    let id = drafts.snapshot.id(attempt.actor_id());
    let actors = &drafts.snapshot.actors;
    let at = actors.binary_search_by(|actor| actor.id.0.as_slice().cmp(id)).ok()?;
    actors.get(at)
}
