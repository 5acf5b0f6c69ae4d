//! The only place that turns errors into status codes and bodies. Internal detail is logged, never sent.

use crate::answer::Refusal;
use crate::session;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;
use std::fmt;

/// Why a request gets no answer.
#[derive(Debug)]
pub(super) enum Error {
    /// Ray itself would refuse, in these words.
    Refused(Refusal),
    /// The session cannot be shown.
    Session(session::Error),
    /// The session is still being loaded.
    Loading,
    /// The third name of a session's path is no session name.
    NotASession(String),
    /// The path is not valid UTF-8.
    BadPath,
    /// No such URL: Ray's own 404.
    UnknownUrl,
    /// Only reading is possible here.
    MethodNotAllowed,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<session::Error> for Error {
    fn from(error: session::Error) -> Self {
        Self::Session(error)
    }
}

const WAY_OUT: &str = "The list of sessions is at /sessions/.";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            // What the store says may name hosts and paths: it is logged, not shown.
            Self::Session(session::Error::Storage(_)) => {
                write!(f, "The storage cannot be read at the moment; the server's log says why. Try again later.")
            }
            Self::Session(error @ session::Error::Unknown(_)) => write!(f, "{error}. {WAY_OUT}"),
            Self::Session(error) => write!(f, "{error}"),
            Self::Loading => f.write_str("This session is being loaded; try again in a few seconds."),
            Self::NotASession(name) => {
                write!(f, "{name:?} is not a session name (session_YYYY-MM-DD_HH-MM-SS_micros_pid). {WAY_OUT}")
            }
            Self::BadPath => f.write_str("The path is not valid UTF-8 after decoding."),
            Self::UnknownUrl => f.write_str("404: Not Found"),
            Self::MethodNotAllowed => f.write_str("405: Method Not Allowed: this is history, it can only be read."),
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Refused(Refusal::BadQuestion(_)) | Self::BadPath => StatusCode::BAD_REQUEST,
            Self::Refused(Refusal::NotFound(_))
            | Self::Session(session::Error::Unknown(_))
            | Self::NotASession(_)
            | Self::UnknownUrl => StatusCode::NOT_FOUND,
            Self::Refused(Refusal::Failed(_) | Refusal::FailedJson(_)) | Self::Session(session::Error::Broken) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Session(
                session::Error::NothingStored(_)
                | session::Error::TimedOut { .. }
                | session::Error::Busy
                | session::Error::Stopping,
            )
            | Self::Loading => StatusCode::SERVICE_UNAVAILABLE,
            Self::Session(session::Error::TooLarge { .. }) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Session(session::Error::NothingReadable { .. } | session::Error::Storage(_)) => {
                StatusCode::BAD_GATEWAY
            }
            Self::Refused(Refusal::Forbidden(_)) => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Session(session::Error::Storage(error)) = self {
            tracing::warn!(%error, "storage request failed");
        }
        let mut response = HttpResponse::build(self.status_code());
        let message = self.to_string();
        match self {
            Self::Refused(Refusal::BadQuestion(_)) => {
                response.json(json!({"result": false, "msg": message, "data": {"result": null}}))
            }
            Self::Refused(Refusal::FailedJson(_)) => {
                response.json(json!({"result": false, "msg": message, "data": {}}))
            }
            Self::Loading | Self::Session(session::Error::NothingStored(_)) => response
                .insert_header((header::RETRY_AFTER, "5"))
                .json(json!({"result": false, "msg": message, "data": {"state": "loading"}})),
            _ => response.content_type(ContentType::plaintext()).body(message),
        }
    }
}
