//! Two sessions that are compared: the names by which parameters give them, and the comparison.

use super::digest;
use super::find::{self, Shown, look_up};
use crate::http::error::Error;
use crate::http::request::Call;
use crate::http::request::path::{cluster_id, cluster_name, session_key, session_path};
use crate::http::state::State;
use ray_history_core::base::name::SessionKey;
use ray_history_core::snapshot::diff::Diff;
use ray_history_session::OpenSession;
use ray_history_session::catalog::{Entry, Listing};
use ray_history_session::links::Subject;
use serde::Serialize;
use std::sync::Arc;

/// The newest session of an object, or one before it.
const LATEST: &str = "latest";

/// A session as a parameter gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum Named {
    /// `namespace/cluster/session`.
    Session(SessionKey),
    /// `namespace/name/latest`, or `namespace/name/latest~1` for the one before it and so on. The name is a `RayJob`'s, a
    /// `RayService`'s or a `RayCluster`'s, in this order. Without a namespace, one namespace alone must have the name.
    Latest { namespace: Option<String>, name: String, back: usize },
}

impl Named {
    /// Parses the value of a parameter.
    pub(in crate::http) fn parse(parameter: &str, value: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = value.trim_matches('/').split('/').collect();
        let named = match parts[..] {
            [namespace, name, last] if !namespace.is_empty() && !name.is_empty() => match back(last) {
                Some(back) => Some(Self::Latest { namespace: Some(namespace.to_owned()), name: name.to_owned(), back }),
                None => session_key([namespace, name, last]).ok().map(Self::Session),
            },
            [name, last] if !name.is_empty() => {
                back(last).map(|back| Self::Latest { namespace: None, name: name.to_owned(), back })
            }
            _ => None,
        };
        named.ok_or_else(|| {
            let wanted = "NAMESPACE/CLUSTER/SESSION or [NAMESPACE/]NAME/latest (latest~1 for the one before) is wanted";
            Error::BadRequest(format!("{parameter}={value:?}: {wanted}"))
        })
    }

    /// Returns the session in a listing, of the entries that are shown. One that is named itself need not be listed.
    fn find(&self, listing: &Listing, shows: impl Fn(&Entry) -> bool) -> Option<SessionKey> {
        let (namespace, name, back) = match self {
            Self::Session(key) => return Some(key.clone()),
            Self::Latest { namespace, name, back } => (namespace, name, *back),
        };
        let sessions = if let Some(namespace) = namespace {
            named(listing, namespace, name, &shows)?
        } else {
            let mut all =
                listing.confirmed_namespaces().filter_map(|namespace| named(listing, namespace, name, &shows));
            all.next().filter(|_| all.next().is_none())?
        };
        sessions.into_iter().nth(back).map(|entry| entry.key)
    }

    fn unknown(&self) -> Error {
        let what = "RayJob, RayService or RayCluster";
        match self {
            Self::Session(key) => ray_history_session::Error::Unknown(key.clone()).into(),
            Self::Latest { namespace: Some(_), name, back: 0 } => Error::NothingNamed(what, name.clone()),
            Self::Latest { namespace: None, name, back: 0 } => {
                Error::NothingNamed("one namespace alone and name", name.clone())
            }
            Self::Latest { name, back, .. } => Error::NothingNamed(what, format!("{name} ({LATEST}~{back})")),
        }
    }

    /// Opens the session for a command that reads the store with its own credentials, and so may see all of it.
    pub(in crate::http) async fn open_of_store(&self, state: &State) -> Result<Arc<OpenSession>, Error> {
        let key = find::of_store(state, |listing| self.find(listing, |_| true)).ok_or_else(|| self.unknown())?;
        let open = find::open_of_store(state, &key).await?;
        match &open.nothing_read {
            Some(error) => Err(error.clone().into()),
            None => Ok(open),
        }
    }

    /// Returns the session, if it may be seen.
    pub(in crate::http) async fn key(&self, call: &Call<'_>) -> Result<SessionKey, Error> {
        let found = look_up(call, |listing| self.find(listing, |entry| call.permit.shows(entry))).await?;
        found.ok_or_else(|| self.unknown())
    }
}

/// Returns the sessions of a name, the newest first; `None` if there are none.
fn named(listing: &Listing, namespace: &str, name: &str, shows: impl Fn(&Entry) -> bool) -> Option<Vec<Entry>> {
    let name = &cluster_id(namespace, name).name;
    let subjects = [(Subject::RAY_JOB, true), (Subject::RAY_SERVICE, true), (Subject::Cluster, true)];
    // Names of clusters that only look like those of an owner come last.
    let guesses = [(Subject::RAY_JOB, false), (Subject::RAY_SERVICE, false)];
    let all = subjects.into_iter().chain(guesses).map(|(subject, exact)| {
        let mut sessions = listing.attempts(namespace, subject, name, exact).sessions;
        sessions.retain(&shows);
        sessions
    });
    all.into_iter().find(|sessions| !sessions.is_empty())
}

/// Returns how many sessions before the newest one a word means.
fn back(word: &str) -> Option<usize> {
    match word.strip_prefix(LATEST)? {
        "" => Some(0),
        back => back.strip_prefix('~')?.parse().ok(),
    }
}

/// Returns a session as `Named` accepts it.
pub(in crate::http) fn name_of(key: &SessionKey) -> String {
    format!("{}/{}/{}", key.cluster.namespace, cluster_name(&key.cluster), key.session.as_str())
}

/// One of two sessions that are compared.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Side {
    /// The session as a parameter gives it.
    pub(in crate::http) name: String,
    /// Its path below `/sessions/`.
    pub(in crate::http) path: String,
}

impl Side {
    fn of(key: &SessionKey) -> Self {
        Self { name: name_of(key), path: session_path(key) }
    }
}

/// Two sessions, and what changed from one to the other.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Comparison {
    pub(in crate::http) a: Side,
    pub(in crate::http) b: Side,
    #[serde(flatten)]
    pub(in crate::http) diff: Diff,
}

/// Compares two open sessions.
pub(in crate::http) async fn compare(call: &Call<'_>, a: &Shown, b: &Shown) -> Result<Comparison, Error> {
    let diff = Diff::of(&digest::of(call, a).await?, &digest::of(call, b).await?);
    Ok(Comparison { a: Side::of(&a.key), b: Side::of(&b.key), diff })
}

/// Compares two sessions for a command that reads the store with its own credentials, and so may see all of it.
pub(in crate::http) async fn compare_of_store(state: &State, names: [&Named; 2]) -> Result<Comparison, Error> {
    let mut made = Vec::new();
    for name in names {
        let open = name.open_of_store(state).await?;
        made.push((Side::of(&open.key), digest::of_store(&state.sessions, &open)));
    }
    let mut made = made.into_iter();
    match (made.next(), made.next()) {
        (Some((a, of_a)), Some((b, of_b))) => Ok(Comparison { a, b, diff: Diff::of(&of_a, &of_b) }),
        _ => Err(Error::UnknownUrl),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_name_sessions() {
        let latest = |back| Named::Latest { namespace: Some("ml".into()), name: "train".into(), back };
        let anywhere = Named::Latest { namespace: None, name: "train".into(), back: 1 };
        assert_eq!(Named::parse("a", "train/latest~1").unwrap(), anywhere);
        for (value, back) in [("ml/train/latest", 0), ("/ml/train/latest~1/", 1), ("ml/train/latest~12", 12)] {
            assert_eq!(Named::parse("a", value).unwrap(), latest(back));
        }
        let session = "ml/_/session_2026-11-22_23-11-33_821800_1";
        let Named::Session(key) = Named::parse("a", session).unwrap() else { panic!() };
        assert_eq!((key.cluster.name.as_str(), name_of(&key).as_str()), ("", session));
        for wrong in
            ["", "ml", "ml/train", "ml/train/latest~", "ml/train/latest~-1", "ml/train/x", "//latest", "a/b/c/d"]
        {
            let error = Named::parse("b", wrong).unwrap_err().to_string();
            assert!(error.starts_with("b=") && error.contains("latest~1"), "{error}");
        }
    }
}
