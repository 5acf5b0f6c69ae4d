//! How liveness follows what happens to RayClusters.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_marks_the_session_dead_within_two_seconds_and_its_dashboard_opens() {
    let world = World::new(&["c"], &[("c", LATER)]).await;
    world.server.is(&path("c", LATER), "live", SOON).await;
    world.delete("c").await;
    world.server.is(&path("c", LATER), "dead", TWO_SECONDS).await;
    assert_eq!(world.server.get(&format!("/sessions/team/c/{LATER}/nodes?view=summary")).await, 200);
    let said = || async { !world.events("SessionEnded").await.is_empty() };
    world.server.eventually("an Event on the RayHistory", SOON, said).await;
    let event = world.events("SessionEnded").await.remove(0);
    assert_eq!(event.regarding.unwrap().kind.as_deref(), Some("RayHistory"));
    assert!(event.note.unwrap().contains(&format!("/sessions/team/c/{LATER}/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_during_an_outage_is_found_after_it_and_stored_sessions_are_served_all_the_while() {
    let mut world = World::new(&["gone", "stays"], &[("gone", LATER), ("stays", LATER)]).await;
    world.server.is(&path("gone", LATER), "live", SOON).await;
    // The API server restarts, so that the watch cannot go on where it was: what is deleted meanwhile is not told.
    world.plane.stop_server();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(world.server.get(&format!("/sessions/team/stays/{LATER}/nodes?view=summary")).await, 200);
    assert_eq!(world.server.get("/readyz").await, 200);
    world.plane.start_server().await;
    world.delete("gone").await;
    world.server.is(&path("gone", LATER), "dead", Duration::from_secs(60)).await;
    world.server.is(&path("stays", LATER), "live", SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_clusters_old_session_is_dead_and_open_while_the_new_one_is_live() {
    let world = World::new(&["c"], &[("c", LATER)]).await;
    world.server.is(&path("c", LATER), "live", SOON).await;
    world.delete("c").await;
    world.server.is(&path("c", LATER), "dead", TWO_SECONDS).await;
    world.plane.apply(cluster_object("c")).await;
    world.bucket.store("c", LATER_STILL);
    world.server.is(&path("c", LATER_STILL), "live", Duration::from_secs(90)).await;
    world.server.is(&path("c", LATER), "dead", SOON).await;
    assert_eq!(world.server.get(&format!("/sessions/team/c/{LATER}/nodes?view=summary")).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_clusters_session_is_dead_and_live_again_when_it_resumes() {
    let world = World::new(&["c"], &[("c", LATER)]).await;
    world.server.is(&path("c", LATER), "live", SOON).await;
    world.suspend("c", true).await;
    world.server.is(&path("c", LATER), "dead", TWO_SECONDS).await;
    world.suspend("c", false).await;
    world.server.is(&path("c", LATER), "live", TWO_SECONDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_restart_makes_the_older_session_dead() {
    let world = World::new(&["c"], &[("c", SESSION), ("c", LATER)]).await;
    world.server.is(&path("c", LATER), "live", SOON).await;
    world.server.is(&path("c", SESSION), "dead", SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_rayjobs_cluster_is_told_on_the_rayjob() {
    let world = World::new(&[], &[]).await;
    let job = json!({
        "apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": {"name": "nightly", "namespace": "team"}, "spec": {},
    });
    let job = world.plane.apply(job).await;
    let mut cluster = cluster_object("nightly-x7k2p");
    cluster["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "ray.io/v1", "kind": "RayJob", "name": "nightly", "uid": job.metadata.uid}]);
    world.plane.apply(cluster).await;
    world.bucket.store_of_job("nightly", "nightly-x7k2p", LATER);
    world.server.is(&path("nightly-x7k2p", LATER), "live", Duration::from_secs(90)).await;
    world.delete("nightly-x7k2p").await;
    let told = || async {
        let events = world.events("SessionEnded").await;
        events.iter().any(|event| event.regarding.as_ref().is_some_and(|about| about.kind.as_deref() == Some("RayJob")))
    };
    world.server.eventually("an Event on the RayJob", SOON, told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_do_not_see_each_others_clusters_and_a_missing_permission_is_told() {
    let world = World::new(&["c"], &[("c", LATER)]).await;
    world.plane.namespace("other").await;
    let mut both = history_object(&world.bucket);
    both["spec"]["clusters"]["namespaces"] = json!(["team", "other"]);
    world.plane.apply(both).await;
    world.has_condition("ClustersWatched", "False", "Forbidden", SOON * 3).await;
    world.server.is(&path("c", LATER), "live", SOON).await;
}

