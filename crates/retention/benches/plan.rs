//! `cargo bench -p ray-history-retention`: time and memory of the plan of 100,000 sessions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on must stop")]

#[path = "../tests/bucket/mod.rs"]
mod bucket;

use bucket::{NOW, SESSIONS, peak};
use ray_history_retention::{Plan, plan};
use std::collections::BTreeMap;
use std::time::Instant;

const ROUNDS: usize = 10;

fn main() {
    let before = peak();
    let (sessions, settings) = (bucket::sessions(), bucket::settings());
    let tombstones = bucket::tombstones(&settings, &sessions);
    let held = peak().saturating_sub(before);
    let mut times = Vec::new();
    let mut last = Plan::default();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        last = plan(&settings, &sessions, &tombstones, NOW, None, &BTreeMap::new());
        times.push(begun.elapsed());
    }
    let all = peak().saturating_sub(before);
    times.sort_unstable();
    println!("{SESSIONS} sessions, {} rules: {} beyond a limit", settings.rules.len(), last.planned.sessions);
    println!("a plan        {:>7.1?} (least) {:>7.1?} (most)", times[0], times[ROUNDS - 1]);
    println!("sessions      {:>7.1} MiB, marks included", held as f64 / f64::from(1 << 20));
    println!("with the plan {:>7.1} MiB at the most", all as f64 / f64::from(1 << 20));
}
