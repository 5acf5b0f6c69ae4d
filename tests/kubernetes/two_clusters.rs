//! Two Kubernetes clusters, each with an API server of its own, that write into one bucket which is declared shared.

use crate::bucket::Owner;
use crate::common::server::Server;
use crate::manifests::Form;
use crate::stage::Stage;
use crate::world::{LATE, SOON, World, started};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Makes two worlds on one bucket, each of which sees all namespaces of its own control plane. Nothing runs yet.
async fn two(stage: &Stage) -> (World, World) {
    let one = World::empty(stage.shared().await, Form::ClusterWide).await;
    let mut two = World::empty(stage.own().await, Form::ClusterWide).await;
    two.bucket = Arc::clone(&one.bucket);
    (one, two)
}

async fn serve(world: &mut World) {
    world.plane.apply(world.history_with("clusters", json!({"namespaces": [], "sharedStorage": true}))).await;
    world.start().await;
}

async fn state_is(server: &Server, place: &str, state: &str, within: Duration) {
    let [namespace, cluster, session] = place.split('/').collect::<Vec<_>>()[..] else { panic!("{place}") };
    let is = || async { server.state(namespace, cluster, session).await == state };
    server.eventually(&format!("{place} {state}"), within, is).await;
}

pub(crate) async fn on_a_shared_bucket_sessions_of_others_are_never_dead(stage: Stage) {
    let (mut one, mut two) = two(&stage).await;
    let session = started(0, 0);
    for (world, cluster) in [(&one, "a"), (&two, "b")] {
        world.create(cluster).await;
        world.store(cluster, &session);
    }
    serve(&mut one).await;
    serve(&mut two).await;
    let (a, b) = (format!("{}/a/{session}", one.namespace), format!("{}/b/{session}", two.namespace));
    for (server, mine, theirs) in [(one.server(), &a, &b), (two.server(), &b, &a)] {
        state_is(server, mine, "live", LATE).await;
        state_is(server, theirs, "unknown", SOON).await;
    }
    one.delete("a").await;
    state_is(one.server(), &a, "dead", SOON).await;
    state_is(two.server(), &a, "unknown", SOON).await;
    state_is(one.server(), &b, "unknown", SOON).await;
    // After another listing, too.
    two.link.cut();
    two.link.mend();
    state_is(two.server(), &a, "unknown", SOON).await;
    state_is(two.server(), &b, "live", SOON).await;
    for (server, path) in [(one.server(), &b), (two.server(), &a)] {
        assert_eq!(server.status(&format!("/sessions/{path}/nodes?view=summary")).await, 200);
    }
}

/// One namespace and name in two Kubernetes clusters: of the two sessions one must be labelled wrongly.
pub(crate) async fn a_wrong_label_of_a_shared_name_loses_no_late_file(stage: Stage) {
    let (mut one, mut two) = two(&stage).await;
    // The same namespace and name on both sides; of the two sessions one must be labelled wrongly.
    let team = format!("{}-both", one.namespace);
    for world in [&mut one, &mut two] {
        world.plane.namespace(&team).await;
        let own = std::mem::replace(&mut world.namespace, team.clone());
        world.create("c").await;
        world.namespace = own;
    }
    let [older, newer] = [started(0, 0), started(1, 0)];
    let sessions = [older.as_str(), newer.as_str()];
    for session in sessions {
        one.bucket.store(&team, Owner::Nobody, "c", session);
    }
    serve(&mut one).await;
    serve(&mut two).await;
    let nodes = async |server: &Server, session: &str| {
        let answer = server.json(&format!("/sessions/{team}/c/{session}/nodes?view=summary")).await;
        answer.and_then(|answer| answer["data"]["summary"].as_array().map(Vec::len)).unwrap_or_default()
    };
    for server in [one.server(), two.server()] {
        state_is(server, &format!("{team}/c/{newer}"), "live", LATE).await;
        state_is(server, &format!("{team}/c/{older}"), "dead", SOON).await;
        for session in sessions {
            server.eventually("it opens", SOON, || async { nodes(server, session).await == 1 }).await;
        }
    }
    for session in sessions {
        one.bucket.events(&team, Owner::Nobody, "c", session, 2);
    }
    for server in [one.server(), two.server()] {
        for session in sessions {
            let whole = || async { nodes(server, session).await == 2 };
            server.eventually(&format!("the late file of {session}"), LATE, whole).await;
        }
    }
    // The deletion on one side does not change the state on the other.
    two.namespace = team.clone();
    two.delete("c").await;
    state_is(two.server(), &format!("{team}/c/{newer}"), "dead", SOON).await;
    assert_eq!(one.server().state(&team, "c", &newer).await, "live");
}
