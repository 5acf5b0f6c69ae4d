//! Access control, as the real program with the rights of `config/access`, the reviews of a real API server, and people
//! who ask with real tokens.

use crate::bucket::Owner;
use crate::common::client::Reply;
use crate::manifests::Form;
use crate::people::Permission;
use crate::world::{LATER, Plane, SOON, World};
use serde_json::{Value, json};

mod load;
mod matrix;
mod outage;
mod reviews;
mod revoked;
mod secrets;

pub(crate) use load::*;
pub(crate) use matrix::*;
pub(crate) use outage::*;
pub(crate) use reviews::*;
pub(crate) use revoked::*;
pub(crate) use secrets::*;

const SESSIONS: Permission = Permission { verb: "get", group: "history.ray.io", resource: "sessions" };
const LOGS: Permission = Permission { verb: "get", group: "history.ray.io", resource: "sessions/log" };
const ENV: Permission = Permission { verb: "get", group: "history.ray.io", resource: "sessions/env" };
const TOKEN_REVIEWS: &str = "authentication.k8s.io/tokenreviews";
const ACCESS_REVIEWS: &str = "authorization.k8s.io/subjectaccessreviews";
const LOCAL_ACCESS_REVIEWS: &str = "authorization.k8s.io/localsubjectaccessreviews";
const CLUSTER: &str = "c";

/// Returns a world with the rights of access control, and one session; nothing runs yet.
async fn guarded(plane: Plane, form: Form) -> World {
    let mut world = World::empty(plane, form).await;
    world.rights = world.rights.clone().with_access(form, &world.namespace);
    world.rights.grant(&world.plane).await;
    world.store(CLUSTER, LATER);
    let key = json!({"key": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="});
    let metadata = json!({"name": "ray-history-session", "namespace": world.namespace});
    world.plane.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": key})).await;
    world
}

/// Returns `spec.access` with tokens and logins, and with other values of its own.
fn with(more: &Value) -> Value {
    let mut access = json!({
        "mode": "Kubernetes",
        "authentication": {"tokens": {}, "login": {"keySecretRef": {"name": "ray-history-session"}}},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        access[name] = value.clone();
    }
    access
}

/// Returns the `RayHistory` that serves these namespaces with this access.
fn history(world: &World, namespaces: &[&str], access: &Value) -> Value {
    let mut history = world.history_with("access", access.clone());
    history["spec"]["clusters"]["namespaces"] = json!(namespaces);
    history["spec"]["redaction"] = json!("ByRole");
    history
}

/// Starts a replica, and waits until it answers.
async fn start(world: &mut World, history: Value) {
    world.plane.apply(history).await;
    world.start().await;
    world.server().eventually("ready", SOON, || async { world.server().status("/readyz").await == 200 }).await;
}

/// Asks with a token, which is empty for nobody.
async fn ask(world: &World, token: &str, path: &str) -> Reply {
    send(world, "GET", token, path, &[]).await
}

async fn send(world: &World, method: &str, token: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let bearer = format!("Bearer {token}");
    let own = [("Authorization", bearer.as_str())];
    let own = if token.is_empty() { &[][..] } else { &own };
    let reply = world.server().send(method, path, &[own, headers].concat()).await;
    reply.unwrap_or_else(|| panic!("no answer to {path}:\n{}", world.server().process.tail()))
}

/// Logs in as Ray's dialog does, and returns the cookie as a browser sends it back.
async fn cookie(world: &World, token: &str) -> String {
    let path = format!("/sessions/{}/{CLUSTER}/{LATER}/api/authenticate", world.namespace);
    let reply = send(world, "POST", token, &path, &[]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// Returns the path of an answer from the session in a namespace.
fn nodes(namespace: &str) -> String {
    format!("/sessions/{namespace}/{CLUSTER}/{LATER}/nodes?view=summary")
}

/// Returns the path of a log in a namespace.
fn log(namespace: &str) -> String {
    format!("/sessions/{namespace}/{CLUSTER}/{LATER}/api/v0/logs/file?node_id=x&filename=y")
}

/// Stores the session in one more namespace.
fn store_in(world: &World, namespace: &str) {
    world.bucket.store(namespace, Owner::Nobody, CLUSTER, LATER);
}

/// Returns `true` for a refusal of access, and not of Ray's, which refuses profiling.
fn is_refused(reply: &Reply) -> bool {
    reply.status == 401 || (reply.status == 403 && reply.body.contains("is forbidden: User"))
}

/// Returns the number of reviews of a kind so far.
fn reviews(world: &World, resource: &str) -> usize {
    let requests = world.plane.requests_from(&world.namespace);
    requests.iter().filter(|request| request.is("create", resource) && request.code == 201).count()
}
