//! The HTTP server: who may be asked what, and how answers are sent.
//!
//! Owns URLs, status codes, headers and bodies. Everything it shows comes through `session` and `answer`; it never
//! imports `storage`. The URL table of Ray's API below a session is in `api`.
//!
//! | URL | what |
//! |---|---|
//! | `/` | leads to `/sessions/` |
//! | `/sessions/` | the list of sessions, a page |
//! | `/sessions/{namespace}/{cluster}/{session}/` | Ray's dashboard of that session, and its API below (`api`) |
//! | `/sessions/{namespace}/{cluster}/latest/…` | leads to the newest session of the cluster |
//! | `/clusters` | the list of sessions as KubeRay's history server gives it |
//! | `/api/history/v1/sessions[/…]` | the list of sessions, and one session's state and completeness, as JSON |
//! | `/livez`, `/readyz`, and `/healthz`, `/readz` as their other names | probes (`probes`) |
//! | `/metrics` | `OpenMetrics` text |
//!
//! `server` sets the server up; `observe` and `limit` stand around every request.

mod api;
mod bar;
mod body;
mod connection;
mod dashboard;
mod error;
mod heavy;
mod limit;
mod listing;
mod logs;
mod observe;
mod page;
mod path;
mod pattern;
mod probes;
mod send;
mod server;
mod session;
mod trace;

pub use heavy::Heavy;
pub use server::serve;

use crate::health::Health;
use crate::metrics::Metrics;
use crate::session::Sessions;
use crate::settings::Redaction;
use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// What handlers need.
#[derive(Clone, Debug)]
pub struct State {
    /// The stored sessions.
    pub sessions: Arc<Sessions>,
    /// Where Ray's dashboard files are, if they are served.
    pub dashboard_dir: Option<PathBuf>,
    /// Whose answers hide secrets.
    pub redaction: Redaction,
    /// Whether requests should come here.
    pub health: Health,
    /// What is counted.
    pub metrics: Metrics,
    /// Turns for long answers.
    pub heavy: Heavy,
}

/// The URL table above a session. Paths are taken apart by us: names in them are decoded once and never normalised.
async fn route(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Error> {
    let raw = request.uri().path();
    let segments = path::segments(raw)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Err(Error::MethodNotAllowed);
    }
    match segments[..] {
        ["" | "sessions"] => Ok(page::redirect("sessions/")),
        ["sessions", ""] => Ok(listing::page(&state)),
        ["sessions", asset @ ("bar.js" | "sessions.js" | "sessions.css")] => Ok(page::asset(asset)),
        ["sessions", namespace, cluster, session] => session::enter(&state, raw, [namespace, cluster, session]),
        ["sessions", namespace, cluster, session, ref below @ ..] => {
            session::serve(&request, &state, [namespace, cluster, session], below).await
        }
        ["clusters"] => Ok(listing::clusters(&state)),
        ["api", "history", "v1", "sessions"] => Ok(listing::sessions(&state)),
        ["api", "history", "v1", "sessions", namespace, cluster, session] => {
            session::report(&state, [namespace, cluster, session]).await
        }
        ["livez" | "healthz"] => Ok(probes::live(&request)),
        ["readyz" | "readz"] => Ok(probes::ready(&request, &state)),
        ["metrics"] => Ok(probes::metrics(&state)),
        _ => Err(Error::UnknownUrl),
    }
}
