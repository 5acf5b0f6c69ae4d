//! Tests of documents: their settings, and the messages for invalid ones.

use super::*;
use ray_history_storage::config::{Credentials, LocalConfig, S3Config, StoreConfig};
use std::path::PathBuf;

fn document(spec: &str) -> String {
    format!("apiVersion: history.ray.io/v1alpha1\nkind: RayHistory\nmetadata: {{name: main}}\nspec:\n{spec}")
}

fn read(spec: &str) -> Result<Settings, Problems> {
    Settings::from_document(&document(spec), None)
}

/// Returns the problems of a document, one per line.
fn problems(spec: &str) -> String {
    read(spec).expect_err("the document is wrong").to_string()
}

#[test]
fn a_document_without_options_has_the_default_settings() {
    let settings = read("  storage: {local: {path: /data}}").unwrap();
    let storage =
        Storage { store: StoreConfig::Local(LocalConfig { path: PathBuf::from("/data") }), ..Storage::default() };
    assert_eq!(settings, Settings { storage, prewarm: true, ..Settings::default() });
}

#[test]
fn why_runs_ended_is_kept_by_those_who_watch() {
    let spec = "  storage: {local: {path: /data}}\n  obituaries: {mode: Pods, store: Memory, submitterLogs: true}";
    let expected = Obituaries { mode: ObituariesMode::Pods, store: ObituariesStore::Memory, submitter_logs: true };
    let kept = Document::read(&document(spec)).unwrap().settings(Origin::Kubernetes, None).unwrap();
    assert_eq!(kept.obituaries, expected);
    assert!(problems(spec).starts_with("spec.obituaries.mode: must be Off in a file"), "{}", problems(spec));
    let unknown = problems("  storage: {local: {path: /data}}\n  obituaries: {mode: All}");
    assert_eq!(unknown, "spec.obituaries.mode: \"All\" must be one of Off, Resources, Pods");
    let alone = problems("  storage: {local: {path: /data}}\n  obituaries: {submitterLogs: true}");
    assert_eq!(alone, "spec.obituaries: submitterLogs needs mode Pods: no other watches submitters");
}

#[test]
fn reads_what_is_persisted() {
    let spec = "  storage: {local: {path: /data}}\n  persist: {mode: Sessions, after: 1h30m, backlogPerHour: 0, \
                environments: Clear, messages: false, profileEvents: false}";
    let expected = Persist {
        mode: PersistMode::Sessions,
        after: Duration::from_mins(90),
        backlog_per_hour: 0,
        environments: PersistedEnvironments::Clear,
        messages: false,
        profile_events: false,
    };
    let settings = read(spec).unwrap();
    assert_eq!(settings.persist, expected);
    assert!(settings.to_string().ends_with(" persist.mode=Sessions"), "{settings}");
}

#[test]
fn what_is_persisted_has_no_values_without_effect() {
    for (persist, expected) in [
        ("{mode: Fleet}", "spec.persist.mode: \"Fleet\" must be one of Off, Sessions, SessionsAndFleet"),
        ("{after: 59s}", "spec.persist.after: \"59s\" must be a duration such as 30s, 10m or 1h30m, from 1m to 24h"),
        ("{backlogPerHour: -1}", "spec.persist.backlogPerHour: -1 must be between 0 and 10000"),
        ("{backlogPerHour: 10001}", "spec.persist.backlogPerHour: 10001 must be between 0 and 10000"),
        ("{environments: Plain}", "spec.persist.environments: \"Plain\" must be one of Redacted, Clear"),
        ("{messages: 1}", "spec.persist.messages: must be a boolean, not a number"),
        (
            "{pageAbove: 2000000}",
            "spec.persist.pageAbove: no such field; there are after, backlogPerHour, environments, messages, mode, \
             profileEvents",
        ),
    ] {
        assert_eq!(problems(&format!("  storage: {{local: {{path: /data}}}}\n  persist: {persist}")), expected);
    }
    for off in ["{}", r#"{mode: "Off"}"#, "{backlogPerHour: 0}"] {
        assert!(read(&format!("  storage: {{local: {{path: /data}}}}\n  persist: {off}")).is_ok(), "{off}");
    }
}

#[test]
fn a_name_has_no_control_characters() {
    for (spec, field) in [
        (r#"  storage: {s3: {bucket: "ray\r\nx"}}"#, "spec.storage.s3.bucket: "),
        (r#"  storage: {local: {path: "/da\0ta"}}"#, "spec.storage.local.path: "),
        (r#"  storage: {rootDirs: ["a\eb"], local: {path: /data}}"#, "spec.storage.rootDirs[0]: "),
    ] {
        let problems = problems(spec);
        assert!(problems.starts_with(field) && problems.contains("a character that no name has: "), "{problems}");
        assert!(!problems.contains(|c: char| c.is_control()), "{problems:?}");
    }
    let with_ca = r#"  storage: {s3: {bucket: ray, region: x, caBundle: "-----BEGIN\n-----END\n"}}"#;
    assert!(read(with_ca).is_ok());
}

#[test]
fn reads_the_documented_example() {
    let settings = read(
        r#"
  storage:
    rootDirs: ["", log]
    s3: {bucket: ray, region: us-east-1, endpoint: "http://127.0.0.1:9000/", forcePathStyle: true}
  cache: {maxSessions: 7, maxMemory: 1.5Gi, ttl: 1h30m}
  loading: {timeout: 5m, maxConcurrent: 2, requestTimeout: 0s}
  clusters: {namespaces: [a, b], sharedStorage: true}
  prewarm: {enabled: false}
  redaction: Always"#,
    )
    .unwrap();
    let s3 = S3Config {
        bucket: "ray".into(),
        region: Some("us-east-1".into()),
        endpoint: Some("http://127.0.0.1:9000".into()),
        force_path_style: true,
        requester_pays: false,
        ca: None,
        profile: None,
        credentials: Credentials::Default,
    };
    let root_dirs = vec![String::new(), "log".to_owned()];
    let expected = Settings {
        storage: Storage { store: StoreConfig::S3(s3), root_dirs, credentials_secret: None },
        cache: Cache { max_sessions: 7, max_memory: 3 << 29, ttl: Some(Duration::from_secs(5_400)) },
        loading: Loading { timeout: Duration::from_secs(300), max_concurrent: 2, request_timeout: Duration::ZERO },
        clusters: Clusters { namespaces: vec!["a".into(), "b".into()], shared_storage: true },
        prewarm: false,
        redaction: Redaction::Always,
        access: None,
        obituaries: Obituaries::default(),
        retention: Retention::default(),
        persist: Persist::default(),
    };
    assert_eq!(settings, expected);
}

#[test]
fn a_number_of_bytes_is_a_size() {
    let settings = read("  storage: {local: {path: /data}}\n  cache: {maxMemory: 4294967296}").unwrap();
    assert_eq!(settings.cache.max_memory, 4 << 30);
}

#[test]
fn reports_all_problems_with_their_fields() {
    let problems = problems(
        r#"
  storage: {s3: {bucket: "", endpoint: minio:9000}, gcs: {}}
  cache: {maxSessions: 0, maxMemory: 2GB, ttl: 10}
  loading: {timeout: soon, maxConcurrent: four}
  clusters: {namespaces: [Upper, a, a]}
  redaction: Sometimes"#,
    );
    let expected = r#"
spec.cache.maxSessions: 0 must be between 1 and 100000
spec.cache.ttl: 10 must be text: put it in quotes, with its unit if any
spec.clusters.namespaces[0]: "Upper" does not match ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$
spec.clusters.namespaces[2]: "a" is listed twice
spec.loading.maxConcurrent: must be an integer, not text
spec.redaction: "Sometimes" must be one of Always, Browsers, Never, ByRole
spec.cache.maxMemory: "2GB" must be a size such as 512Mi, 2Gi or 500M, from 64Mi to 64Ti
spec.loading.timeout: "soon" must be a duration such as 30s, 10m or 1h30m, from 1s to 24h
spec.storage: exactly one of s3, gcs, azure, oss and local must be set
spec.storage.gcs.bucket: is missing: Name of the bucket
spec.storage.s3.bucket: must not be empty
spec.storage.s3.endpoint: must be an address such as https://store.example:9000, without user name, query or fragment"#;
    assert_eq!(sorted(&problems), sorted(expected));
}

#[test]
fn applies_rules_to_values_that_match_the_schema() {
    let problems = problems(
        r"
  storage: {s3: {bucket: ray, endpoint: 'https://user:hunter2@host'}, gcs: {bucket: ray}}
  cache: {maxMemory: 2GB, ttl: -1s}
  loading: {timeout: 25h}",
    );
    assert!(!problems.contains("hunter2"), "a password is never shown");
    let expected = r#"
spec.storage: exactly one of s3, gcs, azure, oss and local must be set
spec.storage.s3.endpoint: must be an address such as https://store.example:9000, without user name, query or fragment
spec.cache.maxMemory: "2GB" must be a size such as 512Mi, 2Gi or 500M, from 64Mi to 64Ti
spec.cache.ttl: "-1s" must be a duration such as 30s, 10m or 1h30m, from 0s to 8760h
spec.loading.timeout: "25h" must be a duration such as 30s, 10m or 1h30m, from 1s to 24h"#;
    assert_eq!(sorted(&problems), sorted(expected));
}

fn sorted(lines: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = lines.trim().lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn reports_no_problem_that_follows_from_another() {
    for (spec, expected) in [
        ("  storage: {s3: ray}", "spec.storage.s3: must be an object, not text"),
        (
            "  storage: {}\n  cache: {ttl: [1]}",
            "spec.cache.ttl: must be a string, not a list|spec.storage: exactly one of",
        ),
        ("  storage: 5", "spec.storage: must be an object, not a number"),
        ("  storage: {azure: {container: 5, account: ray}}", "spec.storage.azure.container: 5 must be text"),
    ] {
        let problems = problems(spec);
        let lines: Vec<&str> = problems.lines().collect();
        let expected: Vec<&str> = expected.split('|').collect();
        assert_eq!(lines.len(), expected.len(), "{spec}: {problems}");
        assert!(lines.iter().zip(expected).all(|(line, expected)| line.starts_with(expected)), "{spec}: {problems}");
    }
}

#[test]
fn checks_names_of_buckets_by_the_rules_of_the_store() {
    for (spec, field) in [
        ("  storage: {s3: {bucket: 's3://ray', region: eu-west-1}}", "spec.storage.s3.bucket: \"s3://ray\" must be"),
        ("  storage: {gcs: {bucket: ray/log}}", "spec.storage.gcs.bucket: \"ray/log\" must be"),
        ("  storage: {azure: {container: Ray, account: ray}}", "spec.storage.azure.container: \"Ray\" must be"),
        (
            "  storage: {oss: {bucket: \"ray\\r\\nx: y\", region: r}}",
            "spec.storage.oss.bucket: \"ray\\r\\nx: y\" has a character that no name has: \\r",
        ),
    ] {
        let problems = problems(spec);
        assert!(problems.starts_with(field), "{problems}");
        assert!(problems.contains("spec.storage.rootDirs") || problems.contains("no name has"), "{problems}");
    }
}

#[test]
fn a_document_with_defaults_is_a_document_again() {
    let text = document("  storage: {s3: {bucket: ray, credentialsSecretRef: {name: keys}}}\n  cache: {ttl: 1h}");
    let means = Document::read(&text).unwrap().with_defaults(Some(1 << 30)).unwrap();
    assert!(
        means.contains("maxMemory: 512Mi") && means.contains("requestTimeout: 25s") && !means.contains("null"),
        "{means}"
    );
    let read = |text: &str| Document::read(text).unwrap().settings(Origin::Kubernetes, Some(1 << 30));
    assert_eq!(read(&means), read(&text));
    assert_eq!(Document::read(&means).unwrap().with_defaults(None).unwrap(), means);
}

#[test]
fn an_unknown_field_is_an_error_with_the_nearest_name() {
    let local = "  storage: {local: {path: /data}}\n";
    for (spec, expected) in [
        ("  cach: {}", "spec.cach: no such field; did you mean `cache`?"),
        ("  cache: {max_memory: 2Gi}", "spec.cache.max_memory: no such field; did you mean `maxMemory`?"),
        ("  loading: {maxConcurent: 2}", "spec.loading.maxConcurent: no such field; did you mean `maxConcurrent`?"),
        ("  prewarm: {zebra: 1}", "spec.prewarm.zebra: no such field; there are enabled"),
    ] {
        assert_eq!(problems(&format!("{local}{spec}")), expected);
    }
}

#[test]
fn refuses_credentials_in_a_document_without_showing_them() {
    let problems = problems("  storage: {oss: {bucket: ray, region: r, accessKeySecret: hunter2}}");
    assert!(
        problems.contains("spec.storage.oss.accessKeySecret: no such field, and credentials do not belong"),
        "{problems}"
    );
    assert!(!problems.contains("hunter2"));
}

#[test]
fn a_secret_is_for_kubernetes_only() {
    let spec = "  storage: {s3: {bucket: ray, credentialsSecretRef: {name: s3}}}";
    let problems = problems(spec);
    assert!(problems.starts_with("spec.storage.s3.credentialsSecretRef: names a Secret of Kubernetes"), "{problems}");
    assert!(problems.contains("AWS_ACCESS_KEY_ID"), "it says what to do instead: {problems}");
    let spec = Document::read(&document(spec)).unwrap().history.spec;
    let settings = Settings::from_spec(&spec, Origin::Kubernetes, None).unwrap();
    assert_eq!(settings.storage.credentials_secret.as_deref(), Some("s3"));
}

#[test]
fn objects_of_the_api_server_follow_the_same_rules() {
    let mut spec = Document::read(&document("  storage: {local: {path: /data}}")).unwrap().history.spec;
    spec.cache.max_sessions = -1;
    spec.loading.timeout = "0s".into();
    let problems = Settings::from_spec(&spec, Origin::Kubernetes, None).unwrap_err().to_string();
    assert!(
        problems.contains("spec.cache.maxSessions: -1") && problems.contains("spec.loading.timeout: \"0s\""),
        "{problems}"
    );
}

#[test]
fn refuses_other_documents() {
    for (text, expected) in [
        ("", "must hold exactly one document"),
        ("a: b\n---\nc: d", "must hold exactly one document"),
        ("a: [", "is not YAML"),
        ("just text", "apiVersion: must be history.ray.io/v1alpha1"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nspec: {}", "kind: must be RayHistory"),
        ("apiVersion: history.ray.io/v1alpha1\nkind: RayHistory\nspec: {}", "metadata.name: is missing"),
        ("apiVersion: history.ray.io/v1alpha1\nkind: RayHistory\nmetadata: {name: x}", "spec: is missing"),
    ] {
        let problems = Settings::from_document(text, None).unwrap_err().to_string();
        assert!(problems.contains(expected), "{text:?}: {problems}");
    }
}

#[test]
fn ignores_null_and_the_status() {
    let text = document("  storage: {local: {path: /data}, s3: null}\n  cache: null\nstatus: {anything: 1}");
    assert!(Settings::from_document(&text, None).is_ok());
}

#[test]
fn the_default_budget_is_half_of_the_memory_limit() {
    assert_eq!(default_max_memory(Some(1 << 30)), 512 << 20);
    assert_eq!(default_max_memory(Some(64 << 30)), 2 << 30);
    assert_eq!(default_max_memory(None), 2 << 30);
}

#[test]
fn all_samples_are_valid() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/samples");
    let mut kinds = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let document = Document::read(&std::fs::read_to_string(&path).unwrap());
        let settings = document.and_then(|document| document.settings(Origin::Kubernetes, None));
        let settings = settings.unwrap_or_else(|problems| panic!("{}: {problems}", path.display()));
        kinds.insert(settings.storage.store.name());
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["azure", "gcs", "local", "oss", "s3"]);
}
