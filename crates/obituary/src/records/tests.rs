//! News: who is told of, when, and how often.

use super::*;
use crate::cause::Outcome;
use crate::facts::SessionEnd;
use serde_json::{Value, json};

const START: &str = "2026-11-29T07:00:00Z";

fn at(seconds: i64) -> Time {
    Time::parse(START).unwrap().plus(seconds)
}

fn object(value: &Value) -> Object {
    Object::read(value.to_string().as_bytes()).unwrap()
}

fn cluster() -> Value {
    json!({"kind": "RayCluster", "metadata": {"name": "c", "namespace": "team", "uid": "c-uid", "creationTimestamp": START},
        "status": {"state": "ready"}})
}

fn pod(state: &Value) -> Value {
    json!({"kind": "Pod", "metadata": {"name": "c-head", "namespace": "team", "uid": "p-uid", "creationTimestamp": START,
        "labels": {"ray.io/cluster": "c", "ray.io/node-type": "head"},
        "ownerReferences": [{"kind": "RayCluster", "name": "c", "uid": "c-uid", "controller": true}]},
        "spec": {"nodeName": "n", "containers": [{"name": "ray-head", "image": "ray:1"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "ray-head", "restartCount": 0, "state": state}]}})
}

fn running() -> Value {
    pod(&json!({"running": {"startedAt": START}}))
}

fn killed() -> Value {
    let ended =
        json!({"reason": "OOMKilled", "exitCode": 137, "containerID": "x://1", "finishedAt": "2026-11-29T07:01:40Z"});
    pod(&json!({"terminated": ended}))
}

fn write(records: &mut Records, now: Time) -> Document {
    let document = records.document("c-uid", now, "w-0", &Kubernetes::default(), None).unwrap();
    records.written(&document, now);
    document
}

#[test]
fn a_healthy_object_is_no_news_and_trouble_is_told_once() {
    let mut records = Records::default();
    records.apply(&object(&cluster()), at(0));
    records.apply(&object(&running()), at(10));
    assert_eq!(records.due(at(20)), []);
    records.apply(&object(&killed()), at(101));
    assert_eq!(records.due(at(102)).len(), 1);
    let document = write(&mut records, at(102));
    assert_eq!((document.revision, document.is_final), (1, false));
    records.apply(&object(&killed()), at(103));
    assert_eq!(records.due(at(200)), [], "a repeated version is no news");
}

/// A write takes its time, and so do versions that arrive meanwhile.
#[test]
fn facts_that_join_during_a_write_are_news() {
    let mut records = Records::default();
    records.apply(&object(&cluster()), at(0));
    records.apply(&object(&running()), at(10));
    let early = records.document("c-uid", at(100), "w-0", &Kubernetes::default(), None).unwrap();
    records.apply(&object(&killed()), at(101));
    records.written(&early, at(102));
    assert_eq!(records.due(at(110)), [], "at most once a minute");
    assert_eq!(records.due(at(170)).len(), 1);
}

/// The end of a job is news of its cluster, although the job's own document was written before.
#[test]
fn news_of_the_owner_are_news() {
    let mut records = Records::default();
    let mut owned = cluster();
    owned["metadata"]["ownerReferences"] = json!([{"kind": "RayJob", "name": "j", "uid": "j-uid", "controller": true}]);
    let job = |status: &str| {
        json!({"kind": "RayJob", "metadata": {"name": "j", "namespace": "team", "uid": "j-uid"},
            "status": {"rayClusterName": "c", "jobDeploymentStatus": status, "startTime": START}})
    };
    records.apply(&object(&job("Running")), at(0));
    records.apply(&object(&owned), at(0));
    records.apply(&object(&killed()), at(101));
    write(&mut records, at(102));
    records.apply(&object(&job("Failed")), at(120));
    let job = records.document("j-uid", at(121), "w-0", &Kubernetes::default(), None).unwrap();
    records.written(&job, at(121));
    assert_eq!(records.due(at(200)).iter().map(|due| due.object.name.as_str()).collect::<Vec<_>>(), ["c"]);
}

/// Thousands of healthy objects are asked for news each time, and nothing joins most of them.
#[test]
fn an_object_without_news_is_judged_once() {
    let mut records = Records::default();
    records.apply(&object(&cluster()), at(0));
    records.apply(&object(&running()), at(10));
    assert_ne!(records.objects["c-uid"].judged, records.joins);
    assert_eq!(records.due(at(20)), []);
    assert_eq!(records.objects["c-uid"].judged, records.joins);
    records.apply(&object(&killed()), at(101));
    assert_eq!(records.due(at(102)).len(), 1);
}

/// A node may tell of its trouble after its pod was gone, and nothing else joins any more.
#[test]
fn news_of_a_node_are_news_of_its_pods_cluster() {
    let node =
        |taints: Value| json!({"kind": "Node", "metadata": {"name": "n", "uid": "n-uid"}, "spec": {"taints": taints}});
    let mut records = Records::default();
    records.apply(&object(&cluster()), at(0));
    records.apply(&object(&node(json!([]))), at(0));
    records.apply(&object(&running()), at(10));
    records.delete(&object(&running()), at(100));
    write(&mut records, at(101));
    assert_eq!(records.due(at(170)), []);
    records.apply(&object(&node(json!([]))), at(171));
    assert_eq!(records.due(at(172)), [], "a node that reports itself unchanged is no news");
    let drained = json!([{"key": "karpenter.sh/disrupted", "timeAdded": "2026-11-29T07:01:30Z"}]);
    records.apply(&object(&node(drained)), at(180));
    assert_eq!(records.due(at(181)).len(), 1);
    let document = write(&mut records, at(181));
    assert_eq!(document.first_cause().unwrap().code, crate::cause::Code::Drained);
}

/// Questions wait for their turn, and the cluster may be gone by then.
#[test]
fn a_pod_that_went_before_its_cluster_is_asked_about_afterwards_too() {
    for (went, ended, asked) in [(100, 130, 1), (100, 100, 0), (131, 130, 0)] {
        let mut records = Records::default();
        records.apply(&object(&cluster()), at(0));
        records.apply(&object(&running()), at(10));
        let mut ends = [(went, running()), (ended, cluster())];
        ends.sort_by_key(|(time, _)| *time);
        for (time, gone) in ends {
            records.delete(&object(&gone), at(time));
        }
        let found = records.pods_in_trouble(at(140));
        assert_eq!(found.iter().filter(|pod| !pod.cluster_stays).count(), asked, "{went} {ended}");
        assert_eq!(found.len(), asked);
    }
}

#[test]
fn the_last_document_waits_for_the_pods() {
    let mut records = Records::default();
    records.apply(&object(&cluster()), at(0));
    records.apply(&object(&running()), at(10));
    records.delete(&object(&cluster()), at(300));
    let due = records.due(at(301));
    assert!(due.len() == 1 && !due[0].is_final, "deleted while it ran is news, before the pods are gone");
    write(&mut records, at(301));
    assert_eq!(records.due(at(310)), []);
    records.delete(&object(&running()), at(330));
    assert!(records.due(at(331))[0].is_final);
    assert!(write(&mut records, at(331)).is_final);
    assert_eq!(records.due(at(500)), []);
    assert_eq!(records.forget(at(600)), []);
    assert_eq!(records.forget(at(300 + 1_800)).len(), 1);
    assert_eq!(records.weight(), 0);
}

#[test]
fn pods_that_never_go_are_waited_for_three_minutes() {
    let mut records = Records::default();
    records.apply(&object(&running()), at(0));
    records.delete(&object(&cluster()), at(300));
    assert!(!records.due(at(470))[0].is_final);
    assert!(records.due(at(481))[0].is_final);
}

/// A leader that starts reads what the last one wrote, and goes on from its revision.
#[test]
fn a_stored_document_joins() {
    let mut first = Records::default();
    first.apply(&object(&cluster()), at(0));
    first.apply(&object(&killed()), at(101));
    let stored = Document { revision: 7, ..write(&mut first, at(102)) };
    let mut second = Records::default();
    assert!(!second.join_stored(stored.clone()), "an object that is not watched");
    second.apply(&object(&cluster()), at(200));
    assert!(second.join_stored(stored));
    let document = second.document("c-uid", at(201), "w-1", &Kubernetes::default(), None).unwrap();
    assert_eq!(document.revision, 8);
    assert_eq!(document.first_cause().unwrap().code, crate::cause::Code::HeadOOM);
}

#[test]
fn a_gap_of_the_watch_is_told_and_a_vanished_object_is_gone() {
    let mut records = Records::default();
    records.apply(&object(&cluster()), at(0));
    records.apply(&object(&running()), at(1));
    records.unseen(Some("other"), "nodes: forbidden");
    records.unseen(None, "07:01-07:05 not watched");
    records.vanished("p-uid", at(300));
    records.vanished("c-uid", at(300));
    records.vanished("nobody", at(300));
    let of = |now| records.document("c-uid", at(now), "w", &Kubernetes::default(), None).unwrap();
    // Answers about its end may still come.
    assert!(!of(309).is_final);
    let document = of(310);
    assert_eq!(document.facts.unseen.iter().collect::<Vec<_>>(), ["07:01-07:05 not watched"]);
    assert!(document.is_final);
    assert_eq!(document.first_cause().unwrap().certainty, crate::cause::Certainty::Likely);
}

/// Of an object that went, its namespace is asked about.
#[test]
fn a_namespace_that_goes_takes_its_objects_along() {
    let told_of = |is_seen: bool, namespace: Option<Value>| {
        let mut records = Records::default();
        records.apply(&object(&cluster()), at(0));
        records.apply(&object(&running()), at(1));
        assert!(records.namespaces_of_ends(at(299)).is_empty());
        if is_seen {
            records.delete(&object(&cluster()), at(300));
        } else {
            records.vanished("c-uid", at(300));
        }
        assert_eq!(records.namespaces_of_ends(at(305)), [("team".to_owned(), at(300))].into());
        assert!(records.namespaces_of_ends(at(500)).is_empty(), "it is asked once it went, not for ever");
        let namespace: Option<object::Namespace> = namespace.map(|told| serde_json::from_value(told).unwrap());
        records.namespace_told("team", namespace.as_ref(), at(305));
        let document = records.document("c-uid", at(310), "w", &Kubernetes::default(), None).unwrap();
        let first = document.first_cause().unwrap();
        (first.code.to_string(), first.certainty == crate::cause::Certainty::Certain)
    };
    let told = |namespace: Option<Value>| told_of(true, namespace);
    let deleted = |seconds: i64| Some(json!({"metadata": {"deletionTimestamp": at(seconds)}}));
    let is = |code: &str, certain: bool| (code.to_owned(), certain);
    assert_eq!(told(deleted(299)), is("NamespaceDeleted", true));
    assert_eq!(told_of(false, deleted(299)), is("NamespaceDeleted", false), "it may have gone before");
    assert_eq!(told(None), is("NamespaceDeleted", false));
    assert_eq!(told(deleted(304)), is("Deleted", true), "it went before");
    assert_eq!(told(Some(json!({"metadata": {"name": "team"}}))), is("Deleted", true));
}

/// A namespace goes on for minutes, and is asked about once.
#[test]
fn what_a_going_namespace_takes_later_went_with_it() {
    let later = |name: &str, created: i64| {
        json!({"kind": "RayCluster", "metadata": {"name": name, "namespace": "team", "uid": format!("{name}-uid"),
            "creationTimestamp": at(created)}})
    };
    let first = |created: i64, told_again: Option<Option<object::Namespace>>| {
        let mut records = Records::default();
        records.apply(&object(&cluster()), at(0));
        records.apply(&object(&later("d", created)), at(created.max(0)));
        records.delete(&object(&cluster()), at(300));
        let going = json!({"metadata": {"deletionTimestamp": at(299)}});
        records.namespace_told("team", Some(&serde_json::from_value(going).unwrap()), at(301));
        if let Some(told) = told_again {
            records.namespace_told("team", told.as_ref(), at(350));
        }
        records.delete(&object(&later("d", created)), at(400));
        let document = records.document("d-uid", at(410), "w", &Kubernetes::default(), None).unwrap();
        let first = document.first_cause().unwrap();
        (first.code.to_string(), first.certainty == crate::cause::Certainty::Certain)
    };
    let is = |code: &str| (code.to_owned(), true);
    assert_eq!(first(10, None), is("NamespaceDeleted"));
    assert_eq!(first(380, None), is("Deleted"), "another namespace has its name");
    let another = serde_json::from_value(json!({"metadata": {"name": "team"}})).unwrap();
    assert_eq!(first(10, Some(Some(another))), is("Deleted"));
    assert_eq!(first(10, Some(None)), is("Deleted"), "nothing is known of what has its name now");
}

/// Namespaces tell of deletions: without the right to them, those alone are likely.
#[test]
fn without_the_right_to_namespaces_deletions_alone_are_likely() {
    let first = |hidden: &str, ended: bool| {
        let mut records = Records::default();
        records.hide(Some("team"), hidden);
        records.apply(&object(&cluster()), at(0));
        records.apply(&object(&running()), at(1));
        if ended {
            records.apply(
                &object(&pod(&json!({"terminated": {"reason": "Error", "exitCode": 1,
                "containerID": "x://1", "finishedAt": "2026-11-29T07:01:40Z"}}))),
                at(101),
            );
        }
        records.delete(&object(&cluster()), at(300));
        let document = records.document("c-uid", at(310), "w", &Kubernetes::default(), None).unwrap();
        let first = document.first_cause().unwrap();
        (first.code.to_string(), first.certainty == crate::cause::Certainty::Certain)
    };
    assert_eq!(first("namespaces: forbidden", true), ("Crash".to_owned(), true));
    assert_eq!(first("nodes: forbidden", true), ("Crash".to_owned(), false));
    assert_eq!(first("namespaces: forbidden", false), ("Deleted".to_owned(), false));
}

/// Events are told before the pod that they are about; so are submitters before their job.
#[test]
fn facts_wait_for_their_object() {
    let mut records = Records::default();
    let event = json!({"kind": "Event", "metadata": {"name": "e", "namespace": "team", "uid": "e"}, "reason": "Evicted",
        "involvedObject": {"kind": "Pod", "name": "c-head", "namespace": "team", "uid": "p-uid"}, "type": "Warning",
        "message": "low", "lastTimestamp": "2026-11-29T07:01:00Z", "firstTimestamp": "2026-11-29T07:01:00Z"});
    records.apply(&object(&event), at(60));
    records.apply(&object(&running()), at(61));
    assert_eq!(records.facts("c-uid").unwrap().events.len(), 1);
    let submitter = json!({"kind": "Pod", "metadata": {"name": "j-1", "namespace": "team", "uid": "s-uid",
        "labels": {"ray.io/originated-from-crd": "RayJob", "ray.io/originated-from-cr-name": "j"}}});
    records.apply(&object(&submitter), at(62));
    let job = json!({"kind": "RayJob", "metadata": {"name": "j", "namespace": "team", "uid": "j-uid"}});
    records.apply(&object(&job), at(63));
    assert_eq!(records.facts("j-uid").unwrap().pods.len(), 1);
}

/// A submitter that failed, with its `RayJob`; it is asked about once, and its log is news once.
#[test]
fn the_log_of_a_submitter_goes_into_the_next_document() {
    let mut records = Records::default();
    let ended = |pod: &str, exit: i64, second: i64| {
        let state = json!({"terminated": {"reason": "Error", "exitCode": exit, "containerID": format!("x://{pod}"),
            "finishedAt": at(second).to_string()}});
        object(&json!({"kind": "Pod", "metadata": {"name": pod, "namespace": "team", "uid": format!("{pod}-uid"),
            "labels": {"ray.io/originated-from-crd": "RayJob", "ray.io/originated-from-cr-name": "j"}},
            "spec": {"containers": [{"name": "ray-job-submitter"}]},
            "status": {"phase": if exit == 0 { "Succeeded" } else { "Failed" },
                "containerStatuses": [{"name": "ray-job-submitter", "restartCount": 0, "state": state}]}}))
    };
    let job = json!({"kind": "RayJob", "metadata": {"name": "j", "namespace": "team", "uid": "j-uid"}});
    records.apply(&object(&job), at(0));
    records.apply(&ended("j-0", 0, 50), at(51));
    let failed = |records: &Records| -> Vec<String> {
        records.failed_submitters(|_| true).into_iter().map(|failed| failed.pod).collect()
    };
    assert!(failed(&records).is_empty());
    records.apply(&ended("j-1", 1, 60), at(61));
    records.apply(&ended("j-2", 1, 90), at(91));
    assert_eq!(failed(&records), ["j-2"]);
    assert!(records.failed_submitters(|submitter| submitter.pod != "j-2").is_empty());
    let write = |records: &mut Records, now: i64| {
        let document = records.document("j-uid", at(now), "w-0", &Kubernetes::default(), None).unwrap();
        records.written(&document, at(now));
        document
    };
    write(&mut records, 100);
    assert!(records.due(at(200)).is_empty());
    let weight = records.weight();
    records.submitter_told("j-uid", SubmitterLog::new("j-2", "ray-job-submitter", at(90), &[b'x'; 1_000], false));
    assert!(failed(&records).is_empty() && records.weight() > weight + 1_000);
    assert!(records.due(at(101)).is_empty(), "a document was written a second ago");
    assert_eq!(records.due(at(200)).len(), 1);
    assert_eq!(write(&mut records, 200).submitter_log.unwrap().text.len(), 1_000);
    assert!(records.due(at(300)).is_empty() && records.weight() < weight + 1_000);
    assert!(write(&mut records, 300).submitter_log.is_none(), "the stored document has it");
    // A replica that reads the stored document does not ask again; about a later submitter it does.
    let mut other = Records::default();
    other.apply(&object(&job), at(0));
    other.apply(&ended("j-2", 1, 90), at(91));
    let log = SubmitterLog { at: at(90), ..SubmitterLog::default() };
    let stored = Document { submitter_log: Some(log), ..write(&mut records, 400) };
    assert!(other.join_stored(stored) && failed(&other).is_empty());
    other.apply(&ended("j-3", 1, 120), at(121));
    assert_eq!(failed(&other), ["j-3"]);
}

/// The jobs of a cluster's session are news after its end, once.
#[test]
fn the_end_of_a_session_is_news_once() {
    let mut records = Records::default();
    records.apply(&object(&cluster()), at(0));
    records.apply(&object(&running()), at(5));
    assert!(records.ended_clusters().is_empty());
    records.delete(&object(&running()), at(200));
    records.delete(&object(&cluster()), at(200));
    let ended = records.ended_clusters().pop().unwrap();
    assert!(ended.had(at(0)) && ended.had(at(200)) && !ended.had(at(-6)) && !ended.had(at(201)));
    write(&mut records, at(220));
    assert!(records.due(at(300)).is_empty());
    let end = |outcome| {
        Some(SessionEnd { session: "c/session_1".into(), outcome, at: Some(at(100)), ..SessionEnd::default() })
    };
    records.session("c-uid", "session_1", at(10), end(Outcome::Succeeded));
    records.session(
        "c-uid",
        "session_1",
        at(10),
        Some(SessionEnd { session: "other/x".into(), ..SessionEnd::default() }),
    );
    assert_eq!(records.due(at(300)).len(), 1);
    let document = write(&mut records, at(300));
    assert_eq!((document.outcome, document.runs[0].to), (Outcome::Succeeded, Some(at(100))));
    assert_eq!(document.facts.session_ends.len(), 1);
    records.session("c-uid", "session_1", at(10), end(Outcome::Succeeded));
    assert!(records.due(at(400)).is_empty());
    // A file that came later tells of a job that failed; no file makes that undone.
    records.session("c-uid", "session_1", at(10), end(Outcome::Failed));
    records.session("c-uid", "session_1", at(10), end(Outcome::Succeeded));
    assert_eq!(records.due(at(400)).len(), 1);
    assert_eq!(write(&mut records, at(400)).outcome, Outcome::Failed);
}

/// Of 2,000 pods, half of which run out of memory, the first and the last ones are kept, and all are counted.
#[test]
fn thousands_of_pods_take_bounded_memory() {
    let mut records = Records::default();
    records.apply(&object(&cluster()), at(0));
    for number in 0..2_000 {
        let mut pod = if number % 2 == 0 { running() } else { killed() };
        let name = format!("worker-{number:04}");
        pod["metadata"]["name"] = name.as_str().into();
        pod["metadata"]["uid"] = format!("{name}-uid").into();
        pod["metadata"]["creationTimestamp"] = at(number).to_string().into();
        pod["metadata"]["labels"]["ray.io/node-type"] = "worker".into();
        pod["metadata"]["labels"]["ray.io/group"] = "gpu".into();
        pod["spec"]["containers"][0]["name"] = "main".into();
        pod["status"]["containerStatuses"][0]["name"] = "main".into();
        records.apply(&object(&pod), at(2_000));
        assert!(records.weight_of("c-uid").unwrap() <= crate::facts::bounds::MAX_WEIGHT);
    }
    let facts = records.facts("c-uid").unwrap();
    let troubled = facts.pods.iter().filter(|pod| pod.is_troubled()).count() as u64;
    let healthy = facts.pods.len() as u64 - troubled;
    assert_eq!(facts.omitted.pods.count() + troubled, 1_000);
    assert_eq!(facts.omitted.healthy_pods["gpu"].count() + healthy, 1_000);
    for kept in ["worker-0001-uid", "worker-1999-uid"] {
        assert!(facts.pods.get(&kept.to_owned()).is_some(), "{kept}");
    }
    let document = records.document("c-uid", at(2_001), "w", &Kubernetes::default(), None).unwrap();
    assert!(document.to_bytes().unwrap().len() <= crate::document::MAX_BYTES);
}

#[test]
fn odd_objects_are_taken_by_nobody() {
    let mut records = Records::default();
    for odd in [
        json!({"kind": "Pod"}),
        json!({"kind": "Pod", "metadata": 1, "spec": "x", "status": [1]}),
        json!({"kind": "RayCluster", "metadata": {"name": "a/b", "namespace": "team", "uid": "u"}}),
        json!({"kind": "RayJob", "metadata": {"name": "j", "namespace": "t", "uid": "u"}, "status": {"message": {"a": 1}}}),
        json!({"kind": "Event", "reason": ["x"], "involvedObject": null}),
        json!({"kind": "Node", "metadata": {"labels": 3}, "spec": {"taints": {"a": []}}}),
        json!({"kind": "Workload", "status": {"conditions": [1, null, "x", {"type": 1}]}}),
    ] {
        records.apply(&object(&odd), at(0));
    }
    assert_eq!(records.objects().count(), 1);
    assert!(Object::read(b"{\"kind\": \"Secret\"}").is_none() && Object::read(b"{").is_none());
}
