//! Finds the stored sessions that a request may see, and opens them.
//!
//! A session that may not be seen is as one that is not stored; the guard has refused most such requests before. A
//! request starts a load if needed; nothing in this module cancels one.

use crate::http::error::Error;
use crate::http::request::Call;
use crate::http::state::State;
use ray_history_core::base::name::{ClusterId, SessionKey};
use ray_history_obituary::document::{Document, ObjectId};
use ray_history_session::catalog::{Entry, Listing, Page, Query};
use ray_history_session::obituaries::DocumentError;
use ray_history_session::{self as session, OpenSession, Opening};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait of a poll for a load that is nearly done or has not started.
const POLL: Duration = Duration::from_millis(50);

/// Searches the listing, then a fresh one, because the session may be newer than the last listing. An outage is an
/// error and not `None`. The search leaves out what the request may not see.
pub(in crate::http) async fn look_up<T>(
    call: &Call<'_>,
    search: impl Fn(&Listing) -> Option<T>,
) -> Result<Option<T>, session::Error> {
    if let Some(found) = search(&call.state.sessions.listing()) {
        return Ok(Some(found));
    }
    Ok(search(&*call.state.sessions.fresh_listing().await?))
}

/// Returns the newest session of a cluster, or an error if none is stored.
pub(in crate::http) async fn latest(call: &Call<'_>, cluster: &ClusterId) -> Result<Entry, Error> {
    let found = look_up(call, |listing| latest_in(call, listing, cluster)).await?;
    found.ok_or_else(|| Error::NothingNamed("cluster", cluster.name.clone()))
}

/// Returns the newest session of a cluster in a listing.
pub(in crate::http) fn latest_in(call: &Call<'_>, listing: &Listing, cluster: &ClusterId) -> Option<Entry> {
    match listing.latest(cluster) {
        Some(entry) if !call.permit.shows(&entry) => {
            listing.of_cluster(cluster).into_iter().find(|entry| call.permit.shows(entry))
        }
        newest => newest,
    }
}

/// Returns the entry of a session, or an error if it is not stored.
pub(in crate::http) async fn entry(call: &Call<'_>, key: &SessionKey) -> Result<Entry, session::Error> {
    let visible = call.permit.visible().shows_namespace(&key.cluster.namespace);
    let found = if visible { call.state.sessions.find(key).await? } else { None };
    found.filter(|entry| call.permit.shows(entry)).ok_or_else(|| session::Error::Unknown(key.clone()))
}

/// Returns `true` if a session is listed and may be seen, or if all sessions may be seen.
pub(in crate::http) fn is_shown(call: &Call<'_>, key: &SessionKey) -> bool {
    let visible = call.permit.visible();
    visible.is_all()
        || (visible.shows_namespace(&key.cluster.namespace)
            && call.state.sessions.listing().is_namespace_known(key) == Some(true))
}

/// Returns an error for a session that may not be seen. What is not listed yet is searched.
async fn check(call: &Call<'_>, key: &SessionKey) -> Result<(), session::Error> {
    if is_shown(call, key) { Ok(()) } else { entry(call, key).await.map(drop) }
}

/// Starts the load of a session if it is not open, and waits at most `POLL` for it.
pub(in crate::http) async fn begin(call: &Call<'_>, key: &SessionKey) -> Result<Opening, session::Error> {
    check(call, key).await?;
    if let Some(progress) = call.state.sessions.progress(key) {
        return Ok(Opening::Loading(progress));
    }
    call.state.sessions.open_within(key, POLL).await
}

/// Opens a session, waiting for at most `wait`.
pub(in crate::http) async fn open_within(
    call: &Call<'_>,
    key: &SessionKey,
    wait: Duration,
) -> Result<Opening, session::Error> {
    check(call, key).await?;
    call.state.sessions.open_within(key, wait).await
}

/// An open session that the request which opened it may see.
#[derive(Clone)]
pub(in crate::http) struct Shown(Arc<OpenSession>);

impl Deref for Shown {
    type Target = Arc<OpenSession>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Opens a session, waiting for at most the request timeout.
pub(in crate::http) async fn open(call: &Call<'_>, key: &SessionKey) -> Result<Shown, Error> {
    match open_within(call, key, call.state.sessions.settings().loading.request_timeout).await? {
        Opening::Ready(session) => Ok(Shown(session)),
        Opening::Loading(progress) => Err(Error::Loading(progress)),
    }
}

/// Opens a session; `None` while it is read after `wait`.
pub(in crate::http) async fn shown_within(
    call: &Call<'_>,
    key: &SessionKey,
    wait: Duration,
) -> Result<Option<Shown>, session::Error> {
    Ok(match open_within(call, key, wait).await? {
        Opening::Ready(session) => Some(Shown(session)),
        Opening::Loading(_) => None,
    })
}

/// Returns a listed session for a command that reads the store itself.
pub(in crate::http) fn of_store<T>(state: &State, search: impl Fn(&Listing) -> Option<T>) -> Option<T> {
    search(&state.sessions.listing())
}

/// Opens a session for such a command, and waits until it is open.
pub(in crate::http) async fn open_of_store(
    state: &State,
    key: &SessionKey,
) -> Result<Arc<OpenSession>, session::Error> {
    state.sessions.open(key).await
}

/// Returns a page of the list for a command that reads the store itself: no request, so no permit.
pub(in crate::http) fn page_of_store(state: &State, query: &Query) -> Page {
    state.sessions.page(query)
}

/// Returns a page of the runs that obituaries tell of, for a command that reads the store itself.
pub(in crate::http) fn page_of_runs_of_store(state: &State, query: &Query) -> Page {
    state.sessions.page_of_runs(query)
}

/// Returns the obituary of an object, for a command that reads the store itself.
pub(in crate::http) async fn obituary_of_store(
    state: &State,
    object: &ObjectId,
) -> Result<Option<Document>, DocumentError> {
    state.sessions.obituaries().document(object).await
}

/// Returns a page of the runs that obituaries tell of.
pub(in crate::http) fn page_of_runs(call: &Call<'_>, query: Query) -> Page {
    call.state.sessions.page_of_runs(&Query { visible: call.permit.visible().clone(), ..query })
}

/// Returns the obituary of an object that may be seen. One that may not be is as one that is not stored.
pub(in crate::http) async fn obituary(call: &Call<'_>, object: &ObjectId) -> Result<Document, Error> {
    let sessions = &call.state.sessions;
    let visible = call.permit.visible().shows(&object.namespace, true) && sessions.serves(&object.namespace);
    let found = if visible { sessions.obituaries().document(object).await } else { Ok(None) };
    found?.ok_or_else(|| Error::NoObituary(object.name.clone()))
}

/// Returns a page of the list.
pub(in crate::http) fn page(call: &Call<'_>, query: Query) -> Page {
    call.state.sessions.page(&Query { visible: call.permit.visible().clone(), ..query })
}
