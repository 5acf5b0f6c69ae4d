//! A digest of a session's listing: two listings with equal digests need no second load.
//!
//! Names, sizes, and `ETag`s count (times if a store has no `ETag`s). The digest does not depend on the order of the
//! listing, because no store promises one. It is neither secret nor stored: a collision would only delay a rebuild.

use ray_history_storage::ObjectMeta;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::{Hash, Hasher};

/// The digest of one listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    /// Covers the inputs of the snapshot: event files, log files with facts, endpoint bodies and the names of all log
    /// files; and the parts that could not be listed.
    pub(crate) inputs: u128,
    /// Covers the content of the other log files, which are shown but not read for the snapshot.
    pub(crate) shown: u128,
    /// Covers the content of manifests, which are written again each minute while a session is live.
    pub(crate) manifests: u128,
}

/// The digest of a listing in progress.
#[derive(Debug, Default)]
pub(super) struct Digests(Digest);

impl Digests {
    /// Adds an object whose content counts.
    pub(super) fn input(&mut self, object: &ObjectMeta) {
        // Addition makes the order irrelevant. An object that is listed twice counts twice, in every listing alike.
        self.0.inputs = self.0.inputs.wrapping_add(hash(&content(object)));
    }

    /// Adds an object whose name counts, and whose content is only shown.
    pub(super) fn name(&mut self, object: &ObjectMeta) {
        self.0.inputs = self.0.inputs.wrapping_add(hash(&object.key));
        self.0.shown = self.0.shown.wrapping_add(hash(&content(object)));
    }

    /// Adds a manifest: its name counts, and its content only for the proof.
    pub(super) fn manifest(&mut self, object: &ObjectMeta) {
        self.0.inputs = self.0.inputs.wrapping_add(hash(&object.key));
        self.0.manifests = self.0.manifests.wrapping_add(hash(&content(object)));
    }

    /// Adds a part that could not be listed, so that the digest changes when it can be.
    pub(super) fn left_out(&mut self, key: &str) {
        self.0.inputs = self.0.inputs.wrapping_add(hash(&("left out", key)));
    }

    /// Returns the digest of everything added so far.
    pub(super) fn finish(&self) -> Digest {
        self.0
    }
}

fn content(object: &ObjectMeta) -> (&str, u64, Option<&str>, Option<i64>) {
    let time = if object.etag.is_none() { object.modified } else { None };
    (&object.key, object.size, object.etag.as_deref(), time)
}

/// Hashes a value with fixed keys, because replicas must agree.
fn hash(value: &impl Hash) -> u128 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    value.hash(&mut hasher);
    hasher.write_u8(0);
    hasher.finish128().as_u128()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, size: u64, etag: &str) -> ObjectMeta {
        ObjectMeta { key: key.into(), size, etag: Some(etag.into()), modified: Some(7) }
    }

    fn digest(objects: &[ObjectMeta]) -> Digest {
        let mut digests = Digests::default();
        for object in objects {
            let add = if object.key.strip_suffix(".log").is_some() { Digests::name } else { Digests::input };
            add(&mut digests, object);
        }
        digests.finish()
    }

    #[test]
    fn digest_ignores_only_the_order() {
        let base = [object("a", 1, "x"), object("b", 2, "y"), object("c.log", 3, "z")];
        let before = digest(&base);
        assert_eq!(before, digest(&[base[2].clone(), base[1].clone(), base[0].clone()]));
        for (change, inputs, shown) in [
            (vec![base[0].clone(), base[1].clone()], true, true),
            (vec![object("a", 2, "x"), base[1].clone(), base[2].clone()], true, false),
            (vec![object("a", 1, "X"), base[1].clone(), base[2].clone()], true, false),
            (vec![base[0].clone(), base[1].clone(), object("c.log", 9, "Z")], false, true),
        ] {
            let after = digest(&change);
            assert_eq!((after.inputs != before.inputs, after.shown != before.shown), (inputs, shown), "{change:?}");
        }
    }
}
