//! Tests of reading the ledger: nothing twice, restarts, bounds, and faults of the store.

use super::*;
use crate::testing::gzip;
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_obituary::document::ObjectId;
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::memory::Memory;

struct Scene {
    memory: Arc<Memory>,
    store: Arc<Faulty>,
    obituaries: Arc<Obituaries>,
}

fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn row(uid: &str, revision: u64) -> Row {
    let ended = time("2026-11-22T23:40:00Z");
    Row {
        object: ObjectId { namespace: "ns".into(), name: "rc".into(), uid: uid.into(), ..ObjectId::default() },
        run: "head".into(),
        cluster: "rc".into(),
        to: Some(ended),
        outcome: Outcome::Failed,
        revision,
        ..Row::default()
    }
}

fn text(rows: &[Row]) -> Vec<u8> {
    let mut ledger = Ledger::default();
    for row in rows {
        ledger.add(row.clone());
    }
    ledger.write().unwrap()
}

impl Scene {
    fn new(bytes: u64) -> Self {
        let memory = Arc::new(Memory::with_page_size(2));
        let store = Arc::new(Faulty::new(Arc::clone(&memory) as Arc<dyn Storage>).with_paid_listings());
        let obituaries = Obituaries::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::new("log")], bytes);
        Self { memory, store, obituaries: Arc::new(obituaries) }
    }

    /// Writes a piece at a time, and returns its key.
    fn piece(&self, at: &str, bytes: Vec<u8>) -> String {
        let key = Piece::now(time(at), "server-0").unwrap().key("log/");
        self.memory.put(key.clone(), bytes);
        key
    }

    fn day(&self, day: &str, bytes: Vec<u8>) -> String {
        let key = Piece::Day(day.into()).key("log/");
        self.memory.put(key.clone(), bytes);
        key
    }

    async fn read(&self, now: &str) -> Pass {
        self.obituaries.read_ledger(&Metrics::default(), time(now)).await
    }

    fn uids(&self) -> Vec<String> {
        self.obituaries.rows().all().iter().map(|row| row.uid().to_owned()).collect()
    }

    fn reads(&self) -> u64 {
        self.store.counts().reads
    }
}

#[tokio::test]
async fn all_days_are_read_then_what_is_new() {
    let scene = Scene::new(1 << 20);
    scene.day("2026-11-20", gzip(&text(&[row("a", 1), row("b", 1)])));
    scene.piece("2026-11-21T10:00:00Z", text(&[row("c", 1)]));
    for minute in 0..5 {
        scene.piece(&format!("2026-11-22T10:0{minute}:00Z"), text(&[row("d", 1 + minute)]));
    }
    scene.memory.put("log/ray-history/v1/ledger/notes.txt", "x");
    scene.memory.put("log/ray-history/v1/ledger/today/1-a.jsonl", text(&[row("x", 1)]));
    let pass = scene.read("2026-11-22T10:05:00Z").await;
    assert_eq!((pass.read, pass.has_failed), (7, false));
    assert_eq!(scene.uids(), ["a", "b", "c", "d"]);
    assert_eq!(scene.obituaries.of_object("ns", "d")[0].revision, 5);
    // What is new costs a list request, and a read.
    let (lists, reads) = (scene.store.counts().lists, scene.reads());
    let pass = scene.read("2026-11-22T10:06:00Z").await;
    assert_eq!((pass.read, scene.store.counts().lists - lists, pass.requests), (0, 3, 3), "three pages of five pieces");
    scene.piece("2026-11-22T10:07:00Z", text(&[row("e", 1)]));
    scene.read("2026-11-22T10:08:00Z").await;
    assert_eq!((scene.uids().len(), scene.reads() - reads), (5, 1));
    assert!(scene.obituaries.counts().is_read);
}

/// After midnight the day before is joined, and pieces that came late are read.
#[tokio::test]
async fn change_of_day_is_followed() {
    let scene = Scene::new(1 << 20);
    let first = scene.piece("2026-11-22T23:50:00Z", text(&[row("a", 1)]));
    scene.read("2026-11-22T23:55:00Z").await;
    scene.piece("2026-11-22T23:59:59Z", text(&[row("b", 1)]));
    scene.piece("2026-11-23T00:00:30Z", text(&[row("c", 1)]));
    scene.read("2026-11-23T00:01:00Z").await;
    assert_eq!(scene.uids(), ["a", "b", "c"]);
    let reads = scene.reads();
    scene.piece("2026-11-22T23:59:58Z", text(&[row("late", 1)]));
    scene.read("2026-11-23T00:02:00Z").await;
    assert_eq!((scene.uids().len(), scene.reads() - reads), (4, 1));
    // A piece is gone between the listing and its read.
    scene.memory.remove(&first);
    scene.day("2026-11-22", gzip(&text(&[row("a", 1), row("b", 1), row("late", 1)])));
    assert!(!scene.read("2026-11-24T00:01:00Z").await.has_failed);
    assert_eq!(scene.uids().len(), 4);
}

#[tokio::test]
async fn outage_is_said_and_made_good() {
    let scene = Scene::new(1 << 20);
    scene.piece("2026-11-21T10:00:00Z", text(&[row("a", 1)]));
    let odd = scene.piece("2026-11-22T10:00:00Z", text(&[row("b", 1)]));
    scene.store.arm("log/ray-history/v1/ledger/", Fault::Always(ErrorKind::PermissionDenied));
    assert!(scene.read("2026-11-22T10:05:00Z").await.has_failed);
    let counts = scene.obituaries.counts();
    assert!(counts.error.is_some_and(|error| error.contains("ledger")) && counts.rows == 0);
    scene.store.heal();
    scene.store.arm(odd, Fault::Always(ErrorKind::Unavailable));
    assert!(scene.read("2026-11-22T10:06:00Z").await.has_failed);
    assert_eq!(scene.uids(), ["a"], "the others are read");
    scene.store.heal();
    assert!(!scene.read("2026-11-22T10:07:00Z").await.has_failed);
    assert_eq!((scene.uids(), scene.obituaries.counts().error), (vec!["a".into(), "b".into()], None));
}

#[tokio::test]
async fn damage_is_counted_and_costs_no_other_rows() {
    let scene = Scene::new(1 << 20);
    let mut torn = text(&[row("a", 1)]);
    torn.extend(b"{\"uid\": \"x\"\n[]\nnull\n");
    scene.piece("2026-11-22T10:00:00Z", torn);
    scene.day("2026-11-21", gzip(&text(&[row("b", 1)]))[..20].to_vec());
    scene.day("2026-11-20", gzip(&text(&[row("c", 1)])));
    assert!(!scene.read("2026-11-22T10:05:00Z").await.has_failed, "trying again would not help");
    let counts = scene.obituaries.counts();
    assert_eq!((scene.uids(), counts.malformed, counts.damaged), (vec!["a".into(), "c".into()], 3, 1));
    let reads = scene.reads();
    scene.read("2026-11-23T10:05:00Z").await;
    assert_eq!(scene.reads(), reads, "nor is it read again");
}

/// With room for a day's rows, older days are not read at all.
#[tokio::test]
async fn days_without_memory_are_left_out() {
    let rows = |day: u32| -> Vec<Row> {
        let at = time(&format!("2026-11-{day}T10:00:00Z"));
        (0..50).map(|n| Row { to: Some(at), ..row(&format!("d{day}-{n:02}"), 1) }).collect()
    };
    let whole = Scene::new(1 << 20);
    whole.obituaries.apply(rows(22));
    let bytes = whole.obituaries.counts().bytes;
    let scene = Scene::new(bytes * 3 / 2 / 3 * 4);
    for day in 18..=22 {
        scene.day(&format!("2026-11-{day}"), gzip(&text(&rows(day))));
    }
    scene.read("2026-11-22T12:00:00Z").await;
    let counts = scene.obituaries.counts();
    assert_eq!((scene.reads(), counts.days_left_out), (2, 3));
    assert!(counts.dropped > 0 && (60..=75).contains(&counts.rows), "{counts:?}");
    assert_eq!(scene.uids().iter().filter(|uid| uid.starts_with("d22")).count(), 50);
}

#[tokio::test]
async fn other_store_is_read_from_the_start() {
    let scene = Scene::new(1 << 20);
    scene.piece("2026-11-22T10:00:00Z", text(&[row("a", 1)]));
    scene.read("2026-11-22T10:05:00Z").await;
    let other = Arc::new(Memory::default());
    other.put(Piece::now(time("2026-11-22T10:00:00Z"), "server-0").unwrap().key(""), text(&[row("b", 1)]));
    scene.obituaries.replace_store(other, vec![Root::default()]);
    assert_eq!(scene.uids().len(), 0);
    scene.read("2026-11-22T10:06:00Z").await;
    assert_eq!(scene.uids(), ["b"]);
}
