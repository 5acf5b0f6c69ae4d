//! The rights of the server itself: what it needs, and what it says and does without them.

use super::{
    ACCESS_REVIEWS, LOCAL_ACCESS_REVIEWS, LOGS, SESSIONS, TOKEN_REVIEWS, ask, guarded, history, is_refused, log, nodes,
    reviews, start, store_in, with,
};
use crate::manifests::Form;
use crate::people::{Binding, Person, account, settles};
use crate::stage::Stage;
use crate::world::{LATE, LATER, SOON, World};
use serde_json::{Value, json};

/// Without a right to ask, nobody is let in; the condition says so, and that it is over, although nobody asks.
pub(crate) async fn a_missing_right_to_review_is_reported_and_recovers_without_requests(stage: Stage) {
    let mut world = World::empty(stage.shared().await, Form::ClusterWide).await;
    world.may_be_refused = true;
    world.store(super::CLUSTER, LATER);
    let ann = Person::new();
    Binding::of(&ann.user, Some(&world.namespace), &ann.subject(), &[SESSIONS]).grant(&world.plane).await;
    settles(&world.plane, &ann, SESSIONS, &world.namespace, true).await;
    let own = world.namespace.clone();
    let access = json!({"mode": "Kubernetes", "authentication": {"tokens": {}}});
    let document = history(&world, &[&own], &access);
    start(&mut world, document).await;
    let why = world.has("AccessReviewed", "False", "Forbidden").await;
    assert!(why.contains("system:auth-delegator") && why.contains("tokenreviews"), "{why}");
    let refused = ask(&world, &ann.token, &nodes(&own)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"), "{refused:?}");
    assert_eq!(ask(&world, "", &nodes(&own)).await.status, 401);
    world.has("Ready", "True", "Serving").await;
    let account = world.rights.account.clone();
    world.rights = world.rights.clone().with_access(Form::ClusterWide, &own);
    world.rights.grant(&world.plane).await;
    world.has("AccessReviewed", "True", "Reviewing").await;
    assert_eq!(world.rights.account, account);
    assert_eq!(ask(&world, &ann.token, &nodes(&own)).await.status, 200);
    // The log says it, too, which is all that a server with a file has.
    assert!(world.server().process.log().contains("the API server may not be asked who may see what"));
    let mended = async || world.server().process.log().contains("the API server says again who may see what");
    world.server().eventually("the log says that it is over", SOON, mended).await;
    // Turned off on purpose.
    let off = "access is not controlled: whoever reaches this server sees every session";
    assert!(!world.server().process.log().contains(off));
    world.plane.apply(world.history()).await;
    world.has("AccessReviewed", "True", "NotControlled").await;
    assert_eq!(world.server().process.log().matches(off).count(), 1);
    assert_eq!(ask(&world, "", &nodes(&own)).await.status, 200);
}

/// In single namespaces: one that lacks the grant is seen by nobody, and harms no other.
pub(crate) async fn a_namespace_without_the_grant_is_seen_by_nobody_and_harms_no_other(stage: Stage) {
    let mut world = guarded(stage.shared().await, Form::Namespaced).await;
    // It asks for all namespaces first, and may not watch the clusters of the second.
    world.may_be_refused = true;
    let own = world.namespace.clone();
    let second = format!("{own}-second");
    world.plane.namespace(&second).await;
    store_in(&world, &second);
    // One with rights in both, and one with rights in all namespaces, of which this server cannot know.
    let (ann, root) = (Person::new(), Person::new());
    for namespace in [&own, &second] {
        Binding::of(&ann.user, Some(namespace), &ann.subject(), &[SESSIONS, LOGS]).grant(&world.plane).await;
        settles(&world.plane, &ann, LOGS, namespace, true).await;
    }
    Binding::of(&root.user, None, &root.subject(), &[SESSIONS]).grant(&world.plane).await;
    settles(&world.plane, &root, SESSIONS, &second, true).await;
    // The ungranted namespace comes first.
    let document = history(&world, &[&second, &own], &with(&json!({})));
    start(&mut world, document).await;
    let why = world.has("AccessReviewed", "False", "Forbidden").await;
    assert!(why.contains(&format!("namespace {second},")) && why.contains("localsubjectaccessreviews"), "{why}");
    let seen = async |person: &Person| {
        let list = ask(&world, &person.token, "/api/history/v1/sessions").await;
        assert_eq!(list.status, 200, "{list:?}");
        let list: Value = serde_json::from_str(&list.body).unwrap();
        let items = list["sessions"].as_array().unwrap();
        let mut names: Vec<_> = items.iter().map(|item| item["namespace"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    for person in [&ann, &root] {
        assert_eq!(seen(person).await, std::slice::from_ref(&own));
        assert_eq!(ask(&world, &person.token, &nodes(&own)).await.status, 200);
        for namespace in [&second, "default", "never-there"] {
            let refused = ask(&world, &person.token, &nodes(namespace)).await;
            assert!(refused.status == 403 && is_refused(&refused), "{namespace}: {refused:?}");
        }
    }
    assert!(is_refused(&ask(&world, &root.token, &log(&own)).await));
    assert!(!is_refused(&ask(&world, &ann.token, &log(&own)).await));
    assert!(reviews(&world, TOKEN_REVIEWS) > 0 && reviews(&world, LOCAL_ACCESS_REVIEWS) > 0);
    assert_eq!(reviews(&world, ACCESS_REVIEWS), 0);
    // The grant in the second namespace, for the ServiceAccount of the first.
    let subject = json!({"kind": "ServiceAccount", "name": world.rights.account, "namespace": own});
    let rule = json!({
        "apiGroups": ["authorization.k8s.io"], "resources": ["localsubjectaccessreviews"], "verbs": ["create"],
    });
    Binding::new("permission-reviews", Some(&second), &subject, &[rule]).grant(&world.plane).await;
    world.has("AccessReviewed", "True", "Reviewing").await;
    let both = async || seen(&ann).await == [own.clone(), second.clone()] && seen(&root).await.len() == 2;
    world.server().eventually("both namespaces are seen", LATE, both).await;
}

/// With an audience of its own, the server accepts no token that the API server accepts, nor the reverse.
pub(crate) async fn only_tokens_for_the_audience_are_accepted(stage: Stage) {
    let mut world = guarded(stage.shared().await, Form::ClusterWide).await;
    let own = world.namespace.clone();
    let person = Person::new();
    let ours = account(&world.plane, &own, "ours", &["history.ray.io"]).await;
    let several = account(&world.plane, &own, "ours", &["example.com", "history.ray.io"]).await;
    let foreign = account(&world.plane, &own, "ours", &["example.com"]).await;
    let plain = account(&world.plane, &own, "ours", &[]).await;
    let subjects = [person.subject(), json!({"kind": "ServiceAccount", "name": "ours", "namespace": own})];
    for (name, subject) in ["person", "account"].into_iter().zip(subjects) {
        Binding::of(name, Some(&own), &subject, &[SESSIONS]).grant(&world.plane).await;
    }
    for subject in [&person, &ours] {
        settles(&world.plane, subject, SESSIONS, &own, true).await;
    }
    let authentication = json!({
        "tokens": {"audiences": ["history.ray.io", "other"]},
        "login": {"keySecretRef": {"name": "ray-history-session"}},
    });
    let document = history(&world, &[&own], &with(&json!({"authentication": &authentication})));
    start(&mut world, document).await;
    for (token, status) in [(&ours, 200), (&several, 200), (&foreign, 401), (&plain, 401), (&person, 401)] {
        let reply = ask(&world, &token.token, &nodes(&own)).await;
        assert_eq!(reply.status, status, "{}: {reply:?}", token.user);
        let path = format!("/sessions/{own}/{}/{LATER}/api/authenticate", super::CLUSTER);
        assert_eq!(super::send(&world, "POST", &token.token, &path, &[]).await.status, status, "the login");
    }
    // Without audiences it is the reverse.
    let login = authentication["login"].clone();
    let plainly = json!({"tokens": {"audiences": []}, "login": login});
    world.plane.apply(history(&world, &[&own], &with(&json!({"authentication": plainly})))).await;
    let reversed = || async {
        let status = async |person: &Person| ask(&world, &person.token, &nodes(&own)).await.status;
        (status(&ours).await, status(&foreign).await, status(&plain).await, status(&person).await)
            == (401, 401, 200, 200)
    };
    world.server().eventually("tokens of the API server", SOON, reversed).await;
}
