//! Groups while they are counted: an example is kept as references, and its texts are made for the groups that stay.

use super::fingerprint::Fingerprint;
use super::{FailureGroup, FailureKind, Failures, MAX_GROUPS, Others, Sample};
use crate::base::id::{JobId, TaskId, push_hex};
use crate::base::terminal::without_escapes;
use crate::base::time::Nanos;
use crate::snapshot::Snapshot;
use crate::snapshot::text::Text;
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use std::cmp::Reverse;

/// Length of an example's message, in bytes.
const MAX_MESSAGE: usize = 1 << 10;
/// Length of a name, in bytes.
const MAX_NAME: usize = 512;

/// All that the failures of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key<'a> {
    pub(super) kind: FailureKind,
    pub(super) job: JobId,
    pub(super) function: &'a str,
    pub(super) error_type: &'a str,
    /// The handle of the detail.
    pub(super) detail: Detail,
}

/// Handle of a detail. The default is the empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Detail(u32);

/// A message, where it lies.
#[derive(Clone, Debug)]
pub(super) enum Message<'a> {
    /// A text of the snapshot.
    Stored(Text),
    /// Any other text.
    Plain(&'a str),
    /// One that was made.
    Made(Box<str>),
}

/// One failure.
#[derive(Clone, Debug)]
pub(super) struct One<'a> {
    pub(super) at: Option<Nanos>,
    /// The bytes of the id, or its text.
    pub(super) id: Result<&'a [u8], &'a str>,
    /// The task and the number of the attempt.
    pub(super) attempt: Option<(&'a TaskId, u32)>,
    /// `true` if a later attempt of the task finished.
    pub(super) recovered: bool,
    /// The node; empty if unknown.
    pub(super) node: &'a [u8],
    /// The worker; empty if unknown.
    pub(super) worker: &'a [u8],
    pub(super) message: Message<'a>,
    /// The group of the death that explains it.
    pub(super) cause: Option<usize>,
}

impl One<'_> {
    /// Returns the order in which examples are chosen.
    fn rank(&self) -> (bool, Nanos, Result<&[u8], &str>, Option<u32>) {
        let is_silent = match &self.message {
            Message::Stored(text) => text.is_empty(),
            Message::Plain(text) => text.is_empty(),
            Message::Made(text) => text.is_empty(),
        };
        (is_silent, self.at.unwrap_or(Nanos::MAX), self.id, self.attempt.map(|(_, number)| number))
    }
}

#[derive(Debug)]
struct Draft<'a> {
    key: Key<'a>,
    attempts: u64,
    tasks: u64,
    recovered: u64,
    first_at: Option<Nanos>,
    last_at: Option<Nanos>,
    nodes: HashSet<&'a [u8], RandomState>,
    workers: HashSet<&'a [u8], RandomState>,
    last_task: Option<&'a TaskId>,
    sample: One<'a>,
    causes: HashMap<usize, u64, RandomState>,
}

/// The groups of a session while they are counted.
#[derive(Debug)]
pub(super) struct Drafts<'a> {
    pub(super) snapshot: &'a Snapshot,
    index: HashMap<Key<'a>, usize, RandomState>,
    groups: Vec<Draft<'a>>,
    details: HashMap<Box<str>, Detail, RandomState>,
}

impl<'a> Drafts<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let details = std::iter::once((Box::from(""), Detail::default())).collect();
        Self { snapshot, index: HashMap::default(), groups: Vec::new(), details }
    }

    /// Returns the handle of a detail.
    pub(super) fn detail(&mut self, detail: String) -> Detail {
        let next = Detail(self.details.len() as u32);
        *self.details.entry(detail.into()).or_insert(next)
    }

    /// Counts a failure, and returns the index of its group. Attempts of one task follow each other.
    pub(super) fn add(&mut self, key: Key<'a>, one: One<'a>) -> usize {
        let next = self.groups.len();
        let at = *self.index.entry(key).or_insert(next);
        if at == next {
            self.groups.push(Draft {
                key,
                attempts: 0,
                tasks: 0,
                recovered: 0,
                first_at: None,
                last_at: None,
                nodes: HashSet::default(),
                workers: HashSet::default(),
                last_task: None,
                sample: one.clone(),
                causes: HashMap::default(),
            });
        }
        let draft = &mut self.groups[at];
        draft.attempts += 1;
        if let Some((task, _)) = one.attempt
            && draft.last_task != Some(task)
        {
            draft.last_task = Some(task);
            draft.tasks += 1;
            draft.recovered += u64::from(one.recovered);
        }
        draft.first_at = least(draft.first_at, one.at);
        draft.last_at = draft.last_at.max(one.at);
        draft.nodes.extend(Some(one.node).filter(|node| !node.is_empty()));
        draft.workers.extend(Some(one.worker).filter(|worker| !worker.is_empty()));
        if let Some(cause) = one.cause {
            *draft.causes.entry(cause).or_default() += 1;
        }
        if one.rank() < draft.sample.rank() {
            draft.sample = one;
        }
        at
    }

    /// Returns the groups.
    pub(super) fn finish(self) -> Failures {
        let Self { snapshot, groups: mut drafts, details, .. } = self;
        let mut texts: Vec<(Detail, Box<str>)> = details.into_iter().map(|(text, detail)| (detail, text)).collect();
        texts.sort_unstable();
        let detail = |key: &Key<'_>| texts.get(key.detail.0 as usize).map_or("", |(_, text)| text);
        let mut order: Vec<usize> = (0..drafts.len()).collect();
        let size = |at: usize| Reverse(drafts[at].attempts);
        let rank = |at: &usize| {
            let key = &drafts[*at].key;
            (size(*at), key.kind, key.job, key.function, key.error_type, detail(key))
        };
        order.sort_unstable_by(|a, b| rank(a).cmp(&rank(b)));
        let place: HashMap<usize, usize, RandomState> =
            order.iter().take(MAX_GROUPS).enumerate().map(|(place, at)| (*at, place)).collect();
        let mut others = Others::default();
        for at in order.iter().skip(MAX_GROUPS) {
            let draft = &drafts[*at];
            others.groups += 1;
            others.attempts += draft.attempts;
            others.tasks += draft.tasks;
            others.recovered += draft.recovered;
            others.first_at = least(others.first_at, draft.first_at);
            others.last_at = others.last_at.max(draft.last_at);
        }
        order.truncate(MAX_GROUPS);
        let groups = order.into_iter().map(|at| {
            let draft = &mut drafts[at];
            FailureGroup {
                kind: draft.key.kind,
                job_id: if draft.key.job.is_nil() { "".into() } else { draft.key.job.hex().into() },
                func_or_class_name: bounded_name(draft.key.function),
                error_type: bounded_name(draft.key.error_type),
                detail: detail(&draft.key).into(),
                fingerprint: Fingerprint::of(draft.key.error_type, draft.key.function, detail(&draft.key)),
                attempts: draft.attempts,
                tasks: draft.tasks,
                recovered: draft.recovered,
                first_at: draft.first_at,
                last_at: draft.last_at,
                nodes: draft.nodes.len() as u64,
                workers: draft.workers.len() as u64,
                sample: sample(snapshot, &draft.sample),
                caused_by: cause(draft).and_then(|cause| place.get(&cause).copied()),
            }
        });
        Failures { groups: groups.collect(), others }
    }
}

/// Returns the death that explains more than half of the failures.
fn cause(draft: &Draft<'_>) -> Option<usize> {
    draft.causes.iter().find(|(_, count)| *count * 2 > draft.attempts).map(|(cause, _)| *cause)
}

fn sample(snapshot: &Snapshot, one: &One<'_>) -> Sample {
    let message = match &one.message {
        Message::Stored(text) => end_of(&snapshot.text(*text)),
        Message::Plain(text) => end_of(text),
        Message::Made(text) => end_of(text),
    };
    Sample {
        id: one.id.map_or_else(bounded_name, hex),
        attempt: one.attempt.map(|(_, number)| number),
        node_id: hex(one.node),
        worker_id: hex(one.worker),
        at: one.at,
        message,
    }
}

fn least(a: Option<Nanos>, b: Option<Nanos>) -> Option<Nanos> {
    a.into_iter().chain(b).min()
}

fn hex(bytes: &[u8]) -> Box<str> {
    let mut out = Vec::with_capacity(2 * bytes.len());
    push_hex(&mut out, bytes);
    String::from_utf8(out).unwrap_or_default().into()
}

/// Returns a name, or its begin if it is very long.
pub(in crate::snapshot) fn bounded_name(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(MAX_NAME)].into()
}

/// Returns the end of a message without escape sequences and control characters.
fn end_of(message: &str) -> Box<str> {
    // Escape sequences make a message longer, but not by more than this.
    let near = &message[message.ceil_char_boundary(message.len().saturating_sub(4 * MAX_MESSAGE))..];
    let plain: String = without_escapes(near).filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
    let plain = plain.trim();
    plain[plain.ceil_char_boundary(plain.len().saturating_sub(MAX_MESSAGE))..].into()
}
