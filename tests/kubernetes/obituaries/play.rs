//! Plays a scene to a real API server, as scheduler, kubelet, `KubeRay` and Kueue.
//!
//! Objects get names and a namespace of their own, the uids that the API server gives, and times of today (`clock`).
//! What the API server alone may set comes of requests: deletions, finalizers, managers, the binding to a node.

use super::clock::{Clock, now, written};
use crate::control_plane::ControlPlane;
use crate::scenes::objects::{START, Scene, Step};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use ray_history_obituary::time::Time;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The time for which everything is there after the last step, so that what is to be asked is asked.
const AFTER: Duration = Duration::from_secs(10);
/// The same with a node or a Workload, which is asked for every half minute.
const AFTER_ASKED: Duration = Duration::from_secs(40);
/// The same of what was shown for more than a minute: it is asked about with all that failed meanwhile.
const AFTER_HOLD: Duration = Duration::from_secs(20);
/// The time after which a namespace that is being deleted takes the objects of another scene.
const LATER: Duration = Duration::from_secs(7);
/// The kind whose objects go first when all is cleaned up; their pods follow.
const CLUSTERS: &str = "RayCluster";
/// Kinds of recordings that are not played: nobody but `KubeRay` sees the Job of a submitter.
const UNPLAYED: [&str; 2] = ["Job", "Endpoints"];
/// Kinds whose objects go last.
const OWNERS: [&str; 4] = ["Workload", "RayService", "RayJob", "Node"];

/// The part of a scene in the deletion of its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doom {
    /// It ends with the beginning of the deletion.
    First,
    /// It was played at the same time, and goes some seconds later.
    Later,
}

/// A scene on its way.
pub(super) struct Player<'a> {
    plane: &'a ControlPlane,
    namespace: &'a str,
    prefix: String,
    clock: Clock,
    /// Names of the scene's objects.
    names: BTreeSet<String>,
    /// Uids of the scene with those of the API server.
    uids: BTreeMap<String, String>,
    /// The objects that are there, by their uid in the scene.
    there: BTreeMap<String, Shown>,
    /// Events about objects that are not there yet.
    early: Vec<Value>,
}

/// An object as it was shown last.
struct Shown {
    object: Value,
    is_deleting: bool,
}

impl<'a> Player<'a> {
    /// Plays a scene in a namespace with a prefix before all names, and cleans up, as the namespace's deletion does if that
    /// is `doomed`. Returns the player, which knows its uids and times.
    pub(super) async fn play(
        plane: &'a ControlPlane,
        namespace: &'a str,
        prefix: String,
        scene: &Scene,
        doomed: Option<Doom>,
    ) -> Self {
        let mut steps: Vec<&Step> = scene.steps.iter().collect();
        steps.sort_by_key(|step| step.at);
        let names = steps.iter().filter(|step| step.object["kind"] != "Event");
        let names = names.map(|step| text(&step.object["metadata"]["name"])).collect();
        let start = scene.start.unwrap_or_else(|| Time::parse(START).unwrap());
        let first = steps.first().map_or(0, |step| step.at).max(scene.age);
        let clock = Clock::new(start, first, steps.len(), scene.holds);
        let (uids, there, early) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut player = Self { plane, namespace, prefix, clock, names, uids, there, early };
        let of_kind = |kind: &str| steps.iter().find(|step| step.object["kind"] == kind);
        // A pod never runs on a node that is not there yet.
        if let Some(Step { object, .. }) = of_kind("Node") {
            let object = json!({"kind": "Node", "metadata": object["metadata"]});
            player.show(&Step { at: first, gone: false, object }).await;
        }
        let is_asked = of_kind("Node").or(of_kind("Workload")).is_some();
        let after = match (scene.holds, is_asked) {
            (Some(_), _) => AFTER_HOLD,
            (None, true) => AFTER_ASKED,
            (None, false) => AFTER,
        };
        for step in steps {
            player.clock.until(step.at).await;
            player.show(step).await;
        }
        assert!(player.early.is_empty(), "Events about objects that never come: {:?}", player.early);
        tokio::time::sleep(after).await;
        if doomed == Some(Doom::Later) {
            tokio::time::sleep(LATER).await;
        } else if doomed == Some(Doom::First) {
            plane.delete(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})).await;
        }
        player.clean_up().await;
        player
    }

    /// Returns the uid here of an object of the scene.
    pub(super) fn uid(&self, uid: &str) -> &str {
        &self.uids[uid]
    }

    /// Returns the time here of a time of the scene.
    pub(super) fn real(&self, time: Time) -> Time {
        self.clock.real(time)
    }

    /// Shows a version of an object.
    async fn show(&mut self, step: &Step) {
        let uid = text(&step.object["metadata"]["uid"]);
        let object = self.translated(&step.object);
        match object["kind"].as_str().unwrap() {
            // Nobody but KubeRay sees the Job of a submitter.
            "Job" => return,
            "Event" if step.gone => return,
            "Event" => return self.event(&uid, step.object.clone()).await,
            _ => {}
        }
        if !self.there.contains_key(&uid) {
            self.create(&uid, &object).await;
        }
        self.change(&uid, object).await;
        if step.gone {
            self.remove(&uid).await;
        }
    }

    /// Creates an object without a status.
    async fn create(&mut self, uid: &str, object: &Value) {
        let mut created = object.clone();
        let metadata = object["metadata"].as_object().unwrap().clone();
        let kept = ["name", "namespace", "labels", "ownerReferences"];
        created["metadata"] = metadata.into_iter().filter(|(field, _)| kept.contains(&field.as_str())).collect();
        created.as_object_mut().unwrap().remove("status");
        let api = self.plane.api(&created);
        let parameters = PostParams { field_manager: Some(manager(object)), ..PostParams::default() };
        let answer = api.create(&parameters, &serde_json::from_value(created.clone()).unwrap()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{created}: {error}"));
        self.uids.insert(uid.to_owned(), answer.metadata.uid.unwrap());
        self.there.insert(uid.to_owned(), Shown { object: created, is_deleting: false });
        for event in std::mem::take(&mut self.early) {
            let uid = text(&event["metadata"]["uid"]);
            self.event(&uid, event).await;
        }
    }

    /// Changes what differs from the version before.
    async fn change(&mut self, uid: &str, object: Value) {
        let shown = self.there.get_mut(uid).unwrap();
        let before = std::mem::replace(&mut shown.object, object.clone());
        let (api, name) = (self.plane.api(&object), text(&object["metadata"]["name"]));
        let is_pod = object["kind"] == "Pod";
        let manager = PatchParams { field_manager: Some(manager(&object)), ..PatchParams::default() };
        let labels = difference(&before["metadata"]["labels"], &object["metadata"]["labels"]);
        if let Some(labels) = labels.filter(|_| !object["metadata"]["labels"].is_null()) {
            let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
            api.patch(&name, &manager, &patch).await.unwrap();
        }
        if is_pod && before["spec"]["nodeName"].is_null() && !object["spec"]["nodeName"].is_null() {
            self.bind(&object).await;
        } else if let Some(spec) = difference(&before["spec"], &object["spec"]).filter(|_| !is_pod)
            && !object["spec"].is_null()
        {
            api.patch(&name, &manager, &Patch::Merge(json!({"spec": spec}))).await.unwrap();
        }
        if !object["metadata"]["deletionTimestamp"].is_null() {
            self.ask_to_delete(uid, object["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(0)).await;
        }
        if let Some(status) = difference(&before["status"], &object["status"]).filter(|_| !object["status"].is_null()) {
            let patched = api.patch_status(&name, &manager, &Patch::Merge(json!({"status": status}))).await;
            ignore_absence(patched);
        }
    }

    /// Binds a pod to its node, as the scheduler does.
    async fn bind(&self, pod: &Value) {
        let name = text(&pod["metadata"]["name"]);
        let target = json!({"apiVersion": "v1", "kind": "Node", "name": pod["spec"]["nodeName"]});
        let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target});
        let url = format!("/api/v1/namespaces/{}/pods/{name}/binding", self.namespace);
        let request = http::Request::post(url).header("content-type", "application/json");
        let request = request.body(binding.to_string().into_bytes()).unwrap();
        self.plane.admin().request_text(request).await.unwrap();
    }

    /// Asks for the deletion of an object, which stays for now.
    async fn ask_to_delete(&mut self, uid: &str, grace: u64) {
        let shown = self.there.get_mut(uid).unwrap();
        if std::mem::replace(&mut shown.is_deleting, true) {
            return;
        }
        let (api, name) = (self.plane.api(&shown.object), text(&shown.object["metadata"]["name"]));
        let mut parameters = DeleteParams::default();
        if shown.object["kind"] == "Pod" {
            // Without a grace it would be gone at once.
            parameters.grace_period_seconds = Some(u32::try_from(grace.max(1)).unwrap());
        } else {
            let held = json!({"metadata": {"finalizers": ["test.ray-history/held"]}});
            api.patch(&name, &PatchParams::default(), &Patch::Merge(held)).await.unwrap();
        }
        ignore_absence(api.delete(&name, &parameters).await);
    }

    /// Removes an object.
    async fn remove(&mut self, uid: &str) {
        let Some(Shown { object, is_deleting }) = self.there.remove(uid) else { return };
        let (api, name) = (self.plane.api(&object), text(&object["metadata"]["name"]));
        if object["kind"] == "Pod" {
            ignore_absence(
                api.delete(&name, &DeleteParams { grace_period_seconds: Some(0), ..Default::default() }).await,
            );
        } else if is_deleting {
            let released = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            ignore_absence(api.patch(&name, &PatchParams::default(), &released).await);
        } else {
            ignore_absence(api.delete(&name, &DeleteParams::default()).await);
        }
    }

    /// Writes an Event, or what is new in one that is there.
    async fn event(&mut self, uid: &str, told: Value) {
        let about = text(&told["involvedObject"]["uid"]);
        if !self.uids.contains_key(&about) {
            if !UNPLAYED.contains(&text(&told["involvedObject"]["kind"]).as_str()) {
                self.early.push(told);
            }
            return;
        }
        let mut event = self.translated(&told);
        let name = format!("{}{}", self.prefix, uid.to_lowercase());
        event["metadata"] = json!({"name": name, "namespace": self.namespace});
        if !event["eventTime"].is_null() {
            event["reportingInstance"] = json!("test");
        }
        let api = self.plane.api(&event);
        if self.there.contains_key(uid) {
            event.as_object_mut().unwrap().remove("metadata");
            api.patch(&name, &PatchParams::default(), &Patch::Merge(event)).await.unwrap();
            return;
        }
        let created = api.create(&PostParams::default(), &serde_json::from_value(event.clone()).unwrap()).await;
        created.unwrap_or_else(|error| panic!("{event}: {error}"));
        self.there.insert(uid.to_owned(), Shown { object: event, is_deleting: false });
    }

    /// Ends what is left, as `KubeRay` and kubelet do: first the clusters, then their pods, and then what owned them.
    async fn clean_up(&mut self) {
        let uids = |player: &Self, kind: &str| -> Vec<String> {
            let of_kind = player.there.iter().filter(|(_, shown)| shown.object["kind"] == kind);
            of_kind.map(|(uid, _)| uid.clone()).collect()
        };
        for uid in uids(self, CLUSTERS) {
            self.remove(&uid).await;
        }
        let pods = uids(self, "Pod");
        for uid in &pods {
            self.ask_to_delete(uid, 30).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        for uid in &pods {
            let mut pod = self.there[uid].object.clone();
            let ended = json!({"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": written(now(), false)}});
            for container in pod["status"]["containerStatuses"].as_array_mut().into_iter().flatten() {
                if container["state"]["terminated"].is_null() {
                    container["state"] = ended.clone();
                }
            }
            pod["status"]["phase"] = json!("Failed");
            self.change(uid, pod).await;
            self.remove(uid).await;
        }
        tokio::time::sleep(Duration::from_secs(6)).await;
        for kind in OWNERS {
            for uid in uids(self, kind) {
                self.remove(&uid).await;
            }
        }
    }

    /// Returns an object of the scene with its names, uids and times here.
    fn translated(&self, object: &Value) -> Value {
        let mut translated = object.clone();
        self.translate(&mut translated, &text(&object["metadata"]["namespace"]));
        let kind = translated["kind"].as_str().unwrap();
        let version = match kind {
            "Pod" | "Node" | "Event" => "v1",
            "Workload" => "kueue.x-k8s.io/v1beta1",
            "Job" => "batch/v1",
            _ => "ray.io/v1",
        };
        let (is_node, is_workload) = (kind == "Node", kind == "Workload");
        // The API server computes it.
        if let Some(status) = translated.get_mut("status").and_then(Value::as_object_mut) {
            status.remove("qosClass");
        }
        translated["apiVersion"] = json!(version);
        let metadata = translated["metadata"].as_object_mut().unwrap();
        if is_node {
            metadata.remove("namespace");
        }
        for owner in metadata.get_mut("ownerReferences").and_then(Value::as_array_mut).into_iter().flatten() {
            owner["apiVersion"] = json!(if owner["kind"] == "Job" { "batch/v1" } else { "ray.io/v1" });
        }
        if is_workload {
            metadata.insert("labels".into(), json!({"kueue.x-k8s.io/job-uid": metadata["ownerReferences"][0]["uid"]}));
        }
        translated
    }

    fn translate(&self, value: &mut Value, namespace: &str) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.translate(item, namespace)),
            Value::Object(fields) => {
                // Fields that are told to be absent.
                fields.retain(|_, field| !field.is_null());
                fields.values_mut().for_each(|field| self.translate(field, namespace));
            }
            Value::String(text) => *text = self.word(text, namespace),
            _ => {}
        }
    }

    fn word(&self, word: &str, namespace: &str) -> String {
        if word == namespace {
            return self.namespace.to_owned();
        }
        if self.names.contains(word) {
            return format!("{}{word}", self.prefix);
        }
        if let Some(uid) = self.uids.get(word) {
            return uid.clone();
        }
        if word.ends_with('Z')
            && let Some(time) = Time::parse(word)
        {
            return written(self.clock.real(time), word.contains('.'));
        }
        // The longest first: one name may begin another.
        let names = self.names.iter().rev();
        names.fold(word.to_owned(), |word, name| {
            word.replace(&format!("{namespace}/{name}"), &format!("{}/{}{name}", self.namespace, self.prefix))
        })
    }
}

/// Returns the manager that a version names, else `KubeRay`.
fn manager(object: &Value) -> String {
    object["metadata"]["managedFields"][0]["manager"].as_str().unwrap_or("kuberay-operator").to_owned()
}

/// Returns what a merge has to say to make one value of another; `None` for the same.
fn difference(before: &Value, after: &Value) -> Option<Value> {
    if before == after {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return Some(after.clone()) };
    let mut patch: Map<String, Value> =
        old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null)).collect();
    for (key, value) in new {
        if let Some(changed) = difference(old.get(key).unwrap_or(&Value::Null), value) {
            patch.insert(key.clone(), changed);
        }
    }
    Some(Value::Object(patch))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Lets an object be gone that was to go.
fn ignore_absence<T>(answer: kube::Result<T>) {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        other => drop(other.unwrap()),
    }
}
