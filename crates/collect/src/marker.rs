//! The marker of a session, by which it is listed: an empty object that the head's collector makes once.
//!
//! It is made in the first second of a session and never again: readers take its time for the session's.

use crate::destinations::Destinations;
use crate::upload::Sink;
use bytes::Bytes;
use ray_history_core::base::name::SessionName;
use ray_history_storage::Error;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The markers that were made, also by earlier processes on the same spool: some stores ignore the condition that
/// there must be none.
#[derive(Debug)]
pub struct Markers {
    folder: PathBuf,
    made: BTreeSet<SessionName>,
}

impl Markers {
    /// Returns the markers whose notes are in a folder.
    pub fn open(folder: &Path) -> Self {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let made = entries.filter_map(|entry| SessionName::parse(entry.file_name().to_str()?.strip_suffix(".marker")?));
        Self { folder: folder.to_owned(), made: made.collect() }
    }

    /// Makes the marker of a session, unless it was made. Waits for the store.
    pub async fn make(&mut self, session: &SessionName, destinations: &Destinations, sink: &Sink) -> Result<(), Error> {
        if self.made.contains(session) {
            return Ok(());
        }
        let Some(keys) = destinations.session_keys(session) else { return Ok(()) };
        sink.create(keys.marker(), Bytes::new()).await?;
        self.made.insert(session.clone());
        // Without the note, a restarted collector asks the store again.
        let _ = fs::create_dir_all(&self.folder);
        let _ = fs::write(self.folder.join(format!("{session}.marker")), "");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::ClusterId;
    use ray_history_storage_write::memory::MemoryWriter;
    use std::sync::Arc;
    use tokio::sync::watch;

    #[tokio::test]
    async fn a_marker_is_made_once_in_the_life_of_a_spool() {
        let spool = tempfile::tempdir().unwrap();
        let folder = spool.path().join("control");
        let memory = MemoryWriter::default();
        let sink = Sink::new(Arc::new(memory.clone()));
        let (_sender, folders) = watch::channel(Arc::from([]));
        let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
        let destinations = Destinations::new("", Some(cluster), None, folders);
        let session = SessionName::parse("session_2026-11-23_07-10-07_600839_11972").unwrap();
        let key = format!("cluster-metadata/raycluster/ml_train/{session}");

        Markers::open(&folder).make(&session, &destinations, &sink).await.unwrap();
        assert!(!memory.0.put_absent(&key, ""), "it is there");
        // Another process, and a store in which the marker would be made anew.
        memory.0.remove(&key);
        Markers::open(&folder).make(&session, &destinations, &sink).await.unwrap();
        assert!(memory.0.put_absent(&key, ""), "it was not made again");
    }
}
