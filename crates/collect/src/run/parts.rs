//! The events' and the logs' side as their end sees them.

use crate::parts::{EventPart, LogPart};
use crate::spool::Spool;
use crate::tail::Tail;
use crate::upload::Uploader;
use async_trait::async_trait;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionName;
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::NodeKeys;
use ray_history_manifest as manifest;
use std::sync::Arc;
use tokio::time::Instant;

/// The spool and its uploader.
pub(super) struct Events {
    pub(super) spool: Arc<Spool>,
    pub(super) uploader: Arc<Uploader>,
}

#[async_trait]
impl EventPart for Events {
    async fn flush_now(&self) {
        self.uploader.flush_now().await;
    }

    async fn close(&self, session: &SessionName) {
        self.uploader.close_session(session).await;
    }

    fn last_event_at(&self) -> Option<Instant> {
        self.spool.last_event_at()
    }

    fn flushed_to(&self) -> Nanos {
        self.spool.flushed_to()
    }

    fn manifest_part(&self, session: &SessionName, node: &NodeKeys) -> manifest::Events {
        self.spool.manifest_part(session, node)
    }
}

/// The tails of the logs.
pub(super) struct Logs(pub(super) Tail);

#[async_trait]
impl LogPart for Logs {
    async fn flush_now(&self) {
        if let Err(error) = self.0.flush_now().await {
            tracing::warn!(error = %chain(&error), "a segment of logs cannot be stored");
        }
    }

    async fn settle(&self, deadline: Instant) {
        let left = self.0.settle(deadline).await;
        if left.files > 0 {
            tracing::warn!(files = left.files, bytes = left.bytes, "these logs are in segments only");
        }
    }

    fn resume(&self) {
        self.0.resume();
    }

    fn manifest_part(&self, session: &SessionName, node: &str) -> manifest::Logs {
        self.0.manifest_part_of(session, node).unwrap_or_default()
    }

    async fn manifest_is_stored(&self, session: &SessionName, node: &str, logs: &manifest::Logs) {
        self.0.manifest_is_stored(session, node, logs).await;
    }
}
