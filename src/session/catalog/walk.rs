//! Finds sessions in the data trees, folder by folder.

use super::Found;
use crate::layout::HISTORY;
use crate::session::name::{ClusterId, Owner, OwnerKind, SessionName};
use crate::storage::{Delimiter, Error, Storage};

/// Folders at the top of a root that are no clusters of the flat tree.
const NOT_CLUSTERS: [&str; 3] = ["metadir", "cluster-metadata", "cluster-history"];

/// `{cluster}_{id}/{session}/`: a folder with `_` counts as a cluster when it has sessions in it.
pub(super) async fn flat(store: &dyn Storage, root: &str, found: &mut Found) -> Result<(), Error> {
    for folder in folders(store, root).await? {
        let Some((name, namespace)) = folder.split_once('_') else {
            found.recognised |= NOT_CLUSTERS.contains(&folder.as_str());
            continue;
        };
        let cluster = ClusterId { namespace: namespace.to_owned(), name: name.to_owned() };
        sessions(store, &format!("{root}{folder}/"), &cluster, None, found).await?;
    }
    Ok(())
}

/// `cluster-history/{kind}/{ns}/[{owner}/]{cluster}/{session}/`.
pub(super) async fn history(store: &dyn Storage, root: &str, found: &mut Found) -> Result<(), Error> {
    let top = format!("{root}{HISTORY}");
    for kind in folders(store, &top).await? {
        let owner_kind = OwnerKind::from_folder(&kind);
        if owner_kind.is_none() && kind != "raycluster" {
            continue;
        }
        for namespace in folders(store, &format!("{top}{kind}/")).await? {
            let below = format!("{top}{kind}/{namespace}/");
            let Some(owner_kind) = owner_kind else {
                clusters(store, &below, &namespace, None, found).await?;
                continue;
            };
            for name in folders(store, &below).await? {
                let owner = Owner { kind: owner_kind, name: name.clone() };
                clusters(store, &format!("{below}{name}/"), &namespace, Some(owner), found).await?;
            }
        }
    }
    Ok(())
}

async fn clusters(
    store: &dyn Storage,
    prefix: &str,
    namespace: &str,
    owner: Option<Owner>,
    found: &mut Found,
) -> Result<(), Error> {
    for name in folders(store, prefix).await? {
        let cluster = ClusterId { namespace: namespace.to_owned(), name: name.clone() };
        sessions(store, &format!("{prefix}{name}/"), &cluster, owner.clone(), found).await?;
    }
    Ok(())
}

async fn sessions(
    store: &dyn Storage,
    prefix: &str,
    cluster: &ClusterId,
    owner: Option<Owner>,
    found: &mut Found,
) -> Result<(), Error> {
    for folder in folders(store, prefix).await? {
        if let Some(session) = SessionName::parse(&folder) {
            found.recognised = true;
            found.add(cluster.clone(), session, owner.clone(), false);
        }
    }
    Ok(())
}

/// Names of the folders directly below a prefix.
async fn folders(store: &dyn Storage, prefix: &str) -> Result<Vec<String>, Error> {
    let page = store.list_all(prefix, Delimiter::Slash).await?;
    let names = page.prefixes.iter().filter_map(|folder| folder.strip_prefix(prefix)?.strip_suffix('/'));
    Ok(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
