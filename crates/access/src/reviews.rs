//! Reviews with a turn, within a time, and reported.

use crate::identity::Identity;
use crate::observer::{Observer, ReviewKind, ReviewOutcome, State};
use crate::reviewer::{Decision, ReviewError, Reviewed, Reviewer};
use crate::right::Attributes;
use crate::standing::Standing;
use crate::token::Token;
use crate::turns::{Subject, Turn, Turns};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// Longest time until the answer to a review.
const LONGEST_REVIEW: Duration = Duration::from_secs(5);

/// The decision where permissions may not be reviewed: nobody is let in, and it is soon asked again.
const REFUSED: Decision = Decision { allowed: false, uncertain: true };

/// No review could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoReview;

/// Makes reviews.
#[derive(Debug)]
pub(crate) struct Reviews {
    reviewer: Arc<dyn Reviewer>,
    pub(crate) observer: Arc<dyn Observer>,
    turns: Turns,
    standing: Mutex<Standing>,
    state: watch::Sender<State>,
}

impl Reviews {
    pub(crate) fn new(reviewer: Arc<dyn Reviewer>, observer: Arc<dyn Observer>, standing: Standing) -> Self {
        let state = watch::Sender::new(standing.state());
        Self { reviewer, observer, turns: Turns::new(), standing: Mutex::new(standing), state }
    }

    /// Waits for a turn to make a review.
    pub(crate) async fn turn(&self, subject: Subject<'_>) -> Result<Turn, NoReview> {
        let turn = self.turns.take(subject).await;
        if turn.is_none() {
            self.observer.reviewed(subject.kind(), ReviewOutcome::Busy, Duration::ZERO);
        }
        turn.ok_or(NoReview)
    }

    /// Asks who a token belongs to.
    pub(crate) async fn token(&self, turn: Turn, token: &Token, audiences: &[String]) -> Result<Reviewed, NoReview> {
        let yes = |reviewed: &Reviewed| matches!(reviewed, Reviewed::Authenticated { .. });
        let result = self.make(ReviewKind::Token, self.reviewer.token_review(token, audiences), yes).await;
        drop(turn);
        self.note(|standing| standing.token(&result));
        result.map_err(|_| NoReview)
    }

    /// Asks whether an identity has a permission. Where that may not be asked, nobody has one.
    pub(crate) async fn permission(&self, identity: &Identity, attributes: &Attributes) -> Result<Decision, NoReview> {
        if self.standing.lock().is_refused(&attributes.namespace) {
            return Ok(REFUSED);
        }
        self.ask(identity, attributes).await
    }

    /// Does the same, also where it could not be asked just now.
    async fn ask(&self, identity: &Identity, attributes: &Attributes) -> Result<Decision, NoReview> {
        let turn = self.turn(Subject::Permission(identity)).await?;
        let review = self.reviewer.access_review(identity, attributes);
        let result = self.make(ReviewKind::Access, review, |decision| decision.allowed).await;
        drop(turn);
        self.note(|standing| standing.permission(&attributes.namespace, &result));
        match result {
            Err(ReviewError::ForbiddenIn { .. }) => Ok(REFUSED),
            result => result.map_err(|_| NoReview),
        }
    }

    /// Asks about a token that is nobody's.
    pub(crate) async fn probe_token(&self, token: &Token, audiences: &[String]) {
        if let Ok(turn) = self.turn(Subject::KnownToken).await {
            let _ = self.token(turn, token, audiences).await;
        }
    }

    /// Asks about a permission as a request would, and in each namespace that is reviewed for itself.
    pub(crate) async fn probe(&self, identity: &Identity, attributes: &Attributes) {
        let _ = self.ask(identity, attributes).await;
        let namespaces = self.reviewer.namespaces();
        self.note(|standing| standing.keep(&namespaces));
        for namespace in namespaces {
            let _ = self.ask(identity, &Attributes { namespace, ..attributes.clone() }).await;
        }
    }

    /// Makes a review within its time, and reports it.
    async fn make<T>(
        &self,
        kind: ReviewKind,
        review: impl Future<Output = Result<T, ReviewError>>,
        yes: impl FnOnce(&T) -> bool,
    ) -> Result<T, ReviewError> {
        let start = Instant::now();
        let late = || ReviewError::Unreachable(format!("no answer within {} s", LONGEST_REVIEW.as_secs()));
        let result = timeout(LONGEST_REVIEW, review).await.unwrap_or_else(|_| Err(late()));
        let outcome = match &result {
            Ok(answer) if yes(answer) => ReviewOutcome::Yes,
            Ok(_) => ReviewOutcome::No,
            Err(ReviewError::Forbidden(_) | ReviewError::ForbiddenIn { .. }) => ReviewOutcome::Forbidden,
            Err(ReviewError::Unreachable(_)) => ReviewOutcome::Unreachable,
        };
        self.observer.reviewed(kind, outcome, start.elapsed());
        result
    }

    /// Changes the standing, and tells of a new state.
    fn note(&self, change: impl FnOnce(&mut Standing)) {
        let mut standing = self.standing.lock();
        change(&mut standing);
        let now = standing.state();
        self.state.send_if_modified(|state| {
            let changed = *state != now;
            *state = now;
            changed
        });
    }

    /// Returns the state of reviews, which can be waited for.
    pub(crate) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }
}
