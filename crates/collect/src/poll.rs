//! Asks the head's dashboard for what no event and no log says, driven by what the events show to be in use, and stores
//! answers that changed.
//!
//! One request at a time, and the dashboard is left alone most of the time: it is one Python process that users wait for.

mod compare;
mod dashboard;
mod jobs;
mod schedule;

use crate::destinations::Destinations;
use crate::evidence::Seen;
use crate::health::{Health, Part};
use crate::identity::SessionFolder;
use crate::manifests::{Manifests, NodeId, now};
use crate::settings::{Auth, PollSettings};
use crate::upload::Sink;
use bytes::Bytes;
use dashboard::Dashboard;
use http::{Method, StatusCode};
use jobs::Jobs;
use ray_history_manifest::Endpoint;
use schedule::{DATASETS, JOBS, NODES, PLATFORM_EVENTS, SERVE, Schedule, VERSION};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep};

/// The dashboard is left alone for this many times as long as its last answer took: it is busy with us 2 % of its time.
const REST: u32 = 49;
/// The pause between two looks at the schedule.
const LOOK: Duration = Duration::from_millis(250);
/// An answer is stored again after this time at the earliest.
const STORE_PAUSE: Duration = Duration::from_secs(60);
/// The time for storing an answer; then the next one is asked for.
const STORE_TIME: Duration = Duration::from_secs(30);

/// Asks the dashboard.
pub struct Poller {
    settings: PollSettings,
    dashboard: Dashboard,
    seen: Seen,
    destinations: Destinations,
    sink: Sink,
    manifests: Arc<Manifests>,
    health: Health,
    session: Mutex<Option<Session>>,
    ending: Notify,
}

/// The session whose dashboard is asked.
struct Session {
    node: NodeId,
    folder: PathBuf,
    schedule: Schedule,
    stored: BTreeMap<String, Stored>,
}

/// An answer that was stored in this process.
struct Stored {
    hash: u64,
    at: Instant,
    empty: bool,
}

impl Poller {
    /// Returns a poller of the dashboard in the settings.
    pub fn new(
        settings: PollSettings,
        seen: Seen,
        destinations: Destinations,
        sink: Sink,
        manifests: Arc<Manifests>,
        health: Health,
    ) -> Self {
        let dashboard = Dashboard::new(&settings);
        let (session, ending) = (Mutex::default(), Notify::new());
        Self { settings, dashboard, seen, destinations, sink, manifests, health, session, ending }
    }

    /// Asks for ever.
    pub async fn run(&self) {
        if !self.settings.enabled {
            return;
        }
        loop {
            let rest = {
                let mut session = self.session.lock().await;
                let began = Instant::now();
                // A drain does not wait for the answer that is due.
                tokio::select! {
                    biased;
                    () = self.ending.notified() => rest_after(began.elapsed()),
                    rest = self.step(&mut session) => rest,
                }
            };
            sleep(rest).await;
        }
    }

    /// Asks once more what is worth it at the end of a session. The caller bounds the time.
    pub async fn finish(&self) {
        if !self.settings.enabled || self.settings.auth == Auth::Missing {
            return;
        }
        self.ending.notify_waiters();
        let mut session = self.session.lock().await;
        let Some(session) = &mut *session else { return };
        let evidence = self.seen.of(&session.node.0, &session.folder);
        let mut asked = BTreeSet::new();
        // The first answers tell the jobs and nodes of others.
        while let Some(url) = session.schedule.at_end(&evidence).into_iter().find(|url| !asked.contains(url)) {
            let Ok(answer) = self.dashboard.ask(Method::GET, &url).await else { return };
            if answer.status == StatusCode::OK {
                self.take(session, &url, answer.body, true).await;
            }
            asked.insert(url);
        }
    }

    /// Asks for one page if one is due, and returns how long to rest.
    async fn step(&self, session: &mut Option<Session>) -> Duration {
        let latest = self.destinations.folders().borrow().iter().find(|folder| folder.latest).cloned();
        let Some((folder, node)) = latest.and_then(|folder| Some((folder.clone(), folder.node?))) else { return LOOK };
        let node = (folder.name.clone(), node);
        if session.as_ref().is_none_or(|session| session.node != node) {
            *session = Some(self.session(&folder, node));
        }
        let Some(session) = session else { return LOOK };
        let evidence = self.seen.of(&session.node.0, &session.folder);
        let Some(url) = session.schedule.due(&evidence, Instant::now()) else { return LOOK };
        let began = Instant::now();
        let outcome = self.ask(session, &url).await;
        let took = began.elapsed();
        session.schedule.asked(&url, outcome.is_some(), Instant::now());
        if let Some(body) = outcome {
            self.take(session, &url, body, false).await;
        }
        rest_after(took)
    }

    fn session(&self, folder: &SessionFolder, node: NodeId) -> Session {
        let is_stored = |url: &str| self.manifests.endpoint(&node, &url[1..]).is_some();
        let PollSettings { additional, interval, .. } = &self.settings;
        let schedule = Schedule::new(additional, *interval, is_stored, Instant::now());
        Session { node, folder: folder.path.clone(), schedule, stored: BTreeMap::new() }
    }

    /// Returns the body of a good answer.
    async fn ask(&self, session: &Session, url: &str) -> Option<Bytes> {
        if url == PLATFORM_EVENTS && !self.is_there(url).await {
            return None;
        }
        let answer = match self.dashboard.ask(Method::GET, url).await {
            Ok(answer) => answer,
            Err(why) => {
                self.health.set(Part::Dashboard, Some(why));
                return None;
            }
        };
        match answer.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                self.health.set(Part::Dashboard, Some(format!("it refuses our token: {}", answer.status)));
                return None;
            }
            _ => return None,
        }
        if url == VERSION && !is_of(&answer.body, session) {
            let why = "it is not the dashboard of this pod's session".to_owned();
            self.health.set(Part::Dashboard, Some(why));
            return None;
        }
        self.health.set(Part::Dashboard, None);
        Some(answer.body)
    }

    async fn is_there(&self, url: &str) -> bool {
        let answer = self.dashboard.ask(Method::HEAD, url).await;
        answer.is_ok_and(|answer| answer.status == StatusCode::OK)
    }

    /// Takes over what an answer says of the next questions, and stores it if it changed.
    async fn take(&self, session: &mut Session, url: &str, body: Bytes, at_end: bool) {
        match url {
            JOBS => session.schedule.jobs = Jobs::parse(&body).unwrap_or_default(),
            VERSION => session.schedule.lacks_profiles = is_before_2_55(&body),
            NODES => session.schedule.nodes = jobs::nodes(&body).unwrap_or_default(),
            _ => {}
        }
        let empty = match url {
            SERVE => compare::is_empty(&body, "applications"),
            url if url.starts_with(DATASETS) => compare::is_empty(&body, "datasets"),
            _ => false,
        };
        // At the end every difference counts; a job's members are its user's, so none of them is volatile.
        let hash = if at_end || url == JOBS { compare::hash_of_bytes(&body) } else { compare::hash(&body) };
        let key = &url[1..];
        if let Some(stored) = session.stored.get(url) {
            let is_late = at_end || stored.at.elapsed() >= STORE_PAUSE || url == JOBS;
            if stored.hash == hash || !is_late || empty && !stored.empty {
                return;
            }
        } else if empty && self.manifests.endpoint(&session.node, key).is_some() {
            return;
        }
        let Some(keys) = self.destinations.session_keys(&session.node.0) else { return };
        let sha256 = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let endpoint = Endpoint { at: now(), bytes: body.len() as u64, sha256 };
        let put = tokio::time::timeout(STORE_TIME, self.sink.put(&keys.endpoint(key), body)).await;
        if matches!(put, Ok(Ok(()))) {
            session.stored.insert(url.to_owned(), Stored { hash, at: Instant::now(), empty });
            self.manifests.stored_endpoint(&session.node, key, endpoint);
        }
    }
}

/// Returns how long the dashboard is left alone after a question that took some time.
fn rest_after(took: Duration) -> Duration {
    (took * REST).max(LOOK)
}

/// Returns `true` for a version page of the session's own dashboard. Rays that do not name their session are believed.
fn is_of(body: &[u8], session: &Session) -> bool {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let name = value.get("session_name").and_then(serde_json::Value::as_str).unwrap_or_default();
    name.is_empty() || name == session.node.0.as_str()
}

/// Returns `true` for a version page of a Ray before 2.55.
fn is_before_2_55(body: &[u8]) -> bool {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let version = value.get("ray_version").and_then(serde_json::Value::as_str).unwrap_or_default();
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    parts.next().zip(parts.next()).is_some_and(|version| version < (2, 55))
}

#[cfg(test)]
mod tests;
