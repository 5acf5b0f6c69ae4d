//! A day of log files that are rotated, rewritten, removed and moved, in paused time: every byte is readable, or named
//! lost.

use super::world::{World, session};
use crate::tail::Settings;
use ray_history_core::layout::rotated_from;
use ray_history_manifest::{LogRange, Logs};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// The length of a record: the number of its file, then its own.
const RECORD: u64 = 16;

/// Small numbers that look random, the same in each run.
pub(super) struct Dice(pub(super) u64);

/// The records that were written, apart from the files themselves.
#[derive(Default)]
pub(super) struct Model {
    /// For each file the records that were written to it, and the paths that it had.
    files: Vec<(u64, BTreeSet<String>)>,
    /// The file at each path.
    live: BTreeMap<String, usize>,
    /// Paths that were rewritten in place once; a second time only the last content is stored.
    rewritten: BTreeSet<String>,
}

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn record(file: usize, number: u64) -> String {
    format!("{file:06} {number:08}\n")
}

impl Model {
    /// Appends records to the file at a path; makes it, if there is none.
    pub(super) fn append(&mut self, world: &World, path: &str, records: u64) {
        let file = *self.live.entry(path.to_owned()).or_insert_with(|| {
            self.files.push((0, BTreeSet::from([path.to_owned()])));
            self.files.len() - 1
        });
        let from = self.files[file].0;
        let text: String = (from..from + records).map(|number| record(file, number)).collect();
        world.append(path, text.as_bytes());
        self.files[file].0 += records;
    }

    fn rename(&mut self, world: &World, from: &str, to: &str) {
        let Some(file) = self.live.remove(from) else { return };
        world.rename(from, to);
        self.files[file].1.insert(to.to_owned());
        self.live.insert(to.to_owned(), file);
    }

    /// Rotates as Ray does: `x`, `x.1`, `x.2`, `x.3`, and the oldest is dropped.
    pub(super) fn rotate(&mut self, world: &World, path: &str) {
        for age in (0..3).rev() {
            let name = |age: u32| if age == 0 { path.to_owned() } else { format!("{path}.{age}") };
            self.rename(world, &name(age), &name(age + 1));
        }
    }

    /// Rotates and drops nothing: the oldest moves to a name of its own.
    pub(super) fn rotate_without_loss(&mut self, world: &World, path: &str) {
        let kept = format!("{path}.{}", self.files.len() + 100);
        self.rename(world, &format!("{path}.2"), &kept);
        self.rename(world, &format!("{path}.1"), &format!("{path}.2"));
        self.rename(world, path, &format!("{path}.1"));
    }

    fn rewrite(&mut self, world: &World, path: &str, records: u64) {
        if !self.rewritten.insert(path.to_owned()) || self.live.remove(path).is_none() {
            return;
        }
        self.files.push((records, BTreeSet::from([path.to_owned()])));
        let file = self.files.len() - 1;
        self.live.insert(path.to_owned(), file);
        let text: String = (0..records).map(|number| record(file, number)).collect();
        let mut open = OpenOptions::new().write(true).truncate(true).open(world.logs().join(path)).unwrap();
        open.write_all(text.as_bytes()).unwrap();
    }

    fn remove(&mut self, world: &World, path: &str) {
        if self.live.remove(path).is_some() {
            fs::remove_file(world.logs().join(path)).unwrap();
        }
    }

    /// Does one thing to some file.
    pub(super) fn act(&mut self, world: &World, dice: &mut Dice) {
        let path = format!("worker-{}.out", dice.roll(6));
        match dice.roll(40) {
            0..=3 => self.rotate(world, &path),
            4 => {
                self.rotate(world, &path);
                self.append(world, &path, 3);
                self.rotate(world, &path);
                self.append(world, &path, 2);
            }
            5 => {
                let records = 1 + dice.roll(2_000);
                self.rewrite(world, &path, records);
            }
            6 => {
                // The inode number is often used again at once.
                self.remove(world, &path);
                self.append(world, &path, 1 + dice.roll(200));
            }
            7 => self.remove(world, &path),
            8 => {
                let old = format!("old/{path}");
                self.remove(world, &old);
                self.rename(world, &path, &old);
            }
            _ => self.append(world, &path, 1 + dice.roll(300)),
        }
    }

    /// Requires that each record is stored at its place, or in a range that is named lost.
    pub(super) fn check(&self, stored: &super::reader::Stored, logs: &Logs) {
        let mut found = BTreeSet::new();
        let mut take = |what: &str, at: u64, bytes: &[u8]| {
            let mut of = None;
            for (i, line) in bytes.chunks(RECORD as usize).enumerate() {
                let line = std::str::from_utf8(line).unwrap_or_else(|_| panic!("{what} is mixed up at {at}"));
                let (file, number) = (line[..6].parse::<usize>().unwrap(), line[7..15].parse::<u64>().unwrap());
                assert_eq!(number * RECORD, at + i as u64 * RECORD, "{what} has a record of {file} elsewhere");
                assert_eq!(*of.get_or_insert(file), file, "{what} has records of several files");
                found.insert((file, number));
            }
        };
        for (path, bytes) in &stored.settled {
            take(path, 0, bytes);
        }
        let mut frames: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (frame, bytes) in &stored.frames {
            take(&format!("a frame of {}", frame.path), frame.at, bytes);
            frames.entry(&frame.file).or_default().push(bytes[..6].to_vec());
        }
        for (id, files) in frames {
            assert!(files.iter().all(|file| *file == files[0]), "several files are {id}");
        }
        let is_lost = |path: &str, at: u64| {
            let of_path = |lost: &&LogRange| lost.path == path || rotated_from(&lost.path).as_deref() == Some(path);
            logs.lost.iter().filter(of_path).any(|lost| lost.from <= at && at < lost.to)
        };
        for (file, (records, paths)) in self.files.iter().enumerate() {
            for number in (0..*records).filter(|number| !found.contains(&(file, *number))) {
                let at = number * RECORD;
                let is_named = paths.iter().any(|path| is_lost(path, at));
                assert!(is_named, "record {number} of file {file} ({paths:?}) of {records} is nowhere");
            }
        }
    }

    /// Returns the bytes that were written.
    pub(super) fn written(&self) -> u64 {
        self.files.iter().map(|(records, _)| records * RECORD).sum()
    }
}

async fn day(seed: u64, settings: Settings, pause: u64) -> (Model, Logs, World) {
    let world = World::new(settings);
    let mut dice = Dice(seed);
    let mut model = Model::default();
    let tail = world.tail();
    let running = tail.clone();
    let running = tokio::spawn(async move { running.run().await });
    let begin = Instant::now();
    // Between two scans, which are at whole seconds.
    tokio::time::sleep(Duration::from_millis(500)).await;
    while begin.elapsed() < Duration::from_secs(24 * 3600) {
        // The store is away in the sixth hour.
        world.store.is_away.store(begin.elapsed().as_secs() / 3600 == 5, Ordering::Relaxed);
        model.act(&world, &mut dice);
        tokio::time::sleep(Duration::from_secs(pause + dice.roll(80))).await;
        if let Some(logs) = tail.manifest_part(&session()) {
            tail.manifest_is_stored(&session(), "ab", &logs).await;
        }
    }
    running.abort();
    let _ = running.await;
    tail.flush_now().await.unwrap();
    tail.scan().await;
    let left = tail.settle(Instant::now() + Duration::from_secs(20)).await;
    assert_eq!(left.files, 0);
    let logs = tail.manifest_part(&session()).unwrap();
    model.check(&world.stored("ab").await, &logs);
    (model, logs, world)
}

/// Lost is what was written before a file was rewritten in place, and not stored by then.
#[tokio::test(start_paused = true)]
async fn every_byte_of_a_day_is_readable_or_named_lost() {
    for seed in [7, 8] {
        let (model, logs, world) = day(seed, Settings::default(), 0).await;
        let lost: u64 = logs.lost.iter().map(|lost| lost.to - lost.from).sum();
        assert!(lost * 10 < model.written(), "{lost} of {} bytes lost: {:?}", model.written(), logs.lost);
        let stored = world.stored("ab").await;
        assert_eq!(logs.settled.objects, stored.settled.len() as u64);
        assert_eq!(logs.settled.bytes, stored.settled.values().map(|bytes| bytes.len() as u64).sum::<u64>());
        let mut digest = ray_history_manifest::Digest::default();
        for (path, bytes) in &stored.settled {
            digest.add(&format!("logs/{path}"), bytes.len() as u64);
        }
        assert_eq!(logs.settled.digest, digest);
        assert!(stored.segments.iter().all(|number| *number <= logs.segments.last));
    }
}

/// Without a file held open, what is removed between a scan and a flush is lost, and said to be. What no scan saw cannot
/// be named, so here each change is seen.
#[tokio::test(start_paused = true)]
async fn losses_are_named_when_no_file_can_be_held_open() {
    let (_, logs, _) = day(9, Settings { most_open: 0, ..Settings::default() }, 6).await;
    assert!(!logs.lost.is_empty());
}
