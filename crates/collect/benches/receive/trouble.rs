//! A body of 100 MB, a store that is slow, one that is away for an hour, a spool on a disk that is full. Each scene ends
//! with a store that works: then it has every event that was acknowledged.

use super::agent::{batch, post};
use super::bucket::Bucket;
use super::collector::Collector;
use super::rates::percentiles;
use super::ray::Ray;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

struct Scene {
    dir: tempfile::TempDir,
    bucket: Bucket,
    collector: Collector,
    _ray: Ray,
    acknowledged: u64,
    times: Vec<Duration>,
    refused: u64,
    next: u64,
}

pub(crate) fn run() {
    long_body();
    slow_store();
    store_away();
    full_disk();
}

fn long_body() {
    let mut scene = Scene::start(None, &[]);
    let count = 106_500;
    let bytes = scene.post(count) >> 20;
    scene.end(&format!("a body of {bytes} MiB"));
}

fn slow_store() {
    let mut scene = Scene::start(None, &["--flush", "2s"]);
    scene.bucket.state.slow_ms.store(4_000, Ordering::Relaxed);
    for _ in 0..300 {
        scene.post(100);
        std::thread::sleep(Duration::from_millis(100));
    }
    scene.end("30 s at 1,000 events/s, each write takes 4 s");
}

/// As many events as come in an hour at 1,000 a second, as fast as they are taken.
fn store_away() {
    let mut scene = Scene::start(None, &[]);
    scene.bucket.state.is_away.store(true, Ordering::Relaxed);
    let mut most = 0;
    for round in 0..3_600 {
        scene.post(1_000);
        if round % 100 == 0 {
            most = most.max(scene.spool_bytes());
        }
    }
    most = most.max(scene.spool_bytes());
    scene.bucket.state.is_away.store(false, Ordering::Relaxed);
    scene.end(&format!("the store is away for 3,600,000 events, the spool had {} MiB", most >> 20));
}

/// Ray repeats what is refused; here it is counted and the next batch is posted.
fn full_disk() {
    let disk = tempfile::tempdir().unwrap();
    let mount = |command: &mut Command| command.arg(disk.path()).status().is_ok_and(|status| status.success());
    if !mount(Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])) {
        return println!("a full disk: not measured, because only root can mount one");
    }
    let mut scene = Scene::start(Some(disk.path()), &["--flush", "2s"]);
    for _ in 0..400 {
        scene.post(1_000);
        std::thread::sleep(Duration::from_millis(50));
    }
    scene.end("20 s at 20,000 events/s, the spool on a disk of 6 MB");
    assert!(mount(&mut Command::new("umount")));
}

impl Scene {
    fn start(spool: Option<&Path>, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bucket = Bucket::serve();
        bucket.state.counts.store(true, Ordering::Relaxed);
        let ray = Ray::start(dir.path(), 20, bucket.port);
        let spool = spool.map_or_else(|| dir.path().join("spool"), |disk| disk.join("spool"));
        let collector = Collector::start(dir.path(), spool, bucket.port, flags);
        Self { dir, bucket, collector, _ray: ray, acknowledged: 0, times: Vec::new(), refused: 0, next: 0 }
    }

    /// Posts a batch, and returns its length.
    fn post(&mut self, count: u64) -> usize {
        let body = batch(self.next, count);
        self.next += count;
        let sent = Instant::now();
        match post(self.collector.address, &body) {
            Some(200) => self.acknowledged += count,
            Some(503) => self.refused += 1,
            other => panic!("{other:?}"),
        }
        self.times.push(sent.elapsed());
        body.len()
    }

    fn spool_bytes(&self) -> u64 {
        bytes_below(&self.dir.path().join("spool"))
    }

    /// Waits until everything is stored, prints what it took, and compares.
    fn end(mut self, name: &str) {
        self.bucket.state.slow_ms.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        while self.bucket.events() < self.acknowledged && begun.elapsed() < Duration::from_secs(900) {
            std::thread::sleep(Duration::from_millis(100));
        }
        println!(
            "{name}: {} events acknowledged {}; {} batches refused; all stored {:.1} s later; {} kB resident at most",
            self.acknowledged,
            percentiles(&mut self.times),
            self.refused,
            begun.elapsed().as_secs_f64(),
            self.collector.resident("VmHWM"),
        );
        assert_eq!(self.bucket.events(), self.acknowledged);
        drop(self.collector);
    }
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .map(|path: PathBuf| if path.is_dir() { bytes_below(&path) } else { path.metadata().map_or(0, |it| it.len()) })
        .sum()
}
