//! Reports to the outside, for metrics and conditions.

use std::fmt::Debug;
use std::time::Duration;

/// Is told what happens. Calls must be short.
pub trait Observer: Debug + Send + Sync {
    /// A review ended.
    fn reviewed(&self, kind: ReviewKind, outcome: ReviewOutcome, took: Duration);

    /// A right was decided.
    fn decided(&self, outcome: DecisionOutcome, cached: bool);

    /// A login ended.
    fn logged_in(&self, outcome: LoginOutcome);
}

/// Ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ignore;

impl Observer for Ignore {
    fn reviewed(&self, _: ReviewKind, _: ReviewOutcome, _: Duration) {}

    fn decided(&self, _: DecisionOutcome, _: bool) {}

    fn logged_in(&self, _: LoginOutcome) {}
}

/// The kind of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReviewKind {
    /// Of a token.
    Token,
    /// Of a permission.
    Access,
}

/// The outcome of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReviewOutcome {
    /// The token is somebody's, or the permission is given.
    Yes,
    /// The token is nobody's, or the permission is not given.
    No,
    /// This program may not ask.
    Forbidden,
    /// The API server gave no answer in time.
    Unreachable,
    /// There was no turn: too many reviews wait.
    Busy,
}

/// The outcome of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecisionOutcome {
    /// The right is given.
    Allowed,
    /// The right is not given.
    Denied,
    /// It could not be decided.
    Undecided,
}

/// The outcome of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginOutcome {
    /// There is a cookie.
    Accepted,
    /// The token is nobody's.
    Refused,
    /// Logins are off, or the token is too long.
    Impossible,
    /// Too many failures came from this address.
    TooMany,
    /// No review was possible.
    Undecided,
}

/// The state of reviews, for a condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// No review has ended yet.
    #[default]
    Unknown,
    /// The last reviews were answered.
    Reviewing,
    /// The API server gives no answers.
    Unreachable(String),
    /// This program may not ask.
    Forbidden(String),
    /// This program may not ask about permissions in these namespaces.
    ForbiddenIn {
        /// The namespaces, in order.
        namespaces: Vec<String>,
        /// The API server's words about the first.
        why: String,
    },
}

impl State {
    /// Returns `true` if all reviews that requests need are answered.
    pub fn is_good(&self) -> bool {
        *self == Self::Reviewing
    }
}
