//! Responses to reads: the object's generation, and whether the bytes are those that are stored.
//!
//! Google unpacks objects that are stored with `Content-Encoding: gzip` unless the request accepts gzip, and a proxy
//! may remove that header, or pack what it passes on. Such a body has another length and other offsets than the object.

use super::super::rest::{self, header};
use super::super::{Error, ErrorKind, ObjectBody, ReadRange};
use reqwest::Response;

const NO_GENERATION: &str =
    "the store does not report the generation of the object: is this an endpoint of Google Cloud Storage?";
const TRANSCODED: &str = "the bytes are not those that are stored: they were unpacked or packed on the way; let a \
                          proxy pass on the header Accept-Encoding, and leave the content as it is";

/// Returns the body of a read.
pub(super) fn body(
    key: &str,
    range: ReadRange,
    if_match: Option<&str>,
    response: Response,
) -> Result<ObjectBody, Error> {
    let generation: Option<u64> = header(&response, "x-goog-generation").and_then(|text| text.parse().ok());
    let generation = generation.ok_or_else(|| Error::failed(key, NO_GENERATION))?.to_string();
    check_unchanged(key, Some(&generation), if_match)?;
    let length: Option<u64> = header(&response, "x-goog-stored-content-length").and_then(|text| text.parse().ok());
    if is_transcoded(|name| header(&response, name)) {
        return Err(Error::failed(key, TRANSCODED));
    }
    let mut body = rest::body(key, range, response, length)?;
    if body.is_measured && length.is_some_and(|length| length != body.meta.size) {
        return Err(Error::failed(key, TRANSCODED));
    }
    body.meta.etag = Some(generation);
    Ok(body)
}

/// Fails if an object is not of the requested generation: emulators ignore the condition.
pub(super) fn check_unchanged(key: &str, generation: Option<&str>, if_match: Option<&str>) -> Result<(), Error> {
    if if_match.is_some() && if_match != generation {
        return Err(Error::new(ErrorKind::PreconditionFailed, key));
    }
    Ok(())
}

/// Returns `true` if the headers show that the body has another encoding than the object.
fn is_transcoded<'a>(header: impl Fn(&str) -> Option<&'a str>) -> bool {
    let is_gzip = |name| header(name).is_some_and(|encoding| encoding.to_ascii_lowercase().contains("gzip"));
    let unpacked = header("x-guploader-response-body-transformations").is_some_and(|text| text.contains("gunzipped"));
    let warned = header("warning").is_some_and(|text| text.trim_start().starts_with("214"));
    let reported = header("x-goog-stored-content-encoding").is_some();
    unpacked || warned || (reported && is_gzip("x-goog-stored-content-encoding") != is_gzip("content-encoding"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_that_changed_on_the_way_is_noticed() {
        const STORED: &str = "x-goog-stored-content-encoding";
        for (headers, expected) in [
            (&[][..], false),
            (&[(STORED, "identity")], false),
            (&[(STORED, "gzip"), ("content-encoding", "gzip")], false),
            (&[(STORED, "GZIP"), ("content-encoding", "gzip")], false),
            (&[(STORED, "br"), ("content-encoding", "br")], false),
            // A store that reports nothing of what it holds: the length decides.
            (&[("content-encoding", "gzip")], false),
            (&[(STORED, "gzip")], true),
            (&[(STORED, "identity"), ("content-encoding", "gzip")], true),
            (&[("warning", "214 UploadServer gunzipped")], true),
            (&[("warning", "110 - \"Response is Stale\"")], false),
            (&[("x-guploader-response-body-transformations", "gunzipped")], true),
        ] {
            let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            assert_eq!(is_transcoded(header), expected, "{headers:?}");
        }
    }
}
