//! Reasons why somebody is not let in.

use crate::identities::Unknown;

/// No person could be found behind a request. In the order in which reasons count if there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refused {
    /// The request has no credentials (401).
    #[error("no credentials")]
    Anonymous,
    /// The credentials are nobody's (401).
    #[error("the credentials are not valid")]
    Invalid,
    /// Too many failures came from this address (429).
    #[error("too many failed attempts")]
    TooMany,
    /// No review is possible (503).
    #[error("the API server gives no answer")]
    Undecided,
    /// A header of identities has a wrong form, or is spelled so that a proxy may have let it through (400).
    #[error("a header of identities is malformed")]
    Malformed,
}

impl From<Unknown> for Refused {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Refused => Self::Invalid,
            Unknown::TooMany => Self::TooMany,
            Unknown::NoReview => Self::Undecided,
        }
    }
}

/// A right could not be decided (503).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the API server gives no answer")]
pub struct Undecided;

/// A login was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    /// Logins are off.
    #[error("logins are off")]
    Off,
    /// The token is too long for a cookie.
    #[error("the token is too long for a cookie")]
    TooLarge,
    /// The token is refused.
    #[error(transparent)]
    Refused(#[from] Refused),
}
