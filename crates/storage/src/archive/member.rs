//! One member of a portable file, and its bytes.

use super::shared_file::SharedFile;
use crate::{Error, ErrorKind, ObjectBody, ObjectMeta, ReadRange};
use bytes::Bytes;
use crc32fast::Hasher;
use flate2::read::DeflateDecoder;
use futures_util::{StreamExt, stream};
use std::io::{self, Read};

/// Bytes per piece.
const PIECE: u64 = 512 * 1024;

/// The form of the bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// As they are.
    Stored,
    /// Deflated.
    Deflated,
}

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// The file, at the member's first byte.
    file: SharedFile,
    file_number: usize,
    packing: Packing,
    size: u64,
    packed: u64,
    crc: u32,
    modified: Option<i64>,
}

impl Member {
    /// Returns a member of `size` bytes, which are `packed` bytes in the file.
    pub(super) fn new(
        file: SharedFile,
        file_number: usize,
        packing: Packing,
        size: u64,
        packed: u64,
        crc: u32,
        modified: Option<i64>,
    ) -> Self {
        Self { file, file_number, packing, size, packed, crc, modified }
    }

    /// Returns the number of the file that has it.
    pub(super) fn file_number(&self) -> usize {
        self.file_number
    }

    /// Returns `true` if the other one has the same bytes, as far as archives tell.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.size, self.crc) == (other.size, other.crc)
    }

    /// Returns the metadata of its key.
    pub(super) fn meta(&self, key: &str) -> ObjectMeta {
        let etag = format!("{:x}-{:08x}", self.size, self.crc);
        ObjectMeta { key: key.to_owned(), size: self.size, etag: Some(etag), modified: self.modified }
    }

    /// Opens a range. The bytes of a whole member are checked by their CRC before the last piece is given.
    pub(super) async fn read(&self, meta: ObjectMeta, range: ReadRange) -> Result<ObjectBody, Error> {
        let range = range.within(self.size);
        let packed = self.file.clone().take(self.packed);
        let (bytes, skipped): (Box<dyn Read + Send>, u64) = match self.packing {
            Packing::Stored => (Box::new(self.file_at(range.start)), 0),
            Packing::Deflated => (Box::new(DeflateDecoder::new(packed)), range.start),
        };
        let check = (range.start == 0 && range.end == self.size).then(|| (Hasher::new(), self.crc));
        let mut rest = Pieces { key: meta.key.clone(), bytes, skipped, left: range.end - range.start, check };
        let (first, rest) = blocking(meta.key.clone(), move || rest.next().map(|first| (first, rest))).await?;
        let first = (!first.is_empty()).then_some(Ok(first));
        let rest = stream::try_unfold(rest, |mut rest| async move {
            if rest.left == 0 {
                return Ok(None);
            }
            blocking(rest.key.clone(), move || rest.next().map(|piece| Some((piece, rest)))).await
        });
        Ok(ObjectBody { meta, range, is_measured: true, stream: stream::iter(first).chain(rest).boxed() })
    }

    /// Returns the stored bytes from an offset on.
    fn file_at(&self, offset: u64) -> impl Read + Send + use<> {
        let mut file = self.file.clone();
        file.skip(offset);
        file.take(self.packed.saturating_sub(offset))
    }
}

/// The pieces of a range.
struct Pieces {
    key: String,
    bytes: Box<dyn Read + Send>,
    /// Bytes before the range that are still to be read.
    skipped: u64,
    /// Bytes of the range that are still to be read.
    left: u64,
    /// The sum of the bytes so far, and the sum that all must have.
    check: Option<(Hasher, u32)>,
}

impl Pieces {
    /// Reads the next piece; an empty one at the end.
    fn next(&mut self) -> Result<Bytes, Error> {
        let damaged = |why: String| Error::because(ErrorKind::Truncated, &self.key, why);
        let failed = |error: io::Error| damaged(format!("its bytes in the portable file are damaged: {error}"));
        let skipped = std::mem::take(&mut self.skipped);
        let begun = io::copy(&mut (&mut self.bytes).take(skipped), &mut io::sink()).map_err(failed)?;
        let wanted = self.left.min(PIECE);
        let mut piece = Vec::with_capacity(wanted as usize);
        (&mut self.bytes).take(wanted).read_to_end(&mut piece).map_err(failed)?;
        if begun < skipped || (piece.len() as u64) < wanted {
            return Err(damaged("it is shorter than the portable file promises".to_owned()));
        }
        self.left -= wanted;
        if let Some((sum, _)) = &mut self.check {
            sum.update(&piece);
        }
        if self.left == 0
            && let Some((sum, expected)) = self.check.take()
            && sum.finalize() != expected
        {
            return Err(damaged("its bytes in the portable file are damaged".to_owned()));
        }
        Ok(piece.into())
    }
}

/// Runs file operations on the blocking pool.
async fn blocking<T: Send + 'static>(
    key: String,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(gone) => Err(Error::because(ErrorKind::Unavailable, key, gone)),
    }
}
