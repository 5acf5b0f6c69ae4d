//! Reads: a range of an object, and the stream of its bytes.

use super::{Error, ErrorKind, ObjectMeta};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use std::fmt;
use std::ops::Range;

/// A range of an object. Offsets count bytes from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadRange {
    /// The whole object.
    Full,
    /// From this offset to the end.
    From(u64),
    /// From the first offset up to, not including, the second.
    Between(u64, u64),
    /// The last bytes, of this number; the whole object if it is shorter.
    Tail(u64),
}

impl ReadRange {
    /// Returns the range in an object of `size` bytes; empty if it begins at or past the end.
    pub fn within(self, size: u64) -> Range<u64> {
        let (start, end) = match self {
            Self::Full => (0, size),
            Self::From(start) => (start, size),
            Self::Between(start, end) => (start, end),
            Self::Tail(count) => (size.saturating_sub(count), size),
        };
        let end = end.min(size);
        start.min(end)..end
    }
}

/// An opened object.
pub struct ObjectBody {
    /// Metadata of the whole object, not of the range. `size` is zero if the store does not report it.
    pub meta: ObjectMeta,
    /// The bytes that `stream` yields: the requested range, clamped to the object if its size is known.
    pub range: Range<u64>,
    /// `true` if the store reported the size of the object. Otherwise the body ends with its transfer: proxies that
    /// compress, unpack or buffer remove the length.
    pub is_measured: bool,
    /// The bytes, in pieces of a few hundred kilobytes.
    pub stream: BoxStream<'static, Result<Bytes, Error>>,
}

impl ObjectBody {
    /// Returns the number of bytes that `stream` must yield; `None` if the store did not report it.
    pub fn promised(&self) -> Option<u64> {
        self.is_measured.then(|| self.range.end.saturating_sub(self.range.start))
    }

    /// Returns `true` if the store reported an empty range.
    pub fn is_empty(&self) -> bool {
        self.promised() == Some(0)
    }

    /// Returns all bytes of the range, at most `limit`. A body shorter than promised is an error.
    pub async fn read_all(mut self, limit: u64) -> Result<Bytes, Error> {
        let Some(promised) = self.promised() else { return self.read_unmeasured(limit).await };
        if promised > limit {
            let why = format!("{promised} of at most {limit} bytes");
            return Err(Error::because(ErrorKind::TooLarge, self.meta.key, why));
        }
        let first = match self.stream.next().await {
            Some(first) => first?,
            None => Bytes::new(),
        };
        if first.len() as u64 == promised {
            return Ok(first); // One piece: no copy.
        }
        let mut all = BytesMut::with_capacity(usize::try_from(promised).unwrap_or_default());
        all.extend_from_slice(&first);
        while let Some(piece) = self.stream.next().await {
            let piece = piece?;
            if (all.len() + piece.len()) as u64 > promised {
                return Err(Error::failed(self.meta.key, "the body is longer than promised"));
            }
            all.extend_from_slice(&piece);
        }
        if (all.len() as u64) < promised {
            return Err(Error::new(ErrorKind::Truncated, self.meta.key));
        }
        Ok(all.freeze())
    }

    async fn read_unmeasured(mut self, limit: u64) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.stream.next().await {
            let piece = piece?;
            if (all.len() + piece.len()) as u64 > limit {
                let why = format!("more than {limit} bytes");
                return Err(Error::because(ErrorKind::TooLarge, self.meta.key, why));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

impl fmt::Debug for ObjectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBody").field("meta", &self.meta).field("range", &self.range).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::ReadRange::{Between, From, Full, Tail};

    #[test]
    fn a_range_is_clamped_to_the_object() {
        for (range, size, expected) in [
            (Full, 10, 0..10),
            (Full, 0, 0..0),
            (From(3), 10, 3..10),
            (From(10), 10, 10..10),
            (From(99), 10, 10..10),
            (Between(2, 5), 10, 2..5),
            (Between(2, 99), 10, 2..10),
            (Between(5, 2), 10, 2..2),
            (Between(90, 99), 10, 10..10),
            (Tail(4), 10, 6..10),
            (Tail(0), 10, 10..10),
            (Tail(u64::MAX), 10, 0..10),
        ] {
            assert_eq!(range.within(size), expected, "{range:?} of {size}");
        }
    }
}
