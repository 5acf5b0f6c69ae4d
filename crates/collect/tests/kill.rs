//! Kills a collector at random and at named instants, and starts it again: what was acknowledged is in the bucket, each
//! event once.
//!
//! The collector is a process of its own: this test program, started again. A feeder posts numbered events with the
//! rules of Ray's agent: one batch at a time, repeated with the same bytes until it is acknowledged, with Ray's timeout
//! and pauses, twenty times as fast. `RAY_HISTORY_KILL_ROUNDS` sets the number of kills.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod kill {
    pub(crate) mod bucket;
    pub(crate) mod child;
    pub(crate) mod feeder;
    pub(crate) mod random;
}

use kill::bucket::{self, Store};
use kill::child::{self, Child};
use kill::feeder::Feeder;
use kill::random::Random;
use std::path::Path;
use std::time::{Duration, Instant};

/// Named instants at which the collector kills itself.
const INSTANTS: [&str; 7] = ["Appended", "Journaled", "Packed", "Written", "Finished", "JournalWritten", "HalfPut"];

/// This is the collector, if the others started it; a test that is run by itself does nothing.
#[test]
fn collector_process() {
    child::run_if_asked();
}

#[test]
fn kills_lose_and_double_nothing() {
    let rounds = std::env::var("RAY_HISTORY_KILL_ROUNDS").map_or(40, |rounds| rounds.parse().unwrap());
    run(rounds, &[Store::Good]);
}

#[test]
fn kills_beside_a_bad_store_lose_and_double_nothing() {
    let rounds = std::env::var("RAY_HISTORY_KILL_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    run(rounds, &[Store::Failing, Store::Slow, Store::Cut]);
}

fn run(rounds: u32, stores: &[Store]) {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new();
    let feeder = Feeder::start(dir.path(), random.next());
    let mut own_kills = 0;
    for round in 0..rounds {
        let store = stores[round as usize % stores.len()];
        if round.is_multiple_of(2) {
            let child = Child::start(dir.path(), store, None);
            std::thread::sleep(Duration::from_millis(20 + random.next() % 150));
            child.kill();
        } else {
            let instant = INSTANTS[round as usize / 2 % INSTANTS.len()];
            // The journal is replaced at each start; later instants come often.
            let count = if instant == "JournalWritten" { 1 } else { 1 + random.next() % 8 };
            let mut child = Child::start(dir.path(), store, Some((instant, count)));
            // A busy machine takes longer to start it, and to come to the instant.
            let patience = Duration::from_millis(700) + 10 * child.start_time(dir.path());
            if child.ends_within(patience) {
                own_kills += 1;
            }
            child.kill();
        }
        if round % 20 == 19 {
            // Also before the end: each once, though not all.
            bucket::numbers(dir.path());
        }
    }
    let child = Child::start(dir.path(), Store::Good, None);
    let acknowledged = feeder.stop();
    let begun = Instant::now();
    child.finish(dir.path());
    println!(
        "seed {}: {rounds} kills, {own_kills} of {} at their instants, {} events, {} requests, {:?} to the end",
        random.seed(),
        rounds / 2,
        acknowledged.numbers.len(),
        acknowledged.requests,
        begun.elapsed()
    );
    check(dir.path(), &acknowledged.numbers);
    assert!(own_kills >= rounds / 8, "{own_kills}");
}

fn check(dir: &Path, acknowledged: &[u64]) {
    let stored = bucket::numbers(dir);
    assert!(acknowledged.len() > 500, "{}", acknowledged.len());
    assert_eq!(stored.len(), acknowledged.len());
    assert_eq!(stored, acknowledged);
    bucket::check_manifests(dir, acknowledged.len() as u64);
}
