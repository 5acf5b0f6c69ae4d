//! Requests of commands to a running server: with its token, and again for as long as it is not ready.

mod name;

use crate::args::RunningServer;
use anyhow::{Context, anyhow, bail};
use reqwest::header::{AUTHORIZATION, CONTENT_DISPOSITION, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode, Url};
use serde_json::Value;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

pub(super) use name::escaped;

use name::Name;

/// Timeout of connecting.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence of the server. A search takes less.
const SILENCE: Duration = Duration::from_secs(90);
/// Number of times that a session which is being loaded is asked for; each waits half a minute.
const TRIES: u32 = 20;
/// Longest pause that a server asks for and gets.
const LONGEST_PAUSE: u64 = 30;
const USER_AGENT: &str = concat!("ray-history/", env!("CARGO_PKG_VERSION"));

/// A client of one server.
pub(super) struct Client {
    http: reqwest::Client,
    /// The URL without a final `/`.
    server: String,
    token: Option<HeaderValue>,
}

impl Client {
    /// Returns a client of a server, with its token if there is one.
    pub(super) fn new(args: &RunningServer) -> anyhow::Result<Self> {
        let server = base(&args.server)?;
        let builder = || {
            let builder = reqwest::Client::builder().user_agent(USER_AGENT).redirect(Policy::none());
            builder.connect_timeout(CONNECT).read_timeout(SILENCE)
        };
        let http = match builder().build() {
            // A container without certificates of authorities can ask a server that needs none.
            Err(_) if server.starts_with("http://") => builder().tls_certs_only([]).build(),
            built => built,
        };
        let http = http.context("the HTTP client cannot be set up")?;
        Ok(Self { http, server: server.to_owned(), token: token(args)? })
    }

    /// Returns the URL of a path of the server.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.server)
    }

    /// Asks for a path once, and returns the answer whatever its status is.
    pub(super) async fn ask(&self, path: &str) -> anyhow::Result<Response> {
        let request = self.http.get(self.url(path));
        let request = match &self.token {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        };
        // The URL in the error would be the parameters, too.
        let sent = request.send().await.map_err(reqwest::Error::without_url);
        sent.with_context(|| format!("{} cannot be reached", self.server))
    }

    /// Asks for a path, again for as long as the server is not ready to answer.
    async fn ask_until_ready(&self, path: &str) -> anyhow::Result<Response> {
        let mut tried = 1;
        loop {
            let response = self.ask(path).await?;
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

    /// Returns the answer to a path once the server is ready.
    ///
    /// # Errors
    /// Contains a [`Refused`] if the server answers with another status than 200.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Response> {
        let response = self.ask_until_ready(path).await?;
        if response.status() == StatusCode::OK { Ok(response) } else { Err(Refused::of(response).await.into()) }
    }

    /// Returns the path of a session below `sessions/`: of the named one, or the newest of a named object.
    ///
    /// # Errors
    /// Contains a [`Refused`] if no session of the object is stored. A session that is named itself is not asked for.
    pub(super) async fn session(&self, name: &str) -> anyhow::Result<String> {
        let link = match Name::parse(name)? {
            Name::Session(path) => return Ok(path),
            Name::Latest(link) => link,
        };
        let response = self.ask_until_ready(&link).await?;
        if !response.status().is_redirection() {
            return Err(Refused::of(response).await.into());
        }
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        to.and_then(session_of).ok_or_else(|| anyhow!("{} leads to no session", response.url().path()))
    }
}

/// Returns the path of a session below `sessions/` in a link, which is relative. Names may end with `sessions`, too.
fn session_of(link: &str) -> Option<String> {
    let (_, path) = link.split_once("sessions/")?;
    Some(path.trim_end_matches('/').to_owned())
}

/// Returns the text of an answer.
///
/// # Errors
/// Returns an error if it is longer than `max` bytes.
pub(super) async fn text(mut response: Response, max: usize) -> anyhow::Result<String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.context("the answer was cut off")? {
        if body.len() + chunk.len() > max {
            bail!("the server answers with more than {max} bytes");
        }
        body.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Returns the name that the server gives to a file, if it is a plain one.
pub(super) fn file_name(response: &Response) -> Option<String> {
    let header = response.headers().get(CONTENT_DISPOSITION)?.to_str().ok()?;
    let name = header.split('"').nth(1).unwrap_or_default();
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    (is_plain && !name.is_empty() && !name.starts_with('.')).then(|| name.to_owned())
}

/// A refusal, in the words of the server.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    told: String,
}

impl Refused {
    /// Longest text of a refusal that is read.
    const MAX: usize = 64 << 10;

    async fn of(response: Response) -> Self {
        let status = response.status();
        let text = text(response, Self::MAX).await.unwrap_or_default();
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let told = problem["detail"].as_str().or_else(|| problem["msg"].as_str()).map(str::to_owned);
        let told = told.unwrap_or_else(|| text.lines().next().unwrap_or_default().chars().take(300).collect());
        Self { status, told }
    }

    /// Returns `true` if an error says that nothing of that name is stored.
    pub(super) fn is_unknown(error: &anyhow::Error) -> bool {
        error.downcast_ref::<Self>().is_some_and(|refused| refused.status == StatusCode::NOT_FOUND)
    }
}

impl Display for Refused {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "the server answers {}: {}", self.status, self.told)?;
        if self.status == StatusCode::UNAUTHORIZED {
            write!(f, "\nThe token is in --token-file or RAY_HISTORY_TOKEN.")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// Returns the URL of the server without a final `/`.
fn base(server: &str) -> anyhow::Result<&str> {
    if !Url::parse(server).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        bail!("{server:?} is not the URL of a server, such as https://ray.example.com");
    }
    Ok(server.trim_end_matches('/'))
}

/// Returns the token as a header, if there is one.
fn token(args: &RunningServer) -> anyhow::Result<Option<HeaderValue>> {
    let token = match &args.token_file {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_sessions() {
        for (link, expected) in [
            ("../../../sessions/ml/train/session_1/", Some("ml/train/session_1")),
            ("../../../sessions/sessions/my-sessions/session_1/", Some("sessions/my-sessions/session_1")),
            ("../../login", None),
        ] {
            assert_eq!(session_of(link).as_deref(), expected);
        }
    }

    #[test]
    fn servers_have_urls() {
        assert_eq!(base("https://ray.example.com/history/").unwrap(), "https://ray.example.com/history");
        for server in ["", "127.0.0.1:8080", "localhost:8080", "ray.example.com", "file:///tmp"] {
            let refused = base(server).unwrap_err().to_string();
            assert!(refused.contains(server) && refused.contains("such as https://"), "{refused}");
        }
    }
}
