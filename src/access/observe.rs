//! Counts reviews, decisions and logins.

use ray_history_access::observer::{DecisionOutcome, LoginOutcome, Observer, ReviewKind, ReviewOutcome};
use ray_history_metrics::access::{Login, Metrics, Outcome, Review, ReviewOf};
use std::sync::Arc;
use std::time::Duration;

/// An observer that counts.
#[derive(Clone, Debug)]
pub struct Observe(Arc<Metrics>);

impl Observe {
    /// Returns an observer that counts in these metrics.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self(metrics)
    }
}

impl Observer for Observe {
    fn reviewed(&self, kind: ReviewKind, outcome: ReviewOutcome, took: Duration) {
        let kind = match kind {
            ReviewKind::Token => ReviewOf::Token,
            ReviewKind::Access => ReviewOf::Access,
        };
        let outcome = match outcome {
            ReviewOutcome::Yes => Review::Yes,
            ReviewOutcome::No => Review::No,
            ReviewOutcome::Forbidden => Review::Forbidden,
            ReviewOutcome::Unreachable => Review::Unreachable,
            ReviewOutcome::Busy => Review::Busy,
        };
        self.0.reviewed(kind, outcome, took);
    }

    fn decided(&self, outcome: DecisionOutcome, cached: bool) {
        let outcome = match outcome {
            DecisionOutcome::Allowed => Outcome::Allowed,
            DecisionOutcome::Denied => Outcome::Denied,
            DecisionOutcome::Undecided => Outcome::Undecided,
        };
        self.0.decided(outcome, cached);
    }

    fn logged_in(&self, outcome: LoginOutcome) {
        self.0.logged_in(match outcome {
            LoginOutcome::Accepted => Login::Accepted,
            LoginOutcome::Refused => Login::Refused,
            LoginOutcome::Impossible => Login::Impossible,
            LoginOutcome::TooMany => Login::TooMany,
            LoginOutcome::Undecided => Login::Undecided,
        });
    }
}
