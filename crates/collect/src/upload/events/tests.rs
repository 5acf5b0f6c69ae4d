use super::*;
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

const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";
const MINUTE: Duration = Duration::from_secs(60);
const FLUSH: Duration = Duration::from_secs(10);

/// A bucket, which may be away.
#[derive(Debug, Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Bytes>>,
    puts: Mutex<Vec<String>>,
    is_away: AtomicBool,
    /// The spool whose manifest is compared with the bucket at each write.
    spool: Mutex<Option<Arc<Spool>>>,
}

impl Bucket {
    fn write(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
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
    fn numbers(&self, part: &str) -> Vec<u64> {
        let mut numbers: Vec<u64> = Vec::new();
        for (_, bytes) in self.objects.lock().iter().filter(|(key, _)| key.contains(part)) {
            numbers.extend(records(bytes).iter().filter_map(|record| record["n"].as_u64()));
        }
        numbers.sort_unstable();
        numbers
    }

    fn count(&self, part: &str) -> usize {
        self.objects.lock().keys().filter(|key| key.contains(part)).count()
    }

    /// A manifest never claims more than the bucket holds; when nothing is on its way, it claims all of that.
    fn check_manifest(&self, is_quiet: bool) {
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
    async fn put(&self, key: &str, bytes: Bytes, _: If) -> Result<Put, Error> {
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

fn records(bytes: &[u8]) -> Vec<serde_json::Value> {
    let mut text = String::new();
    if bytes.starts_with(b"{") {
        text.push_str(std::str::from_utf8(bytes).unwrap());
    } else {
        MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn session() -> SessionName {
    SessionName::parse(SESSION).unwrap()
}

fn node() -> NodeKeys {
    let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
    SessionKeys::new("log/", &cluster, None, &session()).node("ab")
}

fn event(job: u64, n: u64) -> String {
    let noise = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        r#"{{"sessionName":"{SESSION}","eventType":"TASK_LIFECYCLE_EVENT","taskLifecycleEvent":{{"jobId":"{job:08x}"}},"n":{n},"id":"{noise:016x}"}}"#
    )
}

struct Running {
    bucket: Arc<Bucket>,
    spool: Arc<Spool>,
    uploader: Arc<Uploader>,
    is_known: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    fn accept(&self, job: u64, numbers: std::ops::Range<u64>) {
        let events: Vec<String> = numbers.map(|n| event(job, n)).collect();
        self.spool.accept(format!("[{}]", events.join(",")).as_bytes()).unwrap();
    }

    /// Stores everything, and compares the manifest.
    async fn flush(&self) {
        self.uploader.flush_now().await;
        self.bucket.check_manifest(true);
    }

    fn puts(&self) -> usize {
        self.bucket.puts.lock().len()
    }
}

fn start(dir: &TempDir, bucket: &Arc<Bucket>, sealing: Sealing) -> Running {
    start_with(dir, bucket, sealing, 1 << 30)
}

fn start_with(dir: &TempDir, bucket: &Arc<Bucket>, sealing: Sealing, bytes: u64) -> Running {
    let limits = Limits { bytes, fsync: Fsync::Flush };
    start_on(Spool::try_open(dir.path(), limits, Arc::new(|_| {})).unwrap().unwrap(), bucket, sealing)
}

fn start_on(spool: Spool, bucket: &Arc<Bucket>, sealing: Sealing) -> Running {
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
