//! Reads the Secrets that settings name: the credentials of a store, the keys of access control.
//!
//! Problems name the missing keys, never the values of the Secret.

use super::{Problem, Problems};
use ray_history_storage::config::{AccessKey, Secret};
use std::collections::BTreeMap;

/// The decoded `data` of a Secret.
pub type SecretData = BTreeMap<String, Vec<u8>>;

/// The data of Secrets by their names, in the server's own namespace.
pub type Secrets = BTreeMap<String, SecretData>;

/// The keys of one Secret.
pub(super) struct Keys<'a> {
    pub(super) name: &'a str,
    /// Decoded.
    pub(super) data: &'a SecretData,
}

impl Keys<'_> {
    /// Returns a problem of a key.
    pub(super) fn problem(&self, key: &str, message: &impl ToString) -> Problems {
        Problem::new(format!("secret {}: {key}", self.name), message.to_string()).into()
    }

    /// Returns a value; `None` if the key is missing or its value is empty.
    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, Problems> {
        let Some(bytes) = self.data.get(key) else { return Ok(None) };
        let text = std::str::from_utf8(bytes).map_err(|_| self.problem(key, &"is not text"))?.trim();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// Returns a value; a missing or empty one is a problem.
    pub(super) fn require(&self, key: &str) -> Result<&str, Problems> {
        let others: Vec<&str> = self.data.keys().map(String::as_str).collect();
        let there = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
        self.text(key)?.ok_or_else(|| self.problem(key, &format!("is missing or empty; the Secret has {there}")))
    }

    /// Returns a key pair, by the names of its id, its secret and its optional session token.
    pub(super) fn access_key(&self, [id, secret, token]: [&str; 3]) -> Result<AccessKey, Problems> {
        Ok(AccessKey {
            id: self.require(id)?.to_owned(),
            secret: Secret::new(self.require(secret)?),
            session_token: self.text(token)?.map(Secret::new),
        })
    }
}
