//! `/api/v0/logs`: the log files of a node, in Ray's groups.
//!
//! Rules of Ray 2.60 (`log_agent.py`, `log_manager.py`): the glob is a path relative to the session's `logs` folder; a
//! `*` never matches a `/`; the default `*` shows one level; folders end in `/`; a path in a folder is shown in full
//! (`events/event_GCS.log`); a name belongs to the first group whose rule matches; an empty group is omitted.
//! Ray's order is that of the file system; here names are in natural order, so that the order is stable.
//! A bucket stores no empty folders, so those that Ray shows (`nsight/`, `old/` ...) are there only if a manifest names
//! them.

use super::request::place::{NodeRef, resolve_node};
use crate::json::JsonWriter;
use crate::{Answer, Query, RayError, pieces};
use globset::{GlobBuilder, GlobMatcher};
use ray_history_core::base::id::NodeId;
use ray_history_core::logs::group::group;
use ray_history_core::snapshot::Snapshot;
use std::collections::BTreeSet;

/// A parsed listing request.
#[derive(Clone, Debug)]
pub struct ListingRequest {
    /// The node whose files are listed.
    pub node: NodeId,
    glob: LogGlob,
}

impl ListingRequest {
    /// Parses `node_id` or `node_ip`, and `glob`.
    pub fn parse(snapshot: &Snapshot, query: &Query) -> Result<Self, RayError> {
        let given = |key: &str| query.get(key).filter(|value| !value.is_empty());
        let node = match (given("node_id"), given("node_ip")) {
            (Some(id), _) => NodeRef::Id(id.to_owned()),
            (None, Some(ip)) => NodeRef::Ip(ip.to_owned()),
            (None, None) => {
                let text = "Both node id and node ip are not provided. Please provide at least one of them.";
                return Err(RayError::BadQuery(text.to_owned()));
            }
        };
        let glob = LogGlob::parse(query.get("glob").unwrap_or("*"))?;
        Ok(Self { node: resolve_node(snapshot, &node)?, glob })
    }

    /// Returns the answer for the node's files, given as paths relative to its `logs` folder. A path that ends in `/`
    /// is a folder.
    pub fn answer(&self, files: &[impl AsRef<str>]) -> Answer {
        listing(files, &self.glob)
    }
}

/// A validated glob.
#[derive(Clone, Debug)]
pub struct LogGlob {
    /// A path must match one of them: `a/**` matches `a` and every folder below.
    matchers: Vec<GlobMatcher>,
    /// `true` if the pattern ends in `/` or `**`, which match only folders.
    folders_only: bool,
}

impl LogGlob {
    /// Parses a glob, which must be relative and without `..`.
    pub fn parse(text: &str) -> Result<Self, RayError> {
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if text.starts_with('/') || parts.contains(&"..") {
            return Err(RayError::BadQuery(format!(
                "Invalid glob filter: {text}. It must be a relative path and cannot contain '..'."
            )));
        }
        let invalid = || RayError::BadQuery(format!("Invalid glob filter: {text}."));
        if parts.is_empty() || parts.iter().any(|part| part.contains("**") && *part != "**") {
            return Err(invalid());
        }
        let build = |pattern: &str| GlobBuilder::new(pattern).literal_separator(true).backslash_escape(false).build();
        let matcher = |parts: &[&str]| {
            let pattern = escape_braces(&parts.join("/"));
            // An unclosed bracket is literal.
            let glob = build(&pattern).or_else(|_| build(&pattern.replace('[', "[[]"))).map_err(|_| invalid())?;
            Ok(glob.compile_matcher())
        };
        let mut matchers = vec![matcher(&parts)?];
        let below = parts.strip_suffix(&["**"]);
        if let Some(folder) = below.filter(|folder| !folder.is_empty()) {
            matchers.push(matcher(folder)?);
        }
        Ok(Self { matchers, folders_only: text.ends_with('/') || below.is_some() })
    }

    /// Returns `true` if a path without a trailing `/` matches.
    fn matches(&self, path: &str, is_folder: bool) -> bool {
        (is_folder || !self.folders_only) && self.matchers.iter().any(|matcher| matcher.is_match(path))
    }
}

/// Escapes braces, because Python's globs have no `{a,b}`.
fn escape_braces(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        match c {
            '{' => out.push_str("[{]"),
            '}' => out.push_str("[}]"),
            c => out.push(c),
        }
    }
    out
}

fn listing(files: &[impl AsRef<str>], glob: &LogGlob) -> Answer {
    let mut names: Vec<String> = Vec::new();
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    for file in files {
        let file = file.as_ref();
        let above = file.match_indices('/').map(|(at, _)| &file[..at]);
        folders.extend(above.filter(|folder| !folder.is_empty()));
        // The slash at the end of a folder is one of those above.
        if !file.ends_with('/') && glob.matches(file, false) {
            names.push(file.to_owned());
        }
    }
    names.extend(folders.into_iter().filter(|folder| glob.matches(folder, true)).map(|folder| format!("{folder}/")));
    alphanumeric_sort::sort_str_slice(&mut names);
    // Groups are in the order of their first names; names keep their order within a group.
    let mut groups: Vec<&str> = Vec::new();
    for name in &names {
        let group = group(name);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    names.sort_by_key(|name| groups.iter().position(|known| *known == group(name)));

    let mut head = pieces::writer(names.len());
    head.begin_object();
    head.key("result");
    head.bool(true);
    head.key("msg");
    head.string("");
    head.key("data");
    head.begin_object();
    head.key("result");
    head.begin_object();
    let (none, mut open) = (names.is_empty(), "");
    let row = move |name: String, w: &mut JsonWriter| {
        let group = group(&name);
        if group != open {
            if !open.is_empty() {
                w.end_array();
            }
            w.key(group);
            w.begin_array();
            open = group;
        }
        w.string(&name);
    };
    pieces::answer(head, names, row, move |w| {
        if !none {
            w.end_array();
        }
        for _ in 0..3 {
            w.end_object();
        }
    })
}

#[cfg(test)]
mod tests;
