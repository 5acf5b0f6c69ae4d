//! `/api/v0/platform_events` of a session of whose cluster there is an obituary: its Events fill Ray's own page.

use super::cost::SHORT;
use super::send;
use crate::http::error::Error;
use crate::http::request::Call;
use crate::http::sessions::obituary;
use crate::http::validators;
use actix_web::HttpResponse;
use ray_history_core::base::chain::chain;
use ray_history_obituary::facts::Event;
use ray_history_ray_api::dashboard::platform_events::{KubernetesEvent, joined};
use ray_history_session::OpenSession;
use std::sync::Arc;

/// Returns the answer; `None` if no Event of the session's run is known, so that only what was stored can answer.
pub(super) async fn answer(call: &Call<'_>, session: &Arc<OpenSession>) -> Result<Option<HttpResponse>, Error> {
    let found = obituary::of_session(call, &session.key).await;
    let found = found.inspect_err(|error| {
        tracing::warn!(session.key = %session.key, error = %chain(error), "events of an obituary could not be read");
    });
    let Some(found) = found.ok().flatten() else { return Ok(None) };
    let shows_logs = call.permit.shows_logs(&session.key.cluster.namespace).await;
    let run = found.run();
    let within = |event: &&Event| run.is_none_or(|run| obituary::is_about(run, event));
    let events: Vec<KubernetesEvent> =
        found.document.facts.events.iter().filter(within).map(|event| of(event, shows_logs)).collect();
    if events.is_empty() {
        return Ok(None);
    }
    let stored: usize = session.snapshot.platform_events.iter().map(|event| event.len()).sum();
    let session = Arc::clone(session);
    let made = move || {
        let cluster = &session.key.cluster;
        joined(&session.snapshot, &cluster.namespace, &cluster.name, &events)
    };
    let mut response = if stored > SHORT {
        // The records, their texts without numbers, and the answer.
        let (bytes, work) = (3 * stored as u64, move || send::StartedAnswer::new(made()));
        let (started, long_answer) = call.state.heavy.begin(&call.state.sessions, bytes, work).await?;
        send::long(started, long_answer)
    } else {
        send::answer(made())
    };
    // More may be known at any time, without a change of the session.
    validators::revalidate(&mut response, None);
    Ok(Some(response))
}

fn of(event: &Event, shows_logs: bool) -> KubernetesEvent {
    let (kind, name) = event.about.split_once(' ').unwrap_or(("", &event.about));
    KubernetesEvent {
        at: event.at.0,
        count: event.count,
        is_warning: event.kind == "Warning",
        object_kind: kind.to_owned(),
        object_name: name.to_owned(),
        reason: event.reason.clone(),
        component: event.from.clone(),
        message: event.note.clone(),
        shown: obituary::note(event, shows_logs).to_owned(),
    }
}
