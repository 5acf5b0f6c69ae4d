//! Probes in the format of kube-apiserver, and metrics.

use super::state::State;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse};
use ray_history_core::base::chain::chain;
use ray_history_health::{Gate, NOT_LISTED};
use std::collections::BTreeMap;
use std::fmt::Write;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers `/livez`. Checks only the process itself, because an unavailable store must not cause a restart.
pub(super) fn live(request: &HttpRequest) -> HttpResponse {
    plain(StatusCode::OK, if is_verbose(request) { "[+]ping ok\nlivez check passed\n" } else { "ok" }.to_owned())
}

/// Answers `/readyz`: 200 if every gate is open, else 503 with the closed gates.
pub(super) fn ready(request: &HttpRequest, state: &State) -> HttpResponse {
    let missing = missing(state);
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

/// Returns the closed gates with their reasons.
///
/// Checks the listing itself as well: a store that has just replaced another has none yet, and its gate is closed only
/// a moment later.
fn missing(state: &State) -> BTreeMap<Gate, String> {
    let mut missing = state.health.missing();
    if state.sessions.listing().listed_at.is_none() {
        missing.entry(Gate::Listed).or_insert_with(|| NOT_LISTED.to_owned());
    }
    missing
}

/// Answers `/metrics`.
pub(super) fn metrics(state: &State) -> HttpResponse {
    match state.metrics.render() {
        Ok(text) => HttpResponse::Ok().insert_header((CONTENT_TYPE, OPENMETRICS)).body(text),
        Err(error) => {
            tracing::error!(error = %chain(&error), "metrics could not be written");
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
        .insert_header((CACHE_CONTROL, "no-cache, private"))
        .body(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Heavy;
    use actix_web::test::TestRequest;
    use ray_history_access::CurrentAccess;
    use ray_history_health::Health;
    use ray_history_metrics::Metrics;
    use ray_history_session::Sessions;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_store_is_not_ready_before_its_listing() {
        let (sessions, metrics) = (Arc::new(Sessions::of_nothing()), Metrics::default());
        let heavy = Heavy::new(1, metrics.clone());
        let (access, audit) = (Arc::new(CurrentAccess::open()), Arc::default());
        let state = State { access, audit, sessions, dashboards: None, health: Health::default(), metrics, heavy };
        let status = || ready(&TestRequest::default().to_http_request(), &state).status();
        assert_eq!(status(), StatusCode::SERVICE_UNAVAILABLE, "whatever the gates say");
        state.sessions.refresh().await.unwrap();
        assert_eq!(status(), StatusCode::OK);
        state.sessions.replace_with_nothing();
        assert_eq!(status(), StatusCode::SERVICE_UNAVAILABLE, "the new store has not been listed");
        state.sessions.refresh().await.unwrap();
        state.health.close(Gate::Running, "stopping");
        assert_eq!(status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
