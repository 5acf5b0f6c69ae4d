//! The bundled session, opened from a server and from a folder.

use super::Cloud;
use ray_history_core::layout::Root;
use ray_history_metrics::Metrics;
use ray_history_ray_api::{Body, Query, dashboard, state};
use ray_history_session::Sessions;
use ray_history_storage::guarded::Limits;
use ray_history_storage::local::Local;
use ray_history_storage::{Delimiter, Storage, connect};
use std::fmt::Write;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) async fn is_the_same(cloud: &impl Cloud) {
    let unpacked = upload(cloud).await;
    let local: Arc<dyn Storage> = Arc::new(Local::open(unpacked.path().join("storage")).unwrap());
    let store = connect(&cloud.config(None), Limits::default(), &Metrics::default().storage).await.unwrap();
    let (expected, found) = (snapshot(local).await, snapshot(store).await);
    assert!(expected == found, "the snapshots differ");
}

/// Puts the bundled session into the cloud, and returns the folder that it came from.
pub(crate) async fn upload(cloud: &impl Cloud) -> TempDir {
    let unpacked = crate::common::fixture::unpacked("service");
    let local = Local::open(unpacked.path().join("storage")).unwrap();
    let mut copied = 0;
    for object in local.list_all("", Delimiter::None).await.unwrap().objects {
        let bytes = local.read_all(&object.key, u64::MAX).await.unwrap();
        cloud.put(&object.key, bytes).await.unwrap();
        copied += 1;
    }
    assert!(copied > 10, "{copied}");
    unpacked
}

/// Returns the answers of the only session, as text.
async fn snapshot(store: Arc<dyn Storage>) -> String {
    let sessions = Arc::new(Sessions::new(store, vec![Root::new("")]));
    let listing = sessions.refresh().await.unwrap();
    let session = sessions.open(&listing.iter().next().unwrap().key).await.unwrap();
    let query = |text: &str| {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let parameters = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Query { parameters, ..Query::default() }
    };
    let snapshot = &session.snapshot;
    assert!(!snapshot.tasks.is_empty(), "no tasks");
    let answers = [
        state::tasks::list(snapshot, &query("detail=1&limit=10000")),
        dashboard::actors::list(snapshot, &query("")),
        dashboard::nodes::list(snapshot, &query("view=summary")),
        state::timeline::timeline(snapshot, &query("")),
    ];
    let mut text = String::new();
    for answer in answers {
        match answer.unwrap().body {
            Body::Whole(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Body::Chunks(pieces) => pieces.for_each(|piece| text.push_str(&String::from_utf8_lossy(&piece))),
        }
    }
    for (node, path, object) in session.logs.iter() {
        let _ = writeln!(text, "{node} {path} {} {}", object.key, object.size);
    }
    text
}
