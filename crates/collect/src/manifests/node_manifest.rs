//! The collector's own knowledge of a node, kept for its next process: agents, stored answers, sequence, state.

use super::NodeId;
use crate::ray_counters::Agents;
use ray_history_core::base::chain::chain;
use ray_history_core::base::time::Nanos;
use ray_history_manifest::{Endpoint, Manifest, Reason, State};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// The collector's own part of a node's manifest.
#[derive(Debug, Default)]
pub(super) struct NodeManifest {
    pub(super) sequence: u64,
    pub(super) state: State,
    pub(super) reason: Option<Reason>,
    pub(super) agents: Agents,
    pub(super) ray_ended: Nanos,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    /// The time of the last put in this process.
    pub(super) put: Option<Instant>,
    last: Option<Manifest>,
}

impl NodeManifest {
    /// Reads the copy of the last manifest, if an earlier process left one.
    pub(super) fn load(folder: &Path, node: &NodeId) -> Self {
        let read = fs::read(path(folder, node)).ok().and_then(|bytes| Manifest::parse(&bytes).ok());
        let Some(manifest) = read else { return Self::default() };
        Self {
            sequence: manifest.sequence,
            state: manifest.state,
            reason: manifest.reason,
            agents: Agents::restored(manifest.ray.clone()),
            ray_ended: manifest.ray_ended,
            endpoints: manifest.endpoints.clone(),
            put: None,
            last: Some(manifest),
        }
    }

    /// Writes the copy before the manifest is put, so that no sequence number is used twice.
    pub(super) fn save(&mut self, folder: &Path, node: &NodeId, manifest: &Manifest) {
        (self.sequence, self.state, self.reason) = (manifest.sequence, manifest.state, manifest.reason);
        let path = path(folder, node);
        let temporary = path.with_extension("tmp");
        let written = fs::create_dir_all(folder)
            .and_then(|()| fs::write(&temporary, manifest.to_bytes()))
            .and_then(|()| fs::rename(&temporary, &path));
        if let Err(error) = written {
            tracing::warn!(error = %chain(&error), path = %path.display(), "the copy of a manifest cannot be written");
        }
    }

    /// Takes over that a manifest is stored.
    pub(super) fn put(&mut self, manifest: Manifest) {
        self.put = Some(Instant::now());
        self.last = Some(manifest);
    }

    /// Returns `true` if a manifest is the first one with Ray's counters, without which nothing can be proved.
    pub(super) fn is_first_with_counters(&self, manifest: &Manifest) -> bool {
        !manifest.ray.is_empty() && self.last.as_ref().is_some_and(|last| last.ray.is_empty())
    }

    /// Returns `true` if a manifest says more than the last one that was put: other than that time has passed, and
    /// that logs grew, of which nothing is stored by that.
    pub(super) fn differs(&self, manifest: &Manifest) -> bool {
        let timeless = |manifest: &Manifest| {
            let mut manifest = manifest.clone();
            (manifest.boot, manifest.sequence, manifest.written, manifest.flushed_to) = (0, 0, 0, 0);
            manifest.ray.iter_mut().for_each(|agent| agent.at = 0);
            manifest.logs.bytes = 0;
            manifest
        };
        self.last.as_ref().is_none_or(|last| timeless(last) != timeless(manifest))
    }
}

fn path(folder: &Path, (session, node): &NodeId) -> PathBuf {
    folder.join(format!("{session}.{node}.json"))
}
