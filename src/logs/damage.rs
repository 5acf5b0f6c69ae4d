//! What could not be understood in log files: how many lines of which file, and where the first one is.
//!
//! A damaged line never stops the rest of its file. The numbers end in the completeness report.

use std::collections::BTreeMap;

/// Lines of one file that could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// How many.
    pub lines: u64,
    /// The number of the first one, from 1.
    pub first: u64,
}

/// Damaged lines per (node, path).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Damage {
    files: BTreeMap<(Box<str>, Box<str>), Damaged>,
}

impl Damage {
    /// Counts one reading of a file; reading the same bytes again changes nothing.
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

    /// Takes over what another reader counted.
    pub fn merge(&mut self, other: Self) {
        for ((node, path), damaged) in other.files {
            self.add(&node, &path, damaged);
        }
    }

    /// Node, path and count of every damaged file, in order.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str, Damaged)> {
        self.files.iter().map(|((node, path), damaged)| (&**node, &**path, *damaged))
    }

    /// Memory held, in bytes.
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
    /// The lines of a file that hold something, as text (bytes that are not UTF-8 replaced), counted.
    pub fn lines(bytes: &[u8]) -> impl Iterator<Item = (u64, std::borrow::Cow<'_, str>)> {
        bytes
            .split(|&b| b == b'\n')
            .zip(1..)
            .filter(|(line, _)| !line.trim_ascii().is_empty())
            .map(|(line, at)| (at, String::from_utf8_lossy(line)))
    }

    /// Notes that a line could not be parsed.
    pub fn bad(&mut self, line: u64) {
        self.line = line;
        self.lines += 1;
        if self.first == 0 || line < self.first {
            self.first = line;
        }
    }

    /// The result.
    pub fn damaged(&self) -> Damaged {
        Damaged { lines: self.lines, first: self.first }
    }
}
