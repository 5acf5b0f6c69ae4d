//! The parts of the collector as those see them that end them: the events', the logs' and the dashboard's side.

use async_trait::async_trait;
use ray_history_core::base::name::SessionName;
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::NodeKeys;
use ray_history_manifest as manifest;
use tokio::time::Instant;

/// The side of the events: from their acknowledgement to the bucket.
#[async_trait]
pub trait EventPart: Send + Sync {
    /// Waits until everything that was accepted before the call is stored.
    async fn flush_now(&self);

    /// Seals the event files of a session and waits until they are stored; later events begin new files.
    async fn close(&self, session: &SessionName);

    /// Returns the time of the last batch that was accepted.
    fn last_event_at(&self) -> Option<Instant>;

    /// Returns the time before which all that was accepted is stored.
    fn flushed_to(&self) -> Nanos;

    /// Returns what is stored of a session below a node: never more than the bucket holds.
    fn manifest_part(&self, session: &SessionName, node: &NodeKeys) -> manifest::Events;
}

/// The side of the logs.
#[async_trait]
pub trait LogPart: Send + Sync {
    /// Waits until segments hold all that was written to the logs before the call.
    async fn flush_now(&self);

    /// Stores the log files as such, as many as fit into the time until the deadline.
    async fn settle(&self, deadline: Instant);

    /// Goes on after `settle`, because the pod does not end.
    fn resume(&self);

    /// Returns what is stored of a node, by its id: never more than the bucket holds.
    fn manifest_part(&self, session: &SessionName, node: &str) -> manifest::Logs;

    /// Takes note of a manifest that is stored, so that what it does not count any more can be deleted.
    async fn manifest_is_stored(&self, session: &SessionName, node: &str, logs: &manifest::Logs);
}

/// Parts on which nothing happens, for tests of those who only hold them.
#[cfg(test)]
pub(crate) mod idle {
    use super::*;

    pub(crate) struct Idle;

    #[async_trait]
    impl EventPart for Idle {
        async fn flush_now(&self) {}
        async fn close(&self, _: &SessionName) {}
        fn last_event_at(&self) -> Option<Instant> {
            None
        }
        fn flushed_to(&self) -> Nanos {
            0
        }
        fn manifest_part(&self, _: &SessionName, _: &NodeKeys) -> manifest::Events {
            manifest::Events::default()
        }
    }

    #[async_trait]
    impl LogPart for Idle {
        async fn flush_now(&self) {}
        async fn settle(&self, _: Instant) {}
        fn resume(&self) {}
        fn manifest_part(&self, _: &SessionName, _: &str) -> manifest::Logs {
            manifest::Logs::default()
        }
        async fn manifest_is_stored(&self, _: &SessionName, _: &str, _: &manifest::Logs) {}
    }
}
