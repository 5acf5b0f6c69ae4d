//! Converts the SDK's errors.

use super::super::refusal::{CHECK_BUCKET, Refusal, retry_after};
use super::super::trust::untrusted_certificate;
use super::capped;
use super::{Error, ErrorKind};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use ray_history_core::base::chain::chain;

const NEEDS: &str = "s3:ListBucket and s3:GetObject on the bucket";

/// Returns `true` if the range begins at or past the end of the object.
pub(super) fn is_past_the_end<E>(error: &SdkError<E, HttpResponse>) -> bool {
    error.raw_response().is_some_and(|response| response.status().as_u16() == 416)
}

/// Converts the error of a listing. A prefix is never missing, so 404 means the bucket.
pub(super) fn listing_refused<E>(prefix: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let refused = refused(prefix, error);
    match refused.kind() {
        ErrorKind::NotFound => Error::because(ErrorKind::NoBucket, prefix, "check the bucket's name and the endpoint"),
        _ => refused,
    }
}

/// Converts the error of a read.
pub(super) fn refused<E>(key: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    refused_needing(key, error, NEEDS)
}

/// Converts the error of a request that needs other permissions.
pub(super) fn refused_needing<E>(key: &str, error: SdkError<E, HttpResponse>, needs: &'static str) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let Some(response) = error.raw_response() {
        let status = response.status().as_u16();
        let wait = retry_after(response.headers().get("retry-after"));
        if !response.status().is_success() {
            let code = error.code().unwrap_or_default();
            let (retry_after, no_bucket) = (wait, CHECK_BUCKET);
            return Refusal { status: Some(status), code, retry_after, needs, no_bucket }.into_error(key);
        }
    }
    if let Some(why) = capped::refusal_reason(&error) {
        return Error::failed(key, why);
    }
    match error {
        SdkError::TimeoutError(_) => Error::because(ErrorKind::Unavailable, key, "no answer in time"),
        SdkError::DispatchFailure(failure) => {
            let untrusted = failure.as_connector_error().and_then(|error| untrusted_certificate(key, error));
            if let Some(untrusted) = untrusted {
                return untrusted;
            }
            let cause = failure.as_connector_error().map(|error| chain(error));
            // The SDK has no error kind for missing credentials.
            match cause {
                Some(cause) if failure.is_io() || failure.is_timeout() => {
                    Error::because(ErrorKind::Unavailable, key, cause)
                }
                Some(cause) if cause.to_ascii_lowercase().contains("credential") => {
                    Error::because(ErrorKind::PermissionDenied, key, NO_CREDENTIALS)
                }
                cause => Error::because(ErrorKind::Unavailable, key, cause.unwrap_or_default()),
            }
        }
        // A response that ends early or has another protocol: a proxy, a server that is stopping.
        SdkError::ResponseError(_) => Error::because(ErrorKind::Unavailable, key, "the answer cannot be understood"),
        SdkError::ConstructionFailure(_) => Error::failed(key, "the request cannot be made: check bucket and endpoint"),
        // The status was a success, but the body was not valid. The body is not quoted.
        SdkError::ServiceError(_) => Error::failed(key, "the answer cannot be understood"),
        other => Error::failed(key, innermost(&other).to_string()),
    }
}

/// Returns the last error of a chain of causes: the outer ones quote whole responses.
fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

const NO_CREDENTIALS: &str = "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, \
                              or a role for the pod, or name a Secret";
