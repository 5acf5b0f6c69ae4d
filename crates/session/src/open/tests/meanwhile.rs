//! A bucket that changes between the listing and the reading of one load.

use super::*;
use async_trait::async_trait;
use ray_history_storage::{Delimiter, Error as StoreError, ListPage, ObjectBody, PageToken, ReadRange};
use std::sync::Once;

type Change = Box<dyn Fn(&Memory) + Send + Sync>;

/// A store that changes before the first read of a file.
struct Meanwhile {
    inner: Arc<Memory>,
    change: Change,
    once: Once,
}

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[async_trait]
impl Storage for Meanwhile {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, StoreError> {
        self.inner.list(prefix, delimiter, page).await
    }

    async fn read_matching(&self, key: &str, range: ReadRange, etag: Option<&str>) -> Result<ObjectBody, StoreError> {
        // The head is looked for before the listing.
        if !key.starts_with("ray-history/") {
            self.once.call_once(|| (self.change)(&self.inner));
        }
        self.inner.read_matching(key, range, etag).await
    }
}

/// Returns the tasks and unread files of a session of three files that changes while it is read, and again after the
/// next check.
async fn opened(change: impl Fn(&Memory) + Send + Sync + 'static) -> [(usize, u64); 2] {
    let scene = Scene::new(1, 3, Settings::default()).await;
    let store = Meanwhile { inner: Arc::clone(&scene.bucket), change: Box::new(change), once: Once::new() };
    scene.sessions.replace_store(Arc::new(store), vec![Root::default()]);
    scene.sessions.refresh().await.unwrap();
    let seen = |open: &Arc<OpenSession>| (open.snapshot.tasks.len(), open.unread_files + open.unread_updates.count);
    let first = seen(&scene.sessions.open(&key(0)).await.unwrap());
    tokio::time::advance(Duration::from_secs(6)).await;
    [first, seen(&scene.settled(0).await)]
}

#[tokio::test(start_paused = true)]
async fn growing_file_is_read_at_its_new_size() {
    let grown = |bucket: &Memory| {
        (0..3).for_each(|file| {
            bucket.put_modified(event_file(0, file), format!("{}{}", task(0, file), task(0, file + 10)), now());
        });
    };
    assert_eq!(opened(grown).await, [(6, 0), (6, 0)]);
}

#[tokio::test(start_paused = true)]
async fn replaced_file_is_read_as_it_is() {
    let replaced = |bucket: &Memory| {
        (0..3).for_each(|file| bucket.put_modified(event_file(0, file), task(0, 7), now()));
    };
    assert_eq!(opened(replaced).await, [(1, 0), (1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn vanished_file_is_reported_until_delisted() {
    let gone = |bucket: &Memory| {
        bucket.remove(&event_file(0, 1));
    };
    let [first, then] = opened(gone).await;
    assert!(first == (2, 1) || first == (3, 0), "{first:?}: which file is read first is open");
    assert_eq!(then, (2, 0));
}

#[tokio::test(start_paused = true)]
async fn new_file_is_found_by_the_next_check() {
    let comes = |bucket: &Memory| bucket.put_modified(event_file(0, 3), task(0, 3), now());
    assert_eq!(opened(comes).await, [(3, 0), (4, 0)]);
}
