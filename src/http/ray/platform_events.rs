//! `/api/v0/platform_events` of a session of whose cluster there is an obituary: its Events fill Ray's own page.

use super::send;
use crate::http::request::Call;
use crate::http::sessions::obituary;
use crate::http::validators;
use actix_web::HttpResponse;
use ray_history_core::base::chain::chain;
use ray_history_obituary::facts::Event;
use ray_history_ray_api::dashboard::platform_events::{KubernetesEvent, joined};
use ray_history_session::OpenSession;

/// Returns the answer; `None` if no Event of the session's run is known, so that only what was stored can answer.
pub(super) async fn answer(call: &Call<'_>, session: &OpenSession) -> Option<HttpResponse> {
    let found = obituary::of_session(call, &session.key).await;
    let found = found.inspect_err(|error| {
        tracing::warn!(session.key = %session.key, error = %chain(error), "events of an obituary could not be read");
    });
    let found = found.ok().flatten()?;
    let shows_logs = call.permit.shows_logs(&session.key.cluster.namespace).await;
    let run = found.run();
    let within = |event: &&Event| run.is_none_or(|run| obituary::is_about(run, event));
    let events: Vec<KubernetesEvent> =
        found.document.facts.events.iter().filter(within).map(|event| of(event, shows_logs)).collect();
    if events.is_empty() {
        return None;
    }
    let cluster = &session.key.cluster;
    let mut response = send::answer(joined(&session.snapshot, &cluster.namespace, &cluster.name, &events));
    // More may be known at any time, without a change of the session.
    validators::revalidate(&mut response, None);
    Some(response)
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
        message: obituary::note(event, shows_logs).to_owned(),
    }
}
