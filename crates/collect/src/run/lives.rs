//! The lives of sessions and raylets in one pod: finds the folders, publishes them, and closes what was replaced.

use crate::identity::{Raylet, Scanner, SessionFolder};
use crate::manifests::{Manifests, NodeId};
use crate::parts::{EventPart, LogPart};
use ray_history_manifest::{Reason, State};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// The interval of looks at the folders: a session's marker is made in its first second.
const LOOK: Duration = Duration::from_millis(500);
/// The time for what an ended raylet left, until its successor's id counts.
const SUCCESSION: Duration = Duration::from_secs(10);
/// The time for settling the logs of a session that has ended, while the next one runs.
const SETTLING: Duration = Duration::from_secs(600);

/// Publishes folders, and closes sessions and raylets that others have replaced.
pub(super) struct Lives {
    pub(super) folders: watch::Sender<Arc<[SessionFolder]>>,
    pub(super) manifests: Arc<Manifests>,
    pub(super) events: Arc<dyn EventPart>,
    pub(super) logs: Arc<dyn LogPart>,
    pub(super) closing: BTreeSet<NodeId>,
}

impl Lives {
    /// Looks at the folders for ever.
    pub(super) async fn run(mut self, root: &Path) {
        let mut scanner = Scanner::new(root);
        loop {
            let scan = tokio::task::spawn_blocking(move || {
                let folders = scanner.scan();
                (scanner, folders)
            });
            if let Ok((back, folders)) = scan.await {
                scanner = back;
                self.look(folders).await;
            } else {
                scanner = Scanner::new(root);
            }
            sleep(LOOK).await;
        }
    }

    async fn look(&mut self, folders: Vec<SessionFolder>) {
        let before = Arc::clone(&self.folders.borrow());
        for folder in &folders {
            let earlier = before.iter().find(|earlier| earlier.name == folder.name);
            if let Some(old) = earlier.and_then(|earlier| earlier.node.clone())
                && folder.node.as_ref() != Some(&old)
            {
                // Under the old id, before the new one counts; the store may be away, and events must not wait for it.
                let node = (folder.name.clone(), old);
                drop(timeout(SUCCESSION, self.close(node, Reason::RayletRestarted)).await);
            }
        }
        for folder in folders.iter().filter(|folder| folder.raylet == Raylet::Gone) {
            let earlier = before.iter().find(|earlier| earlier.name == folder.name);
            if let Some(node) = folder.node.clone().filter(|_| earlier.is_some_and(|it| it.raylet == Raylet::Alive)) {
                self.manifests.ray_ended(&(folder.name.clone(), node));
            }
        }
        for node in ended(&folders) {
            if self.manifests.state(&node) != State::Closed && self.closing.insert(node.clone()) {
                let close = self.close(node, Reason::SessionEnded);
                tokio::spawn(close);
            }
        }
        self.folders.send_if_modified(|published| {
            let differs = **published != *folders;
            if differs {
                *published = folders.into();
            }
            differs
        });
    }

    /// Stores all of a node that nothing more comes from, and closes its manifest.
    fn close(&self, node: NodeId, reason: Reason) -> impl Future<Output = ()> + Send + 'static {
        let (events, logs, manifests) = (Arc::clone(&self.events), Arc::clone(&self.logs), Arc::clone(&self.manifests));
        async move {
            tracing::info!(session = %node.0, node = node.1, "closing: {reason:?}");
            events.close(&node.0).await;
            logs.flush_now().await;
            manifests.put(&node, State::Draining, None).await;
            logs.settle(Instant::now() + SETTLING).await;
            logs.resume();
            manifests.put(&node, State::Closed, Some(reason)).await;
        }
    }
}

/// Returns the nodes of sessions that another session has replaced: their raylet is gone, or never came.
fn ended(folders: &[SessionFolder]) -> Vec<NodeId> {
    let Some(latest) = folders.iter().find(|folder| folder.latest) else { return Vec::new() };
    let is_over = |folder: &&SessionFolder| match folder.raylet {
        _ if folder.latest => false,
        Raylet::Alive => false,
        Raylet::Gone => true,
        // A folder that is newer than the link's is the next session's.
        Raylet::Starting => folder.name < latest.name,
    };
    folders.iter().filter(is_over).filter_map(|folder| Some((folder.name.clone(), folder.node.clone()?))).collect()
}

/// Returns the nodes that go on, or may.
pub(super) fn current(folders: &[SessionFolder]) -> Vec<NodeId> {
    let over = ended(folders);
    let nodes = folders.iter().filter_map(|folder| Some((folder.name.clone(), folder.node.clone()?)));
    nodes.filter(|node| !over.contains(node)).collect()
}

#[cfg(test)]
mod tests;
