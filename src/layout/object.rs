//! Objects below one session's prefix: event files, logs, endpoint bodies.

use super::event_file::EventFile;

/// Which grammar the keys of a data prefix follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tree {
    /// Kind first, node second (v1.6, mid-2026).
    Flat,
    /// Node first, kind second (v1.7).
    History,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKind<'a> {
    /// An event file; its job is only in the payload for sure, because the name of a job's folder can be mangled.
    Events(EventFile<'a>),
    /// A log file of a node, at a path relative to the session's `logs/` folder.
    Log {
        /// The node as it is spelled in the bucket: hex.
        node: &'a str,
        /// Relative path.
        path: &'a str,
    },
    /// The stored answer of the live dashboard to this URL, without its leading `/`.
    Endpoint {
        /// Such as `api/v0/cluster_metadata`.
        url: String,
    },
}

/// Reads a key relative to its session's prefix; none for folder objects and for what belongs to no grammar.
pub fn parse_object(tree: Tree, key: &str) -> Option<ObjectKind<'_>> {
    if key.ends_with('/') {
        return None;
    }
    if let Some(name) = key.strip_prefix("fetched_endpoints/") {
        return Some(ObjectKind::Endpoint { url: endpoint_url(name)? });
    }
    match tree {
        Tree::Flat => {
            let (kind, rest) = key.split_once('/')?;
            match kind {
                "logs" => log(rest.split_once('/')?),
                // Job folders may be nested: base64 has slashes.
                "node_events" | "job_events" => event(rest),
                _ => None,
            }
        }
        Tree::History => {
            let (node, rest) = key.split_once('/')?;
            let (kind, rest) = rest.split_once('/')?;
            match kind {
                "logs" => log((node, rest)),
                "node_events" | "job_events" => event(rest),
                _ => None,
            }
        }
    }
}

/// A node folder may end in a stray newline: v1.6 collectors took the id from a `grep`.
fn log<'a>((node, path): (&'a str, &'a str)) -> Option<ObjectKind<'a>> {
    let node = node.trim();
    (!node.is_empty() && !path.is_empty()).then_some(ObjectKind::Log { node, path })
}

/// Event files are told by their folder and by the hour in their name.
fn event(path: &str) -> Option<ObjectKind<'_>> {
    EventFile::parse(path.rsplit('/').next()?).map(ObjectKind::Events)
}

/// `restful__api__v0__x` stands for `api/v0/x`; the query is kept as it was.
fn endpoint_url(name: &str) -> Option<String> {
    Some(name.strip_prefix("restful__")?.replace("__", "/"))
}
