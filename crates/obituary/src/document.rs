//! The stored form of one object: its facts, and the runs with their causes that were found in them.

mod id;
mod submitter_log;
#[cfg(test)]
mod tests;

pub use id::ObjectId;
pub use submitter_log::SubmitterLog;

use crate::cause::{Cause, Outcome, RayFacts, Run, run_of_ray, runs};
use crate::facts::bounds::MAX_WEIGHT;
use crate::facts::{Attempt, Facts, Kind, Subject};
use crate::join::{Join, Table, greatest, least};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// The form that this version writes and understands.
pub const SCHEMA: &str = "ray-history/obituary/v1";

/// The length that a written document has at most.
pub const MAX_BYTES: usize = 512 << 10;

/// The length up to which a reader takes a document: of a later version, it may be larger.
pub const MAX_READ: usize = 1 << 20;

/// Said to be unseen of a session of which no object was watched.
const UNWATCHED: &str = "Kubernetes' objects";

/// Bytes of fields that this version does not know and keeps.
const UNKNOWN: usize = 32 << 10;

/// The Kubernetes cluster of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Kubernetes {
    /// The uid of the namespace `kube-system`.
    pub cluster: String,
    /// The version.
    pub version: String,
}

/// An obituary: all that is kept of one object, and why its runs ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: String,
    /// The number of this version of the document.
    pub revision: u64,
    /// `true` if the object and its pods are gone.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// The time of the write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Time>,
    /// The replica that wrote it.
    pub writer: String,
    /// The Kubernetes cluster.
    pub kubernetes: Kubernetes,
    /// The object.
    pub object: ObjectId,
    /// The outcome of the last run.
    pub outcome: Outcome,
    /// The runs, one for each head pod, the oldest first.
    pub runs: Vec<Run>,
    /// The facts.
    #[serde(flatten)]
    pub facts: Facts,
    /// The end of the log of the last submitter that failed, if it is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submitter_log: Option<SubmitterLog>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// A stored document that this version cannot read.
#[derive(Debug, Error)]
pub enum NotUnderstood {
    /// It is too long.
    #[error("the obituary is longer than {MAX_READ} bytes")]
    TooLong,
    /// It is none: no JSON, or not of this form.
    #[error("this is no obituary")]
    Malformed(#[source] serde_json::Error),
    /// It is JSON of something else.
    #[error("this is no obituary")]
    Foreign,
    /// A newer version of ray-history wrote it; it must not be replaced.
    #[error("the obituary was written by a newer version of ray-history: {0}")]
    Newer(String),
    /// Facts that no writer of this version writes.
    #[error("the obituary holds more than its bounds allow")]
    BeyondBounds,
}

impl Document {
    /// Returns the document of an object with these facts, as its first revision.
    pub fn new(object: ObjectId, facts: Facts, ray: Option<&RayFacts>) -> Self {
        let mut document = Self { schema: SCHEMA.to_owned(), revision: 1, object, facts, ..Self::default() };
        document.judge(ray);
        document
    }

    /// Returns what Ray's own facts tell of a session of which no object was watched. It is stored nowhere, and its
    /// object has no uid.
    pub fn of_ray(
        namespace: &str,
        cluster: &str,
        session: &str,
        ray: &RayFacts,
        from: Option<Time>,
        to: Option<Time>,
    ) -> Self {
        let object = ObjectId { namespace: namespace.to_owned(), name: cluster.to_owned(), ..ObjectId::default() };
        let facts = Facts { unseen: [UNWATCHED.to_owned()].into(), ..Facts::default() };
        let run = Run { sessions: vec![session.to_owned()], ..run_of_ray(&facts, ray, cluster, from, to) };
        let (schema, outcome) = (SCHEMA.to_owned(), run.outcome);
        Self { schema, object, facts, outcome, runs: vec![run], ..Self::default() }
    }

    /// Returns a run, of all runs that are found in the facts and in those of Ray about it.
    pub fn run_with(&self, head_pod: &str, cluster: &str, ray: &RayFacts) -> Option<Run> {
        let found = runs(&self.facts, self.object.kind, &self.object.uid, Some(ray));
        found.into_iter().find(|run| run.head_pod == head_pod && run.cluster == cluster)
    }

    /// Reads a stored document.
    pub fn read(bytes: &[u8]) -> Result<Self, NotUnderstood> {
        /// The schema alone, which is read first.
        #[derive(Deserialize)]
        struct Schema {
            #[serde(default)]
            schema: String,
        }
        if bytes.len() > MAX_READ {
            return Err(NotUnderstood::TooLong);
        }
        let Schema { schema } = serde_json::from_slice(bytes).map_err(NotUnderstood::Malformed)?;
        if !schema.starts_with(SCHEMA.trim_end_matches(char::is_numeric)) {
            return Err(NotUnderstood::Foreign);
        }
        if schema != SCHEMA {
            return Err(NotUnderstood::Newer(crate::text::one_line(&schema, 100)));
        }
        let mut document: Self = serde_json::from_slice(bytes).map_err(NotUnderstood::Malformed)?;
        let mut facts = Facts::default();
        facts.join(std::mem::take(&mut document.facts));
        document.facts = facts;
        document.limit_unknown();
        if let Some(log) = &mut document.submitter_log {
            log.limit();
        }
        // Bounds drop things until what is left fits; what still does not was written by nobody.
        if document.facts.weight() > MAX_WEIGHT { Err(NotUnderstood::BeyondBounds) } else { Ok(document) }
    }

    /// Returns the bytes to store.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Joins the document of another writer, and finds the causes again in the facts of both.
    #[must_use]
    pub fn join(mut self, other: Self, ray: Option<&RayFacts>) -> Self {
        let newer = (other.revision, other.written_at, &other.writer) > (self.revision, self.written_at, &self.writer);
        for (name, value) in other.unknown {
            if newer || !self.unknown.contains_key(&name) {
                self.unknown.insert(name, value);
            }
        }
        if newer {
            (self.revision, self.written_at, self.writer) = (other.revision, other.written_at, other.writer);
        }
        self.is_final |= other.is_final;
        greatest(&mut self.kubernetes, other.kubernetes);
        greatest(&mut self.object, other.object);
        self.facts.join(other.facts);
        greatest(&mut self.submitter_log, other.submitter_log);
        self.limit_unknown();
        self.judge(ray);
        self
    }

    /// Makes it the final document of an object that is gone, and that nobody saw go.
    #[must_use]
    pub fn gone_unwatched(mut self, now: Time, writer: &str) -> Self {
        let ObjectId { kind, namespace, name, uid } = self.object.clone();
        let known = self.facts.object(&uid).cloned();
        let mut gone = known.unwrap_or_else(|| Subject { kind, namespace, name, uid, ..Subject::default() });
        let unseen = BTreeSet::from_iter(unseen_end(&self.object, &self.facts, self.written_at, now));
        least(&mut gone.gone_at, Some(now));
        self.facts.join(Facts { objects: Table::from_iter([gone]), unseen, ..Facts::default() });
        (self.revision, self.is_final, self.written_at) = (self.revision + 1, true, Some(now));
        writer.clone_into(&mut self.writer);
        self.judge(None);
        self
    }

    /// Finds the runs and their causes.
    fn judge(&mut self, ray: Option<&RayFacts>) {
        self.runs = runs(&self.facts, self.object.kind, &self.object.uid, ray);
        self.outcome = self.runs.last().map(|run| run.outcome).unwrap_or_default();
    }

    /// Returns the last time at which the object itself was seen, else that of the document: facts of others, such as its
    /// pods, may be newer.
    pub fn was_there(&self) -> Option<Time> {
        self.facts.object(&self.object.uid).and_then(|object| object.last_seen).or(self.written_at)
    }

    /// Returns the first cause of the last run.
    pub fn first_cause(&self) -> Option<&Cause> {
        self.runs.last().and_then(Run::first_cause)
    }

    /// Returns the sentence of the last run.
    pub fn sentence(&self) -> String {
        self.runs.last().map(|run| run.sentence(&self.facts)).unwrap_or_default()
    }

    fn limit_unknown(&mut self) {
        let length =
            |value: &BTreeMap<String, Value>| serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len());
        while !self.unknown.is_empty() && length(&self.unknown) > UNKNOWN {
            self.unknown.pop_last();
        }
    }
}

/// Returns the unseen part of the life of an object that nobody saw go; `None` if all was over when it was seen last. An
/// object that was suspended or to be retried may have gone on.
pub(crate) fn unseen_end(object: &ObjectId, facts: &Facts, written_at: Option<Time>, now: Time) -> Option<String> {
    let ObjectId { kind, name, uid, .. } = object;
    let known = facts.object(uid);
    let of_object = |attempt: &&Attempt| match kind {
        Kind::RayJob => attempt.job == *uid,
        Kind::RayCluster | Kind::RayService => attempt.cluster == *name,
    };
    let attempts = facts.attempts.iter().filter(of_object);
    let newest = attempts.max_by_key(|attempt| (attempt.from, attempt.to, &attempt.cluster));
    if known.is_some_and(|object| object.end().is_some()) || newest.is_some_and(Attempt::is_final) {
        return None;
    }
    let minute = |time: Time| time.to_string().get(..16).unwrap_or_default().replace('T', " ");
    let seen = known.and_then(|object| object.last_seen).max(written_at).unwrap_or_default();
    Some(format!("the end, between {} and {} UTC", minute(seen), minute(now)))
}
