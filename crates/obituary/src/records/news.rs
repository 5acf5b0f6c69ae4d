//! News worth writing, and the time to forget.

use super::{Record, Records};
use crate::cause::runs;
use crate::document::{Document, ObjectId};
use crate::facts::{Facts, Kind, Subject};
use crate::time::Time;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Seconds between two writes of one object.
const BETWEEN: i64 = 60;
/// Seconds after the end of an object in which it is asked why: about its pods, and its namespace.
const ASKED: i64 = 10;
/// Seconds for which the last pods of an object are waited for.
const PODS: i64 = 180;
/// Seconds for which late facts are taken after the end.
const LATE: i64 = 30 * 60;

/// The document of an object that was written last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) at: Time,
    pub(super) revision: u64,
    pub(super) is_final: bool,
    /// A digest of what the document tells.
    digest: u32,
}

impl Written {
    /// Returns what is known of a stored document.
    pub(super) fn of(document: &Document) -> Self {
        let digest = digest(&document.object, &document.facts).unwrap_or(0);
        let at = document.written_at.unwrap_or_default();
        Self { at, revision: document.revision, is_final: document.is_final, digest }
    }
}

/// An object with news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The object.
    pub object: ObjectId,
    /// `true` if it and its pods are gone.
    pub is_final: bool,
}

impl Records {
    /// Returns the objects of which a document is to be written now: for a first trouble, a changed cause, an attempt
    /// that ended or a suspension, at most once a minute; when the object and its pods are gone; and for late facts.
    /// Objects that are healthy and quiet have no news.
    pub fn due(&mut self, now: Time) -> Vec<Due> {
        let (mut due, mut quiet) = (Vec::new(), Vec::new());
        for record in self.objects.values().filter(|record| record.id.kind != Kind::RayService) {
            let is_final = self.is_over(record, now);
            let written = record.written.clone().unwrap_or_default();
            let rested = written.at == Time::default() || now.since(written.at) >= BETWEEN;
            let stamp = self.stamp(record);
            if is_final && !written.is_final {
                due.push(Due { object: record.id.clone(), is_final });
            } else if rested && (stamp != record.judged || self.submitter_logs.contains_key(&record.id.uid)) {
                if self.submitter_logs.contains_key(&record.id.uid) || self.has_news(record, &written) {
                    due.push(Due { object: record.id.clone(), is_final });
                } else {
                    quiet.push((record.id.uid.clone(), stamp));
                }
            }
        }
        // Objects that nothing joins are not judged again.
        for (uid, stamp) in quiet {
            if let Some(record) = self.objects.get_mut(&uid) {
                record.judged = stamp;
            }
        }
        due
    }

    /// Returns `true` if a document would tell something else than the one that was written.
    fn has_news(&self, record: &Record, written: &Written) -> bool {
        let Some(facts) = self.facts(&record.id.uid) else { return false };
        // Nothing is told of a run that goes on well.
        digest(&record.id, &facts).unwrap_or(0) != written.digest
    }

    /// Returns the number of the last join that an object's document depends on.
    fn stamp(&self, record: &Record) -> u64 {
        let others = self.owner_of(record).into_iter().chain(self.clusters_of(&record.id));
        others.map(|other| other.version).fold(record.version, u64::max)
    }

    /// Returns `true` if an object is gone, and its pods are, or should be.
    pub(super) fn is_over(&self, record: &Record, now: Time) -> bool {
        let Some(gone) = record.own().and_then(|subject| subject.gone_at) else { return false };
        if now.since(gone) < ASKED || now.since(gone) >= PODS {
            return now.since(gone) >= PODS;
        }
        let records = || std::iter::once(record).chain(self.clusters_of(&record.id));
        let pods = || records().flat_map(|record| record.facts.pods.iter());
        // A job's own record may have a pod as a stored document told of it, and its cluster's how it went.
        let went: BTreeSet<&str> = pods().filter(|pod| pod.gone_at.is_some()).map(|pod| pod.uid.as_str()).collect();
        pods().all(|pod| went.contains(pod.uid.as_str()))
    }

    /// Notes that a document was written. Facts that joined meanwhile are still news.
    pub fn written(&mut self, document: &Document, now: Time) {
        let uid = &document.object.uid;
        let Some(record) = self.objects.get(uid) else { return };
        let stamp = if self.facts(uid).as_ref() == Some(&document.facts) { self.stamp(record) } else { 0 };
        let Some(record) = self.objects.get_mut(uid) else { return };
        record.written = Some(Written { at: now, ..Written::of(document) });
        record.judged = stamp;
        self.log_written(uid, document.submitter_log.as_ref());
    }

    /// Forgets objects whose last document was written half an hour ago, and returns them. A cluster's facts stay with
    /// its job while that lives, for they tell of its attempts.
    pub fn forget(&mut self, now: Time) -> Vec<ObjectId> {
        let over = |record: &&Record| {
            let gone = record.own().and_then(Subject::end);
            let last = gone.is_some_and(|gone| now.since(gone) >= LATE);
            let kept =
                record.id.kind == Kind::RayService || record.written.as_ref().is_some_and(|written| written.is_final);
            last && kept
        };
        let forgotten: Vec<ObjectId> = self.objects.values().filter(over).map(|record| record.id.clone()).collect();
        for id in &forgotten {
            let Some(record) = self.objects.remove(&id.uid) else { continue };
            self.routes.forget(&id.uid);
            self.submitter_logs.remove(&id.uid);
            let owner = record.subject().owner.map(|owner| owner.uid).unwrap_or_default();
            if let Some(owned) = self.owned.get_mut(&owner) {
                owned.remove(&id.uid);
            }
            self.owned.retain(|_, owned| !owned.is_empty());
            let living = |owner: &&mut Record| owner.own().and_then(Subject::end).is_none();
            if let Some(owner) = self.objects.get_mut(&owner).filter(living) {
                owner.join(record.facts, &mut self.joins);
            }
        }
        forgotten
    }
}

/// Returns a digest of what a document would tell; `None` if that is nothing: the object is there, and all is well.
fn digest(id: &ObjectId, facts: &Facts) -> Option<u32> {
    let runs = runs(facts, id.kind, &id.uid, None);
    let ended = facts.object(&id.uid).and_then(Subject::end).is_some();
    let over = facts.attempts.iter().any(crate::facts::Attempt::is_over);
    let suspended = facts.object(&id.uid).is_some_and(|object| object.suspends.iter().any(|suspend| suspend.value));
    let quiet = runs.iter().all(|run| run.causes.is_empty() && run.noticed.is_empty() && run.to.is_none());
    if quiet && !ended && !over && !suspended {
        return None;
    }
    let mut told = format!("{ended} {suspended}");
    for run in &runs {
        let codes: Vec<_> = run.causes.iter().map(|cause| (cause.code, cause.certainty, &cause.values)).collect();
        // Writing to a text cannot fail.
        let _ = write!(told, " {} {:?} {} {codes:?} {:?}", run.head_pod, run.to, run.outcome, run.sessions);
    }
    // Zero stands for nothing told.
    Some(crc32fast::hash(told.as_bytes()).max(1))
}
