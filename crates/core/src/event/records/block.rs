//! A block of whole records, unchanged from the file.

use std::ops::Range;

/// A block of whole records of a file.
#[derive(Debug)]
pub struct Block {
    pub(super) bytes: Vec<u8>,
    /// Position of the first record in the file, from 1.
    pub(super) first: u64,
    /// Ranges of the items of a JSON array; `None` for lines.
    pub(super) items: Option<Vec<Range<usize>>>,
}

impl Block {
    /// Returns the records and their positions: line numbers of JSONL or item numbers of an array, both from 1.
    pub fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let items = self.items.iter().flatten().map(|range| self.bytes.get(range.clone()).unwrap_or_default());
        let lines = self.items.is_none().then(|| Lines { rest: &self.bytes });
        (self.first..).zip(items.chain(lines.into_iter().flatten()))
    }

    /// Returns the decompressed size in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns `true` if the block is empty.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.bytes.capacity() + self.items.as_ref().map_or(0, Vec::capacity) * size_of::<Range<usize>>()
    }
}

struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        Some(line)
    }
}
