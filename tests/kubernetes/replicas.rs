//! Several replicas, and what they write into the status.

use crate::stage::Stage;
use crate::world::{LATE, LATER, SOON, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const STATUS: &str = "history.ray.io/rayhistories/status";

/// Returns the names of the entries in the status.
fn names(status: &Value) -> Vec<String> {
    let replicas = status["replicas"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<_> = replicas.iter().map(|replica| replica["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Returns the field managers of the status, each with `true` if it has the shared fields.
async fn managers(world: &World) -> Vec<(String, bool)> {
    let object = world.plane.api(&world.history()).get("main").await.unwrap();
    let managed = object.metadata.managed_fields.unwrap_or_default().into_iter();
    let of_status = managed.filter(|managed| managed.subresource.as_deref() == Some("status"));
    let mut managers: Vec<_> = of_status
        .map(|managed| {
            let fields = managed.fields_v1.unwrap().0["f:status"].clone();
            (managed.manager.unwrap(), fields.get("f:conditions").is_some())
        })
        .collect();
    managers.sort();
    managers
}

pub(crate) async fn a_killed_replica_is_gone_from_the_status_within_a_minute(stage: Stage) {
    let mut world = World::new(stage.shared().await, &["doomed"], &[("c", LATER), ("doomed", LATER)]).await;
    world.start().await;
    let both = || async { names(&world.status().await) == ["replica-a", "replica-b"] };
    world.server().eventually("two entries", LATE, both).await;
    world.has("Ready", "True", "Serving").await;
    // Shared fields have one writer, entries one each.
    let expected = [("ray-history", true), ("ray-history/replica-a", false), ("ray-history/replica-b", false)];
    assert_eq!(managers(&world).await, expected.map(|(name, shared)| (name.to_owned(), shared)));
    // The first replica leads: the other takes over, and publishes the deaths of the meantime.
    drop(world.servers.remove(0));
    world.delete("doomed").await;
    let left = || async {
        let status = world.status().await;
        names(&status) == ["replica-b"] && status["sessions"]["total"] == 3
    };
    world.store("new", LATER);
    world.server().eventually("one entry, and what is new", Duration::from_secs(60), left).await;
    world.has_event("SessionEnded", "RayHistory", &format!("/doomed/{LATER}/")).await;
    let expected = [("ray-history", true), ("ray-history/replica-b", false)];
    assert_eq!(managers(&world).await, expected.map(|(name, shared)| (name.to_owned(), shared)));
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "main-replica-a", "namespace": world.namespace},
    });
    let cleared = || async { world.plane.api(&lease).get_opt("main-replica-a").await.unwrap().is_none() };
    world.server().eventually("its Lease is gone", SOON, cleared).await;
}

pub(crate) async fn a_stopped_replica_removes_its_entry_and_its_lease(stage: Stage) {
    let mut world = World::new(stage.shared().await, &[], &[("c", LATER)]).await;
    world.start().await;
    let both = || async { names(&world.status().await) == ["replica-a", "replica-b"] };
    world.server().eventually("two entries", LATE, both).await;
    let begun = Instant::now();
    world.servers.remove(0).process.terminate().await;
    assert_eq!(names(&world.status().await), ["replica-b"]);
    assert!(begun.elapsed() < Duration::from_secs(20));
    // The next leader writes at once: no Lease has to run out first.
    world.store("new", LATER);
    let total = || async { world.status().await["sessions"]["total"] == 2 };
    world.server().eventually("the other one leads", LATE, total).await;
    assert_eq!(world.has("Ready", "True", "Serving").await, "sessions are served");
}

pub(crate) async fn a_replica_writes_changes_only_and_once_in_ten_seconds(stage: Stage) {
    let world = World::new(stage.shared().await, &["c"], &[("c", LATER)]).await;
    world.has("Ready", "True", "Serving").await;
    // Something is different every second.
    let begun = Instant::now();
    let mut suspended = false;
    while begun.elapsed() < Duration::from_secs(45) {
        suspended = !suspended;
        world.suspend("c", suspended).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    world.suspend("c", false).await;
    let settled = || async { world.status().await["sessions"] == json!({"total": 1, "live": 1, "dead": 0}) };
    world.server().eventually("the status says how it is", LATE, settled).await;
    let writes = || -> Vec<_> {
        let requests = world.plane.requests_from(&world.namespace);
        requests.into_iter().filter(|request| request.is("patch", STATUS)).collect()
    };
    let times: Vec<jiff::Timestamp> = writes().iter().map(|write| write.at.parse().unwrap()).collect();
    assert!(times.len() >= 4, "{times:?}");
    for pair in times.windows(2) {
        // The pause is counted from when a write was sent, and this is when it came.
        let pause = pair[1].duration_since(pair[0]);
        assert!(pause.as_secs_f64() > 9.0, "{times:?}");
    }
    // All that is written is applied by one of our managers.
    let managers: BTreeSet<_> = writes()
        .iter()
        .map(|write| write.uri.split("fieldManager=").nth(1).unwrap().split('&').next().unwrap().to_owned())
        .collect();
    assert_eq!(managers.into_iter().collect::<Vec<_>>(), ["ray-history", "ray-history%2Freplica-a"]);
    // An own entry that differs is written even if the shared fields change all the time.
    tokio::time::sleep(Duration::from_secs(22)).await;
    let before = writes().len();
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(writes().len(), before, "nothing has changed");
}
