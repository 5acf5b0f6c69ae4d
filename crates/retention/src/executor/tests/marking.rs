//! Marks: set, removed, and met by those of others.

use super::*;

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

/// The date counts from the mark: objects of the sessions before may have been listed for long.
#[tokio::test(start_paused = true)]
async fn a_mark_has_the_whole_grace() {
    let mut bucket = Bucket::new(2, 3);
    let slow = Faulty::new(Arc::clone(&bucket.memory) as _).with_latency(Duration::from_secs(60));
    bucket.executor.store = Arc::new(slow);
    bucket.run().await;
    for number in [0, 1] {
        let mark = bucket.tombstone(number).await.unwrap();
        assert_eq!((mark.not_before, mark.due(Duration::from_secs(86_400))), (mark.at + 7 * DAY, mark.not_before));
        assert_eq!(mark.due(Duration::from_secs(8 * 86_400)), mark.at + 8 * DAY);
        assert!(mark.at > BEGIN + HOUR / 6, "{}", mark.at - BEGIN);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_of_another_rule_goes() {
    let mut bucket = Bucket::new(1, 3);
    let nightly = crate::Match { owners: vec![crate::Pattern::new("train")], ..crate::Match::default() };
    let first = Rule { matches: nightly, ..bucket.settings.rules[0].clone() };
    bucket.settings.rules.insert(0, first);
    bucket.run().await;
    assert_eq!(bucket.tombstone(0).await.unwrap().rule, 1);
    pass(7 * DAY).await;
    let listed = bucket.known.all.lock().values().cloned().collect();
    let owner = Owner { kind: OwnerKind::RayJob, name: "train".into() };
    bucket.set(0, |it| it.owner = Some(owner));
    let run = bucket.executor.run(&bucket.settings, "1", listed, &bucket.known).await.unwrap();
    assert_eq!((run.unmarked, run.deleted, bucket.phase(0).await), (1, 0, Some(Phase::Unmarked)));
    let acts = bucket.known.acts.lock().clone();
    assert!(acts[1].ends_with("another rule decides about it now"), "{acts:?}");
}

/// A caller that lists objects itself pays once.
#[tokio::test(start_paused = true)]
async fn what_the_caller_listed_is_not_listed_again() {
    let mut bucket = Bucket::new(1, 3);
    let places = crate::places::Places::find(&*bucket.memory, &bucket.executor.roots, &key(0), None).await.unwrap();
    let survey = places.survey(&*bucket.memory).await.unwrap();
    bucket.set(0, |it| it.survey = Some(survey));
    let faulty = Arc::new(Faulty::new(Arc::clone(&bucket.memory) as _));
    bucket.executor.store = Arc::clone(&faulty) as _;
    assert_eq!((bucket.run().await.marked, faulty.counts().lists), (1, 1), "the list of marks");
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
