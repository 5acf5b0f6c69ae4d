//! Helpers for tests of sessions.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Returns data compressed with gzip.
pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}
