//! The memory of a plan of 100,000 sessions and 10,000 marks; alone in its process, because the greatest memory counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod bucket;

use bucket::{NOW, SESSIONS, peak};
use ray_history_retention::plan;
use std::collections::BTreeMap;

/// Half more than what is promised, as an allocator keeps some.
const MOST: usize = 75 << 20;

#[test]
fn a_plan_of_many_sessions_takes_little_memory() {
    let before = peak();
    let (sessions, settings) = (bucket::sessions(), bucket::settings());
    let tombstones = bucket::tombstones(&settings, &sessions);
    let held = peak() - before;
    let made = plan(&settings, &sessions, &tombstones, NOW, None, &BTreeMap::new());
    let all = peak() - before;
    println!("{} MiB, with the plan {} MiB", held >> 20, all >> 20);
    assert_eq!((made.decisions.len(), made.marked.sessions), (SESSIONS, 10_000));
    assert!(held > 10 << 20, "{held} bytes: nothing was measured");
    assert!(all < MOST, "{held} bytes, with the plan {all}");
}
