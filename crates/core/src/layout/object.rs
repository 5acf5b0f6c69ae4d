//! Objects below one session's prefix: event files, logs, endpoint bodies, and those of our own collector.

use super::event_file::EventFile;
use super::keys::OWN_FOLDER;
use super::own::OwnObject;

/// The grammar of the keys of a data prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tree {
    /// Kind first, node second (v1.6, mid-2026).
    Flat,
    /// Node first, kind second (v1.7).
    History,
}

/// The kind of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKind<'a> {
    /// An event file. Only its payload reliably contains the job, because the name of a job's folder can be mangled.
    Events(EventFile<'a>),
    /// A log file of a node, at a path relative to the session's `logs/` folder.
    Log {
        /// The node id as spelled in the bucket: hex.
        node: &'a str,
        /// Relative path.
        path: &'a str,
    },
    /// The live dashboard's stored response to this URL, without its leading `/`.
    Endpoint {
        /// Such as `api/v0/cluster_metadata`.
        url: String,
    },
    /// An object that only this project writes.
    Own(OwnObject<'a>),
}

/// Parses a key relative to its session's prefix; `None` for folder objects and for keys of no grammar.
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
                // Job folders may be nested: base64 contains slashes.
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
                OWN_FOLDER => OwnObject::parse(node, rest).map(ObjectKind::Own),
                _ => None,
            }
        }
    }
}

/// Returns a log of a node. Its folder may end in a stray newline: v1.6 collectors took the id from a `grep`.
fn log<'a>((node, path): (&'a str, &'a str)) -> Option<ObjectKind<'a>> {
    let node = node.trim();
    (!node.is_empty() && !path.is_empty()).then_some(ObjectKind::Log { node, path })
}

/// Returns an event file, recognized by its folder and the hour in its name.
fn event(path: &str) -> Option<ObjectKind<'_>> {
    EventFile::parse(path.rsplit('/').next()?).map(ObjectKind::Events)
}

/// Returns the URL of `restful__api__v0__x`: `api/v0/x`. The query is unchanged.
fn endpoint_url(name: &str) -> Option<String> {
    Some(name.strip_prefix("restful__")?.replace("__", "/"))
}
