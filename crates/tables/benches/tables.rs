//! `make bench`: attempts and profile events as tables, compared with the fold that made them, in one run.
//!
//! 100,000 attempts with 500,000 profile events, one thread. Goals: at most 100 bytes an attempt; written in 0.4 of the
//! time of the fold of their events (0.3 s on a quiet machine), read in an eighth (attempts alone: 60 ms).

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on must stop")]

use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::build::Builder;
use ray_history_core::snapshot::testing::many;
use ray_history_tables::{Environments, Expected, Stamp, Values, profile, tasks};
use std::time::{Duration, Instant};

const ATTEMPTS: u64 = 100_000;
/// The best of several runs is the least disturbed one.
const RUNS: usize = 9;

fn main() {
    let (snapshot, folded) = folded();
    let stamp = Stamp { cluster: "cluster".to_owned(), session: "session".to_owned(), ..Stamp::default() };
    let (mut tasks_file, mut profile_file) = (None, None);
    let write_tasks = best(|| tasks_file = Some(attempts_written(&snapshot, &stamp)));
    let write = write_tasks + best(|| profile_file = Some(profile_written(&snapshot, &stamp)));
    let ((of_tasks, tasks_as_promised), (of_profile, profile_as_promised)) = tasks_file.zip(profile_file).unwrap();
    let read_tasks = || {
        let mut values = Values { environments: Some(Environments::default()), ..Values::default() };
        values.environments.as_mut().unwrap().intern("{}");
        let read = tasks::read(&[(of_tasks.clone(), tasks_as_promised.clone())], &stamp, &mut values).unwrap();
        (values, read)
    };
    let read_alone = best(|| drop(read_tasks()));
    let read_all = best(|| {
        let (mut values, mut read) = read_tasks();
        profile::read(&[(of_profile.clone(), profile_as_promised.clone())], &stamp, &mut values, &mut read).unwrap();
        assert_eq!((read.table.len() as u64, read.profile_events()), (ATTEMPTS, 5 * ATTEMPTS));
    });
    let bytes = |bytes: usize| bytes as f64 / ATTEMPTS as f64;
    let stored = bytes(of_tasks.len() + of_profile.len());
    let ratio = |part: Duration| part.as_secs_f64() / folded.as_secs_f64();
    println!("fold of the events                {folded:>10.1?}");
    println!("attempts written                  {write_tasks:>10.1?}");
    println!("written with profile events       {write:>10.1?}   {:.3} of the fold (goal: 0.4)", ratio(write));
    println!("attempts read                     {read_alone:>10.1?}   {:.3} of the fold", ratio(read_alone));
    println!("attempts and profile events read  {read_all:>10.1?}   {:.3} of the fold (goal: 0.125)", ratio(read_all));
    println!("stored: {stored:.1} bytes an attempt (goal: 100), {:.1} of them profile events", bytes(of_profile.len()));
    assert!(stored <= 100.0, "{stored} bytes an attempt");
    assert!(ratio(write) <= 0.4 && ratio(read_all) <= 0.125, "slower than promised");
}

/// Folds the events of a session, and returns the time that it took without making them.
fn folded() -> (Snapshot, Duration) {
    let (mut builder, mut time) = (Builder::new("session"), Duration::ZERO);
    let mut records = many::records(ATTEMPTS);
    loop {
        let some: Vec<String> = records.by_ref().take(10_000).collect();
        if some.is_empty() {
            break;
        }
        let start = Instant::now();
        for record in &some {
            builder.fold_record("file", 1, record.as_bytes());
        }
        time += start.elapsed();
    }
    let start = Instant::now();
    let snapshot = builder.finish(&ray_history_core::logs::Facts::default());
    (snapshot, time + start.elapsed())
}

type File = (Bytes, Expected);

fn attempts_written(snapshot: &Snapshot, stamp: &Stamp) -> File {
    let (mut out, options) = (Vec::new(), tasks::Options { messages: true });
    let promise =
        tasks::write(snapshot, &snapshot.tasks.by_place(), stamp, options, &mut Environments::default(), &mut out)
            .unwrap();
    (out.into(), promise)
}

fn profile_written(snapshot: &Snapshot, stamp: &Stamp) -> File {
    let mut out = Vec::new();
    let promise = profile::write(snapshot, &snapshot.tasks.by_place(), stamp, &mut out).unwrap();
    (out.into(), promise)
}

fn best(mut work: impl FnMut()) -> Duration {
    let run = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..RUNS).map(run).min().unwrap_or_default()
}
