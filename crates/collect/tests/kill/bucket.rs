//! A bucket in a folder, which may be good or bad, and what is read from it afterwards.

use super::child::die;
use super::feeder::SESSIONS;
use super::random::Random;
use async_trait::async_trait;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use ray_history_manifest::{Digest, Events};
use ray_history_storage::{Error, ErrorKind};
use ray_history_storage_write::{If, Put, StorageWrite};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The folder of the bucket.
pub(crate) const BUCKET: &str = "bucket";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Good,
    /// Half of the writes fail.
    Failing,
    /// Writes take longer than Ray waits for an answer.
    Slow,
    /// Half of the writes succeed without an answer.
    Cut,
}

/// The writing side.
pub(crate) struct Folder {
    pub(crate) dir: PathBuf,
    pub(crate) store: Store,
    /// Counts down to the write in whose middle the process dies; 0 for never.
    pub(crate) half_put: AtomicU64,
    pub(crate) random: Mutex<Random>,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder").finish_non_exhaustive()
    }
}

impl Folder {
    fn write(&self, key: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.dir.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let unfinished = self.dir.join("unfinished");
        if self.half_put.load(Ordering::Relaxed) > 0 && self.half_put.fetch_sub(1, Ordering::Relaxed) == 1 {
            std::fs::write(&unfinished, &bytes[..bytes.len() / 2]).unwrap();
            die();
        }
        std::fs::write(&unfinished, bytes).unwrap();
        std::fs::rename(unfinished, path).map_err(|error| Error::failed(key, error))
    }

    async fn attempt(&self, key: &str, bytes: &[u8]) -> Result<(), Error> {
        let is_bad = self.random.lock().unwrap().next().is_multiple_of(2);
        match self.store {
            Store::Failing if is_bad => return Err(Error::new(ErrorKind::Unavailable, key)),
            Store::Slow => tokio::time::sleep(Duration::from_millis(250)).await,
            _ => {}
        }
        self.write(key, bytes)?;
        if self.store == Store::Cut && is_bad { Err(Error::new(ErrorKind::Truncated, key)) } else { Ok(()) }
    }
}

#[async_trait]
impl StorageWrite for Folder {
    async fn put(&self, key: &str, bytes: Bytes, _: If<'_>) -> Result<Put, Error> {
        self.attempt(key, &bytes).await.map(|()| Put::Written)
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        self.attempt(key, &bytes).await
    }

    async fn delete(&self, _: &str) -> Result<(), Error> {
        panic!("nothing is deleted");
    }
}

/// All objects, by key.
fn objects(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let bucket = dir.join(BUCKET);
    let (mut found, mut folders) = (BTreeMap::new(), vec![bucket.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "unfinished" {
                let key = path.strip_prefix(&bucket).unwrap().to_str().unwrap().to_owned();
                found.insert(key, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn records(object: &[u8]) -> Vec<u64> {
    let mut text = String::new();
    MultiGzDecoder::new(object).read_to_string(&mut text).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_u64().unwrap()).collect()
}

/// The numbers of all events in the bucket, sorted, each of them once.
pub(crate) fn numbers(dir: &Path) -> Vec<u64> {
    let mut numbers: Vec<u64> = objects(dir).values().flat_map(|object| records(object)).collect();
    numbers.sort_unstable();
    let doubled: Vec<u64> = numbers.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert!(doubled.is_empty(), "stored twice: {doubled:?}");
    numbers
}

/// The manifests' parts that the last collector left agree with the bucket.
pub(crate) fn check_manifests(dir: &Path, records_accepted: u64) {
    let objects = objects(dir);
    let mut total = 0;
    for session in SESSIONS {
        let text = std::fs::read(dir.join(session)).unwrap();
        let events: Events = serde_json::from_slice(&text).unwrap();
        let prefix = format!("cluster-history/raycluster/ml/train/{session}/ab/");
        let (mut digest, mut bytes, mut count, mut read) = (Digest::default(), 0, 0, 0);
        for (key, object) in objects.iter().filter_map(|(key, object)| Some((key.strip_prefix(&prefix)?, object))) {
            if let Some(growing) = events.growing.iter().find(|growing| growing.key == key) {
                let found = (object.len() as u64, records(object).len() as u64);
                assert_eq!((growing.size, growing.records), found, "{key}");
                continue;
            }
            digest.add(key, object.len() as u64);
            bytes += object.len() as u64;
            read += records(object).len() as u64;
            count += 1;
        }
        let sealed = events.sealed;
        assert_eq!((sealed.objects, sealed.bytes, sealed.records, sealed.digest), (count, bytes, read, digest));
        assert_eq!((events.quarantined, events.refused), (0, 0));
        total += events.records;
    }
    assert_eq!(total, records_accepted);
}
