//! The layout of sessions, events, logs and endpoint bodies in a bucket, for every version of KubeRay's collectors.
//!
//! Parses keys and builds prefixes; pure text, no I/O. A key is parsed by its folder, never by its shape: `a_b` is
//! cluster `a` of namespace `b` under `metadir/` and at the top level, but namespace `a` and cluster `b` under
//! `cluster-metadata/`.
//!
//! | tree | written by | below the root |
//! |---|---|---|
//! | markers, old | until 2026-05-28 (v1.6) | `metadir/{cluster}_{id}/{session}` |
//! | markers | since then | `cluster-metadata/raycluster/{ns}_{cluster}/{session}`, `cluster-metadata/{rayjob\|rayservice}/{ns}_{owner}_{cluster}/{session}` |
//! | data, flat | until 2026-07-30 (v1.6, mid-2026) | `{cluster}_{id}/{session}/{logs\|node_events\|job_events\|fetched_endpoints}/…` |
//! | data, history | since then (v1.7) | `cluster-history/raycluster/{ns}/{cluster}/{session}/{node}/{logs\|node_events\|job_events}/…`, owned: one more segment |

mod escape;
mod event_file;
mod fleet;
mod keys;
mod marker;
mod object;
mod own;
mod persisted;
mod place;
mod root;
mod rotated;
mod tree;

pub use escape::{escape, unescape};
pub use event_file::EventFile;
pub use fleet::{Day, FleetKeys, FleetTable};
pub use keys::{NodeKeys, OWN_FOLDER, SessionKeys};
pub use marker::{MARKER_TREES, Marker, flat_cluster, parse_marker};
pub use object::{ObjectKind, Tree, parse_object};
pub use own::{OwnKind, OwnObject};
pub use persisted::{LargeTable, MAX_PARTS, PersistedKeys};
pub use place::{ObjectPlace, marker_keys, may_own, parse_place};
pub use root::Root;
pub use rotated::{Generation, generation, rotated_from};
pub use tree::BucketTree;

use crate::base::name::{ClusterId, Owner, OwnerKind, SessionName};

/// The folder of the history tree.
pub const HISTORY: &str = "cluster-history/";

/// A prefix under which one session may have data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataPrefix {
    /// The prefix, with its final `/`.
    pub prefix: String,
    /// The grammar of the keys below it.
    pub tree: Tree,
}

/// Returns every prefix under which a session may have data. Collectors of different versions, or with different owner
/// settings, may have written to several of them, so all are read.
pub fn data_prefixes(root: &Root, cluster: &ClusterId, session: &SessionName, owners: &[Owner]) -> Vec<DataPrefix> {
    let ClusterId { namespace, name } = cluster;
    let mut found = Vec::new();
    for root in root.spellings() {
        found.push(DataPrefix { prefix: format!("{root}{name}_{namespace}/{session}/"), tree: Tree::Flat });
        let history =
            |owned: String| DataPrefix { prefix: format!("{root}{HISTORY}{owned}/{session}/"), tree: Tree::History };
        found.push(history(format!("raycluster/{namespace}/{name}")));
        for owner in owners {
            found.push(history(format!("{}/{namespace}/{}/{name}", owner.kind.folder(), owner.name)));
        }
    }
    found
}

/// Returns the folders whose subfolders are the owners in a namespace. A session whose marker has no owner may lie
/// below one of them.
pub fn owner_folders(root: &Root, namespace: &str) -> Vec<(OwnerKind, String)> {
    let kinds = [OwnerKind::RayJob, OwnerKind::RayService];
    let spelled = root.spellings();
    let folders = spelled
        .iter()
        .flat_map(|root| kinds.map(|kind| (kind, format!("{root}{HISTORY}{}/{namespace}/", kind.folder()))));
    folders.collect()
}

#[cfg(test)]
mod tests;
