//! Stores that are not well, and one that is a folder.

use super::*;
use ray_history_storage::config::{LocalConfig, StoreConfig};
use ray_history_storage::local::Local;
use ray_history_storage_write::connect;
use std::fs;
use std::path::Path;
use std::time::SystemTime;
use tempfile::TempDir;

#[tokio::test(start_paused = true)]
async fn a_store_that_is_not_well_ends_a_run() {
    for kind in [ErrorKind::Throttled, ErrorKind::Unavailable, ErrorKind::Truncated, ErrorKind::NoBucket] {
        let mut bucket = Bucket::new(2, 3);
        bucket.run().await;
        pass(7 * DAY).await;
        let faulty = Arc::new(Faulty::new(Arc::clone(&bucket.memory) as _));
        for folder in [FOLDER, &FOLDER.replace("train0", "train1")] {
            faulty.arm(folder, Fault::Always(kind));
        }
        bucket.executor.store = faulty;
        let run = bucket.run().await;
        assert_eq!((run.outcome.as_str(), run.deleted), ("StoreFails", 0), "{kind:?}");
        assert_eq!(bucket.left().await.len(), 6);
    }
}

/// Returns a folder with the objects of one old session, and folders of it without any.
async fn in_a_folder() -> (TempDir, Bucket) {
    let (dir, mut bucket) = (tempfile::tempdir().unwrap(), Bucket::new(1, 0));
    let marker = "cluster-metadata/raycluster/ml_train0/session_2026-11-22_23-11-33_821800_1".to_owned();
    for key in [marker, format!("{FOLDER}n/logs/worker-2.out")] {
        let path = dir.path().join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let old = SystemTime::UNIX_EPOCH + Duration::from_nanos((BEGIN - 40 * DAY).cast_unsigned());
        File::create(path).unwrap().set_modified(old).unwrap();
    }
    fs::create_dir_all(dir.path().join(FOLDER).join("logs/old")).unwrap();
    bucket.executor.store = Arc::new(Local::open(dir.path()).unwrap());
    bucket.executor.writer =
        Some(connect(&StoreConfig::Local(LocalConfig { path: dir.path().to_owned() })).await.unwrap());
    (dir, bucket)
}

/// Folders without objects are not listed, and one that stays would be listed as a session.
#[tokio::test(start_paused = true)]
async fn a_deletion_leaves_no_folder_of_the_session() {
    for is_interrupted in [false, true] {
        let (dir, mut bucket) = in_a_folder().await;
        assert_eq!(bucket.run().await.marked, 1);
        pass(7 * DAY).await;
        let at = dir.path().to_owned();
        let files = move || {
            remove_files(&at.join("cluster-history"));
            remove_files(&at.join("cluster-metadata"));
        };
        if is_interrupted {
            // An executor removed all objects, and came to its end before it removed the folders.
            *bucket.known.begun.lock() = Some(Box::new(files));
        }
        let run = bucket.run().await;
        assert_eq!((run.outcome.as_str(), run.deleted), ("Deleting", 1), "{:?}", run.failed);
        assert_eq!(run.objects, if is_interrupted { 0 } else { 2 });
        assert!(!dir.path().join("cluster-history/raycluster").exists(), "interrupted: {is_interrupted}");
        assert!(dir.path().join("cluster-history").exists(), "it may be another's");
    }
}

/// A bucket is asked for nothing more: its folders are objects, which were listed.
#[tokio::test(start_paused = true)]
async fn a_bucket_is_not_asked_for_its_folders() {
    let mut bucket = Bucket::new(1, 3);
    bucket.run().await;
    pass(7 * DAY).await;
    bucket.executor.store = Arc::new(Faulty::new(Arc::clone(&bucket.memory) as _).with_paid_listings());
    assert_eq!(bucket.run().await.deleted, 1);
    let deleted = bucket.writer.deleted.lock().clone();
    assert_eq!(deleted.len(), 3, "{deleted:?}");
}

fn remove_files(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { remove_files(&path) } else { fs::remove_file(path).unwrap() }
    }
}
