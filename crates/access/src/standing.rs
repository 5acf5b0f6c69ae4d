//! The standing with the API server: whether it answers reviews, and for which namespaces it refuses them.

use crate::observer::State;
use crate::reviewer::ReviewError;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Time for which a namespace whose reviews are forbidden is not asked about again by requests.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// The standing of this program with the API server.
#[derive(Debug)]
pub(crate) struct Standing {
    tokens: State,
    permissions: State,
    /// Namespaces in which permissions may not be reviewed: when that was found, and the API server's words.
    refused: BTreeMap<String, (Instant, String)>,
}

impl Standing {
    /// Returns a standing of which nothing is known yet. Reviews that nobody needs are taken as good.
    pub(crate) fn new(needs_tokens: bool, needs_permissions: bool) -> Self {
        let unknown = |needed: bool| if needed { State::Unknown } else { State::Reviewing };
        Self { tokens: unknown(needs_tokens), permissions: unknown(needs_permissions), refused: BTreeMap::new() }
    }

    /// Notes the end of a review of a token.
    pub(crate) fn token<T>(&mut self, result: &Result<T, ReviewError>) {
        self.tokens = after(result);
    }

    /// Notes the end of a review of a permission in a namespace, or in all of them if that is empty.
    pub(crate) fn permission<T>(&mut self, namespace: &str, result: &Result<T, ReviewError>) {
        self.permissions = after(result);
        match result {
            Ok(_) => drop(self.refused.remove(namespace)),
            Err(ReviewError::ForbiddenIn { namespace, why }) => {
                self.refused.insert(namespace.clone(), (Instant::now(), why.clone()));
            }
            Err(_) => {}
        }
    }

    /// Forgets namespaces that are not among these.
    pub(crate) fn keep(&mut self, namespaces: &[String]) {
        self.refused.retain(|known, _| namespaces.contains(known));
    }

    /// Returns `true` if permissions in a namespace could not be reviewed just now.
    pub(crate) fn is_refused(&self, namespace: &str) -> bool {
        self.refused.get(namespace).is_some_and(|(since, _)| since.elapsed() < REFUSED_FOR)
    }

    /// Returns the state of all reviews, the worst first.
    pub(crate) fn state(&self) -> State {
        let both = [&self.tokens, &self.permissions];
        let found = |is: fn(&State) -> bool| both.into_iter().find(|state| is(state)).cloned();
        let refused = || {
            let (_, why) = self.refused.values().next()?;
            Some(State::ForbiddenIn { namespaces: self.refused.keys().cloned().collect(), why: why.clone() })
        };
        found(|state| matches!(state, State::Forbidden(_)))
            .or_else(|| found(|state| matches!(state, State::Unreachable(_))))
            .or_else(refused)
            .or_else(|| found(|state| matches!(state, State::Unknown)))
            .unwrap_or(State::Reviewing)
    }
}

/// Returns the state of a kind after a review.
fn after<T>(result: &Result<T, ReviewError>) -> State {
    match result {
        // The API server answers; the namespace alone is refused.
        Ok(_) | Err(ReviewError::ForbiddenIn { .. }) => State::Reviewing,
        Err(ReviewError::Forbidden(why)) => State::Forbidden(why.clone()),
        Err(ReviewError::Unreachable(why)) => State::Unreachable(why.clone()),
    }
}
