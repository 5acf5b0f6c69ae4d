//! Tests of the store in KubeRay's settings as a collector reads it; the server's own tests cover each value.

use super::*;
use ray_history_storage::config::{AzureConfig, Credentials, OssAddressing};

fn read(variables: &[(&str, &str)], file: Option<&str>) -> Result<Option<KubeRayStore>, Problems> {
    let env = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    store_from_kuberay(&env, file.map(|text| ("data.json", text)))
}

fn store(variables: &[(&str, &str)], file: Option<&str>) -> StoreConfig {
    read(variables, file).unwrap().unwrap().store
}

fn message(variables: &[(&str, &str)], file: Option<&str>) -> String {
    read(variables, file).expect_err("the settings are wrong").to_string()
}

#[test]
fn without_a_backend_there_is_no_store() {
    assert_eq!(read(&[("S3_BUCKET", "ray")], None), Ok(None));
    assert_eq!(read(&[("STORAGE_BACKEND", " ")], None), Ok(None));
}

#[test]
fn each_backend_makes_a_store() {
    let minio = [
        ("STORAGE_BACKEND", "S3"),
        ("STORAGE_ROOT_DIR", "log/"),
        ("S3_ENDPOINT", "minio:9000/"),
        ("S3_REGION", "us-east-1"),
        ("S3FORCE_PATH_STYLE", "true"),
        ("S3DISABLE_SSL", "true"),
    ];
    let found = read(&minio, None).unwrap().unwrap();
    assert_eq!((found.root.as_str(), found.notes.len()), ("log/", 0));
    let StoreConfig::S3(s3) = found.store else { panic!("not S3") };
    assert_eq!((s3.bucket.as_str(), s3.endpoint.as_deref()), ("ray-historyserver", Some("http://minio:9000")));
    assert!(s3.force_path_style);
    let file = r#"{"gcsBucket": "ray", "nonsense": 1}"#;
    let found = read(&[("STORAGE_BACKEND", "gcs")], Some(file)).unwrap().unwrap();
    assert_eq!(found.notes, ["data.json: KubeRay has no key \"nonsense\"; it is not read"]);
    let StoreConfig::Gcs(gcs) = found.store else { panic!("not GCS") };
    assert_eq!(gcs.bucket, "ray");
    let oss = [
        ("STORAGE_BACKEND", "aliyunoss"),
        ("OSS_BUCKET", "ray"),
        ("OSS_ENDPOINT", "oss-cn-hangzhou-internal.aliyuncs.com"),
    ];
    let StoreConfig::Oss(oss) = store(&oss, None) else { panic!("not OSS") };
    assert_eq!((oss.region.as_str(), oss.addressing), ("cn-hangzhou", OssAddressing::VirtualHost));
    let azure = [("STORAGE_BACKEND", "azureblob"), ("AZURE_STORAGE_ACCOUNT_URL", "https://acc.blob.core.windows.net/")];
    let expected = AzureConfig {
        container: "ray-historyserver".into(),
        account: "acc".into(),
        endpoint: Some("https://acc.blob.core.windows.net".into()),
        ca: None,
        client_id: None,
        credentials: Credentials::Default,
    };
    assert_eq!(store(&azure, None), StoreConfig::Azure(expected));
}

#[test]
fn all_problems_are_reported_under_the_names_that_users_wrote() {
    let file = r#"{"s3Bucket": "ray/log", "s3Endpoint": "http://user:hunter2@minio", "s3ForcePathStyle": "yes"}"#;
    let message = message(&[("STORAGE_BACKEND", "s3"), ("AWS_S3ID", "id")], Some(file));
    assert!(!message.contains("hunter2"), "{message}");
    for expected in [
        "s3Bucket in data.json: \"ray/log\" must be the name of a bucket",
        "a prefix belongs in STORAGE_ROOT_DIR",
        "s3Endpoint in data.json: must be an address",
        "s3ForcePathStyle in data.json: must be true or false",
        "AWS_S3ID and AWS_S3SECRET: must both be set",
    ] {
        assert!(message.contains(expected), "{expected}\nis not in\n{message}");
    }
}

#[test]
fn what_no_store_can_have_is_refused() {
    for (variables, expected) in [
        (
            &[("STORAGE_BACKEND", "swift")][..],
            "STORAGE_BACKEND: \"swift\" must be one of s3, gcs, azureblob, aliyunoss",
        ),
        (&[("STORAGE_BACKEND", "gcs"), ("GCS_BUCKET", "Ray")], "GCS_BUCKET: \"Ray\" must be the name"),
        (&[("STORAGE_BACKEND", "aliyunoss"), ("OSS_REGION", "r")], "OSS_BUCKET: must not be empty"),
        (&[("STORAGE_BACKEND", "aliyunoss"), ("OSS_BUCKET", "ray")], "OSS_REGION: must not be empty"),
        (&[("STORAGE_BACKEND", "azureblob")], "AZURE_STORAGE_ACCOUNT_URL: is not set"),
        (
            &[("STORAGE_BACKEND", "azureblob"), ("AZURE_STORAGE_CONNECTION_STRING", "hunter2")],
            "copy it whole from the Azure portal",
        ),
    ] {
        let message = message(variables, None);
        assert!(message.contains(expected) && !message.contains("hunter2"), "{variables:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{variables:?}: {message}");
    }
}
