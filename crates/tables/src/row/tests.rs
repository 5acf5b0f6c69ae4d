//! Every table of rows that describe themselves: equal after it was written and read, refused where it was changed.

mod made;

use crate::actors;
use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::small::{Table, failures, functions};
use crate::values::Values;
use arrow_array::{Array, ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use made::Session;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::driver::Driver;
use ray_history_core::snapshot::failures::Failures;
use ray_history_core::snapshot::job::{DriverJob, SubmissionEvents};
use ray_history_core::snapshot::node::Node;
use ray_history_core::snapshot::placement_group::PlacementGroup;
use ray_history_core::snapshot::runtime_env::NodeRuntimeEnv;
use ray_history_core::snapshot::submission::UnifiedJob;
use ray_history_core::snapshot::worker::Worker;
use std::sync::Arc;

/// A table as it was written, and what reads it.
struct File {
    name: &'static str,
    bytes: Bytes,
    expected: Expected,
    read: fn(Bytes, &Expected, &mut Values) -> Result<String, Error>,
}

fn stamp() -> Stamp {
    let text = |text: &str| text.to_owned();
    Stamp { build: text("b"), namespace: text("n"), cluster: text("c"), session: text("s") }
}

/// Writes every table.
fn files(session: &Session, messages: bool) -> (Vec<File>, Environments) {
    fn add<T: Table + std::fmt::Debug>(
        files: &mut Vec<File>,
        snapshot: &Snapshot,
        environments: &mut Environments,
        messages: bool,
    ) {
        let (bytes, expected) = T::write(snapshot, environments, &stamp(), messages).unwrap();
        let read = |bytes: Bytes, expected: &Expected, values: &mut Values| {
            T::read(bytes, &stamp(), expected, values).map(|rows| format!("{rows:#?}"))
        };
        files.push(File { name: T::NAME, bytes: bytes.into(), expected, read });
    }
    let (mut files, mut environments, snapshot) = (Vec::new(), Environments::default(), &session.snapshot);
    add::<Node>(&mut files, snapshot, &mut environments, messages);
    add::<Worker>(&mut files, snapshot, &mut environments, messages);
    add::<Driver>(&mut files, snapshot, &mut environments, messages);
    add::<DriverJob>(&mut files, snapshot, &mut environments, messages);
    add::<SubmissionEvents>(&mut files, snapshot, &mut environments, messages);
    add::<PlacementGroup>(&mut files, snapshot, &mut environments, messages);
    add::<UnifiedJob>(&mut files, snapshot, &mut environments, messages);
    add::<NodeRuntimeEnv>(&mut files, snapshot, &mut environments, messages);
    let (bytes, expected) = actors::write(snapshot, &mut environments, &stamp(), messages).unwrap();
    let read = |bytes: Bytes, expected: &Expected, values: &mut Values| {
        actors::read(bytes, &stamp(), expected, values).map(|rows| format!("{rows:#?}"))
    };
    files.push(File { name: "actors", bytes: bytes.into(), expected, read });
    let (bytes, expected) = failures::write(&session.failures, &stamp(), messages).unwrap();
    let read = |bytes: Bytes, expected: &Expected, _: &mut Values| {
        failures::read(bytes, &stamp(), expected).map(|failures| format!("{failures:#?}"))
    };
    files.push(File { name: failures::NAME, bytes: bytes.into(), expected, read });
    let (bytes, expected) = functions::write(&session.functions, &stamp()).unwrap();
    let read = |bytes: Bytes, expected: &Expected, _: &mut Values| {
        functions::read(bytes, &stamp(), expected).map(|functions| format!("{functions:#?}"))
    };
    files.push(File { name: functions::NAME, bytes: bytes.into(), expected, read });
    (files, environments)
}

/// A session of which every table has a row.
fn full() -> Session {
    let sessions = (0..20_000).map(|seed| Session::new(seed * 7_919 + 3, &[]));
    let is_full = |session: &Session| {
        let Snapshot { actors, nodes, workers, drivers, driver_jobs, submission_events, .. } = &session.snapshot;
        let Snapshot { jobs, runtime_envs, placement_groups, .. } = &session.snapshot;
        let lengths = [actors.len(), nodes.len(), workers.len(), drivers.len(), driver_jobs.len(), jobs.len()];
        let others = [submission_events.len(), runtime_envs.len(), placement_groups.len()];
        let digests = [session.failures.groups.len(), session.functions.rows.len()];
        lengths.into_iter().chain(others).chain(digests).all(|length| length > 1)
    };
    sessions.into_iter().find(is_full).unwrap()
}

/// Returns the columns of a file, and writes others with the same footer.
fn columns(bytes: &Bytes) -> Vec<(String, ArrayRef)> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes.clone(), options).unwrap();
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let names = batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    names.into_iter().zip(batch.columns().iter().cloned()).collect()
}

fn rewritten(file: &File, columns: Vec<(String, ArrayRef)>) -> (Bytes, Expected) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.bytes.clone()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().cloned();
    let fields = columns.iter().map(|(name, column)| Field::new(name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, column)| column).collect());
    let zstd = parquet::basic::Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let properties = WriterProperties::builder().set_writer_version(WriterVersion::PARQUET_2_0);
    let properties = properties.set_key_value_metadata(pairs).set_compression(zstd).build();
    let options = ArrowWriterOptions::new().with_skip_arrow_metadata(true).with_properties(properties);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, schema, options).unwrap();
    writer.write(&batch.unwrap()).unwrap();
    let metadata = writer.close().unwrap();
    let all = metadata.row_groups().iter().flat_map(parquet::file::metadata::RowGroupMetaData::columns);
    let uncompressed = all.map(|column| column.uncompressed_size().cast_unsigned()).sum();
    (bytes.into(), Expected { rows: file.expected.rows, uncompressed })
}

/// Fails unless the file of a table has these rows.
fn assert_read<T: Table + PartialEq + std::fmt::Debug>(rows: &[T], files: &[File], values: &mut Values) {
    let File { bytes, expected, .. } = files.iter().find(|file| file.name == T::NAME).unwrap();
    assert_eq!(T::read(bytes.clone(), &stamp(), expected, values).unwrap(), rows, "{}", T::NAME);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_row_comes_back(seed: u64, words in prop::collection::vec(any::<String>(), 0..4)) {
        let session = Session::new(seed, &words);
        let Session { snapshot, failures: groups, .. } = &session;
        let (files, environments) = files(&session, true);
        let mut values = session.values();
        values.environments = Some(environments);
        let file = |name: &str| files.iter().find(|file| file.name == name).unwrap();
        assert_read(&snapshot.nodes, &files, &mut values);
        assert_read(&snapshot.workers, &files, &mut values);
        assert_read(&snapshot.drivers, &files, &mut values);
        assert_read(&snapshot.driver_jobs, &files, &mut values);
        assert_read(&snapshot.submission_events, &files, &mut values);
        assert_read(&snapshot.placement_groups, &files, &mut values);
        assert_read(&snapshot.jobs, &files, &mut values);
        assert_read(&snapshot.runtime_envs, &files, &mut values);
        let File { bytes, expected, .. } = file("actors");
        prop_assert_eq!(&actors::read(bytes.clone(), &stamp(), expected, &mut values).unwrap(), &snapshot.actors);
        let File { bytes, expected, .. } = file("failures");
        prop_assert_eq!(&failures::read(bytes.clone(), &stamp(), expected).unwrap(), groups);
        let File { bytes, expected, .. } = file("functions");
        prop_assert_eq!(&functions::read(bytes.clone(), &stamp(), expected).unwrap(), &session.functions);
    }

    #[test]
    fn the_same_snapshot_gives_the_same_bytes(seed: u64) {
        let [a, b] = [(); 2].map(|()| files(&Session::new(seed, &[]), true).0);
        for (a, b) in a.iter().zip(b) {
            prop_assert_eq!(&a.bytes, &b.bytes, "{}", a.name);
        }
    }
}

/// The columns are a promise to those who query them: they may become more, but none may change.
#[test]
fn columns_are_those_that_were_promised() {
    let session = Session::new(1, &[]);
    let mut found = String::new();
    for file in files(&session, true).0 {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file.bytes).unwrap();
        let mut text = Vec::new();
        parquet::schema::printer::print_schema(&mut text, reader.parquet_schema().root_schema());
        let text = String::from_utf8(text).unwrap();
        found += &text.replace("message arrow_schema", &format!("message {}", file.name));
    }
    assert!(found == include_str!("tests/schema.txt"), "not as in tests/schema.txt:\n{found}");
}

#[test]
fn values_of_variables_are_in_no_table() {
    let session = full();
    let mut shown = 0;
    for file in files(&session, true).0 {
        for (name, column) in columns(&file.bytes) {
            let texts: Option<&StringArray> = column.as_any().downcast_ref();
            let is_env = name == "runtime_env";
            for text in texts.into_iter().flatten().flatten().filter(|_| is_env) {
                assert!(!text.contains("planted-secret"), "{}: {name}", file.name);
                shown += usize::from(text.contains("<redacted>"));
            }
        }
    }
    assert!(shown > 0);
}

#[test]
fn without_values_of_variables_rows_have_what_the_file_shows() {
    let mut session = full();
    let env = r#"{"env_vars": {"TOKEN": "planted-secret"}, "pip": ["x"]}"#;
    session.snapshot.runtime_envs.iter_mut().for_each(|row| row.runtime_env = env.into());
    let file = files(&session, true).0.into_iter().find(|file| file.name == "runtime_envs").unwrap();
    let rows = <NodeRuntimeEnv as Table>::read(file.bytes, &stamp(), &file.expected, &mut Values::default()).unwrap();
    assert!(rows.iter().all(|row| &*row.runtime_env == r#"{"env_vars": {"TOKEN": "<redacted>"}, "pip": ["x"]}"#));
    assert!(Arc::ptr_eq(&rows[0].runtime_env, &rows[1].runtime_env), "equal texts are held once");
}

#[test]
fn without_messages_tables_for_queries_have_none() {
    let mut session = full();
    session.snapshot.jobs.iter_mut().for_each(|job| job.message = Some("planted message".into()));
    session.failures.groups.iter_mut().for_each(|group| group.sample.message = "planted message".into());
    for messages in [true, false] {
        for file in files(&session, messages).0 {
            let text = (file.read)(file.bytes.clone(), &file.expected, &mut session.values()).unwrap();
            let has = text.contains("planted message");
            assert_eq!(has, messages && ["jobs", "failures"].contains(&file.name), "{}", file.name);
            if file.name == "actors" {
                let cause = columns(&file.bytes).into_iter().find(|(name, _)| name == "death_cause").unwrap().1;
                assert!(messages || cause.null_count() == cause.len());
            }
        }
    }
}

#[test]
fn readers_see_times_within_their_calendars() {
    let worker = Worker { launch_ms: u64::MAX, end_ms: 1, ..Worker::default() };
    let snapshot = Snapshot { workers: vec![worker.clone()], ..Snapshot::default() };
    let (bytes, expected) = Worker::write(&snapshot, &mut Environments::default(), &stamp(), true).unwrap();
    let bytes = Bytes::from(bytes);
    let column = |name: &str| columns(&bytes).into_iter().find(|(found, _)| found == name).unwrap().1;
    let launch = column("launch_at");
    let launch: &arrow_array::TimestampMillisecondArray = launch.as_any().downcast_ref().unwrap();
    assert_eq!(launch.value(0), 253_402_300_799_999);
    assert_eq!(column("start_at").null_count(), 1);
    assert_eq!(<Worker as Table>::read(bytes, &stamp(), &expected, &mut Values::default()).unwrap(), [worker]);
}

#[test]
fn a_column_that_is_missing_or_of_another_type_is_an_error() {
    for file in files(&full(), true).0 {
        let all = columns(&file.bytes);
        let (bytes, expected) = rewritten(&file, all.clone());
        (file.read)(bytes, &expected, &mut Values::default()).unwrap();
        for at in 0..all.len() {
            let name = all[at].0.clone();
            let mut fewer = all.clone();
            fewer.remove(at);
            let (bytes, expected) = rewritten(&file, fewer);
            let read = (file.read)(bytes, &expected, &mut Values::default());
            assert!(read.is_err(), "{} without {name}", file.name);
            let mut other = all.clone();
            let rows = other[at].1.len();
            other[at].1 = match other[at].1.data_type() {
                DataType::Utf8 => Arc::new(Int32Array::from(vec![1; rows])),
                _ => Arc::new(StringArray::from(vec!["x"; rows])),
            };
            let (bytes, expected) = rewritten(&file, other);
            let read = (file.read)(bytes, &expected, &mut Values::default());
            assert!(read.is_err(), "{} with another {name}", file.name);
        }
        let mut more = all.clone();
        more.push(("of_a_later_version".to_owned(), Arc::new(StringArray::from(vec!["x"; all[0].1.len()]))));
        let (bytes, expected) = rewritten(&file, more);
        assert!((file.read)(bytes, &expected, &mut Values::default()).is_ok(), "{} with one more", file.name);
    }
}

#[test]
fn words_ids_and_orders_that_no_writer_has_are_errors() {
    let of_ids = ["nodes", "workers", "drivers", "driver_jobs", "placement_groups", "actors"];
    for file in files(&full(), true).0 {
        let all = columns(&file.bytes);
        let is_word = |name: &str| match name {
            "state" => file.name == "actors",
            "status" => file.name == "jobs",
            "type" => ["jobs", "functions"].contains(&file.name),
            "kind" | "fingerprint" => file.name == "failures",
            "node_id" | "worker_id" | "actor_id" | "placement_group_id" | "creator_job_id" | "_millis" => true,
            "job_id" | "driver_node_id" => ["actors", "workers", "driver_jobs"].contains(&file.name),
            _ => false,
        };
        let words = all.iter().enumerate().filter(|(_, (name, _))| is_word(name));
        for (at, (name, column)) in words {
            for bad in ["abc", "xy", "é"] {
                let mut other = all.clone();
                other[at].1 = Arc::new(StringArray::from(vec![bad; column.len()]));
                let (bytes, expected) = rewritten(&file, other);
                let read = (file.read)(bytes, &expected, &mut Values::default());
                assert!(read.is_err(), "{}: {name} is {bad}", file.name);
            }
        }
        if of_ids.contains(&file.name) {
            let reversed = |column: &ArrayRef| -> ArrayRef {
                match column.as_any().downcast_ref::<StringArray>() {
                    Some(texts) => {
                        Arc::new(texts.iter().collect::<Vec<_>>().into_iter().rev().collect::<StringArray>())
                    }
                    None => Arc::clone(column),
                }
            };
            let other = all.iter().map(|(name, column)| (name.clone(), reversed(column))).collect();
            let (bytes, expected) = rewritten(&file, other);
            let read = (file.read)(bytes, &expected, &mut Values::default());
            assert!(read.is_err(), "{} in another order", file.name);
        }
    }
}

#[test]
fn a_cause_beyond_the_groups_is_an_error() {
    let mut failures = Failures { groups: full().failures.groups, ..Failures::default() };
    failures.groups[0].caused_by = Some(failures.groups.len());
    let (bytes, expected) = failures::write(&failures, &stamp(), true).unwrap();
    assert!(failures::read(bytes.into(), &stamp(), &expected).is_err());
}

#[test]
fn damaged_files_never_panic() {
    let session = full();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    // What the reader of Parquet panics at is an error, and no news.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(std::panic::Location::file).unwrap_or_default();
        assert!(place.contains(".cargo") || place.contains("rustc"), "{panic}");
    }));
    let mut errors = 0;
    for file in files(&session, true).0 {
        for round in 0..300 {
            let mut bytes = file.bytes.to_vec();
            let length = bytes.len();
            for _ in 0..=round % 4 {
                bytes[next(length)] ^= 1 << next(8);
            }
            errors += usize::from((file.read)(bytes.into(), &file.expected, &mut Values::default()).is_err());
        }
        for cut in (0..file.bytes.len()).step_by(61) {
            let bytes = file.bytes.slice(..cut);
            assert!((file.read)(bytes, &file.expected, &mut Values::default()).is_err(), "{} to {cut}", file.name);
        }
        assert!(small_expected(&file).is_err(), "{} with another promise", file.name);
    }
    let _ = std::panic::take_hook();
    assert!(errors > 300, "{errors} errors");
}

fn small_expected(file: &File) -> Result<String, Error> {
    let expected = Expected { rows: file.expected.rows + 1, ..file.expected.clone() };
    (file.read)(file.bytes.clone(), &expected, &mut Values::default())
}
