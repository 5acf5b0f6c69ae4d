//! Files that are stored as they are.

use super::super::*;
use super::rig::{Bucket, MINUTE, Running, SESSION, session, start_on};
use crate::spool::{Fsync, Limits};

/// Without compression an object has the records as they are, through restarts, outages and changes of the setting.
#[tokio::test(start_paused = true)]
async fn files_that_are_not_compressed_are_stored_as_they_are() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let limits = Limits { bytes: 1 << 30, fsync: Fsync::Flush };
    let sealing = Sealing { compressed: 20_000, ..Sealing::default() };
    let stop = async |mut running: Running| {
        *running.bucket.spool.lock() = None;
        running.task.abort();
        let _ = (&mut running.task).await;
        while Arc::strong_count(&running.spool) > 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    for round in 0..4u64 {
        let spool = Spool::try_open(dir.path(), limits, Arc::new(|_| {})).unwrap().unwrap();
        // In the third round the setting is another one: files keep their form.
        let running = start_on(if round == 2 { spool } else { spool.with_plain_files() }, &bucket, sealing);
        let from = round * 1_000;
        running.accept(1, from..from + 10);
        running.spool.accept(b"[7]").unwrap();
        running.flush().await;
        bucket.is_away.store(true, Ordering::Relaxed);
        for n in 1..10 {
            running.accept(n % 2, from + n * 100..from + n * 100 + 100);
            tokio::time::sleep(MINUTE).await;
        }
        assert!(running.spool.inner_used() > 10_000, "{}", running.spool.inner_used());
        bucket.is_away.store(false, Ordering::Relaxed);
        if round != 1 {
            running.flush().await;
        }
        stop(running).await;
    }
    let running = start_on(Spool::try_open(dir.path(), limits, Arc::new(|_| {})).unwrap().unwrap(), &bucket, sealing);
    running.uploader.close_session(&session()).await;
    bucket.check_manifest(true);
    // The local files go right after the journal says so.
    for _ in 0..1_000 {
        if running.spool.inner_used() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!((running.spool.inner_used(), dir.path().join(SESSION).exists()), (0, false));
    let all: Vec<u64> = (0..4).flat_map(|round| (0..10).chain(100..1_000).map(move |n| round * 1_000 + n)).collect();
    assert_eq!(bucket.numbers(""), all);
    let form = |bytes: &Bytes| if bytes.starts_with(b"{") { ".jsonl" } else { ".jsonl.gz" };
    let objects = bucket.objects.lock();
    assert!(objects.iter().all(|(key, bytes)| key.ends_with(form(bytes))), "{:?}", objects.keys());
    assert!(
        objects.values().any(|bytes| bytes.starts_with(b"{")) && objects.keys().any(|key| key.contains("quarantine"))
    );
}
