//! Finds the start of the next page of a listing, and checks that a page is complete.
//!
//! Servers other than Amazon's may report a truncated page without a token, and proxies may cut responses: a page that
//! wrongly looks like the last one would silently hide sessions.

use super::PageToken;
use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;

/// Marks a token that is a key, for a page without a token.
const AFTER: &str = "after:";
/// Marks a token of the store.
const TOKEN: &str = "token:";

/// Adds the start of the page to a request.
pub(super) fn request_page(request: ListObjectsV2FluentBuilder, page: Option<PageToken>) -> ListObjectsV2FluentBuilder {
    let Some(PageToken(page)) = page else { return request };
    match page.strip_prefix(AFTER) {
        Some(key) => request.start_after(key),
        None => request.continuation_token(page.strip_prefix(TOKEN).unwrap_or(&page)),
    }
}

/// Returns the start of the next page; `None` after the last. The error is the reason why a page is invalid.
pub(super) fn next_token(page: &ListObjectsV2Output) -> Result<Option<PageToken>, String> {
    let (keys, prefixes) = (page.contents(), page.common_prefixes());
    let given = keys.len() + prefixes.len();
    let reported = page.key_count.and_then(|count| usize::try_from(count).ok());
    if let Some(reported) = reported.filter(|&count| count > given) {
        return Err(format!("a page of its listing has {given} of {reported} keys: it was cut off"));
    }
    match page.is_truncated {
        None => Err("a page of its listing does not say whether more follows: it was cut off".to_owned()),
        Some(false) => Ok(None),
        Some(true) => {
            if let Some(token) = page.next_continuation_token.as_deref().filter(|token| !token.is_empty()) {
                return Ok(Some(PageToken(format!("{TOKEN}{token}"))));
            }
            let key = keys.iter().filter_map(|object| object.key()).max().map(str::to_owned);
            // After all keys below a prefix: the greatest character sorts after every key.
            let below = prefixes.iter().filter_map(|common| common.prefix()).max();
            let last = key.max(below.map(|prefix| format!("{prefix}{}", char::MAX)));
            let last = last.ok_or("a page of its listing is truncated, but has no token or key to continue at")?;
            Ok(Some(PageToken(format!("{AFTER}{last}"))))
        }
    }
}

/// An interceptor that refuses a page with incomplete XML, which the SDK's reader accepts.
#[derive(Debug)]
pub(super) struct RequireComplete;

impl Intercept for RequireComplete {
    fn name(&self) -> &'static str {
        "whole listing"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.output_or_error().is_err() {
            return Ok(()); // It is an error already.
        }
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default().trim_ascii_end();
        if response.status().is_success() && !body.ends_with(b"ListBucketResult>") {
            return Err("a page of its listing ends before its XML does: it was cut off".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{CommonPrefix, Object};

    fn page(keys: &[&str], prefixes: &[&str]) -> ListObjectsV2Output {
        let mut page = ListObjectsV2Output::builder().is_truncated(true);
        for key in keys {
            page = page.contents(Object::builder().key(*key).build());
        }
        for prefix in prefixes {
            page = page.common_prefixes(CommonPrefix::builder().prefix(*prefix).build());
        }
        page.build()
    }

    #[test]
    fn continues_at_a_token_or_after_the_last_key() {
        let mut with_token = page(&["a"], &[]);
        with_token.next_continuation_token = Some("x".into());
        assert_eq!(next_token(&with_token).unwrap(), Some(PageToken("token:x".into())));
        assert_eq!(next_token(&page(&["a", "b"], &["b/"])).unwrap(), Some(PageToken(format!("after:b/{}", char::MAX))));
        assert_eq!(next_token(&page(&["c"], &["b/"])).unwrap(), Some(PageToken("after:c".into())));
        assert!(next_token(&page(&[], &[])).unwrap_err().contains("to continue at"));
        let mut last = page(&["a"], &[]);
        last.is_truncated = Some(false);
        assert_eq!(next_token(&last).unwrap(), None);
        last.key_count = Some(2);
        assert!(next_token(&last).unwrap_err().contains("1 of 2 keys"));
        last.is_truncated = None;
        last.key_count = Some(1);
        assert!(next_token(&last).unwrap_err().contains("whether more follows"));
    }
}
