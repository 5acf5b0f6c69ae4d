//! Files and folders that cannot be read.

use super::*;
use ray_history_core::snapshot::gap::Code;
use ray_history_core::snapshot::gaps::Standing;

/// Returns `true` if unreadable files are among the gaps.
fn lacks_files(open: &OpenSession) -> bool {
    let standing = Standing { marked: true, live: false, over: true, closed: None };
    let gaps = open.gaps(standing);
    assert_eq!(open.has_gaps(standing), !gaps.is_empty());
    gaps.iter().any(|gap| matches!(gap.code, Code::UnreadableFiles | Code::UnreadUpdates))
}

#[tokio::test(start_paused = true)]
async fn failed_files_are_counted_and_recover() {
    let scene = Scene::new(1, 10, Settings::default()).await;
    for file in [2, 5, 7] {
        scene.store.arm(event_file(0, file), Fault::Always(ErrorKind::Unavailable));
    }
    let open = scene.sessions.open(&key(0)).await.unwrap();
    let report = &open.snapshot.completeness;
    assert_eq!((open.snapshot.tasks.len(), open.unread_files, report.unreadable_files.count), (7, 3, 3));
    assert_eq!((report.event_files, lacks_files(&open)), (10, true));
    let version = open.version;
    scene.store.heal();
    tokio::time::advance(Duration::from_secs(3)).await;
    let open = scene.settled(0).await;
    assert_eq!((open.snapshot.tasks.len(), open.unread_files), (10, 0));
    assert_ne!(open.version, version, "answers changed, so the version must");
}

#[tokio::test(start_paused = true)]
async fn partial_outage_takes_nothing_from_an_open_session() {
    let scene = Scene::new(1, 4, Settings::default()).await;
    let whole = scene.sessions.open(&key(0)).await.unwrap();
    // A new file arrives, and two of the old ones fail.
    scene.put(0, 4);
    for file in [1, 2] {
        scene.store.arm(event_file(0, file), Fault::Always(ErrorKind::Unavailable));
    }
    tokio::time::advance(Duration::from_secs(6)).await;
    let open = scene.settled(0).await;
    assert!(Arc::ptr_eq(&whole.snapshot, &open.snapshot), "four tasks are better than three");
    assert_eq!((open.unread_files, open.unread_updates.count, lacks_files(&open)), (0, 2, true));
    let named: Vec<_> = open.unread_updates.examples.iter().map(|example| example.file.clone()).collect();
    assert_eq!(named, [1, 2].map(|file| event_file(0, file)));
    assert_ne!(open.version, whole.version, "the report changed");
    // The new files make up for the missing ones.
    (5..8).for_each(|file| scene.put(0, file));
    tokio::time::advance(Duration::from_secs(6)).await;
    let open = scene.settled(0).await;
    assert_eq!((open.snapshot.tasks.len(), open.unread_files, open.unread_updates.count), (6, 2, 0));
    scene.store.heal();
    tokio::time::advance(Duration::from_secs(10)).await;
    let open = scene.settled(0).await;
    assert_eq!((open.snapshot.tasks.len(), lacks_files(&open)), (8, false));
}

/// It does not make a live session be read all the time.
#[tokio::test(start_paused = true)]
async fn permanently_unreadable_file_backs_off() {
    let scene = Scene::new(1, 10, Settings::default()).await;
    scene.store.arm(event_file(0, 3), Fault::Always(ErrorKind::PermissionDenied));
    let before = scene.store.counts().reads;
    for _ in 0..600 {
        scene.settled(0).await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let builds = (scene.store.counts().reads - before) / 10;
    assert!((6..=9).contains(&builds), "after 2, 4, 8, ... seconds, not {builds} times");
}

/// It does not make a live session be read all the time.
#[tokio::test(start_paused = true)]
async fn permanently_closed_folder_backs_off() {
    let scene = Scene::new(1, 10, Settings::default()).await;
    scene.bucket.put_modified(format!("{}logs/raylet.out", folder(0)), "", now());
    let facts = format!("{}logs/events/event_JOBS.log", folder(0));
    scene.bucket.put_modified(facts, "{}\n", now());
    scene.tasks(0).await;
    scene.store.arm(format!("{}job_events/", folder(0)), Fault::Closed);
    let before = scene.store.counts().reads;
    for _ in 0..600 {
        assert_eq!(scene.settled(0).await.snapshot.tasks.len(), 10);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let builds = scene.store.counts().reads - before;
    assert!((6..=9).contains(&builds), "after 2, 4, 8, ... seconds, not {builds} times");
}

#[tokio::test(start_paused = true)]
async fn rebuild_does_not_trade_read_files_for_others() {
    let scene = Scene::new(1, 1, Settings::default()).await;
    let files = [format!("{}logs/events/event_JOBS.log", folder(0)), format!("{}logs/events/event_GCS.log", folder(0))];
    for file in &files {
        scene.bucket.put_modified(file.clone(), "{}\n", now());
    }
    scene.store.arm(files[0].clone(), Fault::Always(ErrorKind::Unavailable));
    let first = scene.sessions.open(&key(0)).await.unwrap();
    assert_eq!(first.unread_files, 1);
    scene.store.heal();
    scene.store.arm(files[1].clone(), Fault::Always(ErrorKind::Unavailable));
    tokio::time::advance(Duration::from_secs(3)).await;
    let second = scene.settled(0).await;
    assert_ne!(first.version, second.version, "another report is another answer");
    assert_eq!((second.unread_files, second.unread_updates.count), (1, 1));
    assert!(Arc::ptr_eq(&first.snapshot, &second.snapshot));
    scene.store.heal();
    tokio::time::advance(Duration::from_secs(9)).await;
    assert!(!scene.settled(0).await.has_unread_files());
}

#[tokio::test(start_paused = true)]
async fn closed_folder_takes_nothing_away_and_recovers() {
    let scene = Scene::new(1, 3, Settings::default()).await;
    scene.bucket.put(format!("{}logs/raylet.out", folder(0)), "");
    let whole = scene.sessions.open(&key(0)).await.unwrap();
    let hour = format!("{}job_events/01000000/", folder(0));
    scene.store.arm(hour.clone(), Fault::Closed);
    tokio::time::advance(Duration::from_secs(6)).await;
    let open = scene.settled(0).await;
    assert!(Arc::ptr_eq(&whole.snapshot, &open.snapshot), "three tasks are better than none");
    assert_eq!((open.unread_updates.count, lacks_files(&open)), (1, true));
    assert_eq!(open.unread_updates.examples.first().unwrap().file, hour);
    scene.store.heal();
    tokio::time::advance(Duration::from_secs(3)).await;
    let open = scene.settled(0).await;
    assert_eq!((open.snapshot.tasks.len(), lacks_files(&open)), (3, false));
}

#[tokio::test(start_paused = true)]
async fn unlistable_session_is_not_reported_as_empty() {
    let scene = Scene::new(1, 3, Settings::default()).await;
    scene.store.arm(folder(0), Fault::Closed);
    let error = scene.sessions.open(&key(0)).await.unwrap_err();
    assert!(matches!(error, Error::Storage(_)) && error.to_string().contains(&folder(0)), "{error}");
    // With another node the session opens, and reports the missing part.
    scene.bucket.put(format!("{}logs/raylet.out", folder(0).replace(NODE, "bb22")), "");
    tokio::time::advance(Duration::from_secs(3)).await;
    let open = scene.sessions.open(&key(0)).await.unwrap();
    assert_eq!((open.unread_files, open.snapshot.completeness.unreadable_files.count), (1, 1));
    scene.store.heal();
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(scene.settled(0).await.snapshot.tasks.len(), 3);
}

/// Even if none of its files are inputs.
#[tokio::test(start_paused = true)]
async fn newly_closed_folder_is_reported() {
    let scene = Scene::new(1, 1, Settings::default()).await;
    let logs = format!("{}logs/", folder(0));
    assert!(!lacks_files(&scene.sessions.open(&key(0)).await.unwrap()));
    scene.bucket.put(format!("{logs}worker-1.out"), "");
    scene.store.arm(logs, Fault::Closed);
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!(scene.settled(0).await.has_unread_files());
}

#[tokio::test(start_paused = true)]
async fn late_marker_closes_the_gap_of_an_open_session() {
    let scene = Scene::new(0, 0, Settings::default()).await;
    scene.put(0, 0);
    scene.sessions.refresh().await.unwrap();
    let open = scene.sessions.open(&key(0)).await.unwrap();
    let codes = |open: &OpenSession| {
        let gaps = open.gaps(scene.sessions.standing(&key(0)));
        gaps.iter().map(|gap| gap.code).filter(|code| *code == Code::NoMarker).count()
    };
    assert_eq!(codes(&open), 1);
    scene.bucket.put(format!("cluster-metadata/raycluster/ns_rc/{}", key(0).session), "");
    scene.sessions.refresh().await.unwrap();
    assert_eq!(codes(&open), 0, "the same open session, one pass over the markers later");
    // A live session is complete with what is stored so far.
    let live = Standing { marked: false, live: true, over: false, closed: None };
    assert!(open.gaps(live).iter().all(|gap| gap.code != Code::NoMarker));
}
