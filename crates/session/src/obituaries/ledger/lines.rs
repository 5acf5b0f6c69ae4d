//! The rows of a compressed day, unpacked in blocks, so that the memory does not depend on what is stored.

use bytes::{Buf, Bytes};
use flate2::read::MultiGzDecoder;
use ray_history_obituary::ledger::{Ledger, Row};
use std::io::{self, Read};

/// Bytes that are unpacked at once.
const BLOCK: usize = 4 << 20;
/// Bytes of a line from which on it is no row.
const LONGEST: usize = 64 << 10;
/// Bytes of one day that are unpacked at most: rows of a million runs.
const MAX_UNPACKED: u64 = 1 << 30;

/// The rows of a day that are not taken yet.
pub(super) struct Lines {
    decoder: io::Take<MultiGzDecoder<bytes::buf::Reader<Bytes>>>,
    /// The beginning of a line whose end is not unpacked yet.
    begun: Vec<u8>,
    /// `true` within a line that is too long.
    skips: bool,
}

impl Lines {
    /// Returns the rows of a compressed day.
    pub(super) fn new(packed: Bytes) -> Self {
        Self { decoder: MultiGzDecoder::new(packed.reader()).take(MAX_UNPACKED), begun: Vec::new(), skips: false }
    }

    /// Returns the next rows, and the number of lines that are none; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<(Vec<Row>, usize)>> {
        let mut block = std::mem::take(&mut self.begun);
        let read = (&mut self.decoder).take(BLOCK as u64).read_to_end(&mut block)?;
        if read == 0 && block.is_empty() {
            let is_cut = self.decoder.limit() == 0;
            return if is_cut { Err(io::Error::other("the day is too long")) } else { Ok(None) };
        }
        let mut malformed = 0;
        // The end of the file ends its last line.
        let end =
            if read == 0 { block.len() } else { block.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
        let mut whole = &block[..end];
        if self.skips && end > 0 {
            let line = whole.iter().position(|byte| *byte == b'\n').map_or(whole.len(), |at| at + 1);
            (whole, self.skips) = (&whole[line..], false);
        }
        let mut ledger = Ledger::default();
        malformed += ledger.read(whole);
        let rest = &block[end..];
        if self.skips || rest.len() > LONGEST {
            malformed += usize::from(!self.skips);
            self.skips = true;
        } else {
            self.begun = rest.to_vec();
        }
        Ok(Some((ledger.rows().cloned().collect(), malformed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::gzip;

    fn read(text: &[u8]) -> (usize, usize) {
        let (mut lines, mut rows, mut malformed) = (Lines::new(gzip(text).into()), 0, 0);
        while let Some((some, odd)) = lines.next().unwrap() {
            rows += some.len();
            malformed += odd;
        }
        (rows, malformed)
    }

    fn row(at: usize) -> String {
        format!(r#"{{"kind":"RayCluster","namespace":"ns","name":"rc","uid":"u{at}","run":"head"}}"#)
    }

    #[test]
    fn rows_of_several_blocks_are_whole() {
        let text: String = (0..100_000).map(|at| row(at) + "\n").collect();
        assert!(text.len() > BLOCK);
        assert_eq!(read(text.as_bytes()), (100_000, 0));
    }

    #[test]
    fn odd_lines_are_counted_and_cost_no_others() {
        let long = "x".repeat(3 * BLOCK);
        assert_eq!(read(format!("{}\n{long}\n{}", row(1), row(2)).as_bytes()), (2, 1));
        assert_eq!(read(format!("{long}\n{long}\n{}\n{{\n", row(1)).as_bytes()), (1, 3));
        assert_eq!(read(long.as_bytes()), (0, 1));
        assert_eq!(read(b""), (0, 0));
    }

    #[test]
    fn torn_day_is_an_error() {
        let packed = gzip(row(1).as_bytes());
        assert!(Lines::new(packed[..packed.len() - 9].to_vec().into()).next().is_err());
    }
}
