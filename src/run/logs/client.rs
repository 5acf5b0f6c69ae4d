//! Requests to a server about the logs of a session.

use crate::args::LogFiles;
use anyhow::{Context, anyhow, bail};
use reqwest::header::{AUTHORIZATION, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use std::time::Duration;

/// Timeout of connecting.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence of the server. A search takes less.
const SILENCE: Duration = Duration::from_secs(90);
/// Number of times that a session which is being loaded is asked for; each waits half a minute.
const TRIES: u32 = 20;
/// Longest pause that a server asks for and gets.
const LONGEST_PAUSE: u64 = 30;
const USER_AGENT: &str = concat!("ray-history/", env!("CARGO_PKG_VERSION"));

/// Asks for the selected logs of a session: `action` is `search` or `download`, with more parameters. Waits until the
/// session is loaded.
pub(super) async fn ask(files: &LogFiles, action: &str, more: &[(&str, String)]) -> anyhow::Result<Response> {
    let client = Client::builder().connect_timeout(CONNECT).read_timeout(SILENCE).redirect(Policy::none());
    let client = client.user_agent(USER_AGENT).build().context("the HTTP client cannot be set up")?;
    let server = base(&files.server)?;
    let token = token(files)?;
    let get = |url: &str| authorized(client.get(url), token.as_ref());
    let session = match path(&files.session)? {
        Path::Session(path) => path,
        Path::Latest(path) => latest(answer(&get, &format!("{server}/{path}"), server).await?).await?,
    };
    let mut query = more.to_vec();
    for (name, value) in [("node", &files.node), ("worker", &files.worker), ("job", &files.job), ("file", &files.file)]
    {
        query.extend(value.clone().map(|value| (name, value)));
    }
    query.extend((!files.kind.is_empty()).then(|| ("kind", files.kind.join(","))));
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let url = format!("{server}/api/history/v1/sessions/{session}/logs/{action}?{}", query.join("&"));
    let response = answer(&get, &url, server).await?;
    if response.status() == StatusCode::OK { Ok(response) } else { Err(refusal(response).await) }
}

/// Returns the URL of the server without a final `/`.
fn base(server: &str) -> anyhow::Result<&str> {
    if !Url::parse(server).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        bail!("{server:?} is not the URL of a server, such as https://ray.example.com");
    }
    Ok(server.trim_end_matches('/'))
}

/// Returns the token as a header, if there is one.
fn token(files: &LogFiles) -> anyhow::Result<Option<HeaderValue>> {
    let token = match &files.token_file {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?,
        None => std::env::var("RAY_HISTORY_TOKEN").unwrap_or_default(),
    };
    let token = token.trim();
    if token.is_empty() {
        return Ok(None);
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| anyhow!("the token is no text"))?;
    header.set_sensitive(true);
    Ok(Some(header))
}

fn authorized(request: RequestBuilder, token: Option<&HeaderValue>) -> RequestBuilder {
    match token {
        Some(token) => request.header(AUTHORIZATION, token.clone()),
        None => request,
    }
}

/// Asks for a URL, again for as long as the server is not ready to answer.
async fn answer(get: impl Fn(&str) -> RequestBuilder, url: &str, server: &str) -> anyhow::Result<Response> {
    let mut tried = 1;
    loop {
        let response = get(url).send().await.with_context(|| format!("{server} cannot be reached"))?;
        let pause = response.headers().get(RETRY_AFTER).and_then(|pause| pause.to_str().ok()?.parse::<u64>().ok());
        match pause {
            Some(pause) if response.status() == StatusCode::SERVICE_UNAVAILABLE && tried < TRIES => {
                tokio::time::sleep(Duration::from_secs(pause.min(LONGEST_PAUSE))).await;
                tried += 1;
            }
            _ => return Ok(response),
        }
    }
}

/// Returns the session to which a link redirects, as it stands in a path.
async fn latest(response: Response) -> anyhow::Result<String> {
    if !response.status().is_redirection() {
        return Err(refusal(response).await);
    }
    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    let path = to.and_then(|to| to.rsplit_once("sessions/")).map(|(_, path)| path.trim_end_matches('/').to_owned());
    path.ok_or_else(|| anyhow!("{} leads to no session", response.url().path()))
}

/// Returns the reason of a refusal, as the server tells it.
async fn refusal(response: Response) -> anyhow::Error {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let told = problem["detail"].as_str().or_else(|| problem["msg"].as_str()).map(str::to_owned);
    let told = told.unwrap_or_else(|| text.lines().next().unwrap_or_default().chars().take(300).collect());
    let hint =
        if status == StatusCode::UNAUTHORIZED { "\nThe token is in --token-file or RAY_HISTORY_TOKEN." } else { "" };
    anyhow!("the server answers {status}: {told}{hint}")
}

/// The path of a session on the server, or of a link to one.
#[derive(Debug, PartialEq, Eq)]
enum Path {
    Session(String),
    Latest(String),
}

fn path(session: &str) -> anyhow::Result<Path> {
    let parts: Vec<&str> = session.trim_matches('/').split('/').collect();
    let [first, second, third] = parts[..] else {
        bail!("{session:?} is neither NAMESPACE/CLUSTER/SESSION nor rayjob/NAMESPACE/NAME")
    };
    let below = |family: &str| format!("{family}/{}/{}", escaped(second), escaped(third));
    if third.starts_with("session_") {
        return Ok(Path::Session(format!("{}/{}/{}", escaped(first), escaped(second), escaped(third))));
    }
    Ok(Path::Latest(match first {
        "rayjob" | "rayservice" | "raycluster" | "submission" => below(&format!("{first}s")) + "/latest",
        _ if third == "latest" => format!("sessions/{}/{}/latest", escaped(first), escaped(second)),
        _ => bail!("{third:?} is not a session name (session_YYYY-MM-DD_HH-MM-SS_micros_pid)"),
    }))
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_urls() {
        assert_eq!(base("https://ray.example.com/history/").unwrap(), "https://ray.example.com/history");
        for server in ["", "127.0.0.1:8080", "localhost:8080", "ray.example.com", "file:///tmp"] {
            let refused = base(server).unwrap_err().to_string();
            assert!(refused.contains(server) && refused.contains("such as https://"), "{refused}");
        }
    }

    #[test]
    fn sessions_and_links_have_paths() {
        let session = "session_2026-11-22_23-11-33_821800_1";
        let plain = session.replace('_', "%5F").replace('-', "%2D");
        assert_eq!(path(&format!("ml/train/{session}/")).unwrap(), Path::Session(format!("ml/train/{plain}")));
        assert_eq!(path(&format!("rayjob/train/{session}")).unwrap(), Path::Session(format!("rayjob/train/{plain}")));
        for (given, expected) in [
            ("rayjob/ml/train", "rayjobs/ml/train/latest"),
            ("submission/ml/a b", "submissions/ml/a%20b/latest"),
            ("ml/train/latest", "sessions/ml/train/latest"),
        ] {
            assert_eq!(path(given).unwrap(), Path::Latest(expected.to_owned()));
        }
        assert!(path("ml/train").is_err() && path("ml/train/x").is_err());
    }
}
