//! Everything that a portable file takes of an open session: the snapshot, the raw objects behind it, and what its facts
//! were read from. Nothing is written here.

use super::load::{self, OpenSession};
use super::source::Source;
use super::{Error, Sessions, Unusable};
use crate::load::LogObject;
use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_core::layout::{ObjectKind, ObjectPlace, OwnKind, PersistedKeys, Root, parse_object, parse_place};
use ray_history_storage::{ErrorKind, ReadRange};
use ray_history_tables::{FactFile, Head, Input, MAX_HEAD, Options};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that a portable file takes of a session.
#[derive(Debug)]
pub struct ToExport {
    /// The open session.
    pub session: Arc<OpenSession>,
    /// The owner of the cluster, if known.
    pub owner: Option<Owner>,
    /// `false` if the namespace is only an id that v1.6 wrote.
    pub namespace_known: bool,
    /// The raw objects that it was built from, by their keys below the root, sorted.
    pub inputs: Vec<Input>,
    /// The parts of log files that its facts were read from.
    pub facts: Vec<FactFile>,
    /// The records that were read of each node, if the session has manifests.
    pub records_by_node: BTreeMap<String, u64>,
    /// The parts that there are: without messages or profile events, if these were not persisted.
    pub options: Options,
    /// The raw objects that are stored now, sorted by key.
    pub stored: Vec<StoredObject>,
}

/// A raw object.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// Its key below the root.
    pub key: String,
    /// Its kind.
    pub kind: StoredKind,
    /// The object.
    pub object: LogObject,
}

/// The kind of a raw object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredKind {
    /// A log file, by its path below the node's `logs/`.
    Log(String),
    /// The ends of many log files.
    LogSegment,
    /// The numbers of a collector; it holds nothing of the program.
    Manifest,
    /// Events, answers of the dashboard, or records that belong to no event file.
    Data,
}

impl Sessions {
    /// Returns what a portable file of an open session takes.
    ///
    /// # Errors
    /// Fails if the store cannot be listed, or if what the facts were read from cannot be read.
    pub async fn to_export(self: &Arc<Self>, session: &Arc<OpenSession>) -> Result<ToExport, Error> {
        let (source, key) = (self.source(), &session.key);
        let entry = source.catalog.find(key).await?.ok_or_else(|| Error::Unknown(key.clone()))?;
        let (listed, _) = self.list_inputs(&source, key).await?;
        let (facts, options) = match (&session.kept, &session.persisted) {
            (Some(kept), _) => (kept.unpacked(), Options::default()),
            (None, Some(_)) => read_head(&source, key).await?,
            (None, None) => {
                let read = load::read_fact_files(&source.store, &session.logs).await?;
                (read.unpacked(), Options::default())
            }
        };
        let roots = source.catalog.roots();
        let built = session.persisted.as_ref().map_or(&listed[..], |persisted| persisted.inputs());
        Ok(ToExport {
            owner: entry.owner,
            namespace_known: entry.namespace_known,
            inputs: below_root(roots, key, built),
            facts,
            records_by_node: session.proved.as_ref().map(|proved| proved.records().clone()).unwrap_or_default(),
            options,
            stored: listed.iter().filter_map(|input| stored(roots, key, input)).collect(),
            session: Arc::clone(session),
        })
    }
}

/// Reads what the facts of a persisted session were read from, and what was left out.
async fn read_head(source: &Source, key: &SessionKey) -> Result<(Vec<FactFile>, Options), Error> {
    for root in source.catalog.roots().iter().flat_map(Root::spellings) {
        let object = PersistedKeys::new(&root, key).head();
        let body = match source.store.read(&object, ReadRange::Full).await {
            Ok(body) => body,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        let head = Head::read(body.read_all(MAX_HEAD).await?, key);
        let read = head.and_then(|head| Ok((head.fact_files()?, head.about.options)));
        return read.map_err(|error| {
            let (key, why) = (key.clone(), error.to_string());
            Error::PersistedUnusable(Box::new(Unusable { key, object, why, is_newer: false }))
        });
    }
    Ok((Vec::new(), Options::default()))
}

/// Returns where an object of the session lies: its key below the root, and its parts.
fn place<'a>(roots: &[Root], key: &SessionKey, object: &'a str) -> Option<(&'a str, ObjectPlace<'a>)> {
    let spelled = roots.iter().flat_map(Root::spellings);
    let mut places = spelled.filter_map(|root| {
        let below = object.strip_prefix(root.as_str())?;
        Some((below, parse_place(below)?))
    });
    places.find(|(_, place)| place.key == *key)
}

fn below_root(roots: &[Root], key: &SessionKey, inputs: &[Input]) -> Vec<Input> {
    let below = |input: &Input| {
        let (below, _) = place(roots, key, &input.key)?;
        Some(Input { key: below.to_owned(), ..input.clone() })
    };
    let mut inputs: Vec<Input> = inputs.iter().filter_map(below).collect();
    inputs.sort();
    // The same key below two roots.
    inputs.dedup_by(|next, first| next.key == first.key);
    inputs
}

fn stored(roots: &[Root], key: &SessionKey, input: &Input) -> Option<StoredObject> {
    let (below, place) = place(roots, key, &input.key)?;
    let kind = match parse_object(place.tree, place.rest)? {
        ObjectKind::Log { path, .. } => StoredKind::Log(path.to_owned()),
        ObjectKind::Own(own) => match own.kind {
            OwnKind::Manifest => StoredKind::Manifest,
            OwnKind::Segment(_) => StoredKind::LogSegment,
            OwnKind::Quarantine => StoredKind::Data,
        },
        ObjectKind::Events(_) | ObjectKind::Endpoint { .. } => StoredKind::Data,
    };
    let object = LogObject::written(input.key.clone(), input.size, input.modified);
    Some(StoredObject { key: below.to_owned(), kind, object })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionName};

    const SESSION: &str = "session_2026-11-22_23-11-33_821800_1";

    #[test]
    fn objects_are_named_below_their_root_and_told_apart() {
        let cluster = ClusterId { namespace: "ns".to_owned(), name: "rc".to_owned() };
        let key = SessionKey { cluster, session: SessionName::parse(SESSION).unwrap() };
        let roots = [Root::new("/log"), Root::new("")];
        let below = format!("cluster-history/raycluster/ns/rc/{SESSION}");
        let input = |key: String| Input { key, size: 1, etag: None, modified: Some(7) };
        for (rest, kind) in [
            ("aa/logs/old/raylet.out", Some(StoredKind::Log("old/raylet.out".to_owned()))),
            ("aa/node_events/aa-2026-11-22-23.gz", Some(StoredKind::Data)),
            ("fetched_endpoints/restful__nodes", Some(StoredKind::Data)),
            ("aa/ray-history/s/manifest.json", Some(StoredKind::Manifest)),
            ("aa/ray-history/s/logs-1.seg", Some(StoredKind::LogSegment)),
            ("aa/other/x", None),
        ] {
            for root in ["log/", "/log/", ""] {
                let found = stored(&roots, &key, &input(format!("{root}{below}/{rest}")));
                assert_eq!(found.as_ref().map(|found| &found.kind), kind.as_ref(), "{root}{rest}");
                assert!(found.is_none_or(|found| found.key == format!("{below}/{rest}")));
            }
        }
        let twice = ["log/", ""].map(|root| input(format!("{root}{below}/aa/logs/x")));
        assert_eq!(below_root(&roots, &key, &twice).len(), 1);
        assert!(stored(&roots, &key, &input("log/secrets".to_owned())).is_none());
    }
}
