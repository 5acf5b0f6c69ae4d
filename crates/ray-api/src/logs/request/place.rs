//! Validates the nodes and paths of log requests: a result is a node's id, or a path inside its `logs` folder.

use crate::RayError;
use ray_history_core::base::id::{NodeId, RayId};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Id;

/// A reference to a node in a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRef {
    /// By its id, in hex.
    Id(String),
    /// By its address.
    Ip(String),
}

/// Returns the referenced node. An id need not be in the snapshot: a node may have left logs and no events.
pub fn resolve_node(snapshot: &Snapshot, node: &NodeRef) -> Result<NodeId, RayError> {
    match node {
        NodeRef::Id(id) => NodeId::from_hex(id).ok_or_else(|| no_agent(id)),
        NodeRef::Ip(ip) => {
            // An address may have been reused: as in Ray the live node has it, else the last one.
            let nodes = snapshot.nodes.iter().filter(|node| snapshot.str(node.ip) == ip);
            let found = nodes.max_by_key(|node| (node.alive, node.start)).map(|node| node.id);
            found.ok_or_else(|| RayError::NotFound(format!("Cannot find matching node_id for a given node ip {ip}")))
        }
    }
}

/// Returns Ray's error for a node without an agent, used for one that left no logs.
pub fn no_agent(node: impl std::fmt::Display) -> RayError {
    RayError::Failed(format!("Agent for node id: {node} doesn't exist."))
}

/// Returns Ray's error for a missing file.
pub fn no_file(path: &str) -> RayError {
    RayError::Failed(format!("A file is not found at: {path}"))
}

/// Returns a path relative to the `logs` folder, or `None` if it could leave the folder.
///
/// An absolute path is as on the node and is cut after `/session_…/logs/`, because the folder above differs between
/// nodes. Without a session, `/` is the `logs` folder: Serve names its files so (`/serve/proxy_127.0.0.1.log`).
pub fn relative_path(path: &str) -> Option<String> {
    let below = if path.starts_with('/') { below_logs(path).unwrap_or(path) } else { path };
    let mut parts = Vec::new();
    for part in below.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part if part.contains(['\0', '\\']) => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn below_logs(path: &str) -> Option<&str> {
    let session = path.find("/session_")? + 1;
    let below = &path[session..];
    let end = below.find('/')?;
    below[end..].strip_prefix("/logs/")
}

/// Returns the node id of a handle.
pub(super) fn node_id(snapshot: &Snapshot, handle: Id) -> Option<NodeId> {
    snapshot.id(handle).try_into().ok().map(RayId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_the_logs_folder() {
        for (path, expected) in [
            ("raylet.out", Some("raylet.out")),
            ("./events//event_GCS.log", Some("events/event_GCS.log")),
            ("/serve/proxy_127.0.0.1.log", Some("serve/proxy_127.0.0.1.log")),
            ("/tmp/ray/session_2026-11-22_23-11-33_821800_9153/logs/worker-a-b-1.out", Some("worker-a-b-1.out")),
            ("/mnt/x/session_latest/logs/jobs/supervisor-a.log", Some("jobs/supervisor-a.log")),
            ("../gcs.out", None),
            ("events/../../secret", None),
            ("/tmp/ray/session_1/logs/../../../etc/passwd", None),
            ("a\\..\\b", None),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(relative_path(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn address_resolves_to_live_node_else_last() {
        use ray_history_core::snapshot::node::Node;
        let mut strings = ray_history_core::snapshot::intern::Interner::default();
        let ip = strings.str("10.0.0.1");
        let node = |n: u8, start, alive| Node { id: RayId([n; 28]), ip, start, alive, ..Node::default() };
        let nodes = vec![node(1, 5, true), node(2, 9, false), node(3, 1, false)];
        let mut snapshot = Snapshot { strings: strings.freeze(), nodes, ..Snapshot::default() };
        let by_ip = NodeRef::Ip("10.0.0.1".to_owned());
        assert_eq!(resolve_node(&snapshot, &by_ip), Ok(RayId([1; 28])));
        snapshot.nodes[0].alive = false;
        assert_eq!(resolve_node(&snapshot, &by_ip), Ok(RayId([2; 28])));
        let unknown = resolve_node(&snapshot, &NodeRef::Ip("10.0.0.2".to_owned()));
        assert!(matches!(unknown, Err(RayError::NotFound(_))));
        assert!(matches!(resolve_node(&snapshot, &NodeRef::Id("ff".to_owned())), Err(RayError::Failed(_))));
    }
}
