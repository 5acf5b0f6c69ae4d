//! Persisted snapshots with a real API server: dead sessions are written, living ones are not, and the status says so.

use crate::manifests::Form;
use crate::stage::Stage;
use crate::world::{LATER, SESSION, World};
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Age of stored files, beyond `after`.
const OLD: Duration = Duration::from_secs(3_600);
const WITHIN: Duration = Duration::from_secs(90);

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

/// Returns the path of the head of a session.
fn head(world: &World, cluster: &str, session: &str) -> PathBuf {
    let heads = world.bucket.path().join("ray-history/v1/snapshots").join(&world.namespace);
    heads.join(cluster).join(format!("{session}.rhs"))
}

/// Returns a world with a session that lives and one whose cluster is gone, and applies `spec.persist`.
async fn begun(stage: Stage, persist: Value) -> World {
    let world = World::empty(stage.shared().await, Form::Namespaced).await;
    world.create("lives").await;
    world.store("lives", LATER);
    world.store("gone", SESSION);
    age(world.bucket.path());
    world.plane.apply(world.history_with("persist", persist)).await;
    world
}

pub(crate) async fn dead_sessions_are_persisted_and_the_living_are_not(stage: Stage) {
    let mut world = begun(stage, json!({"mode": "Sessions", "after": "1m"})).await;
    world.start().await;
    let is_written = || async { head(&world, "gone", SESSION).is_file() };
    world.server().eventually("the dead session is persisted", WITHIN, is_written).await;
    world.has("SessionsPersisted", "True", "Idle").await;
    let is_counted = || async { world.status().await["persisted"]["sessions"] == 1 };
    world.server().eventually("the status counts it", WITHIN, is_counted).await;
    let status = world.status().await;
    let persisted = &status["persisted"];
    assert!(persisted["bytes"].as_i64() > Some(0) && persisted["last"].is_string(), "{persisted}");
    assert_eq!(status["replicas"][0]["persisted"], *persisted);
    assert!(!head(&world, "lives", LATER).exists(), "it lives");
    // Off: nothing is told, and what is there stays.
    world.plane.apply(world.history_with("persist", json!({"mode": "Off"}))).await;
    let is_off = || async { world.status().await["persisted"].is_null() };
    world.server().eventually("nothing is told", WITHIN, is_off).await;
    assert_eq!(world.condition("SessionsPersisted").await, Value::Null);
    assert!(is_written().await);
}

pub(crate) async fn a_store_that_takes_no_sessions_is_told(stage: Stage) {
    let mut world = begun(stage, json!({"mode": "Sessions", "after": "1m"})).await;
    // A file where the folder would be.
    std::fs::write(world.bucket.path().join("ray-history"), "").unwrap();
    world.start().await;
    let message = world.has("SessionsPersisted", "False", "StoreFails").await;
    assert!(message.contains("tries again"), "{message}");
    world.opens("gone", SESSION).await;
}
