//! All that a page shows of a run, gathered: the obituary, the run in it, and Ray's facts where the session is open.

use crate::http::error::Error;
use crate::http::pages::diff::Form;
use crate::http::request::Call;
use crate::http::request::path::{document_path, session_path, why_path};
use crate::http::sessions::compare::name_of;
use crate::http::sessions::obituary::{self, is_of};
use crate::http::sessions::run::ShownRun;
use crate::http::sessions::{digest, find};
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::{ClusterId, SessionKey};
use ray_history_core::snapshot::failures::Failures;
use ray_history_core::snapshot::run_facts::RunFacts;
use ray_history_obituary::cause::{RayFacts, Run};
use ray_history_obituary::document::{Document, NotUnderstood, ObjectId};
use ray_history_obituary::time::Time;
use ray_history_session::catalog::Entry;
use ray_history_session::obituaries::DocumentError;
use ray_history_session::{OpenSession, Opening};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for a session to open; a page without Ray's facts is shown after it.
const WAIT: Duration = Duration::from_secs(3);
/// Sessions that a page links.
const LINKS: usize = 20;

/// All that is known of a run.
pub(super) struct Known {
    pub(super) heading: String,
    /// The name that people know.
    pub(super) name: String,
    pub(super) document: Document,
    /// The run that is shown; `None` only if the document has none.
    pub(super) run: Option<Run>,
    /// Ray's facts, of an open session.
    pub(super) ray: Option<Ray>,
    /// Minutes by which the head's clock is ahead of UTC.
    pub(super) zone: Option<i64>,
    pub(super) shows_logs: bool,
    pub(super) is_loading: bool,
    /// Sentences about what the page lacks.
    pub(super) notes: Vec<String>,
    /// Related pages, by their path from the server's root.
    pub(super) links: Vec<(String, String)>,
    /// The path of the same as JSON.
    pub(super) json: String,
    /// The comparison with another session, on a session's page.
    pub(super) compare: Option<Form>,
}

/// Facts of an open session.
pub(super) struct Ray {
    /// The path of the session from the server's root, with a final `/`.
    pub(super) path: String,
    pub(super) facts: RayFacts,
    pub(super) failures: Failures,
    pub(super) session: Arc<OpenSession>,
}

/// The reason why there is no document.
pub(super) enum Missing {
    /// There is none.
    None,
    /// The store cannot be read.
    Away,
    /// A newer version wrote it.
    Newer(String),
    /// It is none, or too long.
    Odd(String),
}

impl From<DocumentError> for Missing {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Storage(_) => Self::Away,
            DocumentError::NotUnderstood(error @ NotUnderstood::Newer(_)) => Self::Newer(sentence(&error.to_string())),
            DocumentError::NotUnderstood(error) => Self::Odd(sentence(&error.to_string())),
        }
    }
}

fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str())
}

/// Returns what is known of an object. Ray's facts are there only if the session of its last run is open.
pub(super) async fn of_object(call: &Call<'_>, object: &ObjectId) -> Result<Known, Missing> {
    let document = call.state.sessions.obituaries().document(object).await.inspect_err(|error| {
        let shown = format!("{} {}/{}", object.kind, object.namespace, object.name);
        tracing::warn!(object = shown, error = %chain(error), "an obituary could not be read");
    });
    let document = document?.ok_or(Missing::None)?;
    let run = document.runs.last().cloned();
    let sessions = sessions(call, &document);
    let last = sessions.last().filter(|(at, _)| *at + 1 == document.runs.len()).map(|(_, key)| key.clone());
    let open = last.as_ref().and_then(|key| call.state.sessions.peek(key));
    let facts = last.as_ref().and_then(|key| call.state.sessions.known_facts(key));
    let mut notes = Vec::new();
    let ray = match open {
        Some(open) => ray(call, &open).await.unwrap_or_else(|_| {
            notes.push("The server is busy, so Ray's own facts are not shown. Reload the page for them.".to_owned());
            None
        }),
        None => None,
    };
    if ray.is_none() && notes.is_empty() && last.is_some() {
        notes.push("Ray's own facts are on the page of its session, which is not open.".to_owned());
    }
    let links = sessions.iter().rev().take(LINKS).flat_map(|(_, key)| {
        let path = format!("sessions/{}", session_path(key));
        let why = (format!("{path}why"), format!("Why {} ended", key.session));
        [(path, format!("Dashboard of {}", key.session)), why]
    });
    let (name, links) = (object.name.clone(), links.collect());
    let run = judged(&document, run, ray.as_ref());
    let heading = heading(&format!("{} {name}", object.kind), run.as_ref());
    let zone = facts.and_then(|facts| facts.zone_minutes);
    let (shows_logs, json) = (call.permit.shows_logs(&object.namespace).await, document_path(object));
    Ok(Known {
        heading,
        name,
        document,
        run,
        ray,
        zone,
        shows_logs,
        is_loading: false,
        notes,
        links,
        json,
        compare: None,
    })
}

/// Returns what is known of the run of a session.
pub(super) async fn of_session(call: &Call<'_>, entry: &Entry) -> Result<Known, Error> {
    let key = &entry.key;
    let mut notes = Vec::new();
    let found = obituary::of_session(call, key).await.unwrap_or_else(|error| {
        tracing::warn!(session.key = %key, error = %chain(&error), "the obituary of a session could not be read");
        let away = "What Kubernetes knew cannot be read from the storage at the moment; the server's log says why.";
        let why = match Missing::from(error) {
            Missing::Away | Missing::None => away.to_owned(),
            Missing::Newer(words) | Missing::Odd(words) => words,
        };
        notes.push(format!("{why} Below is what Ray itself tells."));
        None
    });
    let (mut is_loading, mut ray_facts) = (false, None);
    match find::open_within(call, key, WAIT).await {
        Ok(Opening::Ready(open)) => ray_facts = ray(call, &open).await?,
        Ok(Opening::Loading(_)) => {
            is_loading = true;
            let words = "The session is being read; Ray's own facts follow, and this page asks again by itself.";
            notes.push(words.to_owned());
        }
        Err(error) => notes.push(format!("Ray's own facts cannot be shown: {}", Error::from(error))),
    }
    let shown = ShownRun::of(call, entry).await;
    let zone = shown.facts().and_then(|facts| facts.zone_minutes);
    let path = format!("sessions/{}", session_path(key));
    let mut links = vec![(path.clone(), "Dashboard of this session".to_owned())];
    links.push((format!("{path}functions"), "Functions".to_owned()));
    let shows_logs = call.permit.shows_logs(&key.cluster.namespace).await;
    if shows_logs {
        links.push((format!("api/history/v1/{path}export"), "Download as one file".to_owned()));
    }
    let name = entry.owner.as_ref().map_or(&key.cluster.name, |owner| &owner.name).clone();
    let (document, run, json) = if let Some(found) = found {
        let object = &found.document.object;
        links.push((why_path(object), format!("All of {} {}", object.kind, object.name)));
        let json = document_path(object);
        let run = judged(&found.document, found.run().cloned(), ray_facts.as_ref());
        (found.document, run, json)
    } else {
        let document = of_ray(call, key, ray_facts.as_ref(), shown.facts());
        let run = document.runs.last().cloned();
        (document, run, format!("api/history/v1/sessions/{}", session_path(key)))
    };
    let heading = heading(&name, run.as_ref());
    let compare = Some(compare(call, entry));
    Ok(Known {
        heading,
        name,
        document,
        run,
        ray: ray_facts,
        zone,
        shows_logs,
        is_loading,
        notes,
        links,
        json,
        compare,
    })
}

/// Returns the form that compares a session with one before it: with the last one of its owner, or else of its cluster.
fn compare(call: &Call<'_>, entry: &Entry) -> Form {
    let (listing, key) = (call.state.sessions.listing(), &entry.key);
    let mut all = match &entry.owner {
        Some(owner) => listing.of_owner(&key.cluster.namespace, owner.kind, &owner.name),
        None => listing.of_cluster(&key.cluster),
    };
    all.retain(|other| call.permit.shows(other));
    // The newest comes first.
    let own = all.iter().position(|other| other.key == *key);
    let before = own.and_then(|own| all.get(own + 1)).map(|other| name_of(&other.key)).unwrap_or_default();
    let others = all.iter().filter(|other| other.key != *key).take(LINKS).map(|other| name_of(&other.key));
    Form { a: before, b: name_of(key), others: others.collect() }
}

fn heading(name: &str, run: Option<&Run>) -> String {
    let ended = run.is_some_and(|run| run.to.is_some());
    if ended { format!("Why {name} ended") } else { format!("{name}: no end is known") }
}

/// Returns the run with Ray's facts about it, if there are any.
fn judged(document: &Document, run: Option<Run>, ray: Option<&Ray>) -> Option<Run> {
    let run = run?;
    let with_ray = ray.and_then(|ray| document.run_with(&run.head_pod, &run.cluster, &ray.facts));
    Some(with_ray.unwrap_or(run))
}

/// Returns what Ray alone tells of a session.
fn of_ray(call: &Call<'_>, key: &SessionKey, ray: Option<&Ray>, facts: Option<&RunFacts>) -> Document {
    let is_over = ray.is_some_and(|ray| call.state.sessions.standing(key).is_over(&ray.session.snapshot));
    // A session whose jobs have ended has an outcome, even if its cluster still runs.
    let has_ended = facts.is_some_and(|facts| facts.outcome(is_over).is_some());
    let to = facts.and_then(|facts| facts.ended).filter(|_| has_ended).map(Time);
    let from = facts.and_then(|facts| facts.started).map(Time);
    let SessionKey { cluster, session } = key;
    let none = RayFacts::default();
    let told = ray.map_or(&none, |ray| &ray.facts);
    Document::of_ray(&cluster.namespace, &cluster.name, session.as_str(), told, from, to)
}

/// Reads the tables of a session, off the threads that answer requests.
async fn ray(call: &Call<'_>, open: &Arc<OpenSession>) -> Result<Option<Ray>, Error> {
    if open.nothing_read.is_some() {
        return Ok(None);
    }
    let session = Arc::clone(open);
    let bytes = digest::held(&session.snapshot);
    let work = move || {
        let path = format!("sessions/{}", session_path(&session.key));
        let (facts, failures) = (RayFacts::of(&session.snapshot), Failures::of(&session.snapshot));
        Ray { path, facts, failures, session }
    };
    let (ray, _) = call.state.heavy.begin(&call.state.sessions, bytes, work).await?;
    Ok(Some(ray))
}

/// Returns the listed sessions of a document's runs, each with the number of its run, the oldest first.
fn sessions(call: &Call<'_>, document: &Document) -> Vec<(usize, SessionKey)> {
    let sessions = &call.state.sessions;
    let (listing, namespace) = (sessions.listing(), &document.object.namespace);
    let rows = sessions.obituaries().of_object(namespace, &document.object.uid);
    let mut found = Vec::new();
    for (at, run) in document.runs.iter().enumerate() {
        let Some(row) = rows.iter().find(|row| is_of(run, row)) else { continue };
        let cluster = ClusterId { namespace: namespace.clone(), name: run.cluster.clone() };
        // The row of a session may be that of its cluster, or of the job that made it.
        let of_run =
            |key: &SessionKey| sessions.why(key).is_some_and(|why| why.run == row.run && why.cluster == row.cluster);
        let shown = listing.of_cluster(&cluster).into_iter().filter(|entry| call.permit.shows(entry));
        let mut keys: Vec<SessionKey> = shown.map(|entry| entry.key).filter(of_run).collect();
        keys.reverse();
        found.extend(keys.into_iter().map(|key| (at, key)));
    }
    found
}
