//! The rules of the definition of `RayHistory`: enforced by the API server, and by `check` for files.

use crate::stage::Stage;
use crate::world::{Plane, unique};
use kube::api::{Api, DynamicObject, PostParams};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;

/// Returns a valid spec with a store.
fn good(store: &str) -> Value {
    let storage = match store {
        "s3" | "gcs" => json!({"bucket": "ray"}),
        "azure" => json!({"container": "ray", "account": "ray"}),
        "oss" => json!({"bucket": "ray", "region": "cn-hangzhou"}),
        _ => json!({"path": "/data"}),
    };
    json!({"storage": {(store): storage}})
}

/// A spec that is wrong at one place, and words that an error about it must have.
#[derive(Clone, Debug)]
struct Bad {
    /// The violated rule: the path of its field, and its message.
    rule: (String, String),
    spec: Value,
    message: String,
}

/// Returns violations of each rule that the schema's shape cannot express; those of fields are found by their message.
fn violations_of_rules() -> Vec<Bad> {
    let mut all = Vec::new();
    let mut bad = |place: &str, message: &str, spec: Value| {
        let rule = (place.to_owned(), message.to_owned());
        all.push(Bad { rule, spec, message: message.to_owned() });
    };
    let set = |store: &str, path: &[&str], value: Value| {
        let mut spec = good(store);
        let mut at = &mut spec;
        for name in path {
            at = &mut at[*name];
        }
        *at = value;
        spec
    };
    let one = "exactly one of s3, gcs, azure, oss and local must be set";
    bad("spec.storage", one, json!({"storage": {}}));
    bad("spec.storage", one, json!({"storage": {"s3": {"bucket": "ray"}, "gcs": {"bucket": "ray"}}}));
    bad("spec.storage", one, json!({"storage": {"local": {"path": "/a"}, "oss": {"bucket": "ray", "region": "c"}}}));
    let size = "must be a size such as 512Mi, 2Gi or 500M, from 64Mi to 64Ti";
    for wrong in
        [json!("2GB"), json!("63Mi"), json!("65Ti"), json!(""), json!("-2Gi"), json!("500m"), json!(1), json!("1e9")]
    {
        bad("spec.cache.maxMemory", size, set("local", &["cache", "maxMemory"], wrong));
    }
    for (section, field, bounds, wrong) in [
        ("cache", "ttl", "0s to 8760h", ["8761h", "1d", "-1s", "10", ""]),
        ("loading", "timeout", "1s to 24h", ["999ms", "25h", "soon", "1e3s", "-5m"]),
        ("loading", "requestTimeout", "0s to 10m", ["11m", "1 m", "601s", "s", "5"]),
    ] {
        let message = format!("must be a duration such as 30s, 10m or 1h30m, from {bounds}");
        for wrong in wrong {
            bad(&format!("spec.{section}.{field}"), &message, set("local", &[section, field], json!(wrong)));
        }
    }
    let address = "must be an address such as https://store.example:9000, without user name, query or fragment";
    for (store, field) in [("s3", "endpoint"), ("gcs", "endpoint"), ("azure", "endpoint"), ("oss", "endpoint")] {
        for wrong in ["minio:9000", "https://me@host", "https://host?sig=x", "https://host#x", "ftp://host", "https://"]
        {
            let spec = set(store, &["storage", store, field], json!(wrong));
            bad(&format!("spec.storage.{store}.{field}"), address, spec);
        }
    }
    for store in ["s3", "gcs", "azure", "oss"] {
        let mut spec = set(store, &["storage", store, "anonymous"], json!(true));
        spec["storage"][store]["credentialsSecretRef"] = json!({"name": "keys"});
        bad(&format!("spec.storage.{store}"), "must not be set together with credentialsSecretRef", spec);
    }
    let account = "must be set, unless endpoint or a connection string in credentialsSecretRef contains it";
    bad("spec.storage.azure", account, json!({"storage": {"azure": {"container": "ray"}}}));
    for wrong in ["data", "./data", "../data"] {
        bad(
            "spec.storage.local.path",
            "must be an absolute path",
            set("local", &["storage", "local", "path"], json!(wrong)),
        );
    }
    all
}

/// Returns violations of each rule of access control.
fn violations_of_access() -> Vec<Bad> {
    let mut all = Vec::new();
    let mut bad = |place: &str, message: &str, access: Value| {
        let rule = (format!("spec.access{place}"), message.to_owned());
        let mut spec = good("local");
        spec["access"] = access;
        all.push(Bad { rule, spec, message: message.to_owned() });
    };
    let way_in = "at least one of tokens, login and proxy must be set with mode Kubernetes";
    bad("", way_in, json!({"mode": "Kubernetes"}));
    bad("", way_in, json!({"mode": "Kubernetes", "authentication": {}}));
    let proxy = |fields: Value| {
        let mut proxy = json!({"trust": {"sourceRanges": ["10.0.0.0/8"]}});
        proxy.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({"authentication": {"proxy": proxy}})
    };
    let place = ".authentication.proxy";
    let header = "must be the name of a header (letters, digits, -) that has no other meaning";
    for name in ["usernameHeader", "groupsHeader"] {
        for wrong in ["X_User", "X User", "1x", "Authorization", "COOKIE", "x-ray-history-proxy", "X-User\n"] {
            bad(&format!("{place}.{name}"), header, proxy(json!({name: wrong})));
        }
    }
    let same = json!({"usernameHeader": "X-Name", "groupsHeader": "x-name"});
    bad(place, "must be another header than usernameHeader", proxy(same));
    for name in ["usernamePrefix", "groupsPrefix"] {
        bad(&format!("{place}.{name}"), "must not begin with system:", proxy(json!({name: "system:node:"})));
    }
    for trust in [json!({}), json!({"sourceRanges": []})] {
        bad(&format!("{place}.trust"), "sourceRanges or secretRef must be set", proxy(json!({"trust": trust})));
    }
    for (field, bounds, wrong) in [
        ("cache.allowedFor", "1s to 1h", ["0s", "61m"]),
        ("cache.deniedFor", "1s to 1h", ["999ms", "2h"]),
        ("cache.staleFor", "0s to 1h", ["-1s", "1d"]),
        ("authentication.login.lifetime", "5m to 24h", ["4m", "25h"]),
    ] {
        for wrong in wrong {
            let login = json!({"keySecretRef": {"name": "key"}});
            let mut access = json!({"authentication": {"login": login}, "cache": {}});
            *field.split('.').fold(&mut access, |at, name| &mut at[name]) = json!(wrong);
            bad(&format!(".{field}"), &format!("must be a duration such as 30s, 10m or 1h30m, from {bounds}"), access);
        }
    }
    let mut by_role = good("local");
    by_role["redaction"] = json!("ByRole");
    let message = "ByRole needs access.mode Kubernetes".to_owned();
    all.push(Bad { rule: ("spec".to_owned(), message.clone()), spec: by_role, message });
    all
}

/// Returns violations of each rule of retention.
fn violations_of_retention() -> Vec<Bad> {
    let mut all = Vec::new();
    let mut bad = |place: &str, message: &str, retention: Value| {
        let rule = (format!("spec{place}"), message.to_owned());
        let mut spec = good("local");
        spec["retention"] = retention;
        all.push(Bad { rule, spec, message: message.to_owned() });
    };
    let place = ".retention";
    bad(place, "retention is on, and no rule says what it deletes", json!({"mode": "DryRun"}));
    bad(place, "retention is on, and no rule says what it deletes", json!({"mode": "Delete", "rules": []}));
    bad(place, "it has no condition, so it would protect every session", json!({"protect": [{}]}));
    let limit = "it has no limit: set maxAge, maxSessions or maxBytes";
    for rule in [json!({}), json!({"match": {}}), json!({"match": {"owners": ["a*"]}})] {
        bad(".retention.rules[0]", limit, json!({"rules": [rule]}));
    }
    for wrong in ["23h", "1d", "8761h"] {
        bad(
            ".retention.grace",
            "must be a duration such as 30s, 10m or 1h30m, from 24h to 8760h",
            json!({"grace": wrong}),
        );
    }
    for wrong in ["23h", "30d", "", "876001h"] {
        let message = "must be a duration such as 30s, 10m or 1h30m, from 24h to 876000h";
        bad(".retention.rules[0].maxAge", message, json!({"rules": [{"maxAge": wrong}]}));
    }
    for wrong in ["0", "10000Ti", "2GB", "-1Gi", "1.5Gi", "05Gi"] {
        let message = "must be a size such as 500Gi, 2Ti or 100M, of up to four digits";
        bad(".retention.rules[0].maxBytes", message, json!({"rules": [{"maxBytes": wrong}]}));
    }
    let outcomes = "outcomes come from obituaries, which are off";
    bad("", outcomes, json!({"rules": [{"match": {"outcomes": ["Failed"]}, "maxAge": "24h"}]}));
    bad("", outcomes, json!({"protect": [{"outcomes": ["Failed"]}]}));
    all
}

/// Returns violations of each rule of persisted snapshots.
fn violations_of_persist() -> Vec<Bad> {
    let mut all = Vec::new();
    let message = "must be a duration such as 30s, 10m or 1h30m, from 1m to 24h";
    for wrong in ["59s", "0s", "25h", "1d", "", "-1m", "soon"] {
        let mut spec = good("local");
        spec["persist"] = json!({"after": wrong});
        let rule = ("spec.persist.after".to_owned(), message.to_owned());
        all.push(Bad { rule, spec, message: message.to_owned() });
    }
    all
}

/// Returns settings of obituaries that need others.
fn violations_of_obituaries() -> Vec<Bad> {
    let message = "submitterLogs needs mode Pods: no other watches submitters".to_owned();
    let violation = |mode: &str| {
        let mut spec = good("local");
        spec["obituaries"] = json!({"mode": mode, "submitterLogs": true});
        Bad { rule: ("spec.obituaries".to_owned(), message.clone()), spec, message: message.clone() }
    };
    ["Off", "Resources"].map(violation).into()
}

/// Returns names that no bucket or container of a store can have, each with the part of its message that is its own.
fn violations_of_names() -> Vec<Bad> {
    let bucket = "must be the name of a bucket and nothing else: 3 to";
    let [s3, gcs, oss] =
        ["63 lowercase letters, digits, dots and hyphens (", "222", "63 lowercase letters, digits and hyphens;"];
    let [s3, gcs, oss] = [s3, gcs, oss].map(|rest| format!("{bucket} {rest}"));
    let azure = "must be the name of a container and nothing else".to_owned();
    let rows: [(&str, &str, &str, &String, &[&str]); 4] = [
        ("s3", "bucket", "", &s3, &["ab", "s3://ray", "ray/log", "ray log", "ray\n", "-ray"]),
        ("gcs", "bucket", ".bucket", &gcs, &["Ray", "gs://ray", "10.0.0.1", "ray..log", "ray-"]),
        ("azure", "container", ".container", &azure, &["ra", "Ray", "r--y", "ray_log", "$other"]),
        ("oss", "bucket", ".bucket", &oss, &["ra", "Ray", "r.ay", "oss://ray"]),
    ];
    let mut all = Vec::new();
    for (store, field, place, message, wrong) in rows {
        for wrong in wrong {
            let mut spec = good(store);
            spec["storage"][store][field] = json!(wrong);
            let rule = (format!("spec.storage.{store}{place}"), message.clone());
            all.push(Bad { rule, spec, message: message.clone() });
        }
    }
    let mut elsewhere = good("s3");
    elsewhere["storage"]["s3"] = json!({"bucket": "Ray_Logs", "region": "eu-west-1"});
    all.push(Bad { rule: ("spec.storage.s3".to_owned(), s3.clone()), spec: elsewhere, message: s3 });
    all
}

/// Adds a violation of each constraint that the shape has for each field of a schema.
fn violations_of_shape(schema: &Value, path: &[String], all: &mut Vec<Bad>) {
    let place = || place(path);
    let store =
        if path.first().is_some_and(|first| first == "storage") { path.get(1).map(String::as_str) } else { None };
    let store = store.filter(|name| *name != "rootDirs").unwrap_or("local");
    let mut bad = |rule: &str, value: Value| {
        let mut spec = good(store);
        *at(&mut spec, path) = value;
        all.push(Bad { rule: (place(), rule.to_owned()), spec, message: place() });
    };
    let number = |name: &str| schema[name].as_f64().map(|number| number as i64);
    let length = |name: &str| schema[name].as_u64().map(|length| length as usize);
    if !path.is_empty() {
        let wrong_type = if schema["type"] == "string" { json!(5) } else { json!("text") };
        if schema["x-kubernetes-int-or-string"].is_null() {
            bad("type", wrong_type);
        } else {
            bad("type", json!(true));
        }
    }
    number("minimum").inspect(|least| bad("minimum", json!(least - 1)));
    number("maximum").inspect(|most| bad("maximum", json!(most + 1)));
    length("minLength").inspect(|least| bad("minLength", json!("x".repeat(least - 1))));
    length("maxLength").inspect(|most| bad("maxLength", json!("x".repeat(most + 1))));
    if schema["enum"].is_array() {
        bad("enum", json!("Sometimes"));
    }
    if let Some(items) = schema.get("items") {
        // Of an object, any field is missing.
        let text = |n: usize| if items["type"] == "object" { json!({}) } else { json!(format!("a{n}")) };
        length("minItems").inspect(|least| bad("minItems", (0..least - 1).map(text).collect()));
        length("maxItems").inspect(|most| bad("maxItems", (0..=*most).map(text).collect()));
        bad("items.type", json!([5]));
        if schema["x-kubernetes-list-type"] == "set" {
            bad("set", json!(["a", "a"]));
        }
        if items["enum"].is_array() {
            bad("items.enum", json!(["Sometimes"]));
        } else if items["type"] == "string" {
            let most = items["maxLength"].as_u64().unwrap() as usize;
            bad("items.maxLength", json!(["x".repeat(most + 1)]));
        }
        if items["minLength"].is_u64() {
            bad("items.minLength", json!([""]));
        }
        if items["pattern"].is_string() {
            bad("items.pattern", json!(["Not_A_Name"]));
        }
    }
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.map(|name| name.as_str().unwrap()) {
        let mut spec = good(store);
        let at = at(&mut spec, path);
        if at.is_null() {
            *at = json!({});
        }
        at.as_object_mut().unwrap().remove(name);
        let place = self::place(&[path, &[name.to_owned()]].concat());
        all.push(Bad { rule: (place.clone(), "required".to_owned()), spec, message: place });
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        violations_of_shape(property, &[path, std::slice::from_ref(name)].concat(), all);
    }
    for (name, property) in schema["items"]["properties"].as_object().into_iter().flatten() {
        violations_of_shape(property, &[path, &[ITEM.to_owned(), name.clone()]].concat(), all);
    }
}

/// The first item of a list, as the API server names it.
const ITEM: &str = "[0]";

/// Returns the value at a path of a spec.
fn at<'v>(spec: &'v mut Value, path: &[String]) -> &'v mut Value {
    let mut at = spec;
    for name in path {
        if name == ITEM {
            if at.is_null() {
                *at = json!([{}]);
            }
            at = &mut at[0];
        } else {
            at = &mut at[name];
        }
    }
    at
}

/// Returns a path as the API server writes it.
fn place(path: &[String]) -> String {
    let parts = path.iter().map(|name| if name == ITEM { name.clone() } else { format!(".{name}") });
    format!("spec{}", parts.collect::<String>())
}

/// Adds the rules of a schema that its shape cannot express, by the path of their field and their message.
fn rules(schema: &Value, path: &str, all: &mut Vec<(String, String)>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        all.push((path.to_owned(), rule["message"].as_str().unwrap().to_owned()));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        rules(property, &format!("{path}.{name}"), all);
    }
    if schema["items"].is_object() {
        rules(&schema["items"], &format!("{path}{ITEM}"), all);
    }
}

fn document(spec: &Value) -> Value {
    json!({
        "apiVersion": "history.ray.io/v1alpha1", "kind": "RayHistory",
        "metadata": {"name": format!("bad-{}", unique()), "namespace": "default"}, "spec": spec,
    })
}

/// Returns the API server's error about an object; `None` if it accepts it.
async fn refused_by_api_server(api: &Api<DynamicObject>, spec: &Value) -> Option<String> {
    let params = PostParams { dry_run: true, ..PostParams::default() };
    match api.create(&params, &serde_json::from_value(document(spec)).unwrap()).await {
        Ok(_) => None,
        Err(kube::Error::Api(status)) if [400, 422].contains(&status.code) => Some(status.message.clone()),
        Err(error) => panic!("{error}"),
    }
}

/// Returns the error of `ray-history check` about a file; `None` if it accepts it.
fn refused_by_check(spec: &Value) -> Option<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), serde_saphyr::to_string(&document(spec)).unwrap()).unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_ray-history")).arg("check").arg(file.path()).output().unwrap();
    (!ended.status.success()).then(|| String::from_utf8(ended.stderr).unwrap())
}

fn api(plane: &Plane) -> Api<DynamicObject> {
    plane.api(&document(&json!({})))
}

pub(crate) async fn every_rule_is_enforced_by_the_api_server_and_check(stage: Stage) {
    let api = api(&stage.shared().await);
    let schema = ray_history_settings::crd::schema().pointer("/properties/spec").unwrap().clone();
    let mut table = violations_of_rules();
    table.extend(violations_of_names());
    table.extend(violations_of_access());
    table.extend(violations_of_retention());
    table.extend(violations_of_persist());
    table.extend(violations_of_obituaries());
    let mut wanted = Vec::new();
    rules(&schema, "spec", &mut wanted);
    let planted: Vec<_> = table.iter().map(|bad| bad.rule.clone()).collect();
    // A violation may quote the beginning of a long message.
    let is_of =
        |(place, words): &(String, String), rule: &(String, String)| rule.0 == *place && rule.1.starts_with(words);
    let unplanted: Vec<_> = wanted.iter().filter(|rule| !planted.iter().any(|bad| is_of(bad, rule))).collect();
    assert!(unplanted.is_empty(), "no violation of {unplanted:?}");
    let unknown: Vec<_> = planted.iter().filter(|bad| !wanted.iter().any(|rule| is_of(bad, rule))).collect();
    assert!(unknown.is_empty(), "no such rule: {unknown:?}");
    violations_of_shape(&schema, &[], &mut table);
    let mut kinds = BTreeMap::<String, usize>::new();
    let mut taken = Vec::new();
    for Bad { rule, spec, message: words } in &table {
        *kinds.entry(rule.1.clone()).or_default() += 1;
        let by_server = refused_by_api_server(&api, spec).await;
        if !by_server.as_ref().is_some_and(|text| text.contains(words)) {
            taken.push(format!("API server, {rule:?}: {by_server:?}"));
        }
        let in_file = refused_by_check(spec);
        // A line end in a name violates a rule of its own, which the API server lacks.
        let ends_a_line = spec.to_string().contains(r"\n");
        let is_reported =
            |text: &String| text.contains(words) || (ends_a_line && text.contains("has a character that no name has"));
        if !in_file.as_ref().is_some_and(is_reported) {
            taken.push(format!("check, {rule:?}: {in_file:?}"));
        }
    }
    assert!(taken.is_empty(), "{} of {}:\n{}", taken.len(), table.len(), taken.join("\n"));
    println!("{} violations of {} rules and {} kinds of shape", table.len(), wanted.len(), kinds.len());
}

fn access_by_proxy() -> Value {
    let proxy = json!({"usernamePrefix": "oidc:", "trust": {"sourceRanges": ["10.0.0.0/8", "fd00::/8"]}});
    json!({
        "mode": "Kubernetes", "authentication": {"proxy": proxy}, "authorization": {"check": "RayClusters"},
    })
}

fn retention() -> Value {
    let all =
        json!({"namespaces": ["a", "b-*"], "ownerKinds": ["RayJob", "RayService", "RayCluster"], "owners": ["*"]});
    json!({
        "mode": "Delete", "grace": "8760h", "maxShare": 100, "rate": {"objectsPerSecond": 10_000}, "protect": [all],
        "rules": [
            {"match": all, "maxAge": "24h"},
            {"maxAge": "876000h", "maxSessions": 1, "maxBytes": "1"},
            {"match": {}, "maxSessions": 10_000_000, "maxBytes": "9999Ti"},
        ],
    })
}

pub(crate) async fn values_at_their_bounds_pass_the_api_server_and_check(stage: Stage) {
    let api = api(&stage.shared().await);
    let mut table: Vec<Value> = ["s3", "gcs", "azure", "oss", "local"].map(good).into();
    for (section, value) in [
        ("cache", json!({"maxSessions": 1, "maxMemory": "64Mi", "ttl": "0s"})),
        ("cache", json!({"maxSessions": 100_000, "maxMemory": "64Ti", "ttl": "8760h"})),
        ("cache", json!({"maxMemory": 67_108_864})),
        ("cache", json!({"maxMemory": "1.5Gi", "ttl": "1h30m"})),
        ("loading", json!({"timeout": "1s", "maxConcurrent": 1, "requestTimeout": "0s"})),
        ("loading", json!({"timeout": "24h", "maxConcurrent": 64, "requestTimeout": "10m"})),
        ("clusters", json!({"namespaces": ["a", "b-2"], "sharedStorage": true})),
        ("clusters", json!({"namespaces": ["x".repeat(63)]})),
        ("redaction", json!("Never")),
        ("prewarm", json!({"enabled": false})),
        ("access", json!({"mode": "None", "authentication": {}})),
        ("access", json!({"mode": "Kubernetes", "authentication": {"tokens": {}}})),
        ("access", json!({"mode": "Kubernetes", "authentication": {"tokens": {"audiences": ["history.ray.io"]}}})),
        ("access", access_by_proxy()),
        ("retention", json!({"mode": "Off", "grace": "24h", "maxShare": 1, "rate": {"objectsPerSecond": 1}})),
        ("retention", retention()),
        ("persist", json!({"mode": "Off", "after": "1m", "backlogPerHour": 0, "environments": "Redacted"})),
        ("persist", json!({"after": "24h", "backlogPerHour": 10_000, "environments": "Clear"})),
        ("persist", json!({"mode": "Sessions"})),
        ("persist", json!({"messages": false, "profileEvents": false})),
        ("access", json!({"cache": {"allowedFor": "1s", "deniedFor": "1h", "staleFor": "0s"}})),
    ] {
        let mut spec = good("local");
        spec[section] = value;
        table.push(spec);
    }
    for (store, field, name) in [
        ("s3", "bucket", "Ray_Logs"),
        ("s3", "bucket", "arn:aws:s3:us-west-2:123456789012:accesspoint/ray"),
        ("gcs", "bucket", "ray_logs.example.com"),
        ("azure", "container", "$web"),
        ("oss", "bucket", "ray-logs-1"),
    ] {
        let mut spec = good(store);
        spec["storage"][store][field] = json!(name);
        table.push(spec);
    }
    table.push(
        json!({"storage": {"rootDirs": ["", "log"], "azure": {"container": "ray", "endpoint": "http://[::1]:1/x"}}}),
    );
    for spec in &table {
        assert_eq!((refused_by_api_server(&api, spec).await, refused_by_check(spec)), (None, None), "{spec}");
    }
}

pub(crate) async fn the_definition_has_a_short_name_a_category_and_columns(stage: Stage) {
    let plane = stage.shared().await;
    let get = async |path: &str, accept: &str| -> Value {
        let request = http::Request::get(path).header("accept", accept).body(Vec::new()).unwrap();
        serde_json::from_str(&plane.admin().request_text(request).await.unwrap()).unwrap()
    };
    let kinds = get("/apis/history.ray.io/v1alpha1", "application/json").await;
    let ours =
        kinds["resources"].as_array().unwrap().iter().find(|kind| kind["name"] == "rayhistories").unwrap().clone();
    assert_eq!((&ours["shortNames"], &ours["categories"]), (&json!(["rh"]), &json!(["ray"])));
    // As `kubectl get rh` asks.
    let world = crate::world::World::new(plane, &[], &[("c", crate::world::LATER)]).await;
    world.has("Ready", "True", "Serving").await;
    let path = format!("/apis/history.ray.io/v1alpha1/namespaces/{}/rayhistories", world.namespace);
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let request = http::Request::get(path).header("accept", table).body(Vec::new()).unwrap();
    let table: Value = serde_json::from_str(&world.plane.admin().request_text(request).await.unwrap()).unwrap();
    let names: Vec<_> =
        table["columnDefinitions"].as_array().unwrap().iter().map(|column| column["name"].clone()).collect();
    assert_eq!(names, ["Name", "Ready", "Storage", "Reachable", "Sessions", "Open Copies", "Age"]);
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    let storage = format!("file://{}", world.bucket.path().display());
    assert_eq!(cells[..5], [json!("main"), json!("True"), json!(storage), json!("True"), json!(1)]);
}

pub(crate) async fn an_unknown_field_is_refused_by_strict_apply_and_by_check(stage: Stage) {
    let plane = stage.shared().await;
    for (place, spec) in [
        ("spec.cach", json!({"storage": {"local": {"path": "/a"}}, "cach": {}})),
        ("spec.storage.s3.secretKey", json!({"storage": {"s3": {"bucket": "a", "secretKey": "x"}}})),
    ] {
        let body = serde_json::to_vec(&document(&spec)).unwrap();
        let path = "/apis/history.ray.io/v1alpha1/namespaces/default/rayhistories?dryRun=All&fieldValidation=Strict";
        let request = http::Request::post(path).header("content-type", "application/json").body(body).unwrap();
        let error = plane.admin().request_text(request).await.unwrap_err().to_string();
        assert!(error.contains(&format!("unknown field \"{place}\"")), "{error}");
        assert!(refused_by_check(&spec).unwrap().contains(place));
    }
}
