//! Everything below one session's path.

use super::error::Error;
use super::path::{cluster_id, session_key, session_path};
use super::{State, api, dashboard, listing, page};
use crate::session::OpenSession;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long a request waits for a load: Ray's own proxy gives up at 30 s.
const WAIT: Duration = Duration::from_secs(25);

/// A session's path without its final `/`: the dashboard's URLs are relative, so they need it.
pub(super) fn enter(state: &State, raw: &str, names: [&str; 3]) -> Result<HttpResponse, Error> {
    if names[2] == "latest" {
        return latest(state, names, "../../");
    }
    session_key(names)?;
    // The last name as it stands in the URL, so that nothing is decoded or encoded twice.
    Ok(page::redirect(&format!("{}/", raw.rsplit('/').next().unwrap_or_default())))
}

/// `latest` leads to the newest session of the cluster.
fn latest(state: &State, [namespace, cluster, _]: [&str; 3], up: &str) -> Result<HttpResponse, Error> {
    let listing = state.sessions.listing();
    let entry = listing.latest(&cluster_id(namespace, cluster)).ok_or(Error::NotASession("latest".into()))?;
    let mut response = page::redirect(&format!("{up}{}", session_path(&entry.key)));
    response.headers_mut().insert(CACHE_CONTROL, actix_web::http::header::HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A URL below a session.
pub(super) async fn serve(
    request: &HttpRequest,
    state: &State,
    names: [&str; 3],
    below: &[&str],
) -> Result<HttpResponse, Error> {
    if names[2] == "latest" {
        return latest(state, names, &"../".repeat(below.len() + 2));
    }
    let key = session_key(names)?;
    match below {
        [""] => {
            // An unknown session must not look like an empty one.
            if state.sessions.listing().find(&key).is_none() {
                let listing = state.sessions.refresh().await?;
                listing.find(&key).ok_or_else(|| crate::session::Error::Unknown(key.clone()))?;
            }
            dashboard::index(state, &key, "../../../../").await
        }
        ["static" | "speedscope-1.5.3", ..] | ["favicon.ico" | "asset-manifest.json" | "manifest.json"] => {
            dashboard::asset(state, below).await
        }
        _ => api::serve(request, state, &key, below).await,
    }
}

/// Opens a session, waiting as long as a client is likely to.
pub(super) async fn open(state: &State, key: &crate::session::SessionKey) -> Result<Arc<OpenSession>, Error> {
    match tokio::time::timeout(WAIT, state.sessions.open(key)).await {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(Error::Loading),
    }
}

/// `/api/history/v1/sessions/{namespace}/{cluster}/{session}`: what is known about it, and what is missing.
pub(super) async fn report(state: &State, names: [&str; 3]) -> Result<HttpResponse, Error> {
    let key = session_key(names)?;
    let session = open(state, &key).await?;
    let listing = state.sessions.listing();
    let entry = listing.find(&key).ok_or_else(|| crate::session::Error::Unknown(key.clone()))?;
    let snapshot = &session.snapshot;
    let damaged: Vec<_> = (snapshot.facts.damage.files())
        .map(
            |(node, path, damaged)| json!({"node": node, "path": path, "lines": damaged.lines, "first": damaged.first}),
        )
        .collect();
    let as_of = jiff::Timestamp::from_nanosecond(snapshot.as_of.into()).unwrap_or_default();
    let completeness = &snapshot.completeness;
    let no_known_gaps = completeness.has_no_known_gaps() && damaged.is_empty();
    Ok(HttpResponse::Ok().json(json!({
        "session": listing::describe(&entry),
        "asOf": as_of.to_string(),
        "completeness": if no_known_gaps { "no-known-gaps" } else { "gaps" },
        "report": completeness,
        "damagedLogFiles": damaged,
        "weightBytes": snapshot.weight(),
        "counts": {
            "taskAttempts": snapshot.tasks.len(),
            "actors": snapshot.actors.len(),
            "nodes": snapshot.nodes.len(),
            "workers": snapshot.workers.len(),
            "driverJobs": snapshot.driver_jobs.len(),
        },
    })))
}
