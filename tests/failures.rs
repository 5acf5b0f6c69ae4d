//! Failures of recorded sessions: the digest by fingerprint, and the causes that come of Ray's own facts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

mod common;

use common::fixture;
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::task::TaskState;
use ray_history_core::layout::Root;
use ray_history_core::snapshot::failures::{FailureGroup, FailureKind, Failures};
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_obituary::cause::{Certainty, Code, JobState, RayFacts};
use ray_history_obituary::document::Document;
use ray_history_obituary::time::Time;
use ray_history_session::{OpenSession, Sessions};
use ray_history_storage::local::Local;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Opens the sessions of a fixture, in the order of their names.
fn opened(name: &str) -> Vec<Arc<OpenSession>> {
    let folder = fixture::unpacked(name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(Local::open(folder.path().join("storage")).unwrap());
        let sessions = Arc::new(Sessions::new(store, vec![Root::new("")]));
        let mut keys: Vec<_> = sessions.refresh().await.unwrap().iter().map(|item| item.key.clone()).collect();
        keys.sort_by_cached_key(ToString::to_string);
        let mut opened = Vec::new();
        for key in keys {
            opened.push(sessions.open(&key).await.unwrap());
        }
        opened
    })
}

/// Returns kind, function, error type, detail, number and the kind of the cause of a group.
fn row<'a>(found: &'a Failures, group: &'a FailureGroup) -> (&'a str, &'a str, &'a str, &'a str, u64, Option<&'a str>) {
    let cause = group.caused_by.map(|cause| found.groups[cause].kind.as_str());
    let (function, error, detail) = (&*group.func_or_class_name, &*group.error_type, &*group.detail);
    (group.kind.as_str(), function, error, detail, group.attempts, cause)
}

#[test]
fn recorded_failures_are_grouped_and_explained() {
    let opened = opened("hard-2.60");
    let found = Failures::of(&opened[0].snapshot);
    let rows: Vec<_> = found.groups.iter().map(|group| row(&found, group)).collect();
    for expected in [
        ("worker", "", "SYSTEM_ERROR", "", 14, None),
        ("task", "die", "WORKER_DIED", "", 8, Some("worker")),
        ("task", "half", "TASK_EXECUTION_EXCEPTION", "ValueError: # ist ungerade → größer «nichts»", 1, None),
        ("task", "Unborn.__init__", "TASK_EXECUTION_EXCEPTION", "ValueError: never → nie", 1, None),
        // Calls of an actor that never was failed with its constructor.
        ("task", "Unborn.work", "ACTOR_DIED", "ValueError: never → nie", 1, Some("worker")),
        ("task", "Worker.die", "ACTOR_DIED", "SYSTEM_ERROR", 1, Some("worker")),
        // Ray itself ended it with its job: no worker died.
        ("task", "Worker.work", "WORKER_DIED", "JOB_FINISHED", 1, None),
        ("actor", "Unborn", "ACTOR_CREATION_FAILED", "ValueError: never → nie", 1, None),
        ("actor", "Sleeper", "OWNER_DIED", "SYSTEM_ERROR", 1, Some("worker")),
        ("submission", "", "JOB_ENTRYPOINT_COMMAND_ERROR", "Killed", 1, None),
    ] {
        assert!(rows.contains(&expected), "{expected:?} is not in\n{rows:#?}");
    }
    // Actors that were killed on purpose, and supervisors that ended with their job, did not fail.
    let actors: Vec<&str> = rows.iter().filter(|row| row.0 == "actor").map(|row| row.1).collect();
    assert!(!actors.contains(&"JobSupervisor") && !actors.contains(&"Async"), "{actors:?}");
    let half = found.groups.iter().find(|group| &*group.func_or_class_name == "half").unwrap();
    assert!(half.sample.message.starts_with("User exception:\nray::half() (pid="), "{}", half.sample.message);
    assert_eq!((half.sample.attempt, half.sample.id.len(), half.sample.node_id.len()), (Some(0), 48, 56));
}

/// The same program fails alike under another version of Ray, in other processes on other nodes.
#[test]
fn fingerprints_are_the_same_in_another_session() {
    let of = |name: &str| {
        let found = Failures::of(&opened(name)[0].snapshot);
        let tasks = found.groups.into_iter().filter(|group| &*group.error_type == "TASK_EXECUTION_EXCEPTION");
        tasks.map(|group| (group.func_or_class_name, group.fingerprint)).collect::<BTreeSet<_>>()
    };
    let (newer, older) = (of("hard-2.60"), of("hard-2.55"));
    let both: Vec<&str> = newer.intersection(&older).map(|(function, _)| &**function).collect();
    for function in ["half", "raise_twice", "Unborn.__init__", "Worker.fail", "Async.fail"] {
        assert!(both.contains(&function), "{function} is not in {both:?}; {newer:?} {older:?}");
    }
}

#[test]
fn every_failed_attempt_of_a_recording_is_counted_once() {
    for name in ["hard-2.60", "hard-2.55", "mixed", "service", "day-2.57"] {
        for session in opened(name) {
            let failed = session.snapshot.tasks.iter();
            let failed = failed.filter(|attempt| attempt.is_defined() && attempt.state() == TaskState::Failed).count();
            let found = Failures::of(&session.snapshot);
            let tasks = found.groups.iter().filter(|group| group.kind == FailureKind::Task);
            assert_eq!(tasks.map(|group| group.attempts).sum::<u64>(), failed as u64, "{name}");
            assert_eq!(found.others.groups, 0, "{name}");
            let told = session.snapshot.tasks.iter().map(|attempt| attempt.task_id().hex()).collect::<BTreeSet<_>>();
            for group in found.groups.iter().filter(|group| group.kind == FailureKind::Task) {
                assert!(told.contains(&*group.sample.id), "{name} {group:?}");
            }
        }
    }
}

/// A node that died stands behind its workers, actors and tasks.
#[test]
fn a_lost_node_explains_what_was_on_it() {
    let found = Failures::of(&opened("mixed")[0].snapshot);
    let rows: Vec<_> = found.groups.iter().map(|group| row(&found, group)).collect();
    assert!(rows.contains(&("actor", "ProxyActor", "NODE_DIED", "", 1, Some("node"))), "{rows:#?}");
    assert!(rows.contains(&("node", "", "UNEXPECTED_TERMINATION", "", 1, None)), "{rows:#?}");
}

/// The causes of sessions of which Kubernetes told nothing, by the facts of Ray alone.
#[test]
fn rays_own_facts_tell_causes() {
    let why = |session: &OpenSession| {
        let ray = RayFacts::of(&session.snapshot);
        let SessionKey { cluster, session: name } = &session.key;
        let to = Some(Time(session.snapshot.as_of));
        let document = Document::of_ray(&cluster.namespace, &cluster.name, name.as_str(), &ray, None, to);
        let first = document.first_cause().map(|cause| (cause.code, cause.certainty));
        (document.outcome, first, document.sentence())
    };
    let day = &opened("day-2.57")[0];
    assert_eq!(
        why(day),
        (
            Outcome::Failed,
            Some((Code::AppFailed, Certainty::Certain)),
            "The program failed: ZeroDivisionError: division by zero.".to_owned()
        )
    );
    let ray = RayFacts::of(&day.snapshot);
    let jobs: Vec<_> = ray.jobs.iter().map(|job| (job.id.as_str(), job.state)).collect();
    assert_eq!(
        jobs,
        [("day-crash", JobState::Failed), ("day-stop", JobState::Stopped), ("day-train", JobState::Succeeded)]
    );
    assert_eq!(ray.worker_exits.len(), 9);
    assert_eq!(why(&opened("service")[0]), (Outcome::Succeeded, None, "It succeeded.".to_owned()));
    // Ray quotes nothing of the program, only itself.
    let (outcome, first, sentence) = why(&opened("mixed")[0]);
    assert_eq!((outcome, first), (Outcome::Failed, Some((Code::AppFailed, Certainty::Likely))));
    assert_eq!(sentence, "Probably: The program failed: Job entrypoint command failed with exit code 5.");
    let kubernetes = opened("kube-sessions");
    let told: Vec<_> = kubernetes.iter().map(|session| (session.key.cluster.name.as_str(), why(session))).collect();
    let unseen = "Nothing that was seen tells why it ended; not seen: Kubernetes' objects.";
    let unknown = (Outcome::Unknown, None, unseen.to_owned());
    for (cluster, why) in &told {
        if *cluster == "oom-pgcdg" {
            // A worker was lost, and Ray does not know that it was out of memory.
            assert_eq!((why.0, why.1), (Outcome::Failed, Some((Code::AppFailed, Certainty::Likely))), "{why:?}");
        } else {
            assert_eq!(*why, unknown, "{cluster}");
        }
    }
    let worker = kubernetes.iter().find(|session| session.key.cluster.name == "oom-pgcdg").unwrap();
    let failed_on = RayFacts::of(&worker.snapshot).failed_on;
    assert_eq!(
        failed_on.into_iter().collect::<Vec<_>>(),
        ["oom-pgcdg-small-worker-tr5nn"],
        "the host name is the pod's"
    );
}
