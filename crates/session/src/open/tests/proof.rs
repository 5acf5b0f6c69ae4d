use super::*;
use crate::catalog::Query;
use crate::liveness::{Cluster, Listed, StartBounds, State};
use crate::{Ended, Glance, KnownBy};
use ray_history_manifest::proof::{Head, Life, Uncertain, Verdict};
use ray_history_manifest::{
    AgentCounters, FORMAT, Identity, LogRange, MAX_BYTES, Manifest, Reason, Role, SealedFiles, State as Wire,
};

/// Returns the key of the manifest of a session's only node.
pub(super) fn manifest_key(pid: u32) -> String {
    format!("{}ray-history/spool/manifest.json", folder(pid))
}

/// Returns a closed manifest of the first `files` event files, each of one event.
pub(super) fn manifest(pid: u32, files: u32) -> Manifest {
    let mut sealed = SealedFiles { objects: files.into(), records: files.into(), ..SealedFiles::default() };
    for file in 0..files {
        let key = event_file(pid, file);
        let (below, size) = (key.strip_prefix(&folder(pid)).unwrap(), task(pid, file).len() as u64);
        sealed.digest.add(below, size);
        sealed.bytes += size;
    }
    let counters = AgentCounters {
        pid: 7,
        at: now(),
        received: files.into(),
        published: files.into(),
        quiet: true,
        ..AgentCounters::default()
    };
    let mut manifest = Manifest {
        format: FORMAT.into(),
        written: now(),
        flushed_to: now(),
        state: Wire::Closed,
        reason: Some(Reason::PodEnded),
        identity: Identity { role: Role::Head, ..Identity::default() },
        ray: vec![counters],
        ..Manifest::default()
    };
    (manifest.events.records, manifest.events.sealed) = (files.into(), sealed);
    manifest
}

/// Returns a session of two files, with a manifest that was changed.
async fn opened(change: impl FnOnce(&mut Manifest)) -> (Scene, Arc<OpenSession>) {
    let scene = Scene::new(1, 2, Settings::default()).await;
    let mut manifest = manifest(0, 2);
    change(&mut manifest);
    scene.bucket.put_modified(manifest_key(0), manifest.to_bytes(), now());
    let open = scene.sessions.open(&key(0)).await.unwrap();
    (scene, open)
}

fn verdict(open: &OpenSession) -> Verdict {
    open.proved.as_ref().unwrap().proof.verdict
}

/// Returns the messages of the losses.
async fn lost(change: impl FnOnce(&mut Manifest)) -> Vec<String> {
    let (_, open) = opened(change).await;
    let gaps = open.proved.as_ref().unwrap().gaps();
    assert_eq!((verdict(&open), gaps.is_empty()), (Verdict::Gaps, false));
    gaps.into_iter().map(|gap| gap.message).collect()
}

#[tokio::test]
async fn a_session_whose_numbers_agree_is_complete() {
    let (scene, open) = opened(|_| ()).await;
    let at = manifest(0, 0).ray[0].at;
    assert!(matches!(verdict(&open), Verdict::Complete(to) if to <= at && to > at - 60_000_000_000));
    assert_eq!(open.proved.as_ref().unwrap().gaps(), []);
    assert_eq!(scene.sessions.standing(&key(0)).closed, Some(true));
    assert_eq!(scene.sessions.known_state(&key(0)).0, State::Dead, "its pod ended");
}

#[tokio::test]
async fn without_a_manifest_there_is_no_proof() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    let open = scene.sessions.open(&key(0)).await.unwrap();
    assert!(open.proved.is_none());
    assert_eq!(scene.sessions.known_state(&key(0)).0, State::Unknown);
}

#[tokio::test]
async fn losses_are_told_with_numbers() {
    let dropped = lost(|manifest| {
        manifest.ray[0].received = 977;
        manifest.ray[0].dropped =
            [("TASK_DEFINITION_EVENT".to_owned(), 900), ("TASK_LIFECYCLE_EVENT".to_owned(), 75)].into();
    });
    assert_eq!(
        dropped.await,
        [
            "Ray dropped 900 events of type TASK_DEFINITION_EVENT on node aa11",
            "Ray dropped 75 events of type TASK_LIFECYCLE_EVENT on node aa11"
        ]
    );
    let gone = lost(|manifest| manifest.events.sealed.objects = 3);
    assert_eq!(gone.await, ["1 of 3 event files of node aa11 is gone"]);
    let range = LogRange { path: "worker-1.out".into(), from: 5, to: 9, why: "overwritten".into() };
    let log = lost(|manifest| manifest.logs.lost.push(range));
    assert_eq!(log.await, ["Bytes 5 to 9 of the log worker-1.out of node aa11 are not stored: overwritten"]);
}

#[tokio::test]
async fn a_missing_object_is_told() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    scene.bucket.put_modified(manifest_key(0), manifest(0, 2).to_bytes(), now());
    scene.bucket.remove(&event_file(0, 1));
    let open = scene.sessions.open(&key(0)).await.unwrap();
    let gaps: Vec<String> = open.proved.as_ref().unwrap().gaps().into_iter().map(|gap| gap.message).collect();
    assert_eq!(
        gaps,
        ["1 of 2 event files of node aa11 is gone", "1 of 2 events that were stored of node aa11 could not be read"]
    );
    assert!(open.has_gaps(scene.sessions.standing(&key(0))));
}

#[tokio::test]
async fn a_manifest_that_says_nothing_is_no_gap() {
    for (manifest, why) in [
        (r#"{"format": "ray-history/manifest/9"}"#.to_owned(), "its format"),
        ("{".to_owned(), "cannot be read"),
        (" ".repeat(100 << 20), "104857600 bytes"),
        (" ".repeat(MAX_BYTES as usize), "cannot be read"),
    ] {
        let scene = Scene::new(1, 2, Settings::default()).await;
        scene.bucket.put_modified(manifest_key(0), manifest, now());
        let open = scene.sessions.open(&key(0)).await.unwrap();
        let proved = open.proved.as_ref().unwrap();
        assert_eq!((proved.proof.verdict, proved.gaps(), proved.head), (Verdict::NoKnownGaps, Vec::new(), None));
        let (_, message) = proved.doubts().next().unwrap();
        assert!(message.contains(why), "{message}");
        assert_eq!((open.snapshot.tasks.len(), open.unread_files), (2, 0));
    }
}

/// One of 100 MB is never read.
#[tokio::test]
async fn an_endless_manifest_is_not_read() {
    let scene = Scene::new(1, 1, Settings::default()).await;
    scene.bucket.put_modified(manifest_key(0), " ".repeat(100 << 20), now());
    let before = scene.store.counts().reads;
    scene.sessions.open(&key(0)).await.unwrap();
    assert_eq!(scene.store.counts().reads - before, 2, "the head that is not there, and the event file");
}

/// A manifest that the store does not give is read again, as any other file.
#[tokio::test(start_paused = true)]
async fn an_unreadable_manifest_is_read_again() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    scene.bucket.put_modified(manifest_key(0), manifest(0, 2).to_bytes(), now());
    scene.store.arm(manifest_key(0), Fault::Always(ErrorKind::PermissionDenied));
    let open = scene.sessions.open(&key(0)).await.unwrap();
    assert_eq!((verdict(&open), open.unread_files), (Verdict::NoKnownGaps, 1));
    scene.store.heal();
    tokio::time::advance(Duration::from_secs(6)).await;
    let open = scene.settled(0).await;
    assert!(matches!(verdict(&open), Verdict::Complete(_)));
}

/// A manifest that cannot be read any more does not keep newer logs back.
#[tokio::test(start_paused = true)]
async fn logs_are_shown_while_a_manifest_cannot_be_read() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    let log = format!("{}logs/worker-1.out", folder(0));
    scene.bucket.put_modified(log.clone(), "one\n", now());
    let mut silent = manifest(0, 2);
    (silent.state, silent.written) = (Wire::Open, now() - FRESH * 1_000_000_000 + 200_000_000);
    scene.bucket.put_modified(manifest_key(0), silent.to_bytes(), now());
    let before = scene.sessions.open(&key(0)).await.unwrap();
    scene.store.arm(manifest_key(0), Fault::Always(ErrorKind::PermissionDenied));
    scene.bucket.put_modified(log, "one\ntwo\n", now());
    let after = proved_again(&scene).await;
    let size = after.logs.find(NODE, "worker-1.out").unwrap().size;
    assert_eq!((size, verdict(&after)), (8, verdict(&before)));
}

/// Seconds within which an open manifest is one of a living node.
const FRESH: i64 = 180;
/// Seconds after which nothing that an open manifest names may still be on its way.
const SETTLED: i64 = 300;

/// Returns a scene whose session is proved again in 200 ms of real time, with that session.
async fn proved_soon(after: i64) -> (Scene, Arc<OpenSession>) {
    let opened = opened(|manifest| {
        (manifest.state, manifest.flushed_to) = (Wire::Open, 1);
        manifest.written = now() - after * 1_000_000_000 + 200_000_000;
    });
    opened.await
}

/// Opens the session again after that time.
async fn proved_again(scene: &Scene) -> Arc<OpenSession> {
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(300))).await.unwrap();
    tokio::time::advance(Duration::from_secs(6)).await;
    scene.settled(0).await
}

/// Time alone makes another proof, and a manifest is read for it.
#[tokio::test(start_paused = true)]
async fn a_silent_node_is_noticed_without_a_rebuild() {
    let (scene, before) = proved_soon(FRESH).await;
    let alive = |open: &OpenSession| open.proved.as_ref().unwrap().proof.limits[0].alive;
    assert!(alive(&before) && scene.sessions.standing(&key(0)).live);
    let reads = scene.store.counts().reads;
    let after = proved_again(&scene).await;
    assert!(!alive(&after) && !scene.sessions.standing(&key(0)).live);
    assert!(Arc::ptr_eq(&before.snapshot, &after.snapshot));
    assert_eq!((after.version, scene.store.counts().reads), (before.version, reads + 1));
}

/// A live session has a new manifest each minute, which is not read each time that the store is looked at.
#[tokio::test(start_paused = true)]
async fn a_newer_manifest_waits_for_its_minute() {
    let (scene, before) = opened(|manifest| (manifest.state, manifest.written) = (Wire::Open, 1)).await;
    let reads = scene.store.counts().reads;
    scene.bucket.put_modified(manifest_key(0), manifest(0, 2).to_bytes(), now());
    tokio::time::advance(Duration::from_secs(6)).await;
    let after = scene.settled(0).await;
    assert_eq!((verdict(&after), after.version), (verdict(&before), before.version));
    assert_eq!(scene.store.counts().reads, reads);
}

/// The last word of a collector may change no file that a listing shows, but the session is read once more.
#[tokio::test(start_paused = true)]
async fn a_session_is_read_again_when_its_manifest_closes() {
    let (scene, before) = proved_soon(SETTLED).await;
    assert_eq!(verdict(&before), Verdict::CompleteTo(1));
    scene.bucket.put_modified(manifest_key(0), manifest(0, 2).to_bytes(), now());
    let after = proved_again(&scene).await;
    assert!(matches!(verdict(&after), Verdict::Complete(_)));
    assert!(!Arc::ptr_eq(&before.snapshot, &after.snapshot));
    assert_eq!(scene.sessions.known_state(&key(0)).0, State::Dead);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_manifest_says_that_a_session_lives() {
    let (scene, open) = opened(|manifest| manifest.state = Wire::Open).await;
    assert!(matches!(verdict(&open), Verdict::CompleteTo(_)));
    assert_eq!(scene.sessions.known_state(&key(0)), (State::Live, Some(KnownBy::Manifest)));
    let standing = scene.sessions.standing(&key(0));
    assert_eq!((standing.live, standing.closed), (true, Some(false)));
}

#[tokio::test]
async fn a_watch_wins_over_a_manifest() {
    let (scene, _) = opened(|manifest| manifest.state = Wire::Open).await;
    scene.sessions.watched().update(|states| states.relisted(None, HashMap::new(), 0));
    assert_eq!(scene.sessions.known_state(&key(0)), (State::Dead, Some(KnownBy::Watch)));
}

/// The marker is written at the start then.
#[tokio::test]
async fn a_marker_is_no_end_where_a_manifest_is() {
    let written = |scene: &Scene| {
        let marker = format!("cluster-metadata/raycluster/ns_rc/{}", key(0).session);
        // Half an hour after the name of the session says that it began.
        scene.bucket.put_modified(marker, "", 1_795_390_000_000_000_000);
    };
    for with_manifest in [false, true] {
        let scene = Scene::new(1, 2, Settings::default()).await;
        written(&scene);
        if with_manifest {
            let mut silent = manifest(0, 2);
            (silent.state, silent.written) = (Wire::Open, 1);
            scene.bucket.put_modified(manifest_key(0), silent.to_bytes(), now());
        }
        scene.sessions.refresh().await.unwrap();
        let open = scene.sessions.open(&key(0)).await.unwrap();
        let ended = scene.sessions.ended(&key(0), Some(&open));
        assert_eq!(ended.is_none(), with_manifest, "{ended:?}");
        let listed = scene.sessions.listed_as_ended(&key(0));
        assert_eq!(listed, Some(Ended::Marker), "the same on a replica that has not opened it");
    }
}

/// The list reads manifests of sessions that it shows, once.
#[tokio::test]
async fn a_list_knows_the_verdict_of_a_closed_session() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    scene.bucket.put_modified(manifest_key(0), manifest(0, 2).to_bytes(), now());
    assert_eq!(scene.sessions.glance(&key(0)), None, "it is read in the background");
    scene.sessions.idle().await;
    let before = scene.store.counts();
    let glance = scene.sessions.glance(&key(0)).unwrap();
    assert!(matches!(glance.verdict, Some(Verdict::Complete(_))), "{glance:?}");
    assert_eq!(glance.head.map(|head: Head| head.life(now())), Some(Life::Dead));
    assert_eq!(scene.sessions.known_state(&key(0)).0, State::Dead);
    scene.sessions.idle().await;
    assert_eq!(scene.store.counts(), before, "it is kept");
}

/// A look at the list reads few sessions; all that are listed have been read in the end, and none is read again.
#[tokio::test]
async fn a_filter_by_verdict_becomes_whole() {
    let scene = Scene::new(450, 1, Settings::default()).await;
    for pid in 0..450 {
        scene.bucket.put_modified(manifest_key(pid), manifest(pid, 1).to_bytes(), now());
    }
    scene.sessions.refresh().await.unwrap();
    let start = scene.store.counts();
    let query = Query { verdict: Some("complete"), ..Query::default() };
    let mut unread = Vec::new();
    let total = loop {
        let page = scene.sessions.page(&query);
        scene.sessions.idle().await;
        unread.push(page.unread);
        if page.unread == 0 || unread.len() > 5 {
            break page.total;
        }
    };
    assert_eq!((unread, total), (vec![450, 250, 50, 0], 450));
    let before = scene.store.counts();
    // What the documentation counts; one more list where a session may lie below its owner.
    assert_eq!((before.lists - start.lists, before.reads - start.reads), (2 * 450, 450));
    assert_eq!(scene.sessions.page(&query).total, 450);
    scene.sessions.idle().await;
    assert_eq!(scene.store.counts(), before);
}

#[tokio::test]
async fn a_list_asks_little_of_sessions_without_manifests() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    let before = scene.store.counts();
    assert_eq!(scene.sessions.glance(&key(0)), None);
    scene.sessions.idle().await;
    assert_eq!(scene.sessions.glance(&key(0)).unwrap().verdict, None);
    let after = scene.store.counts();
    assert_eq!((after.lists - before.lists, after.reads - before.reads), (2, 0));
}

#[tokio::test]
async fn a_list_asks_a_failing_store_once() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    let session = folder(0).strip_suffix(&format!("{NODE}/")).unwrap().to_owned();
    scene.store.arm(session, Fault::Always(ErrorKind::PermissionDenied));
    assert_eq!(scene.sessions.glance(&key(0)), None);
    scene.sessions.idle().await;
    let before = scene.store.counts();
    assert_eq!(scene.sessions.glance(&key(0)).unwrap().verdict, None);
    scene.sessions.idle().await;
    assert_eq!(scene.store.counts(), before);
}

/// A session that could not be read may match, and is read again after a while.
#[tokio::test]
async fn a_filter_does_not_take_a_failure_for_an_answer() {
    let scene = Scene::new(1, 1, Settings::default()).await;
    scene.bucket.put_modified(manifest_key(0), manifest(0, 1).to_bytes(), now());
    let session = folder(0).strip_suffix(&format!("{NODE}/")).unwrap().to_owned();
    let query = Query { verdict: Some("complete"), ..Query::default() };
    let again = async || {
        let source = scene.sessions.source();
        let tried = source.glances.peek(&key(0)).unwrap();
        assert!(source.glances.claim(&key(0)));
        source.glances.run(&key(0), async { Glance { until: 0, ..tried } }).await;
    };
    // Neither its nodes can be listed, nor, later, its manifest be read.
    for closed in [session, manifest_key(0)] {
        scene.store.heal();
        scene.store.arm(closed.clone(), Fault::Always(ErrorKind::Unavailable));
        scene.sessions.page(&query);
        scene.sessions.idle().await;
        let before = scene.store.counts();
        for _ in 0..2 {
            let page = scene.sessions.page(&query);
            scene.sessions.idle().await;
            assert_eq!((page.total, page.unread), (0, 1), "{closed}");
        }
        assert_eq!(scene.store.counts(), before, "it waits for its time");
        again().await;
    }
    scene.store.heal();
    scene.sessions.page(&query);
    scene.sessions.idle().await;
    let page = scene.sessions.page(&query);
    assert_eq!((page.total, page.unread), (1, 0));
}

/// Returns settings with memory for what the manifests of so many sessions say.
fn room_for(sessions: u64) -> Settings {
    let mut settings = Settings::default();
    settings.cache.max_memory = sessions * 200 * 32;
    settings
}

/// Filters go on without end, and each session that they read would cost another its place.
#[tokio::test]
async fn a_filter_reads_no_more_sessions_than_it_can_keep() {
    let scene = Scene::new(450, 1, room_for(200)).await;
    scene.sessions.refresh().await.unwrap();
    let query = Query { verdict: Some("complete"), ..Query::default() };
    for _ in 0..3 {
        scene.sessions.page(&query);
        scene.sessions.idle().await;
    }
    let before = scene.store.counts();
    for _ in 0..3 {
        let unread = scene.sessions.page(&query).unread;
        scene.sessions.idle().await;
        assert!((250..300).contains(&unread), "{unread}");
    }
    assert_eq!(scene.store.counts(), before);
}

/// A result in use outlives those that nobody asks for.
#[tokio::test]
async fn a_filter_uses_what_it_looks_at() {
    let scene = Scene::new(1, 1, room_for(200)).await;
    scene.bucket.put_modified(manifest_key(0), manifest(0, 1).to_bytes(), now());
    let query = Query { verdict: Some("complete"), ..Query::default() };
    scene.sessions.page(&query);
    scene.sessions.idle().await;
    for pid in 1..1_000 {
        let source = scene.sessions.source();
        assert!(source.glances.claim(&key(pid)));
        source.glances.run(&key(pid), async { Glance::default() }).await;
        let page = scene.sessions.page(&query);
        assert_eq!((page.total, page.unread), (1, 0), "after {pid}");
    }
}

/// Whatever its manifest says, the last word of a live session is not there yet.
#[tokio::test]
async fn a_filter_reads_nothing_of_a_live_session() {
    let scene = Scene::new(1, 1, Settings::default()).await;
    scene.bucket.put_modified(manifest_key(0), manifest(0, 1).to_bytes(), now());
    let created = key(0).session.local_micros().unwrap();
    let cluster = Cluster { uid: "one".into(), created, suspended: false, owner: None, head: None, keep: None };
    let listed = Listed { start: StartBounds::from_name(&key(0).session), key: key(0), namespace_known: true };
    scene.sessions.watched().update(|states| {
        states.relisted(None, [(key(0).cluster, cluster)].into(), 0);
        states.listed([listed], i64::MAX);
    });
    assert_eq!(scene.sessions.known_state(&key(0)), (State::Live, Some(KnownBy::Watch)));
    let before = scene.store.counts();
    for _ in 0..2 {
        let page = scene.sessions.page(&Query { verdict: Some("complete"), ..Query::default() });
        scene.sessions.idle().await;
        assert_eq!((page.total, page.unread), (0, 0));
    }
    assert_eq!(scene.store.counts(), before);
}

#[tokio::test]
async fn counters_that_nobody_read_are_a_doubt() {
    let (_, open) = opened(|manifest| manifest.ray.clear()).await;
    let proof = &open.proved.as_ref().unwrap().proof;
    assert_eq!((proof.verdict, &proof.doubts[0].why), (Verdict::NoKnownGaps, &Uncertain::NoCounters));
}

/// Facts and answers read a log whose end lies in a segment as one file.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_log_is_read_from_its_segment() {
    use futures_util::TryStreamExt;
    use ray_history_manifest::segment::SegmentWriter;

    let scene = Scene::new(1, 1, Settings::default()).await;
    let (log, segment) =
        (format!("{}logs/worker-1.out", folder(0)), format!("{}ray-history/spool/logs-0000000001.seg", folder(0)));
    scene.bucket.put_modified(log, "one\n", now());
    scene.bucket.put_modified(format!("{}logs/worker-2.out", folder(0)), "x", now());
    let mut writer = SegmentWriter::default();
    writer.push("worker-1.out", "7-1", 0, b"one\ntwo\n");
    writer.push("fresh.log", "8-1", 0, b"new\n");
    scene.bucket.put_modified(segment.clone(), writer.object(), now());
    let text = async |open: &OpenSession, path: &str, lines| {
        let part = logs::LogPart::whole(open.logs.find(NODE, path).unwrap());
        let body = scene.sessions.read_log(&[part], lines).await.unwrap();
        let len = body.len.unwrap();
        let bytes = body.stream.try_collect::<Vec<_>>().await.unwrap().concat();
        assert_eq!(bytes.len() as u64, len);
        String::from_utf8(bytes).unwrap()
    };
    let open = scene.sessions.open(&key(0)).await.unwrap();
    assert_eq!(text(&open, "worker-1.out", None).await, "one\ntwo\n");
    assert_eq!(text(&open, "worker-1.out", Some(1)).await, "two\n");
    assert_eq!(text(&open, "fresh.log", None).await, "new\n");
    // So do searches and downloads, which read all files.
    let files: Arc<[_]> = logs::select::select(&open.logs, &logs::select::LogFilter::default()).into();
    let (mut blocks, mut all) = (scene.sessions.read_logs(Arc::clone(&files)), Vec::new());
    while let Some(block) = blocks.next().await {
        assert_eq!((block.unread, block.is_last), (None, true));
        all.push((files[block.file].path.clone(), String::from_utf8(block.bytes.to_vec()).unwrap()));
    }
    for (path, expected) in [("worker-1.out", "one\ntwo\n"), ("worker-2.out", "x"), ("fresh.log", "new\n")] {
        assert!(all.contains(&(path.to_owned(), expected.to_owned())), "{all:?}");
    }
    // Another log grows: the segment has not changed, and is not read again.
    let reads = scene.store.counts().reads;
    scene.bucket.put_modified(format!("{}logs/worker-2.out", folder(0)), "xy", now());
    tokio::time::advance(Duration::from_secs(6)).await;
    let later = scene.settled(0).await;
    assert_eq!(later.logs.find(NODE, "worker-2.out").unwrap().size, 2);
    assert_eq!((text(&later, "fresh.log", None).await, scene.store.counts().reads), ("new\n".to_owned(), reads + 1));
    // It grows, and no rebuild is needed for that.
    writer.push("worker-1.out", "7-1", 8, b"three\n");
    scene.bucket.put_modified(segment, writer.object(), now());
    tokio::time::advance(Duration::from_secs(6)).await;
    let after = scene.settled(0).await;
    assert!(Arc::ptr_eq(&open.snapshot, &after.snapshot));
    assert_eq!(text(&after, "worker-1.out", Some(2)).await, "two\nthree\n");
}
