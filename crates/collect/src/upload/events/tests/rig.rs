//! A bucket, which may be away, and an uploader of a spool to it.

use super::super::*;
use crate::spool::{Fsync, Limits};
use async_trait::async_trait;
use flate2::read::MultiGzDecoder;
use ray_history_core::base::name::ClusterId;
use ray_history_core::layout::NodeKeys;
use ray_history_core::layout::SessionKeys;
use ray_history_manifest::Digest;
use ray_history_storage::ErrorKind;
use ray_history_storage_write::{If, Put, StorageWrite};
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use tempfile::TempDir;

pub(super) const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const FLUSH: Duration = Duration::from_secs(10);

/// A bucket, which may be away.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) objects: Mutex<BTreeMap<String, Bytes>>,
    pub(super) puts: Mutex<Vec<String>>,
    pub(super) is_away: AtomicBool,
    /// The spool whose manifest is compared with the bucket at each write.
    pub(super) spool: Mutex<Option<Arc<Spool>>>,
}

impl Bucket {
    pub(super) fn write(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        self.check_manifest(false);
        if self.is_away.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, key));
        }
        self.puts.lock().push(key.to_owned());
        self.objects.lock().insert(key.to_owned(), bytes);
        self.check_manifest(false);
        Ok(())
    }

    /// The numbers of all events of the files whose key has this text.
    pub(super) fn numbers(&self, part: &str) -> Vec<u64> {
        let mut numbers: Vec<u64> = Vec::new();
        for (_, bytes) in self.objects.lock().iter().filter(|(key, _)| key.contains(part)) {
            numbers.extend(records(bytes).iter().filter_map(|record| record["n"].as_u64()));
        }
        numbers.sort_unstable();
        numbers
    }

    pub(super) fn count(&self, part: &str) -> usize {
        self.objects.lock().keys().filter(|key| key.contains(part)).count()
    }

    /// A manifest never claims more than the bucket holds; when nothing is on its way, it claims all of that.
    pub(super) fn check_manifest(&self, is_quiet: bool) {
        let Some(spool) = self.spool.lock().clone() else { return };
        let node = node();
        let events = spool.manifest_part(&session(), &node);
        let objects = self.objects.lock();
        let (mut digest, mut found, mut grown) = (Digest::default(), (0, 0, 0), 0);
        for (key, object) in objects.iter().filter(|(key, _)| key.contains("_events/")) {
            let key = key.strip_prefix(node.prefix()).unwrap();
            let (size, count) = (object.len() as u64, records(object).len() as u64);
            if let Some(growing) = events.growing.iter().find(|growing| growing.key == key) {
                assert!(growing.size <= size && growing.records <= count, "{growing:?}");
                assert!(!is_quiet || (growing.size, growing.records) == (size, count), "{growing:?}");
                grown += growing.records;
            } else {
                digest.add(key, size);
                found = (found.0 + 1, found.1 + size, found.2 + count);
            }
        }
        let sealed = events.sealed;
        let claimed = (sealed.objects, sealed.bytes, sealed.records);
        assert!(claimed.0 <= found.0 && claimed.1 <= found.1 && claimed.2 <= found.2, "{claimed:?}, found {found:?}");
        assert!(!is_quiet || (claimed, sealed.digest) == (found, digest), "{claimed:?}, found {found:?}");
        assert_eq!(events.records, sealed.records + grown);
    }
}

#[async_trait]
impl StorageWrite for Bucket {
    async fn put(&self, key: &str, bytes: Bytes, _: If<'_>) -> Result<Put, Error> {
        self.write(key, bytes).map(|()| Put::Written)
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        self.write(key, bytes.into())
    }

    async fn delete(&self, _: &str) -> Result<(), Error> {
        panic!("nothing is deleted");
    }
}

pub(super) fn records(bytes: &[u8]) -> Vec<serde_json::Value> {
    let mut text = String::new();
    if bytes.starts_with(b"{") {
        text.push_str(std::str::from_utf8(bytes).unwrap());
    } else {
        MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn session() -> SessionName {
    SessionName::parse(SESSION).unwrap()
}

pub(super) fn node() -> NodeKeys {
    let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
    SessionKeys::new("log/", &cluster, None, &session()).node("ab")
}

pub(super) fn event(job: u64, n: u64) -> String {
    let noise = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        r#"{{"sessionName":"{SESSION}","eventType":"TASK_LIFECYCLE_EVENT","taskLifecycleEvent":{{"jobId":"{job:08x}"}},"n":{n},"id":"{noise:016x}"}}"#
    )
}

pub(super) struct Running {
    pub(super) bucket: Arc<Bucket>,
    pub(super) spool: Arc<Spool>,
    pub(super) uploader: Arc<Uploader>,
    pub(super) is_known: Arc<AtomicBool>,
    pub(super) task: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    pub(super) fn accept(&self, job: u64, numbers: std::ops::Range<u64>) {
        let events: Vec<String> = numbers.map(|n| event(job, n)).collect();
        self.spool.accept(format!("[{}]", events.join(",")).as_bytes()).unwrap();
    }

    /// Stores everything, and compares the manifest.
    pub(super) async fn flush(&self) {
        self.uploader.flush_now().await;
        self.bucket.check_manifest(true);
    }

    pub(super) fn puts(&self) -> usize {
        self.bucket.puts.lock().len()
    }
}

pub(super) fn start(dir: &TempDir, bucket: &Arc<Bucket>, sealing: Sealing) -> Running {
    start_with(dir, bucket, sealing, 1 << 30)
}

pub(super) fn start_with(dir: &TempDir, bucket: &Arc<Bucket>, sealing: Sealing, bytes: u64) -> Running {
    let limits = Limits { bytes, fsync: Fsync::Flush };
    start_on(Spool::try_open(dir.path(), limits, Arc::new(|_| {})).unwrap().unwrap(), bucket, sealing)
}

pub(super) fn start_on(spool: Spool, bucket: &Arc<Bucket>, sealing: Sealing) -> Running {
    let spool = Arc::new(spool);
    *bucket.spool.lock() = Some(Arc::clone(&spool));
    let is_known = Arc::new(AtomicBool::new(true));
    let known = Arc::clone(&is_known);
    let destination: Destination = Arc::new(move |_| known.load(Ordering::Relaxed).then(node));
    let sink = Sink::new(Arc::clone(bucket) as Arc<dyn StorageWrite>);
    let uploader = Arc::new(Uploader::new(Arc::clone(&spool), sink, destination, FLUSH, sealing));
    let runs = Arc::clone(&uploader);
    let task = tokio::spawn(async move { runs.run().await });
    Running { bucket: Arc::clone(bucket), spool, uploader, is_known, task }
}
