//! The files of each node of a session, and the manifests that account for them. Only the layout of v1.7 has nodes, and
//! only our own collector writes manifests.

use ray_history_core::layout::{OwnKind, OwnObject};
use ray_history_manifest::proof::Stored;
use ray_history_storage::ObjectMeta;
use std::collections::BTreeMap;

/// The files of a session by node.
#[derive(Debug, Default)]
pub(crate) struct NodeFiles {
    /// All files that manifests account for, without the number of records.
    pub(crate) stored: BTreeMap<String, Stored>,
    /// The manifests.
    pub(crate) manifests: Vec<ManifestObject>,
    /// The log segments.
    pub(crate) segments: Vec<SegmentObject>,
}

/// A stored log segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentObject {
    /// Its version when it was listed, if the store has versions.
    pub(crate) etag: Option<String>,
    /// The node in whose folder it is.
    pub(crate) node: String,
    /// The spool in whose folder it is.
    pub(crate) spool: String,
    /// Its number.
    pub(crate) number: u64,
    /// Storage key.
    pub(crate) key: String,
    /// Size in bytes.
    pub(crate) size: u64,
}

/// A stored manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestObject {
    /// Its version when it was listed, if the store has versions.
    pub(crate) etag: Option<String>,
    /// The node in whose folder it is.
    pub(crate) node: String,
    /// The spool in whose folder it is.
    pub(crate) spool: String,
    /// Storage key.
    pub(crate) key: String,
    /// Size in bytes.
    pub(crate) size: u64,
}

impl ManifestObject {
    /// Returns a listed manifest.
    pub(crate) fn of(own: &OwnObject<'_>, object: &ObjectMeta) -> Self {
        Self {
            etag: object.etag.clone(),
            node: own.node.to_owned(),
            spool: own.spool.to_owned(),
            key: object.key.clone(),
            size: object.size,
        }
    }
}

impl NodeFiles {
    /// Adds an event file by its key below the session.
    pub(super) fn event_file(&mut self, rest: &str, size: u64) {
        self.add(rest, size, |stored| &mut stored.events);
    }

    /// Adds a log file by its key below the session.
    pub(super) fn log(&mut self, rest: &str, size: u64) {
        self.add(rest, size, |stored| &mut stored.logs);
    }

    /// Adds an object of our own.
    pub(super) fn own(&mut self, own: &OwnObject<'_>, object: &ObjectMeta) {
        match own.kind {
            OwnKind::Manifest => self.manifests.push(ManifestObject::of(own, object)),
            OwnKind::Segment(number) => {
                let segments = &mut self.stored.entry(own.node.to_owned()).or_default().segments;
                segments.entry(own.spool.to_owned()).or_default().insert(number);
                self.segments.push(SegmentObject {
                    etag: object.etag.clone(),
                    node: own.node.to_owned(),
                    spool: own.spool.to_owned(),
                    number,
                    key: object.key.clone(),
                    size: object.size,
                });
            }
            OwnKind::Quarantine => {}
        }
    }

    /// Adds records that were read of a node.
    pub(crate) fn add_records(&mut self, records: &BTreeMap<String, u64>) {
        for (node, records) in records {
            self.stored.entry(node.clone()).or_default().records += records;
        }
    }

    fn add(&mut self, rest: &str, size: u64, files: impl Fn(&mut Stored) -> &mut Vec<(String, u64)>) {
        let Some((node, below)) = rest.split_once('/') else { return };
        if !self.stored.contains_key(node) {
            self.stored.insert(node.to_owned(), Stored::default());
        }
        if let Some(stored) = self.stored.get_mut(node) {
            files(stored).push((below.to_owned(), size));
        }
    }
}
