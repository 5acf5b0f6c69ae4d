//! Where the next page of a listing begins, and proofs that a page is whole.
//!
//! Servers that are not Amazon's say that more follows and give no token, and proxies cut answers: a page that looks
//! like the last one and is not would leave out sessions without a word.

use super::PageToken;
use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;

/// Begins tokens that are keys, of stores that gave none; a store's own begin with the other.
const AFTER: &str = "after:";
const TOKEN: &str = "token:";

/// Asks for the page that a token stands for.
pub(super) fn from(request: ListObjectsV2FluentBuilder, page: Option<PageToken>) -> ListObjectsV2FluentBuilder {
    let Some(PageToken(page)) = page else { return request };
    match page.strip_prefix(AFTER) {
        Some(key) => request.start_after(key),
        None => request.continuation_token(page.strip_prefix(TOKEN).unwrap_or(&page)),
    }
}

/// Where the next page begins; none behind the last. The error says why a page cannot be the answer it should be.
pub(super) fn next(page: &ListObjectsV2Output) -> Result<Option<PageToken>, String> {
    let (keys, prefixes) = (page.contents(), page.common_prefixes());
    let given = keys.len() + prefixes.len();
    if let Some(told) = page.key_count.and_then(|told| usize::try_from(told).ok()).filter(|&told| told > given) {
        return Err(format!("a page of its listing has {given} of {told} keys: it was cut off"));
    }
    match page.is_truncated {
        None => Err("a page of its listing does not say whether more follows: it was cut off".to_owned()),
        Some(false) => Ok(None),
        Some(true) => {
            if let Some(token) = page.next_continuation_token.as_deref().filter(|token| !token.is_empty()) {
                return Ok(Some(PageToken(format!("{TOKEN}{token}"))));
            }
            let key = keys.iter().filter_map(|object| object.key()).max().map(str::to_owned);
            // Behind everything below a prefix: no key is greater than the greatest character.
            let below = prefixes.iter().filter_map(|common| common.prefix()).max();
            let last = key.max(below.map(|prefix| format!("{prefix}{}", char::MAX)));
            let last = last.ok_or("a page of its listing says that more follows, and not how to ask for it")?;
            Ok(Some(PageToken(format!("{AFTER}{last}"))))
        }
    }
}

/// Refuses a page whose XML does not end: the SDK's reader takes what it finds.
#[derive(Debug)]
pub(super) struct Whole;

impl Intercept for Whole {
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
    fn the_way_on_is_a_token_or_the_last_key_and_never_nothing() {
        let mut told = page(&["a"], &[]);
        told.next_continuation_token = Some("x".into());
        assert_eq!(next(&told).unwrap(), Some(PageToken("token:x".into())));
        assert_eq!(next(&page(&["a", "b"], &["b/"])).unwrap(), Some(PageToken(format!("after:b/{}", char::MAX))));
        assert_eq!(next(&page(&["c"], &["b/"])).unwrap(), Some(PageToken("after:c".into())));
        assert!(next(&page(&[], &[])).unwrap_err().contains("not how to ask"));
        let mut last = page(&["a"], &[]);
        last.is_truncated = Some(false);
        assert_eq!(next(&last).unwrap(), None);
        last.key_count = Some(2);
        assert!(next(&last).unwrap_err().contains("1 of 2 keys"));
        last.is_truncated = None;
        last.key_count = Some(1);
        assert!(next(&last).unwrap_err().contains("whether more follows"));
    }
}
