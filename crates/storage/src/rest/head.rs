//! HEAD requests, and keys in paths, as Azure and OSS have them.

use super::super::{Error, ObjectBody, ObjectMeta, ReadRange, wire};
use super::{UNRESERVED, header, meta};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use reqwest::Response;

/// Characters that are not escaped in a path.
const PATH: AsciiSet = UNRESERVED.remove(b'/');

/// Escapes a key for a path, except its slashes. Refuses `.` and `..`, which a client would resolve before sending.
pub fn path(key: &str) -> Result<String, Error> {
    if key.is_empty() {
        return Err(Error::invalid_key(key, "a key has at least one character"));
    }
    if key.split('/').any(|part| part == "." || part == "..") {
        return Err(Error::invalid_key(key, "a part of it is `.` or `..`, which no URL can address"));
    }
    Ok(utf8_percent_encode(key, &PATH).to_string())
}

/// Reads the metadata from the response to a HEAD.
pub(in super::super) fn head_meta(key: &str, response: &Response) -> Result<ObjectMeta, Error> {
    let size = header(response, "content-length").and_then(|length| length.parse().ok());
    let size = size.ok_or_else(|| Error::failed(key, "the store does not report the size of the object"))?;
    Ok(meta(key, size, response))
}

/// Returns the empty body for a range without bytes, from the response to a HEAD.
pub(in super::super) fn head_body(key: &str, range: ReadRange, response: &Response) -> Result<ObjectBody, Error> {
    wire::empty(head_meta(key, response)?, range)
}
