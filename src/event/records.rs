//! Cuts a stored event file into records: JSONL or JSON array, gzip or not, told by content and never by name.
//!
//! Works behind any `Read` with bounded memory: it gives blocks of about a megabyte that hold whole records, so that
//! several threads can parse one file. What cannot be read to its end still gives all that came before. It goes in
//! steps, and tells what the next one may hold: a record without an end is the one thing here that grows.

mod array;
mod block;
#[cfg(test)]
pub(crate) mod tests;

pub use block::Block;

use flate2::read::MultiGzDecoder;
use std::io::{Cursor, Read};
use std::ops::Range;

/// Bytes read before a block is given out.
pub const BLOCK: usize = 1 << 20;

/// A record longer than this is no event: it is skipped and counted, never held. Far beyond what Ray sends; growing up to
/// it holds 36 MiB for a moment, on every thread that meets such a record.
pub const MAX_RECORD: usize = 16 << 20;

/// Bytes read at a time while a record has no end in sight; also how far beyond `MAX_RECORD` one may be held.
const MAX_STEP: usize = 4 << 20;

/// How far one step got.
#[derive(Debug)]
pub enum Step {
    /// Some whole records.
    Block(Block),
    /// No whole record is in sight: the next step reads on.
    On,
    /// The file has ended.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Unknown,
    Lines,
    Array,
}

/// The records of one file, block by block.
pub struct Records<R: Read> {
    source: Source<R>,
    format: Format,
    /// Bytes read and not yet given out: the beginning of a record.
    rest: Vec<u8>,
    /// Bytes that the next step reads.
    want: usize,
    /// Positions given out or skipped so far.
    done: u64,
    /// Arrays that have begun and not ended.
    nesting: i64,
    /// Inside a record that is too long: everything up to its end is thrown away.
    skipping: bool,
    too_long: Vec<u64>,
    ended: bool,
    broken: Option<String>,
}

enum Source<R: Read> {
    Unread(R),
    Plain(std::io::Chain<Cursor<Vec<u8>>, R>),
    Gzip(Box<MultiGzDecoder<std::io::Chain<Cursor<Vec<u8>>, R>>>),
    Nothing,
}

impl<R: Read> std::fmt::Debug for Records<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("done", &self.done).finish_non_exhaustive()
    }
}

impl<R: Read> Records<R> {
    /// Starts a file.
    pub fn new(file: R) -> Self {
        Self {
            source: Source::Unread(file),
            format: Format::Unknown,
            rest: Vec::new(),
            want: BLOCK,
            done: 0,
            nesting: 0,
            skipping: false,
            too_long: Vec::new(),
            ended: false,
            broken: None,
        }
    }

    /// Why the file could not be read to its end, if it could not.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Positions of records that were skipped because they were longer than `MAX_RECORD`.
    pub fn too_long(&self) -> &[u64] {
        &self.too_long
    }

    /// Returns `true` if the file was read to its end and held nothing but blanks.
    pub fn is_blank(&self) -> bool {
        self.ended && self.format == Format::Unknown && self.broken.is_none()
    }

    /// Bytes that the next step may hold: what is held grows by being copied.
    pub fn may_hold(&self) -> usize {
        2 * self.rest.len() + self.want
    }

    /// The next block; none at the end.
    pub fn next_block(&mut self) -> Option<Block> {
        loop {
            match self.step() {
                Step::Block(block) => return Some(block),
                Step::On => {}
                Step::End => return None,
            }
        }
    }

    /// Reads a bounded number of bytes, and gives the whole records in them.
    pub fn step(&mut self) -> Step {
        if self.ended {
            return Step::End;
        }
        let mut bytes = std::mem::take(&mut self.rest);
        // Exact, or it would grow to twice its length.
        bytes.reserve_exact(self.want);
        self.read(&mut bytes, self.want);
        if self.format == Format::Unknown {
            self.format = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'[') => Format::Array,
                Some(_) => Format::Lines,
                None => Format::Unknown,
            };
        }
        let block = match self.format {
            // Only blanks so far: nothing to keep.
            Format::Unknown => return Step::On,
            Format::Lines => self.cut_lines(bytes),
            Format::Array => self.cut_items(bytes),
        };
        if let Some(block) = block {
            self.want = BLOCK;
            return Step::Block(block);
        }
        // Twice as much, so that a long record is scanned few times.
        self.want = (self.want * 2).min(MAX_STEP);
        Step::On
    }

    /// Appends up to `want` decompressed bytes; notes the end and what broke.
    fn read(&mut self, bytes: &mut Vec<u8>, want: usize) {
        if let Source::Unread(_) = self.source {
            self.open();
        }
        let read = match &mut self.source {
            Source::Plain(source) => source.take(want as u64).read_to_end(bytes),
            Source::Gzip(source) => source.take(want as u64).read_to_end(bytes),
            Source::Unread(_) | Source::Nothing => Ok(0),
        };
        match read {
            Ok(read) => self.ended = read < want,
            Err(error) => {
                self.ended = true;
                self.broken.get_or_insert_with(|| error.to_string());
            }
        }
    }

    /// Looks at the first two bytes: `1f 8b` is gzip, whatever the name says.
    fn open(&mut self) {
        let Source::Unread(mut file) = std::mem::replace(&mut self.source, Source::Nothing) else { return };
        let mut magic = Vec::with_capacity(2);
        if let Err(error) = (&mut file).take(2).read_to_end(&mut magic) {
            self.broken = Some(error.to_string());
        }
        let gzip = magic == [0x1f, 0x8b];
        let whole = Cursor::new(magic).chain(file);
        self.source = if gzip { Source::Gzip(Box::new(MultiGzDecoder::new(whole))) } else { Source::Plain(whole) };
    }

    fn cut_lines(&mut self, mut bytes: Vec<u8>) -> Option<Block> {
        if self.skipping {
            let end = memchr::memchr(b'\n', &bytes).map(|at| at + 1).or(self.ended.then_some(bytes.len()))?;
            bytes.drain(..end);
            self.skipping = false;
            self.skip_record();
        }
        if !self.ended {
            let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
            if whole == 0 {
                self.hold(bytes);
                return None;
            }
            self.rest = bytes.split_off(whole);
        }
        if bytes.is_empty() {
            return None;
        }
        let first = self.done + 1;
        self.done += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Some(Block { bytes, first, items: None })
    }

    fn cut_items(&mut self, mut bytes: Vec<u8>) -> Option<Block> {
        let cut = array::items(&bytes);
        self.nesting += cut.nesting;
        if self.ended && self.nesting != 0 {
            self.broken.get_or_insert_with(|| "its brackets do not match: it was cut off, or is damaged".to_owned());
        }
        if self.ended && cut.open < bytes.len() {
            // The last item has no end: give it out all the same, so that it is counted as damaged.
            let mut items = cut.items;
            items.push(cut.open..bytes.len());
            return Some(self.items_block(bytes, items));
        }
        let rest = bytes.split_off(cut.open);
        if cut.items.is_empty() {
            self.hold(rest);
            return None;
        }
        self.rest = rest;
        Some(self.items_block(bytes, cut.items))
    }

    fn items_block(&mut self, bytes: Vec<u8>, items: Vec<Range<usize>>) -> Block {
        let first = self.done + 1;
        self.done += items.len() as u64;
        Block { bytes, first, items: Some(items) }
    }

    /// Keeps the beginning of a record, unless it is too long already.
    fn hold(&mut self, bytes: Vec<u8>) {
        if bytes.len() < MAX_RECORD {
            self.rest = bytes;
        } else if self.format == Format::Lines {
            self.skipping = true;
        } else {
            // An item without an end cannot be skipped: nothing after it can be told apart.
            self.skip_record();
            self.ended = true;
            self.broken.get_or_insert_with(|| format!("an item longer than {MAX_RECORD} bytes"));
        }
    }

    fn skip_record(&mut self) {
        self.done += 1;
        self.too_long.push(self.done);
    }
}
