//! The trait of what asks Kubernetes.

use crate::identity::Identity;
use crate::right::Attributes;
use crate::token::Token;
use futures_util::future::BoxFuture;
use std::fmt::Debug;

/// Asks Kubernetes. One attempt for each call; cancelled by dropping the future.
pub trait Reviewer: Debug + Send + Sync {
    /// Asks who a token belongs to.
    fn token_review<'a>(
        &'a self,
        token: &'a Token,
        audiences: &'a [String],
    ) -> BoxFuture<'a, Result<Reviewed, ReviewError>>;

    /// Asks whether an identity has a permission.
    fn access_review<'a>(
        &'a self,
        identity: &'a Identity,
        attributes: &'a Attributes,
    ) -> BoxFuture<'a, Result<Decision, ReviewError>>;

    /// Returns the namespaces in which permissions are reviewed one by one, because this program may not ask for all
    /// of them at once; empty if it may.
    fn namespaces(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The answer about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reviewed {
    /// The token belongs to nobody.
    Unauthenticated,
    /// The token belongs to an identity.
    Authenticated {
        /// The identity.
        identity: Identity,
        /// Those of the wanted audiences that the token has.
        audiences: Vec<String>,
    },
}

/// The answer about a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The permission is given.
    pub allowed: bool,
    /// Something went wrong while rules were evaluated, so that the answer may soon be another.
    pub uncertain: bool,
}

/// A review that has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// This program may not ask; the text is the API server's.
    #[error("reviews are forbidden: {0}")]
    Forbidden(String),
    /// This program may not ask about permissions in this namespace, though it may in others.
    #[error("reviews in namespace {namespace} are forbidden: {why}")]
    ForbiddenIn {
        /// The namespace.
        namespace: String,
        /// The API server's words.
        why: String,
    },
    /// The API server gives no answer.
    #[error("no review: {0}")]
    Unreachable(String),
}
