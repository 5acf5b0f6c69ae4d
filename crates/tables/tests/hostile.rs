//! Files of attempts and profile events that were damaged, or made by an enemy: each gives an error or a table, never a
//! panic, and in bounded memory. A process of its own, so that its memory is that of these tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::build::Builder;
use ray_history_core::snapshot::testing::{made, many};
use ray_history_tables::{Environments, Error, Expected, Stamp, Values, profile, tasks};
use std::sync::atomic::{AtomicBool, Ordering};

/// Most memory that reading a small file may ever take, in kB.
const MOST: u64 = 2 << 20;

/// Becomes `true` at a panic of our own code.
static OURS: AtomicBool = AtomicBool::new(false);

struct Files {
    tasks: (Bytes, Expected),
    profile: (Bytes, Expected),
}

fn stamp() -> Stamp {
    Stamp { build: "b".to_owned(), cluster: "c".to_owned(), session: "s".to_owned(), ..Stamp::default() }
}

fn written(snapshot: &Snapshot) -> Files {
    let (mut of_tasks, mut of_profile, mut environments) = (Vec::new(), Vec::new(), Environments::default());
    let options = tasks::Options { messages: true };
    let tasks_promise =
        tasks::write(snapshot, &snapshot.tasks.by_place(), &stamp(), options, &mut environments, &mut of_tasks)
            .unwrap();
    let profile_promise = profile::write(snapshot, &snapshot.tasks.by_place(), &stamp(), &mut of_profile).unwrap();
    Files { tasks: (of_tasks.into(), tasks_promise), profile: (of_profile.into(), profile_promise) }
}

fn read(files: &Files) -> Result<usize, Error> {
    let mut values = Values::default();
    let mut read = tasks::read(std::slice::from_ref(&files.tasks), &stamp(), &mut values)?;
    profile::read(std::slice::from_ref(&files.profile), &stamp(), &mut values, &mut read)?;
    Ok(read.table.iter().map(|attempt| 1 + attempt.profile().len() + attempt.states().count()).sum())
}

/// Returns a session of a few attempts with every kind of value, and one of many alike.
fn sessions() -> [Snapshot; 2] {
    let event = |n: u8| made::event(n % 6, std::array::from_fn(|at| n.wrapping_mul(31).wrapping_add(at as u8 * 7) / 3));
    let small = made::fold(&(0..120).map(event).collect::<Vec<_>>()).finish(&made::log_facts());
    let mut builder = Builder::new("session");
    many::records(500).for_each(|record| builder.fold_record("file", 1, record.as_bytes()));
    [small, builder.finish(&ray_history_core::logs::Facts::default())]
}

/// Returns the most memory that this process ever had mapped, in kB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn changed(file: &Bytes, change: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut bytes = file.to_vec();
    change(&mut bytes);
    bytes.into()
}

#[test]
fn damaged_files_give_errors_in_bounded_memory() {
    // Panics of the reader of Parquet are errors; ours are never caught, but where we call it.
    std::panic::set_hook(Box::new(|panic| {
        let file = panic.location().map(|place| place.file().to_owned()).unwrap_or_default();
        if !file.contains(".cargo") && !file.contains("rustc") {
            OURS.store(true, Ordering::Relaxed);
        }
    }));
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    let before = most_memory();
    let (mut errors, mut tables) = (0, 0);
    for session in sessions() {
        let files = written(&session);
        assert!(read(&files).is_ok());
        for round in 0..500 {
            let (of_tasks, of_profile) = (&files.tasks, &files.profile);
            let (file, length) =
                if round % 2 == 0 { (of_tasks, of_tasks.0.len()) } else { (of_profile, of_profile.0.len()) };
            let damaged = changed(&file.0, |bytes| {
                for _ in 0..=round % 4 {
                    // Headers and the footer are few bytes of many.
                    let near_end = length.saturating_sub(6_000).max(4);
                    let at = if round % 3 == 0 { near_end + next(length - near_end) } else { next(length) };
                    bytes[at] = if round % 5 == 0 { 0xff } else { bytes[at] ^ 1 << next(8) };
                }
            });
            let one = (damaged, file.1.clone());
            let files = if round % 2 == 0 {
                Files { tasks: one, profile: of_profile.clone() }
            } else {
                Files { tasks: of_tasks.clone(), profile: one }
            };
            match read(&files) {
                Ok(_) => tables += 1,
                Err(_) => errors += 1,
            }
        }
    }
    let _ = std::panic::take_hook();
    assert!(!OURS.load(Ordering::Relaxed), "a panic of ours");
    // Parquet has no checksums, and some columns are not read: the head's hash tells.
    assert!(errors > 100 && tables > 100, "{errors} errors, {tables} tables");
    let most = most_memory();
    assert!(most < before + MOST, "{before} kB before, {most} kB after");
}

#[test]
fn cut_and_exchanged_files_are_refused() {
    let [small, other] = sessions();
    let files = written(&small);
    for (length, cut_tasks) in (0..files.tasks.0.len()).step_by(97).flat_map(|length| [(length, true), (length, false)])
    {
        let cut = |file: &(Bytes, Expected)| (file.0.slice(..length.min(file.0.len() - 1)), file.1.clone());
        let (of_tasks, of_profile) = (files.tasks.clone(), files.profile.clone());
        let cut = if cut_tasks {
            Files { tasks: cut(&of_tasks), profile: of_profile }
        } else {
            Files { tasks: of_tasks, profile: cut(&of_profile) }
        };
        assert!(read(&cut).is_err(), "{length}");
    }
    let others = written(&other);
    assert!(read(&Files { tasks: files.tasks.clone(), profile: others.profile.clone() }).is_err());
    assert!(
        read(&Files { tasks: (files.profile.0.clone(), files.profile.1.clone()), profile: others.profile }).is_err()
    );
}

#[test]
fn other_promises_than_the_heads_are_refused() {
    let [small, _] = sessions();
    let files = written(&small);
    let (bytes, expected) = &files.tasks;
    let with = |change: fn(&mut Expected, &mut Stamp)| {
        let (mut expected, mut stamp) = (expected.clone(), stamp());
        change(&mut expected, &mut stamp);
        tasks::read(&[(bytes.clone(), expected)], &stamp, &mut Values::default()).map(|read| read.table.len())
    };
    assert_eq!(with(|_, _| ()).unwrap(), small.tasks.len());
    assert!(with(|expected, _| expected.rows += 1).is_err());
    assert!(with(|expected, _| expected.rows -= 1).is_err());
    assert!(with(|expected, _| expected.uncompressed += 1).is_err());
    assert!(with(|_, stamp| stamp.build = "another".to_owned()).is_err());
    assert!(with(|_, stamp| stamp.session = "another".to_owned()).is_err());
    assert!(with(|_, stamp| stamp.namespace = "another".to_owned()).is_err());
}
