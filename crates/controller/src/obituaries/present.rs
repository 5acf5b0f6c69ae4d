//! The objects that are there, as watches know them: what a full list lacks is gone.

use parking_lot::Mutex;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::facts::Kind;
use ray_history_obituary::time::Time;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The objects of one kind in one namespace, or in all.
#[derive(Debug, Default)]
pub(super) struct Present {
    /// The uids of those that are there.
    pub(super) uids: HashSet<String>,
    /// The begin of the last full list.
    pub(super) listed: Option<Time>,
}

/// The kind and the namespace of a watch; without one, all namespaces.
type Place = (Kind, Option<String>);

/// The objects of all kinds that have documents, by the place of their watch.
#[derive(Debug, Default)]
pub(super) struct AllPresent(Mutex<BTreeMap<Place, Arc<Mutex<Present>>>>);

impl AllPresent {
    /// Takes the objects of a watch.
    pub(super) fn add(&self, kind: Kind, namespace: Option<&str>, present: &Arc<Mutex<Present>>) {
        self.0.lock().insert((kind, namespace.map(str::to_owned)), Arc::clone(present));
    }

    /// Forgets the objects of all watches, which have ended.
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Returns `true` if an object that was there at a time was in no full list that began later, and has not been seen
    /// since. Of a namespace that is not watched, nothing is known to be gone.
    pub(super) fn lacks(&self, object: &ObjectId, at: Time) -> bool {
        let all = self.0.lock();
        let found = [Some(object.namespace.clone()), None].into_iter().find_map(|place| all.get(&(object.kind, place)));
        found.is_some_and(|present| {
            let present = present.lock();
            present.listed.is_some_and(|listed| listed > at) && !present.uids.contains(&object.uid)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_later_full_list_lacks_is_gone() {
        let all = AllPresent::default();
        let object = |kind, namespace: &str, uid: &str| ObjectId {
            kind,
            namespace: namespace.to_owned(),
            name: "c".to_owned(),
            uid: uid.to_owned(),
        };
        let gone = object(Kind::RayCluster, "team", "gone");
        let lacks = |object: &ObjectId| all.lacks(object, Time(10));
        assert!(!lacks(&gone), "no watch");
        let present = Arc::<Mutex<Present>>::default();
        all.add(Kind::RayCluster, Some("team"), &present);
        assert!(!lacks(&gone), "no list");
        present.lock().listed = Some(Time(10));
        assert!(!lacks(&gone), "the object may be newer than the list");
        *present.lock() = Present { uids: HashSet::from(["there".to_owned()]), listed: Some(Time(11)) };
        assert!(lacks(&gone));
        assert!(!lacks(&object(Kind::RayCluster, "team", "there")));
        assert!(!lacks(&object(Kind::RayCluster, "other", "gone")), "a namespace that is not watched");
        assert!(!lacks(&object(Kind::RayJob, "team", "gone")), "a kind that is not listed");
        all.clear();
        assert!(!lacks(&gone));
        all.add(Kind::RayCluster, None, &present);
        assert!(lacks(&object(Kind::RayCluster, "other", "gone")), "all namespaces are watched");
    }
}
