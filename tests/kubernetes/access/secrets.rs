//! The Secrets of the login and of a proxy, and the people whom the proxy names.

use super::{LOGS, SESSIONS, ask, cookie, guarded, history, is_refused, log, nodes, send, start, with};
use crate::manifests::Form;
use crate::people::{Binding, Person, settles};
use crate::stage::Stage;
use crate::world::{LATE, LATER, SOON, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

fn secret(world: &World, name: &str, data: &Value) -> Value {
    let metadata = json!({"name": name, "namespace": world.namespace});
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
}

/// Replaces the keys of the login: what is not named is gone.
async fn set_keys(world: &World, keys: &[(&str, [u8; 32])]) {
    let data: serde_json::Map<String, Value> =
        keys.iter().map(|(name, key)| ((*name).to_owned(), json!(STANDARD.encode(key)))).collect();
    let object = secret(world, "ray-history-session", &Value::Object(data));
    world.plane.delete(&object).await;
    world.plane.apply(object).await;
}

/// Without its keys a server shows nothing to anybody; with a missing or wrong one it goes on with the last good ones,
/// and a rotation logs nobody out before its time.
pub(crate) async fn missing_and_wrong_keys_never_weaken_access(stage: Stage) {
    let mut world = guarded(stage.shared().await, Form::ClusterWide).await;
    let own = world.namespace.clone();
    let ann = Person::new();
    Binding::of(&ann.user, Some(&own), &ann.subject(), &[SESSIONS]).grant(&world.plane).await;
    settles(&world.plane, &ann, SESSIONS, &own, true).await;
    let object = secret(&world, "ray-history-session", &json!({}));
    world.plane.delete(&object).await;
    world.plane.apply(history(&world, &[&own], &with(&json!({})))).await;
    world.start().await;
    let why = world.has("SettingsApplied", "False", "Rejected").await;
    assert!(why.contains("ray-history-session does not exist"), "{why}");
    for token in ["", &ann.token] {
        let closed = ask(&world, token, &nodes(&own)).await;
        assert_eq!((closed.status, closed.header("retry-after")), (503, "5"), "{closed:?}");
    }
    world.plane.apply(secret(&world, "ray-history-session", &json!({"key": "cGxhbnRlZC1zaG9ydA=="}))).await;
    let named =
        async || world.condition("SettingsApplied").await["message"].to_string().contains("key: must be 32 random");
    world.server().eventually("the wrong key is named", LATE, named).await;
    assert_eq!(ask(&world, "", &nodes(&own)).await.status, 503);
    let [first, second] = [[1; 32], [2; 32]];
    set_keys(&world, &[("key", first)]).await;
    world.server().eventually("ready", SOON, || async { world.server().status("/readyz").await == 200 }).await;
    world.has("SettingsApplied", "True", "Applied").await;
    let cookie = cookie(&world, &ann.token).await;
    let logged_in = async || send(&world, "GET", "", &nodes(&own), &[("Cookie", cookie.as_str())]).await.status;
    assert_eq!(logged_in().await, 200);
    // A rotation: the old key still opens. A cookie begins with its name and the id of its key.
    set_keys(&world, &[("key", second), ("previous", first)]).await;
    let other = async || super::cookie(&world, &ann.token).await.get(..18) != cookie.get(..18);
    world.server().eventually("the new key seals", LATE, other).await;
    assert_eq!(logged_in().await, 200);
    set_keys(&world, &[("key", second)]).await;
    world.server().eventually("the old key opens no more", LATE, async || logged_in().await == 401).await;
    // No key at all: the last ones stay, and so does the guard.
    let new = super::cookie(&world, &ann.token).await;
    world.plane.delete(&object).await;
    world.has("SettingsApplied", "False", "Rejected").await;
    world.has("Ready", "True", "ServingLastGood").await;
    assert_eq!(ask(&world, "", &nodes(&own)).await.status, 401);
    assert_eq!(ask(&world, &ann.token, &nodes(&own)).await.status, 200);
    assert_eq!(send(&world, "GET", "", &nodes(&own), &[("Cookie", new.as_str())]).await.status, 200);
    let log = world.server().process.log() + &world.status().await.to_string();
    for planted in ["planted-", "cGxhbnRlZC", &STANDARD.encode(first), &STANDARD.encode(second), &cookie[12..]] {
        assert!(!log.contains(planted), "{planted} is shown");
    }
}

/// RBAC judges the names that a proven proxy sends, with their prefixes.
pub(crate) async fn people_whom_a_proxy_names_have_their_rights(stage: Stage) {
    const PROOF: &str = "planted-proof-of-the-proxy";
    let mut world = guarded(stage.shared().await, Form::ClusterWide).await;
    let own = world.namespace.clone();
    let person = |kind: &str, name: &str| json!({"kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io"});
    Binding::of("ann", Some(&own), &person("User", "sso:ann@example.com"), &[SESSIONS]).grant(&world.plane).await;
    Binding::of("sre", Some(&own), &person("Group", "sso-groups:sre"), &[SESSIONS, LOGS]).grant(&world.plane).await;
    let settled = Person { token: String::new(), user: "x".to_owned(), group: "sso-groups:sre".to_owned() };
    settles(&world.plane, &settled, LOGS, &own, true).await;
    world.plane.apply(secret(&world, "ray-history-proxy", &json!({"secret": PROOF}))).await;
    let proxy = json!({
        "usernamePrefix": "sso:", "groupsPrefix": "sso-groups:",
        "trust": {"sourceRanges": ["127.0.0.0/8"], "secretRef": {"name": "ray-history-proxy"}},
    });
    let document = history(&world, &[&own], &json!({"mode": "Kubernetes", "authentication": {"proxy": proxy}}));
    start(&mut world, document).await;
    world.has("AccessReviewed", "True", "Reviewing").await;
    let proof = ("X-Ray-History-Proxy", PROOF);
    let user = |name: &'static str| ("X-Auth-Request-Email", name);
    let groups = |names: &'static str| ("X-Auth-Request-Groups", names);
    for (headers, session, body_of_log) in [
        (vec![proof, user("ann@example.com")], 200, 403),
        (vec![proof, user("bob@example.com")], 403, 403),
        (vec![proof, user("bob@example.com"), groups("dev,sre")], 200, 200),
        (vec![proof, user("bob@example.com"), groups("dev"), groups("sre")], 200, 200),
        (vec![user("ann@example.com")], 401, 401),
        (vec![("X-Ray-History-Proxy", "planted-guess-of-the-proxy"), user("ann@example.com")], 401, 401),
        (vec![proof, user("ann@example.com"), groups("system:masters")], 401, 401),
        (vec![proof], 401, 401),
    ] {
        let reply = send(&world, "GET", "", &nodes(&own), &headers).await;
        assert_eq!(reply.status, session, "{headers:?}: {reply:?}");
        let reply = send(&world, "GET", "", &log(&own), &headers).await;
        assert_eq!(if is_refused(&reply) { reply.status } else { 200 }, body_of_log, "{headers:?}: {reply:?}");
    }
    // Tokens are no way in here, and none was reviewed.
    let token = Person::new().token;
    assert_eq!(ask(&world, &token, &nodes(&own)).await.status, 401);
    assert_eq!(super::reviews(&world, super::TOKEN_REVIEWS), 0);
    let log = world.server().process.log();
    assert!(!log.contains("planted-") && log.contains(LATER), "{log}");
}
