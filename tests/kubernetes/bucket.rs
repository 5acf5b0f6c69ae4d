//! A folder in the place of a bucket, filled as collectors do it.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The owner of a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner<'a> {
    Nobody,
    RayJob(&'a str),
    RayService(&'a str),
}

/// The folder.
#[derive(Debug)]
pub(crate) struct Bucket {
    dir: TempDir,
    /// The bucket itself: below the folder, so that a server of buckets can serve it.
    path: PathBuf,
}

impl Bucket {
    /// Makes an empty bucket.
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("ray");
        std::fs::create_dir_all(path.join("cluster-metadata/raycluster")).unwrap();
        Self { dir, path }
    }

    /// Returns the path of the bucket.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder that holds the bucket `ray`.
    pub(crate) fn parent(&self) -> &Path {
        self.dir.path()
    }

    /// Stores a session of a cluster: its marker, and the definition of one node.
    pub(crate) fn store(&self, namespace: &str, owner: Owner<'_>, cluster: &str, session: &str) {
        self.events(namespace, owner, cluster, session, 1);
        let marker = match owner {
            Owner::Nobody => format!("raycluster/{namespace}_{cluster}"),
            Owner::RayJob(name) => format!("rayjob/{namespace}_{name}_{cluster}"),
            Owner::RayService(name) => format!("rayservice/{namespace}_{name}_{cluster}"),
        };
        let marker = self.path.join("cluster-metadata").join(marker);
        std::fs::create_dir_all(&marker).unwrap();
        std::fs::write(marker.join(session), "").unwrap();
    }

    /// Stores a file of events of a session: the definition of a node, by its number.
    pub(crate) fn events(&self, namespace: &str, owner: Owner<'_>, cluster: &str, session: &str, node: u8) {
        let event = json!({
            "eventId": "AAAA", "sourceType": "GCS", "eventType": "NODE_DEFINITION_EVENT",
            "timestamp": "2026-11-22T12:00:01Z", "severity": "INFO", "sessionName": session,
            "nodeDefinitionEvent": {"nodeId": base64([node; 28]), "nodeIpAddress": format!("10.0.0.{node}")}
        });
        self.told(namespace, owner, cluster, session, node, &[event]);
    }

    /// Stores a file of these events, from the collector of a node.
    pub(crate) fn told(
        &self,
        namespace: &str,
        owner: Owner<'_>,
        cluster: &str,
        session: &str,
        node: u8,
        events: &[Value],
    ) {
        let history = match owner {
            Owner::Nobody => format!("raycluster/{namespace}"),
            Owner::RayJob(name) => format!("rayjob/{namespace}/{name}"),
            Owner::RayService(name) => format!("rayservice/{namespace}/{name}"),
        };
        let id = format!("{node:02x}").repeat(28);
        let folder = self.path.join(format!("cluster-history/{history}/{cluster}/{session}/{id}/node_events"));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{id}-2026-11-22-12-17953488010000000{node:02}.jsonl"));
        let lines: String = events.iter().flat_map(|event| [event.to_string(), "\n".to_owned()]).collect();
        std::fs::write(file, lines).unwrap();
    }
}

fn base64(bytes: [u8; 28]) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}
