//! Refused requests: maps an HTTP status and the store's own code to a kind of error and advice.
//!
//! One table for all clouds. Never repeats a store's own message: some quote the signed text or the key id.

use super::{Error, ErrorKind};
use std::time::Duration;

/// A store's response to a request that it refused.
#[derive(Debug)]
pub(super) struct Refusal<'a> {
    /// HTTP status; `None` of a key in a batch, of which a store tells the code alone.
    pub(super) status: Option<u16>,
    /// The store's own code, such as `NoSuchKey`; empty if there is none.
    pub(super) code: &'a str,
    /// The wait that the store asks for.
    pub(super) retry_after: Option<Duration>,
    /// The permissions that the identity needs, in the cloud's terms.
    pub(super) needs: &'static str,
    /// The advice for a missing bucket.
    pub(super) no_bucket: &'static str,
}

/// The advice for a missing bucket where names are unique to an account or a region.
#[cfg(any(feature = "azure", feature = "oss", feature = "s3", test))]
pub(super) const CHECK_BUCKET: &str = "check the bucket's name, and the account or region";

/// Codes by which stores ask for fewer requests: Google's, Amazon's, MinIO's, Azure's, OSS's.
const THROTTLING: [&str; 14] = [
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequests",
    "SlowDownRead",
    "SlowDownWrite",
    "ServerBusy",
    "QpsLimitExceeded",
    "TotalQpsLimitExceeded",
    "MetaOperationQpsLimitExceeded",
    "ActiveRequestLimitExceeded",
];

/// Converts the code that S3 or OSS gives for a key in a batch.
#[cfg(any(feature = "oss", feature = "s3", test))]
pub fn refused_key(key: &str, code: &str, needs: &'static str) -> Error {
    Refusal { status: None, code, retry_after: None, needs, no_bucket: CHECK_BUCKET }.into_error(key)
}

/// Returns the status that goes with a code.
fn usual_status(code: &str) -> u16 {
    match code {
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => 403,
        "NoSuchKey" => 404,
        "InternalError" | "ServiceUnavailable" | "OperationTimedOut" => 503,
        code if THROTTLING.contains(&code) => 503,
        _ => 400,
    }
}

impl Refusal<'_> {
    /// Returns it as an error about a key or prefix.
    pub(super) fn into_error(self, key: &str) -> Error {
        let (kind, advice) = self.meaning();
        let code: String =
            self.code.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(64).collect();
        let answer = match (self.status, &*code) {
            (Some(status), "") => format!("HTTP {status}"),
            (Some(status), code) => format!("HTTP {status} {code}"),
            (None, "") => "the store gives no reason".to_owned(),
            (None, code) => code.to_owned(),
        };
        let text = if advice.is_empty() { answer } else { format!("{advice}; {answer}") };
        Error::because(kind, key, text).with_retry_after(self.retry_after)
    }

    fn meaning(&self) -> (ErrorKind, String) {
        let denied = |advice: &str| (ErrorKind::PermissionDenied, advice.to_owned());
        match (self.status.unwrap_or_else(|| usual_status(self.code)), self.code) {
            (_, "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted") => {
                (ErrorKind::NoBucket, self.no_bucket.to_owned())
            }
            (_, "ExpiredToken" | "TokenRefreshRequired" | "SecurityTokenExpired" | "InvalidAuthenticationInfo") => {
                denied(
                    "the credentials have expired: renew the Secret, or check the token that is projected into the pod",
                )
            }
            (_, "RequestTimeTooSkewed" | "RequestTimeTooLarge" | "RequestNotYetValid") => {
                denied("this machine's clock differs from the store's: set it right (NTP)")
            }
            (
                _,
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "AuthenticationFailed"
                | "InvalidToken"
                | "InvalidSecurityToken"
                | "XAdminUserNotFound",
            ) => denied("the credentials are wrong or no longer valid: check the key and its secret"),
            (301 | 307, _) | (_, "PermanentRedirect" | "AuthorizationHeaderMalformed" | "InvalidRegion") => (
                ErrorKind::Failed,
                "the bucket is in another region, or at another endpoint: set region and endpoint".to_owned(),
            ),
            (_, "InvalidObjectState" | "BlobArchived" | "BlobBeingRehydrated") => {
                (ErrorKind::Archived, "restore it: its storage class must allow reading at once".to_owned())
            }
            (_, "userProjectMissing") => denied("its reader pays for this bucket: set billingProject"),
            (429, _) => (ErrorKind::Throttled, String::new()),
            // Google does it with 403, too, the others with 503.
            (_, code) if THROTTLING.contains(&code) => (ErrorKind::Throttled, String::new()),
            // 401 is about the identity, 403 about its permissions.
            (401, _) => denied(
                "the credentials were not accepted, or have expired: renew the Secret, or check the identity in use",
            ),
            (403, _) => {
                (ErrorKind::PermissionDenied, format!("allow the identity in use to {}, or use another", self.needs))
            }
            // Two writers at once, an upload in parts that somebody aborted, a body that stood still, was cut or changed.
            (
                _,
                "ConditionalRequestConflict"
                | "OperationAborted"
                | "NoSuchUpload"
                | "conflict"
                | "RequestTimeout"
                | "IncompleteBody"
                | "BadDigest"
                | "XAmzContentSHA256Mismatch",
            )
            | (408 | 425 | 500..=599, _)
            | (409, "") => (ErrorKind::Unavailable, String::new()),
            (404, _) => (ErrorKind::NotFound, String::new()),
            (_, "BlobAlreadyExists" | "FileAlreadyExists") | (412, _) => (ErrorKind::PreconditionFailed, String::new()),
            _ => (ErrorKind::Failed, String::new()),
        }
    }
}

/// Returns the wait of a `Retry-After` header in seconds. Its other form, a date, depends on two clocks and is ignored.
pub(super) fn retry_after(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorKind::{
        Archived, Failed, NoBucket, NotFound, PermissionDenied, PreconditionFailed, Throttled, Unavailable,
    };

    #[test]
    fn refusals_have_kinds_and_advice() {
        for (status, code, kind, words) in [
            (404, "NoSuchKey", NotFound, "NoSuchKey"),
            (404, "NoSuchBucket", NoBucket, "bucket's name"),
            (404, "XAdminUserNotFound", PermissionDenied, "check the key"),
            (400, "ExpiredToken", PermissionDenied, "expired"),
            (403, "RequestTimeTooSkewed", PermissionDenied, "clock"),
            (403, "AccessDenied", PermissionDenied, "list and read"),
            (401, "UNAUTHENTICATED", PermissionDenied, "renew the Secret"),
            (403, "InvalidObjectState", Archived, "moved to an archive"),
            (400, "userProjectMissing", PermissionDenied, "billingProject"),
            (403, "rateLimitExceeded", Throttled, "HTTP 403"),
            (503, "ServerBusy", Throttled, "fewer requests"),
            (503, "QpsLimitExceeded", Throttled, "HTTP 503"),
            (503, "ServiceUnavailable", Unavailable, "HTTP 503"),
            (412, "", PreconditionFailed, "HTTP 412"),
            (409, "BlobAlreadyExists", PreconditionFailed, "HTTP 409"),
            (409, "FileAlreadyExists", PreconditionFailed, "HTTP 409"),
            (409, "ConditionalRequestConflict", Unavailable, "HTTP 409"),
            (404, "NoSuchUpload", Unavailable, "HTTP 404"),
            (400, "RequestTimeout", Unavailable, "HTTP 400"),
            (409, "PublicAccessNotPermitted", Failed, "HTTP 409"),
            (429, "", Throttled, "HTTP 429"),
            (503, "SlowDown", Throttled, "SlowDown"),
            (301, "PermanentRedirect", Failed, "region"),
            (400, "<script>AKIA\n", Failed, "scriptAKIA"),
        ] {
            let retry_after = retry_after(Some("7"));
            let (needs, no_bucket) = ("list and read", CHECK_BUCKET);
            let error = Refusal { status: Some(status), code, retry_after, needs, no_bucket }.into_error("k");
            assert_eq!(error.kind(), kind, "{status} {code}");
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        }
    }

    #[test]
    fn codes_alone_have_the_kinds_of_refused_requests() {
        for (code, kind) in [
            ("AccessDenied", PermissionDenied),
            ("NoSuchKey", NotFound),
            ("InternalError", Unavailable),
            ("SlowDown", Throttled),
            ("SlowDownWrite", Throttled),
            ("NoSuchBucket", NoBucket),
            ("ExpiredToken", PermissionDenied),
            ("", Failed),
        ] {
            let error = refused_key("k", code, "delete");
            assert_eq!(error.kind(), kind, "{code}");
            let text = error.to_string();
            assert!(!text.contains("HTTP"), "no status was sent: {text}");
            assert!(text.contains(if code.is_empty() { "no reason" } else { code }), "{text}");
        }
    }
}
