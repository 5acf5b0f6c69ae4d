//! Names of log files as the live node had them, and logs that were just rotated.

use super::proof::{manifest, manifest_key};
use super::*;
use futures_util::TryStreamExt;
use ray_history_manifest::State as Wire;
use ray_history_manifest::segment::SegmentWriter;

/// A listing shows names as the live node had them, and a file is found by the name it was stored under, too.
#[tokio::test(start_paused = true)]
async fn logs_have_the_names_that_they_had_at_the_end() {
    let scene = Scene::new(1, 1, Settings::default()).await;
    for path in ["raylet.out", "raylet.rotated.7-18.out", "worker-1.out", "x.log", "y.log"] {
        scene.bucket.put_modified(format!("{}logs/{path}", folder(0)), path, now());
    }
    let mut manifest = manifest(0, 1);
    // It is read again when it counts as silent.
    let written = now() - 180_000_000_000 + 1_500_000_000;
    (manifest.state, manifest.written) = (Wire::Open, written);
    let ended = [("raylet.rotated.7-18.out", "raylet.out.1"), ("worker-1.out", "old/worker-1.out"), ("x.log", "y.log")];
    manifest.logs.ended = ended.map(|(stored, last)| (stored.to_owned(), last.to_owned())).into();
    manifest.logs.folders = vec!["nsight/".to_owned(), "old/".to_owned()];
    scene.bucket.put_modified(manifest_key(0), manifest.to_bytes(), now());
    let open = scene.sessions.open(&key(0)).await.unwrap();
    let listed = |open: &OpenSession| {
        let mut listed: Vec<String> = open.logs.listed(NODE).into_iter().map(str::to_owned).collect();
        listed.sort();
        listed
    };
    // A name that another file is stored under is not given twice.
    let expected = ["nsight/", "old/", "old/worker-1.out", "raylet.out", "raylet.out.1", "x.log", "y.log"];
    assert_eq!(listed(&open), expected);
    let found = |path: &str| open.logs.find(NODE, path).map(|log| log.key.rsplit_once("/logs/").unwrap().1);
    assert_eq!(found("raylet.out.1"), Some("raylet.rotated.7-18.out"));
    assert_eq!(found("raylet.rotated.7-18.out"), Some("raylet.rotated.7-18.out"));
    assert_eq!([found("old/worker-1.out"), found("worker-1.out")], [Some("worker-1.out"); 2]);
    assert_eq!((found("y.log"), found("nsight/")), (Some("y.log"), None));
    assert_eq!(open.logs.generations(NODE, "worker-1.out").len(), 1);
    assert_eq!(open.logs.generations(NODE, "raylet.out").len(), 2);
    // The names stay when a log grows, and are others when another manifest is read. No rebuild is needed.
    scene.bucket.put_modified(format!("{}logs/y.log", folder(0)), "longer than before", now());
    tokio::time::advance(Duration::from_secs(6)).await;
    let later = scene.settled(0).await;
    assert_eq!(
        (listed(&later), later.logs.find(NODE, "y.log").unwrap().size),
        (expected.map(str::to_owned).to_vec(), 18)
    );
    manifest.logs.ended.insert("raylet.rotated.7-18.out".to_owned(), "raylet.out.2".to_owned());
    scene.bucket.put_modified(manifest_key(0), manifest.to_bytes(), now());
    let soon = written + 180_000_000_000 + 100_000_000 - now();
    let soon = Duration::from_nanos(u64::try_from(soon).unwrap_or_default());
    tokio::task::spawn_blocking(move || std::thread::sleep(soon)).await.unwrap();
    tokio::time::advance(Duration::from_secs(20)).await;
    let after = scene.settled(0).await;
    assert!(Arc::ptr_eq(&open.snapshot, &after.snapshot));
    assert!(listed(&after).contains(&"raylet.out.2".to_owned()), "{:?}", listed(&after));
}

/// Just after a rotation the object of a log's name still has the bytes of the file before.
#[tokio::test]
async fn a_log_that_was_just_rotated_shows_the_new_file() {
    for (written, expected) in [(1_000, "new\n"), (3_000, "old line\n")] {
        let scene = Scene::new(1, 1, Settings::default()).await;
        scene.bucket.put_modified(format!("{}logs/raylet.out", folder(0)), "old line\n", written);
        let mut writer = SegmentWriter::default();
        writer.push("raylet.out", "9-2000", 0, b"new\n");
        let segment = format!("{}ray-history/spool/logs-0000000001.seg", folder(0));
        scene.bucket.put_modified(segment, writer.object(), 2_500);
        let open = scene.sessions.open(&key(0)).await.unwrap();
        let part = logs::LogPart::whole(open.logs.find(NODE, "raylet.out").unwrap());
        let body = scene.sessions.read_log(&[part], None).await.unwrap();
        let text = body.stream.try_collect::<Vec<_>>().await.unwrap().concat();
        assert_eq!(String::from_utf8(text).unwrap(), expected, "written at {written}");
    }
}
