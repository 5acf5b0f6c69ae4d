//! The logs of Ray: follows the files below `logs/` of each session folder, and stores what is appended to them.
//!
//! ```text
//! scan, each 5 s ──► table: identity and positions of each file
//!                      ├──► flush: what is in no segment yet ──► growing segment ──► ray-history/{spool}/logs-….seg
//!                      ├──► settle: whole files ──────────────────────────────────► logs/{path}
//!                      └──► state file, after each put
//! ```
//!
//! Nothing is copied: logs lie on the pod's own volume, and what is kept is how far each is stored. While the store is
//! away, files go on being scanned, and up to 512 are held open, so that those that are removed can still be read.
//!
//! Users' code writes below `logs/`: no link is followed, nothing but regular files is opened, and no name is trusted.

mod class;
mod disk;
mod file;
mod fill;
mod losses;
mod name;
mod node;
mod print;
mod report;
mod settle;
mod state;
mod table;
mod walk;

#[cfg(test)]
mod tests;

pub use class::Class;

use crate::destinations::Destinations;
use crate::identity::SessionFolder;
use crate::upload::Sink;
use node::Node;
use parking_lot::Mutex;
use ray_history_core::base::name::SessionName;
use ray_history_manifest::Logs;
use ray_history_storage::{Error, ErrorKind};
use settle::Which;
use state::{Restored, States};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use table::Table;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

/// The time between two scans.
const SCAN: Duration = Duration::from_secs(5);
/// The time between two looks at what is due.
const LOOK: Duration = Duration::from_secs(1);
/// Segments that are deleted at a time.
const DELETES: u64 = 100;

/// The settings of the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The longest time that bytes of each class wait.
    pub facts_flush: Duration,
    /// For output of users.
    pub user_flush: Duration,
    /// For the rest.
    pub system_flush: Duration,
    /// The bytes of a file that are stored. Of a longer one, the middle is left out.
    pub max_bytes: u64,
    /// Files held open.
    pub most_open: usize,
    /// The bytes per second that all uploads have together.
    pub upload_rate: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            facts_flush: Duration::from_secs(10),
            user_flush: Duration::from_secs(30),
            system_flush: Duration::from_secs(300),
            max_bytes: 10 << 30,
            most_open: 512,
            upload_rate: None,
        }
    }
}

/// The bytes that a flush takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushKind {
    /// All, if some class has waited for as long as it may.
    Due,
    /// All.
    All,
}

/// Files that are not settled: their bytes are in segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsettled {
    /// Files.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// The logs of all sessions of the pod. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Tail(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    spool: String,
    states: States,
    sink: Sink,
    destinations: Destinations,
    nodes: Mutex<Vec<Arc<Node>>>,
    /// `true` if the store allows no deletes.
    keeps_segments: AtomicBool,
}

impl Tail {
    /// Returns the logs of the sessions that `destinations` knows. `spool` is the id of the spool, `states` the folder
    /// of state files.
    pub fn new(settings: Settings, spool: &str, states: &Path, sink: Sink, destinations: Destinations) -> Self {
        Self(Arc::new(Inner {
            settings,
            spool: spool.to_owned(),
            states: States::new(states),
            sink,
            destinations,
            nodes: Mutex::default(),
            keeps_segments: AtomicBool::new(false),
        }))
    }

    /// Scans and stores for ever.
    pub async fn run(&self) {
        let scans = async {
            let mut ticks = interval(SCAN);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                self.scan().await;
            }
        };
        let flushes = async {
            loop {
                tokio::time::sleep(LOOK).await;
                // The sink keeps the reason and is asked for it.
                let _ = self.flush(FlushKind::Due).await;
            }
        };
        let settles = async {
            loop {
                tokio::time::sleep(SCAN).await;
                self.settle_due().await;
            }
        };
        tokio::join!(scans, flushes, settles);
    }

    /// Looks at all files of all sessions once.
    pub async fn scan(&self) {
        let inner = Arc::clone(&self.0);
        // It cannot panic; the next scan sees what this one did not.
        let _ = self.0.states.disk.run(move || inner.scan()).await;
    }

    /// Puts what scans have seen into segments; if something is due, what is there now. Returns once it is stored. May
    /// be dropped at any time.
    pub async fn flush(&self, kind: FlushKind) -> Result<(), Error> {
        let is_due = |node: &Arc<Node>| kind == FlushKind::All || node.is_due();
        let due: Vec<_> = self.nodes().into_iter().filter(is_due).collect();
        if kind == FlushKind::Due && !due.is_empty() {
            // What was appended since the last scan goes with it, and needs no request of its own so soon.
            self.scan().await;
        }
        for node in due {
            node.flush(&self.0.sink, &self.0.states).await?;
        }
        Ok(())
    }

    /// Puts all that is in the files now into segments. Returns once it is stored. May be dropped at any time.
    pub async fn flush_now(&self) -> Result<(), Error> {
        self.scan().await;
        self.flush(FlushKind::All).await
    }

    /// Stores the files that are due as such, and everything of former nodes.
    pub async fn settle_due(&self) {
        for node in self.nodes() {
            let is_former = node.is_former.load(Ordering::Relaxed);
            if is_former && node.flush(&self.0.sink, &self.0.states).await.is_err() {
                continue;
            }
            let which = if is_former { Which::All } else { Which::Due };
            node.settle(which, &self.0.sink, &self.0.states).await;
        }
    }

    /// Stores all files as such until a deadline, the most urgent class first, four at once. Returns what is left, all
    /// of which is in segments if `flush_now` has returned before.
    pub async fn settle(&self, deadline: Instant) -> Unsettled {
        let nodes = self.nodes();
        for node in &nodes {
            node.is_closing.store(true, Ordering::Relaxed);
        }
        let settled = async {
            // The ends of files whose middle is left out; nothing else if everything is flushed.
            let _ = self.flush(FlushKind::All).await;
            for node in &nodes {
                node.settle(Which::All, &self.0.sink, &self.0.states).await;
            }
        };
        // What is left is counted below.
        let _ = timeout_at(deadline, settled).await;
        nodes.iter().map(|node| node.unsettled()).fold(Unsettled::default(), |sum, (files, bytes)| Unsettled {
            files: sum.files + files,
            bytes: sum.bytes + bytes,
        })
    }

    /// Goes on after `settle`, because the pod does not end after all.
    pub fn resume(&self) {
        for node in self.nodes() {
            node.is_closing.store(false, Ordering::Relaxed);
        }
    }

    /// Returns the manifest's part about this node in a session; `None` before its first scan.
    pub fn manifest_part(&self, session: &SessionName) -> Option<Logs> {
        let is_current = |node: &&Arc<Node>| node.session == *session && !node.is_former.load(Ordering::Relaxed);
        self.nodes().iter().find(is_current).map(|node| node.manifest_part())
    }

    /// Returns the manifest's part about a node, which may be a former one of the session.
    pub fn manifest_part_of(&self, session: &SessionName, node: &str) -> Option<Logs> {
        self.node(session, node).map(|node| node.manifest_part())
    }

    /// Returns `true` if all files of a node are stored as they should be at the end.
    pub fn is_settled(&self, session: &SessionName, node: &str) -> bool {
        self.node(session, node).is_some_and(|node| node.unsettled() == (0, 0))
    }

    /// Deletes segments that a stored manifest does not count any more. If the store allows no deletes they stay, and
    /// readers ignore them.
    pub async fn manifest_is_stored(&self, session: &SessionName, node: &str, logs: &Logs) {
        let Some(node) = self.node(session, node) else { return };
        let from = node.table.lock().deleted;
        let to = logs.segments.first.min(from.saturating_add(DELETES));
        for number in from..to {
            if self.0.keeps_segments.load(Ordering::Relaxed) {
                return;
            }
            match self.0.sink.delete(&node.segment_key(number)).await {
                Ok(()) => node.table.lock().deleted = number + 1,
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    self.0.keeps_segments.store(true, Ordering::Relaxed);
                }
                Err(_) => return,
            }
        }
    }

    /// Returns how long the oldest bytes have waited that are in no stored segment.
    pub fn lag(&self) -> Duration {
        let nodes = self.nodes();
        let waits = nodes.iter().filter_map(|node| node.waiting.lock().values().map(Instant::elapsed).max());
        waits.max().unwrap_or_default()
    }

    /// Returns the reason why positions cannot be written to the disk; `None` if they can.
    pub fn trouble(&self) -> Option<String> {
        self.0.states.trouble()
    }

    fn nodes(&self) -> Vec<Arc<Node>> {
        self.0.nodes.lock().clone()
    }

    fn node(&self, session: &SessionName, id: &str) -> Option<Arc<Node>> {
        self.nodes().into_iter().find(|node| node.session == *session && node.id == id)
    }
}

impl Inner {
    fn scan(&self) {
        let folders: Arc<[SessionFolder]> = Arc::clone(&self.destinations.folders().borrow());
        for folder in folders.iter() {
            self.meet(folder);
        }
        let nodes = self.nodes.lock().clone();
        for node in nodes.iter().filter(|node| !node.is_former.load(Ordering::Relaxed)) {
            node.scan();
        }
    }

    /// Begins with a node that is new, and ends with the one that had its folder before.
    fn meet(&self, folder: &SessionFolder) {
        let Some(id) = folder.node.as_deref() else { return };
        let Some(keys) = self.destinations.session_keys(&folder.name) else { return };
        let known = self.nodes.lock().clone();
        let mut of_session = known.iter().filter(|node| node.session == folder.name);
        if of_session.any(|node| node.id == id && !node.is_former.load(Ordering::Relaxed)) {
            return;
        }
        if let Some(again) = known.iter().find(|node| node.session == folder.name && node.id == id) {
            again.is_former.store(false, Ordering::Relaxed);
            return;
        }
        let mut new = Vec::new();
        let node = |id: &str, table: Table| {
            let root = folder.path.join("logs");
            let (session, keys) = (folder.name.clone(), keys.node(id));
            Node::new(session, id.to_owned(), keys, &self.spool, root, self.settings, table)
        };
        if !known.iter().any(|node| node.session == folder.name) {
            for Restored { node: former, table } in self.states.load(&folder.name) {
                let restored = node(&former, table);
                restored.is_former.store(former != id, Ordering::Relaxed);
                new.push(Arc::new(restored));
            }
        }
        for former in known.iter().chain(&new).filter(|node| node.session == folder.name && node.id != id) {
            if !former.is_former.load(Ordering::Relaxed) {
                former.scan(); // Its last one: what is in the files now is both nodes'.
                former.is_former.store(true, Ordering::Relaxed);
            }
            former.is_closing.store(true, Ordering::Relaxed);
        }
        if !new.iter().any(|node| node.id == id) {
            new.push(Arc::new(node(id, Table::beginning_at(1))));
        }
        self.nodes.lock().extend(new);
    }
}
