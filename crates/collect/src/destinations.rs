//! The place of each session in the bucket.

use crate::identity::Folders;
use parking_lot::Mutex;
use ray_history_core::base::name::{ClusterId, Owner, SessionName};
use ray_history_core::layout::{NodeKeys, SessionKeys};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The time after which data of a session that has no folder here is filed under this node all the same. A folder is
/// there before Ray's first event, so nothing of this pod's sessions waits as long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Sessions without a folder that are remembered; bad input may name any number of them.
const MOST_STRANGERS: usize = 1_000;

/// The keys below which a session's data is stored: of the cluster from the settings, of the node from its folder.
#[derive(Clone, Debug)]
pub struct Destinations {
    root: Arc<str>,
    cluster: Option<Arc<ClusterId>>,
    owner: Option<Arc<Owner>>,
    folders: Folders,
    strangers: Arc<Mutex<HashMap<SessionName, Instant>>>,
    is_ending: Arc<AtomicBool>,
}

impl Destinations {
    /// Returns the destinations below `root`, which is empty or ends in `/`. Nothing has one while the cluster's name is
    /// not known.
    pub fn new(root: &str, cluster: Option<ClusterId>, owner: Option<Owner>, folders: Folders) -> Self {
        Self {
            root: root.into(),
            cluster: cluster.map(Arc::new),
            owner: owner.map(Arc::new),
            folders,
            strangers: Arc::default(),
            is_ending: Arc::default(),
        }
    }

    /// Returns the keys of a session; `None` while the cluster's name is not known.
    pub fn session_keys(&self, session: &SessionName) -> Option<SessionKeys> {
        let cluster = self.cluster.as_deref()?;
        Some(SessionKeys::new(&self.root, cluster, self.owner.as_deref(), session))
    }

    /// Returns the keys of this node in a session; `None` while its id is not known, so uploads wait.
    pub fn node_keys(&self, session: &SessionName) -> Option<NodeKeys> {
        Some(self.session_keys(session)?.node(&self.node(session)?))
    }

    /// Returns the id of this node in a session, in hex; `None` while it is not known.
    pub fn node(&self, session: &SessionName) -> Option<String> {
        let folders = self.folders.borrow();
        if let Some(folder) = folders.iter().find(|folder| folder.name == *session) {
            return folder.node.clone();
        }
        let here = folders.iter().rev().filter(|folder| folder.latest).chain(folders.iter().rev());
        let node = here.filter_map(|folder| folder.node.clone()).next()?;
        self.is_overdue(session).then_some(node)
    }

    /// Files data of sessions without a folder under this node at once, because there is no later.
    pub fn hurry(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Returns the folders of this pod's sessions, to wait for changes.
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    fn is_overdue(&self, session: &SessionName) -> bool {
        if self.is_ending.load(Ordering::Relaxed) {
            return true;
        }
        let mut strangers = self.strangers.lock();
        if strangers.len() >= MOST_STRANGERS && !strangers.contains_key(session) {
            return true;
        }
        let first = *strangers.entry(session.clone()).or_insert_with(Instant::now);
        first.elapsed() >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Raylet, SessionFolder};
    use tokio::sync::watch;

    fn folder(name: &str, node: Option<&str>) -> SessionFolder {
        SessionFolder {
            name: SessionName::parse(name).unwrap(),
            path: format!("/tmp/ray/{name}").into(),
            node: node.map(str::to_owned),
            former_nodes: Vec::new(),
            metrics_port: None,
            raylet: Raylet::Alive,
            latest: true,
        }
    }

    const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";

    #[tokio::test(start_paused = true)]
    async fn keys_wait_for_the_nodes_id() {
        let (sender, folders) = watch::channel(Arc::from([folder(SESSION, None)]));
        let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
        let destinations = Destinations::new("log/", Some(cluster), None, folders);
        let session = SessionName::parse(SESSION).unwrap();
        assert_eq!(destinations.node_keys(&session), None);
        sender.send_replace(Arc::from([folder(SESSION, Some("ab"))]));
        let keys = destinations.node_keys(&session).unwrap();
        assert_eq!(keys.prefix(), format!("log/cluster-history/raycluster/ml/train/{SESSION}/ab/"));

        let stranger = SessionName::parse("session_2026-01-01_00-00-00_000000_1").unwrap();
        assert_eq!(destinations.node_keys(&stranger), None);
        tokio::time::advance(PATIENCE).await;
        assert!(destinations.node_keys(&stranger).unwrap().prefix().ends_with("_000000_1/ab/"));

        let late = SessionName::parse("session_2026-01-01_00-00-00_000000_2").unwrap();
        assert_eq!(destinations.node_keys(&late), None);
        destinations.hurry();
        assert!(destinations.node_keys(&late).is_some());
    }

    #[tokio::test]
    async fn nothing_has_a_place_without_a_cluster() {
        let (_sender, folders) = watch::channel(Arc::from([folder(SESSION, Some("ab"))]));
        let destinations = Destinations::new("", None, None, folders);
        let session = SessionName::parse(SESSION).unwrap();
        assert_eq!((destinations.session_keys(&session), destinations.node_keys(&session)), (None, None));
    }
}
