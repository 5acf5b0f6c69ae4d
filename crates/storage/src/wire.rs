//! Common parts of HTTP stores: ranges, entity tags, and the part of an object in a response.
//!
//! Pure.

mod cut;

use super::{Error, ErrorKind, ObjectBody, ObjectMeta, ReadRange};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use std::ops::Range;

/// Maximum bytes of a page of a listing. A page of a thousand escaped keys of a thousand bytes is far smaller; the
/// parsed page takes several times as much memory.
pub(super) const LONGEST_PAGE: usize = 16 << 20;
/// Maximum bytes of the body of an error response.
pub(super) const LONGEST_REFUSAL: usize = 64 << 10;
/// The error for a response that is too long.
pub(super) const TOO_LONG: &str =
    "the answer is longer than any page of a listing (16 MiB): is this an endpoint of the store?";

/// The request for a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RangeRequest {
    /// GET without a `Range` header.
    Whole,
    /// GET with this `Range` header.
    Part(String),
    /// HEAD, or a GET of the metadata alone, because HTTP cannot express an empty range.
    Head,
}

impl From<ReadRange> for RangeRequest {
    fn from(range: ReadRange) -> Self {
        match range {
            ReadRange::Full | ReadRange::From(0) => Self::Whole,
            ReadRange::From(start) => Self::Part(format!("bytes={start}-")),
            ReadRange::Between(start, end) if start < end => Self::Part(format!("bytes={start}-{}", end - 1)),
            ReadRange::Between(..) | ReadRange::Tail(0) => Self::Head,
            ReadRange::Tail(count) => Self::Part(format!("bytes=-{count}")),
        }
    }
}

/// The status of a response with a part of an object.
pub(super) const PARTIAL_CONTENT: u16 = 206;
/// The error for a part of an object without its range.
pub(super) const UNKNOWN_RANGE: &str = "the store does not say which bytes it serves";

/// Returns the size of the object and the served range, from `Content-Range`, else from the length of the whole body;
/// `None` if the response has neither.
pub(super) fn served(
    content_range: Option<&str>,
    length: Option<u64>,
) -> Result<Option<(u64, Range<u64>)>, &'static str> {
    match content_range {
        Some(text) => part_of(text).map(Some).ok_or(UNKNOWN_RANGE),
        None => Ok(length.map(|size| (size, 0..size))),
    }
}

fn part_of(text: &str) -> Option<(u64, Range<u64>)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    if (range, size) == ("0--1", "0") {
        return Some((0, 0..0)); // fake-gcs-server's form of an empty object.
    }
    let (start, last) = range.split_once('-')?;
    let (start, last, size): (u64, u64, u64) = (start.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    if start == size && last.checked_add(1) == Some(start) {
        return Some((size, size..size)); // Azurite's form of a range that begins at the end.
    }
    (start <= last && last < size).then(|| (size, start..last + 1))
}

/// Returns the entity tag without quotes; `None` if it is empty or weak: HTTP does not allow conditions on weak tags.
pub(super) fn etag(text: &str) -> Option<String> {
    let tag = text.trim();
    let strong = tag.trim_matches('"');
    (!strong.is_empty() && !tag.starts_with("W/")).then(|| strong.to_owned())
}

/// Returns the body of a response, after checking that it contains the requested range. `served` is `None` if the store
/// does not report the range: the body is then the whole object, of any length.
pub(super) fn body(
    meta: ObjectMeta,
    asked: ReadRange,
    served: Option<Range<u64>>,
    stream: BoxStream<'static, Result<Bytes, Error>>,
) -> Result<ObjectBody, Error> {
    let Some(served) = served else { return Ok(unmeasured(meta, asked, stream)) };
    let range = asked.within(meta.size);
    if served == range {
        return Ok(ObjectBody { meta, range, is_measured: true, stream });
    }
    if served == (0..meta.size) {
        // HTTP allows a server to ignore `Range`, and some do.
        let stream = cut::part(stream, range.clone());
        return Ok(ObjectBody { meta, range, is_measured: true, stream });
    }
    let why = format!(
        "bytes {} to {} of {} were requested, but the store sent {} to {}",
        range.start, range.end, meta.size, served.start, served.end
    );
    Err(Error::failed(meta.key, why))
}

/// Returns a body of unknown length.
fn unmeasured(meta: ObjectMeta, asked: ReadRange, stream: BoxStream<'static, Result<Bytes, Error>>) -> ObjectBody {
    let (range, stream) = if let ReadRange::Tail(count) = asked {
        (0..count, cut::tail(stream, count))
    } else {
        let range = asked.within(u64::MAX);
        (range.clone(), cut::part(stream, range))
    };
    ObjectBody { meta, range, is_measured: false, stream }
}

/// Returns an empty body, for a range that is empty in the object.
pub(super) fn empty(meta: ObjectMeta, asked: ReadRange) -> Result<ObjectBody, Error> {
    let range = asked.within(meta.size);
    if !range.is_empty() {
        // The range was past the end a moment ago, so the object has grown.
        return Err(Error::because(ErrorKind::Unavailable, meta.key, "the object changed while it was opened"));
    }
    Ok(ObjectBody { meta, range, is_measured: true, stream: stream::empty().boxed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn extracts_the_requested_range_from_any_body() {
        let object = b"0123456789";
        for (asked, size, expected) in [
            (ReadRange::Full, Some(10), &object[..]),
            (ReadRange::Between(2, 5), Some(10), b"234"),
            (ReadRange::Tail(3), Some(10), b"789"),
            (ReadRange::Full, None, object),
            (ReadRange::From(4), None, b"456789"),
            (ReadRange::Between(2, 5), None, b"234"),
            (ReadRange::Between(8, 50), None, b"89"),
            (ReadRange::From(50), None, b""),
            (ReadRange::Tail(3), None, b"789"),
            (ReadRange::Tail(30), None, object),
        ] {
            let meta = ObjectMeta { key: "x".into(), size: size.unwrap_or_default(), etag: None, modified: None };
            let pieces = object.chunks(4).map(|piece| Ok(Bytes::from_static(piece)));
            let pieces = stream::iter(pieces.collect::<Vec<_>>()).boxed();
            let body = body(meta, asked, size.map(|size| 0..size), pieces).unwrap();
            assert_eq!(body.is_measured, size.is_some());
            assert_eq!(body.read_all(100).await.unwrap(), expected, "{asked:?} of {size:?}");
        }
    }

    #[test]
    fn ranges_become_requests() {
        for (range, expected) in [
            (ReadRange::Full, RangeRequest::Whole),
            (ReadRange::From(0), RangeRequest::Whole),
            (ReadRange::From(7), RangeRequest::Part("bytes=7-".into())),
            (ReadRange::Between(2, 5), RangeRequest::Part("bytes=2-4".into())),
            (ReadRange::Between(5, 5), RangeRequest::Head),
            (ReadRange::Tail(0), RangeRequest::Head),
            (ReadRange::Tail(3), RangeRequest::Part("bytes=-3".into())),
        ] {
            assert_eq!(RangeRequest::from(range), expected);
        }
    }

    #[test]
    fn reads_the_served_range_from_headers() {
        assert_eq!(served(Some("bytes 2-4/10"), Some(3)), Ok(Some((10, 2..5))));
        assert_eq!(served(None, Some(10)), Ok(Some((10, 0..10))));
        assert_eq!(served(Some("bytes 10-9/10"), Some(0)), Ok(Some((10, 10..10))));
        assert_eq!(served(Some("bytes 0--1/0"), Some(0)), Ok(Some((0, 0..0))));
        assert_eq!(served(None, None), Ok(None));
        for damaged in [
            "bytes 4-2/10",
            "bytes 0-10/10",
            "bytes */10",
            "2-4/10",
            "bytes 0-1/*",
            "bytes 0-4/0",
            "bytes */0",
            "bytes x/0",
        ] {
            assert!(served(Some(damaged), Some(10)).is_err(), "{damaged}");
        }
        assert_eq!(etag("\"abc-2\"").as_deref(), Some("abc-2"));
        assert_eq!((etag("\"\""), etag("W/\"abc\"")), (None, None));
    }
}
