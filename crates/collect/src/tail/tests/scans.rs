//! The cost of scans: for their thread, for others that ask the table meanwhile, and in open files.

use super::world::{World, session};
use crate::tail::Settings;
use crate::tail::table::{Limits, Table};
use parking_lot::Mutex;
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use std::fs;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Returns the names of the files that were opened since the last call.
fn opened(watch: &OwnedFd) -> Vec<String> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = Reader::new(watch, &mut buffer);
    let mut names = Vec::new();
    while let Ok(event) = events.next() {
        if !event.events().contains(ReadFlags::ISDIR) {
            names.extend(event.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names
}

#[tokio::test(start_paused = true)]
async fn a_file_that_does_not_change_is_not_opened() {
    let world = World::new(Settings { most_open: 0, ..Settings::default() });
    for number in 0..20 {
        world.append(&format!("worker-{number}.out"), b"line\n");
    }
    let tail = world.tail();
    tail.flush_now().await.unwrap();
    tail.settle(soon()).await;
    let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&watch, world.logs(), WatchFlags::OPEN).unwrap();
    tail.scan().await;
    assert_eq!(opened(&watch), [""; 0]);
    world.append("worker-7.out", b"more\n");
    assert_eq!(opened(&watch), ["worker-7.out"], "by this test");
    tail.scan().await;
    assert_eq!(opened(&watch), ["worker-7.out"]);
}

/// The thread that acknowledges events waits for one file, and not for a whole walk.
#[test]
fn the_table_can_be_asked_during_a_scan() {
    let world = World::new(Settings::default());
    let files = 1_000;
    for number in 0..files {
        world.append(&format!("worker-{number}.out"), b"line\n");
    }
    let is_midway = (0..50).any(|_| {
        let (table, is_over) = (Mutex::new(Table::beginning_at(1)), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                Table::scan(&table, &world.logs(), Limits { open: 0, max_bytes: u64::MAX });
                is_over.store(true, Ordering::SeqCst);
            });
            let mut is_midway = false;
            while !is_over.load(Ordering::SeqCst) {
                is_midway |= (1..files).contains(&table.lock().files.len());
                std::thread::yield_now();
            }
            is_midway
        })
    });
    assert!(is_midway);
}

/// A file that is in segments only stays open, so that it can be settled after it was removed.
#[tokio::test(start_paused = true)]
async fn an_idle_file_that_is_removed_keeps_no_segment() {
    for (most_open, first) in [(512, 2), (0, 1)] {
        let world = World::new(Settings { most_open, ..Settings::default() });
        let tail = world.tail();
        world.append("worker-1.out", b"x\n");
        for _ in 0..20 {
            tail.flush_now().await.unwrap();
            sleep(Duration::from_secs(5)).await;
        }
        fs::remove_file(world.logs().join("worker-1.out")).unwrap();
        tail.scan().await;
        tail.scan().await;
        tail.settle_due().await;
        sleep(Duration::from_secs(400)).await;
        world.append("worker-2.out", b"y\n");
        tail.flush_now().await.unwrap();
        let logs = tail.manifest_part(&session()).unwrap();
        assert_eq!((logs.segments.first, logs.segments.last), (first, 2), "{most_open} open files");
        assert!(logs.lost.is_empty());
    }
}

/// Facts are stored at each flush of 10 s, output of users each half minute, and Ray's own logs each five minutes: an
/// idle head's `monitor.log` and the agents' logs always grow.
#[tokio::test(start_paused = true)]
async fn a_log_that_always_grows_costs_one_request_each_flush() {
    for (path, every, requests) in [
        ("events/event_JOBS.log", 5, 300..=410),
        ("events/event_JOBS.log", 1, 300..=410),
        ("events/event_JOBS.log", 15, 200..=250),
        ("worker-1.out", 5, 110..=130),
        ("monitor.log", 5, 10..=17),
        ("dashboard.log", 5, 10..=17),
    ] {
        let world = World::new(Settings::default());
        let tail = world.tail();
        let growing = async {
            let end = Instant::now() + Duration::from_secs(3600);
            while Instant::now() < end {
                world.append(path, b"x\n");
                sleep(Duration::from_secs(every)).await;
            }
        };
        tokio::select! {
            () = tail.run() => {}
            () = growing => {}
        }
        let stored = world.stored("ab").await;
        let writes = world.store.writes.load(Ordering::Relaxed);
        let settled = tail.manifest_part(&session()).unwrap().settled;
        assert!(requests.contains(&writes), "{path} each {every} s: {writes} requests, {settled:?}");
        assert!(stored.whole(path).len() >= 2 * (3600 - 300) / every as usize);
    }
}
