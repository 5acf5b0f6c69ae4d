//! Google's application default credentials: a key file, a federated identity, the metadata server. Listings tell who
//! asks for them.

use super::super::child::{Program, Projected, path};
use super::super::expired::service_account;
use super::super::gcs::google::Google;
use super::super::http::{Answer, Listening, answering};
use super::super::outage::store;
use ray_history_storage::config::{Credentials, GcsConfig, Rotating, Secret, StoreConfig};
use ray_history_storage::{Delimiter, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The answer of a token server.
fn token(token: String) -> Answer {
    let token = serde_json::json!({"access_token": token, "expires_in": 5, "token_type": "Bearer",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"});
    Answer::new(200, token.to_string())
}

/// Google's token servers.
async fn tokens() -> Listening {
    answering(|asked| match path(&asked) {
        "/sts" => token(format!("federated-{}", asked.field("subject_token").unwrap())),
        "/computeMetadata/v1/instance/service-accounts/default/token" => {
            token(format!("metadata-{}", asked.header("metadata-flavor")))
        }
        _ => Answer::new(404, ""),
    })
    .await
}

async fn program(server: &Google, env: &[(&str, &str)]) -> Program {
    Program::serve(&format!("{{gcs: {{bucket: ray, endpoint: '{}'}}}}", server.endpoint()), env).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_comes_first() {
    let (server, file) = (Google::with("x").await, Projected::new(&service_account("key")));
    let _program = program(&server, &[("GOOGLE_APPLICATION_CREDENTIALS", &file.text())]).await;
    assert_eq!(server.seen.all(), ["key history@p.iam.gserviceaccount.com"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_federated_identity_reads_its_projected_token_again() {
    let (server, tokens, token) = (Google::with("x").await, tokens().await, Projected::new("first"));
    let file = serde_json::json!({"type": "external_account", "audience": "//iam.googleapis.com/pool",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": {"file": token.text()},
        "token_url": format!("http://127.0.0.1:{}/sts", tokens.port)});
    let file = Projected::new(&file.to_string());
    let mut program = program(&server, &[("GOOGLE_APPLICATION_CREDENTIALS", &file.text())]).await;
    assert_eq!(server.seen.all(), ["federated-first"]);
    token.replace("second");
    program.asks_as("federated-second", &server.seen).await;
}

/// A pod is often started before its metadata server answers, and before its rights are granted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metadata_server_that_does_not_answer_yet_is_waited_for() {
    let (server, asked) = (Google::with("x").await, Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    let tokens = answering(move |asked| {
        if !path(&asked).ends_with("/token") {
            return Answer::new(404, "");
        }
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => Answer::new(503, ""),
            _ => token(format!("metadata-{}", asked.header("metadata-flavor"))),
        }
    })
    .await;
    let host = format!("127.0.0.1:{}", tokens.port);
    let mut program = program(&server, &[("GCE_METADATA_HOST", &host)]).await;
    program.asks_as("metadata-Google", &server.seen).await;
    assert!(program.log().contains("metadata server does not answer"), "{}", program.log());
}

/// Google's own credentials never ask again after such an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_server_that_refuses_is_asked_again() {
    let (server, asked) = (Google::with("outage/x").await, Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    let tokens = answering(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::new(400, ""),
        _ => token("granted".to_owned()),
    })
    .await;
    let file = Projected::new("subject");
    let key = serde_json::json!({"type": "external_account", "audience": "//iam.googleapis.com/pool",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": {"file": file.text()},
        "token_url": format!("http://127.0.0.1:{}/sts", tokens.port)});
    let credentials = Credentials::Static(Rotating::new(Secret::new(key.to_string())));
    let store = store(&StoreConfig::Gcs(GcsConfig { credentials, ..server.config() })).await;
    let error = store.list("outage/", Delimiter::None, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    let listed = store.list("outage/", Delimiter::None, None).await.unwrap();
    assert_eq!((listed.objects.len(), server.seen.all()), (1, vec!["granted".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metadata_server_comes_last() {
    let (server, tokens) = (Google::with("x").await, tokens().await);
    let host = format!("127.0.0.1:{}", tokens.port);
    let _program = program(&server, &[("GCE_METADATA_HOST", &host)]).await;
    assert_eq!(server.seen.all(), ["metadata-Google"]);
}
