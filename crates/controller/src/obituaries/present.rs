//! The objects that are there, as watches know them: a list and its watch know all, so what they lack is gone.

use parking_lot::Mutex;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::facts::Kind;
use ray_history_obituary::time::Time;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds after which a watch knows of every object that is there: one that hangs is known as such after five minutes.
const KNOWN: i64 = 330;

/// The objects of one kind in one namespace, or in all.
#[derive(Debug, Default)]
pub(super) struct Present {
    /// The uids of those that are there.
    pub(super) uids: HashSet<String>,
    /// The begin of the last full list.
    pub(super) listed: Option<Time>,
    /// `true` unless a list is in progress, or the watch does not work.
    pub(super) is_current: bool,
}

/// The kind and the namespace of a watch; without one, all namespaces.
type Place = (Kind, Option<String>);

/// The objects of all kinds that have documents, by the place of their watch.
#[derive(Debug, Default)]
pub(super) struct AllPresent {
    watches: Mutex<BTreeMap<Place, Arc<Mutex<Present>>>>,
    changes: AtomicU64,
}

impl AllPresent {
    /// Takes the objects of a watch.
    pub(super) fn add(&self, kind: Kind, namespace: Option<&str>, present: &Arc<Mutex<Present>>) {
        self.watches.lock().insert((kind, namespace.map(str::to_owned)), Arc::clone(present));
    }

    /// Forgets the objects of all watches, which have ended.
    pub(super) fn clear(&self) {
        self.watches.lock().clear();
    }

    /// Notes that a list is complete, or that a watch works again.
    pub(super) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of times at which more was known at once.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Returns `true` if an object that was there at a time is not there now: the list began later, or its watch would have
    /// told of the object meanwhile. Of a namespace that is not watched, nothing is known to be gone.
    pub(super) fn lacks(&self, object: &ObjectId, at: Time, now: Time) -> bool {
        let all = self.watches.lock();
        let found = [Some(object.namespace.clone()), None].into_iter().find_map(|place| all.get(&(object.kind, place)));
        found.is_some_and(|present| {
            let present = present.lock();
            let knows = present.listed.is_some_and(|listed| listed > at || now.since(at) >= KNOWN);
            knows && present.is_current && !present.uids.contains(&object.uid)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_list_and_its_watch_lack_is_gone() {
        let all = AllPresent::default();
        let object = |kind, namespace: &str, uid: &str| ObjectId {
            kind,
            namespace: namespace.to_owned(),
            name: "c".to_owned(),
            uid: uid.to_owned(),
        };
        let gone = object(Kind::RayCluster, "team", "gone");
        let (at, later) = (Time(10), Time(10).plus(KNOWN));
        let lacks = |object: &ObjectId| all.lacks(object, at, Time(12));
        assert!(!lacks(&gone), "no watch");
        let present = Arc::<Mutex<Present>>::default();
        all.add(Kind::RayCluster, Some("team"), &present);
        assert!(!lacks(&gone), "no list");
        *present.lock() = Present { listed: Some(Time(10)), is_current: true, ..Present::default() };
        assert!(!lacks(&gone), "the object may be newer than the list");
        assert!(all.lacks(&gone, at, later), "the watch would have told of it");
        let uids = HashSet::from(["there".to_owned()]);
        *present.lock() = Present { uids, listed: Some(Time(11)), is_current: true };
        assert!(lacks(&gone));
        present.lock().is_current = false;
        assert!(!lacks(&gone) && !all.lacks(&gone, at, later), "the watch does not work");
        present.lock().is_current = true;
        assert!(!lacks(&object(Kind::RayCluster, "team", "there")));
        assert!(!lacks(&object(Kind::RayCluster, "other", "gone")), "a namespace that is not watched");
        assert!(!lacks(&object(Kind::RayJob, "team", "gone")), "a kind that is not listed");
        all.clear();
        assert!(!lacks(&gone));
        all.add(Kind::RayCluster, None, &present);
        assert!(lacks(&object(Kind::RayCluster, "other", "gone")), "all namespaces are watched");
    }
}
