//! The obituary that tells of a session: its document, and the run within it.

use crate::http::request::Call;
use ray_history_core::base::name::SessionKey;
use ray_history_obituary::cause::{Evidence, Run};
use ray_history_obituary::document::Document;
use ray_history_obituary::facts::{Event, Facts};
use ray_history_obituary::ledger::Row;
use ray_history_session::obituaries::DocumentError;

/// Seconds before and after a run within which Events are about it: pods are made before the head runs, and removed after
/// the end.
const BEFORE: i64 = 60;
const AFTER: i64 = 900;

/// Shown in the place of texts that come from logs.
pub(in crate::http) const WITHHELD: &str = "(from a log, which you may not read)";

/// The document that tells of a session.
#[derive(Debug)]
pub(in crate::http) struct Found {
    pub(in crate::http) document: Document,
    row: Row,
}

impl Found {
    /// Returns the session's run.
    pub(in crate::http) fn run(&self) -> Option<&Run> {
        self.document.runs.iter().find(|run| is_of(run, &self.row))
    }
}

/// Returns `true` if a row tells of a run.
pub(in crate::http) fn is_of(run: &Run, row: &Row) -> bool {
    let name = if run.head_pod.is_empty() { &run.cluster } else { &run.head_pod };
    *name == row.run && run.cluster == row.cluster
}

/// Returns the document that tells of a session; `None` if there is none. Loads no session.
pub(in crate::http) async fn of_session(call: &Call<'_>, key: &SessionKey) -> Result<Option<Found>, DocumentError> {
    let Some(row) = call.state.sessions.why(key) else { return Ok(None) };
    // A row names the namespace of its object, which is the session's: rights are by namespace.
    if row.object.namespace != key.cluster.namespace {
        return Ok(None);
    }
    let document = call.state.sessions.obituaries().document(&row.object).await?;
    Ok(document.map(|document| Found { document, row }))
}

/// Returns `true` if an Event is about a run, by its time.
pub(in crate::http) fn is_about(run: &Run, event: &Event) -> bool {
    run.from.is_none_or(|from| event.at >= from.plus(-BEFORE)) && run.to.is_none_or(|to| event.first <= to.plus(AFTER))
}

/// Returns `true` for Events that may quote a log: `KubeRay` quotes a container's termination message where it tells of a
/// pod that it deleted.
pub(in crate::http) fn quotes_a_log(event: &Event) -> bool {
    event.reason.starts_with("Deleted") && event.reason.ends_with("Pod")
}

/// Returns `true` if the words of a fact may quote a log. What Ray says is in its own API, and most Events quote none; a
/// `RayJob`, a condition and a container may.
pub(in crate::http) fn may_quote_a_log(facts: &Facts, fact: &Evidence) -> bool {
    let mut events = facts.events.iter().filter(|event| {
        event.about == fact.about && Some(event.first) == fact.at && fact.says.starts_with(&event.reason)
    });
    fact.about != "Ray" && events.next().is_none_or(quotes_a_log)
}

/// Returns the text of an Event, as far as it may be shown.
pub(in crate::http) fn note(event: &Event, shows_logs: bool) -> &str {
    if quotes_a_log(event) && !shows_logs { WITHHELD } else { &event.note }
}
