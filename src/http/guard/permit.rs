//! The permit of a request: proof that the guard let it through, and what it may see.

use super::About;
use super::audit::Audited;
use crate::access::audit::Class;
use crate::http::error::Error;
use crate::http::error::refusal::Refusal;
use crate::http::state::State;
use actix_web::HttpRequest;
use ray_history_access::{Access, Person, Right};
use ray_history_core::base::name::SessionKey;
use ray_history_session::catalog::{Entry, Visible};
use std::sync::Arc;

/// The part of the stored sessions that a request may see. Only the guard makes one, and every way to a session asks for
/// it.
#[derive(Debug)]
pub(in crate::http) struct Permit {
    visible: Visible,
    /// `false` while access is off.
    is_guarded: bool,
    granted: Option<Granted>,
}

/// A person, and what decides about further rights.
#[derive(Debug)]
pub(in crate::http) struct Granted {
    pub(in crate::http) access: Arc<Access>,
    pub(in crate::http) person: Person,
}

impl Permit {
    /// Returns the permit of all requests while access is off.
    pub(super) fn everything() -> Self {
        Self { visible: Visible::All, is_guarded: false, granted: None }
    }

    /// Returns the permit of a request that may see no session.
    pub(super) fn nothing() -> Self {
        Self { visible: Visible::none(), is_guarded: true, granted: None }
    }

    /// Returns the permit of a person.
    pub(super) fn granted(visible: Visible, granted: Granted) -> Self {
        Self { visible, is_guarded: true, granted: Some(granted) }
    }

    /// Returns `true` while access is on: nothing that everybody gets may then tell what is stored.
    pub(in crate::http) fn is_guarded(&self) -> bool {
        self.is_guarded
    }

    /// Returns the sessions that may be seen.
    pub(in crate::http) fn visible(&self) -> &Visible {
        &self.visible
    }

    /// Returns `true` if a listed session may be seen.
    pub(in crate::http) fn shows(&self, entry: &Entry) -> bool {
        self.visible.shows(&entry.key.cluster.namespace, entry.namespace_known)
    }

    /// Returns the person, if there is a known one.
    pub(in crate::http) fn granted_to(&self) -> Option<&Granted> {
        self.granted.as_ref()
    }

    /// Writes to the audit log that a session is read which the path does not name, as in a comparison of two.
    pub(in crate::http) fn audit(&self, request: &HttpRequest, state: &State, key: &SessionKey) {
        let Some(Granted { person, .. }) = &self.granted else { return };
        let SessionKey { cluster, session } = key;
        let about = About { namespace: &cluster.namespace, cluster: &cluster.name, session: session.as_str() };
        Audited { request, state, about, class: Class::Dashboard }.allowed(person);
    }

    /// Returns `true` if texts of logs of a namespace may be seen. Where it cannot be decided they are not.
    pub(in crate::http) async fn shows_logs(&self, namespace: &str) -> bool {
        match &self.granted {
            Some(Granted { access, person }) => access.may(person, Right::Logs, namespace).await.unwrap_or(false),
            None => !self.is_guarded,
        }
    }

    /// Returns `true` if the values of environment variables of a session may be seen. Without access, nobody is known
    /// to have that right.
    pub(in crate::http) async fn shows_env(
        &self,
        request: &HttpRequest,
        state: &State,
        key: &SessionKey,
    ) -> Result<bool, Error> {
        let Some(Granted { access, person }) = &self.granted else { return Ok(false) };
        let SessionKey { cluster, session } = key;
        let may = access.may(person, Right::Env, &cluster.namespace).await.map_err(|_| Refusal::Undecided)?;
        if may {
            let about = About { namespace: &cluster.namespace, cluster: &cluster.name, session: session.as_str() };
            Audited { request, state, about, class: Class::Env }.allowed(person);
        }
        Ok(may)
    }
}
