//! Alibaba's chain: environment, RRSA, credentials URI, the ECS instance's RAM role. Requests go to the server that
//! recomputes every signature.

use super::super::Cloud;
use super::super::child::{Program, Projected, path, within};
use super::super::http::{Answer, Listening, answering};
use super::super::oss::{OssServer, SECRET};

/// Starts Alibaba's token servers.
async fn tokens() -> Listening {
    answering(|asked| {
        let keys = |token: &str| {
            serde_json::json!({"Code": "Success", "AccessKeyId": "testkey", "AccessKeySecret": SECRET,
                "SecurityToken": token, "Expiration": within(60)})
        };
        match (asked.method.as_str(), path(&asked)) {
            (_, "/sts" | "/sts/") => {
                assert_eq!(asked.field("Action").as_deref(), Some("AssumeRoleWithOIDC"));
                let token = format!("{} {}", asked.field("RoleArn").unwrap(), asked.field("OIDCToken").unwrap());
                Answer::new(200, serde_json::json!({"Credentials": keys(&token)}).to_string())
            }
            ("GET", "/uri") => Answer::new(200, keys("uri").to_string()),
            // As a proxy sees it: the address is that of every ECS instance.
            ("PUT", "http://100.100.100.200/latest/api/token") => Answer::new(200, "metadata"),
            ("GET", _) if asked.header("x-aliyun-ecs-metadata-token") != "metadata" => Answer::new(403, ""),
            ("GET", "http://100.100.100.200/latest/meta-data/ram/security-credentials/") => Answer::new(200, "role"),
            ("GET", "http://100.100.100.200/latest/meta-data/ram/security-credentials/role") => {
                Answer::new(200, keys("instance").to_string())
            }
            _ => Answer::new(404, ""),
        }
    })
    .await
}

async fn program(server: &OssServer, tokens: &Listening, env: &[(&str, &str)]) -> Program {
    let storage = format!(
        "{{oss: {{bucket: ray, region: cn-hangzhou, endpoint: 'http://{}', addressing: Path}}}}",
        server.address()
    );
    let proxy = format!("http://127.0.0.1:{}", tokens.port);
    let mut all = vec![("http_proxy", proxy.as_str()), ("no_proxy", "127.0.0.1")];
    all.extend_from_slice(env);
    Program::serve(&storage, &all).await
}

#[tokio::test]
async fn the_environment_comes_first() {
    let (server, tokens) = (OssServer::start().await, tokens().await);
    let env = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "testkey"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", SECRET)];
    let program = program(&server, &tokens, &env).await;
    assert_eq!(server.seen.all(), ["testkey "]);
    assert!(!program.log().contains(SECRET), "{}", program.log());
}

#[tokio::test]
async fn rrsa_precedes_the_node_and_rereads_its_projected_token() {
    let (server, tokens) = (OssServer::start().await, tokens().await);
    let (token, sts) = (Projected::new("first"), format!("http://127.0.0.1:{}/sts", tokens.port));
    let file = token.text();
    let env = [
        ("ALIBABA_CLOUD_ROLE_ARN", "role"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "provider"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", file.as_str()),
        ("ALIBABA_CLOUD_STS_ENDPOINT", sts.as_str()),
    ];
    let mut program = program(&server, &tokens, &env).await;
    assert_eq!(server.seen.all(), ["testkey role first"]);
    token.replace("second");
    program.asks_as("testkey role second", &server.seen).await;
}

#[tokio::test]
async fn a_credentials_uri_is_asked() {
    let (server, tokens) = (OssServer::start().await, tokens().await);
    let uri = format!("http://127.0.0.1:{}/uri", tokens.port);
    let _program = program(&server, &tokens, &[("ALIBABA_CLOUD_CREDENTIALS_URI", &*uri)]).await;
    assert_eq!(server.seen.all(), ["testkey uri"]);
}

#[tokio::test]
async fn the_node_comes_last() {
    let (server, tokens) = (OssServer::start().await, tokens().await);
    let _program = program(&server, &tokens, &[]).await;
    assert_eq!(server.seen.all(), ["testkey instance"]);
}
