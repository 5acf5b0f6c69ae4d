//! The rights of `config/rbac`, in both forms: all are used, and no more are needed.

use crate::bucket::Owner;
use crate::manifests::{Form, Rights};
use crate::stage::Stage;
use crate::world::{LATE, LATER, SOON, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const OURS: &str = "history.ray.io/rayhistories";
const STATUS: &str = "history.ray.io/rayhistories/status";
const CLUSTERS: &str = "ray.io/rayclusters";
const JOBS: &str = "ray.io/rayjobs";
const SERVICES: &str = "ray.io/rayservices";
const EVENTS: &str = "events.k8s.io/events";
const LEASES: &str = "coordination.k8s.io/leases";
const SECRETS: &str = "/secrets";

/// Makes a world with a cluster of a `RayJob` and one of a `RayService`, each with a session.
async fn populated(stage: &Stage, form: Form) -> World {
    let world = World::empty(stage.shared().await, form).await;
    for (kind, owner, cluster) in [("RayJob", "nightly", "nightly-a"), ("RayService", "chat", "chat-a")] {
        world.create_owned(kind, owner, cluster).await;
        let owner = if kind == "RayJob" { Owner::RayJob(owner) } else { Owner::RayService(owner) };
        world.bucket.store(&world.namespace, owner, cluster, LATER);
    }
    world
}

/// Returns the `RayHistory` with a store that needs a Secret.
fn with_secret(world: &World) -> Value {
    let reference = json!({"name": "ray-history-storage"});
    let s3 = json!({"bucket": "ray", "endpoint": "http://127.0.0.1:9", "credentialsSecretRef": reference});
    world.history_with("storage", json!({ "s3": s3 }))
}

/// Replaces that store by the folder.
async fn with_folder(world: &World) {
    let storage = json!({"s3": null, "local": {"path": world.bucket.path()}});
    world.change(&world.history(), json!({"spec": {"storage": storage}})).await;
}

async fn uses_all_of_its_rights_and_no_more(stage: Stage, form: Form) {
    let mut world = populated(&stage, form).await;
    world.plane.apply(with_secret(&world)).await;
    world.start().await;
    world.has("SettingsApplied", "False", "Rejected").await;
    with_folder(&world).await;
    for (kind, cluster) in [("RayJob", "nightly-a"), ("RayService", "chat-a")] {
        world.is(cluster, LATER, "live", LATE).await;
        // Twice, so that the second time is added to the Event of the first.
        for suspended in [true, false, true] {
            world.suspend(cluster, suspended).await;
            world.is(cluster, LATER, if suspended { "dead" } else { "live" }, SOON).await;
            if suspended {
                world.has_event("SessionEnded", kind, cluster).await;
            }
        }
    }
    let requests = || world.plane.requests_from(&world.namespace);
    let patched = || async { requests().iter().any(|request| request.is("patch", EVENTS)) };
    world.server().eventually("an Event is counted up", SOON, patched).await;
    world.has("Ready", "True", "Serving").await;
    world.servers.pop().unwrap().process.terminate().await;
    let requests = world.plane.requests_from(&world.namespace);
    let ok = requests.iter().filter(|request| request.code < 400);
    let mut used: BTreeSet<_> = ok.map(|request| (request.verb.clone(), request.resource.clone())).collect();
    // Applying an object that is not there needs both, and is written down as a patch.
    used.insert(("create".to_owned(), LEASES.to_owned()));
    let granted: BTreeSet<_> = world.rights.all().into_iter().collect();
    assert_eq!(granted.difference(&used).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "granted for nothing");
    assert_eq!(used.difference(&granted).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "not from these rules");
    assert_eq!(granted.len(), world.rights.all().len(), "something is granted twice");
    for request in requests.iter().filter(|request| request.resource == SECRETS) {
        assert!(request.uri.contains("metadata.name%3Dray-history-storage"), "{request:?}");
    }
}

pub(crate) async fn cluster_wide_rights_are_all_used_and_enough(stage: Stage) {
    uses_all_of_its_rights_and_no_more(stage, Form::ClusterWide).await;
}

pub(crate) async fn rights_in_one_namespace_are_all_used_and_enough(stage: Stage) {
    uses_all_of_its_rights_and_no_more(stage, Form::Namespaced).await;
}

/// Returns every pair of a verb and a resource that is granted.
pub(crate) fn all() -> Vec<(String, String)> {
    Rights::of(Form::Namespaced, "any").all()
}

/// Takes away one verb on one resource: one thing fails, and the rest goes on.
pub(crate) async fn without(stage: Stage, verb: String, resource: String) {
    let mut world = populated(&stage, Form::Namespaced).await;
    world.may_be_refused = true;
    world.rights.clone().without(&verb, &resource).grant(&world.plane).await;
    let first = if resource == SECRETS { with_secret(&world) } else { world.history() };
    world.plane.apply(first).await;
    world.start().await;
    let requests = || world.plane.requests_from(&world.namespace);
    let refused = async |verb: &str, resource: &str| {
        let refused = || async { requests().iter().any(|request| request.code == 403 && request.is(verb, resource)) };
        world.server().eventually(&format!("{verb} {resource} is refused"), LATE, refused).await;
    };
    let die = async |cluster: &str| {
        world.is(cluster, LATER, "live", LATE).await;
        world.suspend(cluster, true).await;
        world.is(cluster, LATER, "dead", SOON).await;
    };
    match (verb.as_str(), resource.as_str()) {
        ("list", OURS) => {
            refused("list", OURS).await;
            let reported = || async { world.server().text("/readyz").await.contains("it may not be read") };
            world.server().eventually("readiness says so", SOON, reported).await;
        }
        ("watch", OURS) => {
            refused("watch", OURS).await;
            world.server().eventually("ready", LATE, || async { world.server().status("/readyz").await == 200 }).await;
            world.plane.apply(world.history_with("cache", json!({"maxMemory": "128Mi"}))).await;
            let limit =
                || async { world.server().metric("ray_history_memory_limit_bytes", "").await == f64::from(128 << 20) };
            world.server().eventually("a change applies with the next list", LATE, limit).await;
        }
        ("patch", STATUS) => {
            die("nightly-a").await;
            refused("patch", STATUS).await;
            assert!(world.status().await.is_null());
            assert!(world.server().process.log().contains("the status could not be written"));
        }
        ("list", CLUSTERS) => {
            assert!(world.has("ClustersWatched", "False", "Forbidden").await.contains("rayclusters"));
        }
        ("watch", CLUSTERS) => {
            world.has("ClustersWatched", "True", "ListingOnly").await;
        }
        ("get", JOBS | SERVICES) => {
            let (kind, cluster) = if resource == JOBS { ("RayJob", "nightly-a") } else { ("RayService", "chat-a") };
            die(cluster).await;
            refused("get", &resource).await;
            world.has_event("SessionEnded", "RayHistory", cluster).await;
            assert!(world.events("SessionEnded", kind).await.is_empty());
        }
        ("list" | "watch", SERVICES) => {
            refused(&verb, SERVICES).await;
            let reported = || async { world.server().process.log().contains("RayServices cannot be watched") };
            world.server().eventually("the log says so", SOON, reported).await;
            world.has("ClustersWatched", "True", "Watching").await;
        }
        ("create", EVENTS) => {
            die("nightly-a").await;
            refused("create", EVENTS).await;
            assert!(world.events("SessionEnded", "RayHistory").await.is_empty());
        }
        ("patch", EVENTS) => {
            die("nightly-a").await;
            world.has_event("SessionEnded", "RayJob", "nightly-a").await;
            world.suspend("nightly-a", false).await;
            die("nightly-a").await;
            refused("patch", EVENTS).await;
            let events = world.events("SessionEnded", "RayJob").await;
            assert!(events.iter().all(|event| event.series.is_none()), "{events:?}");
        }
        ("delete", LEASES) => {
            world.has("Ready", "True", "Serving").await;
            world.servers.pop().unwrap().process.terminate().await;
            let refused = world.plane.requests_from(&world.namespace);
            assert!(refused.iter().any(|request| request.code == 403 && request.is("delete", LEASES)));
        }
        ("watch", LEASES) => {
            refused("watch", LEASES).await;
            world.has("Ready", "True", "Serving").await;
        }
        ("list" | "create" | "patch", LEASES) => {
            refused(if verb == "list" { "list" } else { "patch" }, LEASES).await;
            world.has("Ready", "True", "LeasesForbidden").await;
        }
        ("list", SECRETS) => {
            let why = world.has("SettingsApplied", "False", "Rejected").await;
            assert!(why.contains("the server's Role must allow list and watch for it by name"), "{why}");
        }
        ("watch", SECRETS) => {
            refused("watch", SECRETS).await;
            world.has("SettingsApplied", "False", "Rejected").await;
        }
        other => panic!("{other:?} is granted, and no test says what for"),
    }
}
