//! One Parquet file: writes batches of a table, and reads them again with checks.
//!
//! Formats and limits are those that `DuckDB`, Spark, Polars, pyarrow, Trino and Athena read: version 2 pages, zstd 1, page
//! index, no Arrow schema in the footer (Polars refuses a folder in which only some files have one).

use crate::columns::Batch;
use crate::error::Error;
use crate::pages;
pub(crate) use crate::pages::BATCH;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, ParquetMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnPath;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

/// Bytes of a page before compression, at which the next one begins.
const PAGE_BYTES: usize = 1 << 20;
/// Bytes of a row group in memory, at which the next one begins before it has all its rows.
const GROUP_BYTES: usize = 48 << 20;
/// Longest footer that is read, in bytes; one of ten million rows has 300 kB. The reader may hold a hundred times as much.
const MAX_FOOTER: u32 = 4 << 20;
/// Most rows for each byte of a file. An attempt has dozens of bytes and a profile event several, however alike they are.
const ROWS_PER_BYTE: u64 = 8;

/// The layout of a table in its file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Its name.
    pub(crate) table: &'static str,
    /// Its columns. Strings are read as dictionaries, unless they have an encoding of their own here.
    pub(crate) schema: SchemaRef,
    /// Rows of a row group.
    pub(crate) group_rows: usize,
    /// Rows of a page.
    pub(crate) page_rows: usize,
    /// Columns without a dictionary, and their encodings.
    pub(crate) encodings: Vec<(&'static str, Encoding)>,
    /// The columns by which rows are sorted, ascending.
    pub(crate) sorted_by: Vec<&'static str>,
    /// `true` if statistics are wanted for each page, and not only for each column of a row group.
    pub(crate) page_statistics: bool,
}

/// The session and the build that a file belongs to: they stand in its footer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The build: 32 hex digits.
    pub build: String,
    /// The namespace; empty if unknown.
    pub namespace: String,
    /// The cluster.
    pub cluster: String,
    /// The session.
    pub session: String,
}

/// Facts of a file that its head promises.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Rows.
    pub rows: u64,
    /// Bytes of all columns before compression.
    pub uncompressed: u64,
}

/// Names of the footer's key-value pairs.
const KEYS: [&str; 4] = ["ray-history.build", "ray-history.namespace", "ray-history.cluster", "ray-history.session"];

impl Stamp {
    fn pairs(&self, table: &str) -> Vec<KeyValue> {
        let pair = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
        let values = [&self.build, &self.namespace, &self.cluster, &self.session];
        let own = [pair("ray-history.table", table), pair("ray-history.schema", "1")];
        own.into_iter().chain(KEYS.iter().zip(values).map(|(key, value)| pair(key, value))).collect()
    }

    fn of(metadata: &ParquetMetaData) -> Self {
        let pairs = metadata.file_metadata().key_value_metadata();
        let value = |key: &str| {
            let pair = pairs.into_iter().flatten().find(|pair| pair.key == key);
            pair.and_then(|pair| pair.value.clone()).unwrap_or_default()
        };
        let [build, namespace, cluster, session] = KEYS.map(value);
        Self { build, namespace, cluster, session }
    }
}

impl Layout {
    fn properties(&self, stamp: &Stamp) -> WriterProperties {
        let column = |name: &str| ColumnPath::new(vec![name.to_owned()]);
        let index = |name: &&str| i32::try_from(self.schema.index_of(name).ok()?).ok();
        // Positions of leaves are those of columns as long as the sorted columns come before any nested one.
        let sorting = self.sorted_by.iter().filter_map(index);
        let sorting = sorting.map(|at| SortingColumn { column_idx: at, descending: false, nulls_first: false });
        let statistics = if self.page_statistics { EnabledStatistics::Page } else { EnabledStatistics::Chunk };
        let mut properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
            .set_created_by("ray-history".to_owned())
            .set_max_row_group_row_count(Some(self.group_rows))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .set_data_page_row_count_limit(self.page_rows)
            .set_data_page_size_limit(PAGE_BYTES)
            .set_write_batch_size(self.page_rows.min(1024))
            .set_statistics_enabled(statistics)
            .set_sorting_columns(Some(sorting.collect()))
            .set_key_value_metadata(Some(stamp.pairs(self.table)));
        for field in self.schema.fields().iter().filter(|field| *field.data_type() == DataType::Utf8) {
            // Texts that are too many for a dictionary: a page of them has no more bytes than it says.
            properties = properties.set_column_encoding(column(field.name()), Encoding::PLAIN);
        }
        for (name, encoding) in &self.encodings {
            properties = properties
                .set_column_dictionary_enabled(column(name), false)
                .set_column_encoding(column(name), *encoding);
        }
        properties.build()
    }

    /// Writes a file of batches that have this schema. The same batches give the same bytes.
    pub(crate) fn write<W: Write + Send>(
        &self,
        stamp: &Stamp,
        batches: impl Iterator<Item = Result<RecordBatch, Error>>,
        out: W,
    ) -> Result<Expected, Error> {
        let failed = |error| Error::malformed(self.table, error);
        let options = ArrowWriterOptions::new().with_properties(self.properties(stamp)).with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(out, Arc::clone(&self.schema), options).map_err(failed)?;
        for batch in batches {
            writer.write(&batch?).map_err(failed)?;
        }
        Ok(promised(&writer.close().map_err(failed)?))
    }

    /// Writes a file into memory.
    pub(crate) fn to_bytes(
        &self,
        stamp: &Stamp,
        batches: impl Iterator<Item = Result<RecordBatch, Error>>,
    ) -> Result<(Vec<u8>, Expected), Error> {
        let mut bytes = Vec::new();
        let expected = self.write(stamp, batches, &mut bytes)?;
        Ok((bytes, expected))
    }

    /// Reads the columns of this schema that have any value. Fails if the file is of another build or session, promises
    /// something else than `expected`, or lacks a column; other columns are ignored.
    pub(crate) fn read(&self, bytes: Bytes, stamp: &Stamp, expected: &Expected) -> Result<Batches, Error> {
        self.read_without(&[], bytes, stamp, expected)
    }

    /// Reads as `read`, without some columns, which then seem to have no value.
    pub(crate) fn read_without(
        &self,
        unread: &[&str],
        bytes: Bytes,
        stamp: &Stamp,
        expected: &Expected,
    ) -> Result<Batches, Error> {
        let wrong = |reason: &str| Err(Error::malformed(self.table, reason));
        let plain = self.footer(&bytes)?;
        let metadata = plain.metadata();
        if Stamp::of(metadata) != *stamp {
            return wrong("the file is of another build, or of another session");
        }
        if promised(metadata) != *expected {
            return wrong("the file has other rows than its head says");
        }
        for field in self.schema.fields() {
            if plain.schema().field_with_name(field.name()).is_err() {
                return wrong(&format!("the column {} is missing", field.name()));
            }
        }
        self.batches(unread, bytes, &plain)
    }

    /// Reads a file of many sessions, which no head names: of at most so many bytes before compression. Columns that it
    /// lacks seem to have no value. Returns the number of its rows, too.
    pub(crate) fn read_unnamed(&self, bytes: Bytes, most: u64) -> Result<(u64, Batches), Error> {
        let plain = self.footer(&bytes)?;
        let metadata = plain.metadata();
        let Expected { rows, uncompressed } = promised(metadata);
        if Stamp::of(metadata) != Stamp::default() || uncompressed > most {
            return Err(Error::malformed(self.table, "it is the file of one session, or too large"));
        }
        Ok((rows, self.batches(&[], bytes, &plain)?))
    }

    /// Reads the footer of a file.
    fn footer(&self, bytes: &Bytes) -> Result<ArrowReaderMetadata, Error> {
        let footer = bytes.len().checked_sub(8).and_then(|at| bytes.get(at..at + 4)?.try_into().ok());
        if footer.is_none_or(|length| u32::from_le_bytes(length) > MAX_FOOTER) {
            return Err(Error::malformed(self.table, "the footer is cut, or promises too much"));
        }
        let load = || ArrowReaderMetadata::load(bytes, ArrowReaderOptions::new().with_skip_arrow_metadata(true));
        guarded(self.table, load)?.map_err(|error| Error::malformed(self.table, error))
    }

    /// Reads the columns of a file with this footer.
    fn batches(&self, unread: &[&str], bytes: Bytes, plain: &ArrowReaderMetadata) -> Result<Batches, Error> {
        let failed = |error| Error::malformed(self.table, error);
        let wrong = |reason: &str| Err(Error::malformed(self.table, reason));
        let metadata = Arc::clone(plain.metadata());
        if promised(&metadata).rows > ROWS_PER_BYTE.saturating_mul(bytes.len() as u64) {
            return wrong("the file has more rows than its bytes can hold");
        }
        let fields = plain.schema().fields().iter().map(|field| self.field_as_read(field));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        for field in self.schema.fields() {
            match plain.schema().field_with_name(field.name()) {
                Ok(found) if !is_same_type(found.data_type(), field.data_type()) => {
                    return wrong(&format!("the column {} is of another type", field.name()));
                }
                _ => {}
            }
        }
        let leaves = self.filled(&metadata, plain.schema(), unread);
        let is_dictionary = |root: usize| matches!(schema.field(root).data_type(), DataType::Dictionary(..));
        let as_read: Vec<(usize, bool)> = leaves.iter().map(|&(leaf, root)| (leaf, is_dictionary(root))).collect();
        let roots: BTreeSet<usize> = leaves.iter().map(|&(_, root)| root).collect();
        let reader = || {
            let batch_rows = pages::batch_rows(self.table, &bytes, &metadata, &as_read)?;
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(Arc::clone(&schema));
            let typed = ArrowReaderMetadata::try_new(Arc::clone(&metadata), options).map_err(failed)?;
            let mask = ProjectionMask::roots(typed.parquet_schema(), roots);
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), typed);
            builder.with_projection(mask).with_batch_size(batch_rows).build().map_err(failed)
        };
        let reader = guarded(self.table, reader)??;
        Ok(Batches { table: self.table, schema: Arc::clone(&self.schema), reader: Some(reader) })
    }

    /// Decodes every row of all columns of this schema that have any value, those for queries alone included.
    pub(crate) fn decode_all(&self, bytes: Bytes, stamp: &Stamp, expected: &Expected) -> Result<(), Error> {
        let mut rows = 0_u64;
        for batch in self.read(bytes, stamp, expected)? {
            rows = rows.saturating_add(batch?.rows() as u64);
        }
        if rows != expected.rows {
            return Err(Error::malformed(self.table, "there are other rows than the footer says"));
        }
        Ok(())
    }

    /// Returns a field as it is read: a string that a dictionary was written for becomes one, so that each value is
    /// interned once for a batch.
    fn field_as_read(&self, field: &Field) -> Field {
        let has_own = self.encodings.iter().any(|(name, _)| name == field.name());
        let data_type = if *field.data_type() == DataType::Utf8 && !has_own {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        } else {
            field.data_type().clone()
        };
        field.clone().with_data_type(data_type)
    }

    /// Returns the columns of this schema that have any value, by the file's statistics: each leaf of a column that has a
    /// filled one, and the column's position.
    fn filled(&self, metadata: &ParquetMetaData, schema: &Schema, unread: &[&str]) -> Vec<(usize, usize)> {
        let leaves = metadata.file_metadata().schema_descr();
        let is_empty = |leaf: usize| {
            metadata.row_groups().iter().all(|group| {
                let Some(column) = group.columns().get(leaf) else { return false };
                let nulls = column.statistics().and_then(Statistics::null_count_opt);
                nulls.is_some_and(|nulls| i64::try_from(nulls).is_ok_and(|nulls| nulls == column.num_values()))
            })
        };
        let is_wanted = |name: &str| self.schema.index_of(name).is_ok() && !unread.contains(&name);
        let is_ours = |root: usize| schema.fields().get(root).is_some_and(|field| is_wanted(field.name()));
        let leaf = |leaf: usize| (leaf, leaves.get_column_root_idx(leaf));
        let ours = || (0..leaves.num_columns()).map(leaf).filter(|&(_, root)| is_ours(root));
        let filled: BTreeSet<usize> = ours().filter(|&(leaf, _)| !is_empty(leaf)).map(|(_, root)| root).collect();
        ours().filter(|(_, root)| filled.contains(root)).collect()
    }
}

/// Runs a step of the reader of Parquet, which panics at some malformed files.
fn guarded<T>(table: &str, step: impl FnOnce() -> T) -> Result<T, Error> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(step));
    done.map_err(|_| Error::malformed(table, "the reader of Parquet cannot go on"))
}

/// Returns the facts of a file that a head promises.
fn promised(metadata: &ParquetMetaData) -> Expected {
    let groups = metadata.row_groups();
    let sum = |of: fn(&parquet::file::metadata::RowGroupMetaData) -> i64| {
        groups.iter().map(|group| u64::try_from(of(group)).unwrap_or(u64::MAX)).fold(0, u64::saturating_add)
    };
    let rows = |group: &parquet::file::metadata::RowGroupMetaData| group.num_rows();
    // What a reader decodes is in the columns; the sum of a group is a number of its own.
    let bytes = |group: &parquet::file::metadata::RowGroupMetaData| {
        group.columns().iter().map(|column| column.uncompressed_size().max(0)).fold(0, i64::saturating_add)
    };
    Expected { rows: sum(rows), uncompressed: sum(bytes) }
}

/// Returns `true` if a type that was found is the one that is wanted, whatever its nested fields are called.
fn is_same_type(found: &DataType, wanted: &DataType) -> bool {
    match (found, wanted) {
        (DataType::List(found), DataType::List(wanted)) | (DataType::Map(found, _), DataType::Map(wanted, _)) => {
            is_same_type(found.data_type(), wanted.data_type())
        }
        (DataType::Struct(found), DataType::Struct(wanted)) => {
            found.len() == wanted.len()
                && found.iter().zip(wanted).all(|(found, wanted)| is_same_type(found.data_type(), wanted.data_type()))
        }
        _ => found == wanted,
    }
}

/// The batches of a file.
pub(crate) struct Batches {
    table: &'static str,
    schema: SchemaRef,
    /// `None` after an error.
    reader: Option<ParquetRecordBatchReader>,
}

impl Iterator for Batches {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        let (batch, reader) = match guarded(self.table, || (reader.next(), reader)) {
            Ok(read) => read,
            Err(error) => return Some(Err(error)),
        };
        let batch = batch?.map_err(|error| Error::malformed(self.table, error));
        self.reader = Some(reader).filter(|_| batch.is_ok());
        Some(batch.map(|batch| Batch::new(self.table, Arc::clone(&self.schema), batch)))
    }
}
