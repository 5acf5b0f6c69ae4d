//! Metrics of reviews and decisions about access. No label names a user.

use super::{Registry, from_zero};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Unit;
use std::time::Duration;

/// The outcome of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// The right is given.
    Allowed,
    /// The right is not given.
    Denied,
    /// No review was possible.
    Undecided,
}

/// The kind of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum ReviewOf {
    /// `TokenReview`.
    Token,
    /// `SubjectAccessReview`.
    Access,
}

/// The outcome of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Review {
    /// The token is somebody's, or the permission is given.
    Yes,
    /// The token is nobody's, or the permission is not given.
    No,
    /// The server may not ask.
    Forbidden,
    /// The API server gave no answer.
    Unreachable,
    /// Too many reviews waited.
    Busy,
}

/// The outcome of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Login {
    /// There is a cookie.
    Accepted,
    /// The token is nobody's.
    Refused,
    /// Logins are off, or the token is too long.
    Impossible,
    /// Too many failures came from the address.
    TooMany,
    /// No review was possible.
    Undecided,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    outcome: Outcome,
    cached: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReviewLabels {
    kind: ReviewOf,
    outcome: Review,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: ReviewOf,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabel {
    outcome: Login,
}

const KINDS: [ReviewOf; 2] = [ReviewOf::Token, ReviewOf::Access];
const REVIEWS: [Review; 5] = [Review::Yes, Review::No, Review::Forbidden, Review::Unreachable, Review::Busy];

/// The metric families.
#[derive(Debug)]
pub struct Metrics {
    decisions: Family<DecisionLabels, Counter>,
    reviews: Family<ReviewLabels, Counter>,
    review_seconds: Family<KindLabel, Histogram>,
    logins: Family<LoginLabel, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let all = KINDS.into_iter().flat_map(|kind| REVIEWS.map(|outcome| ReviewLabels { kind, outcome }));
        Self {
            decisions: Family::default(),
            reviews: from_zero(all),
            // 1 ms to 8 s.
            review_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 14))),
            logins: Family::default(),
        }
    }
}

impl Metrics {
    /// Counts a decision.
    pub fn decided(&self, outcome: Outcome, cached: bool) {
        self.decisions.get_or_create(&DecisionLabels { outcome, cached }).inc();
    }

    /// Counts a review, and records its duration unless it was never made.
    pub fn reviewed(&self, kind: ReviewOf, outcome: Review, took: Duration) {
        self.reviews.get_or_create(&ReviewLabels { kind, outcome }).inc();
        if outcome != Review::Busy {
            self.review_seconds.get_or_create(&KindLabel { kind }).observe(took.as_secs_f64());
        }
    }

    /// Counts a login.
    pub fn logged_in(&self, outcome: Login) {
        self.logins.get_or_create(&LoginLabel { outcome }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Decisions about rights of requests, by outcome, and whether the answer was there already";
        registry.register("access_decisions", help, self.decisions.clone());
        let help = "Reviews asked of the API server, by kind and outcome; Busy was never sent";
        registry.register("access_reviews", help, self.reviews.clone());
        let help = "Time until the API server answered a review, by kind";
        registry.register_with_unit("access_review", help, Unit::Seconds, self.review_seconds.clone());
        registry.register("access_logins", "Logins of browsers, by outcome", self.logins.clone());
    }
}
