//! The states of sessions follow the `RayClusters`.

use crate::bucket::Owner;
use crate::common::stores::{free_port, versitygw};
use crate::manifests::Form;
use crate::settings::{s3, secret};
use crate::stage::Stage;
use crate::world::{LATE, LATER, LATER_STILL, SESSION, SOON, TWO_SECONDS, World, started};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub(crate) async fn a_deletion_marks_the_session_dead_within_two_seconds(stage: Stage) {
    let world = World::new(stage.shared().await, &["c"], &[("c", LATER)]).await;
    world.is("c", LATER, "live", SOON).await;
    world.delete("c").await;
    world.is("c", LATER, "dead", TWO_SECONDS).await;
    world.opens("c", LATER).await;
    let link = format!("https://history.example/sessions/{}/c/{LATER}/", world.namespace);
    world.has_event("SessionEnded", "RayHistory", &link).await;
}

pub(crate) async fn a_recreated_clusters_old_session_is_dead_and_opens(stage: Stage) {
    let world = World::new(stage.shared().await, &["c"], &[("c", LATER)]).await;
    world.is("c", LATER, "live", SOON).await;
    world.delete("c").await;
    world.is("c", LATER, "dead", SOON).await;
    world.create("c").await;
    world.store("c", LATER_STILL);
    // The new head is ready: that is when its session is looked for.
    world.change(&world.cluster("c"), json!({"status": {"state": "ready", "head": {"podName": "c-head-x"}}})).await;
    world.is("c", LATER_STILL, "live", LATE).await;
    world.is("c", LATER, "dead", SOON).await;
    world.opens("c", LATER).await;
}

pub(crate) async fn a_suspended_clusters_session_is_dead_until_it_resumes(stage: Stage) {
    let world = World::new(stage.shared().await, &["c"], &[("c", LATER)]).await;
    world.is("c", LATER, "live", SOON).await;
    world.suspend("c", true).await;
    world.is("c", LATER, "dead", SOON).await;
    world.opens("c", LATER).await;
    world.suspend("c", false).await;
    world.is("c", LATER, "live", SOON).await;
}

pub(crate) async fn a_head_restart_makes_the_older_session_dead(stage: Stage) {
    let world = World::new(stage.shared().await, &["c"], &[("c", LATER)]).await;
    world.is("c", LATER, "live", SOON).await;
    world.store("c", LATER_STILL);
    world.change(&world.cluster("c"), json!({"status": {"state": "ready", "head": {"podName": "c-head-2"}}})).await;
    world.is("c", LATER_STILL, "live", LATE).await;
    world.is("c", LATER, "dead", SOON).await;
    world.has_event("SessionEnded", "RayHistory", &format!("/c/{LATER}/")).await;
    world.opens("c", LATER).await;
}

/// Nothing in Kubernetes changes when the first object of a session is stored, and it has no marker before its end. The
/// store is one whose folders are listed once a day: those of a local one are listed every half minute.
pub(crate) async fn a_session_stored_after_its_head_was_ready_is_listed(stage: Stage) {
    let mut world = World::empty(stage.shared().await, Form::Namespaced).await;
    let port = free_port();
    let _store = versitygw(world.bucket.parent(), port, "key", "key-secret");
    world.store("c", LATER);
    world.plane.apply(secret(&world, "key", "key-secret")).await;
    world.plane.apply(world.history_with("storage", s3(port))).await;
    world.start().await;
    world.server().eventually("it lists", LATE, || async { world.total().await == Some(1) }).await;
    world.create("d").await;
    world.change(&world.cluster("d"), json!({"status": {"state": "ready", "head": {"podName": "d-head-1"}}})).await;
    // Longer than it takes to list the folder for the change, and the first time after it.
    tokio::time::sleep(Duration::from_secs(13)).await;
    world.bucket.events(&world.namespace, Owner::Nobody, "d", LATER, 1);
    world.is("d", LATER, "live", Duration::from_secs(40)).await;
}

pub(crate) async fn session_names_in_a_zone_eight_hours_off_change_nothing(stage: Stage) {
    let world = World::new(stage.shared().await, &["east", "west"], &[]).await;
    for (cluster, hours) in [("east", 8), ("west", -8)] {
        let first = started(0, hours);
        world.store(cluster, &first);
        world.change(&world.cluster(cluster), json!({"status": {"state": "ready"}})).await;
        world.is(cluster, &first, "live", LATE).await;
        // The head is another one.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let second = started(0, hours);
        world.store(cluster, &second);
        world.change(&world.cluster(cluster), json!({"status": {"head": {"podName": "another"}}})).await;
        world.is(cluster, &second, "live", LATE).await;
        world.is(cluster, &first, "dead", SOON).await;
        // The cluster is another one.
        world.delete(cluster).await;
        world.is(cluster, &second, "dead", SOON).await;
        world.create(cluster).await;
        let third = started(0, hours);
        world.store(cluster, &third);
        world.change(&world.cluster(cluster), json!({"status": {"state": "ready"}})).await;
        world.is(cluster, &third, "live", LATE).await;
        assert_eq!([world.state(cluster, &first).await, world.state(cluster, &second).await], ["dead", "dead"]);
    }
}

/// A `RayJob` or a `RayService` in another namespace gets the Event of its cluster.
pub(crate) async fn the_end_of_a_cluster_is_an_event_on_its_owner(stage: Stage) {
    // The owners are in another namespace than the server: what is granted cluster-wide is needed for them.
    let mut world = World::empty(stage.shared().await, Form::ClusterWide).await;
    let team = format!("{}-jobs", world.namespace);
    world.plane.namespace(&team).await;
    let (own, bucket) = (std::mem::replace(&mut world.namespace, team.clone()), Arc::clone(&world.bucket));
    world.create_owned("RayJob", "nightly", "nightly-x7k2p").await;
    world.create_owned("RayService", "chat", "chat-9d4ks").await;
    world.namespace = own;
    bucket.store(&team, Owner::RayJob("nightly"), "nightly-x7k2p", LATER);
    bucket.store(&team, Owner::RayService("chat"), "chat-9d4ks", LATER);
    world.plane.apply(world.history_with("clusters", json!({"namespaces": [team]}))).await;
    world.start().await;
    world.has("Ready", "True", "Serving").await;
    world.namespace = team.clone();
    for (kind, cluster) in [("RayJob", "nightly-x7k2p"), ("RayService", "chat-9d4ks")] {
        world.is(cluster, LATER, "live", LATE).await;
        world.delete(cluster).await;
        world.is(cluster, LATER, "dead", SOON).await;
        world
            .has_event("SessionEnded", kind, &format!("https://history.example/sessions/{team}/{cluster}/{LATER}/"))
            .await;
    }
}

pub(crate) async fn a_rayservice_leads_to_its_active_cluster_not_the_pending_one(stage: Stage) {
    let world = World::new(stage.shared().await, &[], &[]).await;
    for (cluster, session) in [("chat-aaaaa", LATER), ("chat-bbbbb", LATER_STILL)] {
        world.create_owned("RayService", "chat", cluster).await;
        world.bucket.store(&world.namespace, Owner::RayService("chat"), cluster, session);
    }
    let service = world.owner("RayService", "chat");
    let serve = |active: &'static str| {
        let pending = if active == "chat-aaaaa" { json!({"rayClusterName": "chat-bbbbb"}) } else { Value::Null };
        let status = json!({"activeServiceStatus": {"rayClusterName": active}, "pendingServiceStatus": pending});
        world.change(&service, json!({ "status": status }))
    };
    let leads_to = async |cluster: &str| {
        let link = format!("/rayservices/{}/chat/latest", world.namespace);
        let leads = || async {
            let reply = world.server().send("GET", &link, &[]).await;
            reply.is_some_and(|reply| reply.header("location").contains(cluster))
        };
        world.server().eventually(&format!("{link} leads to {cluster}"), LATE, leads).await;
    };
    serve("chat-aaaaa").await;
    world.is("chat-bbbbb", LATER_STILL, "live", LATE).await;
    leads_to("chat-aaaaa").await;
    // The pending one takes over, and the one before goes.
    serve("chat-bbbbb").await;
    leads_to("chat-bbbbb").await;
    world.delete("chat-aaaaa").await;
    world.is("chat-aaaaa", LATER, "dead", SOON).await;
    world.is("chat-bbbbb", LATER_STILL, "live", SOON).await;
    world.has_event("SessionEnded", "RayService", "chat-aaaaa").await;
}

pub(crate) async fn tenants_of_two_namespaces_do_not_see_each_other(stage: Stage) {
    let one = World::new(stage.shared().await, &["mine"], &[("mine", LATER)]).await;
    let mut two = World::empty(stage.shared().await, Form::Namespaced).await;
    two.bucket = Arc::clone(&one.bucket);
    two.create("yours").await;
    two.store("yours", LATER);
    two.serve().await;
    one.is("mine", LATER, "live", LATE).await;
    two.is("yours", LATER, "live", LATE).await;
    for (world, other, cluster) in [(&one, &two, "yours"), (&two, &one, "mine")] {
        assert_eq!(world.total().await, Some(1));
        let listed = world.server().text("/api/history/v1/sessions").await;
        assert!(!listed.contains(cluster), "{listed}");
        let place = format!("{}/{cluster}/{LATER}", other.namespace);
        for path in [format!("/api/history/v1/sessions/{place}"), format!("/sessions/{place}/nodes?view=summary")] {
            assert_eq!(world.server().status(&path).await, 404, "{path}");
        }
        let link = format!("/rayclusters/{}/{cluster}", other.namespace);
        assert_eq!(world.server().status(&link).await, 404, "{link}");
        let asked = world.plane.requests_from(&world.namespace);
        assert!(asked.iter().all(|request| !request.uri.contains(&format!("/namespaces/{}/", other.namespace))));
    }
    two.delete("yours").await;
    two.is("yours", LATER, "dead", SOON).await;
    let counted = || async { one.status().await["sessions"]["total"] == 1 };
    one.server().eventually("the status counts one session", LATE, counted).await;
    assert!(one.events("SessionEnded", "RayHistory").await.is_empty());
}

pub(crate) async fn one_malformed_object_never_stops_a_watch(stage: Stage) {
    let world = World::new(stage.shared().await, &["good"], &[("good", LATER), ("odd", LATER)]).await;
    let odd = |spec: Value| {
        let mut object = world.cluster("odd");
        object["spec"] = spec;
        object["metadata"]["labels"] = json!({"ray.io/originated-from-crd": "Nonsense"});
        object["status"] = json!({"state": 7, "head": "none"});
        object
    };
    for spec in [json!("text"), json!({"suspend": "perhaps"}), json!([1, 2])] {
        world.plane.apply(odd(spec)).await;
    }
    world.is("odd", LATER, "live", LATE).await;
    // A service like that, too.
    let mut service = world.owner("RayService", "odd");
    service["status"] = json!({"activeServiceStatus": ["none"]});
    world.plane.apply(service).await;
    world.delete("good").await;
    world.is("good", LATER, "dead", SOON).await;
    world.delete("odd").await;
    world.is("odd", LATER, "dead", SOON).await;
    assert_eq!(world.state("good", SESSION).await, "", "no such session");
}
