//! Names that log files and folders had at the end, as manifests tell them.
//!
//! A file keeps the name that it is stored under, by which facts and attempts find it. Under its last name it is listed,
//! and found, as on the live node: `raylet.out.1` for a file that was rotated, `old/…` for one that was moved.

use super::manifests::Manifests;
use ray_history_manifest::Logs;
use std::collections::{BTreeMap, BTreeSet};

/// Longest name that is taken over from a manifest, which is untrusted.
const LONGEST: usize = 1_024;

/// The last names of log files, and the folders, by node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogNames(BTreeMap<String, OfNode>);

/// The last names of one node's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OfNode {
    /// Last names by stored names.
    last: BTreeMap<String, String>,
    /// Stored names by last names.
    stored: BTreeMap<String, String>,
    /// Folders, each with its final `/`.
    folders: BTreeSet<String>,
}

impl LogNames {
    /// Returns the names in manifests.
    pub(crate) fn of(manifests: &Manifests) -> Self {
        let mut names = Self::default();
        for found in &manifests.found {
            if let Ok(manifest) = &found.manifest {
                names.add(&found.node, &manifest.logs);
            }
        }
        names
    }

    fn add(&mut self, node: &str, logs: &Logs) {
        let of_node = self.0.entry(node.to_owned()).or_default();
        for (stored, last) in logs.ended.iter().filter(|(stored, last)| is_path(stored) && is_path(last)) {
            of_node.last.insert(stored.clone(), last.clone());
            of_node.stored.insert(last.clone(), stored.clone());
        }
        let folders = logs.folders.iter().filter(|folder| folder.strip_suffix('/').is_some_and(is_path));
        of_node.folders.extend(folders.cloned());
    }

    /// Returns the last name of a stored file, if that is another one.
    pub(super) fn last(&self, node: &str, stored: &str) -> Option<&str> {
        self.0.get(node)?.last.get(stored).map(String::as_str)
    }

    /// Returns the name under which a file is stored, by its last name.
    pub(super) fn stored(&self, node: &str, last: &str) -> Option<&str> {
        self.0.get(node)?.stored.get(last).map(String::as_str)
    }

    /// Returns the folders of a node, each with its final `/`.
    pub(super) fn folders(&self, node: &str) -> impl Iterator<Item = &str> {
        self.0.get(node).into_iter().flat_map(|of_node| &of_node.folders).map(String::as_str)
    }

    /// Returns the approximate memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        const ENTRY: usize = 2 * size_of::<String>() + 16;
        let of_node = |names: &OfNode| {
            let pairs = names.last.iter().map(|(stored, last)| 2 * (ENTRY + stored.len() + last.len()));
            pairs.chain(names.folders.iter().map(|folder| ENTRY + folder.len())).sum::<usize>()
        };
        self.0.values().map(of_node).sum()
    }
}

/// Returns `true` for a path below a folder.
fn is_path(text: impl AsRef<str>) -> bool {
    let text = text.as_ref();
    text.len() <= LONGEST && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_paths_are_left_out() {
        let pairs = [("a.rotated.1-2.out", "a.out.1"), ("b", "../b"), ("/c", "c.1"), ("d", ""), ("e", "e//f")];
        let logs = Logs {
            ended: pairs.map(|(stored, last)| (stored.to_owned(), last.to_owned())).into(),
            folders: ["old/", "no-folder", "../", "/", "a/../b/", "x/y/"].map(str::to_owned).into(),
            ..Logs::default()
        };
        let mut names = LogNames::default();
        names.add("n", &logs);
        assert_eq!(
            (names.last("n", "a.rotated.1-2.out"), names.stored("n", "a.out.1")),
            (Some("a.out.1"), Some("a.rotated.1-2.out"))
        );
        assert!(["b", "/c", "d", "e"].iter().all(|stored| names.last("n", stored).is_none()));
        assert_eq!(names.folders("n").collect::<Vec<_>>(), ["old/", "x/y/"]);
        assert_eq!((names.folders("m").count(), names.weight() > 0), (0, true));
    }
}
