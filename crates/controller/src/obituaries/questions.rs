//! Single requests for what no watch brings: Events of pods in trouble, nodes of pods, Workloads of Kueue, and namespaces
//! of objects that went.
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
use parking_lot::Mutex;
use ray_history_obituary::facts::NAMESPACES;
use ray_history_obituary::object::{Event, Namespace, Node, Workload};
use ray_history_obituary::records::Object;
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
/// Questions of a kind that are asked before new ones are searched for.
const AT_ONCE: usize = 20;
/// Answers that are remembered.
const ASKED: usize = 100_000;

/// A list of objects.
#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

/// Asks until dropped. Events of pods, of which there may be thousands, delay nothing else.
pub(super) async fn ask(client: Client, shared: Arc<Shared>) {
    let api = ApiServer { client, shared, forbidden: Mutex::default() };
    tokio::join!(about_pods(&api), about_nodes(&api), about_queues(&api), about_namespaces(&api));
}

async fn about_pods(api: &ApiServer) {
    let (mut asked, mut pace) = (Asked::default(), EVENT_LISTS);
    loop {
        tokio::time::sleep(SEARCH).await;
        let pods = api.shared.records.lock().pods_in_trouble(now());
        let pods = pods.into_iter().map(|pod| Question {
            rank: u8::from(!pod.cluster_stays),
            key: (pod.namespace, pod.uid),
            version: pod.seen,
        });
        let pods = pods.filter(|pod| api.may_ask(EVENTS_OF_PODS, &pod.key.0));
        for ((namespace, uid), seen) in asked.new_ones(pods) {
            tokio::time::sleep(pace.delay(Instant::now())).await;
            let params = ListParams::default().fields(&format!("regarding.uid={uid}")).limit(LISTED);
            let url = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
            let events = api.list::<Event>(EVENTS_OF_PODS, &namespace, &url, &params).await;
            api.tell_events(events.unwrap_or_default());
            asked.note((namespace, uid), seen, AGAIN);
        }
    }
}

async fn about_nodes(api: &ApiServer) {
    let (mut asked, mut pace) = (Asked::default(), GETS);
    loop {
        tokio::time::sleep(SEARCH).await;
        let nodes = api.shared.records.lock().nodes_of_pods(now());
        let nodes = nodes.into_iter().filter(|_| api.may_ask("nodes", "")).map(Question::of);
        for (name, troubled) in asked.new_ones(nodes) {
            tokio::time::sleep(pace.delay(Instant::now())).await;
            let request = Request::new("/api/v1/nodes").get(&name, &kube::api::GetParams::default());
            match api.request::<Node>("nodes", None, request).await {
                Answer::Is(node) => api.shared.records.lock().node_told(&name, Some(node), now()),
                Answer::Absent => api.shared.records.lock().node_told(&name, None, now()),
                Answer::Failed => {}
            }
            asked.note(name, troubled, AGAIN);
        }
    }
}

async fn about_queues(api: &ApiServer) {
    let (mut asked, mut pace) = (Asked::default(), GETS);
    loop {
        tokio::time::sleep(SEARCH).await;
        // Conditions of a Workload change while it waits, so it is asked for again and again.
        let period = Timestamp::now().as_second() / i64::try_from(AGAIN.as_secs()).unwrap_or(i64::MAX);
        let queued = api.shared.records.lock().queued();
        let queued = queued.into_iter().filter(|object| api.may_ask("workloads", &object.namespace));
        for (object, period) in asked.new_ones(queued.map(|object| Question::of((object, period)))) {
            tokio::time::sleep(pace.delay(Instant::now())).await;
            let params = ListParams::default().labels(&format!("kueue.x-k8s.io/job-uid={}", object.uid)).limit(10);
            let url = format!("/apis/kueue.x-k8s.io/v1beta1/namespaces/{}/workloads", object.namespace);
            let workloads = api.list::<Workload>("workloads", &object.namespace, &url, &params).await;
            let mut records = api.shared.records.lock();
            for workload in workloads.unwrap_or_default() {
                records.apply(&Object::Workload(workload), now());
            }
            drop(records);
            asked.note(object, period, AGAIN);
        }
    }
}

async fn about_namespaces(api: &ApiServer) {
    let (mut asked, mut pace) = (Asked::default(), GETS);
    loop {
        tokio::time::sleep(SEARCH).await;
        let namespaces = api.shared.records.lock().namespaces_of_ends(now());
        let namespaces = namespaces.into_iter().filter(|(name, _)| api.may_ask(NAMESPACES, name)).map(Question::of);
        for (name, end) in asked.new_ones(namespaces) {
            tokio::time::sleep(pace.delay(Instant::now())).await;
            let request = Request::new("/api/v1/namespaces").get(&name, &kube::api::GetParams::default());
            let namespace = match api.request::<Namespace>(NAMESPACES, Some(&name), request).await {
                Answer::Is(namespace) => Some(namespace),
                Answer::Absent => None,
                Answer::Failed => continue,
            };
            api.shared.records.lock().namespace_told(&name, namespace.as_ref(), now());
            // The document of the next object that goes is final ten seconds later.
            asked.note(name, end, SEARCH);
        }
    }
}

/// A question about a version of something.
struct Question<K, V> {
    /// Questions of a lower rank are asked first.
    rank: u8,
    key: K,
    version: V,
}

impl<K, V> Question<K, V> {
    /// Returns a question, all of whose kind have one rank.
    fn of((key, version): (K, V)) -> Self {
        Self { rank: 0, key, version }
    }
}

/// The questions that were asked: about which version, and when they may be asked again.
struct Asked<K, V>(HashMap<K, (V, Instant)>);

impl<K, V> Default for Asked<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq, V: PartialEq> Asked<K, V> {
    /// Returns the next questions of all by rank: those that were not asked yet, and those that were asked about an earlier
    /// version some time ago, the longest ago first.
    fn new_ones(&self, all: impl IntoIterator<Item = Question<K, V>>) -> Vec<(K, V)> {
        let (now, asked) = (Instant::now(), |key: &K| self.0.get(key));
        let is_new = |question: &Question<K, V>| {
            asked(&question.key).is_none_or(|(told, until)| *told != question.version && now >= *until)
        };
        let mut new: Vec<Question<K, V>> = all.into_iter().filter(is_new).collect();
        new.sort_by_key(|question| (question.rank, asked(&question.key).map(|(_, until)| *until)));
        new.truncate(AT_ONCE);
        new.into_iter().map(|Question { key, version, .. }| (key, version)).collect()
    }

    /// Notes that a question was asked, and is not asked again within a pause.
    fn note(&mut self, key: K, version: V, pause: Duration) {
        let now = Instant::now();
        if self.0.len() >= ASKED {
            self.0.retain(|_, (_, until)| *until > now);
        }
        self.0.insert(key, (version, now + pause));
    }
}

struct ApiServer {
    client: Client,
    shared: Arc<Shared>,
    /// The time until which a kind is not asked for in a namespace (empty: a kind without namespaces).
    forbidden: Mutex<HashMap<(&'static str, String), Instant>>,
}

impl ApiServer {
    fn may_ask(&self, kind: &'static str, namespace: &str) -> bool {
        self.forbidden.lock().get(&(kind, namespace.to_owned())).is_none_or(|until| Instant::now() >= *until)
    }

    /// Takes Events of a pod, the newest.
    fn tell_events(&self, mut events: Vec<Event>) {
        events.sort_by_key(Event::happened);
        let (seen, few) = (now(), events.len().saturating_sub(EVENTS));
        let mut records = self.shared.records.lock();
        for event in events.drain(few..) {
            records.apply(&Object::Event(event), seen);
        }
    }

    async fn list<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        namespace: &str,
        url: &str,
        params: &ListParams,
    ) -> Option<Vec<T>> {
        match self.request::<List<T>>(kind, Some(namespace), Request::new(url).list(params)).await {
            Answer::Is(list) => Some(list.items),
            Answer::Absent | Answer::Failed => None,
        }
    }

    async fn request<T: DeserializeOwned>(
        &self,
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
            self.forbidden.lock().insert(place, Instant::now() + FORBIDDEN);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_question_is_asked_again_about_a_new_version_and_the_oldest_first() {
        let mut asked = Asked::default();
        let all = |version: u32| ["a", "b", "c"].map(|name| Question::of((name, version)));
        assert_eq!(asked.new_ones(all(1)), [("a", 1), ("b", 1), ("c", 1)]);
        for name in ["b", "a"] {
            asked.note(name, 1, AGAIN);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(asked.new_ones(all(1)), [("c", 1)]);
        assert_eq!(asked.new_ones(all(2)), [("c", 2)], "not so soon");
        tokio::time::sleep(AGAIN).await;
        assert_eq!(asked.new_ones(all(1)), [("c", 1)], "nothing is new about the others");
        assert_eq!(asked.new_ones(all(2)), [("c", 2), ("b", 2), ("a", 2)]);
        assert_eq!(asked.new_ones((0..100).map(|n| Question::of((["x", "y"][n % 2], 1)))).len(), AT_ONCE);
    }

    /// A pod whose cluster stays comes first, whether or not it was asked about before.
    #[tokio::test(start_paused = true)]
    async fn ranks_come_before_the_time_of_the_last_question() {
        let mut asked = Asked::default();
        asked.note("stays", 1, AGAIN);
        tokio::time::sleep(AGAIN).await;
        let question = |rank, key| Question { rank, key, version: 2 };
        let all = [question(1, "went"), question(0, "stays"), question(0, "is new")];
        assert_eq!(asked.new_ones(all), [("is new", 2), ("stays", 2), ("went", 2)]);
    }

    /// An object that a namespace takes along some seconds after another one is asked about in time.
    #[tokio::test(start_paused = true)]
    async fn a_short_pause_lets_the_next_search_ask_again() {
        let mut asked = Asked::default();
        asked.note("team", 1, SEARCH);
        tokio::time::sleep(SEARCH).await;
        assert_eq!(asked.new_ones([Question::of(("team", 2))]), [("team", 2)]);
    }
}
