//! Splits a stored event file into records. JSONL, JSON arrays and gzip are detected by content, never by name.
//!
//! Reads from any `Read` in bounded memory, and returns blocks of about a megabyte of whole records, so several threads
//! can parse one file. A file that cannot be read to its end still gives all records before that point. Reading goes in
//! steps, and `may_hold` returns the memory the next one may need: a record without an end is the only thing here that
//! grows.

mod array;
mod block;
#[cfg(test)]
mod tests;

pub use array::{Cut, items};
pub use block::Block;

use flate2::read::MultiGzDecoder;
use std::io::{Cursor, Read};
use std::ops::Range;

/// Bytes that are read before a block is returned.
pub const BLOCK: usize = 1 << 20;

/// The longest record, far longer than any event of Ray. A longer one is skipped and counted, never held. Growing to
/// this length takes 36 MiB for a moment, on every thread that meets such a record.
pub const MAX_RECORD: usize = 16 << 20;

/// The most bytes read at a time while a record has no end in sight; also the most by which a held record may exceed
/// `MAX_RECORD`.
const MAX_STEP: usize = 4 << 20;

/// The result of one step.
#[derive(Debug)]
pub enum Step {
    /// Some whole records.
    Block(Block),
    /// No whole record yet: the next step reads on.
    Incomplete,
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
    /// Bytes read but not yet returned: the beginning of a record.
    rest: Vec<u8>,
    /// Bytes that the next step reads.
    step_bytes: usize,
    /// Number of records returned or skipped so far.
    done: u64,
    /// Number of arrays that have begun and not ended.
    nesting: i64,
    /// `true` inside a record that is too long: everything up to its end is discarded.
    skipping: bool,
    too_long: Vec<u64>,
    ended: bool,
    broken: Option<String>,
}

enum Source<R: Read> {
    Unread(R),
    Plain(std::io::Chain<Cursor<Vec<u8>>, R>),
    Gzip(Box<MultiGzDecoder<std::io::Chain<Cursor<Vec<u8>>, R>>>),
    Taken,
}

impl<R: Read> std::fmt::Debug for Records<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("done", &self.done).finish_non_exhaustive()
    }
}

impl<R: Read> Records<R> {
    /// Begins to read a file.
    pub fn new(file: R) -> Self {
        Self {
            source: Source::Unread(file),
            format: Format::Unknown,
            rest: Vec::new(),
            step_bytes: BLOCK,
            done: 0,
            nesting: 0,
            skipping: false,
            too_long: Vec::new(),
            ended: false,
            broken: None,
        }
    }

    /// Returns why the file could not be read to its end, if so.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Returns the positions of records skipped because they were longer than `MAX_RECORD`.
    pub fn too_long(&self) -> &[u64] {
        &self.too_long
    }

    /// Returns `true` if the file was read to its end and contains only blanks.
    pub fn is_blank(&self) -> bool {
        self.ended && self.format == Format::Unknown && self.broken.is_none()
    }

    /// Returns the bytes that the next step may hold; the buffer is copied when it grows.
    pub fn may_hold(&self) -> usize {
        2 * self.rest.len() + self.step_bytes
    }

    /// Returns the next block; `None` at the end.
    pub fn next_block(&mut self) -> Option<Block> {
        loop {
            match self.step() {
                Step::Block(block) => return Some(block),
                Step::Incomplete => {}
                Step::End => return None,
            }
        }
    }

    /// Reads a bounded number of bytes and returns the whole records in them.
    pub fn step(&mut self) -> Step {
        if self.ended {
            return Step::End;
        }
        let mut bytes = std::mem::take(&mut self.rest);
        // Exact: otherwise the buffer would grow to twice its length.
        bytes.reserve_exact(self.step_bytes);
        self.read(&mut bytes, self.step_bytes);
        if self.format == Format::Unknown {
            self.format = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'[') => Format::Array,
                Some(_) => Format::Lines,
                None => Format::Unknown,
            };
        }
        let block = match self.format {
            // Only blanks so far, so nothing is kept.
            Format::Unknown => return Step::Incomplete,
            Format::Lines => self.cut_lines(bytes),
            Format::Array => self.cut_items(bytes),
        };
        if let Some(block) = block {
            self.step_bytes = BLOCK;
            return Step::Block(block);
        }
        // Doubles the amount, so that a long record is scanned only a few times.
        self.step_bytes = (self.step_bytes * 2).min(MAX_STEP);
        Step::Incomplete
    }

    /// Appends up to `limit` decompressed bytes; records the end of the file or the error.
    fn read(&mut self, bytes: &mut Vec<u8>, limit: usize) {
        if let Source::Unread(_) = self.source {
            self.open();
        }
        let read = match &mut self.source {
            Source::Plain(source) => source.take(limit as u64).read_to_end(bytes),
            Source::Gzip(source) => source.take(limit as u64).read_to_end(bytes),
            Source::Unread(_) | Source::Taken => Ok(0),
        };
        match read {
            Ok(read) => self.ended = read < limit,
            Err(error) => {
                self.ended = true;
                self.broken.get_or_insert_with(|| error.to_string());
            }
        }
    }

    /// Detects gzip by the first two bytes, `1f 8b`, whatever the file's name.
    fn open(&mut self) {
        let Source::Unread(mut file) = std::mem::replace(&mut self.source, Source::Taken) else { return };
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
                self.keep_partial(bytes);
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
            // The last item has no end: it is returned all the same, so that it is counted as damaged.
            let mut items = cut.items;
            items.push(cut.open..bytes.len());
            return Some(self.items_block(bytes, items));
        }
        let rest = bytes.split_off(cut.open);
        if cut.items.is_empty() {
            self.keep_partial(rest);
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

    /// Keeps the beginning of a record, unless it is already too long.
    fn keep_partial(&mut self, bytes: Vec<u8>) {
        if bytes.len() < MAX_RECORD {
            self.rest = bytes;
        } else if self.format == Format::Lines {
            self.skipping = true;
        } else {
            // An item without an end cannot be skipped: the start of the next one is unknown.
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
