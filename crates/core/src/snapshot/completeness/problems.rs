//! Problem counts with a bounded number of examples.
//!
//! The examples are the first by (file, position), not the first found, so they are equal for any order of files.

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

/// Maximum number of examples of each kind.
const EXAMPLES: usize = 20;

/// Place of a problem in the input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Storage key of the file.
    pub file: String,
    /// Line of the file, or item of its JSON array, counted from 1; zero for the whole file.
    pub position: u64,
    /// Description of the problem.
    pub problem: String,
}

/// Problems of one kind: their number, and examples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Problems {
    /// Number of problems.
    pub count: u64,
    /// First problems by file and position.
    pub examples: BTreeSet<Place>,
    /// Order-independent hash of the names of all files with problems, equal on every replica. It detects an equal
    /// number of problems in other files.
    #[serde(skip)]
    pub files: u64,
}

impl Problems {
    /// Counts one more problem.
    pub fn add(&mut self, file: &str, position: u64, problem: impl Into<String>) {
        self.count += 1;
        let mut hasher = SipHasher13::new_with_keys(0, 0);
        file.hash(&mut hasher);
        self.files = self.files.wrapping_add(hasher.finish());
        let is_first = |last: &Place| (file, position) <= (&last.file, last.position);
        if self.examples.len() < EXAMPLES || self.examples.last().is_some_and(is_first) {
            self.examples.insert(Place { file: file.to_owned(), position, problem: problem.into() });
            self.truncate();
        }
    }

    /// Returns `count` problems, with the examples that `others` does not have.
    #[must_use]
    pub fn beyond(&self, others: &Self, count: u64) -> Self {
        Self { count, examples: self.examples.difference(&others.examples).cloned().collect(), files: self.files }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.files = self.files.wrapping_add(other.files);
        self.examples.extend(other.examples);
        self.truncate();
    }

    fn truncate(&mut self) {
        while self.examples.len() > EXAMPLES {
            self.examples.pop_last();
        }
    }
}
