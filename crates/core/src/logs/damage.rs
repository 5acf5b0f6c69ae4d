//! Counts of damaged lines in log files: their number and the first one, per file.
//!
//! A damaged line does not affect the rest of its file. The completeness report contains these numbers.

use std::collections::BTreeMap;

/// Lines of one file that could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The number of lines.
    pub lines: u64,
    /// The line number of the first one, from 1.
    pub first: u64,
}

/// The damaged lines of each file, by node and path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Damage {
    files: BTreeMap<(Box<str>, Box<str>), Damaged>,
}

impl Damage {
    /// Adds the counts of one reading of a file; adding the same reading again changes nothing.
    pub fn add(&mut self, node: &str, path: &str, damaged: Damaged) {
        if damaged.lines == 0 {
            return;
        }
        self.files
            .entry((node.into(), path.into()))
            .and_modify(|known| {
                known.lines = known.lines.max(damaged.lines);
                known.first = known.first.min(damaged.first);
            })
            .or_insert(damaged);
    }

    /// Merges the counts of another reader.
    pub fn merge(&mut self, other: Self) {
        for ((node, path), damaged) in other.files {
            self.add(&node, &path, damaged);
        }
    }

    /// Returns the node, path and counts of every damaged file, in order.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str, Damaged)> {
        self.files.iter().map(|((node, path), damaged)| (&**node, &**path, *damaged))
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.files.keys().map(|(node, path)| node.len() + path.len() + 64).sum()
    }
}

/// Counts the damaged lines of one file while it is read.
#[derive(Debug, Default)]
pub struct LineCheck {
    line: u64,
    lines: u64,
    first: u64,
}

impl LineCheck {
    /// Returns the lines of a file that are not blank, with their numbers from 1; invalid UTF-8 is replaced.
    pub fn lines(bytes: &[u8]) -> impl Iterator<Item = (u64, std::borrow::Cow<'_, str>)> {
        bytes
            .split(|&b| b == b'\n')
            .zip(1..)
            .filter(|(line, _)| !line.trim_ascii().is_empty())
            .map(|(line, at)| (at, String::from_utf8_lossy(line)))
    }

    /// Counts a line that could not be parsed.
    pub fn count_damaged(&mut self, line: u64) {
        self.line = line;
        self.lines += 1;
        if self.first == 0 || line < self.first {
            self.first = line;
        }
    }

    /// Returns the counts.
    pub fn damaged(&self) -> Damaged {
        Damaged { lines: self.lines, first: self.first }
    }
}
