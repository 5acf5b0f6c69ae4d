//! Secrets in pods and specs are in no byte of a document.

use crate::scenes::objects::*;
use ray_history_obituary::ledger::{Ledger, Row};
use serde_json::json;

const SECRET: &str = "hunter2-correct-horse";

#[test]
fn planted_secrets_are_in_no_byte_of_the_document() {
    let container = |name: &str| {
        json!({"name": name, "image": "ray:2", "args": [SECRET], "command": ["sh", "-c", SECRET],
            "env": [{"name": "TOKEN", "value": SECRET},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "wandb", "key": "key"}}}],
            "lifecycle": {"preStop": {"exec": {"command": [SECRET]}}}})
    };
    let template = |name: &str| json!({"metadata": {"annotations": {"a": SECRET}, "labels": {"l": SECRET}}, "spec": {"containers": [container(name)]}});
    let spec = json!({"rayVersion": "2.60.0", "headGroupSpec": {"rayStartParams": {"redis-password": SECRET},
        "template": template("ray-head")}, "workerGroupSpecs": [{"groupName": "gpu", "replicas": 2, "template": template("ray-worker")}]});
    let annotations = json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET},
        "labels": {"token": SECRET}, "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:metadata": {SECRET: {}}}}]});
    let mut job = job("Running", "RUNNING", json!({}));
    job["spec"] = json!({"entrypoint": "python train.py", "runtimeEnvYAML": SECRET, "metadata": {"k": SECRET},
        "rayClusterSpec": spec.clone(), "submitterPodTemplate": template("ray-job-submitter")});
    job["metadata"]["annotations"] = annotations["annotations"].clone();
    let mut pod = head(ended(100, "OOMKilled", 137));
    pod["spec"]["containers"] = json!([container("ray-head")]);
    pod["spec"]["initContainers"] = json!([container("init")]);
    pod["spec"]["volumes"] = json!([{"name": SECRET, "secret": {"secretName": SECRET}}]);
    pod["metadata"]["annotations"] = annotations["annotations"].clone();
    let mut cluster = owned();
    cluster["spec"] = spec;
    for (field, value) in annotations.as_object().unwrap() {
        cluster["metadata"][field] = value.clone();
    }
    let scene = Scene::default().see(0, job).see(0, cluster.clone()).see(101, pod).gone(200, cluster);
    for uid in ["j-uid", "c-uid"] {
        let document = scene.document_of(uid);
        let text = String::from_utf8(document.to_bytes().unwrap()).unwrap();
        assert!(!text.contains(SECRET), "{text}");
        // What is to be told of them is there: names and sources.
        for told in ["TOKEN", "secret wandb/key", "python train.py", "OOMKilled"] {
            assert!(text.contains(told), "{told}: {text}");
        }
        let mut ledger = Ledger::default();
        for row in Row::of(&document, 0) {
            ledger.add(row);
        }
        let rows = String::from_utf8(ledger.write().unwrap()).unwrap();
        assert!(rows.contains("HeadOOM") && !rows.contains(SECRET), "{rows}");
    }
}
