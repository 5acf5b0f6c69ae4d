//! The recorded runs: all versions of their objects, and the right first causes.

use super::objects::{Scene, Step};
use flate2::read::GzDecoder;
use ray_history_obituary::cause::{Certainty, Code, Outcome};
use ray_history_obituary::records::{Object, Records};
use ray_history_obituary::time::Time;
use serde_json::Value;
use std::io::{BufRead, BufReader};

/// A version of an object, as a watch reported it.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) at: Time,
    pub(crate) deleted: bool,
    pub(crate) uid: String,
    pub(crate) kind: String,
    pub(crate) object: Object,
}

impl Version {
    pub(crate) fn feed(&self, records: &mut Records) {
        if self.deleted {
            records.delete(&self.object, self.at);
        } else {
            records.apply(&self.object, self.at);
        }
    }
}

/// A recorded run, with the right first cause of each of its runs.
pub(crate) struct Recorded {
    pub(crate) name: &'static str,
    pub(crate) cause: Option<(Code, Certainty)>,
    pub(crate) outcome: Outcome,
    pub(crate) runs: usize,
}

const fn recorded(name: &'static str, code: Code, certainty: Certainty) -> Recorded {
    Recorded { name, cause: Some((code, certainty)), outcome: Outcome::Failed, runs: 1 }
}

/// All recorded runs.
pub(crate) const ALL: [Recorded; 12] = [
    Recorded { name: "ok", cause: None, outcome: Outcome::Succeeded, runs: 1 },
    recorded("fail", Code::AppFailed, Certainty::Certain),
    Recorded { runs: 2, ..recorded("backoff", Code::AppFailed, Certainty::Certain) },
    recorded("deadline", Code::Deadline, Certainty::Certain),
    recorded("oom-worker", Code::WorkerOOM, Certainty::Certain),
    recorded("oom-head", Code::HeadOOM, Certainty::Certain),
    recorded("oom-process-cgroup-v1", Code::WorkerOOM, Certainty::Likely),
    recorded("evict", Code::Evicted, Certainty::Certain),
    recorded("image-pull-head", Code::ImagePull, Certainty::Certain),
    recorded("image-pull-worker", Code::ImagePull, Certainty::Certain),
    recorded("pending", Code::Unschedulable, Certainty::Certain),
    Recorded { outcome: Outcome::Stopped, ..recorded("cluster", Code::Deleted, Certainty::Certain) },
];

/// Names of recordings with their bytes, whose place depends on no package.
macro_rules! files {
    ($($name:literal)*) => { [$(($name, include_bytes!(concat!("../fixtures/kube-objects/", $name, ".jsonl.gz")))),*] };
}

/// The recordings.
const FILES: [(&str, &[u8]); 12] = files!(
    "ok" "fail" "backoff" "deadline" "oom-worker" "oom-head" "oom-process-cgroup-v1" "evict" "image-pull-head"
    "image-pull-worker" "pending" "cluster"
);

/// Reads the lines of a run: each has a version of an object.
fn lines(name: &str) -> impl Iterator<Item = Value> {
    let (_, file) = FILES.iter().find(|(known, _)| *known == name).unwrap();
    BufReader::new(GzDecoder::new(*file)).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

fn time(line: &Value) -> Time {
    Time::parse(line["at"].as_str().unwrap()).unwrap()
}

/// Reads the versions of a run.
pub(crate) fn versions(name: &str) -> Vec<Version> {
    let version = |line: Value| {
        let object = &line["object"];
        Version {
            at: time(&line),
            deleted: line["type"] == "DELETED",
            uid: object["metadata"]["uid"].as_str().unwrap().to_owned(),
            kind: object["kind"].as_str().unwrap().to_owned(),
            object: Object::read(object.to_string().as_bytes()).unwrap(),
        }
    };
    lines(name).map(version).collect()
}

/// Reads a run as a scene, which begins with its first version.
pub(crate) fn scene(name: &str) -> Scene {
    let lines: Vec<Value> = lines(name).collect();
    let start = lines.iter().map(time).min().unwrap();
    let step = |line: &Value| Step {
        at: time(line).since(start),
        gone: line["type"] == "DELETED",
        object: line["object"].clone(),
    };
    Scene { steps: lines.iter().map(step).collect(), start: Some(start), ..Scene::default() }
}
