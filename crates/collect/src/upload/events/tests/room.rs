//! A spool without room.

use super::super::*;
use super::rig::{Bucket, event, start_on, start_with};
use crate::spool::{FailPoint, Fsync, Limits};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

/// Growing objects would fill the spool for an hour, so they are sealed as soon as a batch is refused.
#[tokio::test(start_paused = true)]
async fn a_spool_without_room_seals_what_grows() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let running = start_with(&dir, &bucket, Sealing::default(), 50_000);
    let (mut next, mut refused) = (0, 0);
    while next < 3_000 {
        let events: Vec<String> = (next..next + 100).map(|n| event(1, n)).collect();
        if running.spool.accept(format!("[{}]", events.join(",")).as_bytes()).is_ok() {
            next += 100;
        } else {
            refused += 1;
            assert!(refused < 30, "{next} events");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    running.flush().await;
    assert!(refused > 0);
    assert_eq!(bucket.numbers(""), (0..next).collect::<Vec<_>>());
}

/// Until a file is sealed, both of its forms are on the disk.
#[tokio::test(start_paused = true)]
async fn the_bound_holds_while_files_are_compressed() {
    const BOUND: u64 = 200_000;
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    bucket.is_away.store(true, Ordering::Relaxed);
    let (spool, most) = (Arc::new(OnceLock::<Arc<Spool>>::new()), Arc::new(AtomicU64::new(0)));
    let (opened, seen, root) = (Arc::clone(&spool), Arc::clone(&most), dir.path().to_owned());
    let hook = move |point| {
        if point == FailPoint::Packed {
            let (found, told) = (bytes_of_records(&root), opened.get().unwrap().used());
            assert!(found <= told, "{found} bytes, {told} are said");
            seen.fetch_max(told, Ordering::Relaxed);
        }
    };
    let limits = Limits { bytes: BOUND, fsync: Fsync::Flush };
    let running =
        start_on(Spool::try_open(dir.path(), limits, Arc::new(hook)).unwrap().unwrap(), &bucket, Sealing::default());
    assert!(spool.set(Arc::clone(&running.spool)).is_ok());
    let (mut next, mut refused) = (0, 0);
    while refused < 20 {
        let events: Vec<String> = (next..next + 100).map(|n| event(1, n)).collect();
        if running.spool.accept(format!("[{}]", events.join(",")).as_bytes()).is_ok() {
            next += 100;
        } else {
            refused += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    let most = most.load(Ordering::Relaxed);
    assert!((BOUND / 2..=BOUND).contains(&most), "{most} bytes at most");
    assert!(next * event(1, 0).len() as u64 > BOUND, "{next} events: compressed, more of them have room");
    bucket.is_away.store(false, Ordering::Relaxed);
    running.flush().await;
    assert_eq!(bucket.numbers(""), (0..next).collect::<Vec<_>>());
}

fn bytes_of_records(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: &Path| match path {
        path if path.is_dir() => bytes_of_records(path),
        path if path.to_string_lossy().contains(".jsonl") => path.metadata().unwrap().len(),
        _ => 0,
    };
    entries.map(|path| of(&path)).sum()
}
