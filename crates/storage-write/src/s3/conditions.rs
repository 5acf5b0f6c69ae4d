//! Stores that refuse conditional writes: they are asked for the object before it is written.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::sync::atomic::{AtomicBool, Ordering};

/// Says whether a store is known to refuse conditions, so that no further request is wasted on it.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    unsupported: AtomicBool,
}

impl Conditions {
    pub(super) fn are_sent(&self) -> bool {
        !self.unsupported.load(Ordering::Relaxed)
    }

    /// Notes that the store took a write without the condition that it had refused.
    pub(super) fn are_unsupported(&self) {
        self.unsupported.store(true, Ordering::Relaxed);
    }
}

/// Returns `true` if a refusal may be about the condition itself. Other causes are refused again without it.
pub(super) fn is_unsupported<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.code().unwrap_or_default();
    match status {
        Some(501) => true,
        Some(400) => ["", "InvalidArgument", "InvalidRequest", "NotImplemented"].contains(&code),
        _ => false,
    }
}
