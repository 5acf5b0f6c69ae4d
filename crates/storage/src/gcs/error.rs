//! Converts Google's errors: HTTP statuses of reads, gRPC codes of listings.

use super::super::refusal::{Refusal, retry_after};
use super::{Error, ErrorKind};
use google_cloud_gax::error::Error as Refused;
use google_cloud_gax::error::rpc::Code;
use ray_history_core::base::chain::chain;

const NEEDS: &str = "storage.objects.list and storage.objects.get on the bucket (role Storage Object Viewer)";
const NO_BUCKET: &str = "check the bucket's name";
const NO_CREDENTIALS: &str = "no credentials for Google Cloud were found: check the pod's workload identity, \
                              GOOGLE_APPLICATION_CREDENTIALS, or the key file in the Secret";

/// Converts the error of a listing. A prefix is never missing, so `NotFound` means the bucket.
pub(super) fn listing_refused(prefix: &str, error: &Refused) -> Error {
    let refused = refused(prefix, error);
    match refused.kind() {
        ErrorKind::NotFound => Error::because(ErrorKind::NoBucket, prefix, NO_BUCKET),
        _ => refused,
    }
}

/// Converts the error of a request.
pub(super) fn refused(key: &str, error: &Refused) -> Error {
    if error.is_authentication() {
        return Error::because(ErrorKind::PermissionDenied, key, NO_CREDENTIALS);
    }
    if let Some(code) = error.status().map(|status| status.code)
        && let Some(status) = http_status(code)
    {
        let wait = retry_after(header(error, "retry-after"));
        return Refusal { status, code: code.name(), retry_after: wait, needs: NEEDS }.into_error(key);
    }
    if let Some(status) = error.http_status_code().filter(|status| *status >= 300) {
        // A read in a missing bucket, which only the message distinguishes from a missing object.
        let text = error.http_payload().map(|payload| String::from_utf8_lossy(payload).into_owned());
        if status == 404 && text.is_some_and(|text| text.contains("bucket does not exist")) {
            return Error::because(ErrorKind::NoBucket, key, NO_BUCKET);
        }
        let wait = retry_after(header(error, "retry-after"));
        return Refusal { status, code: "", retry_after: wait, needs: NEEDS }.into_error(key);
    }
    if let Some(status) = error.status() {
        // The code only: the message may quote the request.
        return Error::failed(key, format!("the store answered {}", status.code.name()));
    }
    if error.is_connect() || error.is_io() || error.is_timeout() || error.is_transport() || error.is_exhausted() {
        return Error::because(ErrorKind::Unavailable, key, chain(error));
    }
    Error::failed(key, chain(error))
}

/// Returns the error for a body that broke off.
pub(super) fn broken(key: &str, error: Refused) -> Error {
    Error::because(ErrorKind::Truncated, key, error)
}

fn header<'a>(error: &'a Refused, name: &str) -> Option<&'a str> {
    error.http_headers()?.get(name)?.to_str().ok()
}

/// Returns the HTTP status with the same meaning; `None` for codes without special handling.
fn http_status(code: Code) -> Option<u16> {
    Some(match code {
        Code::NotFound => 404,
        Code::PermissionDenied => 403,
        Code::Unauthenticated => 401,
        Code::FailedPrecondition | Code::Aborted => 412,
        Code::ResourceExhausted => 429,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        Code::Internal => 500,
        _ => return None,
    })
}
