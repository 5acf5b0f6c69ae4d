//! Refuses responses before the SDK reads them: pages of listings and error documents that are too long, and parts of
//! an object without their range.

use super::super::wire::{LONGEST_PAGE, LONGEST_REFUSAL, PARTIAL_CONTENT, TOO_LONG, UNKNOWN_RANGE};
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use http_body_util::{LengthLimitError, Limited};
use std::fmt;

/// An interceptor that fails a response at once, or when it gets too long.
#[derive(Debug)]
pub(super) enum Capped {
    /// Responses with a page of a listing.
    Listing,
    /// Responses with the bytes of an object, which are streamed: only error documents are bounded.
    Object,
}

impl Intercept for Capped {
    fn name(&self) -> &'static str {
        "longest answer"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let longest = match self {
            _ if !response.status().is_success() => LONGEST_REFUSAL,
            Self::Listing => LONGEST_PAGE,
            Self::Object if response.status().as_u16() != PARTIAL_CONTENT => return Ok(()),
            Self::Object if response.headers().contains_key("content-range") => return Ok(()),
            Self::Object => return Err(Box::new(UnknownRange)),
        };
        let body = response.take_body();
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, longest));
        Ok(())
    }
}

/// Returns the reason why a response was refused here; `None` if it was not.
pub(super) fn refusal_reason(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut at = Some(error);
    while let Some(cause) = at {
        if cause.is::<LengthLimitError>() {
            return Some(TOO_LONG);
        }
        if cause.is::<UnknownRange>() {
            return Some(UNKNOWN_RANGE);
        }
        at = cause.source();
    }
    None
}

#[derive(Debug)]
struct UnknownRange;

impl fmt::Display for UnknownRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(UNKNOWN_RANGE)
    }
}

impl std::error::Error for UnknownRange {}
