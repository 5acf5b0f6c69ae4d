//! Refuses answers before the SDK collects them: pages of listings and documents of errors that are too long, and parts
//! of an object of which the store does not say which they are.

use super::super::wire::{LONGEST_PAGE, LONGEST_REFUSAL, PARTIAL_CONTENT, TOO_LONG, UNTOLD_PART};
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use http_body_util::{LengthLimitError, Limited};
use std::fmt;

/// Ends an answer with an error: at once, or where it gets too long.
#[derive(Debug)]
pub(super) enum Capped {
    /// Answers that are pages of a listing.
    Listing,
    /// Answers that are bytes of an object, which are streamed: only refusals are bounded.
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
            Self::Object => return Err(Box::new(UntoldPart)),
        };
        let body = response.take_body();
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, longest));
        Ok(())
    }
}

/// Returns why an answer was refused here; none where it was not.
pub(super) fn why(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut at = Some(error);
    while let Some(cause) = at {
        if cause.is::<LengthLimitError>() {
            return Some(TOO_LONG);
        }
        if cause.is::<UntoldPart>() {
            return Some(UNTOLD_PART);
        }
        at = cause.source();
    }
    None
}

#[derive(Debug)]
struct UntoldPart;

impl fmt::Display for UntoldPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(UNTOLD_PART)
    }
}

impl std::error::Error for UntoldPart {}
