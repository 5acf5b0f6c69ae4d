//! Searches one log file for lines, block by block, with constant memory. Pure.
//!
//! The hits do not depend on the bounds of blocks. A line longer than [`Bounds::line`] is searched in parts that
//! overlap, so that it needs no more memory: any match that is `2 * AROUND` bytes shorter than [`Bounds::overlap`] is
//! found in it, and a longer one if a part has it whole.

mod line;

pub use line::Hit;

use super::pattern::Pattern;
use bytes::Bytes;
use line::{Shown, cut, window, without_return};
use regex_automata::Span;
use regex_automata::meta::Cache;
use std::collections::VecDeque;

/// Bytes where a part of a line ends that are looked at and not matched: those of the longest character. With them
/// anchors and word boundaries match there as they would in the whole line.
const AROUND: usize = 4;

/// Bounds of the memory that a search holds.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Longest line, or part of a line, that is searched at once, in bytes.
    pub line: usize,
    /// Bytes that one part of a line shares with the next.
    pub overlap: usize,
    /// Bytes of a line that are shown.
    pub shown: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { line: 64 << 10, overlap: 8 << 10, shown: 2 << 10 }
    }
}

/// A search in one file.
#[derive(Debug)]
pub struct Scanner {
    pattern: Pattern,
    cache: Cache,
    context: usize,
    bounds: Bounds,
    /// Number of hits still to be found; with zero, only the context of those before is read.
    left: usize,
    /// The block, the place in it, and the end of its last whole line.
    block: Bytes,
    at: usize,
    whole: usize,
    /// Number of the line, and the offset of its first byte in the file.
    line: u64,
    offset: u64,
    /// A line whose end is not in its first block, or that is long: its last part so far.
    part: Vec<u8>,
    long: Option<Long>,
    /// The last lines, for the next hit.
    before: VecDeque<String>,
    /// Hits that lack lines after them.
    pending: VecDeque<Hit>,
    ready: VecDeque<Hit>,
}

/// The parts of a line before the last one.
#[derive(Debug)]
struct Long {
    /// The first bytes.
    head: Vec<u8>,
    /// Number of bytes before the last part.
    len: u64,
    /// The match, as it is shown.
    found: Option<Shown>,
}

impl Scanner {
    /// Returns a search for at most `hits` lines, with lines of context before and after each.
    pub fn new(pattern: Pattern, context: usize, hits: usize, bounds: Bounds) -> Self {
        Self {
            cache: pattern.cache(),
            pattern,
            context,
            bounds,
            left: hits,
            block: Bytes::new(),
            at: 0,
            whole: 0,
            line: 1,
            offset: 0,
            part: Vec::new(),
            long: None,
            before: VecDeque::new(),
            pending: VecDeque::new(),
            ready: VecDeque::new(),
        }
    }

    /// Begins the next file.
    pub fn begin(&mut self) {
        (self.line, self.offset, self.at, self.whole, self.block) = (1, 0, 0, 0, Bytes::new());
        self.part.clear();
        self.long = None;
        self.before.clear();
        self.pending.clear();
        self.ready.clear();
    }

    /// Adds the next block of the file. The hits of the block before must have been taken.
    pub fn push(&mut self, block: Bytes) {
        self.whole = memchr::memrchr(b'\n', &block).map_or(0, |newline| newline + 1);
        (self.block, self.at) = (block, 0);
    }

    /// Ends the file: a last line without a line end is a line, too.
    pub fn finish(&mut self) {
        if !self.part.is_empty() {
            self.last_part();
        }
        self.ready.append(&mut self.pending);
    }

    /// Returns the next hit in about as many bytes as a line may have. `None` if there is none: call it again as long
    /// as the block [has a rest](Self::has_rest).
    pub fn next_hit(&mut self) -> Option<Hit> {
        let (block, until) = (self.block.clone(), self.at + self.bounds.line);
        while self.ready.is_empty() && self.at < until && self.has_rest() {
            self.advance(&block);
        }
        self.ready.pop_front()
    }

    /// Returns `true` if the block is not searched to its end.
    pub fn has_rest(&self) -> bool {
        self.at < self.block.len() && !self.is_done()
    }

    /// Returns `true` if all wanted hits were returned.
    pub fn is_done(&self) -> bool {
        self.left == 0 && self.pending.is_empty() && self.ready.is_empty()
    }

    fn advance(&mut self, block: &[u8]) {
        if self.part.is_empty() && self.at < self.whole {
            let lines = &block[self.at..self.whole];
            let skipped = if self.left == 0 { lines.len() } else { self.pattern.skip(&mut self.cache, lines) };
            if skipped > 0 {
                self.pass(&lines[..skipped]);
                self.at += skipped;
                return;
            }
            let end = memchr::memchr(b'\n', lines).unwrap_or(lines.len());
            if end <= self.bounds.line {
                let line = &lines[..end];
                let found = self.find(line, true, true);
                self.end_line(line, end as u64, found);
                self.at += end + 1;
                return;
            }
        }
        self.collect(&block[self.at..]);
    }

    /// Collects a line in parts.
    fn collect(&mut self, rest: &[u8]) {
        let newline = memchr::memchr(b'\n', rest);
        let end = newline.unwrap_or(rest.len());
        let room = self.bounds.line - self.part.len();
        if room == 0 && end > 0 {
            self.next_part();
            return;
        }
        let taken = end.min(room);
        self.part.extend_from_slice(&rest[..taken]);
        self.at += taken;
        if taken == end && newline.is_some() {
            self.last_part();
            self.at += 1;
        }
    }

    /// Searches a full part of a line that goes on.
    fn next_part(&mut self) {
        let part = std::mem::take(&mut self.part);
        let is_first = self.long.is_none();
        let is_found = self.long.as_ref().is_some_and(|long| long.found.is_some());
        let found = if is_found { None } else { self.find(&part, is_first, false) };
        let head = &part[..part.len().min(self.bounds.shown + 2)];
        let long = self.long.get_or_insert_with(|| Long { head: head.to_vec(), len: 0, found: None });
        long.found = long.found.take().or(found);
        let dropped = part.len() - self.bounds.overlap.min(part.len() / 2);
        long.len += dropped as u64;
        self.part = part;
        self.part.drain(..dropped);
    }

    /// Searches the last part of a line, and ends the line.
    fn last_part(&mut self) {
        let part = std::mem::take(&mut self.part);
        match self.long.take() {
            None => {
                let found = self.find(&part, true, true);
                self.end_line(&part, part.len() as u64, found);
            }
            Some(long) => {
                let found = long.found.or_else(|| self.find(&part, false, true));
                self.end_line(&long.head, long.len + part.len() as u64, found);
            }
        }
        self.part = part;
        self.part.clear();
    }

    /// Returns the text around the first match in a line, or in a part of it.
    fn find(&mut self, part: &[u8], is_first: bool, is_last: bool) -> Option<Shown> {
        if self.left == 0 {
            return None;
        }
        let part = if is_last { without_return(part) } else { part };
        let start = if is_first { 0 } else { AROUND };
        let end = if is_last { part.len() } else { part.len().saturating_sub(AROUND) };
        let found = self.pattern.find(&mut self.cache, part, Span { start: start.min(end), end })?;
        Some(window(part, found.start, self.bounds.shown, !is_first, !is_last))
    }

    /// Ends a line of `len` bytes that begins with `head`.
    fn end_line(&mut self, head: &[u8], len: u64, found: Option<Shown>) {
        if self.context > 0 {
            let shown = cut(head, self.bounds.shown);
            self.add_after(&shown);
            self.hit(found);
            self.add_before(shown);
        } else {
            self.hit(found);
        }
        self.line += 1;
        self.offset += len + 1;
    }

    fn hit(&mut self, found: Option<Shown>) {
        let Some(Shown { text, is_cut }) = found else { return };
        self.left -= 1;
        let before = self.before.iter().cloned().collect();
        let hit = Hit { line: self.line, offset: self.offset, text, is_cut, before, after: Vec::new() };
        if self.context == 0 { self.ready.push_back(hit) } else { self.pending.push_back(hit) }
    }

    /// Passes whole lines without a match.
    fn pass(&mut self, lines: &[u8]) {
        let mut rest = lines;
        while !self.pending.is_empty() && !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            self.end_line(&rest[..end], end as u64, None);
            rest = &rest[(end + 1).min(rest.len())..];
        }
        self.line += memchr::memchr_iter(b'\n', rest).count() as u64;
        self.offset += rest.len() as u64;
        let mut ends = memchr::memrchr_iter(b'\n', rest).take(self.context + 1).collect::<Vec<_>>();
        ends.reverse();
        let first = if ends.len() > self.context { Some(ends.remove(0)) } else { None };
        let mut start = first.map_or(0, |newline| newline + 1);
        for end in ends {
            self.add_before(cut(&rest[start..end], self.bounds.shown));
            start = end + 1;
        }
    }

    fn add_before(&mut self, line: String) {
        if self.context > 0 {
            if self.before.len() == self.context {
                self.before.pop_front();
            }
            self.before.push_back(line);
        }
    }

    fn add_after(&mut self, line: &str) {
        for hit in &mut self.pending {
            hit.after.push(line.to_owned());
        }
        while self.pending.front().is_some_and(|hit| hit.after.len() == self.context) {
            self.ready.extend(self.pending.pop_front());
        }
    }
}

#[cfg(test)]
mod tests;
