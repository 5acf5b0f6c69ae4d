//! Sessions that are loaded before the first request.

use crate::bucket::Owner;
use crate::stage::Stage;
use crate::world::{LATER, SOON, World};
use serde_json::json;
use std::time::{Duration, Instant};

/// Returns the number of loads of each replica so far.
async fn loads(world: &World) -> Vec<f64> {
    let mut loads = Vec::new();
    for server in &world.servers {
        loads.push(server.metric("ray_history_loads_total", "").await);
    }
    loads
}

/// Nothing is loaded while uploads still arrive, and no second replica loads it.
pub(crate) async fn a_dead_session_is_loaded_by_one_replica_once_it_is_quiet(stage: Stage) {
    let mut world = World::new(stage.shared().await, &["c"], &[("c", LATER)]).await;
    world.start().await;
    world.is("c", LATER, "live", SOON).await;
    let both = || async { world.status().await["replicas"].as_array().is_some_and(|all| all.len() == 2) };
    world.server().eventually("both replicas serve", Duration::from_secs(120), both).await;
    world.delete("c").await;
    // Files go on to arrive for a while: nothing is loaded meanwhile.
    let begun = Instant::now();
    let mut node = 2;
    while begun.elapsed() < Duration::from_secs(60) {
        world.bucket.events(&world.namespace, Owner::Nobody, "c", LATER, node);
        node += 1;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(loads(&world).await, [0.0, 0.0], "it was loaded while files arrived");
    }
    let one = || async { loads(&world).await.iter().sum::<f64>() >= 1.0 };
    world.server().eventually("it is loaded", Duration::from_secs(240), one).await;
    // And by no other replica.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let loads = loads(&world).await;
    assert!(loads == [1.0, 0.0] || loads == [0.0, 1.0], "{loads:?}");
}

pub(crate) async fn without_prewarm_nothing_is_loaded_before_a_request(stage: Stage) {
    let mut world = World::empty(stage.shared().await, crate::manifests::Form::Namespaced).await;
    world.create("c").await;
    world.store("c", LATER);
    world.plane.apply(world.history_with("prewarm", json!({"enabled": false}))).await;
    world.start().await;
    world.is("c", LATER, "live", Duration::from_secs(120)).await;
    world.delete("c").await;
    world.is("c", LATER, "dead", SOON).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(loads(&world).await, [0.0]);
}
