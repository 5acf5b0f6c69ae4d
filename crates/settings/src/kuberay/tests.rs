//! Tests of KubeRay's settings: their meaning, their precedence, and the messages for invalid ones.

use super::*;
use crate::{Cache, Storage};
use ray_history_storage::config::{
    AzureConfig, AzureSecret, ConnectionString, Credentials, GcsConfig, OssAddressing, OssConfig, Rotating, S3Config,
    StoreConfig,
};
use std::time::Duration;

type Read = Result<(Settings, Vec<String>), Problems>;

fn read(flags: &KubeRay, variables: &[(&str, &str)], file: Option<&str>) -> Read {
    let env = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Settings::from_kuberay(flags, &env, file.map(|text| ("data.json", text)), None)
}

fn flags(backend: &str) -> KubeRay {
    KubeRay { storage_backend: Some(backend.to_owned()), ..KubeRay::default() }
}

fn store(variables: &[(&str, &str)], file: Option<&str>) -> StoreConfig {
    read(&KubeRay::default(), variables, file).unwrap_or_else(|problems| panic!("{problems}")).0.storage.store
}

fn message(variables: &[(&str, &str)], file: Option<&str>) -> String {
    read(&KubeRay::default(), variables, file).expect_err("the settings are wrong").to_string()
}

fn s3() -> S3Config {
    S3Config {
        bucket: "ray-historyserver".into(),
        region: None,
        endpoint: None,
        force_path_style: false,
        requester_pays: false,
        ca: None,
        profile: None,
        credentials: Credentials::Default,
    }
}

fn oss(bucket: &str, region: &str, endpoint: Option<&str>, addressing: OssAddressing) -> StoreConfig {
    StoreConfig::Oss(OssConfig {
        bucket: bucket.into(),
        region: region.into(),
        endpoint: endpoint.map(str::to_owned),
        addressing,
        internal: false,
        ca: None,
        credentials: Credentials::Default,
    })
}

fn azure(account: &str, endpoint: &str, credentials: Credentials<AzureSecret>) -> StoreConfig {
    StoreConfig::Azure(AzureConfig {
        container: "ray-historyserver".into(),
        account: account.into(),
        endpoint: Some(endpoint.into()),
        ca: None,
        client_id: None,
        credentials,
    })
}

#[test]
fn variables_make_a_store() {
    let minio = [
        ("STORAGE_BACKEND", "S3"),
        ("S3_BUCKET", "ray"),
        ("S3_ENDPOINT", "minio:9000"),
        ("S3_REGION", "us-east-1"),
        ("S3FORCE_PATH_STYLE", "true"),
        ("S3DISABLE_SSL", "true"),
        ("AWS_ACCESS_KEY_ID", "of the default chain"),
    ];
    let s3_of_minio = S3Config {
        bucket: "ray".into(),
        region: Some("us-east-1".into()),
        endpoint: Some("http://minio:9000".into()),
        force_path_style: true,
        ..s3()
    };
    let gcs = |bucket: &str| {
        StoreConfig::Gcs(GcsConfig {
            bucket: bucket.into(),
            endpoint: None,
            billing_project: None,
            credentials: Credentials::Default,
        })
    };
    let internal = "oss-cn-hangzhou-internal.aliyuncs.com";
    let https = format!("https://{internal}");
    for (variables, expected) in [
        (&minio[..], StoreConfig::S3(s3_of_minio)),
        (&[("STORAGE_BACKEND", "s3"), ("S3_BUCKET", "")], StoreConfig::S3(s3())),
        (&[("STORAGE_BACKEND", "gcs")], gcs("ray-historyserver")),
        (&[("STORAGE_BACKEND", "gcs"), ("GCS_BUCKET", "ray")], gcs("ray")),
        (
            &[("STORAGE_BACKEND", "aliyunoss"), ("OSS_BUCKET", "ray"), ("OSS_ENDPOINT", internal)],
            oss("ray", "cn-hangzhou", Some(&https), OssAddressing::VirtualHost),
        ),
        (
            &[("STORAGE_BACKEND", "aliyunoss"), ("OSS_BUCKET", "ray"), ("OSS_REGION", "cn-beijing")],
            oss("ray", "cn-beijing", None, OssAddressing::VirtualHost),
        ),
        (
            &[
                ("STORAGE_BACKEND", "aliyunoss"),
                ("OSS_BUCKET", "ray"),
                ("OSS_REGION", "cn-beijing"),
                ("OSS_ENDPOINT", "http://127.0.0.1:9000"),
            ],
            oss("ray", "cn-beijing", Some("http://127.0.0.1:9000"), OssAddressing::Path),
        ),
        (
            &[("STORAGE_BACKEND", "azureblob"), ("AZURE_STORAGE_ACCOUNT_URL", "https://acc.blob.core.windows.net/")],
            azure("acc", "https://acc.blob.core.windows.net", Credentials::Default),
        ),
    ] {
        assert_eq!(store(variables, None), expected, "{variables:?}");
    }
}

#[test]
fn a_file_with_keys_replaces_the_variables_of_s3_and_oss() {
    let file = r#"{"s3Endpoint": "http://minio:9000", "s3ForcePathStyle": "true", "s3DisableSSL": true}"#;
    let variables = [
        ("STORAGE_BACKEND", "s3"),
        ("S3_BUCKET", "ray"),
        ("S3_ENDPOINT", "http://other:9000"),
        ("S3_REGION", "eu-west-1"),
    ];
    let (settings, notes) = read(&KubeRay::default(), &variables, Some(file)).unwrap();
    // Only the bucket is read from both.
    let expected =
        S3Config { bucket: "ray".into(), endpoint: Some("http://minio:9000".into()), force_path_style: true, ..s3() };
    assert_eq!(settings.storage.store, StoreConfig::S3(expected));
    assert_eq!(notes, ["S3_REGION is not read, because data.json is: put s3Region there"]);
    let StoreConfig::S3(s3) = store(&variables, Some("{}")) else { panic!("not S3") };
    assert_eq!(s3.endpoint.as_deref(), Some("http://other:9000"), "an empty file is no file");
    let variables = [("STORAGE_BACKEND", "aliyunoss"), ("OSS_BUCKET", "other"), ("OSS_REGION", "cn-beijing")];
    let file = r#"{"ossBucket": "ray", "ossRegion": "cn-hangzhou", "ossEndpoint": ""}"#;
    assert_eq!(store(&variables, Some(file)), oss("ray", "cn-hangzhou", None, OssAddressing::VirtualHost));
}

#[test]
fn keys_take_precedence_over_variables_for_gcs_and_azure() {
    let variables = [("STORAGE_BACKEND", "gcs"), ("GCS_BUCKET", "other")];
    let StoreConfig::Gcs(gcs) = store(&variables, Some(r#"{"gcsBucket": "ray"}"#)) else { panic!("not GCS") };
    assert_eq!(gcs.bucket, "ray");
    let variables = [
        ("STORAGE_BACKEND", "azureblob"),
        ("AZURE_STORAGE_CONTAINER", "ray-historyserver"),
        ("AZURE_STORAGE_ACCOUNT_URL", "https://other.blob.core.windows.net"),
    ];
    let file = r#"{"azureAccountURL": "https://acc.blob.core.windows.net"}"#;
    let expected = azure("acc", "https://acc.blob.core.windows.net", Credentials::Default);
    assert_eq!(store(&variables, Some(file)), expected);
}

#[test]
fn azure_credentials_follow_the_mode() {
    const TEXT: &str = "AccountName=acc;AccountKey=aHVudGVyMg==";
    const URL: &str = "https://acc.blob.core.windows.net";
    let secret = ConnectionString::parse(TEXT).unwrap().secret;
    let by_text = azure("acc", URL, Credentials::Static(Rotating::new(secret)));
    let by_token = azure("acc", URL, Credentials::Default);
    for (mode, expected) in [
        ("", &by_text),
        ("connection_string", &by_text),
        ("nonsense", &by_text),
        ("default", &by_token),
        ("Workload_Identity", &by_token),
    ] {
        let variables = [
            ("STORAGE_BACKEND", "azureblob"),
            ("AZURE_STORAGE_CONNECTION_STRING", TEXT),
            ("AZURE_STORAGE_ACCOUNT_URL", URL),
            ("AZURE_STORAGE_AUTH_MODE", mode),
            ("AZURE_FEDERATED_TOKEN_FILE", "/token"),
            ("AZURE_CLIENT_ID", "id"),
            ("AZURE_TENANT_ID", "tenant"),
        ];
        assert_eq!(store(&variables, None), *expected, "{mode}");
    }
    let without = [("STORAGE_BACKEND", "azureblob"), ("AZURE_STORAGE_ACCOUNT_URL", URL)];
    let file = r#"{"azureAuthMode": "workload_identity"}"#;
    let message = message(&without, Some(file));
    for name in ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"] {
        assert!(message.contains(&format!("{name}: is not set")), "{message}");
    }
}

#[test]
fn reads_the_keys_of_the_first_collectors_without_showing_them() {
    let variables = [("STORAGE_BACKEND", "s3"), ("AWS_S3ID", "id"), ("AWS_S3SECRET", "hunter2")];
    let StoreConfig::S3(s3) = store(&variables, None) else { panic!("not S3") };
    let Credentials::Static(keys) = &s3.credentials else { panic!("no keys") };
    assert_eq!((keys.get().id.as_str(), keys.get().secret.expose()), ("id", "hunter2"));
    assert!(!format!("{s3:?}").contains("hunter2"));
    assert_eq!(message(&variables[..2], None), "AWS_S3ID and AWS_S3SECRET: must both be set, or neither");
}

#[test]
fn variables_take_precedence_over_flags() {
    let flags = KubeRay {
        storage_root_dir: Some("flag".into()),
        storage_backend_config_path: Some("flag.json".into()),
        ..flags("gcs")
    };
    let storage = |variables: &[(&str, &str)]| read(&flags, variables, None).unwrap().0.storage;
    let Storage { store, root_dirs, .. } = storage(&[]);
    assert_eq!((store.name(), &root_dirs[..]), ("gcs", &["flag".to_owned()][..]));
    let Storage { store, root_dirs, .. } = storage(&[("STORAGE_BACKEND", "s3"), ("STORAGE_ROOT_DIR", "log/")]);
    assert_eq!((store.name(), &root_dirs[..]), ("s3", &["log/".to_owned()][..]));
    let path = |value: &'static str| flags.config_path(&|_| Some(value.to_owned()));
    assert_eq!((path("x.json"), path("")), (Some("x.json".into()), Some("flag.json".into())));
    assert_eq!(KubeRay::default().backend(&|_| None), None);
}

#[test]
fn reads_bounds_from_flags() {
    let flags = KubeRay {
        session_cache_size: Some(7),
        session_cache_max_memory: Some("8Gi".into()),
        session_cache_ttl: Some("1h".into()),
        session_process_timeout: Some("2m0s".into()),
        ..flags("gcs")
    };
    let (settings, notes) = read(&flags, &[], None).unwrap();
    let cache = Cache { max_sessions: 7, max_memory: 8 << 30, ttl: Some(Duration::from_secs(3600)) };
    assert_eq!((settings.cache, settings.loading.timeout, notes), (cache, Duration::from_secs(120), Vec::new()));
    let flags = KubeRay {
        session_cache_max_memory: Some("0".into()),
        session_cache_ttl: Some("0".into()),
        kube_api_qps: Some("100".into()),
        use_kubernetes_proxy: Some(false),
        ..flags
    };
    let (settings, notes) = read(&flags, &[], None).unwrap();
    assert_eq!((settings.cache.max_memory, settings.cache.ttl), (2 << 30, None));
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[test]
fn reports_all_problems_under_the_names_that_users_wrote() {
    let flags = KubeRay {
        session_cache_size: Some(0),
        session_cache_max_memory: Some("8GB".into()),
        session_cache_ttl: Some("-1s".into()),
        session_process_timeout: Some("soon".into()),
        ..flags("s3")
    };
    let file =
        r#"{"s3Bucket": "", "s3Endpoint": "http://user:hunter2@minio", "s3Region": 5, "s3ForcePathStyle": "yes"}"#;
    let message = read(&flags, &[], Some(file)).unwrap_err().to_string();
    assert!(!message.contains("hunter2"), "{message}");
    for expected in [
        "s3Bucket in data.json: must not be empty",
        "s3Endpoint in data.json: must be an address",
        "s3Region in data.json: must be text",
        "s3ForcePathStyle in data.json: must be true or false",
        "--session-cache-size: 0 must be between",
        "--session-cache-max-memory: \"8GB\" must be a size",
        "--session-cache-ttl: \"-1s\" must be a duration",
        "--session-process-timeout: \"soon\" must be a duration",
    ] {
        assert!(message.contains(expected), "{expected}\nis not in\n{message}");
    }
    assert_eq!(message.lines().count(), 8, "{message}");
}

#[test]
fn invalid_settings_are_refused_with_advice() {
    for (variables, file, expected) in [
        (&[("STORAGE_BACKEND", "swift")][..], None, "\"swift\" must be one of s3, gcs, azureblob, aliyunoss"),
        (&[("STORAGE_BACKEND", "localtest")], None, "--local-dir serves a folder"),
        (&[("STORAGE_BACKEND", "aliyunoss"), ("OSS_REGION", "r")], None, "OSS_BUCKET: must not be empty"),
        (&[("STORAGE_BACKEND", "aliyunoss"), ("OSS_BUCKET", "ray")], None, "OSS_REGION: must not be empty"),
        (&[("STORAGE_BACKEND", "azureblob")], None, "AZURE_STORAGE_ACCOUNT_URL: is not set"),
        (
            &[("STORAGE_BACKEND", "azureblob"), ("AZURE_STORAGE_CONNECTION_STRING", "hunter2")],
            None,
            "copy it whole from the Azure portal",
        ),
        (
            &[("STORAGE_BACKEND", "azureblob"), ("AZURE_STORAGE_AUTH_MODE", "connection_string")],
            None,
            "AZURE_STORAGE_CONNECTION_STRING: is not set",
        ),
        (&[("STORAGE_BACKEND", "gcs")], Some("{\"gcsBucket\": hunter2"), "data.json: is not JSON: line 1, column"),
        (&[("STORAGE_BACKEND", "gcs")], Some("[]"), "data.json: must be a JSON object"),
    ] {
        let message = message(variables, file);
        assert!(message.contains(expected) && !message.contains("hunter2"), "{variables:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{variables:?}: {message}");
    }
}

#[test]
fn notes_unknown_keys() {
    let (_, notes) = read(&flags("gcs"), &[], Some(r#"{"gcsbucket": "ray", "s3Bucket": "x"}"#)).unwrap();
    assert_eq!(notes, ["data.json: KubeRay has no key \"gcsbucket\"; it is not read"]);
}

#[test]
fn parses_flags_as_kuberays_server_does() {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        kuberay: KubeRay,
    }
    let parse = |line: &str| <Line as clap::Parser>::parse_from(line.split(' ')).kuberay;
    let now = "x --storage-backend=s3 --storage-root-dir=log --storage-backend-config-path=/var/collector-config/data";
    let first = "x --runtime-class-name=s3 --ray-root-dir log --runtime-class-config-path=/var/collector-config/data";
    assert_eq!(parse(now), parse(first));
    let ignored = parse("x --use-kubernetes-proxy --use-auth-token-mode=false --kube-api-burst=200 --kubeconfigs=/k");
    let noted: Vec<String> = ignored.ignored_flags().map(|note| note.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(noted, ["--kubeconfigs", "--kube-api-burst", "--use-kubernetes-proxy"]);
}
