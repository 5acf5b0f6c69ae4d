//! The manifests of sessions that are not open: whether the head's collector goes on, and whether all collectors say that
//! nothing is missing.
//!
//! Nothing is read before a page shows the session, or a filter asks for it. A session of another collector then costs one
//! listing, and one for each of up to three nodes; one of ours a listing and a read for each node, up to `MAX_NODES`. The
//! result is kept. A page reads again after a day if nothing more will be written, else, or if something could not be
//! read, after five minutes, later if the head has been silent for long. A filter reads again only what is not final, and
//! few sessions for each look, so that all that are listed have been read in the end, if there is memory for them.

use super::catalog::Told;
use super::glances::Glance;
use super::load::{ManifestObject, Places, Proved, now, read_manifests};
use super::source::Source;
use super::{Error, Sessions};
use crate::liveness::State;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::{OWN_FOLDER, ObjectKind, OwnKind, Tree, data_prefixes, parse_object};
use ray_history_manifest::proof::{Head, Life, Proof, Verdict, claims};
use ray_history_storage::{Delimiter, Storage};
use std::cell::Cell;
use std::sync::Arc;

/// Nodes looked at of one session. A session with more has to be opened for a verdict.
const MAX_NODES: usize = 32;
/// Nodes without a manifest after which a session counts as one of another collector.
const NODES_WITHOUT: usize = 3;
/// Bytes of manifests that are read of one session. They are untrusted; 32 large nodes have about 10 MB.
pub(super) const MAX_BYTES: u64 = 16 << 20;
const MINUTE: Nanos = 60_000_000_000;
/// Shortest time for which a result is kept to which more may come.
const SHORT: Nanos = 5 * MINUTE;
/// The result of a head that is silent is kept for this part of the time since its last manifest.
const PART_OF_SILENCE: Nanos = 8;
/// Time for which a final result is kept.
const LONG: Nanos = 24 * 60 * MINUTE;

/// The reads that one look at the list may still begin: each costs a few requests to the store.
#[derive(Debug)]
pub(super) struct ReadsLeft {
    /// Of sessions that were never read.
    first: Cell<usize>,
    /// Of sessions to which more may have come.
    again: Cell<usize>,
    now: Nanos,
}

impl ReadsLeft {
    /// Returns so many reads of each kind.
    pub(super) fn new(most: usize) -> Self {
        Self { first: Cell::new(most), again: Cell::new(most), now: now() }
    }

    /// Takes a read of a session with this result, if one is wanted and left.
    fn take(&self, known: Option<Glance>) -> bool {
        let left = match known {
            None => &self.first,
            Some(glance) if !glance.is_final && self.now > glance.until => &self.again,
            Some(_) => return false,
        };
        left.get().checked_sub(1).map(|less| left.set(less)).is_some()
    }
}

/// The source of a session's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// The watch of an API server.
    Watch,
    /// The manifest of its head.
    Manifest,
}

impl Sessions {
    /// Returns the state of a session, and by whom it is known. What a watch knows counts; the manifest of the head
    /// tells the state of a session that no watch covers.
    pub fn known_state(&self, key: &SessionKey) -> (State, Option<KnownBy>) {
        let state = self.watched().state(key);
        if state != State::Unknown {
            return (state, Some(KnownBy::Watch));
        }
        match self.head(key).map(|head| head.life(now())) {
            Some(Life::Live) if !self.listing().is_superseded(key) => (State::Live, Some(KnownBy::Manifest)),
            Some(Life::Dead) => (State::Dead, Some(KnownBy::Manifest)),
            _ => (State::Unknown, None),
        }
    }

    /// Returns the last word of the collectors of a session's heads, as far as it was read.
    pub(super) fn head(&self, key: &SessionKey) -> Option<Head> {
        match self.proof_of(key) {
            Some(proved) => proved.head,
            None => self.source().glances.peek(key).and_then(|glance| glance.head),
        }
    }

    /// Returns `true` if a session has manifests, understood or not, as far as they were read.
    pub(super) fn has_manifests(&self, key: &SessionKey) -> bool {
        let has_any = |glance: Glance| glance.head.is_some() || glance.verdict.is_some();
        self.proof_of(key).is_some() || self.source().glances.peek(key).is_some_and(has_any)
    }

    /// Returns the proof of a session if it is open.
    fn proof_of(&self, key: &SessionKey) -> Option<Arc<Proved>> {
        self.peek(key)?.proved.clone()
    }

    /// Returns the verdict of a session that has manifests: of an open one the whole proof, else their last word. Of a
    /// cluster that runs that would only be the word of a minute ago.
    pub fn proved_verdict(self: &Arc<Self>, key: &SessionKey) -> Option<Verdict> {
        match self.peek(key).filter(|open| open.proved.is_some()) {
            Some(open) => Some(open.verdict(self.standing(key))),
            None if self.watched().state(key) == State::Live => None,
            None => self.glance(key)?.verdict,
        }
    }

    /// Returns the last word of a session's manifests, or `None` if they could not be read so far. Those that should be
    /// read are, in the background, while there are `reads` left. Of a session that a watch sees live, they tell nothing.
    pub(super) fn told(self: &Arc<Self>, source: &Arc<Source>, key: &SessionKey, reads: &ReadsLeft) -> Option<Told> {
        if self.peek(key).is_some() {
            let (state, by) = self.known_state(key);
            let state = Some(state).filter(|_| by == Some(KnownBy::Manifest));
            return Some(Told { state, verdict: self.proved_verdict(key) });
        }
        let watched = self.watched().state(key);
        if watched == State::Live {
            return Some(Told { state: None, verdict: None });
        }
        let known = source.glances.get(key);
        if (known.is_some() || !source.glances.are_full()) && reads.take(known) {
            self.read_manifests_of(source, key);
        }
        let glance = known.filter(|glance| glance.is_read)?;
        let life = glance.head.filter(|_| watched == State::Unknown).map(|head| head.life(reads.now));
        let state = match life {
            Some(Life::Live) if !source.catalog.listing().is_superseded(key) => Some(State::Live),
            Some(Life::Dead) => Some(State::Dead),
            _ => None,
        };
        Some(Told { state, verdict: glance.verdict })
    }

    /// Returns what the manifests of a session said when they were last read, and reads them in the background if that
    /// was long ago.
    pub fn glance(self: &Arc<Self>, key: &SessionKey) -> Option<Glance> {
        let source = self.source();
        let seen = source.glances.get(key);
        if seen.is_none_or(|glance| now() > glance.until) {
            self.read_manifests_of(&source, key);
        }
        seen
    }

    /// Reads the manifests of a session in the background, unless they are being read.
    fn read_manifests_of(self: &Arc<Self>, source: &Arc<Source>, key: &SessionKey) {
        if source.glances.claim(key) {
            let (source, key) = (Arc::clone(source), key.clone());
            let young = source.catalog.listing().is_young(&key);
            self.loader.spawn_background(async move {
                source.glances.run(&key, look_at(&source, &key, young)).await;
            });
        }
    }
}

/// Reads the manifests of a session. What cannot be read is as it was before, for a while.
async fn look_at(source: &Source, key: &SessionKey, young: bool) -> Glance {
    let read = match source.places(key).await {
        Ok(places) => read(&source.store, key, places, young).await,
        Err(error) => Err(error),
    };
    read.unwrap_or_else(|error| {
        tracing::debug!(session.key = %key, error = %chain(&error), "manifests could not be read");
        Glance { until: now().saturating_add(SHORT), ..source.glances.peek(key).unwrap_or_default() }
    })
}

/// Lists the nodes of a session and reads their manifests. The first one of a `young` session may still come.
async fn read(store: &Arc<dyn Storage>, key: &SessionKey, places: Places, young: bool) -> Result<Glance, Error> {
    let taken = now();
    let owners: Vec<_> = places.owner.into_iter().collect();
    let (mut manifests, mut nodes, mut without) = (Vec::new(), 0, 0);
    for root in &places.roots {
        let all = data_prefixes(root, &key.cluster, &key.session, &owners);
        for place in all.into_iter().filter(|place| place.tree == Tree::History) {
            for folder in store.list_all(&place.prefix, Delimiter::Slash).await?.prefixes {
                let is_node = folder.strip_prefix(&place.prefix) != Some("fetched_endpoints/");
                if !is_node || nodes == MAX_NODES || (manifests.is_empty() && without == NODES_WITHOUT) {
                    continue;
                }
                nodes += 1;
                let found = manifests_of(&**store, &place.prefix, &folder).await?;
                without += usize::from(found.is_empty());
                manifests.extend(found);
            }
        }
    }
    let mut bytes = 0u64;
    let listed = manifests.len();
    manifests.retain(|manifest| {
        bytes = bytes.saturating_add(manifest.size);
        bytes <= MAX_BYTES
    });
    let is_whole = nodes < MAX_NODES && manifests.len() == listed;
    let read = read_manifests(store, &manifests, |_| ()).await;
    let (head, proof, is_read) = (Head::of(&read.found), claims(&read.found, taken), read.unreadable.is_empty());
    let (keep, is_final) = keep(head, proof.as_ref(), is_read, young, taken);
    let verdict = proof.filter(|_| is_whole && is_read).map(|proof| proof.verdict);
    Ok(Glance { head, verdict, until: taken.saturating_add(keep), is_read, is_final })
}

/// Returns the time for which a result is kept, and `true` if it is final: nothing more may come, or become readable.
fn keep(head: Option<Head>, proof: Option<&Proof>, is_readable: bool, is_young: bool, taken: Nanos) -> (Nanos, bool) {
    let goes_on = is_young || proof.is_some_and(|proof| proof.limits.iter().any(|limit| limit.alive));
    if goes_on || !is_readable {
        return (SHORT, false);
    }
    match head.filter(|head| !head.is_closed()) {
        None => (LONG, true),
        // It was killed: the longer ago, the less likely is another word.
        Some(head) => ((taken.saturating_sub(head.written) / PART_OF_SILENCE).clamp(SHORT, LONG), false),
    }
}

/// Lists the manifests of one node.
pub(super) async fn manifests_of(
    store: &dyn Storage,
    prefix: &str,
    folder: &str,
) -> Result<Vec<ManifestObject>, Error> {
    let page = store.list_all(&format!("{folder}{OWN_FOLDER}/"), Delimiter::None).await?;
    let found = page.objects.into_iter().filter_map(|object| {
        match parse_object(Tree::History, object.key.strip_prefix(prefix)?)? {
            ObjectKind::Own(own) if own.kind == OwnKind::Manifest => Some(ManifestObject::of(&own, &object)),
            _ => None,
        }
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_manifest::proof::Found;
    use ray_history_manifest::{FORMAT, Manifest, Role, State as Wire};

    #[test]
    fn a_look_begins_few_reads_of_each_kind() {
        let reads = ReadsLeft::new(2);
        let old = Glance { until: 1, ..Glance::default() };
        let fresh = Glance { until: Nanos::MAX, ..old };
        let taken = |known: Option<Glance>| (0..5).filter(|_| reads.take(known)).count();
        assert_eq!((taken(Some(fresh)), taken(Some(Glance { is_final: true, ..old }))), (0, 0));
        assert_eq!((taken(Some(old)), taken(None)), (2, 2));
    }

    #[test]
    fn a_result_is_kept_for_a_day_only_if_it_is_final() {
        let at = 1_000 * MINUTE;
        for (head, worker, is_readable, silent, expected) in [
            (Wire::Closed, Wire::Closed, true, 0, (LONG, true)),
            (Wire::Closed, Wire::Closed, false, 0, (SHORT, false)),
            (Wire::Closed, Wire::Open, true, 0, (SHORT, false)),
            (Wire::Open, Wire::Closed, true, 0, (SHORT, false)),
            (Wire::Open, Wire::Closed, true, 80, (10 * MINUTE, false)),
            (Wire::Open, Wire::Closed, true, 999_999, (LONG, false)),
        ] {
            let found = [(Role::Head, head), (Role::Worker, worker)].map(|(role, state)| {
                let mut manifest = Manifest { format: FORMAT.into(), state, written: at, ..Manifest::default() };
                manifest.identity.role = role;
                Found { node: format!("{role:?}"), spool: String::new(), manifest: Ok(manifest), newer: false }
            });
            let taken = at + silent * MINUTE;
            let proof = claims(&found, taken);
            let kept = keep(Head::of(&found), proof.as_ref(), is_readable, false, taken);
            assert_eq!(kept, expected, "{head:?} {worker:?} {silent}");
        }
        assert_eq!(keep(None, None, true, false, at), (LONG, true), "another collector");
        assert_eq!(keep(None, None, true, true, at), (SHORT, false), "the first manifest may still come");
    }
}
