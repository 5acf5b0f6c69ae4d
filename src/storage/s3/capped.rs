//! Bounds what the SDK collects of an answer before anybody sees it: pages of listings, and documents of errors.

use super::super::wire::{LONGEST_PAGE, LONGEST_REFUSAL};
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use http_body_util::{LengthLimitError, Limited};

/// Cuts an answer that is too long with an error.
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
            Self::Object => return Ok(()),
        };
        let body = response.take_body();
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, longest));
        Ok(())
    }
}

/// Returns `true` if an answer was cut so.
pub(super) fn was_cut(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut at = Some(error);
    while let Some(cause) = at {
        if cause.is::<LengthLimitError>() {
            return true;
        }
        at = cause.source();
    }
    false
}
