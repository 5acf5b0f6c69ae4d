//! The program with the flags, variables and file of a deployment of KubeRay's history server.

use super::azure::{ACCOUNT, Azurite, KEY};
use super::child::Projected;
use super::common::server::Server;
use super::oss::{OssServer, SECRET};
use super::s3::VersityGw;
use super::{Cloud, session};

/// Asserts that the program lists the bundled session and opens it.
async fn serves_the_bundled_session(flags: &[&str], env: &[(&str, &str)]) {
    let server = Server::start(flags, env).await;
    let clusters = server.json("/clusters").await.unwrap();
    let [only] = clusters.as_array().unwrap().as_slice() else { panic!("{clusters}") };
    let part = |name: &str| only[name].as_str().unwrap();
    let url = format!("/sessions/{}/{}/{}", part("namespace"), part("name"), part("sessionName"));
    let jobs = server.json(&format!("{url}/api/v0/tasks?limit=10")).await.unwrap();
    assert_eq!(jobs["result"], true, "{jobs}");
    for secret in ["testsecret", KEY] {
        assert!(!server.process.log().contains(secret), "{}", server.process.log());
    }
}

#[tokio::test]
async fn s3_by_variables() {
    let cloud = VersityGw::start().await;
    session::upload(&cloud).await;
    let endpoint = cloud.address();
    let env = [
        ("STORAGE_BACKEND", "s3"),
        ("S3_BUCKET", "ray"),
        ("S3_REGION", "us-east-1"),
        ("S3_ENDPOINT", &*endpoint),
        ("S3FORCE_PATH_STYLE", "true"),
        ("S3DISABLE_SSL", "true"),
        ("AWS_ACCESS_KEY_ID", "testkey"),
        ("AWS_SECRET_ACCESS_KEY", "testsecret"),
    ];
    let flags = ["--session-cache-size=10", "--session-cache-max-memory=1Gi", "--kube-api-qps=100"];
    serves_the_bundled_session(&flags, &env).await;
}

#[tokio::test]
async fn s3_by_a_file_and_flags() {
    let cloud = VersityGw::start().await;
    session::upload(&cloud).await;
    let file = serde_json::json!({"s3Bucket": "ray", "s3Region": "us-east-1", "s3ForcePathStyle": "true",
        "s3Endpoint": format!("http://{}", cloud.address())});
    let file = Projected::new(&file.to_string());
    let path = format!("--storage-backend-config-path={}", file.text());
    let flags = ["--storage-backend=s3", "--storage-root-dir=/", &path];
    serves_the_bundled_session(&flags, &[("AWS_S3ID", "testkey"), ("AWS_S3SECRET", "testsecret")]).await;
}

#[tokio::test]
async fn azure_by_a_connection_string() {
    let cloud = Azurite::start().await;
    session::upload(&cloud).await;
    let text = format!("AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint=http://{}/{ACCOUNT}", cloud.address());
    let env = [("AZURE_STORAGE_CONNECTION_STRING", &*text), ("AZURE_STORAGE_CONTAINER", "ray")];
    serves_the_bundled_session(&["--storage-backend", "azureblob"], &env).await;
}

#[tokio::test]
async fn oss_by_variables() {
    let cloud = OssServer::start().await;
    session::upload(&cloud).await;
    let endpoint = format!("http://{}", cloud.address());
    let env = [
        ("OSS_BUCKET", "ray"),
        ("OSS_REGION", "cn-hangzhou"),
        ("OSS_ENDPOINT", &*endpoint),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "testkey"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", SECRET),
    ];
    serves_the_bundled_session(&["--storage-backend", "aliyunoss"], &env).await;
}
