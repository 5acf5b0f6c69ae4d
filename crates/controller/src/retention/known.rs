//! Answers the executor about sessions, and makes audit lines, counters and numbers of its acts.

use async_trait::async_trait;
use parking_lot::Mutex;
use ray_history_core::base::name::SessionKey;
use ray_history_metrics::retention::Step;
use ray_history_retention::{Act, Candidate, Known, Mode};
use ray_history_session::Sessions;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The target of audit lines, which are written whatever the log level is.
const AUDIT: &str = concat!("ray_history", "::audit");

/// The sessions as this replica knows them.
pub(super) struct Watching {
    pub(super) sessions: Arc<Sessions>,
    /// The uid of the namespace `kube-system`; empty if it may not be read.
    pub(super) kubernetes: String,
    pub(super) mode: Mode,
    pub(super) leads: watch::Receiver<bool>,
    pub(super) stop: CancellationToken,
    pub(super) numbers: Mutex<Numbers>,
}

/// Numbers of one run, for an Event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    /// Marks that were changed in any way.
    pub(super) changed: u64,
    pub(super) marked: u64,
    pub(super) deleted: u64,
    pub(super) objects: u64,
    pub(super) bytes: u64,
}

#[async_trait]
impl Known for Watching {
    async fn candidate(&self, key: &SessionKey) -> Result<Candidate, String> {
        Ok(self.sessions.candidate(key, &self.kubernetes))
    }

    fn goes_on(&self) -> bool {
        !self.stop.is_cancelled() && (self.mode != Mode::Delete || *self.leads.borrow())
    }

    fn acted(&self, act: &Act) {
        let metrics = &self.sessions.metrics().retention;
        let mut numbers = self.numbers.lock();
        numbers.changed += 1;
        let (SessionKey { cluster, session }, decision, rule, why, objects, bytes) = match act {
            Act::Marked { key, rule, reason, objects, bytes } => {
                metrics.did(Step::Marked, 1);
                numbers.marked += 1;
                (key, "marked", Some(*rule), reason.clone(), *objects, *bytes)
            }
            Act::Unmarked { key, why } => {
                metrics.did(Step::Unmarked, 1);
                (key, "unmarked", None, why.to_string(), 0, 0)
            }
            Act::Begun { key, rule } => {
                // Hidden here before its first object goes.
                self.sessions.list_marks_soon();
                (key, "deleting", Some(*rule), String::new(), 0, 0)
            }
            Act::Deleted { key, rule, objects, bytes } => {
                metrics.did(Step::Deleted, 1);
                metrics.deleted(*objects, *bytes);
                numbers.deleted += 1;
                numbers.objects += objects;
                numbers.bytes += bytes;
                (key, "deleted", Some(*rule), String::new(), *objects, *bytes)
            }
        };
        // Counted from one, as in sentences and in what people call them.
        let rule = rule.map_or(0, |rule| rule + 1);
        tracing::info!(
            target: AUDIT,
            user = "ray-history",
            verb = "delete",
            namespace = cluster.namespace,
            cluster = cluster.name,
            session = session.as_str(),
            class = "retention",
            decision,
            rule,
            why,
            objects,
            bytes,
        );
    }
}
