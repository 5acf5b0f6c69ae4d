//! A scan of 5,000 logs that do not change, beside the least that it can do: reading the folder, and a `stat` of each.
//!
//! The rows are taken in turn, so that a busy moment meets all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on must stop")]

use ray_history_collect::destinations::Destinations;
use ray_history_collect::identity::{Raylet, SessionFolder};
use ray_history_collect::tail::{Settings, Tail};
use ray_history_collect::upload::Sink;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_storage_write::memory::MemoryWriter;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, StatxFlags, open, statat, statx};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

const FILES: usize = 5_000;
const ROUNDS: usize = 50;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("session/logs");
    std::fs::create_dir_all(&logs).unwrap();
    for number in 0..FILES {
        let kind = if number % 2 == 0 { "out" } else { "err" };
        std::fs::write(logs.join(format!("worker-{number:056x}-01000000-{number}.{kind}")), "a line\n").unwrap();
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let tail = tail(dir.path());
        tail.flush_now().await.unwrap();
        let left = tail.settle(tokio::time::Instant::now() + Duration::from_secs(60)).await;
        assert_eq!(left.files, 0);
        let (mut names, mut stats, mut extended, mut scans) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (times, mode) in [(&mut names, Least::Names), (&mut stats, Least::Stat), (&mut extended, Least::Statx)]
            {
                let begun = Instant::now();
                assert_eq!(least(&logs, mode), FILES);
                times.push(begun.elapsed());
            }
            let begun = Instant::now();
            tail.scan().await;
            scans.push(begun.elapsed());
        }
        for (name, times) in [
            ("names alone", &mut names),
            ("names and stat", &mut stats),
            ("names and statx", &mut extended),
            ("a scan", &mut scans),
        ] {
            times.sort_unstable();
            println!("{name:<16} {:>7.2?} (least) {:>7.2?} (median)", times[0], times[times.len() / 2]);
        }
    });
}

#[derive(Clone, Copy)]
enum Least {
    Names,
    Stat,
    Statx,
}

/// Reads a folder, and returns the number of files.
fn least(folder: &Path, mode: Least) -> usize {
    let folder = open(folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    let mut entries = Dir::read_from(&folder).unwrap();
    let mut files = 0;
    while let Some(entry) = entries.read() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name.to_bytes().starts_with(b".") {
            continue;
        }
        match mode {
            Least::Names => {}
            Least::Stat => {
                let stat = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
                assert_eq!(stat.st_size, 7);
            }
            Least::Statx => {
                let wanted = StatxFlags::TYPE | StatxFlags::INO | StatxFlags::SIZE | StatxFlags::MTIME;
                let stat = statx(&folder, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_DONT_SYNC, wanted).unwrap();
                assert_eq!(stat.stx_size, 7);
            }
        }
        files += 1;
    }
    files
}

fn tail(dir: &Path) -> Tail {
    let folder = SessionFolder {
        name: SessionName::parse("session_2026-11-23_07-10-07_600839_11972").unwrap(),
        path: dir.join("session"),
        node: Some("ab".to_owned()),
        former_nodes: Vec::new(),
        metrics_port: None,
        raylet: Raylet::Alive,
        latest: true,
    };
    let (_, folders) = watch::channel(Arc::from([folder]));
    let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
    let destinations = Destinations::new("", Some(cluster), None, folders);
    let sink = Sink::new(Arc::new(MemoryWriter::default()));
    Tail::new(Settings::default(), "0199", &dir.join("state"), sink, destinations)
}
