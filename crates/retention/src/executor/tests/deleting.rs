//! Deletions, late files, and what one costs.

use super::*;
use ray_history_core::layout::{LargeTable, PersistedKeys};

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
    let run = bucket.run().await;
    assert_eq!((run.deleted, run.objects, run.bytes), (1, 1, 4));
    assert_eq!((run.state.deleted.sessions, run.state.deleted.objects), (2, 4), "each object once");
    assert_eq!(bucket.tombstone(0).await.unwrap().deleted.objects, 4);
    assert!(bucket.known.acts.lock().last().unwrap().ends_with("1 objects, 4 bytes"));
    assert_eq!(bucket.left().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_fails_keeps_its_numbers() {
    let mut bucket = Bucket::new(1, 5);
    bucket.run().await;
    pass(7 * DAY).await;
    bucket.writer.arm(&format!("{FOLDER}n/logs/worker-2.out"), ErrorKind::PermissionDenied, 1);
    // The marker, and the others of the same batch.
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.deleted, run.objects, run.state.deleted.objects), ("Forbidden", 0, 3, 3));
    let mark = bucket.tombstone(0).await.unwrap();
    assert_eq!((mark.phase, mark.deleted.objects), (Phase::Deleting, 3));
    let run = bucket.run().await;
    assert_eq!((run.deleted, run.objects, run.state.deleted.objects), (1, 2, 5));
    assert_eq!(bucket.tombstone(0).await.unwrap().deleted.objects, 5);
}

#[tokio::test(start_paused = true)]
async fn the_end_that_another_executor_noted_is_not_told_twice() {
    let mut bucket = Bucket::new(1, 3);
    bucket.run().await;
    pass(7 * DAY).await;
    let other = bucket.tombstone(0).await.unwrap().with(Phase::Deleted, BEGIN + 7 * DAY).to_bytes();
    let writer = Arc::clone(&bucket.writer);
    let put = move || drop(writer.faster.lock().insert(keys::tombstone("", &key(0)), other.clone()));
    *bucket.known.begun.lock() = Some(Box::new(put));
    assert_eq!(bucket.run().await.deleted, 0);
    assert_eq!(bucket.known.acts.lock().len(), 2, "marked and begun");
    assert_eq!(bucket.phase(0).await, Some(Phase::Deleted));
}

/// In a bucket with versions, what was deleted can be brought back.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_brought_back_and_pinned_is_shown_again() {
    let own = keys::pin("", &key(0).cluster, Some(&key(0).session));
    let all = keys::pin("", &key(0).cluster, None);
    for (pin, is_whole, expected) in [
        (&own, true, Phase::Unmarked),
        (&own, false, Phase::Deleted),
        // It may have been there all the time.
        (&all, true, Phase::Deleted),
    ] {
        let mut bucket = Bucket::new(1, 3);
        let (marker, old) = (marker(0), BEGIN - 40 * DAY);
        bucket.run().await;
        pass(7 * DAY).await;
        assert_eq!(bucket.run().await.deleted, 1);
        bucket.memory.put_modified(marker, "", old);
        bucket.memory.put_modified(FOLDER, "", old);
        // The store in memory gives new tags, so the mark takes those.
        let places = crate::places::Places::find(&*bucket.memory, &bucket.executor.roots, &key(0), None).await.unwrap();
        let digest = places.survey(&*bucket.memory).await.unwrap().digest;
        let mark = Tombstone { digest, ..bucket.tombstone(0).await.unwrap() };
        bucket.memory.put(keys::tombstone("", &key(0)), mark.to_bytes());
        if !is_whole {
            bucket.memory.remove(FOLDER);
        }
        bucket.memory.put(pin.clone(), "");
        bucket.set(0, |it| it.pin = Some(crate::Pin::Object));
        let run = bucket.run().await;
        assert_eq!((bucket.phase(0).await, run.deleted), (Some(expected.clone()), 0), "{pin} {is_whole}");
        pass(20 * DAY).await;
        bucket.run().await;
        assert_eq!(bucket.left().await.len(), 1 + usize::from(is_whole), "a pin keeps it, hidden or not");
    }
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
    assert_eq!((lists, reads, *bucket.writer.puts.lock() - 5), (47, 14, 5), "a session");
}

/// A persisted snapshot is younger than the data it was made of, and goes with it.
#[tokio::test(start_paused = true)]
async fn what_is_persisted_goes_last_and_as_a_whole() {
    let mut bucket = Bucket::new(2, 3);
    let (own, other) = (key(0), key(1));
    let all = |key: &SessionKey| {
        let keys = PersistedKeys::new("", key);
        let parts = [(LargeTable::Tasks, 0), (LargeTable::Tasks, 1), (LargeTable::Actors, 0)];
        let parts = parts.into_iter().map(|(table, part)| keys.table(table, true, part));
        parts.chain([keys.head()]).collect::<Vec<_>>()
    };
    bucket.known.all.lock().retain(|key, _| *key == own);
    bucket.run().await;
    for key in all(&own).into_iter().chain(all(&other)) {
        bucket.memory.put_modified(key, "x", BEGIN + 7 * DAY);
    }
    pass(7 * DAY).await;
    bucket.run().await;
    assert_eq!(bucket.phase(0).await, Some(Phase::Deleted), "what is persisted brings no session back");
    let left = bucket.memory.list_all("ray-history/v1/", Delimiter::None).await.unwrap().objects;
    let is_left = |key: &String| left.iter().any(|object| object.key == *key);
    assert!(!all(&own).iter().any(is_left), "{left:?}");
    assert!(all(&other).iter().all(is_left), "{left:?}");
    let deleted = bucket.writer.deleted.lock().clone();
    let at = |key: &String| deleted.iter().position(|deleted| deleted == key);
    assert!(at(&all(&own)[3]) < at(&all(&own)[0]), "the head goes before the tables: {deleted:?}");
}
