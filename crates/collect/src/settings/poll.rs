//! Settings of the dashboard that is polled.

use super::source::Source;
use super::units;
use crate::args::Flags;
use std::fmt;
use std::time::Duration;

/// The projected token of KubeRay, which is read anew for each request.
pub const TOKEN_FILE: &str = "/var/run/secrets/ray.io/serviceaccount/token";

/// The dashboard, and what is asked in addition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollSettings {
    /// `false` if nothing is asked.
    pub enabled: bool,
    /// The base address of the dashboard, without a final `/`.
    pub dashboard: String,
    /// The interval of additional URLs.
    pub interval: Duration,
    /// Additional URLs, with their leading `/`.
    pub additional: Vec<String>,
    /// The authorization of requests.
    pub auth: Auth,
}

/// The authorization of requests to the dashboard.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// None is needed.
    None,
    /// A fixed token.
    Token(String),
    /// A token in a file, which changes.
    File(String),
    /// A token is needed, and there is none.
    Missing,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Token(_) => "Token(…)",
            Self::File(_) => "File",
            Self::Missing => "Missing",
        })
    }
}

impl PollSettings {
    pub(super) fn read(source: &mut Source<'_>, flags: &Flags) -> Self {
        let dashboard = source.variable("RAY_DASHBOARD_ADDRESS").unwrap_or("http://127.0.0.1:8265".into());
        let dashboard = if dashboard.contains("://") { dashboard } else { format!("http://{dashboard}") };
        let mut poll = Self {
            enabled: !source.boolean("", &flags.no_poll, "--no-poll", false),
            dashboard: dashboard.trim_end_matches('/').to_owned(),
            interval: source.duration("RAY_COLLECTOR_POLL_INTERVAL", &flags.poll, "--poll", Duration::from_secs(30)),
            additional: additional(source),
            auth: auth(source),
        };
        if !poll.dashboard.starts_with("http://") {
            source.warn("RAY_DASHBOARD_ADDRESS must be an http:// address: http://127.0.0.1:8265 is used");
            poll.dashboard = "http://127.0.0.1:8265".to_owned();
        }
        poll
    }
}

fn additional(source: &mut Source<'_>) -> Vec<String> {
    let urls = source.variable("RAY_COLLECTOR_ADDITIONAL_ENDPOINTS").unwrap_or_default();
    let (good, bad): (Vec<String>, Vec<String>) = urls
        .split(',')
        .map(|url| url.trim().to_owned())
        .filter(|url| !url.is_empty())
        .map(|url| if url.starts_with('/') { url } else { format!("/{url}") })
        .partition(|url| format!("http://x{url}").parse::<http::Uri>().is_ok());
    if !bad.is_empty() {
        source.warn(format!("RAY_COLLECTOR_ADDITIONAL_ENDPOINTS has {} values that are no paths of URLs", bad.len()));
    }
    good
}

/// Returns KubeRay's choice: the projected token, else the token of the environment.
fn auth(source: &mut Source<'_>) -> Auth {
    let kubernetes = source.variable("RAY_ENABLE_K8S_TOKEN_AUTH").and_then(|text| units::boolean(&text));
    if kubernetes == Some(true) {
        return Auth::File(source.variable("RAY_AUTH_TOKEN_PATH").unwrap_or(TOKEN_FILE.into()));
    }
    match (source.variable("RAY_AUTH_TOKEN"), source.variable("RAY_AUTH_MODE").as_deref()) {
        (Some(token), _) => Auth::Token(token),
        (None, Some("token")) => {
            source.warn("RAY_AUTH_MODE is token and RAY_AUTH_TOKEN is not set: the dashboard is not queried");
            Auth::Missing
        }
        (None, _) => Auth::None,
    }
}
