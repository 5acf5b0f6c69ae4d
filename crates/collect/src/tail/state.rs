//! State files: how far the logs of each node are stored, so that a collector that is killed goes on where it was.
//!
//! `{session}/{node}.json`, replaced by rename. It never says more than the bucket has: it is written after a put. A put
//! that it does not know is repeated after a start, in a segment with a number that was never used; positions in
//! segments are offsets in files, so a reader has these bytes twice and shows them once.

mod saved;

use super::disk::Disk;
use super::table::Table;
use parking_lot::Mutex;
use ray_history_core::base::name::SessionName;
use saved::Saved;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use std::{fs, io};

/// The longest state file that is read: of 100,000 files.
const LONGEST: u64 = 256 << 20;

/// The folder of state files.
#[derive(Clone, Debug)]
pub(super) struct States {
    folder: Arc<Path>,
    /// One file is written at a time, so that an older state replaces no newer one.
    pub(super) disk: Disk,
    trouble: Arc<Mutex<Option<String>>>,
}

/// A node that has a state file.
#[derive(Debug)]
pub(super) struct Restored {
    /// Its id in hex.
    pub(super) node: String,
    pub(super) table: Table,
}

impl States {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), disk: Disk::default(), trouble: Arc::default() }
    }

    /// Returns the reason why the last state could not be written. What is stored goes on without, but a kill repeats
    /// more.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Writes the state of a node.
    pub(super) async fn save(&self, session: &SessionName, node: &str, table: &Arc<Mutex<Table>>) {
        let Some(path) = self.path(session, node) else { return };
        let (table, trouble) = (Arc::clone(table), Arc::clone(&self.trouble));
        let saved = self.disk.run(move || {
            // The table is not locked while its copy is written.
            let saved = Saved::of(&table.lock());
            let replaced = replace(&path, &saved).err().map(|error| error.to_string());
            *trouble.lock() = replaced;
        });
        // It cannot panic, and it goes on if this is dropped.
        let _ = saved.await;
    }

    /// Reads the states of a session's nodes. Blocks.
    pub(super) fn load(&self, session: &SessionName) -> Vec<Restored> {
        let Ok(entries) = fs::read_dir(self.folder.join(session.as_str())) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let nodes = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()));
        nodes.filter_map(|node| self.load_node(session, node)).collect()
    }

    fn load_node(&self, session: &SessionName, node: String) -> Option<Restored> {
        let path = self.path(session, &node)?;
        let file = File::open(&path).map(|file| BufReader::new(file.take(LONGEST)));
        let saved = file.ok().and_then(|file| serde_json::from_reader::<_, Saved>(file).ok());
        let Some(saved) = saved.filter(Saved::is_understood) else {
            // Everything is stored again, under numbers that were not used yet: no collector makes one segment a second
            // for years.
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let table = Table::beginning_at(now.as_secs());
            return Some(Restored { node, table });
        };
        Some(Restored { node, table: saved.restore() })
    }

    /// Returns the path of a node's file; `None` if its id can be none.
    fn path(&self, session: &SessionName, node: &str) -> Option<PathBuf> {
        let is_id = !node.is_empty() && node.len() <= 64 && node.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_id.then(|| self.folder.join(session.as_str()).join(format!("{node}.json")))
    }
}

fn replace(path: &Path, saved: &Saved) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("new");
    let mut file = BufWriter::new(File::create(&new)?);
    serde_json::to_writer(&mut file, saved)?;
    file.flush()?;
    fs::rename(&new, path)
}
