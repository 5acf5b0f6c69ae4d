//! The recorder against stores that fail and writers that are faster, with paused time.

use super::super::pending_deaths::Leader;
use super::documents::{Author, Bucket, Written};
use super::ledger::News;
use super::present::Present;
use super::recorder::{Place, Recorder};
use super::shared::{Shared, WriteTrouble, now};
use super::unwatched::Unwatched;
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_core::layout::Root;
use ray_history_metrics::catalog::Metrics;
use ray_history_obituary::document::{Document, ObjectId, SubmitterLog};
use ray_history_obituary::facts::Kind;
use ray_history_obituary::ledger::{Ledger, Piece, Row};
use ray_history_obituary::records::Object;
use ray_history_obituary::time::Time;
use ray_history_session::obituaries::Obituaries;
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::memory::Memory;
use ray_history_storage::{Delimiter, Error, ErrorKind, Storage};
use ray_history_storage_write::memory::MemoryWriter;
use ray_history_storage_write::{If, Put, StorageWrite};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

const KEY: &str = "root/ray-history/v1/obituaries/team/raycluster/c/c-uid.json";

/// A writer before each of whose puts something happens.
#[derive(Debug)]
struct Hindered {
    inner: MemoryWriter,
    before: Mutex<VecDeque<Hindrance>>,
}

#[derive(Clone, Debug)]
enum Hindrance {
    /// Another writer puts this.
    Faster(Bytes),
    Fails(ErrorKind),
    /// All writes to keys with this part fail.
    Refuses(&'static str, ErrorKind),
}

#[async_trait]
impl StorageWrite for Hindered {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        let next = {
            let mut before = self.before.lock();
            let stays = matches!(before.front(), Some(Hindrance::Refuses(..)));
            if stays { before.front().cloned() } else { before.pop_front() }
        };
        match next {
            Some(Hindrance::Refuses(part, kind)) if key.contains(part) => return Err(Error::new(kind, key)),
            Some(Hindrance::Faster(other)) => self.inner.0.put(KEY, other),
            Some(Hindrance::Fails(kind)) => return Err(Error::new(kind, key)),
            Some(Hindrance::Refuses(..)) | None => {}
        }
        self.inner.put(key, bytes, condition).await
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        self.inner.put_file(key, file, len).await
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.inner.delete(key).await
    }
}

struct Rig {
    memory: Arc<Memory>,
    bucket: Bucket,
    shared: Arc<Shared>,
    author: Author,
}

fn rig(before: impl IntoIterator<Item = Hindrance>) -> Rig {
    let memory = Arc::<Memory>::default();
    let inner = MemoryWriter(Arc::clone(&memory));
    let writer = Arc::new(Hindered { inner, before: Mutex::new(before.into_iter().collect()) });
    let bucket = Bucket { reader: Arc::clone(&memory) as _, writer, root: "root/".to_owned() };
    let author = Author { replica: "replica-a".to_owned(), ..Author::default() };
    Rig { memory, bucket, shared: Arc::default(), author }
}

fn seen(shared: &Shared, object: &Value) {
    shared.records.lock().apply(&Object::read(object.to_string().as_bytes()).unwrap(), now());
}

fn cluster() -> Value {
    json!({"kind": "RayCluster", "metadata": {"name": "c", "namespace": "team", "uid": "c-uid",
        "creationTimestamp": "2026-11-29T07:00:00Z"}})
}

/// A pod of the cluster whose container ended for a reason.
fn pod(name: &str, role: &str, reason: &str) -> Value {
    let ended = json!({"reason": reason, "exitCode": 137, "finishedAt": "2026-11-29T07:01:40Z"});
    json!({"kind": "Pod", "metadata": {"name": name, "namespace": "team", "uid": format!("{name}-uid"),
        "labels": {"ray.io/cluster": "c", "ray.io/node-type": role},
        "ownerReferences": [{"kind": "RayCluster", "name": "c", "uid": "c-uid", "controller": true}]},
        "status": {"phase": "Running", "containerStatuses": [
            {"name": format!("ray-{role}"), "restartCount": 1, "lastState": {"terminated": ended}}]}})
}

fn object() -> ObjectId {
    ObjectId { kind: Kind::RayCluster, namespace: "team".into(), name: "c".into(), uid: "c-uid".into() }
}

/// The bytes of a document of another writer, with this pod.
fn of_another(revision: u64, pod: &Value) -> Bytes {
    let other = Shared::default();
    seen(&other, &cluster());
    seen(&other, pod);
    let author = Author { replica: "replica-b".to_owned(), ..Author::default() };
    let mut document = author.document(&other, &object()).unwrap();
    document.revision = revision;
    document.to_bytes().unwrap().into()
}

async fn stored(memory: &Memory) -> Document {
    Document::read(&memory.read_all(KEY, 1 << 20).await.unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn writers_at_once_give_one_document_with_what_both_saw() {
    let faster = |revision| Hindrance::Faster(of_another(revision, &pod(&format!("w{revision}"), "worker", "Error")));
    let Rig { memory, bucket, shared, author } = rig([faster(1), faster(2), faster(3)]);
    seen(&shared, &cluster());
    seen(&shared, &pod("head", "head", "OOMKilled"));
    let written = bucket.write(&shared, &author, &object()).await.unwrap();
    assert!(matches!(written, Written::Document(..)), "{written:?}");
    let document = stored(&memory).await;
    let pods: Vec<&str> = document.facts.pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(pods, ["head", "w1", "w2", "w3"]);
    assert_eq!((document.revision, document.writer.as_str()), (4, "replica-a"));
    // The same again is no write.
    let again = bucket.write(&shared, &author, &object()).await.unwrap();
    assert!(matches!(&again, Written::Known(rows) if rows.len() == 1), "{again:?}");
    assert_eq!(stored(&memory).await, document);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_other_writers_ends_as_an_error_that_is_tried_again() {
    let storm = (0..100).map(|n| Hindrance::Faster(of_another(n, &pod("w", "worker", &format!("Reason{n}")))));
    let Rig { bucket, shared, author, .. } = rig(storm);
    seen(&shared, &cluster());
    let failed = bucket.write(&shared, &author, &object()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_document_of_a_newer_version_stays_and_a_broken_one_does_not() {
    let Rig { memory, bucket, shared, author } = rig([]);
    seen(&shared, &cluster());
    let newer = r#"{"schema": "ray-history/obituary/v2"}"#;
    memory.put(KEY, newer);
    let written = bucket.write(&shared, &author, &object()).await.unwrap();
    assert!(matches!(written, Written::Newer(_)), "{written:?}");
    assert_eq!(memory.read_all(KEY, 99).await.unwrap(), newer);
    memory.put(KEY, "broken");
    let written = bucket.write(&shared, &author, &object()).await.unwrap();
    assert!(matches!(written, Written::Document(..)), "{written:?}");
    assert_eq!(stored(&memory).await.object, object());
}

/// A log that one replica read stays when another one, which never read it, writes.
#[tokio::test]
async fn the_log_of_a_submitter_stays_with_its_document() {
    let Rig { memory, bucket, shared, author } = rig([]);
    seen(&shared, &cluster());
    let log = |at: i64, text: &str| SubmitterLog::new("p", "c", Time(at), text.as_bytes(), false);
    shared.records.lock().submitter_told("c-uid", log(1, "no such file"));
    bucket.write(&shared, &author, &object()).await.unwrap();
    assert_eq!(stored(&memory).await.submitter_log, Some(log(1, "no such file")));
    let other = Shared::default();
    seen(&other, &cluster());
    seen(&other, &pod("head", "head", "OOMKilled"));
    bucket.write(&other, &author, &object()).await.unwrap();
    let document = stored(&memory).await;
    assert_eq!((document.revision, document.submitter_log.clone()), (2, Some(log(1, "no such file"))));
    other.records.lock().submitter_told("c-uid", log(2, "again"));
    let written = bucket.write(&other, &author, &object()).await.unwrap();
    assert!(matches!(written, Written::Document(..)), "the log alone is news: {written:?}");
    assert_eq!(stored(&memory).await.submitter_log, Some(log(2, "again")));
    // In memory it stays, too.
    let index = Obituaries::new(Arc::clone(&memory) as Arc<dyn Storage>, Vec::new(), 1 << 20);
    let keep = |submitter_log| index.keep(Document { submitter_log, ..document.clone() });
    for submitter_log in [Some(log(1, "kept")), None] {
        keep(submitter_log);
        let kept = index.document(&object()).await.unwrap().unwrap();
        assert_eq!(kept.submitter_log, Some(log(1, "kept")));
    }
}

/// Runs a recorder for so long, and returns the index.
async fn record(rig: Rig, leader: Leader, time: Duration) -> (Arc<Obituaries>, Vec<Row>, Arc<Shared>) {
    record_with(rig, Vec::new(), leader, time).await
}

/// Does the same with rows that were read of the ledger.
async fn record_with(
    rig: Rig,
    known: Vec<Row>,
    leader: Leader,
    time: Duration,
) -> (Arc<Obituaries>, Vec<Row>, Arc<Shared>) {
    let index = Arc::new(Obituaries::new(Arc::clone(&rig.memory) as Arc<dyn Storage>, Vec::new(), 1 << 20));
    index.apply(known);
    let (ended, mut ends) = mpsc::unbounded_channel();
    let (_place, place) = watch::channel(Place::Bucket(Arc::new(rig.bucket)));
    let (_leader, leader) = watch::channel(leader);
    let (shared, author, stop) = (Arc::clone(&rig.shared), rig.author, CancellationToken::new());
    shared.set_bytes(1 << 20);
    let recorder = Recorder { shared: rig.shared, index: Arc::clone(&index), author, place, leader, ended };
    let running = tokio::spawn(recorder.run(stop.clone()));
    tokio::time::sleep(time).await;
    stop.cancel();
    running.await.unwrap();
    let mut rows = Vec::new();
    while let Ok(ended) = ends.try_recv() {
        rows.extend(ended);
    }
    (index, rows, shared)
}

async fn pieces(memory: &Memory) -> Vec<String> {
    let listed = memory.list_all(&Piece::prefix("root/"), Delimiter::None).await.unwrap();
    listed.objects.into_iter().map(|object| object.key).collect()
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_ten_minutes_loses_nothing() {
    let away = std::iter::repeat_n(Hindrance::Fails(ErrorKind::Unavailable), 60);
    let rig = rig(away);
    let memory = Arc::clone(&rig.memory);
    seen(&rig.shared, &cluster());
    seen(&rig.shared, &pod("head", "head", "OOMKilled"));
    let shared = Arc::clone(&rig.shared);
    let recording = tokio::spawn(record(rig, Leader::Us, Duration::from_secs(900)));
    tokio::time::sleep(Duration::from_secs(500)).await;
    assert!(matches!(shared.writing(), Some(WriteTrouble::Failing(_))), "{:?}", shared.writing());
    let (index, _, _) = recording.await.unwrap();
    assert_eq!(shared.writing(), None);
    assert_eq!(stored(&memory).await.first_cause().unwrap().code.to_string(), "HeadOOM");
    // Shown meanwhile, and in the ledger once.
    assert_eq!(index.of_object("team", "c-uid").len(), 1);
    assert_eq!(pieces(&memory).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_others_write_nothing_while_the_leader_lives() {
    let rig = rig([]);
    let memory = Arc::clone(&rig.memory);
    seen(&rig.shared, &cluster());
    seen(&rig.shared, &pod("head", "head", "OOMKilled"));
    let cluster = Object::read(cluster().to_string().as_bytes()).unwrap();
    rig.shared.records.lock().delete(&cluster, now().plus(-600));
    let alive = tokio::time::Instant::now() + Duration::from_secs(200);
    let (_, rows, shared) = record(rig, Leader::Other(alive), Duration::from_secs(90)).await;
    assert_eq!((rows, memory.list_all("", Delimiter::None).await.unwrap().objects.len()), (Vec::new(), 0));
    assert!(shared.records.lock().due(now()).is_empty(), "the leader has outlived it");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_the_leader_did_not_outlive_is_still_due() {
    let rig = rig([]);
    seen(&rig.shared, &cluster());
    let cluster = Object::read(cluster().to_string().as_bytes()).unwrap();
    rig.shared.records.lock().delete(&cluster, now().plus(-600));
    let alive = tokio::time::Instant::now() + Duration::from_secs(30);
    let (_, _, shared) = record(rig, Leader::Other(alive), Duration::from_secs(300)).await;
    assert_eq!(shared.records.lock().due(now()).len(), 1);
}

fn row(n: u32) -> Row {
    Row { object: ObjectId { uid: format!("uid-{n}"), ..object() }, run: "r".to_owned(), revision: 1, ..Row::default() }
}

#[tokio::test(start_paused = true)]
async fn news_are_one_piece_a_minute_and_past_days_one_object() {
    let Rig { memory, bucket, .. } = rig([]);
    let mut news = News::default();
    for n in 0..90 {
        news.add(vec![row(n)]);
        news.write(&bucket, "replica-a", false).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(pieces(&memory).await.len(), 2, "the first at once, the others after a minute");
    let old = |name: &str, n: u32| {
        let mut ledger = Ledger::default();
        ledger.add(row(n));
        memory.put(format!("root/ray-history/v1/ledger/2026-11-01/{name}.jsonl"), ledger.write().unwrap());
    };
    old("1-a", 1);
    old("2-b", 2);
    News::default().join_days(&bucket).await.unwrap();
    // A late piece is added to its day.
    old("3-a", 3);
    News::default().join_days(&bucket).await.unwrap();
    let day = "root/ray-history/v1/ledger/2026-11-01.jsonl.gz";
    assert_eq!(pieces(&memory).await.iter().filter(|key| key.contains("2026-11-01")).collect::<Vec<_>>(), [day]);
    let bytes = memory.read_all(day, 1 << 20).await.unwrap();
    let mut lines = String::new();
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), &mut lines).unwrap();
    assert_eq!(lines.lines().count(), 3, "{lines}");
}

/// A recorder that starts, with rows of the ledger and a full list of clusters that has none.
async fn restarted(rig: Rig, rows: Vec<Row>, listed: Time) -> (Arc<Memory>, Arc<Obituaries>) {
    let memory = Arc::clone(&rig.memory);
    let present = Arc::new(Mutex::new(Present { listed: Some(listed), is_current: true, ..Present::default() }));
    rig.shared.present.add(Kind::RayCluster, Some("team"), &present);
    let (index, ended, _) = record_with(rig, rows, Leader::Us, Duration::from_secs(90)).await;
    assert!(ended.is_empty(), "an end of long ago is told nobody");
    (memory, index)
}

/// A document of the cluster that another replica wrote, with its rows.
fn left_behind(kubernetes: &str) -> (Bytes, Vec<Row>) {
    let mut document = Document::read(&of_another(3, &pod("head", "head", "OOMKilled"))).unwrap();
    document.kubernetes.cluster = kubernetes.to_owned();
    let rows = Row::of(&document, 0);
    (document.to_bytes().unwrap().into(), rows)
}

fn ours(before: impl IntoIterator<Item = Hindrance>) -> Rig {
    let mut rig = rig(before);
    rig.author.kubernetes.cluster = "ours".to_owned();
    rig
}

/// The object went while no replica ran: the first full list shows it.
#[tokio::test(start_paused = true)]
async fn the_document_of_an_end_that_nobody_watched_becomes_final() {
    let (left, rows) = left_behind("ours");
    // Another writer is faster, once.
    let rig = ours([Hindrance::Faster(left.clone())]);
    rig.memory.put(KEY, left);
    let (memory, index) = restarted(rig, rows, now().plus(1)).await;
    let document = stored(&memory).await;
    assert_eq!((document.is_final, document.revision, document.writer.as_str()), (true, 4, "replica-a"));
    assert!(
        document.facts.unseen.iter().any(|what| what.starts_with("the end, between ")),
        "{:?}",
        document.facts.unseen
    );
    assert!(document.runs[0].to.is_some(), "{document:?}");
    assert_eq!(document.first_cause().unwrap().code.to_string(), "HeadOOM");
    assert!(index.of_object("team", "c-uid").iter().all(|row| !row.is_final), "the ledger tells it");
    assert_eq!(pieces(&memory).await.len(), 1);
    // The next start reads no document.
    let known = rows_of(&memory).await;
    assert!(known.len() == 1 && known[0].is_final, "{known:?}");
}

/// The rows of all pieces of the ledger.
async fn rows_of(memory: &Memory) -> Vec<Row> {
    let mut ledger = Ledger::default();
    for piece in pieces(memory).await {
        assert_eq!(ledger.read(&memory.read_all(&piece, 1 << 20).await.unwrap()), 0);
    }
    ledger.rows().cloned().collect()
}

/// An object of which another one's document is stored.
fn other_object(n: u32) -> ObjectId {
    ObjectId { uid: format!("uid-{n}"), ..object() }
}

/// Stores documents of objects that nobody watches any more, and returns their rows.
fn left_of(memory: &Memory, numbers: std::ops::Range<u32>, kubernetes: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for n in numbers {
        let mut document = Document::read(&left_behind(kubernetes).0).unwrap();
        document.object = other_object(n);
        rows.extend(Row::of(&document, 0));
        memory.put(other_object(n).key("root/").unwrap(), document.to_bytes().unwrap());
    }
    rows
}

/// One old document is locked; nothing else waits for it.
#[tokio::test(start_paused = true)]
async fn a_document_that_stays_as_it_is_keeps_no_row_from_the_ledger() {
    for kind in [ErrorKind::PermissionDenied, ErrorKind::Archived, ErrorKind::Unavailable] {
        let rig = ours([Hindrance::Refuses("uid-2", kind)]);
        let rows = left_of(&rig.memory, 0..4, "ours");
        seen(&rig.shared, &cluster());
        seen(&rig.shared, &pod("head", "head", "OOMKilled"));
        rig.shared.present.changed();
        let shared = Arc::clone(&rig.shared);
        let (memory, _) = restarted(rig, rows, now().plus(1)).await;
        assert_eq!(shared.writing(), None, "{kind:?}");
        let mut told: Vec<String> = rows_of(&memory).await.into_iter().map(|row| row.object.uid).collect();
        told.sort();
        assert_eq!(told, ["c-uid", "uid-0", "uid-1", "uid-3"], "{kind:?}");
    }
}

/// A document of a living object cannot be written, and others' rows are.
#[tokio::test(start_paused = true)]
async fn a_document_that_cannot_be_written_keeps_no_row_from_the_ledger() {
    let rig = rig([Hindrance::Refuses("c-uid.json", ErrorKind::PermissionDenied)]);
    let memory = Arc::clone(&rig.memory);
    let mut other = cluster();
    (other["metadata"]["name"], other["metadata"]["uid"]) = (json!("d"), json!("d-uid"));
    let mut head = pod("other", "head", "OOMKilled");
    (head["metadata"]["ownerReferences"][0]["name"], head["metadata"]["ownerReferences"][0]["uid"]) =
        (json!("d"), json!("d-uid"));
    head["metadata"]["labels"]["ray.io/cluster"] = json!("d");
    for object in [cluster(), other, pod("head", "head", "OOMKilled"), head] {
        seen(&rig.shared, &object);
    }
    let (_, _, shared) = record(rig, Leader::Us, Duration::from_secs(30)).await;
    assert!(matches!(shared.writing(), Some(WriteTrouble::Denied(_))), "{:?}", shared.writing());
    let told: Vec<String> = rows_of(&memory).await.into_iter().map(|row| row.object.uid).collect();
    assert_eq!(told, ["d-uid"]);
}

/// Another bucket has documents of its own, also of objects that were settled.
#[tokio::test(start_paused = true)]
async fn another_bucket_begins_anew() {
    let (one, other) = (ours([]), ours([]));
    let rows = left_of(&one.memory, 0..1, "ours");
    left_of(&other.memory, 0..1, "ours");
    let present = Arc::new(Mutex::new(Present { listed: Some(now().plus(1)), is_current: true, ..Present::default() }));
    one.shared.present.add(Kind::RayCluster, Some("team"), &present);
    let index = Arc::new(Obituaries::new(Arc::clone(&one.memory) as Arc<dyn Storage>, Vec::new(), 1 << 20));
    index.apply(rows);
    let (mut unwatched, shared, author) = (Unwatched::default(), one.shared, one.author);
    let (first, second) = (Arc::new(one.bucket), Arc::new(other.bucket));
    assert_eq!(unwatched.next(&first, &author, &shared, &index).await.len(), 1);
    assert_eq!(unwatched.next(&second, &author, &shared, &index).await.len(), 1);
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(unwatched.next(&second, &author, &shared, &index).await.is_empty(), "it is settled");
}

/// A pod of the cluster is there still when the recorder starts: its document is new, and the cluster is in no list.
#[tokio::test(start_paused = true)]
async fn an_object_whose_pod_is_still_there_becomes_final_with_it() {
    let rig = ours([]);
    let (memory, shared) = (Arc::clone(&rig.memory), Arc::clone(&rig.shared));
    let (left, rows) = left_behind("ours");
    let long_ago = Document { written_at: Some(now().plus(-900)), ..Document::read(&left).unwrap() };
    memory.put(KEY, long_ago.to_bytes().unwrap());
    seen(&shared, &pod("head", "head", "OOMKilled"));
    assert!(shared.records.lock().knows("c-uid") && !shared.records.lock().has_end("c-uid"));
    let present = Arc::new(Mutex::new(Present { listed: Some(now()), is_current: true, ..Present::default() }));
    shared.present.add(Kind::RayCluster, Some("team"), &present);
    let recording = tokio::spawn(record_with(rig, rows, Leader::Us, Duration::from_secs(900)));
    // Virtual time does not move the clock of the facts.
    tokio::time::sleep(Duration::from_secs(3)).await;
    present.lock().listed = Some(now().plus(1));
    shared.present.changed();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(shared.records.lock().has_end("c-uid"));
    assert!(!stored(&memory).await.is_final, "its pod is there");
    let gone = Object::read(pod("head", "head", "OOMKilled").to_string().as_bytes()).unwrap();
    shared.records.lock().delete(&gone, now());
    assert!(shared.records.lock().due(now().plus(11)).iter().any(|due| due.is_final));
    recording.await.unwrap();
    let document = stored(&memory).await;
    assert!(document.facts.unseen.iter().any(|what| what.starts_with("the end, between ")), "{document:?}");
}

/// The watch of the cluster has told its end, so that it is no end which nobody watched.
#[tokio::test(start_paused = true)]
async fn an_end_that_was_seen_is_told_as_any_other() {
    let rig = ours([]);
    let (left, rows) = left_behind("ours");
    rig.memory.put(KEY, left);
    seen(&rig.shared, &cluster());
    let gone = Object::read(cluster().to_string().as_bytes()).unwrap();
    rig.shared.records.lock().delete(&gone, now());
    let (memory, _) = restarted(rig, rows, now().plus(1)).await;
    let document = stored(&memory).await;
    assert!(!document.is_final && document.facts.unseen.is_empty(), "{document:?}");
}

/// Rows of the ledger tell of another Kubernetes, so its documents are not read.
#[tokio::test(start_paused = true)]
async fn documents_of_another_kubernetes_are_not_read() {
    let rig = ours([]);
    // The documents say otherwise, which nobody sees.
    let mut rows = left_of(&rig.memory, 0..3, "ours");
    for row in &mut rows {
        "another".clone_into(&mut row.kubernetes);
    }
    let (memory, _) = restarted(rig, rows, now().plus(1)).await;
    assert!(rows_of(&memory).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_may_be_there_or_is_not_ours_stays_as_it_is() {
    for (kubernetes, cluster, listed, shares) in [
        ("another", "ours", 1, false),
        ("", "ours", 1, false),
        ("ours", "ours", -60, false),
        ("ours", "", 1, false),
        ("ours", "ours", 1, true),
    ] {
        let (left, rows) = left_behind(kubernetes);
        let mut rig = ours([]);
        rig.author.kubernetes.cluster = cluster.to_owned();
        rig.shared.set_shares_storage(shares);
        rig.memory.put(KEY, left.clone());
        let (memory, _) = restarted(rig, rows, now().plus(listed)).await;
        assert_eq!(memory.read_all(KEY, 1 << 20).await.unwrap(), left, "{kubernetes} {cluster} {listed} {shares}");
    }
}

/// A hundred documents are looked at one a second.
#[tokio::test(start_paused = true)]
async fn ends_that_nobody_watched_are_written_at_a_bounded_rate() {
    let rig = ours([]);
    let rows = left_of(&rig.memory, 0..100, "ours");
    let (memory, _) = restarted(rig, rows, now().plus(1)).await;
    let done = rows_of(&memory).await.len();
    assert!((80..=90).contains(&done), "{done}");
    // One at once, one after a minute, and one at the end.
    assert_eq!(pieces(&memory).await.len(), 3);
}

/// A replica that leads from its start, and reads the ledger as a server does.
struct Started {
    /// The reader of the recorder.
    store: Arc<Faulty>,
    index: Arc<Obituaries>,
    leader: watch::Sender<Leader>,
    stop: CancellationToken,
    tasks: tokio::task::JoinSet<()>,
}

/// The memory of an index; a row takes some four hundred bytes.
const ROOM: u64 = 4 << 20;

/// Starts a replica where no cluster is, whose ledger `ledger` reads.
fn started(memory: &Arc<Memory>, ledger: Arc<dyn Storage>, room: u64) -> Started {
    let rig = ours([]);
    let store = Arc::new(Faulty::new(Arc::clone(memory) as Arc<dyn Storage>));
    let writer = Arc::new(MemoryWriter(Arc::clone(memory)));
    let bucket = Bucket { reader: Arc::clone(&store) as _, writer, root: "root/".to_owned() };
    let present = Arc::new(Mutex::new(Present { listed: Some(now().plus(1)), is_current: true, ..Present::default() }));
    rig.shared.present.add(Kind::RayCluster, Some("team"), &present);
    rig.shared.set_bytes(1 << 20);
    let index = Arc::new(Obituaries::new(ledger, vec![Root::new("root")], room));
    let (place, leader) = (watch::Sender::new(Place::Bucket(Arc::new(bucket))), watch::Sender::new(Leader::Us));
    let stop = CancellationToken::new();
    let recorder = Recorder {
        shared: rig.shared,
        index: Arc::clone(&index),
        author: rig.author,
        place: place.subscribe(),
        leader: leader.subscribe(),
        ended: mpsc::unbounded_channel().0,
    };
    let mut tasks = tokio::task::JoinSet::new();
    let (ends, reads) = (stop.clone(), Arc::clone(&index));
    tasks.spawn(async move {
        recorder.run(ends).await;
        drop(place);
    });
    let ends = stop.clone();
    tasks.spawn(async move {
        let metrics = Metrics::default();
        loop {
            reads.read_once(&metrics).await;
            if ends.run_until_cancelled(tokio::time::sleep(Duration::from_secs(10))).await.is_none() {
                return;
            }
        }
    });
    Started { store, index, leader, stop, tasks }
}

impl Started {
    /// Ends it, and returns the numbers of its requests but those for the ledger.
    async fn end(self) -> (u64, u64) {
        self.stop.cancel();
        self.tasks.join_all().await;
        let counts = self.store.counts();
        // One is for days that are over.
        (counts.lists - 1, counts.reads)
    }
}

/// Stores documents without rows.
fn rowless(memory: &Memory, numbers: std::ops::Range<u32>) {
    left_of(memory, numbers, "ours");
}

/// A leader puts a document and is killed before its piece, and the object is gone when the next one starts.
#[tokio::test(start_paused = true)]
async fn a_document_whose_row_was_never_written_becomes_final_and_is_listed() {
    let killed = ours([]);
    let memory = Arc::clone(&killed.memory);
    seen(&killed.shared, &cluster());
    seen(&killed.shared, &pod("head", "head", "OOMKilled"));
    killed.bucket.write(&killed.shared, &killed.author, &object()).await.unwrap();
    assert!(pieces(&memory).await.is_empty() && !stored(&memory).await.is_final);
    let next = started(&memory, Arc::clone(&memory) as _, ROOM);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(stored(&memory).await.is_final);
    let rows = next.index.of_object("team", "c-uid");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].code.map(|code| code.to_string()).as_deref(), Some("HeadOOM"));
    assert!(rows[0].is_final && rows_of(&memory).await == rows, "{rows:?}");
    // A list of the documents, a read for the row, and one for the end.
    assert_eq!(next.end().await, (1, 2));
    // The next start has nothing to do but to list.
    let next = started(&memory, Arc::clone(&memory) as _, ROOM);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(next.end().await, (1, 0));
}

/// Documents of another Kubernetes have rows, too: its replicas may be gone for ever. They stay open.
#[tokio::test(start_paused = true)]
async fn missing_rows_are_added_at_a_bounded_rate_whosever_they_are() {
    let memory = Arc::<Memory>::default();
    left_of(&memory, 0..100, "another");
    memory.put("root/ray-history/v1/obituaries/team/raycluster/c/odd-uid.json", "broken");
    memory.put("root/ray-history/v1/obituaries/notes.txt", "x");
    let next = started(&memory, Arc::clone(&memory) as _, ROOM);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let reads = next.store.counts().reads;
    assert!((50..=60).contains(&reads), "{reads}");
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(next.index.counts().rows, 100);
    assert_eq!(next.end().await, (1, 101));
    assert!(rows_of(&memory).await.iter().all(|row| !row.is_final));
}

/// Without the ledger every document would seem to have no row.
#[tokio::test(start_paused = true)]
async fn missing_rows_wait_for_the_ledger_and_for_the_store() {
    let memory = Arc::<Memory>::default();
    rowless(&memory, 0..3);
    let ledger = Arc::new(Faulty::new(Arc::clone(&memory) as Arc<dyn Storage>));
    ledger.arm("root/ray-history/v1/ledger/", Fault::Always(ErrorKind::Unavailable));
    let next = started(&memory, Arc::clone(&ledger) as _, ROOM);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!((next.store.counts().lists, next.store.counts().reads), (1, 0));
    next.store.arm("root/ray-history/v1/obituaries/", Fault::Times(2, ErrorKind::Unavailable));
    next.store.arm(other_object(1).key("root/").unwrap(), Fault::Times(1, ErrorKind::Throttled));
    ledger.heal();
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(next.index.counts().rows, 3);
    // Three lists, of which two fail; three reads and one that fails; three reads for their ends.
    assert_eq!(next.end().await, (3, 7));
}

/// Old documents are taken to have rows where old rows were left out.
#[tokio::test(start_paused = true)]
async fn rows_that_were_left_out_are_not_missing() {
    let memory = Arc::<Memory>::default();
    let known = left_of(&memory, 0..30, "ours");
    // The runs ended in 2026; the store's clock says when the documents were put.
    let mut ledger = Ledger::default();
    for (row, day) in known.into_iter().zip(1..) {
        let to = Time::parse(&format!("2026-11-{day:02}T10:00:00Z"));
        ledger.add(Row { to, from: to, is_final: true, ..row });
    }
    memory.put(Piece::Day("2026-11-30".to_owned()).key("root/"), gzip(&ledger.write().unwrap()));
    let whole = started(&memory, Arc::clone(&memory) as _, ROOM);
    tokio::time::sleep(Duration::from_secs(20)).await;
    let bytes = whole.index.counts().bytes;
    assert_eq!(whole.end().await, (1, 0), "none is missing");
    let small = started(&memory, Arc::clone(&memory) as _, bytes / 2);
    tokio::time::sleep(Duration::from_secs(120)).await;
    let (rows, pieces_before) = (small.index.counts().rows, pieces(&memory).await.len());
    assert!(rows < 20, "{rows}");
    small.end().await;
    assert_eq!((pieces_before, pieces(&memory).await.len()), (1, 1), "nothing is written again");
}

/// The leader of before may have been killed, too.
#[tokio::test(start_paused = true)]
async fn a_replica_that_leads_again_looks_again() {
    let memory = Arc::<Memory>::default();
    let next = started(&memory, Arc::clone(&memory) as _, ROOM);
    tokio::time::sleep(Duration::from_secs(60)).await;
    rowless(&memory, 0..1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(next.index.counts().rows, 0);
    next.leader.send_replace(Leader::Other(tokio::time::Instant::now()));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(next.index.counts().rows, 0);
    next.leader.send_replace(Leader::Us);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(next.index.counts().rows, 1);
    assert_eq!(next.end().await, (2, 2));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}
