//! What is stored of one session: lists every place it may be in and sorts the objects by kind.

use super::super::open::Places;
use super::super::{Error, SessionKey};
use crate::layout::{DataPrefix, ObjectKind, Tree, data_prefixes, owner_folders, parse_object};
use crate::session::name::Owner;
use crate::storage::{Delimiter, ListPage, ObjectMeta, Storage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A stored log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogObject {
    /// Storage key.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
}

/// Log files by node and by path below the session's `logs/` folder.
#[derive(Clone, Debug, Default)]
pub struct LogIndex {
    nodes: Arc<BTreeMap<String, BTreeMap<String, LogObject>>>,
}

impl LogIndex {
    /// Every file with its node and path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &LogObject)> {
        self.nodes
            .iter()
            .flat_map(|(node, files)| files.iter().map(move |(path, object)| (node.as_str(), path.as_str(), object)))
    }

    /// Nodes that have files.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// Paths of a node's files, sorted.
    pub fn paths(&self, node: &str) -> impl Iterator<Item = &str> {
        self.nodes.get(node).into_iter().flatten().map(|(path, _)| path.as_str())
    }

    /// The file at a path of a node.
    pub fn find(&self, node: &str, path: &str) -> Option<&LogObject> {
        self.nodes.get(node)?.get(path)
    }
}

/// The objects of a session, by kind.
#[derive(Debug, Default)]
pub(super) struct SessionObjects {
    pub(super) events: Vec<ObjectMeta>,
    /// Whether a collector wrote them that replaced the file of an hour again and again.
    pub(super) overwritten_hours: bool,
    pub(super) logs: LogIndex,
    /// By URL without its leading `/`.
    pub(super) endpoints: BTreeMap<String, LogObject>,
    /// Parts that could not be listed, and why.
    pub(super) skipped: Vec<(String, String)>,
}

impl SessionObjects {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.endpoints.is_empty() && self.logs.nodes.is_empty()
    }
}

/// Lists every place.
pub(super) async fn list(store: &dyn Storage, key: &SessionKey, places: &Places) -> Result<SessionObjects, Error> {
    let mut prefixes = Vec::new();
    for root in &places.roots {
        let mut owners: Vec<Owner> = places.owner.iter().cloned().collect();
        if owners.is_empty() {
            // Workers may have had owner settings that the head had not: their data lies below an owner. Clusters
            // that Ray's operator creates for an owner begin with its name, so few of many need a look.
            for (kind, folder) in owner_folders(root, &key.cluster.namespace) {
                let page = store.list_all(&folder, Delimiter::Slash).await?;
                let names = page.prefixes.iter().filter_map(|p| p.strip_prefix(&folder)?.strip_suffix('/'));
                let likely = names.filter(|name| !name.is_empty() && key.cluster.name.starts_with(name));
                owners.extend(likely.map(|name| Owner { kind, name: name.to_owned() }));
            }
        }
        prefixes.extend(data_prefixes(root, &key.cluster, &key.session, &owners));
    }
    prefixes.sort();
    prefixes.dedup();
    let mut listings = Vec::with_capacity(prefixes.len());
    for place in &prefixes {
        listings.push(store.list_all(&place.prefix, Delimiter::None).await?);
    }
    let mut objects = SessionObjects::default();
    let mut logs: BTreeMap<String, BTreeMap<String, LogObject>> = BTreeMap::new();
    // Flat before history: where both have a log file or endpoint, the history tree's replaces the other.
    let mut places: Vec<(DataPrefix, ListPage)> = prefixes.into_iter().zip(listings).collect();
    places.sort_by_key(|(place, _)| place.tree != Tree::Flat);
    for (place, page) in places {
        objects.skipped.extend(page.skipped.iter().map(|error| (error.key().to_owned(), error.to_string())));
        for object in page.objects {
            let Some(rest) = object.key.strip_prefix(&place.prefix) else { continue };
            match parse_object(place.tree, rest) {
                Some(ObjectKind::Events(file)) => {
                    objects.overwritten_hours |= file.may_have_holes();
                    objects.events.push(object);
                }
                Some(ObjectKind::Log { node, path }) => {
                    let (node, path) = (node.to_owned(), path.to_owned());
                    logs.entry(node).or_default().insert(path, LogObject { key: object.key, size: object.size });
                }
                Some(ObjectKind::Endpoint { url }) => {
                    objects.endpoints.insert(url, LogObject { key: object.key, size: object.size });
                }
                None => {}
            }
        }
    }
    objects.logs = LogIndex { nodes: Arc::new(logs) };
    Ok(objects)
}
