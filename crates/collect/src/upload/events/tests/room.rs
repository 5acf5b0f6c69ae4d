//! A spool without room.

use super::super::*;
use super::rig::{Bucket, event, start_on, start_with};
use crate::spool::{FailPoint, Fsync, Limits, Reservation};
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

/// Also when it was refused before it was whole.
#[tokio::test(start_paused = true)]
async fn a_long_body_without_room_seals_what_grows() {
    const BOUND: u64 = 100_000;
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    let running = start_with(&dir, &bucket, Sealing::default(), BOUND);
    running.accept(1, 0..200);
    running.flush().await;
    assert!(running.spool.inner_used() > 0);
    assert!(!Reservation::new(&running.spool).grow(BOUND * 3 / 4));
    running.spool.count_refused();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(running.spool.inner_used(), 0);
    assert!(Reservation::new(&running.spool).grow(BOUND * 3 / 4));
}

/// Until a file is sealed, both of its forms are on the disk.
#[tokio::test(start_paused = true)]
async fn the_bound_holds_while_files_are_compressed() {
    const BOUND: u64 = 200_000;
    let Filled { next, most } = fill(BOUND, 100, |n| event(1, n)).await;
    assert!((BOUND / 2..=BOUND).contains(&most), "{most} bytes at most");
    assert!(next * event(1, 0).len() as u64 > BOUND, "{next} events: compressed, more of them have room");
}

#[tokio::test(start_paused = true)]
async fn the_bound_holds_for_records_that_do_not_compress() {
    const BOUND: u64 = 1_000_000;
    let Filled { most, .. } = fill(BOUND, 3, noise).await;
    assert!((BOUND / 2..=BOUND).contains(&most), "{most} bytes at most");
}

/// An event with 5,000 random characters.
fn noise(n: u64) -> String {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let characters = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b' ' + (state >> 32) as u8 % 95)
    });
    let pad: String = characters.filter(|character| !matches!(character, '"' | '\\')).take(5_000).collect();
    event(1, n).replacen('{', &format!(r#"{{"pad":"{pad}","#), 1)
}

/// A spool that was filled while the bucket was away.
struct Filled {
    /// The number of events.
    next: u64,
    /// The most bytes that were on the disk.
    most: u64,
}

/// Fills a spool, and compares the records that the bucket has afterwards.
async fn fill(bound: u64, of_batch: u64, event: impl Fn(u64) -> String) -> Filled {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), Arc::new(Bucket::default()));
    bucket.is_away.store(true, Ordering::Relaxed);
    let (spool, most) = (Arc::new(OnceLock::<Arc<Spool>>::new()), Arc::new(AtomicU64::new(0)));
    let (opened, seen, root) = (Arc::clone(&spool), Arc::clone(&most), dir.path().to_owned());
    // At each of these instants one thread works, so that the files are as they were together.
    let hook = move |point| {
        let found = bytes_in(&root);
        seen.fetch_max(found, Ordering::Relaxed);
        if let Some(spool) = opened.get().filter(|_| point == FailPoint::Packed) {
            let told = spool.used();
            assert!(found <= told, "{found} bytes, {told} are said");
        }
    };
    let limits = Limits { bytes: bound, fsync: Fsync::Flush };
    let running =
        start_on(Spool::try_open(dir.path(), limits, Arc::new(hook)).unwrap().unwrap(), &bucket, Sealing::default());
    assert!(spool.set(Arc::clone(&running.spool)).is_ok());
    let (mut next, mut refused) = (0, 0);
    while refused < 20 {
        let events: Vec<String> = (next..next + of_batch).map(&event).collect();
        if running.spool.accept(format!("[{}]", events.join(",")).as_bytes()).is_ok() {
            next += of_batch;
        } else {
            refused += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    bucket.is_away.store(false, Ordering::Relaxed);
    running.flush().await;
    assert_eq!(bucket.numbers(""), (0..next).collect::<Vec<_>>());
    Filled { next, most: most.load(Ordering::Relaxed) }
}

/// Returns the bytes of the files of records, and of the journal.
fn bytes_in(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let of = |path: &Path| match path {
        path if path.is_dir() => bytes_in(path),
        path if path.ends_with("journal") || path.to_string_lossy().contains(".jsonl") => {
            path.metadata().map_or(0, |found| found.len())
        }
        _ => 0,
    };
    entries.map(|path| of(&path)).sum()
}
