//! The OSS server of these tests, held against Alibaba's own client: it accepts what that signs and refuses what it
//! signs with a wrong secret. So our signer and theirs are checked by the same code.

use super::Cloud;
use super::oss::{OssServer, SECRET};
use ray_history_storage::conformance::{Fill, ODD_KEYS};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// Returns the client's result of an operation.
async fn asks(cloud: &OssServer, keys: &[&str]) -> Value {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".cache/venv/oss/bin/python");
    assert!(python.exists(), "{} is missing: run `make test-rust`", python.display());
    let mut command = Command::new(python);
    command.arg(root.join("tests/storage_servers/oss_sdk.py")).arg(format!("http://{}", cloud.address())).args(keys);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oss_server_accepts_only_what_alibabas_client_signs() {
    let cloud = OssServer::start().await;
    for key in ODD_KEYS {
        cloud.put(&format!("odd/{key}"), key.as_bytes().into()).await.unwrap();
    }
    cloud.put("ten", "0123456789".into()).await.unwrap();
    for n in 0..1200 {
        cloud.put(&format!("many/{}/{n}", n % 3), "x".into()).await.unwrap();
    }
    let answers = asks(&cloud, &["testkey", SECRET]).await;
    let mut odd: Vec<String> = ODD_KEYS.iter().map(|key| format!("odd/{key}")).collect();
    odd.sort_unstable();
    assert_eq!(answers["odd"]["keys"], json!(odd), "{answers}");
    for key in ODD_KEYS {
        assert_eq!(answers["bodies"][format!("odd/{key}")], *key);
    }
    assert_eq!((&answers["part"], &answers["size"]), (&json!("234"), &json!(10)));
    let many = &answers["many"];
    assert_eq!((&many["pages"], many["keys"].as_array().unwrap().len()), (&json!(2), 1200));
    assert_eq!(answers["folders"], json!(["many/0/", "many/1/", "many/2/"]));
    assert_eq!(cloud.seen.all(), ["testkey "]);
    let refused = |answers: Value| answers["refused"].clone();
    assert_eq!(refused(asks(&cloud, &["testkey", "wrongsecret"]).await), json!([403, "SignatureDoesNotMatch"]));
    assert_eq!(refused(asks(&cloud, &["otherkey", SECRET]).await), json!([403, "InvalidAccessKeyId"]));
    assert!(asks(&cloud, &["testkey", SECRET, "token"]).await["odd"].is_object());
    assert_eq!(cloud.seen.all(), ["testkey ", "testkey token"]);
    assert_eq!(refused(asks(&cloud, &["testkey", SECRET, "expired"]).await), json!([403, "SecurityTokenExpired"]));
}
