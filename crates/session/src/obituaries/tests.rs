//! Tests of rows and documents: any order and any repeats give the same, bounds hold, and a session finds its run.

use super::*;
use crate::catalog::Catalog;
use proptest::prelude::*;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_obituary::cause::{Certainty, Code};
use ray_history_obituary::facts::{Kind, OwnerRef};
use ray_history_obituary::ledger::Ledger;
use ray_history_obituary::time::Time;
use ray_history_storage::memory::Memory;

const SESSION: &str = "session_2026-11-22_23-11-33_821800_9153";

fn obituaries(bytes: u64) -> (Obituaries, Arc<Memory>) {
    let store = Arc::new(Memory::default());
    (Obituaries::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::new("log")], bytes), store)
}

fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

/// Returns the row of a cluster `rc` in `ns` with one head pod.
fn row(uid: &str, run: &str, revision: u64) -> Row {
    Row {
        object: ObjectId { kind: Kind::RayCluster, namespace: "ns".into(), name: "rc".into(), uid: uid.into() },
        run: run.into(),
        cluster: "rc".into(),
        from: Some(time("2026-11-22T23:10:00Z")),
        to: Some(time("2026-11-22T23:40:00Z")),
        outcome: Outcome::Failed,
        code: Some(Code::HeadOOM),
        certainty: Some(Certainty::Certain),
        values: [("limit".to_owned(), "8Gi".to_owned())].into(),
        revision,
        bytes: 7,
        ..Row::default()
    }
}

fn key(session: &str) -> SessionKey {
    let cluster = ClusterId { namespace: "ns".into(), name: "rc".into() };
    SessionKey { cluster, session: SessionName::parse(session).unwrap() }
}

/// A recorder looks at the documents of objects that may have gone unseen.
#[test]
fn objects_whose_documents_are_not_final_are_found_newest_first() {
    let (index, _) = obituaries(1 << 20);
    let at =
        |uid: &str, minute: u32| Row { to: Some(time(&format!("2026-11-22T23:{minute}:00Z"))), ..row(uid, "head", 1) };
    let closed = |row: Row| Row { is_final: true, ..row };
    // Of an object with two runs, one row is enough; a row of the same revision may say so later.
    index.apply([at("old", 40), at("new", 50), at("two", 45), closed(row("two", "head-2", 2)), at("later", 41)]);
    let found = |limit: usize, unwanted: &str| -> Vec<String> {
        index.not_final(limit, |object| object.uid != unwanted).into_iter().map(|object| object.uid).collect()
    };
    assert_eq!(found(9, ""), ["new", "later", "old"]);
    assert_eq!(found(1, "new"), ["later"]);
    index.apply([closed(at("later", 41))]);
    index.apply([at("later", 41)]);
    assert_eq!(found(9, ""), ["new", "old"]);
}

#[test]
fn rows_come_back_as_they_were() {
    let (index, _) = obituaries(1 << 20);
    let owner = OwnerRef { kind: "RayJob".into(), name: "nightly".into(), uid: "j".into() };
    let full = Row { owner: Some(owner), sessions: vec![SESSION.into()], ..row("u", "head", 3) };
    let bare = Row { object: full.object.clone(), run: "later".into(), cluster: "rc".into(), ..Row::default() };
    index.apply([full.clone(), bare.clone()]);
    assert_eq!(index.of_object("ns", "u"), [full.clone(), bare]);
    assert_eq!(index.of_session(&key(SESSION)), Some(full.clone()));
    assert_eq!(
        full.sentence().unwrap(),
        "The head ran out of memory at its limit of 8Gi; Ray's session ended with it."
    );
}

#[test]
fn rows_with_names_of_no_object_are_counted() {
    let (index, _) = obituaries(1 << 20);
    for odd in ["", "a/b", "..", "a\0b", &"x".repeat(300)] {
        index.apply([row(odd, "head", 1)]);
    }
    index.apply([Row { cluster: "../x".into(), ..row("u", "head", 1) }]);
    assert_eq!((index.counts().rows, index.counts().refused), (0, 6));
}

proptest! {
    /// The index has what the ledger's own join gives, whatever the order, the repeats and the splits.
    #[test]
    fn any_order_gives_the_rows_of_the_ledger(
        rows in prop::collection::vec((0..3_u8, 0..3_u8, 1..4_u64, 0..3_u8), 1..20),
        splits in prop::collection::vec(0..20_usize, 0..5),
    ) {
        let outcome = |n: u8| [Outcome::Failed, Outcome::Stopped, Outcome::Succeeded][usize::from(n)];
        let rows: Vec<Row> = rows.into_iter().map(|(uid, run, revision, n)| {
            Row { outcome: outcome(n), ..row(&format!("u{uid}"), &format!("head{run}"), revision) }
        }).collect();
        let mut ledger = Ledger::default();
        for row in &rows {
            ledger.add(row.clone());
        }
        let expected: Vec<Row> = ledger.rows().cloned().collect();
        let (forward, backward) = (obituaries(1 << 20).0, obituaries(1 << 20).0);
        let mut cuts: Vec<usize> = splits.into_iter().map(|at| at.min(rows.len())).chain([0, rows.len()]).collect();
        cuts.sort_unstable();
        for pair in cuts.windows(2) {
            forward.apply(rows[pair[0]..pair[1]].to_vec());
        }
        for row in rows.iter().rev().chain(&rows) {
            backward.apply([row.clone()]);
        }
        for index in [forward, backward] {
            let mut all: Vec<Row> = index.rows().all().iter().map(Packed::row).collect();
            all.sort_by(|a, b| (&a.object.uid, &a.run).cmp(&(&b.object.uid, &b.run)));
            prop_assert_eq!(&all, &expected);
        }
    }
}

/// Before its head pod is known a run has the name of its cluster, and before that none.
#[test]
fn run_that_got_its_head_pod_is_one_run() {
    let states = [Row { cluster: String::new(), ..row("job", "", 1) }, row("job", "rc", 2), row("job", "head", 3)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let (index, _) = obituaries(1 << 20);
        for at in order {
            index.apply([states[at].clone()]);
        }
        let runs: Vec<String> = index.of_object("ns", "job").into_iter().map(|row| row.run).collect();
        assert_eq!(runs, ["head"], "{order:?}");
    }
}

#[test]
fn oldest_rows_make_room_and_are_counted() {
    let day = |day: usize| Row {
        from: Some(time(&format!("2026-11-{day:02}T01:00:00Z"))),
        to: Some(time(&format!("2026-11-{day:02}T02:00:00Z"))),
        ..row(&format!("u{day:02}"), "head", 1)
    };
    let (whole, _) = obituaries(1 << 20);
    whole.apply((1..=20).map(day));
    let bytes = whole.counts().bytes;
    let (index, _) = obituaries((bytes / 2 + 20) / 3 * 4 + 8);
    index.apply((1..=20).rev().map(day));
    let counts = index.counts();
    assert!(counts.bytes <= bytes / 2 + 20, "{counts:?}");
    assert_eq!((counts.rows + counts.dropped, counts.rows), (20, 10));
    assert!(index.of_object("ns", "u20").len() == 1 && index.of_object("ns", "u10").is_empty());
    index.resize(0);
    assert_eq!(index.counts().rows, 0);
}

#[tokio::test]
async fn document_is_the_greater_of_memory_and_bucket() {
    let (index, store) = obituaries(1 << 20);
    let object = row("u", "head", 1).object;
    let document = |revision: u64| {
        let mut document = Document::new(object.clone(), ray_history_obituary::facts::Facts::default(), None);
        document.revision = revision;
        document
    };
    assert!(index.document(&object).await.unwrap().is_none());
    index.keep(document(2));
    assert_eq!(index.document(&object).await.unwrap().unwrap().revision, 2);
    let path = object.key("log/").unwrap();
    store.put(path.clone(), document(3).to_bytes().unwrap());
    assert_eq!(index.document(&object).await.unwrap().unwrap().revision, 3);
    store.put(path.clone(), &br#"{"schema": "ray-history/obituary/v2"}"#[..]);
    assert_eq!(index.document(&object).await.unwrap().unwrap().revision, 2, "what can be read is shown");
    index.resize(0);
    let error = index.document(&object).await.unwrap_err().to_string();
    assert!(error.contains("newer version"), "{error}");
    assert_eq!(index.counts().dropped_documents, 1);
    // A document of another object under this key.
    store.put(
        path.clone(),
        Document { object: ObjectId { uid: "v".into(), ..object.clone() }, ..document(9) }.to_bytes().unwrap(),
    );
    assert!(index.document(&object).await.is_err());
    store.put(path, vec![b' '; ray_history_obituary::document::MAX_READ + 1]);
    assert!(index.document(&object).await.unwrap_err().to_string().contains("longer than"));
}

#[test]
fn documents_of_gone_objects_go_first() {
    let (index, _) = obituaries(1 << 20);
    let keep = |uid: &str, is_final: bool| {
        let object = ObjectId { uid: uid.into(), ..row("u", "", 1).object };
        let mut document = Document::new(object, ray_history_obituary::facts::Facts::default(), None);
        document.is_final = is_final;
        index.keep(document);
    };
    for (uid, is_final) in [("living", false), ("gone", true), ("later", true), ("later", true)] {
        keep(uid, is_final);
    }
    let bytes = index.counts().bytes;
    index.resize(bytes * 4 - 4);
    let known = |uid: &str| index.documents.lock().find(uid).is_some();
    assert_eq!(["living", "gone", "later"].map(known), [true, false, true]);
    index.resize((bytes / 3 + 20) * 4);
    assert_eq!(["living", "gone", "later"].map(known), [true, false, false]);
}

/// The sessions of a bucket with these markers.
async fn listing(markers: &[(&str, i64)]) -> Arc<Listing> {
    let store = Memory::default();
    for (session, written) in markers {
        store.put_modified(format!("log/cluster-metadata/raycluster/ns_rc/{session}"), "", *written);
    }
    let catalog = Catalog::new(Arc::new(store), vec![Root::new("log")]);
    catalog.refresh().await.unwrap()
}

fn micros(text: &str) -> i64 {
    time(text).0
}

#[tokio::test]
async fn session_finds_its_run_by_name_or_by_time() {
    let marker = micros("2026-11-22T23:40:05Z");
    let listing = listing(&[(SESSION, marker)]).await;
    let found = |rows: &[Row]| {
        let (index, _) = obituaries(1 << 20);
        index.apply(rows.to_vec());
        let of_row = |at: usize| Packed::row(&index.rows().all()[at]).object.uid;
        let runs = listing.runs(&index.rows(), &|_| None);
        let without: Vec<String> = runs.without_session().iter().map(|at| of_row(*at as usize)).collect();
        (runs.of(0).map(of_row), without)
    };
    let named = |uid: &str| Row { sessions: vec![SESSION.into()], ..row(uid, "head", 1) };
    let other = |row: Row| Row { sessions: vec!["session_2026-11-01_00-00-00_000000_1".into()], ..row };
    let some = |uid: &str| Some(uid.to_owned());
    assert_eq!(found(&[row("u", "head", 1)]), (some("u"), vec![]), "by time");
    assert_eq!(found(&[named("u"), row("v", "other", 1)]), (some("u"), vec!["v".into()]), "by name");
    assert_eq!(found(&[other(row("u", "head", 1))]), (None, vec!["u".into()]), "it names another session");
    assert_eq!(found(&[row("u", "head", 1), row("v", "other", 1)]), (None, vec![]), "which of two is not known");
    let late = |uid: &str| Row {
        from: Some(time("2026-11-24T00:00:00Z")),
        to: Some(time("2026-11-24T01:00:00Z")),
        ..row(uid, "h", 1)
    };
    assert_eq!(found(&[late("u")]), (None, vec!["u".into()]));
    // Fourteen hours are possible while the zone is not known, but the session began before its marker was written.
    let evening =
        |uid: &str| Row { from: Some(time("2026-11-23T05:00:00Z")), to: None, code: None, ..row(uid, "h", 1) };
    assert_eq!(found(&[evening("u"), row("v", "head", 1)]).0, some("v"));
    assert_eq!(found(&[evening("u")]), (None, vec![]), "it goes on, and nothing is wrong");
    // The RayJob that owns the cluster tells the same run, and more.
    let job = |row: Row| Row { object: ObjectId { kind: Kind::RayJob, name: "nightly".into(), ..row.object }, ..row };
    let owned = |row: Row| Row {
        owner: Some(OwnerRef { kind: "RayJob".into(), name: "nightly".into(), uid: "j".into() }),
        ..row
    };
    assert_eq!(found(&[owned(named("u")), job(named("j"))]), (some("j"), vec![]));
    assert_eq!(found(&[named("u"), job(named("j"))]), (some("u"), vec![]), "a job that only used the cluster");
    assert_eq!(found(&[owned(late("u")), job(late("j"))]), (None, vec!["j".into()]), "one row for one run");
}

/// Two runs of one cluster name within a day, in a zone that is six hours behind.
#[tokio::test]
async fn zone_tells_which_of_two_runs_it_was() {
    let listing = listing(&[(SESSION, micros("2026-11-23T06:00:05Z"))]).await;
    let (index, _) = obituaries(1 << 20);
    let run = |uid: &str, from: &str, to: &str| Row { from: Some(time(from)), to: Some(time(to)), ..row(uid, uid, 1) };
    index.apply([
        run("first", "2026-11-22T23:00:00Z", "2026-11-23T00:00:00Z"),
        run("second", "2026-11-23T05:00:00Z", "2026-11-23T06:00:00Z"),
    ]);
    let rows = index.rows();
    let uid = |zone: Option<i64>| listing.runs(&rows, &|_| zone).of(0).map(|at| rows.all()[at].uid().to_owned());
    assert_eq!([None, Some(0), Some(-360)].map(uid), [None, Some("first".into()), Some("second".into())]);
    assert!(listing.runs(&rows, &|_| None).is_ambiguous);
}

#[tokio::test]
async fn other_store_has_other_rows_but_what_was_told_stays() {
    let (index, _) = obituaries(1 << 20);
    index.join(vec![row("read", "head", 1), row("both", "head", 1)], false, None);
    index.apply([row("told", "head", 1), row("both", "head", 1)]);
    index.replace_store(Arc::new(Memory::default()), Vec::new());
    let uids: Vec<String> = index.rows().all().iter().map(|row| row.uid().to_owned()).collect();
    assert_eq!(uids, ["both", "told"]);
}
