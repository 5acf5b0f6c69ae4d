//! Everything that is known of stored sessions, for the plan of retention.

use super::Marks;
use super::first_listed::FirstListed;
use crate::catalog::{Entry, Listing};
use crate::ledger_rows::Packed;
use crate::liveness::State;
use crate::{KnownBy, Sessions};
use parking_lot::Mutex;
use ray_history_core::base::keep::Keep;
use ray_history_core::base::name::{Owner, OwnerKind, SessionKey};
use ray_history_core::base::time::Nanos;
use ray_history_manifest::proof::Head;
use ray_history_obituary::facts::Kind;
use ray_history_obituary::ledger::Row;
use ray_history_obituary::time::Time;
use ray_history_retention::{Candidate, Pin, Proof, State as Life};
use std::time::Duration;

/// The time after its last use for which an open session counts as in use.
const IN_USE: Duration = Duration::from_secs(3_600);

/// The facts that all sessions share while candidates are gathered.
struct Common<'a> {
    first_listed: &'a Mutex<FirstListed>,
    marks: &'a Marks,
    kubernetes: &'a str,
    is_shared: bool,
    is_partial: bool,
}

impl Sessions {
    /// Returns everything that is known of all stored sessions, those that are hidden included, and notes which are listed
    /// for the first time. `kubernetes` is the uid of the namespace `kube-system`; obituaries of another one prove
    /// nothing, and with an empty one none does.
    ///
    /// Takes a second for a hundred thousand sessions, so it is for threads that may block.
    pub fn candidates(&self, kubernetes: &str, now: Nanos) -> Vec<Candidate> {
        let source = self.source();
        let (listing, marks) = (source.catalog.listing(), self.marks());
        source.retention.first_listed.lock().note(&listing, now);
        let found = self.found(&source, &listing);
        let common = self.common(&source.retention.first_listed, &marks, &listing, kubernetes);
        let listed = listing.iter().enumerate().map(|(at, entry)| {
            let row = found.row(at).map(Packed::row);
            self.of_entry(&common, entry, row.as_ref())
        });
        let mut all: Vec<Candidate> = listed.collect();
        all.extend(listing.hidden().map(|entry| {
            let row = self.why(&entry.key);
            self.of_entry(&common, entry, row.as_ref())
        }));
        all
    }

    /// Returns everything that is known of one session now. One that is not listed has only its name, and nothing that
    /// allows to delete it.
    pub fn candidate(&self, key: &SessionKey, kubernetes: &str) -> Candidate {
        let source = self.source();
        let (listing, marks) = (source.catalog.listing(), self.marks());
        let common = self.common(&source.retention.first_listed, &marks, &listing, kubernetes);
        match listing.find(key).or_else(|| listing.find_hidden(key)) {
            Some(entry) => self.of_entry(&common, entry, self.why(key).as_ref()),
            None => Candidate::new(key.clone()),
        }
    }

    fn common<'a>(
        &self,
        first_listed: &'a Mutex<FirstListed>,
        marks: &'a Marks,
        listing: &Listing,
        kubernetes: &'a str,
    ) -> Common<'a> {
        let is_partial = listing.stale.is_some() || listing.skipped.count > 0 || listing.walked_at.is_none();
        let is_shared = self.settings().clusters.shared_storage;
        Common { first_listed, marks, kubernetes, is_shared, is_partial: is_partial || !marks.is_listed }
    }

    fn of_entry(&self, common: &Common<'_>, entry: Entry, row: Option<&Row>) -> Candidate {
        let Entry { key, owner, namespace_known, .. } = entry;
        let last = row.filter(|row| row.is_final);
        let ended = last.and_then(|row| row.to).map(|Time(nanos)| nanos);
        let (state, by) = self.known_state(&key);
        let proof = self.proof_of_death(common, &key, state, by, row);
        Candidate {
            owner: owner.or_else(|| row.and_then(owner_of)),
            namespace_known,
            state: match (proof, state) {
                (Some(_), _) | (None, State::Dead) => Life::Dead,
                (None, State::Live) => Life::Live,
                (None, State::Unknown) => Life::Unknown,
            },
            proof,
            ended,
            outcome: last.map(|row| row.outcome),
            first_listed: common.first_listed.lock().of(&key),
            is_watched: self.watched().read().covers(&key.cluster.namespace),
            is_busy: self.is_in_use(&key),
            listing_is_partial: common.is_partial,
            survey: None,
            pin: common.marks.pins.of(&key).or_else(|| self.label(&key, row, ended)),
            key,
        }
    }

    /// Returns the reason to believe that a session is dead. A session that anybody takes for live has none.
    fn proof_of_death(
        &self,
        common: &Common<'_>,
        key: &SessionKey,
        state: State,
        by: Option<KnownBy>,
        row: Option<&Row>,
    ) -> Option<Proof> {
        let is_ours = |row: &Row| !common.kubernetes.is_empty() && row.kubernetes == common.kubernetes;
        if state == State::Live {
            return None;
        }
        if row.is_some_and(|row| row.is_final && is_ours(row)) {
            return Some(Proof::FinalObituary);
        }
        match (state, by) {
            (State::Dead, Some(KnownBy::Watch)) if !common.is_shared => {
                let has_seen = self.watched().read().has_seen(&key.cluster);
                Some(if has_seen { Proof::WatchSaw } else { Proof::NoSuchObject })
            }
            _ => self.head(key).filter(Head::is_over).map(|_| Proof::ManifestClosed),
        }
    }

    /// Returns `true` if a session is being loaded, or open here and asked for within the last hour.
    fn is_in_use(&self, key: &SessionKey) -> bool {
        let cached = self.cache.peek(key);
        self.loader.progress(key).is_some() || cached.is_some_and(|cached| cached.idle_time() < IN_USE)
    }

    /// Returns the label that keeps a session: of its cluster, if that exists, or as its obituary has it.
    fn label(&self, key: &SessionKey, row: Option<&Row>, ended: Option<Nanos>) -> Option<Pin> {
        let living = self.watched().read().cluster(&key.cluster).and_then(|cluster| cluster.keep);
        let kept = row.and_then(|row| Keep::of_text(&row.keep));
        Some(match Keep::longer(living, kept)? {
            Keep::ForEver => Pin::Label { until: None },
            Keep::For(span) => Pin::Label { until: ended.map(|ended| ended.saturating_add(span)) },
        })
    }
}

/// Returns the owner that a row tells.
fn owner_of(row: &Row) -> Option<Owner> {
    if row.object.kind == Kind::RayJob {
        return Some(Owner { kind: OwnerKind::RayJob, name: row.object.name.clone() });
    }
    let owner = row.owner.as_ref()?;
    let kind = OwnerKind::from_folder(&owner.kind.to_ascii_lowercase())?;
    Some(Owner { kind, name: owner.name.clone() })
}
