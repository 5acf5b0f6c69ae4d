//! Probes and metrics: for machines, in the words of kube-apiserver.

use super::state::State;
use crate::health::Gate;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse};
use std::fmt::Write;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether a path belongs to a probe or to metrics: those are answered however busy the server is.
pub(super) fn is_exempt(path: &str) -> bool {
    matches!(path, "/livez" | "/healthz" | "/readyz" | "/readz" | "/metrics")
}

/// `/livez`: the process answers. It asks nothing else: a store that is down must not restart us.
pub(super) fn live(request: &HttpRequest) -> HttpResponse {
    plain(StatusCode::OK, if is_verbose(request) { "[+]ping ok\nlivez check passed\n" } else { "ok" }.to_owned())
}

/// `/readyz`: every gate is open; else 503 with what is missing.
pub(super) fn ready(request: &HttpRequest, state: &State) -> HttpResponse {
    let missing = state.health.missing();
    if missing.is_empty() && !is_verbose(request) {
        return plain(StatusCode::OK, "ok".to_owned());
    }
    let mut body = String::new();
    for gate in Gate::ALL {
        let _ = match missing.get(&gate) {
            Some(why) => writeln!(body, "[-]{} failed: {why}", gate.as_str()),
            None => writeln!(body, "[+]{} ok", gate.as_str()),
        };
    }
    if missing.is_empty() {
        body.push_str("readyz check passed\n");
        return plain(StatusCode::OK, body);
    }
    body.push_str("readyz check failed\n");
    plain(StatusCode::SERVICE_UNAVAILABLE, body)
}

/// `/metrics`.
pub(super) fn metrics(state: &State) -> HttpResponse {
    match state.metrics.render() {
        Ok(text) => HttpResponse::Ok().insert_header((CONTENT_TYPE, OPENMETRICS)).body(text),
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "metrics could not be written".to_owned())
        }
    }
}

fn is_verbose(request: &HttpRequest) -> bool {
    request.query_string().split('&').any(|part| part == "verbose" || part.starts_with("verbose="))
}

fn plain(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/plain; charset=utf-8")
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, "no-cache, private"))
        .body(body)
}
