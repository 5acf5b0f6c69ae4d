//! Names as one part of a key, below `ray-history/v1/`: escaped as in the server's URLs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Stands for an empty name. No name in Kubernetes has a `_`.
const EMPTY: &str = "_";

/// The characters that are escaped.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Escapes a name so that it is one part of a key in every store; different names stay different.
pub fn escape(name: &str) -> String {
    match name {
        "" => EMPTY.to_owned(),
        EMPTY => "%5F".to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        name => utf8_percent_encode(name, NAME).to_string(),
    }
}

/// Returns the name of an escaped part; `None` if it is empty, or no UTF-8.
pub fn unescape(part: &str) -> Option<String> {
    match part {
        "" => None,
        EMPTY => Some(String::new()),
        part => percent_decode_str(part).decode_utf8().ok().map(Into::into),
    }
}
