//! Reasons for which access refuses a request, in words that say what to do.
//!
//! Ray's command line prints these texts. They name nothing that was not in the request, and are the same whether or not
//! anything is stored there.

use super::Error;
use actix_web::http::StatusCode;
use std::fmt;

/// The reason for a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum Refusal {
    /// The request does not say who it is from.
    Anonymous(Ways),
    /// Its token or cookie is nobody's, or not any more.
    Invalid(Ways),
    /// The person may not do this.
    Denied(Denied),
    /// Too many failures came from the client's address.
    TooMany,
    /// Kubernetes gives no answer, so that nothing can be decided.
    Undecided,
    /// The settings of access are not in force yet.
    NotReady,
    /// A header of identities is spelled with `_`.
    Misspelled,
    /// The token is too long for a cookie.
    TokenTooLong,
    /// The body of the request is longer than a login has.
    BodyTooLong,
    /// A page of another origin tried to log in or out.
    ForeignLogin,
}

/// The ways in that the settings offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Ways {
    /// Bearer tokens in headers.
    pub(in crate::http) bearer: bool,
    /// The login of browsers.
    pub(in crate::http) login: bool,
    /// An audience that tokens must have.
    pub(in crate::http) audience: Option<String>,
}

/// A permission that a person lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct Denied {
    pub(in crate::http) user: String,
    pub(in crate::http) verb: &'static str,
    pub(in crate::http) resource: String,
    pub(in crate::http) namespace: String,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl Refusal {
    /// Returns `true` if a browser should be led to the login.
    pub(super) fn is_for_login(&self) -> bool {
        matches!(self, Self::Anonymous(ways) | Self::Invalid(ways) if ways.login)
    }

    /// Returns the status code.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Anonymous(_) | Self::Invalid(_) => StatusCode::UNAUTHORIZED,
            Self::Denied(_) | Self::ForeignLogin => StatusCode::FORBIDDEN,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Undecided | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Misspelled | Self::TokenTooLong => StatusCode::BAD_REQUEST,
            Self::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// Returns the type and title of the problem.
    pub(super) fn problem(&self) -> (&'static str, &'static str) {
        match self {
            Self::Anonymous(_) => ("unauthorized", "Log in first"),
            Self::Invalid(_) => ("unauthorized", "The token or login is not valid"),
            Self::Denied(_) => ("forbidden", "You may not see this"),
            Self::TooMany => ("too-many-failures", "Too many failed attempts"),
            Self::Undecided => ("undecided", "Access cannot be decided"),
            Self::NotReady => ("not-ready", "The server is not ready"),
            Self::Misspelled => ("bad-request", "A header is misspelled"),
            Self::TokenTooLong => ("bad-request", "The token is too long"),
            Self::BodyTooLong => ("bad-request", "The body is too long"),
            Self::ForeignLogin => ("foreign-origin", "Not for pages of another origin"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous(ways) => write!(f, "401: Unauthorized: this server has to know who you are. {ways}"),
            Self::Invalid(ways) => {
                write!(f, "401: Unauthorized: the token or login is not valid, or not any more. {ways}")
            }
            Self::Denied(Denied { user, verb, resource, namespace }) => {
                let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
                let (plural, group) = kind.split_once('.').unwrap_or((kind, ""));
                let part = if rest.is_empty() { "" } else { "/" };
                write!(
                    f,
                    "403: {resource} is forbidden: User {user:?} cannot {verb} resource \"{plural}{part}{rest}\" in API \
                     group {group:?} in the namespace {namespace:?}"
                )
            }
            Self::TooMany => f.write_str("429: Too many failed attempts from this address; try again in a few seconds."),
            Self::Undecided => f.write_str(
                "503: Kubernetes does not answer at the moment, so that nobody can be let in. Your token is not at fault; \
                 try again in a few seconds.",
            ),
            Self::NotReady => {
                f.write_str("503: The settings of this server are not in force yet; try again in a few seconds.")
            }
            Self::Misspelled => f.write_str(
                "400: A header that names a user has `_` in the place of `-`, which proxies may have let through unseen.",
            ),
            Self::TokenTooLong => f.write_str(
                "400: This token is too long for a cookie. Use one of a ServiceAccount or with fewer groups, or a proxy \
                 that logs in.",
            ),
            Self::BodyTooLong => f.write_str("413: The body of this request is too long: at most 4 KiB."),
            Self::ForeignLogin => f.write_str("403: A page of another origin may not log in or out here."),
        }
    }
}

impl fmt::Display for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bearer, login, audience } = self;
        if *bearer {
            let audience = audience.as_ref().map_or_else(String::new, |audience| format!(" --audience {audience}"));
            write!(
                f,
                "For Ray's command line: export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=$(kubectl create token \
                 SERVICEACCOUNT{audience}). Other programs send the header Authorization: Bearer TOKEN."
            )?;
        }
        if *login {
            f.write_str(if *bearer { " Browsers log in at /login." } else { "Log in at /login." })?;
        }
        if !bearer && !login {
            f.write_str("Come through the proxy that logs in.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_name_the_permission_as_kubectl_does() {
        for (resource, expected) in [
            (
                "sessions.history.ray.io/log",
                "403: sessions.history.ray.io/log is forbidden: User \"ana\" cannot get resource \"sessions/log\" in \
                 API group \"history.ray.io\" in the namespace \"a\"",
            ),
            (
                "pods/log",
                "403: pods/log is forbidden: User \"ana\" cannot get resource \"pods/log\" in API group \"\" in the \
                 namespace \"a\"",
            ),
        ] {
            let (user, resource, namespace) = ("ana".to_owned(), resource.to_owned(), "a".to_owned());
            assert_eq!(Refusal::Denied(Denied { user, verb: "get", resource, namespace }).to_string(), expected);
        }
    }

    #[test]
    fn the_way_in_is_one_that_is_open() {
        let text = |bearer, login, audience: Option<&str>| {
            Refusal::Anonymous(Ways { bearer, login, audience: audience.map(str::to_owned) }).to_string()
        };
        assert!(text(true, false, Some("h")).contains("$(kubectl create token SERVICEACCOUNT --audience h)"));
        assert!(text(true, true, None).contains("RAY_AUTH_MODE=token") && text(true, true, None).contains("/login"));
        assert!(!text(false, true, None).contains("kubectl") && !text(true, false, None).contains("/login"));
        assert!(text(false, false, None).ends_with("Come through the proxy that logs in."));
    }
}
