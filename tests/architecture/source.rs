//! The source files of all crates, and the paths they name.

use std::fs;
use std::path::{Path, PathBuf};

/// Plain values in `storage`; they count as a module of their own.
pub(crate) const STORES: &str = "storage::config";

/// Folders of sources, each with the name of its crate in paths.
pub(crate) const CRATES: [(&str, &str); 19] = [
    ("src", "ray_history"),
    ("crates/access/src", "ray_history_access"),
    ("crates/collect/src", "ray_history_collect"),
    ("crates/controller/src", "ray_history_controller"),
    ("crates/core/src", "ray_history_core"),
    ("crates/health/src", "ray_history_health"),
    ("crates/manifest/src", "ray_history_manifest"),
    ("crates/metrics/src", "ray_history_metrics"),
    ("crates/obituary/src", "ray_history_obituary"),
    ("crates/persist/src", "ray_history_persist"),
    ("crates/portable/src", "ray_history_portable"),
    ("crates/ray-api/src", "ray_history_ray_api"),
    ("crates/retention/src", "ray_history_retention"),
    ("crates/session/src", "ray_history_session"),
    ("crates/settings/src", "ray_history_settings"),
    ("crates/storage/src", "ray_history_storage"),
    ("crates/storage-write/src", "ray_history_storage_write"),
    ("crates/store-settings/src", "ray_history_store_settings"),
    ("crates/tables/src", "ray_history_tables"),
];

/// Crates that are one module each, and its name.
const ONE_MODULE: [(&str, &str); 17] = [
    ("ray_history_access", "access"),
    ("ray_history_collect", "collect"),
    ("ray_history_controller", "controller"),
    ("ray_history_health", "health"),
    ("ray_history_manifest", "manifest"),
    ("ray_history_metrics", "metrics"),
    ("ray_history_obituary", "obituary"),
    ("ray_history_persist", "persist"),
    ("ray_history_portable", "portable"),
    ("ray_history_ray_api", "ray_api"),
    ("ray_history_retention", "retention"),
    ("ray_history_session", "session"),
    ("ray_history_settings", "settings"),
    ("ray_history_storage", "storage"),
    ("ray_history_storage_write", "storage_write"),
    ("ray_history_store_settings", "store_settings"),
    ("ray_history_tables", "tables"),
];

/// A source file.
pub(crate) struct Source {
    /// The crate, as paths name it.
    pub(crate) krate: &'static str,
    /// Below the folder of its crate.
    pub(crate) path: PathBuf,
    /// The first segment of its path, or the name of its crate if that is one module.
    pub(crate) module: String,
    pub(crate) text: String,
}

impl Source {
    /// Returns the path below the repository.
    pub(crate) fn shown(&self) -> String {
        let folder = CRATES.iter().find(|(_, krate)| *krate == self.krate).map_or("", |(folder, _)| folder);
        format!("{folder}/{}", self.path.display())
    }

    /// The text without comments, so that a mention is no import.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let without_comment = |line: &'_ str| line.find("//").map_or(line.len(), |at| at);
        self.text.lines().enumerate().map(move |(i, line)| (i + 1, &line[..without_comment(line)]))
    }

    /// The lines before the file's own tests.
    pub(crate) fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.production_lines();
        self.code().take_while(move |(line, _)| *line <= end)
    }

    pub(crate) fn is_test(&self) -> bool {
        self.path.iter().any(|part| part == "tests" || part == "tests.rs" || part == "test_events.rs")
    }

    /// Paths that begin with `crate`, `super` or a crate of ours, in `use` items and in the code between them, each with
    /// its line; those of a list in braces one by one.
    pub(crate) fn paths(&self) -> Vec<(usize, String)> {
        let code = self.code().map(|(_, line)| line.trim()).collect::<Vec<_>>().join("\n");
        let mut found = Vec::new();
        let crates = CRATES.map(|(_, krate)| format!("{krate}::"));
        for root in ["crate::", "super::"].into_iter().chain(crates.iter().map(String::as_str)) {
            for (at, _) in code.match_indices(root) {
                // The rest of `super::super::` is part of the path that began before.
                let within = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
                if code[..at].ends_with(within) {
                    continue;
                }
                let mut depth = 0;
                let end = code[at..].find(|c: char| {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    // In braces there may be spaces and commas.
                    depth < 0 || (depth == 0 && !(within(c) || c == '{' || c == '}'))
                });
                let line = code[..at].lines().count() + usize::from(code[..at].ends_with('\n') || at == 0);
                let path = &code[at..end.map_or(code.len(), |end| at + end)];
                found.extend(expand(path).into_iter().map(|path| (line, path)));
            }
        }
        found
    }

    /// The modules of ours that this file names from the root, each with its line.
    pub(crate) fn imports(&self) -> Vec<(usize, String)> {
        let module = |path: &str| {
            let (root, below) = path.split_once("::")?;
            let krate = if root == "crate" { self.krate } else { root };
            let first = below.split("::").next().unwrap_or_default();
            Some(match krate {
                "ray_history_storage" if first == "config" => STORES.to_owned(),
                "ray_history" | "ray_history_core" => first.to_owned(),
                _ => one_module(krate)?.to_owned(),
            })
        };
        self.paths().into_iter().filter_map(|(line, path)| Some((line, module(&path)?))).collect()
    }

    /// How many lines stand before the file's own tests.
    pub(crate) fn production_lines(&self) -> usize {
        self.text.find("#[cfg(test)]\nmod ").map_or(usize::MAX, |at| self.text[..at].lines().count())
    }
}

/// Returns the module that a whole crate is.
fn one_module(krate: &str) -> Option<&'static str> {
    ONE_MODULE.iter().find(|(known, _)| *known == krate).map(|(_, module)| *module)
}

/// `a::{b, c::d}` means `a::b` and `a::c::d`.
pub(crate) fn expand(path: &str) -> Vec<String> {
    let Some((before, list)) = path.split_once('{') else { return vec![path.to_owned()] };
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                // Behind the last comma there is nothing.
                let item = Some(list[start..at].trim()).filter(|item| !item.is_empty());
                found.extend(item.into_iter().flat_map(expand).map(|path| format!("{before}{path}")));
                start = at + 1;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// Returns all source files.
pub(crate) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for (folder, krate) in CRATES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let below = path.strip_prefix(&root).unwrap();
                    let first = below.iter().next().unwrap().to_string_lossy();
                    let module = one_module(krate).unwrap_or_else(|| first.trim_end_matches(".rs")).to_owned();
                    let text = fs::read_to_string(&path).unwrap();
                    found.push(Source { krate, path: below.to_owned(), module, text });
                }
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found");
    found.sort_by(|a, b| (a.krate, &a.path).cmp(&(b.krate, &b.path)));
    found
}
