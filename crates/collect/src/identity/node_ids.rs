//! The ids that a node told by its files: `metrics_export_port_<hex>` since Ray 2.55, before that a line of
//! `raylet.out`; the port of its agent is then in `ports_by_node.json`.

use super::node_id::is_id;
use super::raylet_log::RayletLog;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::path::Path;
use std::time::SystemTime;
use std::{fmt, fs};

/// The file whose name ends in the node's id, and whose content is the port of the agent's Prometheus page.
const PORT_FILE: &str = "metrics_export_port_";

/// The ids of a node in one session's folder.
#[derive(Debug, Default)]
pub(super) struct NodeIds {
    log: RayletLog,
    /// The ids seen so far, in the order of their files' times when first seen.
    seen: Vec<String>,
}

/// The ids and the port that the files tell now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// All ids, the current one last.
    pub(super) ids: Vec<String>,
    /// The port of the current agent.
    pub(super) metrics_port: Option<u16>,
}

impl NodeIds {
    /// Reads a session's folder.
    pub(super) fn read(&mut self, folder: &Path) -> Found {
        let mut files = port_files(folder);
        files.sort();
        if files.is_empty() {
            self.log.read(&folder.join("logs/raylet.out"));
            return Found { ids: self.log.ids().to_vec(), metrics_port: older_port(folder) };
        }
        for (_, id) in &files {
            if !self.seen.contains(id) {
                self.seen.push(id.clone());
            }
        }
        let port = self.seen.last().and_then(|id| {
            let text = fs::read_to_string(folder.join(format!("{PORT_FILE}{id}"))).ok()?;
            text.trim().parse().ok().filter(|port| *port != 0)
        });
        Found { ids: self.seen.clone(), metrics_port: port }
    }
}

/// Returns the port that a Ray before 2.55 notes for all processes of the folder's nodes: a pod has one node at a time,
/// and the last one noted is the current one.
fn older_port(folder: &Path) -> Option<u16> {
    let text = fs::read(folder.join("ports_by_node.json")).ok()?;
    let Ports(ports) = serde_json::from_slice(&text).ok()?;
    ports.filter(|port| *port != 0)
}

/// The port of the last node of the file that has one.
struct Ports(Option<u16>);

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Self(None))
    }
}

impl<'de> Visitor<'de> for Ports {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of nodes")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut nodes: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        struct Node {
            metrics_export_port: Option<u16>,
        }
        while let Some((IgnoredAny, node)) = nodes.next_entry::<IgnoredAny, Node>()? {
            self.0 = node.metrics_export_port.or(self.0);
        }
        Ok(self)
    }
}

/// Returns the nodes of the port files with the times of the files.
fn port_files(folder: &Path) -> Vec<(SystemTime, String)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let found = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        let id = name.to_str()?.strip_prefix(PORT_FILE)?;
        let time = entry.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        is_id(id).then(|| (time, id.to_owned()))
    });
    found.collect()
}
