//! What Google's errors mean: HTTP statuses of reads, gRPC codes of listings.

use super::super::refusal::{Refusal, retry_after};
use super::{Error, ErrorKind};
use crate::base::chain::chain;
use google_cloud_gax::error::Error as Refused;
use google_cloud_gax::error::rpc::Code;

const NEEDS: &str = "storage.objects.list and storage.objects.get on the bucket (role Storage Object Viewer)";
const NO_BUCKET: &str = "check the bucket's name";
const NO_CREDENTIALS: &str = "no credentials for Google Cloud could be had: check the pod's workload identity, \
                              GOOGLE_APPLICATION_CREDENTIALS, or the key file in the Secret";

/// A failed listing. A prefix is never missing, so what is not found is the bucket.
pub(super) fn listing_refused(prefix: &str, error: &Refused) -> Error {
    let refused = refused(prefix, error);
    match refused.kind() {
        ErrorKind::NotFound => Error::because(ErrorKind::NoBucket, prefix, NO_BUCKET),
        _ => refused,
    }
}

/// A failed request.
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
        // A read of an object in a bucket that is not there; said in words only.
        let text = error.http_payload().map(|payload| String::from_utf8_lossy(payload).into_owned());
        if status == 404 && text.is_some_and(|text| text.contains("bucket does not exist")) {
            return Error::because(ErrorKind::NoBucket, key, NO_BUCKET);
        }
        let wait = retry_after(header(error, "retry-after"));
        return Refusal { status, code: "", retry_after: wait, needs: NEEDS }.into_error(key);
    }
    if let Some(status) = error.status() {
        // The code alone: what a service says may quote what was sent.
        return Error::failed(key, format!("the store answered {}", status.code.name()));
    }
    if error.is_connect() || error.is_io() || error.is_timeout() || error.is_transport() || error.is_exhausted() {
        return Error::because(ErrorKind::Unavailable, key, chain(error));
    }
    Error::failed(key, chain(error))
}

/// A body that broke off.
pub(super) fn broken(key: &str, error: Refused) -> Error {
    Error::because(ErrorKind::Truncated, key, error)
}

fn header<'a>(error: &'a Refused, name: &str) -> Option<&'a str> {
    error.http_headers()?.get(name)?.to_str().ok()
}

/// The HTTP status that means the same; none for what has no meaning of its own here.
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
