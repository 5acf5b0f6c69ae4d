//! API servers that go away, and come back having forgotten what happened.

use crate::manifests::Form;
use crate::stage::Stage;
use crate::world::{LATE, LATER, SOON, World, started};
use std::time::{Duration, Instant};

pub(crate) async fn a_deletion_during_an_api_server_outage_is_found_after_it(stage: Stage) {
    let sessions = [("gone", LATER), ("stays", LATER)];
    let mut world = World::new(stage.own().await, &["gone", "stays"], &sessions).await;
    world.is("gone", LATER, "live", SOON).await;
    // For the server the API server is away until the cluster is gone, and no watch reports the deletion: an API server
    // that was restarted knows no older version to go on from.
    world.link.cut();
    world.plane.stop_server();
    world.plane.start_server().await;
    world.delete("gone").await;
    assert_eq!(world.state("gone", LATER).await, "live", "no watch could report it");
    world.opens("gone", LATER).await;
    world.link.mend();
    world.is("gone", LATER, "dead", LATE).await;
    world.is("stays", LATER, "live", SOON).await;
    world.opens("gone", LATER).await;
    world.has_event("SessionEnded", "RayHistory", &format!("/gone/{LATER}/")).await;
}

pub(crate) async fn a_cluster_recreated_during_an_outage_is_another_one(stage: Stage) {
    let session = started(0, 0);
    let world = World::new(stage.shared().await, &["c"], &[("c", &session)]).await;
    world.is("c", &session, "live", SOON).await;
    world.link.cut();
    world.delete("c").await;
    // Clocks may differ by some seconds: a session that started within them could belong to either cluster.
    tokio::time::sleep(Duration::from_secs(6)).await;
    world.create("c").await;
    world.link.mend();
    world.is("c", &session, "dead", LATE).await;
}

/// The API server is away for a minute: sessions open, the list goes on, and states stay as they were.
pub(crate) async fn stored_sessions_are_served_while_the_api_server_is_away(stage: Stage) {
    let world = World::new(stage.shared().await, &["c"], &[("c", LATER)]).await;
    world.is("c", LATER, "live", SOON).await;
    world.has("ClustersWatched", "True", "Watching").await;
    world.link.cut();
    let begun = Instant::now();
    world.store("new", LATER);
    while begun.elapsed() < Duration::from_secs(60) {
        assert_eq!(world.server().status(&world.nodes("c", LATER)).await, 200);
        assert_eq!(world.server().status("/readyz").await, 200);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // The list of sessions went on without it, and so did what was known.
    world.opens("new", LATER).await;
    assert_eq!(world.state("c", LATER).await, "live");
    world.delete("c").await;
    world.link.mend();
    world.is("c", LATER, "dead", LATE).await;
    // The watch goes on, and the condition says so although no event comes that would show it.
    tokio::time::sleep(Duration::from_secs(15)).await;
    world.has("ClustersWatched", "True", "Watching").await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    world.has("ClustersWatched", "True", "Watching").await;
}

pub(crate) async fn a_watch_that_continues_silently_is_reported_as_working(stage: Stage) {
    let world = World::new(stage.shared().await, &["c"], &[("c", LATER)]).await;
    world.has("ClustersWatched", "True", "Watching").await;
    world.link.cut();
    let interrupted = || async { world.server().process.log().contains("RayClusters cannot be watched") };
    world.server().eventually("the watch is interrupted", LATE, interrupted).await;
    world.link.mend();
    // Lasting: two times the pause between two writes, with what is written first about the outage.
    let watching = |since: Instant| async move { since.elapsed() > Duration::from_secs(25) };
    let since = Instant::now();
    world.server().eventually("some time", SOON, || watching(since)).await;
    world.has("ClustersWatched", "True", "Watching").await;
    let mended = world.plane.requests_from(&world.namespace);
    let cut = mended.iter().rposition(|request| request.is("watch", "ray.io/rayclusters")).unwrap();
    let listed = mended[cut..]
        .iter()
        .any(|request| request.is("list", "ray.io/rayclusters") && request.uri.contains("limit=250"));
    assert!(!listed, "it was not listed anew");
}

pub(crate) async fn watch_expiry_loses_nothing(stage: Stage) {
    let sessions = [("gone", LATER), ("stays", LATER)];
    let world = World::new(stage.other().await, &["gone", "stays"], &sessions).await;
    world.is("gone", LATER, "live", SOON).await;
    world.link.cut();
    world.delete("gone").await;
    world.create("new").await;
    world.store("new", LATER);
    // etcd forgets the versions in between: the watch cannot go on where it was (410).
    world.plane.compact().await;
    world.link.mend();
    world.is("gone", LATER, "dead", LATE).await;
    world.is("new", LATER, "live", LATE).await;
    world.is("stays", LATER, "live", SOON).await;
    let lists = world.plane.requests_from(&world.namespace);
    let lists =
        lists.iter().filter(|request| request.is("list", "ray.io/rayclusters") && request.uri.contains("limit=250"));
    assert!(lists.count() >= 2, "it was listed anew");
}

pub(crate) async fn missing_definitions_are_waited_for_at_the_start(_: Stage) {
    let mut world = World::empty(Stage::bare().await, Form::Namespaced).await;
    world.store("c", LATER);
    world.start().await;
    let missing = || async {
        let ready = world.server().text("/readyz").await;
        ready.contains("the API server knows no RayHistory: apply crds/")
    };
    world.server().eventually("readiness names the definition", SOON, missing).await;
    assert_eq!([world.server().status("/readyz").await, world.server().status("/livez").await], [503, 200]);
    world.plane.define_ours().await;
    let absent = || async { world.server().text("/readyz").await.contains("there is no RayHistory") };
    world.server().eventually("readiness asks for the object", LATE, absent).await;
    world.plane.apply(world.history()).await;
    let message = world.has("ClustersWatched", "False", "CrdMissing").await;
    assert!(message.contains("install KubeRay's CRDs"), "{message}");
    world.is("c", LATER, "unknown", SOON).await;
    world.opens("c", LATER).await;
    world.plane.define_ray().await;
    world.create("c").await;
    world.is("c", LATER, "live", LATE).await;
    world.has("ClustersWatched", "True", "Watching").await;
}

pub(crate) async fn an_unreachable_api_server_is_waited_for_at_the_start(stage: Stage) {
    let mut world = World::empty(stage.shared().await, Form::Namespaced).await;
    world.plane.apply(world.history()).await;
    world.link.cut();
    world.start().await;
    let away = || async { world.server().text("/readyz").await.contains("the API server cannot be reached") };
    world.server().eventually("readiness says why", SOON, away).await;
    world.link.mend();
    world.server().eventually("it is ready", LATE, || async { world.server().status("/readyz").await == 200 }).await;
}

pub(crate) async fn a_missing_permission_is_waited_for_at_the_start(stage: Stage) {
    let mut world = World::empty(stage.shared().await, Form::Namespaced).await;
    world.may_be_refused = true;
    world.create("c").await;
    world.store("c", LATER);
    world.rights.revoke(&world.plane).await;
    world.serve().await;
    let refused = || async { world.server().text("/readyz").await.contains("it may not be read") };
    world.server().eventually("readiness says why", SOON, refused).await;
    world.rights.clone().without("list", "ray.io/rayclusters").grant(&world.plane).await;
    let message = world.has("ClustersWatched", "False", "Forbidden").await;
    assert!(message.contains("allow list and watch on rayclusters.ray.io"), "{message}");
    world.is("c", LATER, "unknown", SOON).await;
    world.rights.grant(&world.plane).await;
    world.is("c", LATER, "live", LATE).await;
    world.has("ClustersWatched", "True", "Watching").await;
}

pub(crate) async fn clusters_that_may_not_be_watched_are_listed(stage: Stage) {
    let mut world = World::empty(stage.shared().await, Form::Namespaced).await;
    world.may_be_refused = true;
    world.rights.clone().without("watch", "ray.io/rayclusters").grant(&world.plane).await;
    world.create("c").await;
    world.store("c", LATER);
    world.plane.apply(world.history_with("prewarm", serde_json::json!({"enabled": false}))).await;
    world.start().await;
    world.is("c", LATER, "live", LATE).await;
    world.has("ClustersWatched", "True", "ListingOnly").await;
    world.delete("c").await;
    world.is("c", LATER, "dead", LATE).await;
    // Another list changes nothing: the condition is not written again.
    let writes = || {
        let requests = world.plane.requests_from(&world.namespace);
        requests.iter().filter(|request| request.is("patch", "history.ray.io/rayhistories/status")).count()
    };
    tokio::time::sleep(Duration::from_secs(25)).await;
    let before = writes();
    tokio::time::sleep(Duration::from_secs(35)).await;
    assert_eq!(writes(), before, "nothing changed");
    world.has("ClustersWatched", "True", "ListingOnly").await;
    world.rights.grant(&world.plane).await;
    world.has("ClustersWatched", "True", "Watching").await;
}
