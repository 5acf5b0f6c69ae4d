//! Rollups: rows of sessions come back, are replaced, and files that no writer makes are errors.

use super::*;
use crate::build::Content;
use crate::build::tests::{CLEAR, built, content, session};
use crate::head::{Head, Options};
use crate::row::Record;
use crate::values::Values;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionName};
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_core::snapshot::submission::{JobStatus, JobType};
use ray_history_core::snapshot::testing::made;
use std::sync::Arc;

const DAY: &str = "2026-11-22";

fn day() -> Day {
    Day::parse(DAY).unwrap()
}

fn key(namespace: &str, n: u32) -> SessionKey {
    let session = SessionName::parse(&format!("session_2026-11-22_23-11-33_821800_{n}")).unwrap();
    SessionKey { cluster: ClusterId { namespace: namespace.to_owned(), name: "rc".to_owned() }, session }
}

/// Returns the rows of a session with these events.
fn made_of(key: &SessionKey, events: &[Value], known: bool, options: Options) -> FleetSession {
    let owner = Some(Owner { kind: OwnerKind::RayJob, name: "nightly".to_owned() });
    let mut snapshot = session(events);
    add_jobs(&mut snapshot);
    let content = content(snapshot, options);
    let content = Content { key: key.clone(), namespace_known: known, owner, ..content };
    let (head, _) = built(content, (1 << 20, 1 << 22));
    let size = head.len() as u64;
    let head = Head::read(head, key).unwrap();
    FleetSession::of(&head, key, "log/", (size, Some("tag")), &Told::default()).unwrap()
}

/// Adds a job that failed and one that did not.
fn add_jobs(snapshot: &mut Snapshot) {
    for status in [JobStatus::Failed, JobStatus::Succeeded] {
        snapshot.jobs.push(UnifiedJob {
            job_type: JobType::Submission,
            submission_id: Some("raysubmit_1".into()),
            status,
            message: Some("planted message".into()),
            runtime_env: r#"{"env_vars": {"A": "hunter2"}}"#.into(),
            start_ms: Some(1),
            ..UnifiedJob::empty()
        });
    }
}

fn event(n: u8) -> Value {
    made::event(n % 14, std::array::from_fn(|at| n.wrapping_mul(31).wrapping_add(at as u8 * 7) / 3))
}

/// Sessions of which every table has rows.
fn sessions() -> Vec<FleetSession> {
    let events: Vec<Value> = (0..120).map(event).collect();
    let of = |namespace, n, known| made_of(&key(namespace, n), &events, known, Options::default());
    let one = of("ml", 1, true);
    let lengths = [one.jobs.len(), one.nodes.len(), one.functions.len(), one.failures.len()];
    assert!(lengths.iter().all(|length| *length > 1), "{lengths:?}");
    vec![one, of("a", 2, true), of("zz", 3, false), of("ml", 4, true)]
}

fn rows(table: FleetTable, bytes: &Bytes) -> Vec<Map<String, Value>> {
    let mut rows = Vec::new();
    each_row(table, day(), bytes.clone(), None, |_, row| {
        rows.push(row());
        ControlFlow::Continue(())
    })
    .unwrap();
    rows
}

fn text<'a>(row: &'a Map<String, Value>, column: &str) -> &'a str {
    row[column].as_str().unwrap_or("NULL")
}

#[test]
fn rows_are_sorted_and_replaced_by_session() {
    let all = sessions();
    for table in FleetTable::ALL {
        let whole = merge(table, day(), None, &all).unwrap();
        let found = rows(table, &whole);
        let names: Vec<_> = found.iter().map(|row| (text(row, "namespace"), text(row, "session"))).collect();
        let mut distinct = names.clone();
        distinct.dedup();
        assert_eq!(distinct.iter().map(|(namespace, _)| *namespace).collect::<Vec<_>>(), ["a", "ml", "ml", "NULL"]);
        // Another build of one session.
        let fewer = made_of(&key("ml", 1), &[event(0)], true, Options::default());
        let after = merge(table, day(), Some(whole.clone()), std::slice::from_ref(&fewer)).unwrap();
        let of_first = |rows: &[Map<String, Value>]| {
            let is_first = |row: &&Map<String, Value>| text(row, "session").ends_with("_1");
            rows.iter().filter(is_first).cloned().collect::<Vec<_>>()
        };
        let alone = rows(table, &merge(table, day(), None, &[fewer]).unwrap());
        let after = rows(table, &after);
        assert_eq!(of_first(&after), alone);
        assert_eq!(after.len() - alone.len(), found.len() - of_first(&found).len());
        let twice: Vec<FleetSession> = all.iter().chain(&all).cloned().collect();
        assert!(merge(table, day(), None, &twice).unwrap() == whole, "{table:?}");
        // And back again.
        let again = merge(table, day(), Some(merge(table, day(), Some(whole.clone()), &all[1..]).unwrap()), &all[..1]);
        assert!(again.unwrap() == whole, "{table:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However sessions come, and however often, the file is the same.
    #[test]
    fn the_same_sessions_give_the_same_bytes(events in made::events(), order in Just((0..4).collect::<Vec<usize>>()).prop_shuffle()) {
        let of = |n: usize| made_of(&key(["b", "a", "b", "c"][n], n as u32), &events, n != 2, CLEAR);
        let all: Vec<FleetSession> = (0..4).map(of).collect();
        for table in FleetTable::ALL {
            let whole = merge(table, day(), None, &all).unwrap();
            let mut there = None;
            for at in order.iter().chain(&order[..2]) {
                there = Some(merge(table, day(), there, &all[*at..=*at]).unwrap());
            }
            prop_assert!(there.as_ref() == Some(&whole), "{:?}", table);
        }
    }
}

#[test]
fn a_run_has_the_numbers_of_its_session() {
    let all = sessions();
    let bytes = merge(FleetTable::Runs, day(), None, &all).unwrap();
    let found = rows(FleetTable::Runs, &bytes);
    let (run, functions) = (&found[1], &all[0].functions);
    let attempts: u64 = functions.iter().map(|row| row.stats.attempts).sum();
    assert!(attempts > 0);
    assert_eq!(run["attempts"], attempts);
    assert_eq!(run["nodes"], all[0].nodes.len());
    assert_eq!((text(run, "owner_kind"), text(run, "owner_name")), ("RayJob", "nightly"));
    assert_eq!(text(run, "ray_version"), "2.60.0");
    let tasks_key = format!(
        "log/ray-history/v1/tables/tasks/namespace=ml/day={DAY}/rc~session_2026-11-22_23-11-33_821800_1~00000.parquet"
    );
    assert_eq!(text(run, "tasks_key"), tasks_key);
    assert_eq!(
        run["jobs"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>(),
        all[0].jobs.len() as u64
    );
    assert!(run.keys().all(|column| !column.starts_with('_')), "{run:?}");
    let (found, row) = written(day(), bytes).unwrap().swap_remove(1);
    assert_eq!(found, key("ml", 1));
    let told = |outcome| Told { outcome, cause: None };
    assert!(
        row.is_of(row.head_bytes, Some("tag"), &told(None))
            && row.is_of(row.head_bytes, Some("tag"), &told(Some(row.outcome)))
    );
    assert!(!row.is_of(row.head_bytes + 1, Some("tag"), &told(None)) && !row.is_of(row.head_bytes, None, &told(None)));
    let other = Outcome::ALL.into_iter().find(|outcome| *outcome != row.outcome);
    assert!(!row.is_of(row.head_bytes, Some("tag"), &told(other)));
}

/// Pages that are read one after the other have every row once, even if the row that the last one ended with is gone.
#[test]
fn rows_go_on_behind_any_place() {
    let all = sessions();
    for table in FleetTable::ALL {
        let bytes = merge(table, day(), None, &all).unwrap();
        let mut places = Vec::new();
        each_row(table, day(), bytes.clone(), None, |place, _| {
            places.push(place.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
        for (n, place) in places.iter().enumerate() {
            let mut next = None;
            each_row(table, day(), bytes.clone(), Some(place), |place, _| {
                next = Some(place.clone());
                ControlFlow::Break(())
            })
            .unwrap();
            assert_eq!(next.as_ref(), places.get(n + 1), "{table:?}");
        }
        let without = merge(table, day(), None, &all[1..]).unwrap();
        let place = RowPlace { key: key("ml", 1), namespace_known: true, row: 0 };
        let mut next = None;
        each_row(table, day(), without, Some(&place), |place, _| {
            next = Some(place.key.clone());
            ControlFlow::Break(())
        })
        .unwrap();
        assert_eq!(next, Some(key("ml", 4)));
    }
}

#[test]
fn a_head_without_totals_has_a_run() {
    let events = [event(0), event(2)];
    let content = content(session(&events), Options::default());
    let key = content.key.clone();
    let (head, _) = built(content, (1 << 20, 1 << 22));
    let mut members = crate::head::unpack_members(&head).unwrap();
    members.retain(|name, _| !["functions.parquet", "totals.json"].contains(&name.as_str()));
    let members: Vec<_> = members.iter().map(|(name, bytes)| (name.as_str(), bytes.to_vec())).collect();
    let head = Head::read(crate::head::pack_members(&members).unwrap().into(), &key).unwrap();
    let told = Told { outcome: Some(Outcome::Failed), cause: Some("HeadOutOfMemory".into()) };
    let session = FleetSession::of(&head, &key, "", (7, None), &told).unwrap();
    assert_eq!((session.key(), session.day()), (&key, day()));
    let run = &rows(FleetTable::Runs, &merge(FleetTable::Runs, day(), None, &[session]).unwrap())[0];
    assert_eq!(
        (text(run, "outcome"), text(run, "cause"), text(run, "ray_version")),
        ("Failed", "HeadOutOfMemory", "NULL")
    );
    assert!(run["attempts"].is_u64() || run["attempts"].is_i64());
    assert!(run["tasks"].is_null());
}

/// Every byte of every rollup is searched, unpacked.
#[test]
fn what_must_not_be_there_is_in_no_rollup() {
    let mut event = made::event(0, [1; 6]);
    event["taskDefinitionEvent"]["serializedRuntimeEnv"] = r#"{"env_vars": {"A": "hunter2"}}"#.into();
    for options in [Options::default(), CLEAR, Options { messages: false, ..Options::default() }] {
        let events: Vec<Value> = (0..120).map(self::event).chain([event.clone()]).collect();
        let mut snapshot = session(&events);
        add_jobs(&mut snapshot);
        let content = content(snapshot, options);
        let key = content.key.clone();
        let head = Head::read(built(content, (1 << 20, 1 << 22)).0, &key).unwrap();
        let session = [FleetSession::of(&head, &key, "", (7, None), &Told::default()).unwrap()];
        let mut shown = String::new();
        for table in FleetTable::ALL {
            let bytes = merge(table, day(), None, &session).unwrap();
            shown.extend(columns(&bytes).iter().map(|column| format!("{column:?}")));
            shown += &Value::from(rows(table, &bytes).into_iter().map(Value::Object).collect::<Vec<_>>()).to_string();
        }
        assert!(!shown.contains("hunter2") && shown.contains("<redacted>"));
        assert_eq!(shown.contains("planted message"), options.messages);
    }
}

fn columns(bytes: &Bytes) -> Vec<(String, ArrayRef)> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes.clone(), options).unwrap();
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let names = batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    names.into_iter().zip(batch.columns().iter().cloned()).collect()
}

/// Writes other columns with the footer of a file.
fn rewritten(bytes: &Bytes, columns: Vec<(String, ArrayRef)>) -> Bytes {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().cloned();
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)));
    let batch = batch.unwrap();
    let zstd = parquet::basic::Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let properties = WriterProperties::builder().set_writer_version(WriterVersion::PARQUET_2_0);
    let properties = properties.set_key_value_metadata(pairs).set_compression(zstd).build();
    let options = ArrowWriterOptions::new().with_skip_arrow_metadata(true).with_properties(properties);
    let mut written = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut written, batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    written.into()
}

fn try_read(table: FleetTable, bytes: Bytes) -> Result<(), Error> {
    each_row(table, day(), bytes, None, |_, row| {
        row();
        ControlFlow::Continue(())
    })
}

#[test]
fn columns_that_a_file_lacks_are_absent_and_more_are_ignored() {
    let bytes = merge(FleetTable::Runs, day(), None, &sessions()).unwrap();
    let all = columns(&bytes);
    let mut other: Vec<_> = all.iter().filter(|(name, _)| name != "owner_name" && name != "gaps").cloned().collect();
    other.push(("of_a_later_version".to_owned(), Arc::new(StringArray::from(vec!["x"; all[0].1.len()]))));
    let other = rewritten(&bytes, other);
    let found = rows(FleetTable::Runs, &other);
    assert!(found.iter().all(|row| row["owner_name"].is_null() && row["owner_kind"] == "RayJob"));
    assert!(merge(FleetTable::Runs, day(), Some(other), &sessions()).unwrap() == bytes);
}

#[test]
fn files_of_other_sessions_days_and_tables_are_errors() {
    let bytes = merge(FleetTable::Runs, day(), None, &sessions()).unwrap();
    try_read(FleetTable::Runs, bytes.clone()).unwrap();
    assert!(
        each_row(FleetTable::Runs, Day::parse("2026-11-23").unwrap(), bytes.clone(), None, |_, _| ControlFlow::Break(
            ()
        ))
        .is_err()
    );
    assert!(merge(FleetTable::Jobs, day(), Some(bytes.clone()), &[]).is_err());
    let all = columns(&bytes);
    let with = |name: &str, values: Vec<Option<&str>>| {
        let mut other = all.clone();
        let at = other.iter().position(|(found, _)| found == name).unwrap();
        other[at].1 = Arc::new(StringArray::from(values));
        rewritten(&bytes, other)
    };
    let rows = all[0].1.len();
    for (name, bad) in
        [("session", Some("session_latest")), ("session", None), ("namespace", Some("z")), ("_millis", Some("x"))]
    {
        let mut values = vec![bad; rows];
        if name == "namespace" {
            values[rows - 1] = Some("a");
        }
        assert!(try_read(FleetTable::Runs, with(name, values)).is_err(), "{name} is {bad:?}");
    }
    let numbers: ArrayRef = Arc::new(arrow_array::Int32Array::from(vec![1; rows]));
    let other: Vec<_> = all
        .iter()
        .map(|(name, column)| (name.clone(), Arc::clone(if name == "cause" { &numbers } else { column })))
        .collect();
    assert!(try_read(FleetTable::Runs, rewritten(&bytes, other)).is_err());
    // A table of one session, though its columns fit.
    let stamp = Stamp { session: "s".to_owned(), ..Stamp::default() };
    let none = std::iter::empty::<Located<RunRow>>();
    let layout = layout::<RunRow>().unwrap();
    let (one, _) = row::write(&layout, &Snapshot::default(), none, &mut Environments::default(), &stamp).unwrap();
    assert!(try_read(FleetTable::Runs, one.into()).is_err());
}

/// A short file may stand for texts without end: a value that every row has.
#[test]
fn texts_that_a_dictionary_multiplies_are_bounded() {
    let bytes = merge(FleetTable::Runs, day(), None, &sessions()).unwrap();
    let rows = 8_000;
    let read = |length: usize| {
        let long = "x".repeat(length);
        let column = |(name, column): (String, ArrayRef)| -> (String, ArrayRef) {
            let first = column.as_any().downcast_ref::<StringArray>().filter(|column| column.is_valid(1));
            let value = if name == "cause" { Some(long.as_str()) } else { first.map(|column| column.value(1)) };
            let Some(value) = value else { return (name, arrow_array::new_null_array(column.data_type(), rows)) };
            let keys = arrow_array::Int32Array::from(vec![0; rows]);
            let values = Arc::new(StringArray::from(vec![value]));
            (name, Arc::new(arrow_array::DictionaryArray::<Int32Type>::try_new(keys, values).unwrap()))
        };
        // Other ids, so that the file has no fewer bytes than rows.
        let mut other: Vec<_> = columns(&bytes).into_iter().map(column).collect();
        let at = other.iter().position(|(name, _)| name == "build").unwrap();
        other[at].1 = Arc::new((0..rows).map(|n| Some(format!("{:x}", n * 7_919))).collect::<StringArray>());
        let layout = layout::<RunRow>().unwrap();
        let read = row::read_unnamed(&layout, rewritten(&bytes, other), 16 << 20, &mut Values::default());
        read.map(|rows: Vec<Located<RunRow>>| rows.len())
    };
    assert_eq!(read(1_000).unwrap(), rows);
    assert!(read(10_000).unwrap_err().to_string().contains("texts"));
}

#[test]
fn damaged_rollups_never_panic() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    let all = sessions();
    let mut errors = 0;
    for table in FleetTable::ALL {
        let bytes = merge(table, day(), None, &all).unwrap();
        for round in 0..150 {
            let mut flipped = bytes.to_vec();
            for _ in 0..=round % 4 {
                flipped[next(bytes.len())] ^= 1 << next(8);
            }
            errors += usize::from(try_read(table, flipped.into()).is_err());
        }
        for cut in (0..bytes.len()).step_by(997) {
            assert!(try_read(table, bytes.slice(..cut)).is_err(), "{table:?} to {cut}");
        }
    }
    assert!(errors > 50, "{errors} errors");
}

/// The columns are a promise to those who query them: they may become more, but none may change.
#[test]
fn columns_are_those_that_were_promised() {
    let mut found = String::new();
    for table in FleetTable::ALL {
        let bytes = merge(table, day(), None, &sessions()[..1]).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        let mut text = Vec::new();
        parquet::schema::printer::print_schema(&mut text, reader.parquet_schema().root_schema());
        let text = String::from_utf8(text).unwrap();
        found += &text.replace("message arrow_schema", &format!("message {}", table.name()));
    }
    assert!(found == include_str!("tests/schema.txt"), "not as in tests/schema.txt:\n{found}");
}
