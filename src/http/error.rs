//! The errors that a request may end in: their texts, status codes and kinds. `respond` sends them.

pub(super) mod load_status;
pub(super) mod problem;
pub(super) mod refusal;
mod respond;

pub(super) use respond::Shape;

use actix_web::http::StatusCode;
use ray_history_obituary::document::NotUnderstood;
use ray_history_ray_api::RayError;
use ray_history_session::obituaries::DocumentError;
use ray_history_session::{self as session, Progress};
use refusal::Refusal;
use std::fmt;

/// An error that a request may end in.
#[derive(Debug)]
pub(super) enum Error {
    /// Ray itself would reject the request, with this text.
    Ray(RayError),
    /// The session cannot be opened or read.
    Session(session::Error),
    /// The session is still being loaded.
    Loading(Progress),
    /// No memory or no slot for a long answer became free in time.
    Busy,
    /// The third segment of a session's path is not a session name.
    NotASession(String),
    /// No session is stored for an object of this kind and name.
    NothingNamed(&'static str, String),
    /// No obituary of an object of this name is stored.
    NoObituary(String),
    /// The obituary of an object cannot be shown.
    Obituary(NotUnderstood),
    /// A submission was not found in the sessions that were searched, which are not all.
    NotFoundSoFar {
        /// Id of the submission.
        id: String,
        /// Number of sessions searched.
        searched: usize,
        /// Number of sessions in the namespace.
        of: usize,
    },
    /// The request is invalid; the text explains why.
    BadRequest(String),
    /// A page of another origin requested something that only pages of this server may get.
    ForeignOrigin,
    /// The path is not valid UTF-8.
    BadPath,
    /// No such URL; answered with Ray's own 404.
    UnknownUrl,
    /// The method is none of these.
    MethodNotAllowed(&'static str),
    /// Access refuses the request.
    Refused(Box<Refusal>),
}

impl From<RayError> for Error {
    fn from(error: RayError) -> Self {
        Self::Ray(error)
    }
}

impl From<DocumentError> for Error {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Storage(error) => Self::Session(session::Error::Storage(error)),
            DocumentError::NotUnderstood(error) => Self::Obituary(error),
        }
    }
}

impl From<session::Error> for Error {
    fn from(error: session::Error) -> Self {
        Self::Session(error)
    }
}

/// The methods of all rows but those that log in or out.
pub(super) const READING: &str = "GET, HEAD, OPTIONS";

const WAY_OUT: &str = "The list of sessions is at /sessions/.";

/// Advice for archived objects.
const RESTORE: &str = "The store does not serve archived objects (InvalidObjectState, BlobArchived): restore them to \
                       a storage class with immediate access, then try again.";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ray(error) => error.fmt(f),
            Self::Session(error @ session::Error::Storage(_)) if error.is_archived() => {
                write!(f, "This was moved to an archive. {RESTORE}")
            }
            Self::Session(session::Error::NothingReadable { key, files, archived: true, .. }) => {
                write!(f, "Session {key} was moved to an archive with all of its event files ({files}). {RESTORE}")
            }
            // The store's message may contain hosts and paths, so it is logged and not sent.
            Self::Session(session::Error::Storage(_)) => {
                write!(f, "The storage cannot be read at the moment; the server's log says why. Try again later.")
            }
            Self::Session(session::Error::NothingReadable { key, files, .. }) => {
                write!(
                    f,
                    "Session {key} cannot be shown: none of its event files ({files}) could be read, and the server's \
                     log says why. They are tried again when the session is asked for in a few minutes; log files, \
                     if any are stored, can be read meanwhile. {WAY_OUT}"
                )
            }
            Self::Session(error @ session::Error::Deleted(..)) => {
                let mut sentence = error.to_string();
                if let Some(first) = sentence.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                write!(f, "{sentence}. The list of sessions is at /sessions/; why its run ended may still be there.")
            }
            Self::Session(error @ session::Error::Unknown(_)) => write!(f, "{error}. {WAY_OUT}"),
            Self::Session(error) => write!(f, "{error}"),
            Self::Loading(_) => f.write_str("This session is being loaded; try again in a few seconds."),
            Self::Busy => f.write_str("Many long answers are being sent; try again in a few seconds."),
            Self::NotASession(name) => {
                write!(f, "{name:?} is not a session name (session_YYYY-MM-DD_HH-MM-SS_micros_pid). {WAY_OUT}")
            }
            Self::NothingNamed(what, name) => write!(f, "No session of {what} {name:?} is stored here. {WAY_OUT}"),
            Self::NoObituary(name) => write!(f, "No obituary of {name:?} is stored here. {WAY_OUT}"),
            Self::Obituary(error) => write!(f, "The obituary cannot be shown: {error}."),
            Self::NotFoundSoFar { id, searched, of } => write!(
                f,
                "Submission {id:?} ran in none of the {searched} newest sessions of this namespace; it has {of}. If it \
                 is older, the path of its RayJob or of its session leads to it. {WAY_OUT}"
            ),
            Self::BadRequest(why) => f.write_str(why),
            Self::ForeignOrigin => f.write_str(
                "A page of another origin may not open this WebSocket. Behind a proxy, the proxy must keep the Host header.",
            ),
            Self::BadPath => f.write_str("The path is not valid UTF-8 after decoding."),
            Self::UnknownUrl => f.write_str("404: Not Found"),
            Self::MethodNotAllowed(READING) => {
                f.write_str("405: Method Not Allowed: this is history, it can only be read.")
            }
            Self::MethodNotAllowed(allowed) => write!(f, "405: Method Not Allowed: {allowed} only."),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl Error {
    /// Returns the status code.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Ray(RayError::BadQuery(_)) | Self::BadPath | Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Ray(RayError::NotFound(_))
            | Self::Session(session::Error::Unknown(_) | session::Error::LogGone(_))
            | Self::NotASession(_)
            | Self::NothingNamed(..)
            | Self::NoObituary(_)
            | Self::NotFoundSoFar { .. }
            | Self::UnknownUrl => StatusCode::NOT_FOUND,
            Self::Session(session::Error::Deleted(..)) => StatusCode::GONE,
            Self::Ray(RayError::Failed(_) | RayError::FailedJson(_)) | Self::Session(session::Error::Broken) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Session(
                session::Error::NothingStored(_)
                | session::Error::LogChanging(_)
                | session::Error::TimedOut { .. }
                | session::Error::Busy
                | session::Error::Stopping,
            )
            | Self::Loading(_)
            | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Session(session::Error::TooLarge { .. }) => StatusCode::INSUFFICIENT_STORAGE,
            // A newer version of this program can open it.
            Self::Session(session::Error::PersistedUnusable(what)) if what.is_newer => StatusCode::NOT_IMPLEMENTED,
            Self::Session(
                session::Error::NothingReadable { .. }
                | session::Error::PersistedUnusable(_)
                | session::Error::Storage(_),
            )
            | Self::Obituary(_) => StatusCode::BAD_GATEWAY,
            Self::Ray(RayError::Forbidden(_)) | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused(refusal) => refusal.status(),
        }
    }

    /// Returns the type and title of the problem.
    fn problem(&self) -> (&'static str, &'static str) {
        match self {
            Self::Ray(RayError::BadQuery(_)) | Self::BadRequest(_) | Self::BadPath => {
                ("bad-request", "The query cannot be understood")
            }
            Self::ForeignOrigin => ("foreign-origin", "Not for pages of another origin"),
            Self::Ray(RayError::NotFound(_)) | Self::UnknownUrl => ("not-found", "Not found"),
            Self::Ray(RayError::Forbidden(_)) => ("forbidden", "Not possible on a dead session"),
            Self::Session(session::Error::Unknown(_)) | Self::NotASession(_) => ("unknown-session", "No such session"),
            Self::Session(session::Error::Deleted(..)) => ("deleted", "The session was deleted"),
            Self::NothingNamed(..) | Self::NotFoundSoFar { .. } => ("unknown-name", "No session of that name"),
            Self::NoObituary(_) => ("unknown-name", "No obituary of that name"),
            Self::Obituary(_) => ("unreadable", "The obituary cannot be read"),
            Self::Session(session::Error::LogGone(_)) => ("log-gone", "The log is gone"),
            Self::Session(session::Error::LogChanging(_)) => ("log-changing", "The log is being overwritten"),
            Self::Loading(_) => ("loading", "The session is being loaded"),
            Self::Session(session::Error::NothingStored(_)) => ("no-data-yet", "The session has no data yet"),
            Self::Session(session::Error::TimedOut { .. }) => ("timed-out", "The session took too long to load"),
            Self::Session(session::Error::TooLarge { .. }) => ("too-large", "The session is too large for this server"),
            Self::Session(session::Error::Busy) | Self::Busy => ("busy", "The server is busy"),
            Self::Session(session::Error::Stopping) => ("stopping", "The server is stopping"),
            Self::Session(session::Error::NothingReadable { .. } | session::Error::PersistedUnusable(_)) => {
                ("unreadable", "The session cannot be read")
            }
            Self::Session(session::Error::Storage(_)) => ("storage", "The storage cannot be read"),
            Self::Ray(RayError::Failed(_) | RayError::FailedJson(_)) | Self::Session(session::Error::Broken) => {
                ("internal", "The server failed")
            }
            Self::MethodNotAllowed(_) => ("method-not-allowed", "History can only be read"),
            Self::Refused(refusal) => refusal.problem(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};

    #[test]
    fn unreadable_sessions_are_named_with_advice() {
        let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
        let key = SessionKey { cluster: ClusterId { namespace: "ml".into(), name: "train".into() }, session };
        let unreadable = |archived| {
            let why = "host 10.0.0.1 refused".to_owned();
            let error = Error::Session(session::Error::NothingReadable { key: key.clone(), files: 1, why, archived });
            assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
            error.to_string()
        };
        for (text, way_out) in [(unreadable(false), WAY_OUT), (unreadable(true), RESTORE)] {
            assert!(text.starts_with(&format!("Session {key} ")) && text.ends_with(way_out), "{text}");
            assert!(!text.contains("10.0.0.1"), "{text}");
        }
    }

    #[test]
    fn foreign_origins_are_forbidden() {
        assert_eq!(Error::ForeignOrigin.status(), StatusCode::FORBIDDEN);
    }
}
