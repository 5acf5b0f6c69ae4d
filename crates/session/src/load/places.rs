//! The places where the objects of a session may be, and the prefixes to list.

use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_core::layout::{DataPrefix, Root, data_prefixes, may_own, owner_folders};
use ray_history_storage::{Delimiter, Error, Storage};

/// The places where a session's objects may be.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The roots to list.
    pub(crate) roots: Vec<Root>,
    /// The owner of the cluster, if known.
    pub(crate) owner: Option<Owner>,
}

/// Returns every prefix under which a session may have data.
pub(super) async fn prefixes(store: &dyn Storage, key: &SessionKey, places: &Places) -> Result<Vec<DataPrefix>, Error> {
    let mut prefixes = Vec::new();
    for root in &places.roots {
        let mut owners: Vec<Owner> = places.owner.iter().cloned().collect();
        if owners.is_empty() {
            // Workers may have had owner settings that the head had not: their data is below an owner. Clusters that
            // Ray's operator creates for an owner begin with its name, so few owners have to be listed.
            for (kind, folder) in owner_folders(root, &key.cluster.namespace) {
                let page = store.list_all(&folder, Delimiter::Slash).await?;
                let names = page.prefixes.iter().filter_map(|p| p.strip_prefix(&folder)?.strip_suffix('/'));
                let likely = names.filter(|name| may_own(name, &key.cluster));
                owners.extend(likely.map(|name| Owner { kind, name: name.to_owned() }));
            }
        }
        prefixes.extend(data_prefixes(root, &key.cluster, &key.session, &owners));
    }
    prefixes.sort();
    prefixes.dedup();
    Ok(prefixes)
}
