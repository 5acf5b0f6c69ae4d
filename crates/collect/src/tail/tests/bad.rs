//! Logs that cannot be read, and logs that have just been rotated.

use super::rights::unprivileged;
use super::world::{World, session};
use crate::tail::Settings;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::time::timeout;

/// A log that cannot be read is named with its range, and keeps no other from being stored.
#[tokio::test(start_paused = true)]
async fn an_unreadable_log_is_named_and_stops_nothing() {
    let world = World::new(Settings::default());
    world.append("worker-1.out", b"secret\n");
    world.append("worker-2.out", b"open\n");
    fs::set_permissions(world.logs().join("worker-1.out"), fs::Permissions::from_mode(0o000)).unwrap();
    let tail = world.tail();
    unprivileged(|| tail.0.scan());
    // The files that were seen are read on another thread, which has all rights.
    let logs = tail.manifest_part(&session()).unwrap();
    let [lost] = &logs.lost[..] else { panic!("{:?}", logs.lost) };
    assert_eq!((lost.path.as_str(), lost.from, lost.to, lost.why.as_str()), ("worker-1.out", 0, 7, "no permission"));
    tail.flush(crate::tail::FlushKind::All).await.unwrap();
    let stored = world.stored("ab").await;
    assert_eq!(stored.whole("worker-2.out"), "open\n");
    // It is read as soon as that is allowed.
    fs::set_permissions(world.logs().join("worker-1.out"), fs::Permissions::from_mode(0o644)).unwrap();
    unprivileged(|| tail.0.scan());
    tail.flush(crate::tail::FlushKind::All).await.unwrap();
    assert_eq!(world.stored("ab").await.whole("worker-1.out"), "secret\n");
    assert_eq!(tail.manifest_part(&session()).unwrap().lost, []);
}

/// The object of a log's name has the old file's bytes for 10 s after a rotation at most: one scan, and one look at
/// due files.
#[tokio::test(start_paused = true)]
async fn a_log_that_was_rotated_is_the_new_file_within_seconds() {
    for offset in [100, 2_300, 4_900] {
        let world = World::new(Settings::default());
        let tail = world.tail();
        world.append("raylet.out", b"first\n");
        let rotating = async {
            tokio::time::sleep(Duration::from_millis(400_000 + offset)).await;
            assert_eq!(world.stored("ab").await.settled["raylet.out"], b"first\n");
            world.rename("raylet.out", "raylet.out.1");
            world.append("raylet.out", b"second\n");
            tokio::time::sleep(Duration::from_millis(10_100)).await;
        };
        tokio::select! {
            () = tail.run() => {}
            () = rotating => {}
        }
        let settled = world.stored("ab").await.settled;
        assert_eq!(settled["raylet.out"], b"second\n", "{offset}");
        assert_eq!(settled.len(), 2, "{:?}", settled.keys());
    }
}

/// Whenever a line is written between two scans, it is stored in the time of its class.
#[tokio::test(start_paused = true)]
async fn the_time_between_scans_is_part_of_the_wait() {
    for offset in [100, 2_500, 4_900] {
        let world = World::new(Settings::default());
        let tail = world.tail();
        let _ = timeout(Duration::from_secs(60), tail.run()).await;
        let writing = async {
            tokio::time::sleep(Duration::from_millis(offset)).await;
            world.append("worker-1.out", b"x\n");
            tokio::time::sleep(Duration::from_secs(30)).await;
        };
        tokio::select! {
            () = tail.run() => {}
            () = writing => {}
        }
        assert_eq!(world.stored("ab").await.whole("worker-1.out"), "x\n", "{offset}");
    }
}
