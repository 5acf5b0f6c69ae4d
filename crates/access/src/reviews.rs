//! Reviews with a turn, within a time, and reported.

use crate::identity::Identity;
use crate::observer::{Observer, ReviewKind, ReviewOutcome, State};
use crate::reviewer::{Decision, ReviewError, Reviewed, Reviewer};
use crate::right::Attributes;
use crate::token::Token;
use crate::turns::{Subject, Turns};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// Longest time until the answer to a review.
const LONGEST_REVIEW: Duration = Duration::from_secs(5);

/// No review could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoReview;

/// Makes reviews.
#[derive(Debug)]
pub(crate) struct Reviews {
    reviewer: Arc<dyn Reviewer>,
    pub(crate) observer: Arc<dyn Observer>,
    turns: Turns,
    /// The states of reviews of tokens and of permissions.
    kinds: Mutex<(State, State)>,
    state: watch::Sender<State>,
}

impl Reviews {
    pub(crate) fn new(reviewer: Arc<dyn Reviewer>, observer: Arc<dyn Observer>) -> Self {
        Self { reviewer, observer, turns: Turns::new(), kinds: Mutex::default(), state: watch::Sender::default() }
    }

    /// Asks who a token belongs to.
    pub(crate) async fn token(
        &self,
        token: &Token,
        audiences: &[String],
        subject: Subject,
    ) -> Result<Reviewed, NoReview> {
        let yes = |reviewed: &Reviewed| matches!(reviewed, Reviewed::Authenticated { .. });
        self.make(subject, || self.reviewer.token_review(token, audiences), yes).await
    }

    /// Asks whether an identity has a permission.
    pub(crate) async fn permission(&self, identity: &Identity, attributes: &Attributes) -> Result<Decision, NoReview> {
        let review = || self.reviewer.access_review(identity, attributes);
        self.make(Subject::Permission, review, |decision| decision.allowed).await
    }

    async fn make<T, F: Future<Output = Result<T, ReviewError>>>(
        &self,
        subject: Subject,
        review: impl FnOnce() -> F,
        yes: impl FnOnce(&T) -> bool,
    ) -> Result<T, NoReview> {
        let kind = subject.kind();
        let Some(_turn) = self.turns.take(subject).await else {
            self.observer.reviewed(kind, ReviewOutcome::Busy, Duration::ZERO);
            return Err(NoReview);
        };
        let start = Instant::now();
        let late = || ReviewError::Unreachable(format!("no answer within {} s", LONGEST_REVIEW.as_secs()));
        let result = timeout(LONGEST_REVIEW, review()).await.unwrap_or_else(|_| Err(late()));
        let (outcome, state) = match &result {
            Ok(answer) if yes(answer) => (ReviewOutcome::Yes, State::Reviewing),
            Ok(_) => (ReviewOutcome::No, State::Reviewing),
            Err(ReviewError::Forbidden(why)) => (ReviewOutcome::Forbidden, State::Forbidden(why.clone())),
            Err(ReviewError::Unreachable(why)) => (ReviewOutcome::Unreachable, State::Unreachable(why.clone())),
        };
        self.observer.reviewed(kind, outcome, start.elapsed());
        self.set_state(kind, state);
        result.map_err(|_| NoReview)
    }

    /// Notes the state of a kind. Of both kinds, what is forbidden counts before what gives no answer.
    fn set_state(&self, kind: ReviewKind, state: State) {
        let mut kinds = self.kinds.lock();
        match kind {
            ReviewKind::Token => kinds.0 = state,
            ReviewKind::Access => kinds.1 = state,
        }
        let both = match &*kinds {
            (forbidden @ State::Forbidden(_), _) | (_, forbidden @ State::Forbidden(_)) => forbidden,
            (State::Reviewing, other) | (other, _) => other,
        };
        self.state.send_if_modified(|state| {
            let changed = state != both;
            if changed {
                *state = both.clone();
            }
            changed
        });
    }

    /// Returns the state of both kinds, which can be waited for.
    pub(crate) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }
}
