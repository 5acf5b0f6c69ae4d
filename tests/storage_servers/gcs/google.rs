//! Google as it answers to identities and with errors: a bucket with one object, in the JSON API.

use super::super::child::Seen;
use super::super::http::{Answer, Asked, Listening, answering};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ray_history_storage::config::{Credentials, GcsConfig};
use std::sync::{Arc, Mutex};

/// The answers to requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answers {
    /// As they are.
    Well,
    /// With this status, reason and message.
    Refusal(u16, &'static str, &'static str),
    /// Only to whom this key belongs.
    OnlyTo(&'static str),
}

pub(crate) struct Google {
    listening: Listening,
    answers: Arc<Mutex<Answers>>,
    /// The identities that asked for listings.
    pub(crate) seen: Seen,
}

impl Google {
    /// A bucket with one object, which holds `bytes`.
    pub(crate) async fn with(key: &'static str) -> Self {
        let (answers, seen) = (Arc::new(Mutex::new(Answers::Well)), Seen::default());
        let (how, who) = (Arc::clone(&answers), seen.clone());
        let listening = answering(move |asked| answer(&asked, key, *how.lock().unwrap(), &who)).await;
        Self { listening, answers, seen }
    }

    /// From now on, requests are answered so.
    pub(crate) fn answers(&self, how: Answers) {
        *self.answers.lock().unwrap() = how;
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.listening.port)
    }

    pub(crate) fn config(&self) -> GcsConfig {
        GcsConfig {
            bucket: "ray".into(),
            endpoint: Some(self.endpoint()),
            billing_project: None,
            credentials: Credentials::Anonymous,
        }
    }
}

fn answer(asked: &Asked, key: &str, answers: Answers, seen: &Seen) -> Answer {
    let who = who(asked.header("authorization"));
    let is_listing = asked.target.starts_with("/storage/v1/b/ray/o?");
    if is_listing {
        seen.add(who.clone());
    }
    let refused = match answers {
        Answers::Refusal(status, reason, message) => Some((status, reason, message)),
        Answers::OnlyTo(key) if who.split(' ').next() != Some(key) => Some((401, "authError", "Invalid: hunter2")),
        Answers::Well | Answers::OnlyTo(_) => None,
    };
    if let Some((status, reason, message)) = refused {
        let detail = serde_json::json!({"domain": "global", "reason": reason, "message": message});
        let error = serde_json::json!({"code": status, "message": message, "errors": [detail]});
        let mut answer = Answer::new(status, serde_json::json!({"error": error}).to_string());
        answer.headers.push(("location", "http://127.0.0.1:1/elsewhere".to_owned()));
        return answer;
    }
    if is_listing {
        let item = serde_json::json!({"name": key, "size": "5", "generation": "1"});
        return Answer::new(200, serde_json::json!({"kind": "storage#objects", "items": [item]}).to_string());
    }
    if asked.field("ifGenerationMatch").is_some_and(|generation| generation != "1") {
        return Answer::new(412, "");
    }
    let mut answer = Answer::new(200, "bytes");
    answer.headers.push(("x-goog-generation", "1".to_owned()));
    answer
}

/// Returns the sender: the key and owner of a self-signed token, else the token.
fn who(authorization: &str) -> String {
    let token = authorization.trim_start_matches("Bearer ");
    let part = |at: usize| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(at)?).ok()?;
        serde_json::from_slice::<serde_json::Value>(&bytes).ok()
    };
    match (part(0), part(1)) {
        (Some(head), Some(claims)) => {
            format!("{} {}", head["kid"].as_str().unwrap_or("?"), claims["iss"].as_str().unwrap_or("?"))
        }
        _ => token.to_owned(),
    }
}
