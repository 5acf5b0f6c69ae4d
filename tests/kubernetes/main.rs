//! The controller against a real kube-apiserver and etcd, as the real program with its own ServiceAccount.
//!
//! One control plane for each test; they take turns, because each wants half a gigabyte and both cores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]
#![allow(dead_code, reason = "the world offers more than these scenarios take")]

mod control_plane;
mod rbac;
mod server;

use control_plane::ControlPlane;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use server::{Bucket, Server};
use std::time::Duration;

const SESSION: &str = "session_2026-11-22_12-00-00_000000_1";
/// A session that begins after everything a test creates: names hold times, and a day is allowed for zones.
const LATER: &str = "session_2099-11-22_12-00-00_000000_1";
const LATER_STILL: &str = "session_2099-11-22_13-00-00_000000_1";
const SOON: Duration = Duration::from_secs(15);
const TWO_SECONDS: Duration = Duration::from_secs(2);

static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A control plane, a bucket, and one replica that serves it.
struct World {
    server: Server,
    plane: ControlPlane,
    bucket: Bucket,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

impl World {
    async fn new(clusters: &[&str], sessions: &[(&str, &str)]) -> Self {
        let turn = TURN.lock().await;
        let (plane, bucket) = (ControlPlane::start().await, Bucket::new());
        plane.namespace("team").await;
        rbac::grant(&plane, "team").await;
        for cluster in clusters {
            plane.apply(cluster_object(cluster)).await;
        }
        for (cluster, session) in sessions {
            bucket.store(cluster, session);
        }
        plane.apply(history_object(&bucket)).await;
        let server = Server::start(&plane, "team", "replica-a").await;
        let world = Self { server, plane, bucket, _turn: turn };
        world.server.eventually("it lists", SOON, || async { world.total().await == Some(sessions.len()) }).await;
        world
    }

    /// How many sessions are listed.
    async fn total(&self) -> Option<usize> {
        let listing = self.server.json("/clusters").await?;
        listing.as_array().map(Vec::len).or_else(|| listing["clusters"].as_array().map(Vec::len))
    }

    async fn delete(&self, cluster: &str) {
        let api = self.plane.api(&cluster_object(cluster));
        api.delete(cluster, &DeleteParams::default()).await.unwrap();
    }

    async fn suspend(&self, cluster: &str, suspend: bool) {
        let patch = json!({"spec": {"suspend": suspend}});
        let api = self.plane.api(&cluster_object(cluster));
        api.patch(cluster, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    async fn status(&self) -> Value {
        let api = self.plane.api(&history_object(&self.bucket));
        api.get("main").await.unwrap().data["status"].clone()
    }

    async fn condition(&self, type_: &str) -> (String, String) {
        let status = self.status().await;
        let found = status["conditions"].as_array().into_iter().flatten().find(|condition| condition["type"] == type_);
        let text = |name: &str| found.map_or("", |found| found[name].as_str().unwrap_or("")).to_owned();
        (text("status"), text("reason"))
    }

    async fn has_condition(&self, type_: &str, status: &str, reason: &str, within: Duration) {
        let what = format!("{type_} {status} {reason}");
        let wanted = (status.to_owned(), reason.to_owned());
        self.server.eventually(&what, within, || async { self.condition(type_).await == wanted }).await;
    }

    async fn events(&self, reason: &str) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.plane.admin(), "team");
        let events = api.list(&ListParams::default()).await.unwrap();
        events.items.into_iter().filter(|event| event.reason.as_deref() == Some(reason)).collect()
    }
}

fn cluster_object(name: &str) -> Value {
    json!({
        "apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": name, "namespace": "team"},
        "spec": {"headGroupSpec": {}},
    })
}

fn history_object(bucket: &Bucket) -> Value {
    json!({
        "apiVersion": "history.ray.io/v1alpha1", "kind": "RayHistory",
        "metadata": {"name": "main", "namespace": "team"},
        "spec": {"storage": {"local": {"path": bucket.path()}}, "clusters": {"namespaces": ["team"]}},
    })
}

fn path(cluster: &str, session: &str) -> String {
    format!("{cluster}/{session}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_rayhistory_keeps_the_last_good_settings_and_says_why() {
    let world = World::new(&["c"], &[("c", LATER)]).await;
    world.has_condition("Ready", "True", "Serving", SOON * 2).await;
    let mut bad = history_object(&world.bucket);
    bad["spec"]["storage"]["local"]["path"] = json!("/there/is/no/such/folder");
    world.plane.apply(bad).await;
    world.has_condition("SettingsApplied", "False", "Rejected", SOON * 2).await;
    world.has_condition("Ready", "True", "ServingLastGood", SOON).await;
    assert!(!world.events("SettingsRejected").await.is_empty());
    assert_eq!(world.server.get(&format!("/sessions/team/c/{LATER}/nodes?view=summary")).await, 200);
    world.plane.apply(history_object(&world.bucket)).await;
    world.has_condition("SettingsApplied", "True", "Applied", SOON * 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_size_and_storage_change_while_it_runs() {
    let world = World::new(&[], &[("c", LATER)]).await;
    let mut smaller = history_object(&world.bucket);
    smaller["spec"]["cache"] = json!({"maxMemory": "128Mi"});
    world.plane.apply(smaller).await;
    let told = || async { world.status().await["replicas"][0]["cache"]["maxMemory"] == json!(128 << 20) };
    world.server.eventually("the new limit", SOON * 3, told).await;
    let other = Bucket::new();
    other.store("one", LATER);
    other.store("two", LATER);
    world.plane.apply(history_object(&other)).await;
    world.server.eventually("the other store", SOON, || async { world.total().await == Some(2) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_one_is_killed_and_the_status_is_right_within_a_minute() {
    let world = World::new(&[], &[("c", LATER)]).await;
    let names = || async {
        let status = world.status().await;
        let replicas = status["replicas"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<_> = replicas.iter().map(|replica| replica["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let second = Server::start(&world.plane, "team", "replica-b").await;
    let both = || async { names().await == ["replica-a", "replica-b"] };
    second.eventually("two entries", SOON * 3, both).await;
    // The one that leads: the other takes over.
    let World { server, .. } = world;
    server.kill();
    let plane = world.plane;
    let history = history_object(&world.bucket);
    let left = || async {
        let status = plane.api(&history).get("main").await.unwrap().data["status"].clone();
        status["replicas"].as_array().is_some_and(|left| left.len() == 1 && left[0]["name"] == "replica-b")
    };
    second.eventually("one entry", Duration::from_secs(60), left).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_is_picked_up_and_a_missing_one_is_told() {
    let world = World::new(&[], &[]).await;
    let mut cloud = history_object(&world.bucket);
    cloud["spec"]["storage"] = json!({"s3": {
        "bucket": "ray", "region": "us-east-1", "endpoint": "http://127.0.0.1:9", "credentialsSecretRef": {"name": "store"}
    }});
    // Another manager's field would stay: the object is made anew.
    let api = world.plane.api(&cloud);
    api.delete("main", &DeleteParams::default()).await.unwrap();
    world.plane.apply(cloud).await;
    world.has_condition("SettingsApplied", "False", "Rejected", SOON * 3).await;
    let message = world.status().await["conditions"].to_string();
    assert!(message.contains("Secret team/store does not exist"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_it_asks_for_nothing_but_its_watches_and_its_lease() {
    let world = World::new(&["c"], &[("c", LATER)]).await;
    world.has_condition("Ready", "True", "Serving", SOON * 2).await;
    tokio::time::sleep(Duration::from_secs(25)).await;
    let user = "system:serviceaccount:team:ray-history";
    let before = world.plane.requests_of(user).len();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let requests = world.plane.requests_of(user);
    let idle: Vec<_> = requests[before..].iter().filter(|(verb, _)| verb != "watch").collect();
    assert!(idle.iter().all(|(verb, path)| verb == "patch" && path.contains("/leases/")), "{idle:?}");
    assert!(idle.len() <= 7, "{idle:?}");
}
