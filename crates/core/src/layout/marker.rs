//! Marker objects: zero-byte keys, one for each session that exists.

use crate::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};

/// The folders of both marker trees, below the root.
pub const MARKER_TREES: [&str; 2] = ["metadir/", "cluster-metadata/"];

/// The contents of a marker's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The session and its cluster.
    pub key: SessionKey,
    /// The owner of the cluster, if the collector knew it.
    pub owner: Option<Owner>,
    /// `false` if the namespace may be an arbitrary id: v1.6 wrote one in its place, `default` for clusters of any
    /// namespace.
    pub namespace_known: bool,
}

/// Parses a marker's key, without the root; `None` for folder objects (`…/`) and other keys.
pub fn parse_marker(key: &str) -> Option<Marker> {
    let mut parts = key.split('/');
    let (tree, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    let (cluster, owner, session) = match (tree, parts.next()) {
        ("metadir", None) => (flat_cluster(second)?, None, third),
        ("cluster-metadata", Some(session)) => {
            // Kubernetes names have no `_`, so the number of pieces is fixed.
            let (cluster, owner) = match (second, pieces(third)?) {
                ("raycluster", [namespace, name, ""]) => (cluster(namespace, name), None),
                (_, [_, _, ""]) => return None,
                (kind, [namespace, owner, name]) => {
                    let kind = OwnerKind::from_folder(kind)?;
                    (cluster(namespace, name), Some(Owner { kind, name: owner.to_owned() }))
                }
            };
            (cluster, owner, session)
        }
        _ => return None,
    };
    if parts.next().is_some() {
        return None;
    }
    let key = SessionKey { cluster, session: SessionName::parse(session)? };
    Some(Marker { key, owner, namespace_known: tree != "metadir" })
}

/// Parses `{cluster}_{id}`, a cluster's folder under `metadir/` and in the flat data tree. The first `_` ends the
/// cluster's name, which may be empty; the arbitrary id after it may contain more of them.
pub fn flat_cluster(folder: &str) -> Option<ClusterId> {
    let (name, namespace) = folder.split_once('_')?;
    (!namespace.is_empty()).then(|| cluster(namespace, name))
}

/// Splits text at `_` into two or three non-empty pieces; a missing third one is empty.
fn pieces(text: &str) -> Option<[&str; 3]> {
    let mut pieces = text.split('_');
    let (first, second, third) = (pieces.next()?, pieces.next()?, pieces.next());
    let whole = !first.is_empty() && !second.is_empty() && third != Some("") && pieces.next().is_none();
    whole.then_some([first, second, third.unwrap_or_default()])
}

fn cluster(namespace: &str, name: &str) -> ClusterId {
    ClusterId { namespace: namespace.to_owned(), name: name.to_owned() }
}
