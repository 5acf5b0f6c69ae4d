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
//! | `/livez`, `/readyz`, `/readz` | probes |

mod api;
mod bar;
mod dashboard;
mod error;
mod listing;
mod logs;
mod page;
mod path;
mod send;
mod session;

use crate::session::Sessions;
use crate::settings::Redaction;
use actix_web::http::Method;
use actix_web::middleware::Compress;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use error::Error;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What handlers need.
#[derive(Clone, Debug)]
pub struct State {
    /// The stored sessions.
    pub sessions: Arc<Sessions>,
    /// Where Ray's dashboard files are, if they are served.
    pub dashboard_dir: Option<PathBuf>,
    /// Whose answers hide secrets.
    pub redaction: Redaction,
}

/// Serves until the token is cancelled, then finishes what is being answered.
pub async fn serve(state: State, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
    let state = web::Data::new(state);
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::clone(&state)).wrap(Compress::default()).default_service(web::to(route))
    })
    .shutdown_timeout(10)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(async move {
        shutdown.cancelled().await;
        handle.stop(true).await;
    });
    server.await
}

/// The URL table above a session. Paths are taken apart by us: names in them are decoded once and never normalised.
async fn route(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Error> {
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Err(Error::MethodNotAllowed);
    }
    let raw = request.uri().path();
    let segments = path::segments(raw)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
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
        ["livez" | "healthz" | "readyz" | "readz"] => Ok(HttpResponse::Ok().content_type("text/plain").body("ok")),
        _ => Err(Error::UnknownUrl),
    }
}
