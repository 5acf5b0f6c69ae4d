//! A session's folder on this pod, such as `/tmp/ray/session_2026-11-23_07-10-07_600839_11972`.

use ray_history_core::base::name::SessionName;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;

/// All session folders of the pod, oldest first; a new value whenever one of them changes.
pub type Folders = watch::Receiver<Arc<[SessionFolder]>>;

/// A session's folder, and what it tells about this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFolder {
    /// The session.
    pub name: SessionName,
    /// The folder; its logs are below `logs/`.
    pub path: PathBuf,
    /// The id of this node in hex; `None` until the raylet has said it.
    pub node: Option<String>,
    /// The ids that this node had before in the same folder, oldest first: one for each raylet that ended.
    pub former_nodes: Vec<String>,
    /// The port of the agent's Prometheus page.
    pub metrics_port: Option<u16>,
    /// The life of the raylet.
    pub raylet: Raylet,
    /// `true` for the folder to which `session_latest` points.
    pub latest: bool,
}

/// The life of a raylet, as its socket tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raylet {
    /// It has not been seen yet.
    Starting,
    /// Its socket accepts connections.
    Alive,
    /// Its socket refuses connections, or is gone.
    Gone,
}
