//! Every store behaves alike: the conformance suite against the stores that need no server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

use async_trait::async_trait;
use bytes::Bytes;
use ray_history_storage::conformance::{Fill, run};
use ray_history_storage::faulty::Faulty;
use ray_history_storage::local::Local;
use ray_history_storage::memory::Memory;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

struct MemoryFill<'a>(&'a Memory);

#[async_trait]
impl Fill for MemoryFill<'_> {
    async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()> {
        self.0.put(key, bytes);
        Ok(())
    }
}

struct FolderFill<'a>(&'a Path);

#[async_trait]
impl Fill for FolderFill<'_> {
    async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()> {
        let path = self.0.join(key);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let before = std::fs::metadata(&path).and_then(|file| file.modified()).ok();
        std::fs::write(&path, bytes)?;
        // Two writes within a tick of the system's clock have the same time.
        let file = std::fs::File::options().write(true).open(&path)?;
        if let Some(before) = before.filter(|before| file.metadata().unwrap().modified().unwrap() <= *before) {
            file.set_modified(before + Duration::from_millis(1))?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn the_memory_store_conforms() -> anyhow::Result<()> {
    for page in [7, 1000] {
        let store = Memory::with_page_size(page);
        run(&store, &MemoryFill(&store), "some/where/").await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_folder_store_conforms() -> anyhow::Result<()> {
    for page in [97, 1000] {
        let folder = tempfile::tempdir()?;
        let store = Local::open(folder.path())?.with_page_size(page);
        run(&store, &FolderFill(folder.path()), "").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_faulty_store_without_faults_conforms() -> anyhow::Result<()> {
    let inner = Arc::new(Memory::default());
    let store = Faulty::new(Arc::clone(&inner) as Arc<_>);
    run(&store, &MemoryFill(&inner), "x/").await
}
