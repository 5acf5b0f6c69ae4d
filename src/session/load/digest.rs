//! What was listed of a session, in a few bytes: two listings with equal digests need no second load.
//!
//! Owns which properties count: names, sizes, and `ETag`s (times where a store has no `ETag`s). Independent of the order
//! of the listing, because no store promises one. Not secret and not stored: collisions would only delay a rebuild.

use ray_history_storage::ObjectMeta;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::{Hash, Hasher};

/// Of one listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::session) struct Digest {
    /// Of what the snapshot is made of: event files, log files with facts, endpoint bodies, names of all log files; and
    /// of what could not be listed.
    pub(in crate::session) inputs: u128,
    /// Of the other log files: only shown, never folded.
    pub(in crate::session) shown: u128,
}

/// Digests of a listing that grows.
#[derive(Debug, Default)]
pub(super) struct Digests(Digest);

impl Digests {
    /// An object whose content counts.
    pub(super) fn input(&mut self, object: &ObjectMeta) {
        // Adding makes the order irrelevant; an object that is listed twice counts twice, in every listing alike.
        self.0.inputs = self.0.inputs.wrapping_add(hash(&content(object)));
    }

    /// An object whose name counts, and whose content is only shown.
    pub(super) fn name(&mut self, object: &ObjectMeta) {
        self.0.inputs = self.0.inputs.wrapping_add(hash(&object.key));
        self.0.shown = self.0.shown.wrapping_add(hash(&content(object)));
    }

    /// A part that could not be listed: whether one can be is a difference, too.
    pub(super) fn left_out(&mut self, key: &str) {
        self.0.inputs = self.0.inputs.wrapping_add(hash(&("left out", key)));
    }

    /// So far.
    pub(super) fn finish(&self) -> Digest {
        self.0
    }
}

fn content(object: &ObjectMeta) -> (&str, u64, Option<&str>, Option<i64>) {
    let time = if object.etag.is_none() { object.modified } else { None };
    (&object.key, object.size, object.etag.as_deref(), time)
}

/// With fixed keys: replicas must agree.
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
    fn order_does_not_count_and_everything_else_does() {
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
