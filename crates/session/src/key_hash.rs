//! Hashes that stand for sessions in tables of many: 128 bits with a secret, so that nobody can choose names that share
//! one.

use ray_history_core::base::name::SessionKey;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::{BuildHasher, Hash, RandomState};

/// The hash of a session's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeyHash(u64, u64);

/// The secret of one table.
#[derive(Debug)]
pub(super) struct KeyHasher(u64, u64);

impl Default for KeyHasher {
    fn default() -> Self {
        let random = || RandomState::new().hash_one(());
        Self(random(), random())
    }
}

impl KeyHasher {
    /// Returns the hash of a session's key.
    pub(super) fn hash(&self, key: &SessionKey) -> KeyHash {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        key.hash(&mut hasher);
        let hash = hasher.finish128();
        KeyHash(hash.h1, hash.h2)
    }
}
