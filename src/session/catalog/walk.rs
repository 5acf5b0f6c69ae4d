//! Finds sessions in the data trees, folder by folder.

use super::found::Found;
use crate::layout::{HISTORY, flat_cluster};
use crate::session::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};
use crate::storage::{Delimiter, Error, Storage};

/// Folders at the top of a root that are no clusters of the flat tree; they have no `_`, and a cluster always has one.
const FIXED: [&str; 3] = ["metadir", "cluster-metadata", "cluster-history"];
/// How many folders are looked into for a root that was meant.
const LOOK_BELOW: usize = 100;

/// `{cluster}_{id}/{session}/`: a folder with `_` is a cluster only when it has sessions in it (`my_logs` has none).
pub(super) async fn flat(store: &dyn Storage, root: &str, found: &mut Found) -> Result<(), Error> {
    // The root itself must be listable: an error here is the whole listing's.
    let page = store.list_all(root, Delimiter::Slash).await?;
    found.skip(&page.skipped);
    for folder in names(root, &page.prefixes) {
        found.recognised |= FIXED.contains(&folder);
        if let Some(cluster) = flat_cluster(folder) {
            sessions(store, &format!("{root}{folder}/"), &cluster, None, false, found).await?;
        }
    }
    Ok(())
}

/// `cluster-history/{kind}/{ns}/[{owner}/]{cluster}/{session}/`.
pub(super) async fn history(store: &dyn Storage, root: &str, found: &mut Found) -> Result<(), Error> {
    let top = format!("{root}{HISTORY}");
    for kind in folders(store, &top, found).await? {
        let owner_kind = OwnerKind::from_folder(&kind);
        if owner_kind.is_none() && kind != "raycluster" {
            continue;
        }
        for namespace in folders(store, &format!("{top}{kind}/"), found).await? {
            let below = format!("{top}{kind}/{namespace}/");
            let Some(owner_kind) = owner_kind else {
                clusters(store, &below, &namespace, None, found).await?;
                continue;
            };
            for name in folders(store, &below, found).await? {
                let owner = Owner { kind: owner_kind, name: name.clone() };
                clusters(store, &format!("{below}{name}/"), &namespace, Some(owner), found).await?;
            }
        }
    }
    Ok(())
}

/// Looks one folder below a root in which nothing was recognised.
pub(super) async fn roots_below(store: &dyn Storage, root: &str, found: &mut Found) -> Result<(), Error> {
    for folder in folders(store, root, found).await?.into_iter().take(LOOK_BELOW) {
        let below = format!("{root}{folder}/");
        if folders(store, &below, found).await?.iter().any(|name| FIXED.contains(&name.as_str())) {
            found.roots_below.push(below);
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
    for name in folders(store, prefix, found).await? {
        let cluster = ClusterId { namespace: namespace.to_owned(), name: name.clone() };
        sessions(store, &format!("{prefix}{name}/"), &cluster, owner.as_ref(), true, found).await?;
    }
    Ok(())
}

async fn sessions(
    store: &dyn Storage,
    prefix: &str,
    cluster: &ClusterId,
    owner: Option<&Owner>,
    namespace_known: bool,
    found: &mut Found,
) -> Result<(), Error> {
    for folder in folders(store, prefix, found).await? {
        if let Some(session) = SessionName::parse(&folder) {
            let key = SessionKey { cluster: cluster.clone(), session };
            found.data(key, owner.cloned(), namespace_known);
        }
    }
    Ok(())
}

/// Names of the folders directly below a prefix. One that we may not list must not hide all others.
async fn folders(store: &dyn Storage, prefix: &str, found: &mut Found) -> Result<Vec<String>, Error> {
    match store.list_all(prefix, Delimiter::Slash).await {
        Ok(page) => {
            found.skip(&page.skipped);
            Ok(names(prefix, &page.prefixes).map(str::to_owned).collect())
        }
        Err(error) if error.is_transient() => Err(error),
        Err(error) => {
            found.skip([&error]);
            Ok(Vec::new())
        }
    }
}

fn names<'a>(prefix: &str, folders: &'a [String]) -> impl Iterator<Item = &'a str> {
    let names = folders.iter().filter_map(move |folder| folder.strip_prefix(prefix)?.strip_suffix('/'));
    names.filter(|name| !name.is_empty())
}
