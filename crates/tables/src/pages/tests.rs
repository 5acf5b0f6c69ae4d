//! Tests that pages which promise too much are refused before they are decoded.

#![expect(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "numbers of tests are small")]

use super::*;
use parquet::basic::{ConvertedType, Type};
use parquet::schema::types::{ColumnDescriptor, ColumnPath, Type as Schema};

/// Returns the head of a field: its distance from the last one, and its type.
fn field(distance: u8, value: u8) -> u8 {
    distance * 16 + value
}

/// Writes numbers of a struct of Thrift; field ids are those of the positions.
fn numbers(fields: &[(u8, i64)]) -> Vec<u8> {
    let (mut out, mut last) = (Vec::new(), 0);
    for &(id, number) in fields {
        out.push(field(id - last, 5));
        out.extend(varint(((number << 1) ^ (number >> 63)) as u64));
        last = id;
    }
    out
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

/// Returns a page: a dictionary, or data of version 2 without levels.
fn page(kind: i64, uncompressed: i64, values: i64, encoding: i64, content: &[u8]) -> Vec<u8> {
    let mut out = numbers(&[(1, kind), (2, uncompressed), (3, content.len() as i64)]);
    if kind == 2 {
        out.push(field(4, 12));
        out.extend(numbers(&[(1, values), (2, encoding)]));
    } else {
        out.push(field(5, 12));
        out.extend(numbers(&[(1, values), (2, 0), (3, values), (4, encoding), (5, 0), (6, 0)]));
        // Not compressed.
        out.push(field(1, 2));
    }
    out.extend([0, 0]);
    out.extend(content);
    out
}

fn texts(values: &[&[u8]]) -> Vec<u8> {
    values.iter().flat_map(|value| [&(value.len() as u32).to_le_bytes()[..], value].concat()).collect()
}

fn chunk(pages: &[Vec<u8>], values: i64, uncompressed: i64, as_dictionary: bool) -> Checked<Chunk> {
    let schema = Schema::primitive_type_builder("x", Type::BYTE_ARRAY).with_converted_type(ConvertedType::UTF8);
    let path = ColumnPath::new(vec!["x".to_owned()]);
    let column = ColumnDescriptor::new(Arc::new(schema.build().unwrap()), 0, 0, path);
    let bytes = Bytes::from(pages.concat());
    let column = ColumnChunkMetaData::builder(Arc::new(column))
        .set_compression(Compression::UNCOMPRESSED)
        .set_num_values(values)
        .set_data_page_offset(0)
        .set_total_compressed_size(bytes.len() as i64)
        .set_total_uncompressed_size(uncompressed);
    Chunk::of(&bytes, &column.build().unwrap(), values as usize, as_dictionary)
}

#[test]
fn pages_that_promise_too_much_are_refused() {
    let words = texts(&[b"ab", b"c"]);
    let size = words.len() as i64;
    let dictionary = |values: i64, size: i64| page(2, size, values, 0, &words);
    let keys = |values: i64| page(3, 2, values, 8, &[1, 3]);
    assert!(chunk(&[dictionary(2, size), keys(3)], 3, 1_000, true).is_ok());
    for (what, pages, values) in [
        ("values of a dictionary", vec![dictionary(i64::from(i32::MAX), size), keys(3)], 3),
        ("bytes of a page", vec![dictionary(2, i64::from(i32::MAX)), keys(3)], 3),
        ("negative bytes", vec![dictionary(2, -1), keys(3)], 3),
        ("values of a page", vec![dictionary(2, size), keys(1 << 30)], 1 << 30),
        ("values that the footer does not have", vec![dictionary(2, size), keys(4)], 3),
        ("a second dictionary", vec![dictionary(2, size), dictionary(2, size), keys(3)], 3),
        ("an old page", vec![page(0, 2, 3, 8, &[1, 3])], 3),
        ("another encoding", vec![page(3, 2, 3, 6, &[1, 3])], 3),
        ("a cut page", vec![keys(3)[..8].to_vec()], 3),
    ] {
        assert!(chunk(&pages, values, i64::MAX, true).is_err(), "{what}");
    }
    assert!(chunk(&[dictionary(2, size), keys(3)], 3, size, true).is_err(), "more bytes than the footer says");
}

#[test]
fn batches_are_short_where_few_bytes_stand_for_many() {
    let long = texts(&[&vec![b'x'; 100_000]]);
    let dictionary = page(2, long.len() as i64, 1, 0, &long);
    let keys = page(3, 2, 1_000, 8, &[1, 3]);
    let plain = page(3, 6, 1, 0, &texts(&[b"ab"]));
    let of = |pages: &[Vec<u8>], values, as_dictionary| chunk(pages, values, 1 << 20, as_dictionary).unwrap().density;
    assert!(of(&[dictionary.clone(), keys.clone()], 1_000, true) < 100);
    assert!(of(&[dictionary.clone(), keys.clone()], 1_000, false) >= 100_000);
    assert!(of(&[dictionary, keys, plain], 1_001, true) >= 100_000);
}

/// Returns a list of numbers, each of which differs from the last by `step`, in `DELTA_BINARY_PACKED`.
fn steps(count: u64, first: i64, step: i64) -> Vec<u8> {
    let zigzag = |number: i64| varint(((number << 1) ^ (number >> 63)) as u64);
    let mut out = [varint(128), varint(4), varint(count), zigzag(first)].concat();
    for _ in 0..count.saturating_sub(1).div_ceil(128).min(10) {
        out.extend(zigzag(step));
        out.extend([0; 4]);
    }
    out
}

#[test]
fn texts_that_repeat_their_beginning_are_counted_whole() {
    // "abc" in full, then a hundred times its first two bytes and one more.
    let mut page = [steps(2, 0, 2), steps(2, 3, -2), b"abcd".to_vec()].concat();
    assert_eq!(delta::expanded(&page, 2), Some(6));
    assert_eq!(delta::expanded(&page, 1), None, "more texts than the page has values");
    page.pop();
    assert_eq!(delta::expanded(&page, 2), None, "bytes are missing");
    for (what, prefixes, suffixes) in [
        ("endless", steps(u64::MAX, 0, 0), steps(2, 0, 0)),
        ("more than values", steps(1 << 40, 0, 0), steps(1 << 40, 0, 0)),
        ("negative", steps(2, 0, -1), steps(2, 1, 0)),
        ("longer than the last", steps(2, 0, 9), steps(2, 1, 0)),
        ("of another number", steps(2, 0, 0), steps(3, 1, 0)),
    ] {
        assert_eq!(delta::expanded(&[prefixes, suffixes, vec![0; 64]].concat(), 1_000), None, "{what}");
    }
    assert_eq!(delta::expanded(&[], 5), Some(0));
    // A thousand texts of a mebibyte that repeat one another are a gibibyte.
    let bomb = [steps(2, 0, 1 << 20), steps(2, 1 << 20, -(1 << 20)), vec![0; 1 << 20]].concat();
    assert_eq!(delta::expanded(&bomb, 2), Some(2 << 20));
}
