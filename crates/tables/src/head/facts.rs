//! Everything that tables do not hold: parts of Ray's own log files that carry facts, stored answers of the live dashboard, and
//! platform events, as the very bytes that they were read from. A better rule reaches old sessions, too.

use crate::error::Error;
use crate::file::{Expected, Layout, Stamp};
use arrow_array::{Array, ArrayRef, BinaryArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::basic::Encoding;
use std::sync::Arc;

/// Longest file or body that is kept, in bytes: readers refuse longer pages.
const LONGEST: usize = 32 << 20;
/// Bytes of one batch.
const BATCH_BYTES: usize = 8 << 20;

/// The part of a log file that facts are read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactFile {
    /// The node, in hex.
    pub node: String,
    /// The path below the node's `logs/`.
    pub path: String,
    /// The bytes that `logs::wanted` asks for.
    pub bytes: Bytes,
}

/// Everything that tables do not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) files: Vec<FactFile>,
    /// Strict JSON, by URL without its leading `/`.
    pub(super) endpoints: Vec<(String, Bytes)>,
    /// Strict JSON, oldest first.
    pub(super) platform_events: Vec<Bytes>,
}

const FACT: &str = "fact";
const ENDPOINT: &str = "endpoint";
const PLATFORM_EVENT: &str = "platform_event";

fn layout() -> Layout {
    let schema = Schema::new(vec![
        Field::new("kind", DataType::Utf8, false),
        Field::new("node_id", DataType::Utf8, true),
        Field::new("path", DataType::Utf8, true),
        Field::new("bytes", DataType::Binary, false),
    ]);
    Layout {
        table: "facts",
        schema: Arc::new(schema),
        group_rows: 1 << 20,
        page_rows: 1_024,
        encodings: vec![("path", Encoding::DELTA_BYTE_ARRAY), ("bytes", Encoding::PLAIN)],
        sorted_by: Vec::new(),
        page_statistics: false,
    }
}

type Row<'a> = (&'static str, Option<&'a str>, Option<&'a str>, &'a [u8]);

pub(super) fn write(kept: &Kept, stamp: &Stamp) -> Result<(Vec<u8>, Expected), Error> {
    let files = kept.files.iter().map(|file| (FACT, Some(&*file.node), Some(&*file.path), &*file.bytes));
    let endpoints = kept.endpoints.iter().map(|(url, body)| (ENDPOINT, None, Some(&**url), &**body));
    let events = kept.platform_events.iter().map(|event| (PLATFORM_EVENT, None, None, &**event));
    let lengths = files.clone().chain(endpoints.clone()).chain(events.clone()).map(|row: Row<'_>| row.3.len());
    if lengths.max() > Some(LONGEST) {
        return Err(Error::malformed("facts", format!("a log file or a stored answer is longer than {LONGEST} bytes")));
    }
    let mut rows: Box<dyn Iterator<Item = Row<'_>>> = Box::new(files.chain(endpoints).chain(events));
    let layout = layout();
    let batches = std::iter::from_fn(|| {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES
            && let Some(row) = rows.next()
        {
            bytes += row.3.len() + 64;
            batch.push(row);
        }
        let of = || batch.iter();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(of().map(|row| row.0))),
            Arc::new(of().map(|row| row.1).collect::<StringArray>()),
            Arc::new(of().map(|row| row.2).collect::<StringArray>()),
            Arc::new(BinaryArray::from_iter_values(of().map(|row| row.3))),
        ];
        let made = || RecordBatch::try_new(Arc::clone(&layout.schema), columns);
        (!batch.is_empty()).then(|| made().map_err(|error| Error::malformed("facts", error)))
    });
    layout.to_bytes(stamp, batches)
}

pub(super) fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected) -> Result<Kept, Error> {
    let mut kept = Kept::default();
    for batch in layout().read(bytes, stamp, expected)? {
        let batch = batch?;
        let (kinds, nodes, paths) = (batch.strings("kind")?, batch.strings("node_id")?, batch.strings("path")?);
        let bodies: Option<&BinaryArray> = batch.of_type("bytes")?;
        for row in 0..batch.rows() {
            let body = bodies.filter(|bodies| bodies.is_valid(row)).map(|bodies| bodies.value(row));
            let body = Bytes::copy_from_slice(body.unwrap_or_default());
            match (kinds.get(row), nodes.get(row), paths.get(row)) {
                (Some(FACT), Some(node), Some(path)) => {
                    kept.files.push(FactFile { node: node.to_owned(), path: path.to_owned(), bytes: body });
                }
                (Some(ENDPOINT), _, Some(url)) => kept.endpoints.push((url.to_owned(), body)),
                (Some(PLATFORM_EVENT), ..) => kept.platform_events.push(body),
                // A later version may keep more.
                _ => {}
            }
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_whatever_they_are() {
        let file = |path: &str, bytes: &[u8]| FactFile {
            node: "aa".to_owned(),
            path: path.to_owned(),
            bytes: Bytes::copy_from_slice(bytes),
        };
        let kept = Kept {
            files: vec![file("monitor.log", b"\xff\x00text"), file("empty.log", b""), file("big", &vec![7; 9 << 20])],
            endpoints: vec![("api/jobs/".to_owned(), Bytes::from_static(b"[]"))],
            platform_events: vec![Bytes::from_static(b"{}")],
        };
        let stamp = Stamp::default();
        for kept in [kept, Kept::default()] {
            let (bytes, expected) = write(&kept, &stamp).unwrap();
            assert_eq!(read(bytes.into(), &stamp, &expected).unwrap(), kept);
        }
    }
}
