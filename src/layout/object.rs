//! Objects below one session's prefix: event files, logs, endpoint bodies.

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
    /// An event file; its node and job are only in the payload for sure.
    Events,
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

fn log<'a>((node, path): (&'a str, &'a str)) -> Option<ObjectKind<'a>> {
    (!node.is_empty() && !path.is_empty()).then_some(ObjectKind::Log { node, path })
}

/// Event files are told by their folder and by the hour in their name; gzip and format by their content.
fn event<'a>(path: &str) -> Option<ObjectKind<'a>> {
    is_event_file(path.rsplit('/').next()?).then_some(ObjectKind::Events)
}

/// `{node}-{YYYY-MM-DD-HH}[-{nanos}][.jsonl][.gz]`: one grammar covers all collectors.
fn is_event_file(name: &str) -> bool {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let name = name.strip_suffix(".jsonl").unwrap_or(name);
    let digits = |part: &str, len: usize| part.len() == len && part.bytes().all(|c| c.is_ascii_digit());
    let mut parts: Vec<&str> = name.rsplitn(6, '-').collect();
    let is_hour = |parts: &[&str]| {
        parts.len() >= 5 && digits(parts[0], 2) && digits(parts[1], 2) && digits(parts[2], 2) && digits(parts[3], 4)
    };
    if is_hour(&parts) {
        return true;
    }
    // With a counter behind the hour.
    let counter = parts.remove(0);
    !counter.is_empty() && counter.bytes().all(|c| c.is_ascii_digit()) && is_hour(&parts)
}

/// `restful__api__v0__x` stands for `api/v0/x`; the query is kept as it was.
fn endpoint_url(name: &str) -> Option<String> {
    Some(name.strip_prefix("restful__")?.replace("__", "/"))
}
