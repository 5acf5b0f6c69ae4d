//! Rules beyond the types of fields. Each is one value that gives both the expression for the API server (CEL) and the
//! same check for files.
//!
//! A message describes the valid form, not only that a value is invalid. Checks must not panic on any text.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::core::cel::Rule;
use kube_quantity::ParsedQuantity;
use ray_history_store_settings::names::{ENDPOINT, ENDPOINT_EXPECTED};
use regex_lite::Regex;
use std::sync::LazyLock;
use std::time::Duration;

/// The maximum duration of a load.
pub const TIMEOUT: DurationRule = DurationRule { least: "1s", most: "24h" };
/// The maximum time that a request waits for a load.
pub const REQUEST_TIMEOUT: DurationRule = DurationRule { least: "0s", most: "10m" };
/// The time after which an unused session is closed.
pub const TTL: DurationRule = DurationRule { least: "0s", most: "8760h" };
/// The time for which a login is valid.
pub const LIFETIME: DurationRule = DurationRule { least: "5m", most: "24h" };
/// The time for which a permission is kept.
pub const ALLOWED_FOR: DurationRule = DurationRule { least: "1s", most: "1h" };
/// The time for which a refusal is kept.
pub const DENIED_FOR: DurationRule = DurationRule { least: "1s", most: "1h" };
/// The time for which a permission is honoured longer while the API server cannot be asked.
pub const STALE_FOR: DurationRule = DurationRule { least: "0s", most: "1h" };
/// The time between the mark of a session and its deletion.
pub const GRACE: DurationRule = DurationRule { least: "24h", most: "8760h" };
/// The time after its end for which a session is kept.
pub const MAX_AGE: DurationRule = DurationRule { least: "24h", most: "876000h" };
/// The time without new objects after which a dead session is persisted.
pub const AFTER: DurationRule = DurationRule { least: "1m", most: "24h" };
/// The bytes of sessions that are kept of a namespace.
pub const MAX_BYTES: BytesRule = BytesRule;
/// The memory budget for open sessions.
pub const MAX_MEMORY: SizeRule = SizeRule { least: "64Mi", most: "64Ti" };

// Both forms are narrower than Kubernetes' own: no sign, no exponent, no nanoseconds. The rest cannot overflow.
const DURATION: &str = r"^([0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h))+$";
const SIZE: &str = r"^[0-9]{1,15}(\.[0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti)?$";

/// A duration within bounds.
#[derive(Clone, Copy, Debug)]
pub struct DurationRule {
    least: &'static str,
    most: &'static str,
}

impl DurationRule {
    /// Returns the rule for the API server.
    pub fn rule(&self) -> Rule {
        let Self { least, most } = self;
        Rule::new(format!(
            "self.matches(r'{DURATION}') && duration(self) >= duration('{least}') && \
             duration(self) <= duration('{most}')"
        ))
        .message(self.expected().as_str())
    }

    /// Returns the description of the valid form, for error messages.
    pub fn expected(&self) -> String {
        format!("must be a duration such as 30s, 10m or 1h30m, from {} to {}", self.least, self.most)
    }

    /// Parses a duration; `None` if the rule forbids it.
    pub fn read(&self, text: &str) -> Option<Duration> {
        let value = duration(text)?;
        (duration(self.least)? <= value && value <= duration(self.most)?).then_some(value)
    }
}

fn duration(text: &str) -> Option<Duration> {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(DURATION).ok());
    // Without this check, kube's parser would panic on overflowing and negative values.
    let fits = text.len() <= 32 && FORM.as_ref()?.is_match(text);
    fits.then(|| text.parse::<kube::core::Duration>().ok().map(Duration::from)).flatten()
}

/// A size in bytes within bounds.
#[derive(Clone, Copy, Debug)]
pub struct SizeRule {
    least: &'static str,
    most: &'static str,
}

impl SizeRule {
    /// Returns the rule for the API server.
    pub fn rule(&self) -> Rule {
        let Self { least, most } = self;
        let within = format!(
            "quantity(string(self)).compareTo(quantity('{least}')) >= 0 && \
             quantity(string(self)).compareTo(quantity('{most}')) <= 0"
        );
        Rule::new(format!("string(self).matches(r'{SIZE}') && {within}")).message(self.expected().as_str())
    }

    /// Returns the description of the valid form, for error messages.
    pub fn expected(&self) -> String {
        format!("must be a size such as 512Mi, 2Gi or 500M, from {} to {}", self.least, self.most)
    }

    /// Parses a size in bytes; `None` if the rule forbids it.
    pub fn read(&self, text: &str) -> Option<u64> {
        let value = bytes(text)?;
        (bytes(self.least)? <= value && value <= bytes(self.most)?).then_some(value)
    }
}

#[expect(clippy::cast_sign_loss, reason = "the form has no sign")]
fn bytes(text: &str) -> Option<u64> {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(SIZE).ok());
    if !FORM.as_ref()?.is_match(text) {
        return None;
    }
    // As a float, because the library's integers round 1.5Gi down to 1Gi; exact up to 8 PiB.
    let value = ParsedQuantity::try_from(Quantity(text.to_owned())).ok()?.to_bytes_f64()?;
    Some(value as u64)
}

/// A whole number of bytes with a unit. Its bounds are in its form: to compare quantities in each item of a list costs more
/// than the API server allows.
#[derive(Clone, Copy, Debug)]
pub struct BytesRule;

/// One byte to 9,999 tebibytes.
const WHOLE_BYTES: &str = "^[1-9][0-9]{0,3}(k|M|G|T|Ki|Mi|Gi|Ti)?$";

impl BytesRule {
    /// Returns the rule for the API server.
    pub fn rule(self) -> Rule {
        Rule::new(format!("self.matches(r'{WHOLE_BYTES}')")).message(self.expected())
    }

    /// Returns the description of the valid form, for error messages.
    pub fn expected(self) -> &'static str {
        "must be a size such as 500Gi, 2Ti or 100M, of up to four digits"
    }

    /// Parses a size in bytes; `None` if the rule forbids it.
    pub fn read(self, text: &str) -> Option<u64> {
        static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(WHOLE_BYTES).ok());
        if FORM.as_ref()?.is_match(text) { bytes(text) } else { None }
    }
}

/// Returns the rule for the address of a store.
pub(super) fn endpoint() -> Rule {
    Rule::new(format!("self.matches(r'{ENDPOINT}')")).message(ENDPOINT_EXPECTED)
}

/// Returns `true` if a text is a valid address of a store.
pub fn is_endpoint(text: &str) -> bool {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ENDPOINT).ok());
    FORM.as_ref().is_some_and(|form| form.is_match(text))
}

/// Returns the rule that anonymous access excludes credentials.
pub(super) fn anonymous() -> Rule {
    Rule::new("!(self.anonymous && has(self.credentialsSecretRef))").message(ANONYMOUS_EXPECTED)
}

/// The error for `anonymous` together with credentials.
pub(crate) const ANONYMOUS_EXPECTED: &str = "must not be set together with credentialsSecretRef";

/// Returns the rule that a path is absolute, so that it does not depend on the server's working directory.
pub(super) fn absolute_path() -> Rule {
    Rule::new("self.startsWith('/')").message("must be an absolute path")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parses_durations_as_kubernetes_does() {
        for (text, seconds) in [("0s", 0.0), ("25s", 25.0), ("1m30s", 90.0), ("1.5m", 90.0), ("250ms", 0.25)] {
            assert_eq!(REQUEST_TIMEOUT.read(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "0", "10", "s", "10 s", "-1s", "1-5s", "1d", "11m", "1e3s", "999999999h", "infs", "1s\n"] {
            assert_eq!(REQUEST_TIMEOUT.read(text), None, "{text:?}");
        }
        assert_eq!(TIMEOUT.read("999ms"), None);
    }

    #[test]
    fn parses_sizes_as_kubernetes_does() {
        for (text, bytes) in [
            ("64Mi", 64 << 20),
            ("2Gi", 2 << 30),
            ("1.5Gi", 3 << 29),
            ("500M", 500_000_000),
            ("2147483648", 2 << 30),
            ("64Ti", 64 << 40),
        ] {
            assert_eq!(MAX_MEMORY.read(text), Some(bytes), "{text}");
        }
        for text in ["", "Gi", "2GB", "2 Gi", "-2Gi", "--2Gi", "1Mi", "65Ti", "2g", "1e9", "nan", "infGi", "500m"] {
            assert_eq!(MAX_MEMORY.read(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_endpoint_has_a_scheme_and_no_credentials() {
        for good in ["http://127.0.0.1:9000", "https://oss-cn-hangzhou.aliyuncs.com", "http://[::1]:9000/devstore"] {
            assert!(is_endpoint(good), "{good}");
        }
        for bad in ["", "minio:9000", "ftp://x", "https://user:secret@host", "https://host?sig=secret", "https://"] {
            assert!(!is_endpoint(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_rule_panic(text in ".{0,40}", number in "[0-9.hmsMGiK+-]{0,32}") {
            for text in [text, number] {
                let _ = (TTL.read(&text), MAX_MEMORY.read(&text), is_endpoint(&text));
            }
        }
    }
}
