//! Five thousand clusters: listed in pages, in little memory; the deletion of five hundred causes no burst of loads.

use crate::manifests::Form;
use crate::stage::Stage;
use crate::world::{LATE, LATER, SOON, World};
use futures_util::{StreamExt, stream};
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CLUSTERS: usize = 5_000;
const GONE: usize = 500;
const ROOM: u64 = 20 << 20;

/// Returns a cluster of a usual size: some kilobytes.
fn cluster(world: &World, n: usize) -> Value {
    let mut object = world.cluster(&format!("c{n:04}"));
    let environment: Vec<Value> = (0..80)
        .map(|n| json!({"name": format!("VARIABLE_{n}"), "value": "a value that somebody needed once"}))
        .collect();
    let pod = json!({"spec": {"containers": [{
        "name": "ray", "image": "registry.example/ray:2.60.0", "env": environment,
        "resources": {"limits": {"cpu": "4", "memory": "16Gi"}},
    }]}});
    object["metadata"]["labels"] = json!({"gone": (n < GONE).to_string()});
    object["spec"] = json!({
        "rayVersion": "2.60.0",
        "headGroupSpec": {"rayStartParams": {"dashboard-host": "0.0.0.0"}, "template": pod},
        "workerGroupSpecs": [{"groupName": "workers", "replicas": 4, "template": pod}],
    });
    object
}

pub(crate) async fn five_thousand_clusters_cost_little_and_five_hundred_may_go(stage: Stage) {
    let mut world = World::empty(stage.shared().await, Form::Namespaced).await;
    let size = cluster(&world, 0).to_string().len();
    assert!(CLUSTERS * size > 2 * ROOM as usize, "whole objects would not fit");
    // A replica that knows none of them, to compare with.
    let mut none = World::new(stage.shared().await, &[], &[]).await;
    let api = world.plane.api(&cluster(&world, 0));
    let created = stream::iter(0..CLUSTERS).map(|n| {
        let (api, object) = (api.clone(), serde_json::from_value(cluster(&world, n)).unwrap());
        async move { drop(api.create(&PostParams::default(), &object).await.unwrap()) }
    });
    created.buffer_unordered(16).collect::<Vec<()>>().await;
    for n in 0..GONE {
        world.store(&format!("c{n:04}"), LATER);
    }
    drop(none.servers.pop());
    none.start().await;
    world.serve().await;
    let live = || async { world.status().await["sessions"]["live"] == GONE };
    world.server().eventually("all are known", LATE, live).await;
    let requests = world.plane.requests_from(&world.namespace);
    let pages = requests.iter().filter(|request| request.is("list", "ray.io/rayclusters")).collect::<Vec<_>>();
    assert_eq!(pages.len(), CLUSTERS / 250, "{pages:?}");
    assert!(pages.iter().all(|page| page.uri.contains("limit=250")), "{pages:?}");
    let with = world.server().process.resident();
    let without = none.server().process.resident();
    println!("{CLUSTERS} clusters of {size} bytes: {} KiB, without {} KiB", with >> 10, without >> 10);
    assert!(with < without + ROOM, "{with} bytes with, {without} without");

    let begun = Instant::now();
    let gone = ListParams::default().labels("gone=true");
    api.delete_collection(&DeleteParams::default(), &gone).await.unwrap();
    let mut most = 0.0_f64;
    let dead = async || world.server().metric("ray_history_catalog_sessions", "dead").await;
    while dead().await < 500.0 {
        assert!(begun.elapsed() < LATE, "{} are dead\n{}", dead().await, world.server().process.tail());
        most = most.max(world.server().metric("ray_history_loads_running", "").await);
    }
    world.has_event("SessionsEnded", "RayHistory", "sessions have ended").await;
    // For a minute, in which the first of them go quiet: one load at a time, and folders are looked at one a second.
    let requests = async || world.server().metric("ray_history_catalog_list_requests_total", "Cluster").await;
    while begun.elapsed() < Duration::from_secs(75) {
        most = most.max(world.server().metric("ray_history_loads_running", "").await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(most <= 1.0, "{most} loads at once");
    let loads = world.server().metric("ray_history_loads_total", "").await;
    println!("after 75 s: {loads} loads, {} requests for folders of clusters", requests().await);
    assert!((1.0..=60.0).contains(&loads), "{loads} loads");
    // A look at one cluster is some requests; the burst is ten looks, then there is one a second.
    let per_look = 12.0;
    assert!(requests().await <= per_look * (10.0 + begun.elapsed().as_secs_f64()), "{}", requests().await);
    // Few Events for many deaths, and users come first.
    assert!(world.events("SessionEnded", "RayHistory").await.len() <= 40);
    let open = world.nodes("c0000", LATER);
    world.server().eventually("a session opens", SOON, || async { world.server().status(&open).await == 200 }).await;
}
