//! The raw objects that a build was made from: a reader compares a later listing with them.

use super::about::InputSums;
use crate::error::Error;
use crate::file::{BATCH, Expected, Layout, Stamp};
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One raw object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// Storage key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Its `ETag`, if the store has one.
    pub etag: Option<String>,
    /// Time at which it was written, in nanoseconds since 1970, if the store has one.
    pub modified: Option<i64>,
}

/// A later listing compared with the inputs of a build, by names and sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Objects that are new, or have another size.
    pub late: u64,
    /// Objects that are missing.
    pub gone: u64,
}

/// Returns the sums of inputs: `digest` over names below the root, sizes and tags, `shape` over names and sizes.
///
/// Each object adds the first 16 bytes, little-endian, of the SHA-256 of its lines to a number of 128 bits, so that the
/// order does not count.
pub(crate) fn sums(inputs: &[Input], records: u64) -> InputSums {
    let (mut digest, mut shape) = (0_u128, 0_u128);
    for input in inputs {
        let mut hash = Sha256::new();
        hash.update(&input.key);
        hash.update(format!("\n{}\n", input.size));
        shape = shape.wrapping_add(first_half(hash.clone()));
        match (&input.etag, input.modified) {
            (Some(etag), _) => hash.update(format!("{etag}\n")),
            (None, Some(modified)) => hash.update(format!("{modified}\n")),
            (None, None) => {}
        }
        digest = digest.wrapping_add(first_half(hash));
    }
    InputSums {
        digest: format!("{digest:032x}"),
        shape: format!("{shape:032x}"),
        objects: inputs.len() as u64,
        bytes: inputs.iter().map(|input| input.size).fold(0, u64::saturating_add),
        records,
    }
}

fn first_half(hash: Sha256) -> u128 {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    u128::from_le_bytes(half)
}

/// Compares a later listing with the inputs of a build. A bucket that was copied has other tags, and is the same.
pub fn compare(inputs: &[Input], listed: &[Input]) -> Compared {
    let (known, now) = (sizes(inputs), sizes(listed));
    Compared {
        late: now.iter().filter(|(key, size)| known.get(*key) != Some(*size)).count() as u64,
        gone: known.keys().filter(|key| !now.contains_key(*key)).count() as u64,
    }
}

fn sizes(inputs: &[Input]) -> BTreeMap<&str, u64> {
    inputs.iter().map(|input| (input.key.as_str(), input.size)).collect()
}

fn layout() -> Layout {
    let schema = Schema::new(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("size", DataType::UInt64, false),
        Field::new("etag", DataType::Utf8, true),
        Field::new("modified", DataType::Int64, true),
    ]);
    Layout {
        table: "inputs",
        schema: Arc::new(schema),
        group_rows: 1 << 20,
        page_rows: 8_192,
        encodings: ["key", "etag"].map(|name| (name, parquet::basic::Encoding::DELTA_BYTE_ARRAY)).to_vec(),
        sorted_by: vec!["key"],
        page_statistics: false,
    }
}

/// Writes inputs, which must be sorted.
pub(super) fn write(inputs: &[Input], stamp: &Stamp) -> Result<(Vec<u8>, Expected), Error> {
    let layout = layout();
    let batches = inputs.chunks(BATCH).map(|rows| {
        let columns: Vec<arrow_array::ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.key))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.size))),
            Arc::new(rows.iter().map(|row| row.etag.as_deref()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.modified).collect::<Int64Array>()),
        ];
        RecordBatch::try_new(Arc::clone(&layout.schema), columns).map_err(|error| Error::malformed("inputs", error))
    });
    layout.to_bytes(stamp, batches)
}

/// Reads inputs.
pub(super) fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected) -> Result<Vec<Input>, Error> {
    let mut inputs = Vec::new();
    for batch in layout().read(bytes, stamp, expected)? {
        let batch = batch?;
        let (keys, sizes) = (batch.strings("key")?, batch.numbers::<UInt64Type>("size")?);
        let (etags, times) = (batch.strings("etag")?, batch.numbers::<Int64Type>("modified")?);
        for row in 0..batch.rows() {
            let (Some(key), Some(size)) = (keys.get(row), sizes.get(row)) else {
                return Err(batch.malformed("an object has no name or no size"));
            };
            let etag = etags.get(row).map(str::to_owned);
            inputs.push(Input { key: key.to_owned(), size, etag, modified: times.get(row) });
        }
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(key: &str, size: u64, etag: Option<&str>) -> Input {
        Input { key: key.to_owned(), size, etag: etag.map(str::to_owned), modified: Some(size.cast_signed()) }
    }

    #[test]
    fn inputs_come_back() {
        let (stamp, inputs) = (Stamp::default(), [input("a", 1, Some("x")), input("b", u64::MAX, None)]);
        let (bytes, expected) = write(&inputs, &stamp).unwrap();
        assert_eq!(read(bytes.clone().into(), &stamp, &expected).unwrap(), inputs);
        assert!(read(bytes.into(), &Stamp { build: "other".to_owned(), ..stamp }, &expected).is_err());
    }

    #[test]
    fn sums_ignore_the_order_and_a_copy_has_the_same_shape() {
        let (a, b) = (input("a", 1, Some("x")), input("b", 2, Some("y")));
        let before = sums(&[a.clone(), b.clone()], 7);
        assert_eq!(before, sums(&[b.clone(), a.clone()], 7));
        let copied = sums(&[input("a", 1, Some("z")), b.clone()], 7);
        assert_eq!((copied.shape == before.shape, copied.digest == before.digest), (true, false));
        let longer = sums(&[input("a", 3, Some("x")), b], 7);
        assert!(longer.shape != before.shape && longer.digest != before.digest);
    }

    #[test]
    fn listings_are_compared_by_names_and_sizes() {
        let inputs = [input("a", 1, Some("x")), input("b", 2, Some("y"))];
        for (listed, late, gone) in [
            (vec![input("b", 2, None), input("a", 1, None)], 0, 0),
            (vec![input("a", 1, None), input("b", 3, None)], 1, 0),
            (vec![input("a", 1, None), input("b", 2, None), input("c", 0, None)], 1, 0),
            (vec![input("a", 1, None)], 0, 1),
            (vec![], 0, 2),
            (vec![input("a", 1, None), input("c", 0, None)], 1, 1),
        ] {
            assert_eq!(compare(&inputs, &listed), Compared { late, gone }, "{listed:?}");
        }
    }
}
