//! The ServiceAccount and the rights of `config/`, as kustomize renders them.
//!
//! The resources, namespace, prefix and patches of a kustomization are applied here; these kinds need nothing else.

use crate::control_plane::ControlPlane;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A form of the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `config/default`: it sees all namespaces.
    ClusterWide,
    /// `config/namespaced`: it sees its own.
    Namespaced,
}

/// The server's ServiceAccount and its rights.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    /// Its ServiceAccount.
    pub(crate) account: String,
    objects: Vec<Value>,
}

impl Rights {
    /// Returns the rights of a form, for a namespace, with a prefix before each name.
    pub(crate) fn of(form: Form, namespace: &str) -> Self {
        let folder = match form {
            Form::ClusterWide => "default",
            Form::Namespaced => "namespaced",
        };
        let kustomization = one(&config(folder).join("kustomization.yaml"));
        let mut objects = rendered(folder);
        // The roles for people are not the server's.
        objects.retain(|object| {
            let (kind, name) = (object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
            kind == "ServiceAccount" || ((kind.contains("Role")) && !name.starts_with("rayhistory-"))
        });
        // As kustomization.namespace and namePrefix do, references included; the prefix is of this namespace, because
        // what is not in a namespace is shared with other tests.
        assert!(kustomization["namePrefix"].is_string() && kustomization["namespace"].is_string());
        for object in &mut objects {
            prefix(&mut object["metadata"]["name"], namespace);
            if !object["kind"].as_str().unwrap().starts_with("Cluster") {
                object["metadata"]["namespace"] = json!(namespace);
            }
            if object["kind"].as_str().unwrap().ends_with("Binding") {
                prefix(&mut object["roleRef"]["name"], namespace);
                for subject in object["subjects"].as_array_mut().unwrap() {
                    prefix(&mut subject["name"], namespace);
                    subject["namespace"] = json!(namespace);
                }
            }
        }
        let account = objects.iter().find(|object| object["kind"] == "ServiceAccount").unwrap();
        Self { account: account["metadata"]["name"].as_str().unwrap().to_owned(), objects }
    }

    /// Adds the rights of access control in a form, for the same namespace.
    pub(crate) fn with_access(self, form: Form, namespace: &str) -> Self {
        let folder = match form {
            Form::ClusterWide => "access",
            Form::Namespaced => "access-namespaced",
        };
        self.with(folder, namespace)
    }

    /// Adds the rights of a mode of obituaries.
    pub(crate) fn with_obituaries(self, mode: &str, namespace: &str) -> Self {
        self.with(&format!("obituaries-{}", mode.to_lowercase()), namespace)
    }

    fn with(mut self, folder: &str, namespace: &str) -> Self {
        let mut objects = rendered(folder);
        // These have whole names, to which no prefix is added; those of Kubernetes' own roles stay.
        let rename = |name: &mut Value| {
            if let Some(rest) = name.as_str().unwrap().strip_prefix("ray-history-") {
                *name = json!(format!("{namespace}-{rest}"));
            }
        };
        for object in &mut objects {
            rename(&mut object["metadata"]["name"]);
            if !object["kind"].as_str().unwrap().starts_with("Cluster") {
                object["metadata"]["namespace"] = json!(namespace);
            }
            if object["kind"].as_str().unwrap().ends_with("Binding") {
                rename(&mut object["roleRef"]["name"]);
                for subject in object["subjects"].as_array_mut().unwrap() {
                    assert_eq!(subject["name"], "ray-history-server");
                    (subject["name"], subject["namespace"]) = (json!(self.account), json!(namespace));
                }
            }
        }
        self.objects.extend(objects);
        self
    }

    /// Returns every pair of a verb and a resource that is granted.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        self.each_rule(|rule| {
            let texts = |name: &str| -> Vec<String> { serde_json::from_value(rule[name].clone()).unwrap() };
            for group in texts("apiGroups") {
                for resource in texts("resources") {
                    let resource = format!("{group}/{resource}");
                    all.extend(texts("verbs").into_iter().map(|verb| (verb, resource.clone())));
                }
            }
        });
        all
    }

    /// Returns the same rights without one verb on one resource, which must be granted once.
    pub(crate) fn without(mut self, verb: &str, resource: &str) -> Self {
        let mut found = 0;
        for object in &mut self.objects {
            let mut rules = Vec::new();
            for rule in object["rules"].as_array().into_iter().flatten() {
                let group = rule["apiGroups"][0].as_str().unwrap();
                for one in rule["resources"].as_array().unwrap() {
                    let mut rule = rule.clone();
                    rule["resources"] = json!([one]);
                    if format!("{group}/{}", one.as_str().unwrap()) == resource {
                        rule["verbs"].as_array_mut().unwrap().retain(|granted| {
                            found += usize::from(granted == verb);
                            granted != verb
                        });
                    }
                    if rule["verbs"].as_array().is_some_and(|verbs| !verbs.is_empty()) {
                        rules.push(rule);
                    }
                }
            }
            if !object["rules"].is_null() {
                object["rules"] = json!(rules);
            }
        }
        assert_eq!(found, 1, "{verb} {resource} is granted once");
        self
    }

    /// Grants them.
    pub(crate) async fn grant(&self, plane: &ControlPlane) {
        for object in &self.objects {
            plane.apply(object.clone()).await;
        }
    }

    /// Takes the roles away, and leaves the ServiceAccount.
    pub(crate) async fn revoke(&self, plane: &ControlPlane) {
        for object in self.objects.iter().filter(|object| object["kind"] != "ServiceAccount") {
            plane.delete(object).await;
        }
    }

    fn each_rule(&self, mut look: impl FnMut(&Value)) {
        let rules = self.objects.iter().filter_map(|object| object["rules"].as_array());
        rules.flatten().for_each(&mut look);
    }
}

fn config(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(folder)
}

/// The objects of a kustomization after its patches.
fn rendered(folder: &str) -> Vec<Value> {
    let folder = config(folder);
    let mut objects = collect(&folder);
    for patch in one(&folder.join("kustomization.yaml"))["patches"].as_array().into_iter().flatten() {
        apply(patch, &mut objects);
    }
    objects
}

fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn one(path: &Path) -> Value {
    read(path).remove(0)
}

/// The objects of a kustomization and of those that it names.
fn collect(folder: &Path) -> Vec<Value> {
    let resources: Vec<PathBuf> =
        serde_json::from_value(one(&folder.join("kustomization.yaml"))["resources"].clone()).unwrap();
    let paths = resources.into_iter().map(|path| folder.join(path));
    paths.flat_map(|path| if path.is_dir() { collect(&path) } else { read(&path) }).collect()
}

/// A patch: `replace` operations, or the removal of what it targets.
fn apply(patch: &Value, objects: &mut Vec<Value>) {
    let target = |name: &str| patch["target"][name].as_str().map(|text| format!("^(?:{text})$"));
    let matches = |wanted: Option<String>, found: &Value| {
        wanted.is_none_or(|wanted| regex_lite::Regex::new(&wanted).unwrap().is_match(found.as_str().unwrap()))
    };
    let hits = |object: &Value| {
        matches(target("kind"), &object["kind"]) && matches(target("name"), &object["metadata"]["name"])
    };
    let change: Value = serde_saphyr::from_str(patch["patch"].as_str().unwrap()).unwrap();
    if change["$patch"] == "delete" {
        objects.retain(|object| !hits(object));
        return;
    }
    for object in objects.iter_mut().filter(|object| hits(object)) {
        for operation in change.as_array().expect("operations") {
            assert_eq!(operation["op"], "replace", "{operation}");
            *object.pointer_mut(operation["path"].as_str().unwrap()).unwrap() = operation["value"].clone();
        }
    }
}

fn prefix(name: &mut Value, prefix: &str) {
    *name = json!(format!("{prefix}-{}", name.as_str().unwrap()));
}
