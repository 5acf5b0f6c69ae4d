use super::*;
use crate::candidate::{Proof, State};
use crate::plan::Why;
use crate::settings::{Mode, Rule, Settings};
use crate::time::{DAY, HOUR};
use crate::tombstone::{Phase, Tombstone};
use crate::{Kept, keys};
use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::memory::Memory;
use ray_history_storage::{Delimiter, Error, ErrorKind};
use ray_history_storage_write::memory::MemoryWriter;
use ray_history_storage_write::{If, Put};
use std::collections::BTreeMap;
use std::fs::File;
use tokio::time::Instant;

mod store;

const BEGIN: Nanos = 20_000 * DAY;
/// The folder of the first session.
const FOLDER: &str = "cluster-history/raycluster/ml/train0/session_2026-11-22_23-11-33_821800_1/";

#[derive(Debug)]
struct Ticks(Instant);

impl Clock for Ticks {
    fn now(&self) -> Nanos {
        BEGIN + self.0.elapsed().as_nanos() as Nanos
    }
}

/// A writer that fails as it is told, and notes what it deleted.
#[derive(Debug, Default)]
struct Writer {
    inner: MemoryWriter,
    faults: Mutex<BTreeMap<String, (ErrorKind, u32)>>,
    deleted: Mutex<Vec<String>>,
    /// Documents that others put just before ours.
    faster: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Time of the first deletion.
    first: Mutex<Option<Instant>>,
    puts: Mutex<u64>,
}

impl Writer {
    fn arm(&self, key: &str, kind: ErrorKind, times: u32) {
        self.faults.lock().insert(key.to_owned(), (kind, times));
    }

    fn request(&self, key: &str) -> Result<(), Error> {
        match self.faults.lock().get_mut(key) {
            Some((kind, times)) if *times > 0 => {
                *times -= 1;
                Err(Error::new(*kind, key))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl StorageWrite for Writer {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        self.request(key)?;
        *self.puts.lock() += 1;
        if let Some(other) = self.faster.lock().remove(key) {
            self.inner.0.put(key, other);
        }
        self.inner.put(key, bytes, condition).await
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        self.inner.put_file(key, file, len).await
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.request(key)?;
        self.deleted.lock().push(key.to_owned());
        self.first.lock().get_or_insert_with(Instant::now);
        self.inner.delete(key).await
    }
}

/// A bucket with sessions, and what the server knows of them.
struct Bucket {
    memory: Arc<Memory>,
    writer: Arc<Writer>,
    executor: Executor,
    known: Sessions,
    settings: Settings,
}

/// Something that happens to a bucket.
type Change = fn(&mut Bucket);

#[derive(Default)]
struct Sessions {
    all: Mutex<BTreeMap<SessionKey, Candidate>>,
    acts: Mutex<Vec<String>>,
    stops: Mutex<bool>,
    /// Happens once, when a deletion has begun.
    begun: Mutex<Option<Box<dyn Fn() + Send>>>,
}

#[async_trait]
impl Known for Sessions {
    async fn candidate(&self, key: &SessionKey) -> Result<Candidate, String> {
        self.all.lock().get(key).cloned().ok_or_else(|| "gone".to_owned())
    }

    fn goes_on(&self) -> bool {
        !*self.stops.lock()
    }

    fn acted(&self, act: &Act) {
        self.acts.lock().push(act.to_string());
        let is_begun = matches!(act, Act::Begun { .. });
        if let Some(begun) = is_begun.then(|| self.begun.lock().take()).flatten() {
            begun();
        }
    }
}

fn key(number: usize) -> SessionKey {
    let cluster = ClusterId { namespace: "ml".into(), name: format!("train{number}") };
    SessionKey { cluster, session: SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap() }
}

impl Bucket {
    /// Sessions that ended forty days ago, with so many objects each.
    fn new(sessions: usize, objects: usize) -> Self {
        let memory = Arc::new(Memory::default());
        let writer = Arc::new(Writer { inner: MemoryWriter(Arc::clone(&memory)), ..Writer::default() });
        let clock = Arc::new(Ticks(Instant::now()));
        let rule = Rule { max_age: Some(Duration::from_secs(30 * 86_400)), ..Rule::default() };
        let settings = Settings { mode: Mode::Delete, rules: vec![rule], max_share: 100, ..Settings::default() };
        let known = Sessions::default();
        for number in 0..sessions {
            let key = key(number);
            let SessionKey { cluster: ClusterId { namespace, name }, session } = &key;
            let folder = format!("cluster-history/raycluster/{namespace}/{name}/{session}/");
            let old = BEGIN - 40 * DAY;
            memory.put_modified(format!("cluster-metadata/raycluster/{namespace}_{name}/{session}"), "", old);
            for object in 2..objects {
                memory.put_modified(format!("{folder}n/logs/worker-{object}.out"), "log", old);
            }
            memory.put_modified(folder, "", old);
            let session = Candidate {
                namespace_known: true,
                state: State::Dead,
                proof: Some(Proof::WatchSaw),
                first_listed: Some(BEGIN - 2 * DAY),
                is_watched: true,
                ..Candidate::new(key.clone())
            };
            known.all.lock().insert(key, session);
        }
        let store = Arc::clone(&memory);
        let executor = Executor::new(store, Some(Arc::clone(&writer) as _), vec![Root::new("")], clock);
        Self { memory, writer, executor, known, settings }
    }

    async fn run(&mut self) -> Run {
        self.tried().await.unwrap()
    }

    async fn tried(&mut self) -> Result<Run, RunOutcome> {
        let sessions = self.known.all.lock().values().cloned().collect();
        self.executor.run(&self.settings, "1", sessions, &self.known).await
    }

    async fn left(&self) -> Vec<String> {
        let all = self.memory.list_all("cluster-", Delimiter::None).await.unwrap();
        all.objects.into_iter().map(|object| object.key).collect()
    }

    async fn tombstone(&self, number: usize) -> Option<Tombstone> {
        let bytes = self.memory.read_all(&keys::tombstone("", &key(number)), 10_000).await.ok()?;
        Some(Tombstone::read(&bytes).unwrap())
    }

    async fn phase(&self, number: usize) -> Option<Phase> {
        self.tombstone(number).await.map(|tombstone| tombstone.phase)
    }
}

async fn pass(time: Nanos) {
    tokio::time::sleep(Duration::from_nanos(time.cast_unsigned())).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_is_marked_and_deleted_after_the_grace() {
    for objects in [2, 1_000, 1_001, 2_500] {
        let mut bucket = Bucket::new(1, objects);
        let run = bucket.run().await;
        assert_eq!((run.outcome, run.marked, run.plan.planned.sessions), (RunOutcome::Marking, 1, 1));
        assert_eq!(bucket.left().await.len(), objects);
        pass(7 * DAY - HOUR).await;
        assert_eq!(bucket.run().await.outcome, RunOutcome::Idle);
        pass(HOUR).await;
        let run = bucket.run().await;
        assert_eq!((run.outcome, run.deleted, run.objects), (RunOutcome::Deleting, 1, objects as u64));
        assert_eq!((run.state.deleted.sessions, run.state.deleted.objects), (1, objects as u64));
        assert_eq!(bucket.left().await, [""; 0]);
        assert_eq!(bucket.phase(0).await, Some(Phase::Deleted));
        // Markers first, and the folder's own object last.
        let deleted = bucket.writer.deleted.lock().clone();
        assert!(deleted[0].starts_with("cluster-metadata/"), "{}", deleted[0]);
        assert!(deleted.last().unwrap().ends_with('/'), "{:?}", deleted.last());
        let acts = bucket.known.acts.lock().clone();
        assert_eq!(acts.len(), 3, "{acts:?}");
        assert!(acts[0].starts_with("marked ml/train0/session_"), "{acts:?}");
        assert!(acts[0].ends_with("rule 1: its newest file was written 40 d ago, and maxAge is 30 d"), "{acts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_session_is_forgotten_after_thirty_days() {
    let mut bucket = Bucket::new(1, 3);
    bucket.run().await;
    pass(7 * DAY).await;
    bucket.run().await;
    bucket.known.all.lock().clear();
    // The list may halt: somebody else's sessions do not matter here.
    bucket.memory.remove("ray-history/v1/retention.json");
    pass(30 * DAY).await;
    bucket.run().await;
    assert_eq!(bucket.phase(0).await, Some(Phase::Deleted), "one listing is not believed");
    pass(HOUR).await;
    bucket.run().await;
    assert_eq!(bucket.phase(0).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_late_file_disproves_a_listing_that_found_nothing() {
    for age in [0, 2 * DAY] {
        let mut bucket = Bucket::new(1, 3);
        bucket.run().await;
        pass(7 * DAY).await;
        bucket.run().await;
        let session = bucket.known.all.lock().remove(&key(0)).unwrap();
        bucket.memory.remove("ray-history/v1/retention.json");
        pass(30 * DAY).await;
        bucket.run().await;
        assert!(bucket.tombstone(0).await.unwrap().empty.is_some());
        bucket.memory.put_modified(format!("{FOLDER}late"), "late", BEGIN + 37 * DAY - age);
        bucket.known.all.lock().insert(key(0), session);
        assert_eq!(bucket.run().await.deleted, u64::from(age > 0));
        assert_eq!(bucket.tombstone(0).await.unwrap().empty, None);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_in_other_modes() {
    let mut bucket = Bucket::new(3, 3);
    bucket.settings.mode = Mode::Off;
    assert_eq!(bucket.tried().await.unwrap_err(), RunOutcome::Idle);
    bucket.settings.mode = Mode::DryRun;
    let run = bucket.run().await;
    assert_eq!((run.outcome, run.plan.marks.len()), (RunOutcome::DryRun, 3));
    bucket.settings.mode = Mode::Delete;
    bucket.executor.writer = None;
    assert_eq!(bucket.run().await.outcome, RunOutcome::ReadOnly);
    assert_eq!((*bucket.writer.puts.lock(), bucket.writer.deleted.lock().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_run_and_the_others_go_first() {
    let mut bucket = Bucket::new(3, 3);
    bucket.run().await;
    pass(7 * DAY).await;
    let marker = "cluster-metadata/raycluster/ml_train0/session_2026-11-22_23-11-33_821800_1";
    bucket.writer.arm(marker, ErrorKind::PermissionDenied, 2);
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.deleted), ("Forbidden", 0));
    assert!(run.outcome.message().unwrap().contains("permission denied"));
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.deleted), ("Forbidden", 2));
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.deleted), ("Deleting", 1));
    assert_eq!(bucket.left().await, [""; 0]);
}

/// Lets listings of the first session fail.
fn close_first(bucket: &mut Bucket) {
    let faulty = Arc::new(Faulty::new(Arc::clone(&bucket.memory) as _));
    faulty.arm(FOLDER, Fault::Always(ErrorKind::PermissionDenied));
    bucket.executor.store = faulty;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_listed_stops_no_other() {
    let mut bucket = Bucket::new(2, 3);
    bucket.run().await;
    pass(7 * DAY).await;
    close_first(&mut bucket);
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.deleted, run.failed.0), ("Deleting", 1, 1));
    assert!(run.failed.1[0].starts_with(&format!("{}: permission denied", key(0))), "{:?}", run.failed);
    assert_eq!((bucket.phase(0).await, bucket.phase(1).await), (Some(Phase::Marked), Some(Phase::Deleted)));
    assert_eq!(bucket.left().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn sessions_that_cannot_be_marked_use_up_no_day() {
    let pin = |it: &mut Bucket| it.memory.put("ray-history/v1/pins/ml/train0/_", "");
    let changes: [(Change, u64); 2] = [(close_first, 1), (pin, 0)];
    for (change, failed) in changes {
        let mut bucket = Bucket::new(3, 3);
        // A day allows one mark, and the oldest session comes first.
        bucket.settings.max_share = 1;
        bucket.known.all.lock().get_mut(&key(0)).unwrap().ended = Some(BEGIN - 50 * DAY);
        change(&mut bucket);
        let run = bucket.run().await;
        assert_eq!((run.marked, run.failed.0), (1, failed));
        pass(DAY).await;
        // From now on, the others come first.
        let run = bucket.run().await;
        assert_eq!((run.marked, run.failed.0, run.plan.marks[0].at), (1, 0, 2));
        let phases = [bucket.phase(0).await, bucket.phase(1).await, bucket.phase(2).await];
        assert_eq!(phases, [None, Some(Phase::Marked), Some(Phase::Marked)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_lost_everything_is_not_remembered() {
    let mut bucket = Bucket::new(1, 2);
    let (marker, old) =
        ("cluster-metadata/raycluster/ml_train0/session_2026-11-22_23-11-33_821800_1", BEGIN - 40 * DAY);
    bucket.memory.remove(marker);
    bucket.memory.remove(FOLDER);
    assert_eq!(bucket.run().await.marked, 0);
    bucket.memory.put_modified(marker, "", old);
    bucket.memory.put_modified(FOLDER, "", old);
    assert_eq!(bucket.run().await.marked, 1);
}

#[tokio::test(start_paused = true)]
async fn what_changes_after_the_list_stops_a_deletion() {
    let changes: [(Change, &str); 5] = [
        (|it| it.memory.put("ray-history/v1/pins/ml/train0/_", ""), "it is pinned"),
        (|it| it.memory.put_modified(format!("{FOLDER}new"), "", BEGIN), "its objects changed"),
        (|it| it.known.all.lock().get_mut(&key(0)).unwrap().state = State::Live, "its head may still write"),
        (|it| it.known.all.lock().get_mut(&key(0)).unwrap().ended = Some(BEGIN), "it is within the limits of its rule"),
        (|it| it.known.all.lock().get_mut(&key(0)).unwrap().proof = None, ""),
    ];
    for (change, why) in changes {
        let mut bucket = Bucket::new(1, 3);
        bucket.run().await;
        pass(7 * DAY).await;
        // The list is older than the change.
        let listed = bucket.known.all.lock().values().cloned().collect();
        change(&mut bucket);
        let run = bucket.executor.run(&bucket.settings, "1", listed, &bucket.known).await.unwrap();
        assert_eq!((run.deleted, run.unmarked), (0, u64::from(!why.is_empty())), "{why}");
        assert!(bucket.left().await.len() >= 3);
        let acts = bucket.known.acts.lock().clone();
        assert!(acts.last().unwrap().ends_with(why), "{acts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_file_stays_hidden_and_goes_after_another_grace() {
    let late = "cluster-history/raycluster/ml/train0/session_2026-11-22_23-11-33_821800_1/n/logs/late.out";
    let mut bucket = Bucket::new(1, 3);
    bucket.run().await;
    pass(7 * DAY).await;
    bucket.run().await;
    let now = bucket.executor.clock.now();
    bucket.memory.put_modified(late, "late", now);
    pass(6 * DAY).await;
    bucket.run().await;
    assert_eq!(bucket.left().await, [late]);
    pass(DAY).await;
    assert_eq!(bucket.run().await.deleted, 1);
    assert_eq!(bucket.left().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_comes_in_the_pause_is_left() {
    for (is_folder, seconds) in [(true, 45), (false, 150)] {
        let mut bucket = Bucket::new(1, 3);
        if !is_folder {
            bucket.executor.store = Arc::new(Faulty::new(Arc::clone(&bucket.memory) as _).with_paid_listings());
        }
        bucket.run().await;
        pass(7 * DAY).await;
        let (memory, late, at) = (Arc::clone(&bucket.memory), format!("{FOLDER}n/logs/late.out"), Instant::now());
        let file = late.clone();
        let put = move || memory.put_modified(file.clone(), "late", BEGIN + 7 * DAY);
        *bucket.known.begun.lock() = Some(Box::new(put));
        bucket.run().await;
        assert_eq!((bucket.left().await, bucket.phase(0).await), (vec![late], Some(Phase::Deleted)));
        assert_eq!(bucket.writer.first.lock().unwrap().duration_since(at).as_secs(), seconds);
    }
}

/// A store that ignores conditions lets a slow writer replace a deletion that has begun.
#[tokio::test(start_paused = true)]
async fn a_mark_that_comes_in_the_pause_is_a_mark() {
    let mut bucket = Bucket::new(1, 3);
    bucket.run().await;
    let (memory, marked) = (Arc::clone(&bucket.memory), bucket.tombstone(0).await.unwrap().to_bytes());
    pass(7 * DAY).await;
    let put = move || memory.put(keys::tombstone("", &key(0)), marked.clone());
    *bucket.known.begun.lock() = Some(Box::new(put));
    assert_eq!(bucket.run().await.deleted, 0);
    assert_eq!((bucket.left().await.len(), bucket.phase(0).await), (3, Some(Phase::Marked)));
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_is_set_again_after_the_plan_has_its_own_grace() {
    let mut bucket = Bucket::new(2, 3);
    bucket.run().await;
    let at = BEGIN + 7 * DAY;
    let again = Tombstone { at, not_before: at + 7 * DAY, changed: at, ..bucket.tombstone(1).await.unwrap() };
    let memory = Arc::clone(&bucket.memory);
    pass(7 * DAY).await;
    let put = move || memory.put(keys::tombstone("", &key(1)), again.to_bytes());
    *bucket.known.begun.lock() = Some(Box::new(put));
    let run = bucket.run().await;
    assert_eq!((run.plan.due.len(), run.deleted, bucket.phase(1).await), (2, 1, Some(Phase::Marked)));
    assert_eq!(bucket.left().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_document_of_a_faster_executor_stays() {
    let changes: [(Change, Nanos); 2] = [
        (|it| it.memory.put("ray-history/v1/pins/ml/train0/_", ""), 7 * DAY),
        (|it| it.settings.rules[0].max_age = Some(Duration::from_secs(35 * 86_400)), DAY),
    ];
    for (change, time) in changes {
        let mut bucket = Bucket::new(1, 3);
        bucket.run().await;
        pass(time).await;
        change(&mut bucket);
        let other = bucket.tombstone(0).await.unwrap().with(Phase::Deleting, BEGIN);
        bucket.writer.faster.lock().insert(keys::tombstone("", &key(0)), other.to_bytes());
        let run = bucket.run().await;
        assert_eq!((run.unmarked, bucket.phase(0).await), (0, Some(Phase::Deleting)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pin_removes_a_mark_and_its_end_lets_it_be_set_again() {
    let mut bucket = Bucket::new(1, 3);
    bucket.run().await;
    let pin = crate::Pin::Label { until: Some(BEGIN + 2 * DAY) };
    bucket.known.all.lock().get_mut(&key(0)).unwrap().pin = Some(pin);
    let run = bucket.run().await;
    assert_eq!((run.unmarked, run.plan.unmarks[0].why), (1, Why::Kept(Kept::Pinned)));
    assert_eq!(bucket.phase(0).await, Some(Phase::Unmarked));
    pass(2 * DAY).await;
    assert_eq!(bucket.run().await.marked, 1);
    assert_eq!(bucket.phase(0).await, Some(Phase::Marked));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_shrank_halts_until_the_settings_change() {
    let mut bucket = Bucket::new(5, 3);
    bucket.known.all.lock().get_mut(&key(0)).unwrap().state = State::Live;
    bucket.run().await;
    pass(7 * DAY).await;
    for number in 3..5 {
        bucket.known.all.lock().remove(&key(number));
    }
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.deleted), ("Halted", 0));
    assert!(run.outcome.message().unwrap().starts_with("the list has 40 % fewer sessions"));
    assert_eq!(bucket.run().await.outcome.as_str(), "Halted");
    let sessions = bucket.known.all.lock().values().cloned().collect();
    let run = bucket.executor.run(&bucket.settings, "2", sessions, &bucket.known).await.unwrap();
    assert_eq!((run.outcome.as_str(), run.deleted), ("Deleting", 2));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_mode_stops_a_run() {
    let mut bucket = Bucket::new(3, 3);
    *bucket.known.stops.lock() = true;
    let run = bucket.run().await;
    assert!(run.marked <= 1, "{run:?}");
}

#[tokio::test(start_paused = true)]
async fn marks_of_later_versions_are_not_replaced() {
    let mut bucket = Bucket::new(1, 3);
    let at = keys::tombstone("", &key(0));
    bucket.memory.put(at.clone(), r#"{"schema":"ray-history/tombstone/v2"}"#);
    let run = bucket.run().await;
    assert_eq!((run.marked, run.plan.kept.get(&Kept::NotUnderstood)), (0, Some(&1)));
    assert_eq!(bucket.memory.read_all(&at, 100).await.unwrap(), r#"{"schema":"ray-history/tombstone/v2"}"#);
}

/// A rule that matches everything by mistake.
#[tokio::test(start_paused = true)]
async fn a_wrong_rule_marks_its_share_of_a_day() {
    let mut bucket = Bucket::new(40, 3);
    bucket.settings.max_share = 10;
    assert_eq!(bucket.run().await.marked, 4);
    pass(12 * HOUR).await;
    assert_eq!(bucket.run().await.marked, 0);
    pass(12 * HOUR).await;
    assert_eq!(bucket.run().await.marked, 4);
    assert_eq!(bucket.left().await.len(), 120);
    bucket.settings.rules[0].max_age = Some(Duration::from_secs(90 * 86_400));
    let run = bucket.run().await;
    assert_eq!((run.unmarked, run.marked), (8, 0));
}

/// The numbers of docs/retention.md.
#[tokio::test(start_paused = true)]
async fn a_session_costs_so_many_requests() {
    let mut bucket = Bucket::new(1, 500);
    let faulty = Arc::new(Faulty::new(Arc::clone(&bucket.memory) as _));
    bucket.executor.store = Arc::clone(&faulty) as _;
    bucket.run().await;
    pass(7 * DAY).await;
    bucket.run().await;
    bucket.known.all.lock().clear();
    bucket.memory.remove("ray-history/v1/retention.json");
    for _ in 0..2 {
        pass(30 * DAY).await;
        bucket.run().await;
    }
    assert_eq!(bucket.phase(0).await, None);
    let mut idle = faulty.counts();
    bucket.run().await;
    let all = faulty.counts();
    idle = ray_history_storage::faulty::Counts { lists: all.lists - idle.lists, reads: all.reads - idle.reads };
    assert_eq!((idle.lists, idle.reads), (1, 1), "an idle run");
    let (lists, reads) = (all.lists - 5 * idle.lists, all.reads - 5 * idle.reads);
    assert_eq!((lists, reads, *bucket.writer.puts.lock() - 5), (40, 14, 5), "a session");
}
