//! Amazon's chain: environment, profile, web identity (IRSA), EKS Pod Identity, instance metadata.

use super::super::child::{Program, Projected, Seen, path, within};
use super::super::http::{Answer, Asked, Listening, answering};

/// Starts a bucket that answers any identity and records it, together with Amazon's token servers.
async fn server(seen: &Seen) -> Listening {
    let seen = seen.clone();
    answering(move |asked| {
        let who = asked.header("authorization").to_owned();
        match (asked.method.as_str(), path(&asked)) {
            (_, "/ray" | "/ray/") => {
                let id = who.split_once("Credential=").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
                seen.add(format!("{id} {}", asked.header("x-amz-security-token")));
                Answer::new(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
            }
            ("POST", "/sts/" | "/sts") => sts(&asked),
            ("GET", "/pod") => keys(&who),
            ("PUT", "/latest/api/token") => {
                let mut answer = Answer::new(200, "metadata");
                answer.headers.push(("x-aws-ec2-metadata-token-ttl-seconds", "300".to_owned()));
                answer
            }
            ("GET", _) if asked.header("x-aws-ec2-metadata-token") != "metadata" => Answer::new(401, ""),
            ("GET", "/latest/meta-data/iam/security-credentials/") => Answer::new(200, "role"),
            ("GET", "/latest/meta-data/iam/security-credentials/role") => keys("instance"),
            _ => Answer::new(404, ""),
        }
    })
    .await
}

/// Returns the answer of the security token service to a projected token.
fn sts(asked: &Asked) -> Answer {
    assert_eq!(asked.field("Action").as_deref(), Some("AssumeRoleWithWebIdentity"), "{:?}", asked.body);
    let (role, token) = (asked.field("RoleArn").unwrap(), asked.field("WebIdentityToken").unwrap());
    Answer::new(
        200,
        format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{role}</AccessKeyId>\
             <SecretAccessKey>s</SecretAccessKey><SessionToken>{token}</SessionToken>\
             <Expiration>{}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
             </AssumeRoleWithWebIdentityResponse>",
            within(5)
        ),
    )
}

fn keys(token: &str) -> Answer {
    let keys = serde_json::json!({"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": within(5), "AccessKeyId": "id",
        "SecretAccessKey": "s", "Token": token, "Expiration": within(5)});
    Answer::new(200, keys.to_string())
}

/// Starts the program over that bucket, which serves the instance's metadata, too.
async fn program(server: &Listening, profile: &str, env: &[(&str, &str)]) -> Program {
    let port = server.port;
    let storage = format!(
        "{{s3: {{bucket: ray, region: us-east-1, endpoint: 'http://127.0.0.1:{port}', forcePathStyle: true{profile}}}}}"
    );
    let metadata = format!("http://127.0.0.1:{port}");
    let mut all = vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.as_str())];
    all.extend_from_slice(env);
    Program::serve(&storage, &all).await
}

#[tokio::test]
async fn the_environment_comes_first() {
    let (seen, env) = (
        Seen::default(),
        [("AWS_ACCESS_KEY_ID", "env"), ("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_SESSION_TOKEN", "session")],
    );
    let server = server(&seen).await;
    let program = program(&server, "", &env).await;
    assert_eq!(seen.all(), ["env session"]);
    assert!(!program.log().contains("hunter2"), "{}", program.log());
}

#[tokio::test]
async fn a_profile_is_that_of_the_settings() {
    let seen = Seen::default();
    let server = server(&seen).await;
    let file = Projected::new(
        "[default]\naws_access_key_id = other\naws_secret_access_key = s\n\
         [history]\naws_access_key_id = profile\naws_secret_access_key = s\n",
    );
    let _program = program(&server, ", profile: history", &[("AWS_SHARED_CREDENTIALS_FILE", &file.text())]).await;
    assert_eq!(seen.all(), ["profile "]);
}

#[tokio::test]
async fn irsa_reads_its_projected_token_again() {
    let seen = Seen::default();
    let server = server(&seen).await;
    let (token, sts) = (Projected::new("first"), format!("http://127.0.0.1:{}/sts", server.port));
    let env = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.text()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/history".to_owned()),
        ("AWS_ENDPOINT_URL_STS", sts),
    ];
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut program = program(&server, "", &env).await;
    assert_eq!(seen.all(), ["arn:aws:iam::1:role first"]);
    token.replace("second");
    program.asks_as("arn:aws:iam::1:role second", &seen).await;
}

#[tokio::test]
async fn pod_identity_reads_its_projected_token_again() {
    let seen = Seen::default();
    let server = server(&seen).await;
    let (token, uri) = (Projected::new("first"), format!("http://127.0.0.1:{}/pod", server.port));
    let env =
        [("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*uri), ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token.text())];
    let mut program = program(&server, "", &env).await;
    assert_eq!(seen.all(), ["id first"]);
    token.replace("second");
    program.asks_as("id second", &seen).await;
}

#[tokio::test]
async fn the_instance_comes_last() {
    let seen = Seen::default();
    let server = server(&seen).await;
    let _program = program(&server, "", &[]).await;
    assert_eq!(seen.all(), ["id instance"]);
}
