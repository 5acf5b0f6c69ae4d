//! The files below `src/`, and what they name.

use std::fs;
use std::path::{Path, PathBuf};

/// Plain values that lie in `storage`; they count as a module of their own.
pub(crate) const STORES: &str = "storage::config";

/// A file below `src/`.
pub(crate) struct Source {
    /// Below `src/`.
    pub(crate) path: PathBuf,
    /// The first segment of its path.
    pub(crate) module: String,
    pub(crate) text: String,
}

impl Source {
    /// The text without comments, so that a mention is no import.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let without_comment = |line: &'_ str| line.find("//").map_or(line.len(), |at| at);
        self.text.lines().enumerate().map(move |(i, line)| (i + 1, &line[..without_comment(line)]))
    }

    /// The lines before the file's own tests.
    pub(crate) fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]\nmod ").map_or(usize::MAX, |at| self.text[..at].lines().count());
        self.code().take_while(move |(line, _)| *line <= end)
    }

    pub(crate) fn is_test(&self) -> bool {
        self.path.iter().any(|part| part == "tests" || part == "tests.rs" || part == "test_events.rs")
    }

    /// Names of our own modules that this file refers to, each with its line.
    pub(crate) fn imports(&self) -> Vec<(usize, String)> {
        let code: Vec<(usize, &str)> = self.code().collect();
        let mut found = Vec::new();
        for (at, (line, text)) in code.iter().enumerate() {
            for root in ["crate::", "ray_history::"] {
                for (start, _) in text.match_indices(root) {
                    // A list in braces may go on over the next lines.
                    let mut path = text[start + root.len()..].to_owned();
                    let rest = code[at + 1..].iter().map(|(_, text)| *text);
                    path.extend(rest.take(if path.starts_with('{') { 20 } else { 0 }));
                    found.extend(first_names(&path).into_iter().map(|name| (*line, name)));
                }
            }
        }
        found
    }
}

/// The first name of a path: one, or several where it opens with a brace.
pub(crate) fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| {
        let word = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let is = |shared: &str| text.strip_prefix(shared).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        if is(STORES) { STORES.to_owned() } else { word }
    };
    let Some(list) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let (mut depth, mut names, mut start) = (0, Vec::new(), true);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && !c.is_whitespace() => {
                names.push(name(&list[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

/// All of them.
pub(crate) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(&root).unwrap();
                let first = below.iter().next().unwrap().to_string_lossy();
                let module = first.trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source { path: below.to_owned(), module, text });
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found below {}", root.display());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}
