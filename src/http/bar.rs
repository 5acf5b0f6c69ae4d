//! The bar that our server adds to Ray's dashboard: one script, put into the document as it is served.
//!
//! Owns the script and the tag that loads it. Ray's files stay as they are, and must never be assumed to be of one
//! version: the tag goes before everything else in the document's head, because the script must run before Ray's.

use super::page::escape;
use super::path::session_path;
use ray_history_core::base::name::SessionKey;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

/// One function around all parts, so that nothing of ours is seen by Ray's code. `watch.js` starts it: it is last.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("bar/clock.js"),
    include_str!("bar/rest.js"),
    include_str!("bar/requests.js"),
    include_str!("bar/words.js"),
    include_str!("bar/style.js"),
    include_str!("bar/bar.js"),
    include_str!("bar/rows.js"),
    include_str!("bar/title.js"),
    include_str!("bar/watch.js"),
    "})();\n",
);

/// Changes with the script, so that browsers may keep it for ever.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    SCRIPT.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
});

/// The script.
pub(super) fn script() -> &'static str {
    SCRIPT
}

/// Ray's document with the script's tag in it. `root` leads from the document to the server's root: `../` as often as
/// it takes, or `./`.
pub(super) fn insert(document: &str, key: &SessionKey, root: &str) -> String {
    let tag = format!(
        "<script src=\"{root}sessions/bar.js?v={}\" data-root=\"{root}\" data-path=\"{}\" data-namespace=\"{}\" \
         data-cluster=\"{}\" data-session=\"{}\"></script>",
        *VERSION,
        escape(session_path(key).trim_end_matches('/')),
        escape(&key.cluster.namespace),
        escape(&key.cluster.name),
        escape(key.session.as_str()),
    );
    let (before, after) = document.split_at(place(document));
    [before, &tag, after].concat()
}

/// Behind the opening tag of the head; without one, behind that of the document, or behind its type.
fn place(document: &str) -> usize {
    let lower = document.to_ascii_lowercase();
    ["<head", "<html", "<!doctype"].iter().find_map(|tag| end_of(&lower, tag)).unwrap_or(0)
}

/// Where the first tag of this name ends; `<head` must not find `<header>`.
fn end_of(lower: &str, tag: &str) -> Option<usize> {
    lower.match_indices(tag).find_map(|(at, _)| {
        let rest = &lower[at + tag.len()..];
        let whole = rest.starts_with('>') || rest.starts_with(|c: char| c.is_ascii_whitespace());
        whole.then(|| rest.find('>').map(|end| at + tag.len() + end + 1)).flatten()
    })
}

#[cfg(test)]
mod tests;
