//! Long texts (error messages, stack traces, exit details), deduplicated and compressed in small blocks.
//!
//! If every task of a session fails with its own 2 KB stack trace, most of the text repeats. Texts are therefore
//! appended to blocks of 16 KiB, and each full block is compressed with LZ4; reading one text decompresses one block.
//! Equal texts are recognized by a keyed 128-bit hash, because comparing them would decompress.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::{BuildHasher, Hasher};
use std::sync::{LazyLock, OnceLock};

/// Handle of a text in a `Texts`. `Text::default()` is the empty text, which stands for "absent".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(pub u32);

impl Text {
    /// Returns `true` if this is the empty text.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Uncompressed bytes per block. Small, because one read decompresses one block.
const BLOCK: usize = 16 * 1024;

#[derive(Clone, Copy, Debug)]
struct Span {
    block: u32,
    start: u32,
    end: u32,
}

/// Immutable store of compressed texts.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    blocks: Vec<Box<[u8]>>,
    spans: Vec<Span>,
    longest: OnceLock<usize>,
}

impl Texts {
    /// Returns the length of a text in bytes without decompressing it.
    pub fn len_of(&self, text: Text) -> usize {
        let span = (text.0 as usize).checked_sub(1).and_then(|at| self.spans.get(at));
        span.map_or(0, |span| (span.end - span.start) as usize)
    }

    /// Returns the length of the longest text in bytes. The result is cached, so call it only on a complete store.
    pub fn longest(&self) -> usize {
        *self
            .longest
            .get_or_init(|| self.spans.iter().map(|span| (span.end - span.start) as usize).max().unwrap_or_default())
    }

    /// Returns the text of a handle; empty for a handle of another store.
    pub fn get(&self, text: Text) -> String {
        let mut reader = TextReader::default();
        reader.get(self, text).to_owned()
    }

    /// Returns the block in which a text lies. Reading texts in the order of their blocks decompresses each block once.
    pub fn block_of(&self, text: Text) -> u32 {
        let span = (text.0 as usize).checked_sub(1).and_then(|at| self.spans.get(at));
        span.map_or(0, |span| span.block)
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.blocks.iter().map(|b| b.len() + size_of::<Box<[u8]>>()).sum::<usize>()
            + self.spans.capacity() * size_of::<Span>()
    }
}

/// Reads texts and keeps the last block decompressed, so that neighbouring texts are cheap to read.
#[derive(Debug, Default)]
pub struct TextReader {
    block: Option<u32>,
    bytes: Vec<u8>,
}

impl TextReader {
    /// Returns the text of a handle; empty for a handle of another store.
    pub fn get<'a>(&'a mut self, texts: &Texts, text: Text) -> &'a str {
        let Some(at) = (text.0 as usize).checked_sub(1) else { return "" };
        let Some(&span) = texts.spans.get(at) else { return "" };
        if self.block != Some(span.block) {
            let Some(compressed) = texts.blocks.get(span.block as usize) else { return "" };
            self.bytes = lz4_flex::decompress_size_prepended(compressed).unwrap_or_default();
            self.block = Some(span.block);
        }
        let bytes = self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// Growable store of texts: closed blocks, one open block, and an index by hash.
#[derive(Debug, Default)]
pub struct TextStore {
    texts: Texts,
    open: Vec<u8>,
    known: HashMap<u128, Text, RandomState>,
}

/// Hash key of the process. It makes hashes of different stores comparable, and is random so that no input can be
/// crafted to collide.
static KEY: LazyLock<(u64, u64)> = LazyLock::new(|| {
    let random = RandomState::default();
    (random.hash_one(0u8), random.hash_one(1u8))
});

impl TextStore {
    /// Returns the handle of a text, adding the text if it is new.
    pub fn intern(&mut self, text: &str) -> Text {
        if text.is_empty() {
            return Text::default();
        }
        let mut hasher = SipHasher13::new_with_keys(KEY.0, KEY.1);
        hasher.write(text.as_bytes());
        let hash = hasher.finish128().as_u128();
        if let Some(&known) = self.known.get(&hash) {
            return known;
        }
        let start = self.open.len() as u32;
        self.open.extend_from_slice(text.as_bytes());
        self.texts.spans.push(Span { block: self.texts.blocks.len() as u32, start, end: self.open.len() as u32 });
        let handle = Text(self.texts.spans.len() as u32);
        self.known.insert(hash, handle);
        if self.open.len() >= BLOCK {
            self.close_block();
        }
        handle
    }

    /// Returns the text of a handle, including texts in the open block.
    pub fn get<'a>(&'a self, reader: &'a mut TextReader, text: Text) -> &'a str {
        let span = (text.0 as usize).checked_sub(1).and_then(|at| self.texts.spans.get(at));
        match span {
            Some(span) if span.block as usize == self.texts.blocks.len() => {
                let bytes = self.open.get(span.start as usize..span.end as usize).unwrap_or_default();
                std::str::from_utf8(bytes).unwrap_or_default()
            }
            _ => reader.get(&self.texts, text),
        }
    }

    /// Moves all texts of another store into this one without decompressing any, and returns the new handle of each old
    /// handle.
    ///
    /// The bytes of a text that both stores contain stay stored twice, but equal texts get equal handles.
    pub fn absorb(&mut self, mut other: Self) -> Vec<Text> {
        self.close_block();
        other.close_block();
        let first_block = self.texts.blocks.len() as u32;
        self.texts.blocks.append(&mut other.texts.blocks);
        let mut renamed = vec![Text::default(); other.texts.spans.len() + 1];
        for (hash, old) in other.known {
            let Some(span) = (old.0 as usize).checked_sub(1).and_then(|at| other.texts.spans.get(at)) else { continue };
            let new = *self.known.entry(hash).or_insert_with(|| {
                self.texts.spans.push(Span { block: span.block + first_block, ..*span });
                Text(self.texts.spans.len() as u32)
            });
            renamed[old.0 as usize] = new;
        }
        renamed
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.texts.weight() + self.open.capacity() + self.known.capacity() * (size_of::<(u128, Text)>() + 1)
    }

    /// Compresses the open block and drops the index.
    pub fn freeze(mut self) -> Texts {
        self.close_block();
        self.texts.blocks.shrink_to_fit();
        self.texts.spans.shrink_to_fit();
        self.texts
    }

    fn close_block(&mut self) {
        if !self.open.is_empty() {
            self.texts.blocks.push(lz4_flex::compress_prepend_size(&self.open).into_boxed_slice());
            self.open.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deduplicates_texts_and_reads_them_across_blocks() {
        let mut store = TextStore::default();
        let make = |n: usize| format!("task {n} failed\n{}", "  File \"job.py\", line 12, in boom\n".repeat(60));
        let handles: Vec<_> = (0..200).map(|n| store.intern(&make(n))).collect();
        assert_eq!(store.intern(&make(7)), handles[7]);
        let mut reader = TextReader::default();
        assert_eq!(store.get(&mut reader, handles[199]), make(199));
        let texts = store.freeze();
        for (n, handle) in handles.iter().enumerate() {
            assert_eq!(texts.get(*handle), make(n));
        }
        assert!(texts.weight() < 200 * 2_000 / 5, "{} bytes", texts.weight());
        assert_eq!(texts.get(Text::default()), "");
    }

    #[test]
    fn absorb_renames_shared_texts_and_moves_the_rest() {
        let (mut a, mut b) = (TextStore::default(), TextStore::default());
        let both = a.intern("known to both");
        let old = [b.intern("only b"), b.intern("known to both")];
        let renamed = a.absorb(b);
        assert_eq!(renamed[old[1].0 as usize], both);
        assert_eq!(a.freeze().get(renamed[old[0].0 as usize]), "only b");
    }
}
