//! Requests to the dashboard, with KubeRay's authorization.

use crate::http_get::{self, Answer, Bounds};
use crate::settings::{Auth, PollSettings};
use http::header::HeaderName;
use http::{HeaderValue, Method};
use ray_history_core::base::chain::chain;
use std::time::Duration;

/// The bounds of a request. Longer answers are not stored: they are lists of which Ray returns 10,000 rows at most.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(10), bytes: 32 << 20 };
const AUTHORIZATION: HeaderName = HeaderName::from_static("x-ray-authorization");

/// The dashboard of the head in this pod.
#[derive(Clone, Debug)]
pub(super) struct Dashboard {
    address: String,
    auth: Auth,
}

impl Dashboard {
    pub(super) fn new(settings: &PollSettings) -> Self {
        Self { address: settings.dashboard.clone(), auth: settings.auth.clone() }
    }

    /// Sends a request; the text says why there is no answer.
    pub(super) async fn ask(&self, method: Method, url: &str) -> Result<Answer, String> {
        let headers: Vec<_> = self.authorization().await?.map(|value| (AUTHORIZATION, value)).into_iter().collect();
        let answer = http_get::request(method, &format!("{}{url}", self.address), &headers, BOUNDS).await;
        answer.map_err(|failure| chain(&failure))
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let token = match &self.auth {
            Auth::None => return Ok(None),
            Auth::Missing => return Err("RAY_AUTH_MODE is token, and there is no token in RAY_AUTH_TOKEN".to_owned()),
            Auth::Token(token) => token.clone(),
            // Read anew for each request: Kubernetes replaces it within the hour.
            Auth::File(path) => {
                let read = tokio::fs::read_to_string(path).await;
                read.map_err(|error| format!("the token cannot be read: {path}: {error}"))?
            }
        };
        let header = HeaderValue::try_from(format!("Bearer {}", token.trim()));
        header.map(Some).map_err(|_| "the token is no text that a header can have".to_owned())
    }
}
