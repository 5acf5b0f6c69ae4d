//! Reads a file: the first piece when it is opened, the rest piece by piece.
//!
//! A small file thus takes one call on the blocking pool, and a slow reader of a large file blocks no thread.

use super::super::{Error, ErrorKind, ObjectBody, ObjectMeta, ReadRange};
use super::{blocking, failure, meta, path};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

/// Bytes per piece: large enough to make the call cheap, small enough for many concurrent readers.
const PIECE: u64 = 512 * 1024;

/// A file opened at a range, with its first piece.
pub(super) struct Opened {
    range: Range<u64>,
    first: Bytes,
    rest: Rest,
}

struct Rest {
    /// As the file was opened.
    meta: ObjectMeta,
    file: File,
    left: u64,
}

impl Opened {
    /// Opens a key and reads the first piece of the range. Blocks the thread.
    pub(super) fn open(root: &Path, key: String, range: ReadRange, if_match: Option<&str>) -> Result<Self, Error> {
        let real = match path::resolve(root, &key) {
            Err(missing) if missing.kind() == ErrorKind::NotFound => {
                path::check_root(root, &key)?;
                return Err(missing);
            }
            resolved => resolved?,
        };
        let mut file = File::open(real).map_err(|e| failure(&key, e))?;
        // Of the opened file, not of the path, which may be replaced while the file is read.
        let metadata = file.metadata().map_err(|e| failure(&key, e))?;
        let meta = meta(key.clone(), &metadata);
        if if_match.is_some() && if_match != meta.etag.as_deref() {
            return Err(Error::new(ErrorKind::PreconditionFailed, key));
        }
        let range = range.within(meta.size);
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).map_err(|e| failure(&key, e))?;
        }
        let mut rest = Rest { meta, file, left: range.end - range.start };
        let first = rest.next_piece()?;
        Ok(Self { range, first, rest })
    }

    /// Returns the body, whose later pieces are read on demand.
    pub(super) fn into_body(self) -> ObjectBody {
        let meta = self.rest.meta.clone();
        let first = (!self.first.is_empty()).then_some(Ok(self.first));
        let rest = stream::try_unfold(self.rest, |mut rest| async move {
            if rest.left == 0 {
                return Ok(None);
            }
            blocking(rest.meta.key.clone(), move || rest.next_piece().map(|piece| Some((piece, rest)))).await
        });
        ObjectBody { meta, range: self.range, is_measured: true, stream: stream::iter(first).chain(rest).boxed() }
    }
}

impl Rest {
    /// Reads the next piece. A file that has shrunk or was overwritten is an error; one that has grown is read up to its
    /// old size. A file that is overwritten in place by a longer one cannot be told from one that grows.
    fn next_piece(&mut self) -> Result<Bytes, Error> {
        let key = &self.meta.key;
        let wanted = self.left.min(PIECE);
        let mut piece = Vec::with_capacity(wanted as usize);
        (&mut self.file).take(wanted).read_to_end(&mut piece).map_err(|e| failure(key, e))?;
        let now = meta(key.clone(), &self.file.metadata().map_err(|e| failure(key, e))?);
        if (piece.len() as u64) < wanted || now.size < self.meta.size {
            return Err(Error::because(ErrorKind::Truncated, key, "the file became shorter while it was read"));
        }
        if now.size == self.meta.size && now.etag != self.meta.etag {
            let why = "the file was overwritten while it was read";
            return Err(Error::because(ErrorKind::PreconditionFailed, key, why));
        }
        self.left -= wanted;
        Ok(piece.into())
    }
}
