//! The HTTP server: who may be asked what, and how answers are sent.
//!
//! Owns URLs, status codes, headers and bodies. Everything it shows comes through `session` and `answer`; it never
//! imports `storage`. The URL table is in `routes`, that of Ray's API below a session in `api`.
//!
//! | URL | what |
//! |---|---|
//! | `/` | leads to `/sessions/`; Ray's dashboard, for a browser with the cookies of `dropin` |
//! | `/sessions/` | the list of sessions, a page |
//! | `/sessions/{namespace}/{cluster}/{session}/` | Ray's dashboard of that session, and its API below it |
//! | `/sessions/{namespace}/{cluster}/latest/…` | leads to the newest session of the cluster |
//! | `/rayjobs/…`, `/rayservices/…`, `/rayclusters/…`, `/submissions/…` | lead to sessions by the names that people know (`links`) |
//! | `/clusters`, `/select_cluster`, `/enter_cluster/…` | as KubeRay's history server has them, and its data routes |
//! | `/api/history/v1/sessions[/…]`, `/openapi.json` | our own API (`listing`, `report`, `load`, `openapi`) |
//! | `/livez`, `/readyz`, `/readz` | probes |

mod api;
mod bar;
mod browse;
mod clusters;
mod cookies;
mod dashboard;
mod dropin;
mod encoding;
mod error;
mod filter;
mod links;
mod listing;
mod load;
mod logs;
pub mod openapi;
mod page;
mod path;
mod report;
mod routes;
mod send;
mod session;
mod validators;

pub use routes::RoutePattern;

use crate::session::Sessions;
use actix_web::{App, HttpServer, web};
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
}

/// Serves until the token is cancelled, then finishes what is being answered.
pub async fn serve(state: State, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
    let state = web::Data::new(state);
    let server =
        HttpServer::new(move || App::new().app_data(web::Data::clone(&state)).default_service(web::to(routes::route)))
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
