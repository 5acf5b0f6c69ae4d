//! What HTTP stores have in common on the wire: ranges, entity tags, the part of an object that an answer brings.
//!
//! Pure. Google's own client reads the headers of its answers itself.

use super::{Error, ErrorKind, ObjectBody, ObjectMeta, ReadRange};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use std::ops::Range;

/// Bytes of a page of a listing. A page of a thousand keys of a thousand bytes, escaped, is far below; what is made of
/// one takes several times as much memory.
#[cfg(any(feature = "azure", feature = "oss", feature = "s3"))]
pub(super) const LONGEST_PAGE: usize = 16 << 20;
/// Bytes of the document that comes with a refusal.
#[cfg(any(feature = "azure", feature = "oss", feature = "s3"))]
pub(super) const LONGEST_REFUSAL: usize = 64 << 10;
/// Why an answer is not read to its end.
#[cfg(any(feature = "azure", feature = "oss", feature = "s3"))]
pub(super) const TOO_LONG: &str =
    "the answer is longer than any page of a listing (16 MiB): is this an endpoint of the store?";

/// How a range is asked for.
#[cfg(any(feature = "azure", feature = "oss", feature = "s3"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Without a `Range` header.
    Whole,
    /// With this one.
    Part(String),
    /// With a HEAD: no bytes are wanted, and HTTP has no words for an empty range.
    Nothing,
}

#[cfg(any(feature = "azure", feature = "oss", feature = "s3"))]
impl From<ReadRange> for Ask {
    fn from(range: ReadRange) -> Self {
        match range {
            ReadRange::Full | ReadRange::From(0) => Self::Whole,
            ReadRange::From(start) => Self::Part(format!("bytes={start}-")),
            ReadRange::Between(start, end) if start < end => Self::Part(format!("bytes={start}-{}", end - 1)),
            ReadRange::Between(..) | ReadRange::Tail(0) => Self::Nothing,
            ReadRange::Tail(count) => Self::Part(format!("bytes=-{count}")),
        }
    }
}

/// The size of the object and the part that was served, from `Content-Range`, or else from the length of a whole body.
#[cfg(any(feature = "azure", feature = "oss", feature = "s3"))]
pub(super) fn served(content_range: Option<&str>, length: Option<u64>) -> Option<(u64, Range<u64>)> {
    let Some(text) = content_range else {
        return length.map(|size| (size, 0..size));
    };
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, last) = range.split_once('-')?;
    let (start, last, size): (u64, u64, u64) = (start.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    if start == size && last.checked_add(1) == Some(start) {
        return Some((size, size..size)); // Azurite's words for a range that begins at the end.
    }
    (start <= last && last < size).then(|| (size, start..last + 1))
}

/// The entity tag without quotes; none when it is empty.
#[cfg(any(feature = "azure", feature = "oss", feature = "s3"))]
pub(super) fn etag(text: &str) -> Option<String> {
    let tag = text.trim().trim_matches('"');
    (!tag.is_empty()).then(|| tag.to_owned())
}

/// The body of an answer, once it is sure that it is the part that was asked for.
pub(super) fn body(
    meta: ObjectMeta,
    asked: ReadRange,
    served: Range<u64>,
    stream: BoxStream<'static, Result<Bytes, Error>>,
) -> Result<ObjectBody, Error> {
    if served != asked.within(meta.size) {
        let why = format!("asked for {asked:?} of {} bytes, the store serves {served:?}", meta.size);
        return Err(Error::failed(meta.key, why));
    }
    Ok(ObjectBody { meta, range: served, stream })
}

/// An answer without bytes, to a range that has none; whatever was asked for, it is cut to what the object has.
pub(super) fn empty(meta: ObjectMeta, asked: ReadRange) -> Result<ObjectBody, Error> {
    let range = asked.within(meta.size);
    if !range.is_empty() {
        // The range was past the end a moment ago: the object has grown in between.
        return Err(Error::because(ErrorKind::Unavailable, meta.key, "the object changed while it was opened"));
    }
    Ok(ObjectBody { meta, range, stream: stream::empty().boxed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_words() {
        for (range, expected) in [
            (ReadRange::Full, Ask::Whole),
            (ReadRange::From(0), Ask::Whole),
            (ReadRange::From(7), Ask::Part("bytes=7-".into())),
            (ReadRange::Between(2, 5), Ask::Part("bytes=2-4".into())),
            (ReadRange::Between(5, 5), Ask::Nothing),
            (ReadRange::Tail(0), Ask::Nothing),
            (ReadRange::Tail(3), Ask::Part("bytes=-3".into())),
        ] {
            assert_eq!(Ask::from(range), expected);
        }
    }

    #[test]
    fn what_was_served_is_read_from_headers() {
        assert_eq!(served(Some("bytes 2-4/10"), Some(3)), Some((10, 2..5)));
        assert_eq!(served(None, Some(10)), Some((10, 0..10)));
        assert_eq!(served(Some("bytes 10-9/10"), Some(0)), Some((10, 10..10)));
        for damaged in ["bytes 4-2/10", "bytes 0-10/10", "bytes */10", "2-4/10", "bytes 0-1/*"] {
            assert_eq!(served(Some(damaged), Some(10)), None, "{damaged}");
        }
        assert_eq!(etag("\"abc-2\"").as_deref(), Some("abc-2"));
        assert_eq!(etag("\"\""), None);
    }
}
