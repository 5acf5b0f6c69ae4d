//! A small session for tests: 43 events of Ray 2.60 as sent, except for shortened runtime environments. It has a head,
//! two worker nodes of which one died, five actors, and three tasks.

use super::{Answer, Query, RayError};
use ray_history_core::logs::Facts;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::build::Builder;
use serde_json::Value;
use std::sync::Arc;

/// The head node.
pub(super) const HEAD: &str = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052";
/// The killed worker node.
pub(super) const DEAD_NODE: &str = "775fef0aac8bbb99826de6b426e902cca43fa875db825422b0171ac9";
/// A named actor that was restarted once and died with its owner.
pub(super) const RESTARTED: &str = "9a49268b3c2ce37cb72298fa02000000";
/// A live Serve controller.
pub(super) const ALIVE: &str = "03fe0f92467a1c5d02bda6f504000000";
/// An actor killed before it ever ran, because its node died.
pub(super) const NEVER_RAN: &str = "42f388c9ade4dab5b76daae104000000";
/// An actor in a placement group.
pub(super) const GROUPED: &str = "3a26b32e2a97064354e4f3d605000000";

/// Returns the session followed by the events in `more`.
pub(super) fn snapshot_with(more: &[&str]) -> Arc<Snapshot> {
    let mut builder = Builder::new("session_2026-11-22_23-11-33_821800_9153");
    let lines = include_str!("test_events.jsonl").lines();
    for (n, line) in lines.chain(more.iter().copied()).enumerate() {
        builder.fold_record("test_events.jsonl", n as u64, line.as_bytes());
    }
    let snapshot = builder.finish(&Facts::default());
    assert_eq!(snapshot.completeness.damaged_records.count, 0);
    Arc::new(snapshot)
}

/// Returns the session.
pub(super) fn snapshot() -> Arc<Snapshot> {
    snapshot_with(&[])
}

/// Parses a query written as `key:value&key:value`.
pub(super) fn query_from(text: &str) -> Query {
    let pairs: Vec<_> = text.split('&').filter_map(|pair| pair.split_once(':')).collect();
    Query::of(&pairs)
}

/// Returns `data.result` of a state API answer about the session.
pub(super) fn result_of(answer: fn(&Arc<Snapshot>, &Query) -> Result<Answer, RayError>, query: &Query) -> Value {
    let answer = answer(&snapshot(), query).unwrap();
    serde_json::from_slice::<Value>(&answer.into_bytes()).unwrap()["data"]["result"].take()
}
