//! Rights that change while people use them, with the times of the defaults.

use super::{LOGS, SESSIONS, ask, cookie, guarded, history, is_refused, log, nodes, send, start, with};
use crate::manifests::Form;
use crate::people::{Binding, Person, account, settles};
use crate::stage::Stage;
use crate::world::{LATER, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The time within which a removed right must end.
const ENDS_WITHIN: Duration = Duration::from_secs(65);

/// Returns the number of sessions that somebody sees in the list.
async fn listed(world: &World, token: &str) -> Value {
    let list = ask(world, token, "/api/history/v1/sessions").await;
    serde_json::from_str::<Value>(&list.body).unwrap()["total"].clone()
}

/// A `RoleBinding` that is removed, and a `ServiceAccount` that is deleted, end what they allowed within 65 s, also
/// through a cookie; a `RoleBinding` that is added counts for links within seconds.
pub(crate) async fn what_is_revoked_ends_within_65_seconds(stage: Stage) {
    let mut world = guarded(stage.shared().await, Form::ClusterWide).await;
    let own = world.namespace.clone();
    let (ann, bob) = (Person::new(), Person::new());
    let sue = account(&world.plane, &own, "sue", &[]).await;
    let binding = Binding::of(&ann.user, Some(&own), &ann.subject(), &[SESSIONS, LOGS]);
    binding.grant(&world.plane).await;
    let subject = json!({"kind": "ServiceAccount", "name": "sue", "namespace": own});
    Binding::of("sue", Some(&own), &subject, &[SESSIONS]).grant(&world.plane).await;
    settles(&world.plane, &ann, LOGS, &own, true).await;
    settles(&world.plane, &sue, SESSIONS, &own, true).await;
    let document = history(&world, &[&own], &with(&json!({})));
    start(&mut world, document).await;
    let sues = cookie(&world, &sue.token).await;
    let by_cookie = async || send(&world, "GET", "", &nodes(&own), &[("Cookie", sues.as_str())]).await;
    // All is decided now, right before it changes.
    assert_eq!(ask(&world, &ann.token, &nodes(&own)).await.status, 200);
    assert!(!is_refused(&ask(&world, &ann.token, &log(&own)).await));
    assert_eq!(listed(&world, &ann.token).await, 1);
    assert_eq!(ask(&world, &sue.token, &nodes(&own)).await.status, 200);
    assert_eq!(by_cookie().await.status, 200);
    assert_eq!(ask(&world, &bob.token, &nodes(&own)).await.status, 403);
    let changed = Instant::now();
    binding.revoke(&world.plane).await;
    world
        .plane
        .delete(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sue", "namespace": own}}))
        .await;
    Binding::of(&bob.user, Some(&own), &bob.subject(), &[SESSIONS]).grant(&world.plane).await;
    let mut after = BTreeMap::new();
    let names = ["ann's session", "ann's log", "ann's list", "sue's token", "sue's cookie", "bob's link"];
    while after.len() < names.len() {
        let ended = [
            ask(&world, &ann.token, &nodes(&own)).await.status == 403,
            is_refused(&ask(&world, &ann.token, &log(&own)).await),
            listed(&world, &ann.token).await == 0,
            ask(&world, &sue.token, &nodes(&own)).await.status == 401,
            by_cookie().await.status == 401,
            ask(&world, &bob.token, &nodes(&own)).await.status == 200,
        ];
        for (name, ended) in names.iter().zip(ended) {
            // What has ended stays so.
            assert!(ended || !after.contains_key(name), "{name} once more");
            if ended {
                after.entry(*name).or_insert_with(|| changed.elapsed());
            }
        }
        assert!(changed.elapsed() < ENDS_WITHIN + Duration::from_secs(5), "{after:?}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    println!("after a change: {after:?}");
    assert!(after.values().all(|took| *took <= ENDS_WITHIN), "{after:?}");
    assert!(after["bob's link"] <= Duration::from_secs(15), "{after:?}");
    // The time is that of the cache, and not luck: the answers were not asked for again and again.
    assert!(after["ann's session"] >= Duration::from_secs(40), "{after:?}");
    assert!(world.server().process.log().contains(&format!("\"session\":\"{LATER}\"")), "the audit log has it");
}
