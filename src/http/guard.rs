//! The guard of all routes: who asks, and what that person may see.
//!
//! It decides before anything is looked up, so that a refusal is the same for what is stored and for what is not. What
//! it lets through carries a [`Permit`], without which no handler finds a session. While access is off, everybody sees
//! everything.

mod audit;
mod credentials;
mod permit;
mod refuse;

pub(super) use audit::Audited;
pub(super) use credentials::{COOKIES, is_https, of_login};
pub(super) use permit::Permit;
pub(super) use refuse::unknown;

use super::error::Error;
use super::error::refusal::Refusal;
use super::state::State;
use crate::access::audit::Class;
use actix_web::HttpRequest;
use permit::Granted;
use ray_history_access::Mode;
use ray_history_access::{Access, Person, Right, Scope, Visible, Way};
use ray_history_session::catalog;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The part of the stored sessions that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// None of them.
    Nothing,
    /// None of them; whoever may see the namespace gets more.
    AtMost,
    /// None of them, but only a known person gets an answer.
    Person,
    /// All that the person may see.
    List,
    /// Those of the namespace.
    Namespace,
    /// Those of the namespace, and bodies of logs.
    Logs,
}

/// The names in a request, as it has them; empty where it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct About<'a> {
    pub(super) namespace: &'a str,
    pub(super) cluster: &'a str,
    pub(super) session: &'a str,
}

/// Decides whether a request may be answered, and how much it may see.
pub(super) async fn admit(
    mode: Mode,
    request: &HttpRequest,
    state: &State,
    wanted: Wanted,
    about: About<'_>,
) -> Result<Permit, Error> {
    let access = match (mode, wanted) {
        (Mode::Open, _) => return Ok(Permit::everything()),
        (_, Wanted::Nothing) | (Mode::Closed, Wanted::AtMost) => return Ok(Permit::nothing()),
        (Mode::Closed, _) => return Err(Refusal::NotReady.into()),
        (Mode::On(access), _) => access,
    };
    let class = match wanted {
        Wanted::List => Class::List,
        Wanted::Logs => Class::Log,
        Wanted::Nothing | Wanted::AtMost | Wanted::Person | Wanted::Namespace => Class::Dashboard,
    };
    let audited = Audited { request, state, about, class };
    let person = match access.person(&credentials::read(request, access.settings())).await {
        Ok(person) => person,
        Err(_) if wanted == Wanted::AtMost => return Ok(Permit::nothing()),
        Err(refused) => {
            let error = unknown(refused, access.settings());
            audited.refused(None, &error);
            return Err(error);
        }
    };
    match visible(state, &access, &person, wanted, about.namespace).await {
        Ok(visible) => {
            if !matches!(wanted, Wanted::AtMost | Wanted::Person) {
                audited.allowed(&person);
            }
            Ok(Permit::granted(visible, Granted { access, person }))
        }
        Err(_) if wanted == Wanted::AtMost => Ok(Permit::nothing()),
        Err(error) => {
            audited.refused(Some(&person), &error);
            Err(error)
        }
    }
}

/// Returns `true` if a proxy that proved itself names the person, who must meet no login.
pub(super) async fn is_named_by_proxy(request: &HttpRequest, access: &Access) -> bool {
    let credentials = credentials::of_proxy(request, access.settings());
    credentials.proxy.is_some() && access.person(&credentials).await.is_ok_and(|person| person.way == Way::Proxy)
}

/// Returns the sessions that a person may see, of those that are wanted; an error if the rights for them are missing.
///
/// Whoever may see all namespaces also sees sessions whose namespace is not certain.
async fn visible(
    state: &State,
    access: &Access,
    person: &Person,
    wanted: Wanted,
    namespace: &str,
) -> Result<catalog::Visible, Error> {
    match wanted {
        Wanted::Nothing | Wanted::Person => return Ok(catalog::Visible::none()),
        // In a box of its own, because it may make many reviews.
        Wanted::List => return Box::pin(listed(state, access, person)).await,
        Wanted::AtMost | Wanted::Namespace | Wanted::Logs => {}
    }
    let sessions = scope(access, person, Right::Sessions, namespace).await?;
    if wanted == Wanted::Logs {
        scope(access, person, Right::Logs, namespace).await?;
    }
    Ok(match sessions {
        Scope::Everywhere => catalog::Visible::All,
        Scope::Namespace | Scope::Nowhere => catalog::Visible::one(namespace),
    })
}

/// Returns all sessions that a person may see.
async fn listed(state: &State, access: &Access, person: &Person) -> Result<catalog::Visible, Error> {
    let listing = state.sessions.listing();
    // Runs that never began have no session.
    let of_runs = state.sessions.obituaries().namespaces();
    let settings = state.sessions.settings();
    let served = &settings.clusters.namespaces;
    let of_runs = of_runs.iter().map(|name| &**name);
    let of_runs = of_runs.filter(|name| served.is_empty() || served.iter().any(|served| served == name));
    let all: BTreeSet<&str> = listing.confirmed_namespaces().chain(of_runs).collect();
    let visible = access.visible(person, all).await;
    Ok(match visible.map_err(|_| Refusal::Undecided)? {
        Visible::All => catalog::Visible::All,
        Visible::Namespaces(names) => catalog::Visible::Namespaces(Arc::new(names.into_iter().collect())),
    })
}

/// Returns the scope of a right that a person has in a namespace; an error without it.
async fn scope(access: &Access, person: &Person, right: Right, namespace: &str) -> Result<Scope, Error> {
    let scope = access.scope_now(person, right, namespace).await.map_err(|_| Refusal::Undecided)?;
    if scope.is_given() { Ok(scope) } else { Err(refuse::denied(person, right, namespace, access.settings())) }
}
