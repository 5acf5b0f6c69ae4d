//! Single scenes: a file that is rotated, moved, removed, rewritten.

use super::day::Dice;
use super::world::{World, session};
use crate::tail::{FlushKind, Settings, Unsettled};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Bytes that cannot be compressed.
fn noise(len: u64) -> Vec<u8> {
    let mut dice = Dice(1);
    (0..len).map(|_| dice.roll(256) as u8).collect()
}

const SHORT: Settings = Settings {
    facts_flush: Duration::from_secs(10),
    user_flush: Duration::from_secs(30),
    system_flush: Duration::from_secs(300),
    max_bytes: 1 << 20,
    most_open: 512,
    upload_rate: None,
};

/// Puts in the first minutes: facts after 10 s, output of users after 30 s, the rest after 5 min; each takes all.
#[tokio::test(start_paused = true)]
async fn each_class_is_stored_in_its_time() {
    for (path, seconds) in
        [("events/event_JOBS.log", 10), ("worker-1.out", 30), ("monitor.log", 300), ("raylet.out", 300)]
    {
        let world = World::new(SHORT);
        let tail = world.tail();
        world.append(path, b"x\n");
        let _ = timeout(Duration::from_secs(seconds - 2), tail.run()).await;
        assert_eq!(world.stored("ab").await.frames.len(), 0, "{path}");
        let _ = timeout(Duration::from_secs(8), tail.run()).await;
        assert_eq!(world.stored("ab").await.whole(path), "x\n", "{path}");
    }
}

/// One object grows until it is five minutes old or has 4 MiB, and nothing new is no request.
#[tokio::test(start_paused = true)]
async fn a_segment_grows_and_is_sealed() {
    let world = World::new(Settings { max_bytes: 1 << 30, ..SHORT });
    let tail = world.tail();
    for turn in 0..12 {
        world.append("worker-1.out", b"x\n");
        let before = world.store.writes.load(Ordering::Relaxed);
        tail.flush_now().await.unwrap();
        tail.flush_now().await.unwrap();
        assert_eq!(world.store.writes.load(Ordering::Relaxed), before + 1);
        let stored = world.stored("ab").await;
        assert_eq!(stored.segments.len(), 1 + turn / 10, "turn {turn}");
        sleep(Duration::from_secs(30)).await;
    }
    let noise = noise(6 << 20);
    world.append("worker-2.out", &noise);
    tail.flush_now().await.unwrap();
    let stored = world.stored("ab").await;
    assert!(stored.segments.len() >= 3, "{:?}", stored.segments);
    let text: Vec<u8> = stored.text("worker-2.out", None).into_iter().flatten().collect();
    assert!(text == noise);
}

/// A long file waits for its turn: a short one is in the first segment.
#[tokio::test(start_paused = true)]
async fn a_long_file_keeps_no_other_waiting() {
    let world = World::new(Settings { max_bytes: 1 << 30, ..SHORT });
    world.append("worker-1.out", &noise(12 << 20));
    world.append("worker-2.out", b"short\n");
    world.tail().flush_now().await.unwrap();
    let stored = world.stored("ab").await;
    let short = stored.frames.iter().position(|(frame, _)| frame.path == "worker-2.out").unwrap();
    assert!(short < 8, "frame {short} of {}", stored.frames.len());
}

#[tokio::test(start_paused = true)]
async fn files_are_settled_when_they_have_doubled() {
    let world = World::new(SHORT);
    let tail = world.tail();
    let run = |minutes: u64| timeout(Duration::from_secs(minutes * 60 + 20), tail.run());
    world.append("worker-1.out", &[b'x'; 1000]);
    world.append("worker-2.err", b"");
    let _ = run(4).await;
    assert!(world.stored("ab").await.settled.is_empty());
    let _ = run(1).await;
    let settled = world.stored("ab").await.settled;
    assert_eq!((settled["worker-1.out"].len(), settled["worker-2.err"].len()), (1000, 0));
    world.append("worker-1.out", &[b'x'; 10]);
    let _ = run(30).await;
    assert_eq!(world.stored("ab").await.settled["worker-1.out"].len(), 1000);
    let _ = run(31).await;
    assert_eq!(world.stored("ab").await.settled["worker-1.out"].len(), 1010);
    world.append("worker-1.out", &[b'x'; 1010]);
    let _ = run(6).await;
    assert_eq!(world.stored("ab").await.settled["worker-1.out"].len(), 2020);
}

/// `raylet.out` becomes `raylet.out.1`: its bytes move to an object of its own before the new file takes its name.
#[tokio::test(start_paused = true)]
async fn a_rotated_file_is_stored_under_a_name_of_its_own() {
    let world = World::new(SHORT);
    let tail = world.tail();
    world.append("raylet.out", b"first\n");
    tail.settle(soon()).await;
    assert_eq!(tail.manifest_part(&session()), None, "nothing was scanned");
    tail.flush_now().await.unwrap();
    tail.settle(soon()).await;
    world.append("raylet.out", b"more\n");
    let ino = fs::metadata(world.logs().join("raylet.out")).unwrap().ino();
    world.rename("raylet.out", "raylet.out.1");
    world.append("raylet.out", b"second\n");
    tail.flush_now().await.unwrap();
    assert_eq!(world.stored("ab").await.settled["raylet.out"], b"first\n");
    tail.settle_due().await;
    tail.settle(soon()).await;
    let (stored, logs) = (world.stored("ab").await, tail.manifest_part(&session()).unwrap());
    let (rotated, end) = logs.ended.first_key_value().unwrap();
    assert!(rotated.starts_with(&format!("raylet.rotated.{ino}-")), "{rotated}");
    assert_eq!(end, "raylet.out.1");
    assert_eq!(stored.settled[rotated], b"first\nmore\n");
    assert_eq!(stored.settled["raylet.out"], b"second\n");
    assert_eq!((logs.files, logs.bytes, logs.settled.objects, logs.settled.bytes), (2, 18, 2, 18));
    let (frame, _) = stored.frames.iter().find(|(_, bytes)| bytes == b"more\n").unwrap();
    assert!(rotated.contains(&frame.file) && frame.path == "raylet.out" && frame.at == 6, "{frame:?}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_moves_to_old_keeps_its_name() {
    let world = World::new(SHORT);
    let tail = world.tail();
    world.append("worker-1.out", b"a\n");
    fs::create_dir_all(world.logs().join("nsight")).unwrap();
    tail.flush_now().await.unwrap();
    world.rename("worker-1.out", "old/worker-1.out");
    tail.scan().await;
    tail.settle_due().await;
    let (stored, logs) = (world.stored("ab").await, tail.manifest_part(&session()).unwrap());
    assert_eq!(stored.settled.into_iter().collect::<Vec<_>>(), [("worker-1.out".to_owned(), b"a\n".to_vec())]);
    assert_eq!(
        logs.ended.into_iter().collect::<Vec<_>>(),
        [("worker-1.out".to_owned(), "old/worker-1.out".to_owned())]
    );
    assert_eq!(logs.folders, ["nsight/", "old/"]);
}

/// Its bytes are read through the open file; without one they are lost, and said to be.
#[tokio::test(start_paused = true)]
async fn a_removed_file_is_read_while_it_is_open() {
    for most_open in [512, 0] {
        let world = World::new(Settings { most_open, ..SHORT });
        let tail = world.tail();
        world.append("worker-1.out", b"0123456789");
        tail.scan().await;
        fs::remove_file(world.logs().join("worker-1.out")).unwrap();
        tail.flush_now().await.unwrap();
        tail.scan().await;
        tail.settle_due().await;
        tail.scan().await;
        let (stored, logs) = (world.stored("ab").await, tail.manifest_part(&session()).unwrap());
        if most_open > 0 {
            assert_eq!(stored.settled["worker-1.out"], b"0123456789");
            assert_eq!(logs.lost, []);
        } else {
            let lost = &logs.lost[0];
            assert_eq!((lost.path.as_str(), lost.from, lost.to), ("worker-1.out", 0, 10));
        }
        // Another test may close its files meanwhile.
        let held = fs::read_dir("/proc/self/fd").unwrap().flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
        let held: Vec<_> = held.filter(|path| path.starts_with(world.logs())).collect();
        assert!(held.is_empty(), "a removed file is not held open for ever: {held:?}");
    }
}

/// The first time, both contents are kept; from the second time on, only the last one.
#[tokio::test(start_paused = true)]
async fn a_file_rewritten_twice_is_stored_as_it_is_last() {
    let world = World::new(SHORT);
    let tail = world.tail();
    let path = world.logs().join("state.txt");
    for text in ["first\n", "second\n", "third\n", "fourth\n"] {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        sleep(Duration::from_secs(5)).await;
        tail.flush_now().await.unwrap();
    }
    world.append("debug_state.txt", b"state\n");
    tail.flush_now().await.unwrap();
    tail.settle(soon()).await;
    let stored = world.stored("ab").await;
    let frames: Vec<_> = stored.frames.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    assert_eq!(frames, [&b"first\n"[..], b"second\n"]);
    assert_eq!(stored.settled["state.txt"], b"fourth\n");
    assert_eq!(stored.settled["debug_state.txt"], b"state\n");
    assert_eq!(tail.manifest_part(&session()).unwrap().lost, []);
}

/// Bytes that only the object of a file that was rewritten in place has are not overwritten.
#[tokio::test(start_paused = true)]
async fn a_rewrite_does_not_replace_the_last_copy() {
    let world = World::new(SHORT);
    let tail = world.tail();
    world.append("app.log", b"first content\n");
    tail.flush_now().await.unwrap();
    tail.settle(soon()).await;
    let logs = tail.manifest_part(&session()).unwrap();
    tail.manifest_is_stored(&session(), "ab", &logs).await;
    fs::write(world.logs().join("app.log"), b"the second content is longer\n").unwrap();
    tail.flush_now().await.unwrap();
    tail.settle(soon()).await;
    let (stored, logs) = (world.stored("ab").await, tail.manifest_part(&session()).unwrap());
    assert_eq!(stored.settled["app.log"], b"first content\n");
    let (second, end) = logs.ended.first_key_value().unwrap();
    assert_eq!((end.as_str(), stored.settled[second].as_slice()), ("app.log", &b"the second content is longer\n"[..]));
}

/// 20 GB that take no disk: the start and the end are stored, the middle is named.
#[tokio::test(start_paused = true)]
async fn the_middle_of_a_huge_file_is_left_out() {
    let world = World::new(SHORT);
    let tail = world.tail();
    let file = File::create(world.logs().join("huge.log")).unwrap();
    let len = 20_u64 << 30;
    file.set_len(len).unwrap();
    file.write_all_at(b"the end\n", len - 8).unwrap();
    world.append("worker-1.out", b"small\n");
    tail.flush_now().await.unwrap();
    assert_eq!(tail.settle(soon()).await, Unsettled::default());
    let (stored, logs) = (world.stored("ab").await, tail.manifest_part(&session()).unwrap());
    assert_eq!(stored.settled["huge.log"].len(), 1 << 20);
    let (frame, last) = stored.frames.iter().find(|(_, bytes)| bytes.ends_with(b"the end\n")).unwrap();
    assert_eq!((frame.at, frame.end(), last.len()), (len - (256 << 10), len, 256 << 10));
    let skipped = &logs.skipped[0];
    assert_eq!((skipped.path.as_str(), skipped.from, skipped.to), ("huge.log", 1 << 20, len - (256 << 10)));
    assert_eq!((stored.whole("worker-1.out").as_str(), logs.lost.len()), ("small\n", 0));
}

/// A raylet restarts in its folder: the new node has all logs, as its dashboard would show them, and the old node has
/// what was there until then.
#[tokio::test(start_paused = true)]
async fn a_new_node_id_closes_the_old_nodes_logs() {
    let world = World::new(SHORT);
    let tail = world.tail();
    world.append("raylet.out", b"old node\n");
    tail.flush_now().await.unwrap();
    world.append("raylet.out", b"its end\n");
    world.name_node("cd");
    tail.scan().await;
    world.append("raylet.out", b"new node\n");
    tail.flush_now().await.unwrap();
    tail.settle_due().await;
    assert_eq!(world.stored("ab").await.settled["raylet.out"], b"old node\nits end\nnew node\n".get(..17).unwrap());
    assert!(tail.is_settled(&session(), "ab") && !tail.is_settled(&session(), "cd"));
    tail.settle(soon()).await;
    assert_eq!(world.stored("cd").await.settled["raylet.out"], b"old node\nits end\nnew node\n");
    assert_eq!(tail.manifest_part(&session()).unwrap().bytes, 26);
    let again = world.tail();
    again.flush_now().await.unwrap();
    assert_eq!(
        again.manifest_part_of(&session(), "ab").unwrap().settled,
        tail.manifest_part_of(&session(), "ab").unwrap().settled
    );
}

/// While the store is away, nothing is read into memory, and nothing is lost.
#[tokio::test(start_paused = true)]
async fn an_hour_without_a_store_loses_nothing() {
    let world = World::new(Settings { max_bytes: 1 << 30, ..SHORT });
    let tail = world.tail();
    world.store.is_away.store(true, Ordering::Relaxed);
    let running = tail.clone();
    let running = tokio::spawn(async move { running.run().await });
    for turn in 0..60 {
        world.append("worker-1.out", format!("{turn}\n").repeat(50_000).as_bytes());
        if turn % 20 == 19 {
            world.rename("worker-1.out", &format!("worker-1.out.{turn}"));
        }
        sleep(Duration::from_secs(60)).await;
        assert!(tail.lag() <= Duration::from_secs(60 * (turn + 1)));
    }
    assert!(timeout(Duration::from_secs(5), tail.flush(FlushKind::All)).await.is_err());
    world.store.is_away.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(120)).await;
    running.abort();
    tail.settle(soon()).await;
    let (stored, logs) = (world.stored("ab").await, tail.manifest_part(&session()).unwrap());
    assert_eq!(logs.lost, []);
    assert_eq!(stored.settled.values().map(|bytes| bytes.len() as u64).sum::<u64>(), logs.bytes);
}

/// Segments are deleted after a manifest without them is stored, and stay where the store refuses.
#[tokio::test(start_paused = true)]
async fn settled_segments_are_deleted_if_that_is_allowed() {
    for refused in [false, true] {
        let world = World::new(SHORT);
        world.store.refuses_deletes.store(refused, Ordering::Relaxed);
        let tail = world.tail();
        world.append("worker-1.out", b"x\n");
        tail.flush_now().await.unwrap();
        let before = tail.manifest_part(&session()).unwrap();
        assert_eq!((before.segments.first, before.segments.last), (1, 1));
        sleep(Duration::from_secs(400)).await;
        world.append("worker-1.out", b"y\n");
        tail.flush_now().await.unwrap();
        tail.settle(soon()).await;
        tail.manifest_is_stored(&session(), "ab", &before).await;
        assert_eq!(world.stored("ab").await.segments, [1, 2]);
        let after = tail.manifest_part(&session()).unwrap();
        assert_eq!((after.segments.first, after.segments.last), (2, 2));
        tail.manifest_is_stored(&session(), "ab", &after).await;
        assert_eq!(world.stored("ab").await.segments, if refused { vec![1, 2] } else { vec![2] });
    }
}

/// After a state file that cannot be read, everything is stored again under numbers that were not used.
#[tokio::test(start_paused = true)]
async fn a_damaged_state_file_overwrites_no_segment() {
    let world = World::new(SHORT);
    world.append("worker-1.out", b"x\n");
    world.tail().flush_now().await.unwrap();
    let state = world.folder.path().join("state").join(session().as_str()).join("ab.json");
    fs::write(&state, "{\"format\":").unwrap();
    fs::write(world.logs().join("worker-1.out"), "y\n").unwrap();
    world.tail().flush_now().await.unwrap();
    let stored = world.stored("ab").await;
    assert_eq!(stored.segments[0], 1);
    assert!(stored.segments[1] > 1_700_000_000);
    assert_eq!(stored.frames.len(), 2);
}

/// Nothing outside of the folder is stored, odd names are kept apart, and a name too long for a key is in segments.
#[tokio::test(start_paused = true)]
async fn names_of_users_are_not_trusted() {
    let world = World::new(SHORT);
    fs::write(world.folder.path().join("secret"), "secret").unwrap();
    symlink(world.folder.path().join("secret"), world.logs().join("worker-9.out")).unwrap();
    symlink(world.folder.path(), world.logs().join("serve")).unwrap();
    let long = format!("{0}/{0}/{0}/{0}/{0}/x.log", "d".repeat(200));
    for path in ["a\nb.log", "...", "%2e%2e", &long] {
        world.append(path, path.as_bytes());
    }
    let tail = world.tail();
    tail.flush_now().await.unwrap();
    tail.settle(soon()).await;
    let (stored, logs) = (world.stored("ab").await, tail.manifest_part(&session()).unwrap());
    assert_eq!(stored.settled.keys().collect::<Vec<_>>(), ["%2e%2e", "...", "a%0Ab.log"]);
    assert_eq!(stored.whole(&long), long);
    let special: Vec<_> = logs.skipped.iter().map(|skipped| (skipped.path.as_str(), skipped.why.as_str())).collect();
    assert_eq!(special.len(), 2);
    assert!(special.contains(&("worker-9.out", "a link")) && special.contains(&("serve", "a link")));
    assert!(logs.lost.is_empty());
}
