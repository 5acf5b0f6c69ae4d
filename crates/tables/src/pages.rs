//! Looks at the pages of a file before any is decoded: none may promise more than its bytes can hold.
//!
//! The reader of Parquet reserves memory by what pages say of themselves, and a small page can stand for gigabytes: a
//! dictionary of a few long values with many keys, values that repeat the beginning of the last one, bytes that
//! decompress to a thousand times as many. So the headers of all pages that will be read are read here first. What is
//! decoded at once is bounded by `HELD` and, with shorter batches, `BATCH_BYTES`; what is decoded in all by the size
//! that the head promises.

mod delta;
mod header;

use crate::error::Error;
use bytes::Bytes;
use header::{Header, Kind};
use parquet::basic::{Compression, ConvertedType, Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::serialized_reader::SerializedPageReader;
use std::sync::Arc;

/// Rows of one batch, written or read.
pub(crate) const BATCH: usize = 16_384;
/// Bytes of one page, decompressed and expanded.
const PAGE: u64 = 64 << 20;
/// Bytes of one page of each column.
const HELD: u64 = 256 << 20;
/// Values of one page; ours have a few thousand.
const VALUES: i64 = 1 << 22;
/// Bytes of the values of one batch, above which batches are shorter.
const BATCH_BYTES: u64 = 32 << 20;
/// Bytes that a value holds beside its own, while it is decoded.
const VALUE: u64 = 16;

/// Returns the rows that a batch may have. `leaves` are the columns that will be read, with `true` if one is read as a
/// dictionary.
pub(crate) fn batch_rows(
    table: &str,
    bytes: &Bytes,
    metadata: &ParquetMetaData,
    leaves: &[(usize, bool)],
) -> Result<usize, Error> {
    let malformed = |reason: &str| Error::malformed(table, reason);
    let (mut held, mut density) = (0, 1);
    for &(leaf, as_dictionary) in leaves {
        let mut most = Chunk::default();
        for group in metadata.row_groups() {
            let rows = usize::try_from(group.num_rows()).map_err(|_| malformed("a negative number of rows"))?;
            let column = group.columns().get(leaf).ok_or_else(|| malformed("a column is missing"))?;
            let chunk = Chunk::of(bytes, column, rows, as_dictionary).map_err(malformed)?;
            most = Chunk { held: most.held.max(chunk.held), density: most.density.max(chunk.density) };
        }
        held += most.held;
        density += most.density;
    }
    if held > HELD {
        return Err(malformed("its pages are too large"));
    }
    let rows = usize::try_from(BATCH_BYTES / density).unwrap_or(BATCH).clamp(1, BATCH);
    // Row groups have a power of two of rows, and no batch should have rows of two.
    Ok(1 << rows.ilog2())
}

/// Bounds of what decoding a column of a row group takes.
#[derive(Clone, Copy, Debug, Default)]
struct Chunk {
    /// Bytes of its dictionary and its largest page.
    held: u64,
    /// Most bytes for each row of a page.
    density: u64,
}

type Checked<T> = Result<T, &'static str>;

impl Chunk {
    fn of(bytes: &Bytes, column: &ColumnChunkMetaData, rows: usize, as_dictionary: bool) -> Checked<Self> {
        if !matches!(column.compression(), Compression::ZSTD(_) | Compression::UNCOMPRESSED) {
            return Err("an unknown compression");
        }
        let is_text = column.column_type() == Type::BYTE_ARRAY;
        // Only of these does the reader check that texts are UTF-8; bytes without any annotation are bytes.
        let (logical, converted) = (column.column_descr().logical_type_ref(), column.column_descr().converted_type());
        let is_bytes = logical.is_none() && converted == ConvertedType::NONE;
        if is_text && converted != ConvertedType::UTF8 && !is_bytes {
            return Err("bytes in place of a text");
        }
        let headers = headers(bytes, column)?;
        let pages = headers.iter().filter(|header| header.kind != Kind::Dictionary);
        let dictionary = headers.iter().find(|header| header.kind == Kind::Dictionary);
        // Where a dictionary ends before its column does, the reader may copy its values into every row.
        let is_mixed = dictionary.is_some() && pages.clone().any(|page| !page.is_indices());
        let is_copied = is_text && dictionary.is_some() && (is_mixed || !as_dictionary);
        let is_expanded = is_text && pages.clone().any(|page| page.encoding == Encoding::DELTA_BYTE_ARRAY);
        let texts = if is_copied || is_expanded { Texts::of(bytes, column, rows)? } else { Texts::default() };
        let mut chunk = Self::default();
        for (n, page) in pages.enumerate() {
            let values = page.values.unsigned_abs();
            let content = match page.encoding {
                Encoding::DELTA_BYTE_ARRAY => texts.pages.get(n).copied().ok_or("a page is missing")?,
                _ if page.is_indices() => texts.longest_of_dictionary.saturating_mul(values),
                _ => u64::from(page.uncompressed),
            };
            let whole = content.saturating_add(values * VALUE);
            chunk.density = chunk.density.max(whole.div_ceil(page.rows.unsigned_abs().max(1)));
            chunk.held = chunk.held.max(u64::from(page.uncompressed));
        }
        chunk.held += dictionary.map_or(0, |page| u64::from(page.uncompressed));
        Ok(chunk)
    }
}

/// Returns the headers of a column's pages, each of which is checked alone and all together with what the footer says.
fn headers(bytes: &Bytes, column: &ColumnChunkMetaData) -> Checked<Vec<Header>> {
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let (start, length) = (usize::try_from(start), usize::try_from(column.compressed_size()));
    let range = start.ok().zip(length.ok()).and_then(|(start, length)| Some(start..start.checked_add(length)?));
    let mut rest = range.and_then(|range| bytes.get(range)).ok_or("a column lies outside the file")?;
    let (mut headers, mut values, mut uncompressed): (Vec<Header>, i64, i64) = (Vec::new(), 0, 0);
    while !rest.is_empty() {
        let (header, length) = Header::read(rest).ok_or("a malformed header of a page")?;
        let end = length + header.compressed as usize;
        rest = rest.get(end..).ok_or("a page lies outside its column")?;
        let size = i64::from(header.uncompressed);
        let is_sound = match header.kind {
            // Each value takes a byte at least; those of texts four.
            Kind::Dictionary => headers.is_empty() && header.values.saturating_mul(4) <= size,
            Kind::Data => header.values <= VALUES && header.rows <= header.values,
        };
        if header.values < 0 || header.rows < 0 || !is_sound || u64::from(header.uncompressed) > PAGE {
            return Err("a page promises too much");
        }
        if header.kind == Kind::Data {
            values = values.saturating_add(header.values);
        }
        uncompressed = uncompressed.saturating_add(size);
        headers.push(header);
    }
    if values != column.num_values() || uncompressed > column.uncompressed_size() {
        return Err("the pages of a column are not those of the footer");
    }
    Ok(headers)
}

/// Lengths of the texts of a column.
#[derive(Debug, Default)]
struct Texts {
    longest_of_dictionary: u64,
    /// Bytes of all values of each page; zero for pages of another encoding.
    pages: Vec<u64>,
}

impl Texts {
    /// Decompresses a column, the headers of which are sound.
    fn of(bytes: &Bytes, column: &ColumnChunkMetaData, rows: usize) -> Checked<Self> {
        const BROKEN: &str = "a page cannot be decompressed";
        let mut reader = SerializedPageReader::new(Arc::new(bytes.clone()), column, rows, None).map_err(|_| BROKEN)?;
        let mut texts = Self::default();
        while let Some(page) = reader.get_next_page().map_err(|_| BROKEN)? {
            match &page {
                Page::DictionaryPage { buf, .. } => texts.longest_of_dictionary = longest(buf),
                Page::DataPageV2 {
                    buf,
                    encoding: Encoding::DELTA_BYTE_ARRAY,
                    num_values,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    ..
                } => {
                    let levels = (*def_levels_byte_len as usize).saturating_add(*rep_levels_byte_len as usize);
                    let values = buf.get(levels..).ok_or(BROKEN)?;
                    let expanded = delta::expanded(values, *num_values as usize);
                    texts.pages.push(expanded.filter(|&bytes| bytes <= PAGE).ok_or("a page expands to too much")?);
                }
                _ => texts.pages.push(0),
            }
        }
        Ok(texts)
    }
}

/// Returns the length of the longest text of a dictionary; more than there is if it is cut.
fn longest(mut dictionary: &[u8]) -> u64 {
    let mut longest = 0;
    while let Some((length, rest)) = dictionary.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length);
        longest = longest.max(u64::from(length));
        dictionary = rest.get(length as usize..).unwrap_or_default();
    }
    longest
}

#[cfg(test)]
mod tests;
