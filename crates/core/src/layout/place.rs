//! The session that a key below a root belongs to, and where else its objects may be.

use super::marker::flat_cluster;
use super::object::Tree;
use super::{HISTORY, Root};
use crate::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};

/// The place of an object in a data tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPlace<'a> {
    /// The session.
    pub key: SessionKey,
    /// The owner that its folder names.
    pub owner: Option<Owner>,
    /// The tree.
    pub tree: Tree,
    /// The key below the session's folder; empty for the object of that folder itself.
    pub rest: &'a str,
}

/// Parses the key of an object below a session's folder, without the root; `None` for every other key.
pub fn parse_place(key: &str) -> Option<ObjectPlace<'_>> {
    let place = |cluster, owner, tree, below: &'_ str| {
        let (session, rest) = below.split_once('/')?;
        let key = SessionKey { cluster, session: SessionName::parse(session)? };
        Some((key, owner, tree, rest.len()))
    };
    let (session, owner, tree, rest) = match key.strip_prefix(HISTORY) {
        None => {
            let (cluster, below) = key.split_once('/')?;
            place(flat_cluster(cluster)?, None, Tree::Flat, below)?
        }
        Some(below) => {
            let (kind, below) = below.split_once('/')?;
            let (namespace, mut below) = name(below)?;
            let mut owner = None;
            if kind != "raycluster" {
                let (owner_name, after) = name(below)?;
                owner = Some(Owner { kind: OwnerKind::from_folder(kind)?, name: owner_name.to_owned() });
                below = after;
            }
            let (cluster, below) = name(below)?;
            let cluster = ClusterId { namespace: namespace.to_owned(), name: cluster.to_owned() };
            place(cluster, owner, Tree::History, below)?
        }
    };
    let rest = key.get(key.len() - rest..)?;
    Some(ObjectPlace { key: session, owner, tree, rest })
}

/// Takes the first folder off a path.
fn name(path: &str) -> Option<(&str, &str)> {
    path.split_once('/').filter(|(name, _)| !name.is_empty())
}

/// Returns the keys that the markers of a session may have, without an owner and below each of `owners`.
pub fn marker_keys(root: &Root, cluster: &ClusterId, session: &SessionName, owners: &[Owner]) -> Vec<String> {
    let ClusterId { namespace, name } = cluster;
    let mut found = Vec::new();
    for root in root.spellings() {
        found.push(format!("{root}metadir/{name}_{namespace}/{session}"));
        found.push(format!("{root}cluster-metadata/raycluster/{namespace}_{name}/{session}"));
        for owner in owners {
            let kind = owner.kind.folder();
            found.push(format!("{root}cluster-metadata/{kind}/{namespace}_{}_{name}/{session}", owner.name));
        }
    }
    found
}

/// Returns `true` if a cluster may have been created for the owner of this name: Ray's operator begins the names of
/// clusters with it.
pub fn may_own(owner: &str, cluster: &ClusterId) -> bool {
    !owner.is_empty() && cluster.name.starts_with(owner)
}

#[cfg(test)]
mod tests {
    use super::super::{SessionKeys, data_prefixes, parse_marker};
    use super::*;

    const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";

    fn cluster(namespace: &str, name: &str) -> ClusterId {
        ClusterId { namespace: namespace.into(), name: name.into() }
    }

    #[test]
    fn every_prefix_of_a_session_leads_back_to_it() {
        let session = SessionName::parse(SESSION).unwrap();
        let owners = OwnerKind::ALL.map(|kind| Owner { kind, name: "nightly".into() });
        let key = SessionKey { cluster: cluster("ml", "train"), session };
        for (root, spelled) in [("", ""), ("log", "log/"), ("/log", "log/"), ("/log", "/log/")] {
            let prefixes = data_prefixes(&Root::new(root), &key.cluster, &key.session, &owners);
            let below: Vec<&str> = prefixes.iter().filter_map(|found| found.prefix.strip_prefix(spelled)).collect();
            assert_eq!(below.len(), 4, "{prefixes:?}");
            for prefix in below {
                for rest in ["", "logs/", "node/logs/a.out"] {
                    let stored = format!("{prefix}{rest}");
                    let place = parse_place(&stored).unwrap();
                    assert_eq!((&place.key, place.rest), (&key, rest), "{stored}");
                    assert_eq!(place.owner.is_some(), prefix.contains("nightly"));
                }
            }
            let markers = marker_keys(&Root::new(root), &key.cluster, &key.session, &owners);
            let markers: Vec<_> =
                markers.iter().filter_map(|marker| parse_marker(marker.strip_prefix(spelled)?)).collect();
            assert_eq!(markers.len(), 4);
            assert!(markers.iter().all(|marker| marker.key == key), "{markers:?}");
        }
        let keys = SessionKeys::new("", &key.cluster, Some(&owners[0]), &key.session);
        let markers = marker_keys(&Root::new(""), &key.cluster, &key.session, &owners);
        assert!(markers.contains(&keys.marker().to_owned()));
    }

    #[test]
    fn other_keys_have_no_place() {
        for odd in [
            SESSION.to_owned(),
            format!("train_ml/{SESSION}"),
            format!("train_ml/{SESSION}x"),
            format!("train/{SESSION}/logs/a"),
            "train_ml/session_latest/logs/a".to_owned(),
            format!("cluster-history/raycluster/ml/{SESSION}/logs/a"),
            format!("cluster-history/raycluster//train/{SESSION}/a"),
            format!("cluster-history/raycluster/ml//{SESSION}/a"),
            format!("cluster-history/rayjob/ml/train/{SESSION}/a"),
            format!("cluster-history/pod/ml/owner/train/{SESSION}/a"),
            format!("ray-history/v1/tombstones/ml/train/{SESSION}.json"),
            format!("metadir/train_ml/{SESSION}/"),
        ] {
            assert_eq!(parse_place(&odd), None, "{odd}");
        }
    }

    #[test]
    fn an_owner_begins_the_name_of_its_cluster() {
        let cluster = cluster("ml", "train-x7k2p");
        for (owner, may) in [("train", true), ("tr", true), ("train-x7k2p", true), ("", false), ("eval", false)] {
            assert_eq!(may_own(owner, &cluster), may, "{owner}");
        }
    }
}
