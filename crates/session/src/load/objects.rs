//! The stored objects of one session, from every place it may be in, sorted by kind.
//!
//! Defines which objects are inputs of the session, and computes their digest. Pure.

use super::digest::{Digest, Digests};
use super::names::LogNames;
use super::nodes::NodeFiles;
use super::segments::{Continued, Indexes, LogStore, Segments};
use ray_history_core::layout::{DataPrefix, ObjectKind, OwnKind, Tree, generation, parse_object};
use ray_history_storage::{Error, ListPage, ObjectMeta, Storage};
use ray_history_tables::Input;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A stored log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogObject {
    /// Storage key.
    pub key: String,
    /// Size in bytes, with what lies in segments.
    pub size: u64,
    /// The segments that continue the object; `None` if all of it is at its key.
    continued: Option<Arc<Continued>>,
    /// Time at which the file was written, in nanoseconds since 1970; `None` if the store reports none.
    modified: Option<i64>,
    /// The tree of the file. If both trees have one, that of the history tree counts.
    pub(super) tree: Tree,
}

impl LogObject {
    /// Creates a log file at a key.
    pub fn new(key: impl Into<String>, size: u64) -> Self {
        Self { key: key.into(), size, continued: None, modified: None, tree: Tree::History }
    }

    /// Returns a file at a key that was written at a time, in nanoseconds since 1970.
    pub(crate) fn written(key: String, size: u64, modified: Option<i64>) -> Self {
        Self { modified, ..Self::new(key, size) }
    }

    /// Returns the time at which the file was written, in nanoseconds since 1970; `None` if the store reports none.
    pub fn modified(&self) -> Option<i64> {
        self.modified
    }

    fn of(object: &ObjectMeta, tree: Tree) -> Self {
        let continued = None;
        Self { key: object.key.clone(), size: object.size, continued, modified: object.modified, tree }
    }
}

/// Log files by node and by path.
type Logs = BTreeMap<String, BTreeMap<String, LogObject>>;

/// Log files by node and by path below the session's `logs/` folder.
#[derive(Clone, Debug, Default)]
pub struct LogIndex {
    nodes: Arc<Logs>,
    /// The indexes of the segments that continue files.
    segments: Arc<Indexes>,
    /// The names at the end, where these differ, and the folders.
    names: Arc<LogNames>,
}

impl LogIndex {
    /// Creates an index of one node's files with the times at which they were written. Each has ten bytes.
    #[cfg(test)]
    pub(crate) fn of_files<'a>(node: &str, files: impl Iterator<Item = (&'a str, i64)>) -> Self {
        let file =
            |(path, at): (&str, i64)| (path.to_owned(), LogObject { modified: Some(at), ..LogObject::new(path, 10) });
        Self { nodes: Arc::new(BTreeMap::from([(node.to_owned(), files.map(file).collect())])), ..Self::default() }
    }

    /// Returns the same files with the names that manifests tell.
    pub(crate) fn named(self, names: Arc<LogNames>) -> Self {
        Self { names, ..self }
    }

    /// Returns every file with its node and path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &LogObject)> {
        self.nodes
            .iter()
            .flat_map(|(node, files)| files.iter().map(move |(path, object)| (node.as_str(), path.as_str(), object)))
    }

    /// Continues files by what lies in segments.
    pub(crate) fn continue_with(&mut self, segments: Segments) {
        self.segments = continue_logs(Arc::make_mut(&mut self.nodes), segments);
    }

    /// Returns the names that manifests tell.
    pub(crate) fn names(&self) -> &Arc<LogNames> {
        &self.names
    }

    /// Returns the indexes of the segments that continue files.
    pub(crate) fn segments(&self) -> &Indexes {
        &self.segments
    }

    /// Returns the number of files of all nodes.
    pub fn count(&self) -> usize {
        self.nodes.values().map(BTreeMap::len).sum()
    }

    /// Returns the nodes that have files.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// Returns the paths of a node's files as the live node listed them: each file under its last name, and the folders,
    /// which end in `/`. A file whose last name another one is stored under is listed as it is stored.
    pub fn listed(&self, node: &str) -> Vec<&str> {
        let files = self.paths(node).map(|path| self.last(node, path));
        files.chain(self.names.folders(node)).collect()
    }

    /// Returns every file with its node and the path under which it is listed.
    pub fn listed_files(&self) -> impl Iterator<Item = (&str, &str, &LogObject)> {
        self.iter().map(|(node, path, object)| (node, self.last(node, path), object))
    }

    /// Returns the path under which a stored file is listed.
    fn last<'a>(&'a self, node: &str, path: &'a str) -> &'a str {
        self.names.last(node, path).filter(|last| !self.is_listed_as_stored(node, last)).unwrap_or(path)
    }

    /// Returns `true` if there is a file that is stored under a name and listed under no other.
    fn is_listed_as_stored(&self, node: &str, path: &str) -> bool {
        let is_stored = self.nodes.get(node).is_some_and(|files| files.contains_key(path));
        is_stored && self.names.last(node, path).is_none()
    }

    /// Returns the paths of a node's files as they are stored, sorted.
    pub fn paths(&self, node: &str) -> impl Iterator<Item = &str> {
        self.nodes.get(node).into_iter().flatten().map(|(path, _)| path.as_str())
    }

    /// Returns the approximate memory held, in bytes.
    pub fn weight(&self) -> usize {
        weight_of(self.iter()) + self.segments.weight() + self.names.weight()
    }

    /// Returns the stored generations of the log at a path of a node, newest first: the current file, the files that
    /// Ray rotated, and the copies of these that a collector kept.
    pub fn generations(&self, node: &str, path: &str) -> Vec<&LogObject> {
        let files = self.nodes.get(node).into_iter().flatten();
        let of = |name: &str| {
            let last = self.names.last(node, name).and_then(|last| generation(last, path));
            last.or_else(|| generation(name, path))
        };
        let found = files.filter_map(|(name, object)| Some((of(name)?, object)));
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(generation, object)| (*generation, std::cmp::Reverse(object.modified)));
        found.into_iter().map(|(_, object)| object).collect()
    }

    /// Returns the file at a path of a node: the one that is listed so, else the one that is stored so.
    pub fn find(&self, node: &str, path: &str) -> Option<&LogObject> {
        let files = self.nodes.get(node)?;
        let stored = self.names.stored(node, path).filter(|_| !self.is_listed_as_stored(node, path));
        stored.and_then(|stored| files.get(stored)).or_else(|| files.get(path))
    }
}

/// The objects of a session by kind, added page by page in any order.
#[derive(Debug, Default)]
pub(super) struct SessionObjects {
    /// The event files so far.
    pub(super) events: EventObjects,
    logs: Logs,
    /// The indexes of the segments that continue logs.
    segments: Arc<Indexes>,
    /// Stored answers by URL without its leading `/`.
    pub(super) endpoints: BTreeMap<String, LogObject>,
    /// The files by node, for the proof.
    pub(super) nodes: NodeFiles,
    /// Parts that could not be listed.
    pub(super) skipped: Vec<Error>,
    /// Time at which the newest object was written, in nanoseconds since 1970.
    pub(super) newest: Option<i64>,
    digests: Digests,
    /// All objects one by one, if they are wanted.
    inputs: Option<Vec<Input>>,
}

/// Facts of the event files from their names and sizes.
#[derive(Clone, Debug, Default)]
pub(super) struct EventObjects {
    /// The number of files.
    pub(super) files: u64,
    /// Number of empty files.
    pub(super) empty: u64,
    /// Stored bytes, compressed or not by the file name.
    pub(super) bytes: EventBytes,
    /// Nodes whose collectors stored event files.
    pub(super) nodes: BTreeSet<String>,
    /// `true` if the collector was one that replaced the file of an hour again and again.
    pub(super) overwritten_hours: bool,
}

/// Bytes held for the name and the metadata of an event file.
const EVENT_FILE: u64 = 400;

/// Stored bytes of event files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EventBytes {
    /// Bytes of files whose names end in `.gz`.
    pub(super) gzip: u64,
    /// Bytes of all other files.
    pub(super) plain: u64,
}

impl SessionObjects {
    /// Returns no objects yet; those that are added are kept one by one, too.
    pub(super) fn with_inputs() -> Self {
        Self { inputs: Some(Vec::new()), ..Self::default() }
    }

    /// Takes the objects that were kept one by one.
    pub(super) fn take_inputs(&mut self) -> Vec<Input> {
        self.inputs.take().unwrap_or_default()
    }

    /// Adds a page and returns its event files.
    pub(super) fn add(&mut self, place: &DataPrefix, page: ListPage) -> Vec<ObjectMeta> {
        page.skipped.iter().for_each(|part| self.digests.left_out(part.key()));
        self.skipped.extend(page.skipped);
        let mut events = Vec::new();
        for object in page.objects {
            let Some(rest) = object.key.strip_prefix(&place.prefix) else { continue };
            let kind = parse_object(place.tree, rest);
            if let Some(inputs) = self.inputs.as_mut().filter(|_| kind.is_some()) {
                let ObjectMeta { key, size, etag, modified } = object.clone();
                inputs.push(Input { key, size, etag, modified });
            }
            match kind {
                Some(ObjectKind::Events(file)) => {
                    self.digests.input(&object);
                    let (known, gzip) = (&mut self.events, object.key.strip_suffix(".gz").is_some());
                    known.overwritten_hours |= file.may_have_holes();
                    known.files += 1;
                    known.empty += u64::from(object.size == 0);
                    *(if gzip { &mut known.bytes.gzip } else { &mut known.bytes.plain }) += object.size;
                    if !known.nodes.contains(file.node) {
                        known.nodes.insert(file.node.to_owned());
                    }
                    self.newest = self.newest.max(object.modified);
                    if place.tree == Tree::History {
                        self.nodes.event_file(rest, object.size);
                    }
                    events.push(object);
                }
                Some(ObjectKind::Log { node, path }) => {
                    let digest = if ray_history_core::logs::is_input(path) { Digests::input } else { Digests::name };
                    digest(&mut self.digests, &object);
                    self.newest = self.newest.max(object.modified);
                    if place.tree == Tree::History {
                        self.nodes.log(rest, object.size);
                    }
                    let (node, path) = (node.to_owned(), path.to_owned());
                    insert(self.logs.entry(node).or_default(), path, LogObject::of(&object, place.tree));
                }
                Some(ObjectKind::Endpoint { url }) => {
                    self.digests.input(&object);
                    self.newest = self.newest.max(object.modified);
                    insert(&mut self.endpoints, url, LogObject::of(&object, place.tree));
                }
                Some(ObjectKind::Own(own)) => {
                    match own.kind {
                        // They say nothing about newer files, and a live session has one each minute.
                        OwnKind::Manifest => self.digests.manifest(&object),
                        OwnKind::Segment(_) => {
                            self.digests.name(&object);
                            self.newest = self.newest.max(object.modified);
                        }
                        OwnKind::Quarantine => {}
                    }
                    self.nodes.own(&own, &object);
                }
                None => {}
            }
        }
        events
    }

    /// Returns the approximate memory of the names of all files, in bytes. Event files keep their names until they are
    /// read.
    pub(super) fn weight(&self) -> u64 {
        (weight_of(self.logs()) + self.segments.weight()) as u64 + self.events.files * EVENT_FILE
    }

    /// Returns `true` if no log file was listed.
    pub(super) fn has_no_logs(&self) -> bool {
        self.logs.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.files == 0 && self.endpoints.is_empty() && self.logs.is_empty() && self.nodes.segments.is_empty()
    }

    /// Returns `true` if a node has a log file at a path.
    pub(super) fn has_log(&self, node: &str, path: &str) -> bool {
        self.logs.get(node).is_some_and(|files| files.contains_key(path))
    }

    /// Continues log files by what lies in segments.
    pub(super) fn continue_logs(&mut self, segments: Segments) {
        self.segments = continue_logs(&mut self.logs, segments);
    }

    /// Returns a store in which log files are whole.
    pub(super) fn log_store(&self, store: &Arc<dyn Storage>) -> Arc<dyn Storage> {
        log_store(store, self.logs().map(|(_, _, log)| log))
    }

    /// Returns the digest of the listing.
    pub(super) fn digest(&self) -> Digest {
        self.digests.finish()
    }

    /// Returns the final index of log files, without empty objects that stand for a folder of the same name, as some
    /// tools keep them.
    pub(super) fn into_logs(mut self) -> LogIndex {
        for files in self.logs.values_mut() {
            let is_folder = |path: &str| {
                let inside = format!("{path}/");
                files.range(inside.clone()..).next().is_some_and(|(next, _)| next.starts_with(&inside))
            };
            let empty = files.iter().filter(|(_, object)| object.size == 0);
            let folders: Vec<String> = empty.map(|(path, _)| path).filter(|path| is_folder(path)).cloned().collect();
            for folder in &folders {
                files.remove(folder);
            }
        }
        LogIndex { nodes: Arc::new(self.logs), segments: self.segments, names: Arc::default() }
    }

    /// Returns the log files so far.
    pub(super) fn logs(&self) -> impl Iterator<Item = (&str, &str, &LogObject)> {
        self.logs
            .iter()
            .flat_map(|(node, files)| files.iter().map(move |(path, object)| (node.as_str(), path.as_str(), object)))
    }
}

fn weight_of<'a>(logs: impl Iterator<Item = (&'a str, &'a str, &'a LogObject)>) -> usize {
    const ENTRY: usize = size_of::<(String, LogObject)>() + 16;
    let pieces = |object: &LogObject| object.continued.as_ref().map_or(0, |continued| continued.pieces.weight());
    logs.map(|(_, path, object)| ENTRY + path.len() + object.key.len() + pieces(object)).sum()
}

/// Returns a store in which these log files are whole: what lies in segments follows what is at their keys.
pub(crate) fn log_store<'a>(store: &Arc<dyn Storage>, logs: impl Iterator<Item = &'a LogObject>) -> Arc<dyn Storage> {
    LogStore::with(store, logs.filter_map(|log| Some((log.key.clone(), log.continued.clone()?))))
}

/// Continues log files, and returns the indexes of the segments.
fn continue_logs(logs: &mut Logs, segments: Segments) -> Arc<Indexes> {
    for ((node, path), (key, pieces)) in segments.logs {
        let object = logs.get(&node).and_then(|files| files.get(&path));
        let settled = object.filter(|object| !pieces.replace(object.modified)).map_or(0, |object| object.size);
        let end = pieces.end(settled);
        if end > settled {
            let files = logs.entry(node).or_default();
            let object = files.entry(path).or_insert_with(|| LogObject::new(key, 0));
            object.size = end;
            object.continued = Some(Arc::new(Continued { settled, pieces }));
        }
    }
    Arc::new(segments.indexes)
}

fn insert(objects: &mut BTreeMap<String, LogObject>, name: String, object: LogObject) {
    match objects.get(&name) {
        Some(known) if (known.tree, &known.key) > (object.tree, &object.key) => {}
        _ => {
            objects.insert(name, object);
        }
    }
}
