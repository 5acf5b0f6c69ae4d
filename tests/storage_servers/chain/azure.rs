//! Azure's chain: workload identity, managed identity, a shared access signature in the environment.

use super::super::child::{Program, Projected, Seen, path};
use super::super::http::{Answer, Asked, Listening, answering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Starts a container that answers any identity and records it, together with Azure's token servers.
async fn server(seen: &Seen) -> Listening {
    let seen = seen.clone();
    answering(move |asked| match (asked.method.as_str(), path(&asked)) {
        ("GET", "/acc/ray") => {
            let signature = asked.field("sig").map(|signature| format!("sig {signature}"));
            seen.add(signature.unwrap_or_else(|| asked.header("authorization").to_owned()));
            Answer::new(200, "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>")
        }
        ("POST", "/tenant/oauth2/v2.0/token") => entra(&asked),
        ("GET", "/identity") => {
            assert_eq!(asked.header("metadata"), "true");
            let soon = SystemTime::now() + Duration::from_secs(5);
            let soon = soon.duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
            let token =
                format!("{} {}", asked.header("x-identity-header"), asked.field("client_id").unwrap_or_default());
            let token = serde_json::json!({"access_token": token.trim(), "expires_on": soon, "token_type": "Bearer"});
            Answer::new(200, token.to_string())
        }
        _ => Answer::new(404, ""),
    })
    .await
}

/// Returns Entra's answer to a federated token.
fn entra(asked: &Asked) -> Answer {
    let (client, token) = (asked.field("client_id").unwrap(), asked.field("client_assertion").unwrap());
    let token =
        serde_json::json!({"access_token": format!("{client}-{token}"), "expires_in": 5, "token_type": "Bearer"});
    Answer::new(200, token.to_string())
}

async fn program(server: &Listening, more: &str, env: &[(&str, &str)]) -> Program {
    let endpoint = format!("http://127.0.0.1:{}/acc", server.port);
    Program::serve(&format!("{{azure: {{container: ray, endpoint: '{endpoint}'{more}}}}}"), env).await
}

#[tokio::test]
async fn workload_identity_reads_its_projected_token_again() {
    let seen = Seen::default();
    let server = server(&seen).await;
    let (token, authority) = (Projected::new("first"), format!("http://127.0.0.1:{}/", server.port));
    let file = token.text();
    let env = [
        ("AZURE_FEDERATED_TOKEN_FILE", file.as_str()),
        ("AZURE_AUTHORITY_HOST", authority.as_str()),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
    ];
    let mut program = program(&server, "", &env).await;
    assert_eq!(seen.all(), ["Bearer client-first"]);
    token.replace("second");
    program.asks_as("Bearer client-second", &seen).await;
}

#[tokio::test]
async fn a_managed_identity_is_the_one_of_the_settings() {
    let seen = Seen::default();
    let server = server(&seen).await;
    let endpoint = format!("http://127.0.0.1:{}/identity", server.port);
    let env = [("IDENTITY_ENDPOINT", &*endpoint), ("IDENTITY_HEADER", "managed")];
    let _program = program(&server, ", clientId: several", &env).await;
    assert_eq!(seen.all(), ["Bearer managed several"]);
}

#[tokio::test]
async fn a_signature_is_taken_from_the_environment() {
    let seen = Seen::default();
    let server = server(&seen).await;
    let program = program(&server, "", &[("AZURE_STORAGE_SAS_TOKEN", "sv=2024-11-04&sp=rl&sig=hunter2%3D")]).await;
    assert_eq!(seen.all(), ["sig hunter2="]);
    assert!(!program.log().contains("hunter2"), "{}", program.log());
}
