//! Interned byte strings: each distinct value is kept once, in one arena, and named by a `u32`.
//!
//! `Str` names a UTF-8 string, `Id` a binary id. Handle 0 is always the empty value, which stands for "absent".
//! `Interner` is the growing form of the fold; `Interned` the frozen form of a snapshot, without the hash index.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::sync::OnceLock;

/// An interned string. `Str::default()` is the empty string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str(pub u32);

/// An interned binary id. `Id::default()` is no id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u32);

impl Str {
    /// Whether this is the empty string, which stands for "absent".
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Id {
    /// Whether this is no id at all.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// The frozen arena: resolves handles, and can no longer grow.
#[derive(Clone, Debug, Default)]
pub struct Interned {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    longest: OnceLock<usize>,
}

impl Interned {
    /// The bytes of a handle; empty for one that this arena never gave out.
    pub fn get(&self, handle: u32) -> &[u8] {
        let at = handle as usize;
        let Some(&end) = self.ends.get(at) else { return &[] };
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start as usize..end as usize]
    }

    /// The string of a handle.
    pub fn str(&self, handle: Str) -> &str {
        std::str::from_utf8(self.get(handle.0)).unwrap_or_default()
    }

    /// The bytes of an id.
    pub fn id(&self, handle: Id) -> &[u8] {
        self.get(handle.0)
    }

    /// Returns the length of the longest value; looked for once, so only after the last was added.
    pub fn longest(&self) -> usize {
        *self.longest.get_or_init(|| {
            let starts = std::iter::once(&0).chain(&self.ends);
            self.ends.iter().zip(starts).map(|(end, start)| (end - start) as usize).max().unwrap_or_default()
        })
    }

    /// How many distinct values there are, the empty one included; handles are below this.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether nothing was interned.
    pub fn is_empty(&self) -> bool {
        self.ends.len() <= 1
    }

    /// Memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

/// The growing arena with its hash index.
#[derive(Debug)]
pub struct Interner {
    arena: Interned,
    index: HashTable<u32>,
    hasher: RandomState,
}

impl Default for Interner {
    fn default() -> Self {
        let mut new = Self { arena: Interned::default(), index: HashTable::new(), hasher: RandomState::default() };
        new.intern(&[]);
        new
    }
}

impl Interner {
    /// The handle of a value, new or known.
    pub fn intern(&mut self, value: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(value);
        let (arena, hasher) = (&mut self.arena, &self.hasher);
        if let Some(&found) = self.index.find(hash, |&at| arena.get(at) == value) {
            return found;
        }
        let at = arena.ends.len() as u32;
        arena.bytes.extend_from_slice(value);
        arena.ends.push(arena.bytes.len() as u32);
        let arena = &*arena;
        self.index.insert_unique(hash, at, |&at| hasher.hash_one(arena.get(at)));
        at
    }

    /// Returns `true` if a value is known.
    pub fn knows(&self, value: &[u8]) -> bool {
        self.index.find(self.hasher.hash_one(value), |&at| self.arena.get(at) == value).is_some()
    }

    /// The handle of a string.
    pub fn str(&mut self, value: &str) -> Str {
        Str(self.intern(value.as_bytes()))
    }

    /// The handle of an id.
    pub fn id(&mut self, value: &[u8]) -> Id {
        Id(self.intern(value))
    }

    /// The arena as it stands.
    pub fn values(&self) -> &Interned {
        &self.arena
    }

    /// Memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.arena.weight() + self.index.capacity() * 5
    }

    /// Drops the index and what the arena has too much.
    pub fn freeze(mut self) -> Interned {
        self.arena.bytes.shrink_to_fit();
        self.arena.ends.shrink_to_fit();
        self.arena
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_handle_and_the_empty_value_is_zero() {
        let mut interner = Interner::default();
        let a = interner.str("a");
        assert_eq!(interner.str("b"), Str(2));
        assert_eq!(interner.str("a"), a);
        assert!(interner.str("").is_empty());
        let frozen = interner.freeze();
        assert_eq!(frozen.str(a), "a");
        assert_eq!(frozen.str(Str(99)), "");
    }
}
