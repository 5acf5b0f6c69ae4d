//! Brakes, refusals, and sessions that fail.

use super::*;

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
    for number in [0, 1] {
        bucket.writer.arm(&marker(number), ErrorKind::PermissionDenied, 2);
    }
    // Two sessions with the same refusal: all would have it.
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.deleted, run.failed.0), ("Forbidden", 0, 2));
    assert!(run.outcome.message().unwrap().contains("permission denied"));
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.deleted, run.failed.0), ("Forbidden", 1, 2));
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.deleted), ("Deleting", 2));
    assert_eq!(bucket.left().await, [""; 0]);
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
    assert_eq!((run.marked, *bucket.writer.puts.lock()), (0, 0));
}

/// Listing a session may take minutes, in which another replica begins to lead.
#[tokio::test(start_paused = true)]
async fn a_run_that_stops_writes_nothing_more() {
    let pin = |it: &mut Bucket| it.set(0, |it| it.pin = Some(crate::Pin::Label { until: None }));
    let other = |it: &mut Bucket| it.memory.put_modified(format!("{FOLDER}new"), "", BEGIN);
    let nothing = |_: &mut Bucket| {};
    let changes: [(Change, Nanos); 3] = [(nothing, 7), (pin, 1), (other, 7)];
    for (change, days) in changes {
        let mut bucket = Bucket::new(2, 3);
        *bucket.known.stops_at.lock() = Some(key(0));
        assert_eq!(bucket.run().await.marked, 0);
        assert_eq!((bucket.phase(0).await, bucket.phase(1).await), (None, None));
        (*bucket.known.stops.lock(), *bucket.known.stops_at.lock()) = (false, None);
        bucket.run().await;
        pass(days * DAY).await;
        change(&mut bucket);
        *bucket.known.stops_at.lock() = Some(key(0));
        *bucket.known.stops.lock() = days == 1;
        let run = bucket.run().await;
        assert_eq!((run.unmarked, run.deleted), (0, 0));
        assert_eq!((bucket.phase(0).await, bucket.phase(1).await), (Some(Phase::Marked), Some(Phase::Marked)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_stops_in_the_pause_ends_at_once() {
    let mut bucket = Bucket::new(1, 3);
    bucket.run().await;
    pass(7 * DAY).await;
    let stops = Arc::clone(&bucket.known.stops);
    let stop = move || {
        let stops = Arc::clone(&stops);
        tokio::spawn(async move {
            pass(10 * crate::time::SECOND).await;
            *stops.lock() = true;
        });
    };
    *bucket.known.begun.lock() = Some(Box::new(stop));
    let at = Instant::now();
    assert_eq!((bucket.run().await.deleted, bucket.left().await.len()), (0, 3));
    assert!((10..=11).contains(&at.elapsed().as_secs()), "{:?}", at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_can_never_be_deleted_stops_no_other() {
    for restarts in [false, true] {
        let mut bucket = Bucket::new(2, 3);
        bucket.set(1, |it| it.state = State::Live);
        bucket.run().await;
        pass(DAY).await;
        bucket.set(1, |it| it.state = State::Dead);
        bucket.run().await;
        pass(6 * DAY).await;
        bucket.writer.arm(&marker(0), ErrorKind::PermissionDenied, u32::MAX);
        let run = bucket.run().await;
        assert_eq!((run.outcome.as_str(), run.deleted, run.failed.0), ("Forbidden", 0, 1));
        pass(DAY).await;
        if restarts {
            bucket.restart();
        }
        let run = bucket.run().await;
        assert_eq!((run.outcome.as_str(), run.deleted, run.failed.0), ("Forbidden", 1, 1));
        assert_eq!((bucket.phase(0).await, bucket.phase(1).await), (Some(Phase::Deleting), Some(Phase::Deleted)));
    }
}

/// Marks and old documents do not wait for deletions.
#[tokio::test(start_paused = true)]
async fn refused_deletions_stop_no_mark() {
    let mut bucket = Bucket::new(3, 3);
    bucket.set(2, |it| it.state = State::Live);
    bucket.run().await;
    pass(7 * DAY).await;
    for number in [0, 1] {
        bucket.writer.arm(&marker(number), ErrorKind::PermissionDenied, u32::MAX);
    }
    bucket.set(2, |it| it.state = State::Dead);
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.marked), ("Forbidden", 1));
}

#[tokio::test(start_paused = true)]
async fn our_own_deletions_are_no_loss() {
    let mut bucket = Bucket::new(4, 3);
    for number in 1..4 {
        bucket.set(number, |it| it.state = State::Live);
    }
    bucket.run().await;
    pass(7 * DAY).await;
    assert_eq!(bucket.run().await.deleted, 1);
    // Something of it is still listed on the day after, and nothing on the next.
    pass(DAY).await;
    assert_eq!(bucket.run().await.outcome.as_str(), "Idle");
    pass(DAY).await;
    bucket.known.all.lock().remove(&key(0));
    assert_eq!(bucket.run().await.outcome.as_str(), "Idle");
}

#[tokio::test(start_paused = true)]
async fn our_own_deletions_hide_no_loss() {
    let mut bucket = Bucket::new(10, 3);
    for number in 5..10 {
        bucket.set(number, |it| it.state = State::Live);
    }
    bucket.run().await;
    pass(7 * DAY).await;
    assert_eq!(bucket.run().await.deleted, 5);
    for number in 7..10 {
        bucket.known.all.lock().remove(&key(number));
    }
    // Five are hidden and still listed, two are left of the others.
    let run = bucket.run().await;
    assert!(run.outcome.message().unwrap_or_default().starts_with("the list has 30 % fewer"), "{:?}", run.outcome);
}

/// The record may fail, too, which is not what a person has to mend first.
#[tokio::test(start_paused = true)]
async fn the_failure_of_a_run_is_told_before_that_of_its_record() {
    let mut bucket = Bucket::new(2, 3);
    bucket.run().await;
    pass(7 * DAY).await;
    for number in [0, 1] {
        let data = format!("{}n/logs/worker-2.out", folder(number));
        bucket.writer.arm(&data, ErrorKind::PermissionDenied, u32::MAX);
    }
    let writer = Arc::clone(&bucket.writer);
    let fail = move || writer.arm("ray-history/v1/retention.json", ErrorKind::PreconditionFailed, u32::MAX);
    *bucket.known.begun.lock() = Some(Box::new(fail));
    let run = bucket.run().await;
    assert!(run.outcome.message().unwrap().contains("worker-2.out"), "{:?}", run.outcome);
    assert_eq!(run.failed.0, 2);
}
