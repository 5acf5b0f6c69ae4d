//! Settings that change while the server runs.

use crate::bucket::{Bucket, Owner};
use crate::common::stores::{free_port, versitygw};
use crate::manifests::Form;
use crate::stage::Stage;
use crate::world::{LATE, LATER, LATER_STILL, SOON, World};
use serde_json::{Value, json};

pub(crate) async fn a_bad_rayhistory_keeps_the_last_good_settings(stage: Stage) {
    let world = World::new(stage.shared().await, &["c"], &[("c", LATER)]).await;
    world.has("Ready", "True", "Serving").await;
    world.plane.apply(world.history_with("storage", json!({"local": {"path": "/there/is/no/such/folder"}}))).await;
    let why = world.has("SettingsApplied", "False", "Rejected").await;
    assert!(why.contains("/there/is/no/such/folder") && why.contains("stay in force"), "{why}");
    world.has("Ready", "True", "ServingLastGood").await;
    world.has_event("SettingsRejected", "RayHistory", "/there/is/no/such/folder").await;
    world.opens("c", LATER).await;
    world.plane.apply(world.history()).await;
    world.has("SettingsApplied", "True", "Applied").await;
    world.has("Ready", "True", "Serving").await;
}

pub(crate) async fn a_smaller_cache_keeps_the_sessions_that_fit(stage: Stage) {
    let world = World::new(stage.shared().await, &[], &[("one", LATER), ("two", LATER)]).await;
    for cluster in ["one", "two"] {
        world.opens(cluster, LATER).await;
    }
    let loads = async || world.server().metric("ray_history_loads_total", "").await;
    assert_eq!(loads().await, 2.0);
    let mut smaller = world.history_with("cache", json!({"maxMemory": "128Mi"}));
    smaller["spec"]["loading"] = json!({"maxConcurrent": 1});
    world.plane.apply(smaller).await;
    let limit = || async { world.server().metric("ray_history_memory_limit_bytes", "").await == f64::from(128 << 20) };
    world.server().eventually("the new limit", SOON, limit).await;
    for cluster in ["one", "two"] {
        world.opens(cluster, LATER).await;
    }
    assert_eq!(loads().await, 2.0, "both were still open");
    world.plane.apply(world.history_with("cache", json!({"maxSessions": 1}))).await;
    let one = || async { world.server().metric("ray_history_cache_sessions", "").await == 1.0 };
    world.server().eventually("one session is let go", SOON, one).await;
    let reported = || async { world.status().await["replicas"][0]["cache"]["sessions"] == 1 };
    world.server().eventually("the status says so", LATE, reported).await;
}

pub(crate) async fn another_store_is_opened_before_it_replaces_the_old_one(stage: Stage) {
    let world = World::new(stage.shared().await, &[], &[("c", LATER)]).await;
    world.opens("c", LATER).await;
    // One that does not answer: nothing changes but what is said, and nothing else waits for it.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let s3 = json!({"bucket": "ray", "region": "us-east-1", "endpoint": endpoint, "anonymous": true});
    // Fields that another version of the object had would stay, so it is replaced as a whole.
    let replace = async |storage: Value| {
        let mut history = world.history_with("storage", storage);
        let api = world.plane.api(&history);
        loop {
            history["metadata"]["resourceVersion"] = json!(api.get("main").await.unwrap().metadata.resource_version);
            let wanted = serde_json::from_value(history.clone()).unwrap();
            match api.replace("main", &kube::api::PostParams::default(), &wanted).await {
                // The server wrote the status in between.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                replaced => break drop(replaced.unwrap()),
            }
        }
    };
    replace(json!({ "s3": s3 })).await;
    world.has("SettingsApplied", "Unknown", "Pending").await;
    world.opens("c", LATER).await;
    world.create("c").await;
    world.is("c", LATER, "live", SOON).await;
    world.delete("c").await;
    world.has_event("SessionEnded", "RayHistory", &format!("/c/{LATER}/")).await;
    let other = Bucket::new();
    for cluster in ["one", "two"] {
        other.store(&world.namespace, Owner::Nobody, cluster, LATER);
    }
    replace(json!({"local": {"path": other.path()}})).await;
    world.server().eventually("the other store", SOON, || async { world.total().await == Some(2) }).await;
    world.has("SettingsApplied", "True", "Applied").await;
    assert_eq!(world.status().await["storage"], format!("file://{}", other.path().display()));
    assert_eq!(world.server().status(&world.nodes("c", LATER)).await, 404, "that was the other store's");
}

pub(crate) fn secret(world: &World, key: &str, secret: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "ray-history-storage", "namespace": world.namespace},
        "stringData": {"accessKeyId": key, "secretAccessKey": secret},
    })
}

/// Returns the bucket `ray` of an S3 server, with the keys of the Secret.
pub(crate) fn s3(port: u16) -> Value {
    json!({"s3": {
        "bucket": "ray", "region": "us-east-1", "endpoint": format!("http://127.0.0.1:{port}"), "forcePathStyle": true,
        "credentialsSecretRef": {"name": "ray-history-storage"},
    }})
}

/// Open sessions stay open; no key is logged.
pub(crate) async fn a_rotated_secret_is_used_without_a_restart(stage: Stage) {
    let mut world = World::empty(stage.shared().await, Form::Namespaced).await;
    world.store("c", LATER);
    let port = free_port();
    let before = versitygw(world.bucket.parent(), port, "first", "first-secret");
    world.plane.apply(world.history_with("storage", s3(port))).await;
    world.start().await;
    // There is no Secret yet.
    let why = world.has("SettingsApplied", "False", "Rejected").await;
    assert!(why.contains(&format!("Secret {}/ray-history-storage does not exist", world.namespace)), "{why}");
    assert_eq!(world.server().status("/readyz").await, 503);
    world.plane.apply(secret(&world, "first", "first-secret")).await;
    world.server().eventually("it is ready", LATE, || async { world.server().status("/readyz").await == 200 }).await;
    world.opens("c", LATER).await;
    let loads = world.server().metric("ray_history_loads_total", "").await;
    // The keys are others on the server, and then in the Secret.
    drop(before);
    let _after = versitygw(world.bucket.parent(), port, "second", "second-secret");
    world.store("late", LATER_STILL);
    let late = world.nodes("late", LATER_STILL);
    assert_ne!(world.server().status(&late).await, 200, "the old keys open nothing");
    world.plane.apply(secret(&world, "second", "second-secret")).await;
    world
        .server()
        .eventually("requests work again", LATE, || async { world.server().status(&late).await == 200 })
        .await;
    world.opens("c", LATER).await;
    let after = world.server().metric("ray_history_loads_total", "Whole").await
        + world.server().metric("ray_history_loads_total", "whole").await;
    assert_eq!(after, loads + 1.0, "what was open stayed open");
    world.has("SettingsApplied", "True", "Applied").await;
    world.has("StorageReachable", "True", "Listed").await;
    assert!(!world.server().process.log().contains("-secret"), "a key was logged");
}

pub(crate) async fn a_missing_secret_is_reported_and_the_last_good_settings_stay(stage: Stage) {
    let world = World::new(stage.shared().await, &[], &[("c", LATER)]).await;
    let s3 = json!({
        "bucket": "ray", "region": "us-east-1", "endpoint": "http://127.0.0.1:9",
        "credentialsSecretRef": {"name": "ray-history-storage"},
    });
    world.change(&world.history(), json!({"spec": {"storage": {"local": null, "s3": s3}}})).await;
    let why = world.has("SettingsApplied", "False", "Rejected").await;
    assert!(why.contains("ray-history-storage does not exist") && why.contains("stay in force"), "{why}");
    world.opens("c", LATER).await;
    // One that lacks a key: it is named, and what there is is not shown.
    let mut wrong = secret(&world, "id", "hunter2");
    wrong["stringData"] = json!({"accessKeyId": "id", "secretKey": "hunter2"});
    world.plane.apply(wrong).await;
    let reported = || async {
        let why = world.condition("SettingsApplied").await["message"].to_string();
        why.contains("secretAccessKey: is missing")
    };
    world.server().eventually("the missing key is named", LATE, reported).await;
    assert!(!world.status().await.to_string().contains("hunter2"));
    world.opens("c", LATER).await;
}
