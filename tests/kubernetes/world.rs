//! The world of a scenario: a namespace of a control plane, a bucket, and replicas that serve it.

use crate::bucket::{Bucket, Owner};
use crate::common::server::Server;
use crate::control_plane::ControlPlane;
use crate::link::Link;
use crate::manifests::{Form, Rights};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) const SESSION: &str = "session_2026-11-22_12-00-00_000000_1";
/// A session that begins after everything a test creates: names hold times, and a day is allowed for zones.
pub(crate) const LATER: &str = "session_2099-11-22_12-00-00_000000_1";
pub(crate) const LATER_STILL: &str = "session_2099-11-22_13-00-00_000000_1";

/// Returns the name of a session whose head started some seconds from now, by a clock some hours ahead of UTC.
///
/// No two are the same: a whole scenario can pass within a second.
pub(crate) fn started(seconds: i64, hours: i64) -> String {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::new(3_600 * hours + seconds, 0);
    format!("session_{}_77", jiff::tz::TimeZone::UTC.to_datetime(now).strftime("%Y-%m-%d_%H-%M-%S_%6f"))
}

/// The bound of what happens at once, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// The bound of what waits for the next write of the status, the next listing, or a back-off.
pub(crate) const LATE: Duration = Duration::from_secs(120);
pub(crate) const TWO_SECONDS: Duration = Duration::from_secs(2);

/// The control plane of a scenario.
pub(crate) enum Plane {
    /// Others use it too, each in a namespace of its own: it is never stopped.
    Shared(Arc<ControlPlane>),
    /// One scenario uses it at a time.
    Own(tokio::sync::OwnedMutexGuard<Option<ControlPlane>>),
}

impl Deref for Plane {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        match self {
            Self::Shared(plane) => plane,
            Self::Own(plane) => plane.as_ref().unwrap(),
        }
    }
}

impl DerefMut for Plane {
    fn deref_mut(&mut self) -> &mut ControlPlane {
        match self {
            Self::Shared(_) => panic!("a shared control plane is never stopped"),
            Self::Own(plane) => plane.as_mut().unwrap(),
        }
    }
}

/// Returns a number that no other scenario has.
pub(crate) fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The world of one scenario.
pub(crate) struct World {
    /// Replicas, by the letter of their name.
    pub(crate) servers: Vec<Server>,
    pub(crate) link: Link,
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) namespace: String,
    pub(crate) rights: Rights,
    pub(crate) plane: Plane,
    /// The scenario is about something that is forbidden.
    pub(crate) may_be_refused: bool,
}

impl World {
    /// A namespace with the rights of a form, and an empty bucket; nothing runs yet.
    pub(crate) async fn empty(plane: Plane, form: Form) -> Self {
        let namespace = format!("team-{}", unique());
        plane.namespace(&namespace).await;
        let rights = Rights::of(form, &namespace);
        rights.grant(&plane).await;
        let (link, bucket) = (Link::to(plane.port()).await, Arc::new(Bucket::new()));
        Self { servers: Vec::new(), link, bucket, namespace, rights, plane, may_be_refused: false }
    }

    /// These clusters exist, these sessions of them are stored, and one replica serves them.
    pub(crate) async fn new(plane: Plane, clusters: &[&str], sessions: &[(&str, &str)]) -> Self {
        let mut world = Self::empty(plane, Form::Namespaced).await;
        for cluster in clusters {
            world.create(cluster).await;
        }
        for (cluster, session) in sessions {
            world.store(cluster, session);
        }
        world.serve().await;
        world.server().eventually("it lists", SOON, || async { world.total().await == Some(sessions.len()) }).await;
        world
    }

    /// Applies the `RayHistory` and starts one replica.
    pub(crate) async fn serve(&mut self) {
        self.plane.apply(self.history()).await;
        self.start().await;
    }

    /// Starts one more replica.
    pub(crate) async fn start(&mut self) {
        let replica = format!("replica-{}", char::from(b'a' + u8::try_from(self.servers.len()).unwrap()));
        let kubeconfig = self.plane.kubeconfig_of(&self.namespace, &self.rights.account, self.link.port()).await;
        let (object, kubeconfig) = (format!("{}/main", self.namespace), kubeconfig.to_str().unwrap());
        let flags = ["--rayhistory", &object, "--replica", &replica, "--base-url", "https://history.example"];
        let log = "info,ray_history=debug,ray_history::access=warn,ray_history::http=info";
        let server = Server::start(&flags, &[("KUBECONFIG", kubeconfig), ("RUST_LOG", log)]).await;
        self.servers.push(server);
    }

    /// The first replica.
    pub(crate) fn server(&self) -> &Server {
        &self.servers[0]
    }

    /// The `RayHistory` that serves the bucket to this namespace.
    pub(crate) fn history(&self) -> Value {
        json!({
            "apiVersion": "history.ray.io/v1alpha1", "kind": "RayHistory",
            "metadata": {"name": "main", "namespace": self.namespace},
            "spec": {"storage": {"local": {"path": self.bucket.path()}}, "clusters": {"namespaces": [self.namespace]}},
        })
    }

    /// The same with another value at a place of its spec.
    pub(crate) fn history_with(&self, place: &str, value: Value) -> Value {
        let mut history = self.history();
        history["spec"][place] = value;
        history
    }

    pub(crate) fn cluster(&self, name: &str) -> Value {
        json!({
            "apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"headGroupSpec": {}},
        })
    }

    /// A `RayJob` or `RayService`.
    pub(crate) fn owner(&self, kind: &str, name: &str) -> Value {
        json!({
            "apiVersion": "ray.io/v1", "kind": kind, "metadata": {"name": name, "namespace": self.namespace}, "spec": {},
        })
    }

    pub(crate) async fn create(&self, cluster: &str) {
        self.plane.apply(self.cluster(cluster)).await;
    }

    /// Creates a cluster that a `RayJob` or `RayService` owns; that is created too.
    pub(crate) async fn create_owned(&self, kind: &str, owner: &str, cluster: &str) {
        let owner_object = self.plane.apply(self.owner(kind, owner)).await;
        let mut object = self.cluster(cluster);
        object["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "ray.io/v1", "kind": kind, "name": owner, "uid": owner_object.metadata.uid}]);
        self.plane.apply(object).await;
    }

    pub(crate) async fn delete(&self, cluster: &str) {
        let api = self.plane.api(&self.cluster(cluster));
        api.delete(cluster, &DeleteParams::default()).await.unwrap();
    }

    pub(crate) async fn suspend(&self, cluster: &str, suspend: bool) {
        self.change(&self.cluster(cluster), json!({"spec": {"suspend": suspend}})).await;
    }

    /// Merges something into an object.
    pub(crate) async fn change(&self, object: &Value, patch: Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        let api = self.plane.api(object);
        if patch.get("status").is_some() {
            api.patch_status(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        } else {
            api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        }
    }

    /// Stores a session of a cluster without an owner.
    pub(crate) fn store(&self, cluster: &str, session: &str) {
        self.bucket.store(&self.namespace, Owner::Nobody, cluster, session);
    }

    /// Returns the path of an answer from a session.
    pub(crate) fn nodes(&self, cluster: &str, session: &str) -> String {
        format!("/sessions/{}/{cluster}/{session}/nodes?view=summary", self.namespace)
    }

    /// Waits until a session is listed in a state by the first replica.
    pub(crate) async fn is(&self, cluster: &str, session: &str, state: &str, within: Duration) {
        let what = format!("{cluster}/{session} {state}");
        let is = || async { self.server().state(&self.namespace, cluster, session).await == state };
        self.server().eventually(&what, within, is).await;
    }

    /// Returns the state of a session, empty if it is not listed.
    pub(crate) async fn state(&self, cluster: &str, session: &str) -> String {
        self.server().state(&self.namespace, cluster, session).await
    }

    /// Waits until a session's dashboard answers.
    pub(crate) async fn opens(&self, cluster: &str, session: &str) {
        let path = self.nodes(cluster, session);
        self.server().eventually(&path, SOON, || async { self.server().status(&path).await == 200 }).await;
    }

    /// Returns the number of listed sessions.
    pub(crate) async fn total(&self) -> Option<usize> {
        let listing = self.server().json("/clusters").await?;
        listing.as_array().map(Vec::len).or_else(|| listing["clusters"].as_array().map(Vec::len))
    }

    pub(crate) async fn status(&self) -> Value {
        let api = self.plane.api(&self.history());
        api.get("main").await.unwrap().data["status"].clone()
    }

    pub(crate) async fn condition(&self, type_: &str) -> Value {
        let status = self.status().await;
        let mut conditions = status["conditions"].as_array().into_iter().flatten();
        conditions.find(|condition| condition["type"] == type_).cloned().unwrap_or_default()
    }

    /// Waits until a condition has a status and a reason, and returns its message.
    pub(crate) async fn has(&self, type_: &str, status: &str, reason: &str) -> String {
        let what = format!("{type_} {status} {reason}");
        let is = || async {
            let found = self.condition(type_).await;
            found["status"] == status && found["reason"] == reason
        };
        self.server().eventually(&what, LATE, is).await;
        self.condition(type_).await["message"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the Events of this namespace with a reason, about a kind.
    pub(crate) async fn events(&self, reason: &str, about: &str) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.plane.admin(), &self.namespace);
        let events = api.list(&ListParams::default()).await.unwrap();
        let is_about =
            |event: &Event| event.regarding.as_ref().is_some_and(|regarding| regarding.kind.as_deref() == Some(about));
        let has = |event: &Event| event.reason.as_deref() == Some(reason) && is_about(event);
        events.items.into_iter().filter(has).collect()
    }

    /// Waits for an Event with a reason about a kind whose text contains another.
    pub(crate) async fn has_event(&self, reason: &str, about: &str, text: &str) {
        let what = format!("Event {reason} on the {about}: {text}");
        let reported = || async {
            let events = self.events(reason, about).await;
            events.iter().any(|event| event.note.as_deref().unwrap_or_default().contains(text))
        };
        self.server().eventually(&what, SOON, reported).await;
    }
}

impl Drop for World {
    /// Fails if anything was refused for a missing right, unless the scenario is about rights.
    fn drop(&mut self) {
        if self.may_be_refused || std::thread::panicking() {
            return;
        }
        let requests = self.plane.requests_from(&self.namespace);
        let refused: Vec<_> = requests.iter().filter(|request| request.code == 403).collect();
        assert!(refused.is_empty(), "refused: {refused:?}");
    }
}
