use super::*;
use ray_history_settings::{Document, Origin};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

fn settings(spec: &str) -> Arc<Settings> {
    let kind = "apiVersion: history.ray.io/v1alpha1\nkind: RayHistory\nmetadata: {name: main}";
    let document = Document::read(&format!("{kind}\nspec: {spec}")).unwrap();
    Arc::new(document.settings(Origin::Kubernetes, None).unwrap())
}

fn of_folder(folder: &Path) -> Arc<Settings> {
    settings(&format!("{{storage: {{local: {{path: {}}}}}}}", folder.display()))
}

/// Returns a folder with the marker of one session of a cluster.
fn folder(cluster: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let markers = folder.path().join(format!("cluster-metadata/raycluster/ns_{cluster}"));
    std::fs::create_dir_all(&markers).unwrap();
    std::fs::write(markers.join("session_2026-11-22_23-11-33_821800_1"), "").unwrap();
    folder
}

fn no_store() -> (Arc<Sessions>, CurrentStore) {
    let sessions = Arc::new(Sessions::of_nothing());
    (Arc::clone(&sessions), CurrentStore::new(sessions))
}

async fn apply(current: &CurrentStore, settings: Arc<Settings>, secret: &SecretData) -> Result<(), String> {
    current.put(current.open(settings, secret).await?);
    Ok(())
}

/// Returns the clusters that the current store lists.
async fn clusters(sessions: &Sessions) -> Vec<String> {
    let listing = sessions.refresh().await.unwrap();
    listing.iter().map(|entry| entry.key.cluster.name).collect()
}

#[tokio::test]
async fn settings_with_another_store_replace_the_current_one() {
    let (sessions, current) = no_store();
    let (first, second) = (folder("first"), folder("second"));
    apply(&current, of_folder(first.path()), &SecretData::new()).await.unwrap();
    assert_eq!(clusters(&sessions).await, ["first"]);
    apply(&current, of_folder(second.path()), &SecretData::new()).await.unwrap();
    assert_eq!(clusters(&sessions).await, ["second"]);
}

#[tokio::test]
async fn settings_with_the_same_store_keep_it() {
    let (sessions, current) = no_store();
    let folder = folder("first");
    apply(&current, of_folder(folder.path()), &SecretData::new()).await.unwrap();
    let source = sessions.source();
    let other = Settings { prewarm: !sessions.settings().prewarm, ..(*sessions.settings()).clone() };
    apply(&current, Arc::new(other.clone()), &SecretData::new()).await.unwrap();
    assert_eq!(*sessions.settings(), other);
    assert!(Arc::ptr_eq(&source, &sessions.source()));
}

#[tokio::test]
async fn store_that_cannot_be_opened_changes_nothing() {
    let (sessions, current) = no_store();
    let folder = folder("first");
    apply(&current, of_folder(folder.path()), &SecretData::new()).await.unwrap();
    let (source, in_force) = (sessions.source(), sessions.settings());
    let gone = folder.path().join("gone");
    let why = apply(&current, of_folder(&gone), &SecretData::new()).await.unwrap_err();
    assert!(why.contains(&format!("file://{}", gone.display())), "{why}");
    let secret = "{storage: {s3: {bucket: ray, region: eu-west-1, credentialsSecretRef: {name: keys}}}}";
    let why = apply(&current, settings(secret), &SecretData::new()).await.unwrap_err();
    assert!(why.contains("secret keys: accessKeyId"), "{why}");
    assert!(Arc::ptr_eq(&source, &sessions.source()) && Arc::ptr_eq(&in_force, &sessions.settings()));
}

/// Starts a server of an empty bucket of S3 that accepts all access keys but `wrong`, and returns its URL.
fn empty_bucket() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut head, mut byte) = (client.unwrap(), Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            let (status, body) = if String::from_utf8_lossy(&head).contains("Credential=wrong/") {
                ("403 Forbidden", "<Error><Code>InvalidAccessKeyId</Code></Error>")
            } else {
                ("200 OK", "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
            };
            let length = body.len();
            let _ = write!(client, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        }
    });
    url
}

/// Returns the data of a Secret with this access key.
fn keys(id: &str) -> SecretData {
    [("accessKeyId", id), ("secretAccessKey", "hunter2")].map(|(name, value)| (name.into(), value.into())).into()
}

#[tokio::test]
async fn new_credentials_are_tried_before_they_replace_the_old_ones() {
    let (sessions, current) = no_store();
    let spec = format!(
        "{{storage: {{s3: {{bucket: ray, region: eu-west-1, endpoint: \"{}\", credentialsSecretRef: {{name: keys}}}}}}}}",
        empty_bucket()
    );
    apply(&current, settings(&spec), &keys("old")).await.unwrap();
    let source = sessions.source();
    let why = apply(&current, settings(&spec), &keys("wrong")).await.unwrap_err();
    assert!(why.starts_with("s3://ray cannot be listed: ") && !why.contains("hunter2"), "{why}");
    sessions.refresh().await.unwrap();
    apply(&current, settings(&spec), &keys("new")).await.unwrap();
    assert!(Arc::ptr_eq(&source, &sessions.source()), "open sessions stay open");
    let signed_with = |opened: &Opened| format!("{:?}", opened.store);
    assert!(signed_with(current.opened.lock().as_ref().unwrap()).contains("new"));
}
