//! The table `functions`, those that ran longest in total first: a digest, which is written without its snapshot.
//!
//! The last row may have the name `(others)`: functions that are only counted, with their number.

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::row::{self, Columns, Count, Enum, Record, Row};
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::base::task::TaskType;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::functions::{
    FunctionRow, FunctionStats, Functions, Histogram, OtherFunctions, Run, Wait,
};

/// The table's name.
pub(crate) const NAME: &str = Function::TABLE;
/// The name in the row of all others.
pub(crate) const OTHERS: &str = "(others)";

/// A row: a function, or all others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Function {
    /// The number of functions in it.
    functions: u64,
    /// The type of its tasks; `None` in the row of all others.
    task_type: Option<TaskType>,
    job_id: Box<str>,
    func_or_class_name: Box<str>,
    pub(crate) stats: FunctionStats,
}

impl Function {
    /// Returns the rows of a digest.
    pub(crate) fn rows(functions: &Functions) -> impl Iterator<Item = Self> {
        let Functions { rows, others } = functions;
        let of_row = |row: &FunctionRow| {
            let FunctionRow { job_id, func_or_class_name, task_type, stats } = row.clone();
            Self { functions: 1, task_type: Some(task_type), job_id, func_or_class_name, stats }
        };
        let of_others = |others: &OtherFunctions| {
            let OtherFunctions { functions, stats } = others.clone();
            Self { functions, func_or_class_name: OTHERS.into(), stats, ..Self::empty() }
        };
        rows.iter().map(of_row).chain(others.as_ref().map(of_others))
    }
}

/// Writes the functions of a snapshot.
pub(crate) fn write(functions: &Functions, stamp: &Stamp) -> Result<(Vec<u8>, Expected), Error> {
    let layout = row::layout::<Function>()?;
    row::write(&layout, &Snapshot::default(), Function::rows(functions), &mut Environments::default(), stamp)
}

/// Reads functions that were written.
pub(crate) fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected) -> Result<Functions, Error> {
    let layout = row::layout::<Function>()?;
    let mut rows: Vec<Function> = row::read(&layout, bytes, stamp, expected, &mut Values::default())?;
    let others = rows.pop_if(|row| row.task_type.is_none());
    let others = others.map(|Function { functions, stats, .. }| OtherFunctions { functions, stats });
    let of_row = |row: Function| {
        let Function { functions: _, task_type, job_id, func_or_class_name, stats } = row;
        let task_type = task_type.ok_or_else(|| Error::malformed(NAME, "a row of all others is not the last"))?;
        Ok(FunctionRow { job_id, func_or_class_name, task_type, stats })
    };
    Ok(Functions { rows: rows.into_iter().map(of_row).collect::<Result<_, _>>()?, others })
}

impl Enum for Option<TaskType> {
    fn word(self) -> &'static str {
        self.map_or(OTHERS, TaskType::name)
    }

    fn of_word(word: &str) -> Option<Self> {
        if word == OTHERS { Some(None) } else { TaskType::parse(word).map(Some) }
    }
}

impl Record for Function {
    fn empty() -> Self {
        let (job_id, func_or_class_name) = Default::default();
        Self { functions: 0, task_type: None, job_id, func_or_class_name, stats: FunctionStats::default() }
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self { functions, task_type, job_id, func_or_class_name, stats } = self;
        let FunctionStats {
            tasks,
            attempts,
            finished,
            failed,
            unfinished,
            retried,
            run,
            wait,
            cpu_seconds,
            gpu_seconds,
            first_at,
            last_at,
            nodes,
            histogram,
            states,
        } = stats;
        columns.string("job_id", job_id)?;
        columns.string("func_or_class_name", func_or_class_name)?;
        columns.string("type", task_type)?;
        columns.number("functions", functions)?;
        columns.number("tasks", tasks)?;
        columns.number("attempts", attempts)?;
        columns.number("finished", finished)?;
        columns.number("failed", failed)?;
        columns.number("unfinished", unfinished)?;
        columns.number("retried", retried)?;
        optional(columns, run, |run, part| {
            let Run { count, min_us, p50_us, p90_us, p99_us, max_us, sum_us } = run;
            part("run_count", count)?;
            part("run_us_min", min_us)?;
            part("run_us_p50", p50_us)?;
            part("run_us_p90", p90_us)?;
            part("run_us_p99", p99_us)?;
            part("run_us_max", max_us)?;
            part("run_us_sum", sum_us)
        })?;
        optional(columns, wait, |wait, part| {
            let Wait { count, p50_us, p99_us, sum_us } = wait;
            part("wait_count", count)?;
            part("wait_us_p50", p50_us)?;
            part("wait_us_p99", p99_us)?;
            part("wait_us_sum", sum_us)
        })?;
        columns.number("cpu_seconds", cpu_seconds)?;
        columns.number("gpu_seconds", gpu_seconds)?;
        columns.times([("first_at", first_at), ("last_at", last_at)])?;
        columns.number("nodes", nodes)?;
        let mut buckets = histogram.buckets().to_vec();
        columns.numbers("histogram", &mut buckets)?;
        *histogram =
            Histogram::of_buckets(buckets).ok_or_else(|| columns.malformed("a histogram has too many buckets"))?;
        let mut counts = Count::entries(states);
        columns.map("states", &mut counts)?;
        *states = Count::map(counts);
        Ok(())
    }
}

/// Passes the numbers of a value that may be absent: then none of its columns has one.
fn optional<T: Default, C: Columns>(
    columns: &mut C,
    field: &mut Option<T>,
    parts: impl Fn(&mut T, &mut dyn FnMut(&'static str, &mut u64) -> Result<(), Error>) -> Result<(), Error>,
) -> Result<(), Error> {
    let is_there = field.is_some();
    let mut found = false;
    let value = field.get_or_insert_default();
    parts(value, &mut |name, part| {
        let mut shown = Some(*part).filter(|_| is_there);
        columns.number(name, &mut shown)?;
        found |= shown.is_some();
        *part = shown.unwrap_or_default();
        Ok(())
    })?;
    field.take_if(|_| !found);
    Ok(())
}

impl Row for Function {
    const TABLE: &'static str = "functions";

    fn is_before(&self, _next: &Self, _values: &Values) -> bool {
        true
    }
}
