//! Folders of a deleted session.

use super::*;

/// Folders without objects are not listed, and one that stays would be listed as a session.
#[tokio::test(start_paused = true)]
async fn a_deletion_ends_with_the_folders_of_the_session() {
    for is_interrupted in [false, true] {
        let mut bucket = Bucket::new(1, 3);
        bucket.run().await;
        pass(7 * DAY).await;
        if is_interrupted {
            // An executor removed all objects, and came to its end before it removed the folders.
            let (memory, left) = (Arc::clone(&bucket.memory), bucket.left().await);
            let remove = move || assert!(left.iter().all(|key| memory.remove(key)));
            *bucket.known.begun.lock() = Some(Box::new(remove));
        }
        let run = bucket.run().await;
        assert_eq!((run.outcome.as_str(), run.deleted), ("Deleting", 1), "{:?}", run.failed);
        assert_eq!(run.objects, if is_interrupted { 0 } else { 3 });
        let flat = "train0_ml/session_2026-11-22_23-11-33_821800_1/";
        let deleted = bucket.writer.deleted.lock().clone();
        assert!(deleted.ends_with(&[FOLDER.to_owned(), flat.to_owned()]), "interrupted: {is_interrupted}: {deleted:?}");
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
