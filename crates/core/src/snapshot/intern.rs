//! Interned byte strings: each distinct value is stored once in an arena and referred to by a `u32` handle.
//!
//! `Str` is the handle of a UTF-8 string and `Id` that of a binary id. Handle 0 is always the empty value, which means
//! "absent". `Interner` is the growable form used by the fold; `Interned` is the immutable form of a snapshot, without
//! the hash index.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::sync::OnceLock;

/// Handle of an interned string. `Str::default()` is the empty string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str(pub u32);

/// Handle of an interned binary id. `Id::default()` stands for "no id".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u32);

impl Str {
    /// Returns `true` if this is the empty string, which stands for "absent".
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Id {
    /// Returns `true` if this is no id.
    #[inline]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Immutable arena that resolves handles.
#[derive(Clone, Debug, Default)]
pub struct Interned {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    longest: OnceLock<usize>,
}

impl Interned {
    /// Returns the bytes of a handle; empty for a handle of another arena.
    #[inline]
    pub fn get(&self, handle: u32) -> &[u8] {
        let at = handle as usize;
        let Some(&end) = self.ends.get(at) else { return &[] };
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start as usize..end as usize]
    }

    /// Returns the string of a handle.
    #[inline]
    pub fn str(&self, handle: Str) -> &str {
        std::str::from_utf8(self.get(handle.0)).unwrap_or_default()
    }

    /// Returns the bytes of an id.
    #[inline]
    pub fn id(&self, handle: Id) -> &[u8] {
        self.get(handle.0)
    }

    /// Returns the length of the longest value in bytes. The result is cached, so call it only on a complete arena.
    pub fn longest(&self) -> usize {
        *self.longest.get_or_init(|| {
            let starts = std::iter::once(&0).chain(&self.ends);
            self.ends.iter().zip(starts).map(|(end, start)| (end - start) as usize).max().unwrap_or_default()
        })
    }

    /// Returns the number of distinct values, including the empty one. Every handle is below it.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns `true` if nothing was interned.
    pub fn is_empty(&self) -> bool {
        self.ends.len() <= 1
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

/// Growable arena with a hash index.
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
    /// Returns the handle of a value that was added before.
    pub fn find(&self, value: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(value);
        self.index.find(hash, |&at| self.arena.get(at) == value).copied()
    }

    /// Returns the handle of a value, adding the value if it is new.
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

    /// Returns `true` if a value was interned.
    pub fn contains(&self, value: &[u8]) -> bool {
        self.index.find(self.hasher.hash_one(value), |&at| self.arena.get(at) == value).is_some()
    }

    /// Returns the handle of a string, adding it if it is new.
    pub fn str(&mut self, value: &str) -> Str {
        Str(self.intern(value.as_bytes()))
    }

    /// Returns the handle of an id, adding it if it is new.
    pub fn id(&mut self, value: &[u8]) -> Id {
        Id(self.intern(value))
    }

    /// Returns the values interned so far.
    pub fn values(&self) -> &Interned {
        &self.arena
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.arena.weight() + self.index.capacity() * 5
    }

    /// Drops the index and the arena's spare capacity.
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
    fn equal_values_share_a_handle_and_empty_is_zero() {
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
