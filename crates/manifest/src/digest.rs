//! The digest of a set of objects: it says in 16 bytes which keys of which sizes are stored.
//!
//! The sum modulo 2¹²⁸ of a hash of each object, so it depends on no order, and is kept up by adding and subtracting. It
//! finds objects that are missing, too many, or of another length. It is no protection from somebody who may write to
//! the bucket.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// The digest of a set of objects, each with a key and a size.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Digest(u128);

/// A text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 32 hexadecimal digits")]
pub struct InvalidDigest;

impl Digest {
    /// Adds an object by its key below the node and its stored size.
    pub fn add(&mut self, key: &str, size: u64) {
        self.0 = self.0.wrapping_add(hash(key, size));
    }

    /// Takes an object out again.
    pub fn subtract(&mut self, key: &str, size: u64) {
        self.0 = self.0.wrapping_sub(hash(key, size));
    }

    /// Adds all objects of another set.
    pub fn join(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

/// Returns the first 16 bytes, little-endian, of the SHA-256 of an object's key and size.
fn hash(key: &str, size: u64) -> u128 {
    let hash = Sha256::new().chain_update(key).chain_update(format!("\n{size}\n")).finalize();
    let mut first = [0; 16];
    first.copy_from_slice(&hash[..16]);
    u128::from_le_bytes(first)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidDigest);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| InvalidDigest)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_digest_is_what_the_format_says() {
        // `python -c 'import hashlib; print(hashlib.sha256(b"logs/a.log\n7\n").digest()[:16][::-1].hex())'`
        let mut digest = Digest::default();
        digest.add("logs/a.log", 7);
        assert_eq!(digest.to_string(), "e60e2bb01574a4651323b9adcab21713");
        assert_eq!("e60e2bb01574a4651323b9adcab21713".parse(), Ok(digest));
        for bad in ["", "+0000000000000000000000000000000", "00", "zz000000000000000000000000000000"] {
            assert_eq!(bad.parse::<Digest>(), Err(InvalidDigest), "{bad}");
        }
    }

    #[test]
    fn a_key_and_a_size_are_told_apart() {
        let of = |key: &str, size| {
            let mut digest = Digest::default();
            digest.add(key, size);
            digest
        };
        assert_ne!(of("logs/a", 11), of("logs/a1", 1));
        assert_ne!(of("logs/a", 1), of("logs/a", 2));
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_what_is_taken_out_is_gone(
            objects in prop::collection::vec(("[a-z/]{1,8}", 0u64..), 0..20),
            gone in prop::collection::vec(("[a-z/]{1,8}", 0u64..), 0..20),
        ) {
            let mut expected = Digest::default();
            for (key, size) in &objects {
                expected.add(key, *size);
            }
            let mut digest = Digest::default();
            for (key, size) in &gone {
                digest.add(key, *size);
            }
            for (key, size) in objects.iter().rev() {
                digest.add(key, *size);
            }
            for (key, size) in gone.iter().rev() {
                digest.subtract(key, *size);
            }
            prop_assert_eq!(digest, expected);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
        }
    }
}
