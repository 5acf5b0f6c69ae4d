mod plain;
mod rig;
mod room;

use super::*;
use rig::{Bucket, FLUSH, MINUTE, SESSION, event, node, session, start};

#[tokio::test(start_paused = true)]
async fn an_object_grows_under_its_key_until_it_is_sealed() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let running = start(&dir, &bucket, Sealing::default());
    running.accept(1, 0..3);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(running.puts(), 0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bucket.numbers("job_events/00000001/"), [0, 1, 2]);
    running.accept(1, 3..5);
    tokio::time::sleep(FLUSH + Duration::from_secs(1)).await;
    assert_eq!((running.puts(), bucket.count("")), (2, 1));
    assert_eq!(bucket.numbers("job_events/00000001/"), [0, 1, 2, 3, 4]);
    // Nothing new, no request, also when it is sealed by its age.
    tokio::time::sleep(61 * MINUTE).await;
    assert_eq!(running.puts(), 2);
    let events = running.spool.manifest_part(&session(), &node());
    assert_eq!((events.batches, events.records, events.sealed.objects, events.growing.len()), (2, 5, 1, 0));
    assert!(running.spool.unstored_since().is_none() && running.spool.inner_used() == 0);
    running.accept(1, 5..6);
    tokio::time::sleep(FLUSH + Duration::from_secs(1)).await;
    assert_eq!((running.puts(), bucket.count("")), (3, 2));
    assert_eq!(bucket.numbers(""), [0, 1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn objects_are_sealed_by_size_and_nothing_is_left_here() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let sealing = Sealing { compressed: 20_000, ..Sealing::default() };
    let running = start(&dir, &bucket, sealing);
    for round in 0..20 {
        running.accept(1, round * 1_000..round * 1_000 + 1_000);
        running.flush().await;
        assert_eq!(bucket.numbers("").len() as u64, (round + 1) * 1_000);
    }
    let events = running.spool.manifest_part(&session(), &node());
    assert!(events.sealed.objects > 5, "{events:?}");
    assert_eq!(events.records, 20_000);
    running.uploader.close_session(&session()).await;
    bucket.check_manifest(true);
    let events = running.spool.manifest_part(&session(), &node());
    assert_eq!((events.sealed.records, events.growing.len(), running.spool.inner_used()), (20_000, 0, 0));
    assert_eq!(bucket.numbers(""), (0..20_000).collect::<Vec<_>>());
    assert!(!dir.path().join(SESSION).exists());
}

#[tokio::test(start_paused = true)]
async fn uploads_wait_for_the_nodes_id() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let running = start(&dir, &bucket, Sealing::default());
    running.is_known.store(false, Ordering::Relaxed);
    running.accept(1, 0..3);
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(running.puts(), 0);
    running.is_known.store(true, Ordering::Relaxed);
    running.flush().await;
    assert_eq!(bucket.numbers("/ab/job_events/00000001/"), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_was_away_gets_everything() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let running = start(&dir, &bucket, Sealing { compressed: 20_000, ..Sealing::default() });
    running.accept(1, 0..10);
    running.flush().await;
    bucket.is_away.store(true, Ordering::Relaxed);
    let mut next = 10;
    for minute in 0..60 {
        running.accept(1 + minute % 3, next..next + 500);
        next += 500;
        tokio::time::sleep(MINUTE).await;
    }
    // What is sealed is kept compressed only.
    let plain = next * event(1, 0).len() as u64;
    assert!(running.spool.inner_used() < plain / 3, "{} of {plain} bytes", running.spool.inner_used());
    assert_eq!(bucket.numbers("").len(), 10);
    bucket.is_away.store(false, Ordering::Relaxed);
    running.flush().await;
    assert_eq!(bucket.numbers(""), (0..next).collect::<Vec<_>>());
    running.uploader.close_session(&session()).await;
    bucket.check_manifest(true);
    assert_eq!(running.spool.inner_used(), 0);
}

/// A Ray that goes on while its pod ends posts more: waiting for that would take until its file is sealed.
#[tokio::test(start_paused = true)]
async fn closing_waits_for_no_events_that_came_later() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let running = start(&dir, &bucket, Sealing::default());
    running.accept(1, 0..3);
    bucket.is_away.store(true, Ordering::Relaxed);
    let (uploader, begun) = (Arc::clone(&running.uploader), Instant::now());
    let closing = tokio::spawn(async move { uploader.close_session(&session()).await });
    tokio::time::sleep(FLUSH).await;
    running.accept(1, 3..6);
    bucket.is_away.store(false, Ordering::Relaxed);
    closing.await.unwrap();
    assert!(begun.elapsed() < MINUTE, "{:?}", begun.elapsed());
    assert_eq!(running.spool.manifest_part(&session(), &node()).sealed.records, 3);
    running.flush().await;
    assert_eq!(bucket.numbers(""), [0, 1, 2, 3, 4, 5]);
    bucket.check_manifest(true);
}

/// A restart has no streams: the object is compressed again from the beginning of the file, under the same key.
#[tokio::test(start_paused = true)]
async fn an_object_goes_on_after_a_restart() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    for round in 0..4u64 {
        let mut running = start(&dir, &bucket, Sealing::default());
        tokio::time::sleep(MINUTE).await;
        running.accept(1, round * 10..round * 10 + 10);
        if round != 2 {
            running.flush().await;
        }
        *bucket.spool.lock() = None;
        running.task.abort();
        let _ = (&mut running.task).await;
        while Arc::strong_count(&running.spool) > 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!((bucket.count(""), bucket.numbers("")), (1, (0..40).collect::<Vec<_>>()));
}

#[tokio::test(start_paused = true)]
async fn many_categories_share_a_few_streams() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let running = start(&dir, &bucket, Sealing::default());
    for round in 0..3 {
        for job in 0..30 {
            running.accept(job, (round * 30 + job) * 10..(round * 30 + job) * 10 + 10);
        }
        running.flush().await;
    }
    assert_eq!((bucket.count("job_events/"), bucket.numbers("").len()), (30, 900));
    assert_eq!(running.puts(), 90);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_overwritten_if_each_flush_seals() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let running = start(&dir, &bucket, Sealing { every_flush: true, ..Sealing::default() });
    for round in 0..5 {
        running.accept(1, round..round + 1);
        running.flush().await;
    }
    assert_eq!((running.puts(), bucket.count(""), bucket.numbers("")), (5, 5, vec![0, 1, 2, 3, 4]));
}

#[tokio::test(start_paused = true)]
async fn what_is_set_aside_is_stored_and_counted() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let running = start(&dir, &bucket, Sealing::default());
    running.spool.accept(b"before any session").unwrap();
    tokio::time::sleep(MINUTE).await;
    assert_eq!(running.puts(), 0);
    running.spool.accept(format!("[{}, {{}}]", event(1, 7)).as_bytes()).unwrap();
    running.flush().await;
    let folder = format!("/ab/ray-history/{}/quarantine-", running.spool.id());
    assert_eq!((bucket.count(&folder), bucket.count("")), (2, 3));
    let events = running.spool.manifest_part(&session(), &node());
    assert_eq!((events.records, events.quarantined, events.growing.len()), (1, 2, 1));
}
