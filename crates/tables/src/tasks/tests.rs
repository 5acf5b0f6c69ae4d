//! Tests that attempts and their profile events come back from their files as they were.

use super::schema::LAYOUT;
use super::*;
use crate::profile;
use crate::{Environments, Error, Expected, Stamp, Values};
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use bytes::Bytes;
use proptest::prelude::*;
use ray_history_core::base::id::{JobId, RayId, TaskId};
use ray_history_core::base::task::{Language, TaskType};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::build::Builder;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::task::{Columns, LogInfo, ProfileRow, ProfileSource, Shape};
use ray_history_core::snapshot::testing::{dump, made, many};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The files of a snapshot.
pub(crate) struct Files {
    pub(crate) tasks: (Bytes, Expected),
    pub(crate) profile: (Bytes, Expected),
    pub(crate) environments: Environments,
}

pub(crate) fn stamp() -> Stamp {
    let text = str::to_owned;
    Stamp { build: text("b"), namespace: text("ns"), cluster: text("c"), session: text("s") }
}

pub(crate) fn written(snapshot: &Snapshot) -> Files {
    written_as(snapshot, Options { messages: true })
}

fn written_as(snapshot: &Snapshot, options: Options) -> Files {
    let (mut tasks, mut profile, mut environments) = (Vec::new(), Vec::new(), Environments::default());
    let of_tasks =
        write(snapshot, &snapshot.tasks.by_place(), &stamp(), options, &mut environments, &mut tasks).unwrap();
    let of_profile = profile::write(snapshot, &snapshot.tasks.by_place(), &stamp(), &mut profile).unwrap();
    Files { tasks: (tasks.into(), of_tasks), profile: (profile.into(), of_profile), environments }
}

pub(crate) fn read_back(files: &Files, environments: Option<Environments>) -> Result<Snapshot, Error> {
    let mut values = Values { environments, ..Values::default() };
    let (bytes, expected) = &files.tasks;
    let mut tasks = read(&[(bytes.clone(), expected.clone())], &stamp(), &mut values)?;
    let (bytes, expected) = &files.profile;
    profile::read(&[(bytes.clone(), expected.clone())], &stamp(), &mut values, &mut tasks)?;
    let Values { strings, ids, texts, .. } = values;
    let (strings, ids, texts) = (strings.freeze(), ids.freeze(), texts.freeze());
    Ok(Snapshot { strings, ids, texts, tasks: tasks.table, ..Snapshot::default() })
}

fn assert_comes_back(snapshot: &Snapshot) -> Result<(), TestCaseError> {
    let files = written(snapshot);
    let back = read_back(&files, Some(files.environments.clone())).unwrap();
    prop_assert_eq!(dump::tasks(snapshot), dump::tasks(&back));
    // What was read is written as it was.
    let again = written(&back);
    prop_assert_eq!(&files.tasks, &again.tasks);
    prop_assert_eq!(&files.profile, &again.profile);
    Ok(())
}

/// Small numbers, of which each field of an attempt takes one.
type Small = [u8; 24];

fn edge(n: u8) -> i64 {
    let edges =
        [0, 1, -1, 999, 1_000, -1_000, i64::MIN, i64::MAX, 1_795_389_142_673_123_456, 1_795_389_142_673_000_000];
    edges[usize::from(n) % edges.len()]
}

/// Returns attempts of any values, also those that no event gives.
pub(crate) fn odd(rows: &[Small]) -> Snapshot {
    let mut values = Values::default();
    let texts =
        ["", "x", "{}", "é\n", r#"{"CPU":1.0,"GPU":0.5}"#, r#"{"env_vars":{"K":"v1"}}"#, r#"{"env_vars":{"K":"v2"}}"#];
    let strings = texts.map(|text| values.strings.str(text));
    let str = |n: u8| strings[usize::from(n) % strings.len()];
    let messages = ["", "boom", "bang"].map(|text| values.texts.intern(text));
    let id = |values: &mut Values, n: u8, bytes: usize| {
        // The nil actor is no actor.
        let all = if bytes == 16 { [3, 1] } else { [0xff, 1] }[usize::from(n) % 2];
        if n.is_multiple_of(5) {
            ray_history_core::snapshot::intern::Id::default()
        } else {
            values.ids.id(&vec![all; bytes])
        }
    };
    let mut sorted: Vec<(TaskId, u32, &Small)> = rows
        .iter()
        .map(|n| {
            let mut id = [0xff; 24];
            id[..8].fill([0xff, 1, 2][usize::from(n[0]) % 3]);
            id[8..20].fill([0xff, 0xff, 1][usize::from(n[1]) % 3]);
            id[20..].copy_from_slice(&[n[2] % 2, 0, 0, 0]);
            (RayId(id), [0, 1, 2, u32::MAX][usize::from(n[3]) % 4], n)
        })
        .collect();
    sorted.sort_by_key(|&(id, attempt, _)| (id, attempt));
    sorted.dedup_by_key(|&mut (id, attempt, _)| (id, attempt));
    let rows: Vec<&Small> = sorted.iter().map(|&(_, _, n)| n).collect();
    let (mut log, mut logs, mut profile_source, mut profile_sources) = (vec![], vec![], vec![], vec![]);
    let (mut states, mut times, mut shapes, mut counts, mut profile) = (vec![], vec![], vec![], vec![], vec![]);
    for n in &rows {
        let offset = |n: u8| if n.is_multiple_of(3) { None } else { Some(edge(n)) };
        log.push(if n[4] % 3 == 0 { u32::MAX } else { logs.len() as u32 });
        if n[4] % 3 != 0 {
            let [stdout_start, stdout_end, stderr_start, stderr_end] =
                [n[5], n[6], n[7], n[5].wrapping_add(n[6])].map(offset);
            let (stdout_file, stderr_file) = (str(n[4]), str(n[5]));
            logs.push(LogInfo { stdout_file, stderr_file, stdout_start, stdout_end, stderr_start, stderr_end });
        }
        profile_source.push(if n[8] % 3 == 0 { u32::MAX } else { profile_sources.len() as u32 });
        if n[8] % 3 != 0 {
            let component_id = id(&mut values, n[9], 28);
            profile_sources.push(ProfileSource { component_type: str(n[8]), component_id, node_ip: str(n[10]) });
        }
        let reached = u16::from_le_bytes([n[11], n[12]]) & 0x3fff;
        states.push(reached);
        times.extend((0..reached.count_ones() as u8).map(|at| edge(n[13].wrapping_add(at))));
        counts.push(u32::from(n[14] % 4));
        profile.extend((0..n[14] % 4).map(|at| {
            let (start, end) = (edge(n[15].wrapping_add(at)), edge(n[16].wrapping_add(at)));
            ProfileRow { start, end, name: str(at), extra: str(n[15]) }
        }));
        shapes.push(Shape {
            task_type: [TaskType::NormalTask, TaskType::ActorTask, TaskType::DriverTask][usize::from(n[17]) % 3],
            language: [Language::Python, Language::Java, Language::Cpp][usize::from(n[18]) % 3],
            func_or_class_name: str(n[17]),
            resources: str(n[18]),
            runtime_env: str(n[19]),
            label_selector: str(n[20]),
            fallback_strategy: str(n[21]),
            call_site: str(n[22]),
        });
    }
    let mut ids = |at: usize, bytes: usize| rows.iter().map(|n| id(&mut values, n[at], bytes)).collect::<Vec<_>>();
    let strs = |at: usize| rows.iter().map(|n| str(n[at])).collect::<Vec<Str>>();
    let columns = Columns {
        ids: sorted.iter().map(|&(id, _, _)| id).collect(),
        attempts: sorted.iter().map(|&(_, attempt, _)| attempt).collect(),
        flags: rows.iter().map(|n| [0, 1, 2, 3, 6, 7, 9, 17, 31][usize::from(n[23]) % 9]).collect(),
        names: strs(16),
        shape: (0..rows.len() as u32).collect(),
        jobs: sorted.iter().map(|(id, _, n)| if n[10] % 4 == 0 { JobId::NIL } else { id.job_id() }).collect(),
        actors: ids(9, 16),
        parents: ids(10, 24),
        placement_groups: ids(11, 18),
        nodes: ids(12, 28),
        workers: ids(13, 28),
        pids: rows.iter().map(|n| [0, 1, -1, i32::MAX, i32::MIN][usize::from(n[14]) % 5]).collect(),
        error_types: strs(15),
        error_messages: rows.iter().map(|n| messages[usize::from(n[22]) % 3]).collect(),
        states,
        times,
        log,
        logs,
        profile_source,
        profile_sources,
        shapes,
    };
    let (mut tasks, order) = columns.into_table().unwrap();
    tasks.set_profile(&order, &counts, &profile).unwrap();
    let (strings, ids, texts) = (values.strings.freeze(), values.ids.freeze(), values.texts.freeze());
    Snapshot { strings, ids, texts, tasks, ..Snapshot::default() }
}

proptest! {
    #[test]
    fn folded_attempts_come_back(events in made::events()) {
        assert_comes_back(&made::fold(&events).finish(&made::log_facts()))?;
    }

    #[test]
    fn any_attempts_come_back(rows in prop::collection::vec(any::<Small>(), 0..60)) {
        assert_comes_back(&odd(&rows))?;
    }
}

/// Returns a session of many attempts.
pub(crate) fn many(attempts: u64) -> Snapshot {
    let mut builder = Builder::new("session");
    for record in many::records(attempts) {
        builder.fold_record("file", 1, record.as_bytes());
    }
    builder.finish(&ray_history_core::logs::Facts::default())
}

#[test]
fn attempts_of_several_batches_come_back() {
    let snapshot = many(17_000);
    assert_eq!((snapshot.tasks.len(), snapshot.completeness.damaged_records.count), (17_000, 0));
    assert_comes_back(&snapshot).unwrap();
    let files = written(&snapshot);
    let stored = (files.tasks.0.len() + files.profile.0.len()) / 17_000;
    assert!(stored <= 120, "{stored} bytes an attempt");
}

#[test]
fn values_of_environments_and_messages_stay_out_on_request() {
    let small = |n: u32| -> Small { std::array::from_fn(|at| (n.wrapping_mul(2_654_435_761) >> at) as u8) };
    let rows: Vec<Small> = (0..200).map(small).collect();
    let snapshot = odd(&rows);
    let files = written_as(&snapshot, Options { messages: false });
    assert_eq!(files.environments.len(), 6, "{:?}", files.environments);
    let back = read_back(&files, None).unwrap();
    let shown: BTreeSet<&str> = back.tasks.iter().map(|attempt| back.str(attempt.shape().runtime_env)).collect();
    assert!(shown.contains(r#"{"env_vars": {"K": "<redacted>"}}"#), "{shown:?}");
    assert!(shown.iter().all(|text| !text.contains("v1")));
    assert!(back.tasks.iter().all(|attempt| attempt.error_message().is_empty()));
    // An index beyond the list is another head's.
    assert!(read_back(&files, Some(["{}"].into_iter().collect())).is_err());
}

/// Writes a session of four attempts of one job, with another column in place of one.
fn with_column(name: &str, column: ArrayRef) -> Result<TasksRead, Error> {
    let snapshot = many(20);
    let rows: Vec<u32> = snapshot.tasks.by_place();
    let mut environments = Environments::default();
    let options = Options { messages: true };
    let batch = super::write::first_batch(&snapshot, &stamp(), options, &mut environments, &rows[..4]).unwrap();
    let columns = LAYOUT.schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, old)| {
        let column = if field.name() == name { &column } else { old };
        (field.name(), Arc::clone(column), true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let (bytes, expected) = LAYOUT.to_bytes(&stamp(), [Ok(batch)].into_iter()).unwrap();
    let mut values = Values { environments: Some(environments), ..Values::default() };
    read(&[(bytes.into(), expected)], &stamp(), &mut values)
}

#[test]
fn malformed_values_are_errors() {
    let ids =
        |ids: [&str; 4]| -> ArrayRef { Arc::new(StringArray::from_iter_values(ids.map(|id| format!("{id:0<48}")))) };
    let texts = |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values([text; 4])) };
    let ints = |n: i32| -> ArrayRef { Arc::new(Int32Array::from_iter_values([n; 4])) };
    let longs = |n: i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values([n; 4])) };
    let times =
        |n: i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from_iter_values([n; 4]).with_timezone("UTC")) };
    for (name, good) in [
        ("task_id", ids(["01", "02", "03", "04"])),
        ("attempt", ints(0)),
        ("node_id", texts(&"0a".repeat(28))),
        ("_job_id", texts("0a0b0c0d")),
        ("_actor_id", texts(&"f".repeat(32))),
        ("running_at", times(0)),
        ("_nanos_a", longs(999)),
        ("_profile_events", ints(7)),
        ("_runtime_env", ints(0)),
        ("type", texts("A_TYPE_OF_2030")),
    ] {
        assert!(with_column(name, good).is_ok(), "{name}");
    }
    for (name, bad, why) in [
        ("task_id", ids(["01", "03", "02", "04"]), "order"),
        ("task_id", ids(["01", "02", "02", "04"]), "twice"),
        ("task_id", ids(["01", "0x", "03", "04"]), "no hex"),
        ("task_id", texts("01"), "short"),
        ("task_id", Arc::new(StringArray::new_null(4)), "absent"),
        ("attempt", Arc::new(Int32Array::new_null(4)), "absent"),
        ("node_id", texts(&"0a".repeat(27)), "short"),
        ("node_id", texts(&format!("{}0", "0a".repeat(27))), "odd"),
        ("worker_id", texts(&"0A".repeat(28)), "upper case"),
        ("_job_id", texts("0a"), "short"),
        ("_actor_id", texts("0a"), "short"),
        ("running_at", times(i64::MAX), "out of range"),
        ("running_at", times(i64::MIN), "out of range"),
        ("_nanos_a", longs(1_000), "more than a microsecond"),
        ("_nanos_a", longs(-1), "negative"),
        ("_profile_events", ints(-1), "negative"),
        ("_runtime_env", ints(1), "not in the list"),
        ("_runtime_env", ints(-1), "negative"),
    ] {
        assert!(with_column(name, bad).is_err(), "{name}: {why}");
    }
}
