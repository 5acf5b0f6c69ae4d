//! The bytes of an attempt in a log that may have been rotated since.
//!
//! Offsets are those of the file that was current at the time. Each rotation starts a new file at zero; an attempt
//! that prints across a rotation has an end before its start. Before each attempt its worker prints a token, so the
//! text before the attempt's first byte identifies the file.

use std::ops::Range;

/// The byte range of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptBytes {
    /// First byte.
    pub start: u64,
    /// Byte after the last, or `None` for the end of the file. An end before `start` is in the next file.
    pub end: Option<u64>,
    /// The token that the worker printed directly before `start`.
    pub token: String,
}

/// A byte range in one of the stored files of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Index of the file, zero for the newest.
    pub file: usize,
    /// The byte range.
    pub bytes: Range<u64>,
}

impl AttemptBytes {
    /// Returns the files that may contain the first byte, newest first, given the sizes of all files.
    pub fn candidates(&self, sizes: &[u64]) -> Vec<usize> {
        let holds = |file: usize| {
            let size = sizes.get(file).copied().unwrap_or(0);
            match self.end {
                Some(end) if end >= self.start => end <= size,
                Some(end) => {
                    let newer = file.checked_sub(1).and_then(|newer| sizes.get(newer));
                    self.start <= size && newer.is_some_and(|&newer| end <= newer)
                }
                None => self.start <= size,
            }
        };
        (0..sizes.len()).filter(|&file| holds(file)).collect()
    }

    /// Returns `true` if a file of this size ends where the attempt began: it ended before it printed anything.
    pub fn printed_nothing(&self, size: u64) -> bool {
        self.end.is_none() && size < self.start && self.start - size <= self.token.len() as u64
    }

    /// Returns the parts to read, oldest first, given the file that contains the first byte.
    pub fn parts(&self, file: usize, sizes: &[u64]) -> Vec<Part> {
        let size = sizes.get(file).copied().unwrap_or(0);
        let part = |file, bytes| Part { file, bytes };
        match (self.end, file.checked_sub(1)) {
            (Some(end), _) if end >= self.start => vec![part(file, self.start..end)],
            (Some(end), Some(newer)) => vec![part(file, self.start..size), part(newer, 0..end)],
            _ => vec![part(file, self.start.min(size)..size)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(start: u64, end: impl Into<Option<u64>>) -> AttemptBytes {
        AttemptBytes { start, end: end.into(), token: String::new() }
    }

    #[test]
    fn candidates_are_long_enough() {
        let sizes = [4, 51, 20];
        for (range, expected) in [
            (attempt(20, 31), vec![1]),
            (attempt(0, 4), vec![0, 1, 2]),
            (attempt(3, None), vec![0, 1, 2]),
            (attempt(18, 3), vec![1, 2]),
            (attempt(18, 30), vec![1]),
            (attempt(60, 70), vec![]),
            (attempt(60, 2), vec![]),
        ] {
            assert_eq!(range.candidates(&sizes), expected, "{range:?}");
        }
        let died = AttemptBytes { start: 60, end: None, token: ":task_name:f\n".into() };
        assert_eq!([60, 59, 47, 46].map(|size| died.printed_nothing(size)), [false, true, true, false]);
        assert!(!AttemptBytes { end: Some(70), ..died }.printed_nothing(59));
    }

    #[test]
    fn reads_output_across_rotation_from_both_files() {
        let sizes = [4, 51];
        let part = |file, bytes| Part { file, bytes };
        assert_eq!(attempt(20, 31).parts(1, &sizes), [part(1, 20..31)]);
        assert_eq!(attempt(40, 3).parts(1, &sizes), [part(1, 40..51), part(0, 0..3)]);
        assert_eq!(attempt(2, None).parts(0, &sizes), [part(0, 2..4)]);
        assert_eq!(attempt(2, 1).parts(0, &sizes), [part(0, 2..4)], "no newer file: to the end");
    }
}
