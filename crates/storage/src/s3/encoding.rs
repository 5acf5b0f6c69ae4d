//! Decodes the URL-encoded keys of a listing.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use percent_encoding::percent_decode_str;

/// Decodes the keys and prefixes of a page. Servers without this encoding send plain keys, and no `EncodingType`.
pub(super) fn decode(mut page: ListObjectsV2Output) -> ListObjectsV2Output {
    if page.encoding_type != Some(EncodingType::Url) {
        return page;
    }
    let keys = page.contents.iter_mut().flatten().filter_map(|object| object.key.as_mut());
    let prefixes = page.common_prefixes.iter_mut().flatten().filter_map(|common| common.prefix.as_mut());
    keys.chain(prefixes).for_each(|text| *text = decode_text(text));
    page
}

/// Decodes a text as Amazon's own clients do: as in forms, a plus is a space.
fn decode_text(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{CommonPrefix, Object};

    #[test]
    fn decodes_keys_only_if_the_server_encodes_them() {
        let page = ListObjectsV2Output::builder().contents(Object::builder().key("a%0Ab+c%2B/%C3%BC").build());
        let page = page.common_prefixes(CommonPrefix::builder().prefix("a%1B/").build());
        for (encoding, key, prefix) in
            [(Some(EncodingType::Url), "a\nb c+/ü", "a\u{1b}/"), (None, "a%0Ab+c%2B/%C3%BC", "a%1B/")]
        {
            let page = decode(page.clone().set_encoding_type(encoding).build());
            assert_eq!(page.contents()[0].key(), Some(key));
            assert_eq!(page.common_prefixes()[0].prefix(), Some(prefix));
        }
    }
}
