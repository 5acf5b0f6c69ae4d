//! The structure of the data trees: the meaning of each folder level. Pure.

use super::Namespaces;
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};
use ray_history_core::layout::{HISTORY, Root, flat_cluster};

/// Top-level folders that are not clusters of the flat tree. They contain no `_`, and the folder of a cluster always
/// does.
const FIXED: [&str; 3] = ["metadir", "cluster-metadata", "cluster-history"];

/// A folder to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Key prefix with the final `/` (a root may be empty).
    pub(super) prefix: String,
    pub(super) level: Level,
}

/// The meaning of the folders below a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// `{cluster}_{id}/` of the flat tree, and the fixed ones.
    Top,
    /// `cluster-history/{kind}/`
    Kinds,
    /// `…/{namespace}/`, of clusters with such an owner.
    Namespaces(Option<OwnerKind>),
    /// `…/{owner}/`
    Owners(OwnerKind, String),
    /// `…/{cluster}/`
    Clusters(String, Option<Owner>),
    /// `…/{session}/`
    Sessions {
        /// The cluster.
        cluster: ClusterId,
        /// The owner, if the place is below one.
        owner: Option<Owner>,
        /// `true` if the namespace is confirmed to be one.
        namespace_known: bool,
    },
}

/// The meaning of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// A folder to list.
    Place(Place),
    /// The folder of a session.
    Session(SessionKey),
    /// An unrelated folder, or one of a namespace that is not served.
    Nothing,
}

impl Place {
    /// Returns the places where a full walk begins.
    pub(super) fn all(roots: &[Root]) -> Vec<Self> {
        let places = roots.iter().flat_map(Root::spellings).flat_map(|root| {
            let history = Self { prefix: format!("{root}{HISTORY}"), level: Level::Kinds };
            [history, Self { prefix: root, level: Level::Top }]
        });
        places.collect()
    }

    /// Returns the places where one cluster may have data: in both trees, without an owner and below each of `owners`.
    pub(super) fn of_cluster(roots: &[Root], cluster: &ClusterId, owners: &[Owner]) -> Vec<Self> {
        let ClusterId { namespace, name } = cluster;
        let mut places = Vec::new();
        for root in roots.iter().flat_map(Root::spellings) {
            let mut add = |prefix: String, owner: Option<&Owner>, namespace_known| {
                let level = Level::Sessions { cluster: cluster.clone(), owner: owner.cloned(), namespace_known };
                places.push(Self { prefix: format!("{root}{prefix}"), level });
            };
            add(format!("{name}_{namespace}/"), None, false);
            add(format!("{HISTORY}raycluster/{namespace}/{name}/"), None, true);
            for owner in owners {
                let kind = owner.kind.folder();
                add(format!("{HISTORY}{kind}/{namespace}/{}/{name}/", owner.name), Some(owner), true);
            }
        }
        places
    }

    /// Returns `true` if the whole listing fails when this place cannot be listed. Other places are left out and
    /// reported if they can never be listed.
    pub(super) fn is_top(&self) -> bool {
        self.level == Level::Top
    }

    /// Returns `true` if a folder of this name directly below a root shows that collectors have written here.
    pub(super) fn shows_layout(&self, name: &str) -> bool {
        self.is_top() && FIXED.contains(&name)
    }

    /// Returns the meaning of the folder `name` in this place.
    pub(super) fn below(&self, name: &str, namespaces: &Namespaces) -> Below {
        let place = |level| Below::Place(Self { prefix: format!("{}{name}/", self.prefix), level });
        match &self.level {
            // The namespaces of sessions in the flat tree are not confirmed, so they are hidden where namespaces are
            // limited.
            Level::Top if !namespaces.is_all() => Below::Nothing,
            // A folder with `_` is a cluster only when it has sessions in it (`my_logs` has none).
            Level::Top => match flat_cluster(name) {
                Some(cluster) => place(Level::Sessions { cluster, owner: None, namespace_known: false }),
                None => Below::Nothing,
            },
            Level::Kinds => match OwnerKind::from_folder(name) {
                None if name != "raycluster" => Below::Nothing,
                kind => place(Level::Namespaces(kind)),
            },
            Level::Namespaces(_) if !namespaces.allow(name, true) => Below::Nothing,
            Level::Namespaces(None) => place(Level::Clusters(name.to_owned(), None)),
            Level::Namespaces(Some(kind)) => place(Level::Owners(*kind, name.to_owned())),
            Level::Owners(kind, namespace) => {
                place(Level::Clusters(namespace.clone(), Some(Owner { kind: *kind, name: name.to_owned() })))
            }
            Level::Clusters(namespace, owner) => {
                let cluster = ClusterId { namespace: namespace.clone(), name: name.to_owned() };
                place(Level::Sessions { cluster, owner: owner.clone(), namespace_known: true })
            }
            Level::Sessions { cluster, .. } => match SessionName::parse(name) {
                Some(session) => Below::Session(SessionKey { cluster: cluster.clone(), session }),
                None => Below::Nothing,
            },
        }
    }
}

/// Returns the owners that a cluster of this name may have, if the name is generated from theirs.
///
/// KubeRay names clusters `{owner}-{5 characters}`, until 1.4 `{owner}-raycluster-{5 characters}`.
pub(super) fn likely_owners(cluster: &str) -> Vec<Owner> {
    let Some(name) = owner_in(cluster) else { return Vec::new() };
    let names = [Some(name), name.strip_suffix("-raycluster")];
    let kinds = [OwnerKind::RayJob, OwnerKind::RayService];
    let owners = names.into_iter().flatten().filter(|name| !name.is_empty());
    owners.flat_map(|name| kinds.map(|kind| Owner { kind, name: name.to_owned() })).collect()
}

/// Returns the part of a name before a generated suffix: `-` and five lower-case letters or digits.
pub(crate) fn owner_in(name: &str) -> Option<&str> {
    let (owner, suffix) = name.rsplit_once('-')?;
    let generated = suffix.len() == 5 && suffix.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (generated && !owner.is_empty()).then_some(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_owners_from_generated_names_only() {
        let names = |cluster| likely_owners(cluster).into_iter().map(|owner| owner.name).collect::<Vec<_>>();
        assert_eq!(names("train-x7k2p"), ["train", "train"]);
        assert_eq!(names("train-raycluster-x7k2p"), ["train-raycluster", "train-raycluster", "train", "train"]);
        for cluster in ["train", "train-toolong", "train-ABCDE", "-x7k2p", "", "x7k2p"] {
            assert!(names(cluster).is_empty(), "{cluster}");
        }
    }
}
