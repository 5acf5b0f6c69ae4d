//! Marker objects: the zero-byte keys that say which sessions exist.

use crate::session::name::{ClusterId, Owner, OwnerKind, SessionName};

/// The folders of both marker trees, below the root.
pub const MARKER_TREES: [&str; 2] = ["metadir/", "cluster-metadata/"];

/// What a marker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The cluster.
    pub cluster: ClusterId,
    /// Who owns it, if the collector knew.
    pub owner: Option<Owner>,
    /// The session.
    pub session: SessionName,
}

/// Reads a marker's key, without the root; none for folder objects (`…/`) and for what is no marker.
pub fn parse_marker(key: &str) -> Option<Marker> {
    let parts: Vec<&str> = key.split('/').collect();
    match parts[..] {
        ["metadir", pair, session] => {
            // The first `_` ends the cluster's name; what follows is a free id, `default` in the samples.
            let (name, namespace) = pair.split_once('_')?;
            marker(namespace, name, None, session)
        }
        ["cluster-metadata", "raycluster", pair, session] => {
            let (namespace, name) = pair.split_once('_')?;
            marker(namespace, name, None, session)
        }
        ["cluster-metadata", kind, triple, session] => {
            let kind = OwnerKind::from_folder(kind)?;
            let (namespace, rest) = triple.split_once('_')?;
            let (owner, name) = rest.split_once('_')?;
            marker(namespace, name, Some(Owner { kind, name: owner.to_owned() }), session)
        }
        _ => None,
    }
}

fn marker(namespace: &str, name: &str, owner: Option<Owner>, session: &str) -> Option<Marker> {
    let in_old_tree_only = owner.is_none();
    let cluster = ClusterId { namespace: namespace.to_owned(), name: name.to_owned() };
    if cluster.namespace.is_empty() || (!in_old_tree_only && name.is_empty()) {
        return None;
    }
    Some(Marker { cluster, owner, session: SessionName::parse(session)? })
}
