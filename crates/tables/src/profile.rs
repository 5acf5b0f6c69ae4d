//! The table `profile_events`: the spans that attempts recorded, in the order of `tasks`, then as recorded.

use crate::error::Error;
use crate::file::{BATCH, Expected, Layout, Stamp};
use crate::handles::Handles;
use crate::micros::{join, split};
use crate::tasks::{TasksRead, time};
use crate::values::Values;
use crate::words::{Size, Words, batch};
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::basic::Encoding;
use ray_history_core::base::id::push_hex;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::task::{Attempt, ProfileRow};
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, LazyLock};

pub(crate) static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    let fields = vec![
        field("cluster", DataType::Utf8),
        field("session", DataType::Utf8),
        field("task_id", DataType::Utf8),
        field("attempt", DataType::Int32),
        field("name", DataType::Utf8),
        field("start_at", time()),
        field("duration_ns", DataType::Int64),
        field("extra_data", DataType::Utf8),
        field("_start_nanos", DataType::Int32),
    ];
    let delta = |name| (name, Encoding::DELTA_BINARY_PACKED);
    Layout {
        table: "profile_events",
        schema: Arc::new(Schema::new(fields)),
        group_rows: 1_048_576,
        page_rows: 32_768,
        encodings: vec![("task_id", Encoding::DELTA_BYTE_ARRAY), delta("start_at"), delta("duration_ns")],
        sorted_by: Vec::new(),
        page_statistics: true,
    }
});

/// Columns that are for queries alone: counts of `tasks` tell whose events follow.
const DERIVED: [&str; 4] = ["cluster", "session", "task_id", "attempt"];

/// Writes the profile events of the attempts in these rows of a snapshot, a part of `TaskTable::by_place`.
pub fn write(snapshot: &Snapshot, rows: &[u32], stamp: &Stamp, out: impl Write + Send) -> Result<Expected, Error> {
    let attempts = rows.iter().map(|&row| snapshot.tasks.get(row as usize));
    let mut rows = attempts.flat_map(|attempt| attempt.profile().iter().map(move |event| (attempt, *event)));
    let batches = std::iter::from_fn(|| {
        let (mut batch, mut size) = (Vec::new(), Size::default());
        while batch.len() < BATCH
            && !size.is_full()
            && let Some((attempt, event)) = rows.next()
        {
            size.add(snapshot, event.extra);
            size.add(snapshot, event.name);
            batch.push((attempt, event));
        }
        (!batch.is_empty()).then(|| of_rows(snapshot, stamp, &batch))
    });
    LAYOUT.write(stamp, batches, out)
}

fn of_rows(snapshot: &Snapshot, stamp: &Stamp, rows: &[(Attempt<'_>, ProfileRow)]) -> Result<RecordBatch, Error> {
    let strings = |of: fn(&ProfileRow) -> Str| {
        let mut words = Words::with_capacity(rows.len());
        for (_, event) in rows {
            match of(event) {
                handle if handle.is_empty() => words.push_null(),
                handle => words.push_str(handle, snapshot.str(handle)),
            }
        }
        words.finish(LAYOUT.table)
    };
    let constant = |value: &str| {
        let mut words = Words::with_capacity(rows.len());
        for _ in rows {
            words.push_str((), value);
        }
        words.finish(LAYOUT.table)
    };
    let nanos = |event: &ProfileRow| i32::try_from(split(event.start).1).ok().filter(|&nanos| nanos != 0);
    let mut ids = Words::with_capacity(rows.len());
    for (attempt, _) in rows {
        ids.push(attempt.row(), |out| push_hex(out, &attempt.task_id().0));
    }
    let attempts = rows.iter().map(|(attempt, _)| attempt.attempt_number().cast_signed());
    let starts = rows.iter().map(|(_, event)| split(event.start).0);
    // The end of a span of any length comes back, though it were beyond the range of times.
    let durations = rows.iter().map(|(_, event)| event.end.wrapping_sub(event.start));
    let columns: [(&'static str, ArrayRef); 9] = [
        ("cluster", constant(&stamp.cluster)?),
        ("session", constant(&stamp.session)?),
        ("task_id", ids.finish(LAYOUT.table)?),
        ("attempt", Arc::new(Int32Array::from_iter_values(attempts))),
        ("name", strings(|event| event.name)?),
        ("start_at", Arc::new(TimestampMicrosecondArray::from_iter_values(starts).with_timezone("UTC"))),
        ("duration_ns", Arc::new(Int64Array::from_iter_values(durations))),
        ("extra_data", strings(|event| event.extra)?),
        ("_start_nanos", Arc::new(rows.iter().map(|(_, event)| nanos(event)).collect::<Int32Array>())),
    ];
    batch(LAYOUT.table, &LAYOUT.schema, HashMap::from(columns))
}

/// Reads the profile events of attempts from all parts of the table into theirs. Fails, and leaves the table as it is, unless there are as
/// many as the attempts have.
pub fn read(
    parts: &[(Bytes, Expected)],
    stamp: &Stamp,
    values: &mut Values,
    tasks: &mut TasksRead,
) -> Result<(), Error> {
    let promised = parts.iter().map(|(_, expected)| expected.rows).fold(0, u64::saturating_add);
    if promised != tasks.profile_events() {
        return Err(Error::malformed(LAYOUT.table, "there are more or fewer rows than attempts have"));
    }
    let (mut names, mut extras) = (Handles::of("name"), Handles::of("extra_data"));
    let mut events: Vec<ProfileRow> = Vec::new();
    for (bytes, expected) in parts {
        for batch in LAYOUT.read_without(&DERIVED, bytes.clone(), stamp, expected)? {
            let batch = batch?;
            names.read(&batch, |value| Some(values.strings.str(value)))?;
            extras.read(&batch, |value| Some(values.strings.str(value)))?;
            let starts = batch.numbers::<TimestampMicrosecondType>("start_at")?;
            let durations = batch.numbers::<Int64Type>("duration_ns")?;
            let nanos = batch.numbers::<Int32Type>("_start_nanos")?;
            events.reserve(batch.rows());
            for row in 0..batch.rows() {
                let (start, nanos) = (starts.get(row), nanos.get(row).unwrap_or_default());
                let start = start.and_then(|start| join(start, i64::from(nanos)));
                let start = start.ok_or_else(|| batch.malformed("a start is missing or out of range"))?;
                let duration = durations.get(row).ok_or_else(|| batch.malformed("a duration is missing"))?;
                let end = start.wrapping_add(duration);
                events.push(ProfileRow { start, end, name: names.get(row), extra: extras.get(row) });
            }
        }
    }
    let placed = tasks.table.set_profile(&tasks.order, &tasks.counts, &events);
    placed.map_err(|error| Error::malformed(LAYOUT.table, error))
}

#[cfg(test)]
mod tests;
