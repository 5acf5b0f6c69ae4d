//! The matrix: every route and every right, asked by nobody and by people with every kind of binding.

use super::{CLUSTER, ENV, LOGS, SESSIONS, ask, guarded, history, is_refused, log, nodes, send, start, store_in, with};
use crate::common::client::Reply;
use crate::manifests::Form;
use crate::people::{Binding, Permission, Person, account, settles};
use crate::stage::Stage;
use crate::world::{LATER, World};
use ray_history::http::{Need, Url, urls};
use serde_json::{Value, json};

/// The rights to sessions, logs and values of environment variables.
type Rights = [bool; 3];

const NONE: Rights = [false; 3];
const S: Rights = [true, false, false];
const SL: Rights = [true, true, false];
const ALL: Rights = [true; 3];

/// Somebody, and the rights in each of the three namespaces.
struct Row {
    what: &'static str,
    token: String,
    is_known: bool,
    rights: [Rights; 3],
}

/// The namespaces: one's own, another tenant's, and one that was deleted.
struct Places([String; 3]);

/// Makes people with all kinds of bindings of these permissions, and waits until RBAC follows them.
async fn rows(world: &World, places: &Places, permissions: [Permission; 3]) -> Vec<Row> {
    let [own, other, _] = &places.0;
    let [sessions, logs, env] = permissions;
    let mut rows = Vec::new();
    for (what, token) in [("nobody", ""), ("a token of nobody", "planted-token-of-nobody")] {
        rows.push(Row { what, token: token.to_owned(), is_known: false, rights: [NONE; 3] });
    }
    let rule = |verbs: &[&str], more: Value| {
        let mut rule = json!({"apiGroups": [sessions.group], "resources": [sessions.resource], "verbs": verbs});
        for (name, value) in more.as_object().into_iter().flatten() {
            rule[name] = value.clone();
        }
        rule
    };
    let everything = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    let of = |permissions: &[Permission]| {
        let rule = |permission: &Permission| {
            let Permission { verb, group, resource } = permission;
            json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]})
        };
        permissions.iter().map(rule).collect::<Vec<Value>>()
    };
    for (what, namespace, rules, rights) in [
        ("no binding", Some(own), vec![], [NONE; 3]),
        ("sessions", Some(own), of(&[sessions]), [S, NONE, NONE]),
        ("sessions and logs", Some(own), of(&[sessions, logs]), [SL, NONE, NONE]),
        ("all rights", Some(own), of(&[sessions, logs, env]), [ALL, NONE, NONE]),
        ("logs without sessions", Some(own), of(&[logs]), [NONE; 3]),
        ("another tenant", Some(other), of(&[sessions, logs, env]), [NONE, ALL, NONE]),
        ("one name", Some(own), vec![rule(&["get"], json!({"resourceNames": [CLUSTER]}))], [NONE; 3]),
        ("other verbs", Some(own), vec![rule(&["list", "watch", "create"], json!({}))], [NONE; 3]),
        ("another group", Some(own), vec![rule(&["get"], json!({"apiGroups": ["example.com"]}))], [NONE; 3]),
        ("an administrator of the namespace", Some(own), vec![everything.clone()], [ALL, NONE, NONE]),
        ("sessions everywhere", None, of(&[sessions]), [S; 3]),
        ("all rights everywhere", None, of(&[sessions, logs, env]), [ALL; 3]),
        ("an administrator", None, vec![everything], [ALL; 3]),
    ] {
        let person = Person::new();
        if !rules.is_empty() {
            Binding::new(&person.user, namespace.map(String::as_str), &person.subject(), &rules)
                .grant(&world.plane)
                .await;
        }
        if rights[0][0] {
            settles(&world.plane, &person, sessions, own, true).await;
        }
        rows.push(Row { what, token: person.token, is_known: true, rights });
    }
    let grouped = Person::new();
    let binding = Binding::of(&grouped.group, Some(own), &grouped.subject_by_group(), &[sessions, logs]);
    binding.grant(&world.plane).await;
    settles(&world.plane, &grouped, logs, own, true).await;
    rows.push(Row { what: "by a group", token: grouped.token, is_known: true, rights: [SL, NONE, NONE] });
    let sue = account(&world.plane, other, "sue", &[]).await;
    let subject = json!({"kind": "ServiceAccount", "name": "sue", "namespace": other});
    Binding::of("sue", Some(own), &subject, &[sessions, logs]).grant(&world.plane).await;
    settles(&world.plane, &sue, logs, own, true).await;
    rows.push(Row { what: "a ServiceAccount", token: sue.token, is_known: true, rights: [SL, NONE, NONE] });
    rows
}

/// Returns the rights that somebody turns out to have in a namespace.
async fn found(world: &World, token: &str, namespace: &str) -> Rights {
    let sessions = ask(world, token, &nodes(namespace)).await;
    assert!(sessions.status == 200 || is_refused(&sessions), "{sessions:?}");
    let logs = ask(world, token, &log(namespace)).await;
    let path = format!("/sessions/{namespace}/{CLUSTER}/{LATER}/api/v0/runtime_env_redaction");
    let env = ask(world, token, &path).await;
    let env: Value = serde_json::from_str(&env.body).unwrap_or_default();
    [sessions.status == 200, !is_refused(&logs), env["data"]["redactionEnabled"] == false]
}

/// Returns the request for a URL, with the names of the session in a namespace.
fn request(url: &Url, namespace: &str) -> (&'static str, String, String) {
    let fill = |segment: &str| match segment {
        "{namespace}" => namespace.to_owned(),
        "{session}" | "{name_or_session}" => LATER.to_owned(),
        "{kind}" => "raycluster".to_owned(),
        "{uid}" => "11111111-2222-3333-4444-555555555555".to_owned(),
        "{cluster}" | "{kind_or_cluster}" | "{name}" | "{id}" | "{below}" => CLUSTER.to_owned(),
        fixed => fixed.to_owned(),
    };
    let path: Vec<String> = format!("{}{}", url.below, url.pattern).split('/').map(fill).collect();
    let cookies = format!("cluster_namespace={namespace}; cluster_name={CLUSTER}; session_name={LATER}; owner_kind=");
    let method = if url.methods.starts_with("POST") { "POST" } else { "GET" };
    (method, path.join("/"), if url.is_entered { cookies } else { "a=b".to_owned() })
}

/// Asks for a URL, and compares the answer with the rights for it.
async fn is_right(world: &World, row: &Row, rights: Rights, url: &Url, namespace: &str) {
    let (method, path, cookies) = request(url, namespace);
    let reply: Reply = send(world, method, &row.token, &path, &[("Cookie", cookies.as_str())]).await;
    let allowed = match url.need {
        Need::Open | Need::Document => url.pattern != "/api/authenticate" || row.is_known,
        Need::Listing => row.is_known,
        Need::Namespace | Need::Cookie => rights[0],
        Need::Logs => rights[0] && rights[1],
    };
    let shown = format!("{} {method} {path}: {} {:.200}", row.what, reply.status, reply.body);
    assert_eq!(!is_refused(&reply), allowed, "{shown}");
    assert!(allowed || reply.status == if row.is_known { 403 } else { 401 }, "{shown}");
    assert!(reply.status != 503, "{shown}");
}

/// Tries every identity with every right and every route.
async fn holds(stage: Stage, check: &str, permissions: [Permission; 3]) {
    let mut world = guarded(stage.shared().await, Form::ClusterWide).await;
    let own = world.namespace.clone();
    let places = Places([own.clone(), format!("{own}-other"), format!("{own}-gone")]);
    world.plane.namespace(&places.0[1]).await;
    for namespace in &places.0[1..] {
        store_in(&world, namespace);
    }
    let mut rows = rows(&world, &places, permissions).await;
    if check == "Everyone" {
        for row in rows.iter_mut().filter(|row| row.is_known) {
            row.rights = [SL; 3];
        }
    }
    let served: Vec<&str> = places.0.iter().map(String::as_str).collect();
    let document = history(&world, &served, &with(&json!({"authorization": {"check": check}})));
    start(&mut world, document).await;
    for row in &rows {
        for (namespace, rights) in places.0.iter().zip(row.rights) {
            assert_eq!(found(&world, &row.token, namespace).await, rights, "{check}: {} in {namespace}", row.what);
        }
        // Lists and counts.
        let list = ask(&world, &row.token, "/api/history/v1/sessions").await;
        assert_eq!(list.status, if row.is_known { 200 } else { 401 }, "{}: {list:?}", row.what);
        if row.is_known {
            let mut expected: Vec<&str> = served
                .iter()
                .zip(row.rights)
                .filter(|(_, rights)| rights[0])
                .map(|(namespace, _)| *namespace)
                .collect();
            expected.sort_unstable();
            let list: Value = serde_json::from_str(&list.body).unwrap();
            let mut seen: Vec<&str> =
                list["sessions"].as_array().unwrap().iter().map(|item| item["namespace"].as_str().unwrap()).collect();
            seen.sort_unstable();
            assert_eq!((&seen, &list["total"]), (&expected, &json!(expected.len())), "{check}: {}", row.what);
            let who: Value =
                serde_json::from_str(&ask(&world, &row.token, "/api/history/v1/whoami").await.body).unwrap();
            let everywhere = row.rights.iter().all(|rights| rights[0]);
            assert_eq!(who["allNamespaces"], everywhere, "{check}: {}: {who}", row.what);
        }
        for url in urls() {
            is_right(&world, row, row.rights[0], &url, &own).await;
        }
    }
    // One who may see nothing there cannot tell another tenant's namespace from an invented one.
    let stranger = &rows[2];
    if check != "Everyone" {
        let [real, invented] = [&places.0[1], &format!("{own}-never")].map(|namespace| nodes(namespace));
        // The id of a request is in its answer.
        let traced = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")];
        let ask = async |path: &str| send(&world, "GET", &stranger.token, path, &traced).await;
        let (real, invented) = (ask(&real).await, ask(&invented).await);
        assert_eq!((real.status, real.headers.len()), (invented.status, invented.headers.len()));
        assert_eq!(real.body.replace("-other", "-never"), invented.body);
    }
    let log = world.server().process.log();
    for row in rows.iter().filter(|row| !row.token.is_empty()) {
        assert!(!log.contains(&row.token), "{}'s token is in the log", row.what);
    }
    assert!(log.contains("ray_history::audit"));
}

pub(crate) async fn every_right_of_sessions_is_what_its_role_says(stage: Stage) {
    holds(stage, "Sessions", [SESSIONS, LOGS, ENV]).await;
}

pub(crate) async fn every_right_of_rayclusters_is_what_its_role_says(stage: Stage) {
    let permission = |verb, group, resource| Permission { verb, group, resource };
    let permissions = [
        permission("get", "ray.io", "rayclusters"),
        permission("get", "", "pods/log"),
        permission("update", "ray.io", "rayclusters"),
    ];
    holds(stage, "RayClusters", permissions).await;
}

pub(crate) async fn everyone_who_is_known_sees_everything_but_values(stage: Stage) {
    holds(stage, "Everyone", [SESSIONS, LOGS, ENV]).await;
}
