//! Retention with a real API server: proofs of death, the plan, the status, and a deletion that goes on.

use crate::stage::Stage;
use crate::world::{LATER, SESSION, World};
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Age of stored files, beyond the rule's.
const OLD: Duration = Duration::from_secs(60 * 86_400);

/// Makes everything in a folder old.
fn age(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age(&path);
        } else {
            File::options().append(true).open(&path).unwrap().set_modified(SystemTime::now() - OLD).unwrap();
        }
    }
}

fn rules(mode: &str) -> Value {
    json!({"mode": mode, "grace": "24h", "maxShare": 100, "rules": [{"maxAge": "720h"}]})
}

/// Returns the plan of a session.
async fn planned(world: &World, cluster: &str) -> Value {
    let plan = world.server().json("/api/history/v1/retention?decision=all&limit=1000").await.unwrap_or_default();
    let sessions = plan["plan"].as_array().cloned().unwrap_or_default();
    let is_it = |session: &Value| session["namespace"] == *world.namespace && session["cluster"] == cluster;
    sessions.into_iter().find(is_it).unwrap_or_default()
}

/// Whoever lives stays; of the dead, each has its proof, and none is marked on the first day of a server.
pub(crate) async fn each_dead_session_has_a_proof_and_the_living_have_none(stage: Stage) {
    let mut world = World::empty(stage.shared().await, crate::manifests::Form::Namespaced).await;
    // In single namespaces it may not read which Kubernetes this is.
    world.may_be_refused = true;
    for cluster in ["lives", "suspended", "made-again", "kept"] {
        world.create(cluster).await;
    }
    let label = json!({"metadata": {"labels": {"history.ray.io/keep": "true"}}});
    world.change(&world.cluster("kept"), label).await;
    for cluster in ["suspended", "kept"] {
        world.suspend(cluster, true).await;
    }
    world.store("lives", LATER);
    // An object of the same name is younger than this session.
    for cluster in ["suspended", "made-again", "kept", "gone"] {
        world.store(cluster, SESSION);
    }
    age(world.bucket.path());
    world.plane.apply(world.history_with("retention", rules("Delete"))).await;
    world.start().await;
    for (cluster, decision, proof) in [
        ("lives", "live", Value::Null),
        ("suspended", "justListed", json!("this server saw its cluster go")),
        ("made-again", "justListed", json!("this server saw its cluster go")),
        ("kept", "pinned", json!("this server saw its cluster go")),
        ("gone", "justListed", json!("Kubernetes has no such cluster")),
    ] {
        let is_told = || async { planned(&world, cluster).await["decision"] == decision };
        world.server().eventually(&format!("{cluster} is {decision}"), Duration::from_secs(90), is_told).await;
        assert_eq!(planned(&world, cluster).await["proof"], proof, "{cluster}");
    }
    world.has("RetentionRuns", "True", "Idle").await;
    let kept = || async { world.status().await["retention"]["kept"]["young"] == 3 };
    world.server().eventually("the status counts what stays", Duration::from_secs(60), kept).await;
    let status = world.status().await["retention"].clone();
    assert_eq!(
        (&status["mode"], &status["kept"]["pinned"], &status["kept"]["live"]),
        (&json!("Delete"), &json!(1), &json!(1))
    );
    assert!(!world.bucket.path().join("ray-history/v1/tombstones").exists(), "nothing is marked");
}

/// The leader goes on with a deletion that another one began: the session is closed, deleted and 410.
pub(crate) async fn a_deletion_that_was_begun_is_finished_and_told(stage: Stage) {
    let mut world = World::empty(stage.shared().await, crate::manifests::Form::Namespaced).await;
    // In single namespaces it may not read which Kubernetes this is.
    world.may_be_refused = true;
    for cluster in ["doomed", "stays"] {
        world.store(cluster, SESSION);
    }
    age(world.bucket.path());
    world.plane.apply(world.history_with("retention", rules("DryRun"))).await;
    world.start().await;
    world.opens("doomed", SESSION).await;
    let namespace = world.namespace.clone();
    let marks = world.bucket.path().join(format!("ray-history/v1/tombstones/{namespace}/doomed"));
    std::fs::create_dir_all(&marks).unwrap();
    let now = jiff::Timestamp::now();
    let ago = |days: i64| (now - jiff::SignedDuration::from_hours(24 * days)).to_string();
    let mark = json!({
        "schema": "ray-history/tombstone/v1", "phase": "deleting", "at": ago(9), "notBefore": ago(2), "changed": ago(1),
        "checked": ago(1), "rule": 0, "reason": "rule 1: it is old", "rulesDigest": "x", "digest": "0".repeat(32), "objects": 2,
        "bytes": 2,
    });
    std::fs::write(marks.join(format!("{SESSION}.json")), mark.to_string()).unwrap();
    let path = format!("/sessions/{namespace}/doomed/{SESSION}/api/v0/tasks");
    let is_gone = || async { world.server().get(&path).await.status == 410 };
    world.server().eventually("the open session is closed", Duration::from_secs(90), is_gone).await;
    let data = world.bucket.path().join(format!("cluster-history/raycluster/{namespace}/doomed"));
    assert!(data.exists(), "a dry run deletes nothing");
    world.plane.apply(world.history_with("retention", rules("Delete"))).await;
    let is_deleted = || async { !data.exists() };
    world.server().eventually("its data is deleted", Duration::from_secs(180), is_deleted).await;
    let marker = world.bucket.path().join(format!("cluster-metadata/raycluster/{namespace}_doomed/{SESSION}"));
    assert!(!marker.exists());
    let is_told = || async {
        let reply = world.server().get(&path).await;
        reply.status == 410
            && reply.body.contains("was deleted by retention")
            && reply.body.contains("rule 1: it is old")
    };
    world.server().eventually("who asks is told", Duration::from_secs(90), is_told).await;
    world.opens("stays", SESSION).await;
    let counted = || async { world.status().await["retention"]["deleted"]["sessions"] == 1 };
    world.server().eventually("the status counts it", Duration::from_secs(60), counted).await;
    assert!(world.server().metric("ray_history_retention_objects_deleted_total", "").await >= 2.0);
}
