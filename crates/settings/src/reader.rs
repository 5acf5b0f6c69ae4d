//! Reads values of a spec that several fields share: durations, addresses, names of buckets, credentials.
//!
//! Collects all problems, so that they are reported together.

use super::shape::quoted;
use super::{Origin, Problem};
use crate::crd::{self, DurationRule, SecretRef};
use ray_history_storage::config::Credentials;
use ray_history_store_settings::names::ENDPOINT_EXPECTED;
use std::time::Duration;

/// Reads the values of a spec, and collects their problems.
pub(super) struct Reader {
    pub(super) origin: Origin,
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    /// Adds a problem, unless the field has one already.
    pub(super) fn problem(&mut self, field: &str, message: impl Into<String>) {
        if !self.problems.iter().any(|problem| problem.field == field) {
            self.problems.push(Problem::new(field, message));
        }
    }

    /// Returns the name of a bucket or container, and adds a problem if it is not valid.
    pub(super) fn bucket_name(&mut self, field: &str, name: &str, is_valid: bool, expected: &str) -> String {
        if !is_valid {
            self.problem(field, format!("{} {expected}", quoted(name)));
        }
        name.to_owned()
    }

    /// Returns a duration; adds a problem and returns zero if the rule forbids it.
    pub(super) fn duration(&mut self, field: &str, text: &str, rule: DurationRule) -> Duration {
        rule.read(text).unwrap_or_else(|| {
            self.problem(field, format!("{} {}", quoted(text), rule.expected()));
            Duration::ZERO
        })
    }

    /// Returns an address without its final `/`, and adds a problem if it is not valid.
    pub(super) fn endpoint(&mut self, field: &str, text: Option<&String>) -> Option<String> {
        // The value is not shown: it may contain a password.
        if text.is_some_and(|text| !crd::is_endpoint(text)) {
            self.problem(field, ENDPOINT_EXPECTED);
        }
        text.map(|text| text.trim_end_matches('/').to_owned())
    }

    /// Returns the name of the Secret of a store. In a file, it is a problem; `instead` says what to do.
    pub(super) fn secret(&mut self, field: &str, secret: Option<&SecretRef>, instead: &str) -> Option<String> {
        let field = format!("{field}.credentialsSecretRef");
        self.only_in_kubernetes(&field, secret, &format!("leave it out and {instead}"))
    }

    /// Returns the name of a Secret. In a file, it is a problem; `instead` says what to do.
    pub(super) fn only_in_kubernetes(
        &mut self,
        field: &str,
        secret: Option<&SecretRef>,
        instead: &str,
    ) -> Option<String> {
        if secret.is_some() && self.origin == Origin::File {
            self.problem(field, format!("names a Secret of Kubernetes, which a file cannot use; {instead}"));
        }
        secret.map(|secret| secret.name.clone())
    }

    /// Returns the credentials without the Secret: anonymous, or the default chain.
    pub(super) fn credentials<T>(&mut self, field: &str, anonymous: bool, secret: Option<&String>) -> Credentials<T> {
        if anonymous && secret.is_some() {
            self.problem(&format!("{field}.anonymous"), crd::ANONYMOUS_EXPECTED);
        }
        if anonymous { Credentials::Anonymous } else { Credentials::Default }
    }
}
