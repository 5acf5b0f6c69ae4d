//! Single requests for what no watch brings: Events of pods in trouble, nodes of pods, and Workloads of Kueue.
//!
//! A selector of fields takes no set of names, and most pods never get into trouble, so a watch of all Events or nodes
//! would cost far more than it tells.

use super::super::follow::Trouble;
use super::super::limits::shortened;
use super::super::pace::Pace;
use super::shared::{Shared, now};
use crate::api_error;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{ListParams, Request};
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::object::{Event, Node, Workload};
use ray_history_obituary::records::{Object, PodRef};
use ray_history_obituary::time::Time;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Interval at which the records are searched for questions.
const SEARCH: Duration = Duration::from_secs(5);
/// Lists of Events: two a second in all.
const EVENT_LISTS: Pace = Pace::new(2, Duration::from_millis(500));
/// Nodes and Workloads: five a second in all.
const GETS: Pace = Pace::new(5, Duration::from_millis(200));
/// Time until the same question may be asked again.
const AGAIN: Duration = Duration::from_secs(30);
/// Time until a question is asked again that may not be asked.
const FORBIDDEN: Duration = Duration::from_mins(10);
/// Events of one pod that are kept, the newest.
const EVENTS: usize = 50;
/// Events of one list; an API server has no order for them.
const LISTED: u32 = 250;
/// The name of Events of pods among the troubles.
const EVENTS_OF_PODS: &str = "events of pods";
/// Answers that are remembered.
const ASKED: usize = 100_000;

/// A list of objects.
#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

/// The questions that were asked, and when they may be asked again.
struct Asked<K, V>(HashMap<K, (V, Instant)>);

impl<K: Hash + Eq + Clone, V: PartialEq> Asked<K, V> {
    /// Returns `true` if a question is new: not asked yet, or long ago about an earlier version.
    fn is_new(&self, key: &K, version: &V, at: Instant) -> bool {
        self.0.get(key).is_none_or(|(before, until)| before != version && at >= *until)
    }

    fn note(&mut self, key: K, version: V, until: Instant) {
        if self.0.len() >= ASKED {
            self.0.retain(|_, (_, until)| *until > Instant::now());
        }
        self.0.insert(key, (version, until));
    }
}

/// Asks until dropped.
pub(super) async fn ask(client: Client, shared: Arc<Shared>) {
    let mut questions = Questions {
        client,
        shared,
        pods: Asked(HashMap::new()),
        nodes: Asked(HashMap::new()),
        queues: Asked(HashMap::new()),
        event_lists: EVENT_LISTS,
        gets: GETS,
        forbidden: HashMap::new(),
    };
    loop {
        tokio::time::sleep(SEARCH).await;
        questions.about_pods().await;
        questions.about_nodes().await;
        questions.about_queues().await;
    }
}

struct Questions {
    client: Client,
    shared: Arc<Shared>,
    /// By uid, with the time of the last version.
    pods: Asked<String, Option<Time>>,
    /// By name, with `true` if one of its pods is in trouble.
    nodes: Asked<String, bool>,
    queues: Asked<String, i64>,
    event_lists: Pace,
    gets: Pace,
    /// The time until which a kind is not asked for in a namespace (empty: a kind without namespaces).
    forbidden: HashMap<(&'static str, String), Instant>,
}

impl Questions {
    async fn about_pods(&mut self) {
        let pods = self.shared.records.lock().pods_in_trouble(now());
        let at = Instant::now();
        let new: Vec<PodRef> = pods.into_iter().filter(|pod| self.pods.is_new(&pod.uid, &pod.seen, at)).collect();
        for pod in new {
            if !self.may_ask(EVENTS_OF_PODS, &pod.namespace) {
                continue;
            }
            tokio::time::sleep(self.event_lists.delay(Instant::now())).await;
            let params = ListParams::default().fields(&format!("regarding.uid={}", pod.uid)).limit(LISTED);
            let url = format!("/apis/events.k8s.io/v1/namespaces/{}/events", pod.namespace);
            if let Some(List { mut items }) = self.list::<Event>(EVENTS_OF_PODS, &pod.namespace, &url, &params).await {
                items.sort_by_key(Event::happened);
                let seen = now();
                let mut records = self.shared.records.lock();
                for event in items.drain(items.len().saturating_sub(EVENTS)..) {
                    records.apply(&Object::Event(event), seen);
                }
            }
            self.pods.note(pod.uid, pod.seen, Instant::now() + AGAIN);
        }
    }

    async fn about_nodes(&mut self) {
        let nodes = self.shared.records.lock().nodes_of_pods(now());
        let at = Instant::now();
        let is_new = |(name, troubled): &(String, bool)| self.nodes.is_new(name, troubled, at);
        let new: Vec<(String, bool)> = nodes.into_iter().filter(is_new).collect();
        for (name, troubled) in new {
            if !self.may_ask("nodes", "") {
                return;
            }
            tokio::time::sleep(self.gets.delay(Instant::now())).await;
            let request = Request::new("/api/v1/nodes").get(&name, &kube::api::GetParams::default());
            match self.request::<Node>("nodes", None, request).await {
                Answer::Is(node) => self.shared.records.lock().node_told(&name, Some(node), now()),
                Answer::Absent => self.shared.records.lock().node_told(&name, None, now()),
                Answer::Failed => {}
            }
            self.nodes.note(name, troubled, Instant::now() + AGAIN);
        }
    }

    async fn about_queues(&mut self) {
        let queued = self.shared.records.lock().queued();
        // Its conditions change while it waits, so it is asked for again and again.
        let period = Timestamp::now().as_second() / i64::try_from(AGAIN.as_secs()).unwrap_or(i64::MAX);
        let at = Instant::now();
        let new: Vec<ObjectId> =
            queued.into_iter().filter(|object| self.queues.is_new(&object.uid, &period, at)).collect();
        for object in new {
            if !self.may_ask("workloads", &object.namespace) {
                continue;
            }
            tokio::time::sleep(self.gets.delay(Instant::now())).await;
            let params = ListParams::default().labels(&format!("kueue.x-k8s.io/job-uid={}", object.uid)).limit(10);
            let url = format!("/apis/kueue.x-k8s.io/v1beta1/namespaces/{}/workloads", object.namespace);
            if let Some(List { items }) = self.list::<Workload>("workloads", &object.namespace, &url, &params).await {
                let mut records = self.shared.records.lock();
                for workload in items {
                    records.apply(&Object::Workload(workload), now());
                }
            }
            self.queues.note(object.uid, period, Instant::now() + AGAIN);
        }
    }

    fn may_ask(&self, kind: &'static str, namespace: &str) -> bool {
        self.forbidden.get(&(kind, namespace.to_owned())).is_none_or(|until| Instant::now() >= *until)
    }

    async fn list<T: DeserializeOwned>(
        &mut self,
        kind: &'static str,
        namespace: &str,
        url: &str,
        params: &ListParams,
    ) -> Option<List<T>> {
        match self.request(kind, Some(namespace), Request::new(url).list(params)).await {
            Answer::Is(list) => Some(list),
            Answer::Absent | Answer::Failed => None,
        }
    }

    async fn request<T: DeserializeOwned>(
        &mut self,
        kind: &'static str,
        namespace: Option<&str>,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Answer<T> {
        let Ok(request) = request else { return Answer::Failed };
        let trouble = match self.client.request(request).await {
            Ok(answer) => {
                self.shared.set_trouble(kind, namespace, None);
                return Answer::Is(answer);
            }
            Err(kube::Error::Api(status)) if status.code == 404 && kind != "workloads" => return Answer::Absent,
            Err(kube::Error::Api(status)) if status.code == 404 => Trouble::NoSuchKind,
            Err(kube::Error::Api(status)) if status.code == 403 => {
                Trouble::Forbidden(shortened(status.message.clone()))
            }
            Err(error) => Trouble::Unreachable(shortened(api_error::text(&error))),
        };
        if !matches!(trouble, Trouble::Unreachable(_)) {
            let place = (kind, namespace.unwrap_or_default().to_owned());
            self.forbidden.insert(place, Instant::now() + FORBIDDEN);
        }
        self.shared.set_trouble(kind, namespace, Some(trouble));
        Answer::Failed
    }
}

/// The answer to a request for one thing.
enum Answer<T> {
    Is(T),
    Absent,
    Failed,
}
