//! The times of attempts: a column for each state, and the nanoseconds packed beside them.

use super::schema::{NANOS, REACHED};
use crate::columns::{Batch, Numbers};
use crate::error::Error;
use crate::micros::{Packed, join, split};
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
use ray_history_core::base::task::TaskState;
use ray_history_core::base::time::Nanos;
use ray_history_core::snapshot::task::Attempt;
use std::collections::HashMap;
use std::sync::Arc;

/// Appends the columns of some attempts' times.
pub(super) fn push(attempts: &[Attempt<'_>], columns: &mut HashMap<&'static str, ArrayRef>) {
    let mut reached: Vec<Vec<Option<i64>>> = REACHED.iter().map(|_| vec![None; attempts.len()]).collect();
    let mut packed = Vec::with_capacity(attempts.len());
    for (row, attempt) in attempts.iter().enumerate() {
        let mut nanos = Packed::default();
        for (n, (state, at)) in attempt.states().enumerate() {
            let (micros, below) = split(at);
            reached[state as usize][row] = Some(micros);
            nanos.set(n, below);
        }
        packed.push(nanos.0);
    }
    for ((_, name), times) in REACHED.iter().zip(reached) {
        columns.insert(name, Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")));
    }
    for (n, name) in NANOS.iter().enumerate() {
        let numbers = packed.iter().map(|packed| Some(packed[n]).filter(|&number| number != 0));
        columns.insert(name, Arc::new(numbers.collect::<Int64Array>()));
    }
    let spans = attempts.iter().map(run_us);
    columns.insert("run_us", Arc::new(spans.collect::<Int64Array>()));
}

/// Returns the microseconds from the start of an attempt to its end.
fn run_us(attempt: &Attempt<'_>) -> Option<i64> {
    let micros = |state| attempt.time_of(state).map(|at| split(at).0);
    let end = micros(TaskState::Finished).or_else(|| micros(TaskState::Failed))?;
    end.checked_sub(micros(TaskState::Running)?)
}

/// The columns of times of one batch.
pub(super) struct Times<'a> {
    reached: Vec<(TaskState, Numbers<'a, TimestampMicrosecondType>)>,
    nanos: [Numbers<'a, Int64Type>; 3],
}

impl<'a> Times<'a> {
    pub(super) fn of(batch: &'a Batch) -> Result<Self, Error> {
        let [a, b, c] = NANOS.map(|name| batch.numbers(name));
        let mut reached = Vec::new();
        for (state, name) in REACHED {
            let times = batch.numbers(name)?;
            // Nobody reaches every state.
            if !times.is_absent() {
                reached.push((state, times));
            }
        }
        Ok(Self { reached, nanos: [a?, b?, c?] })
    }

    /// Appends the times of a row, and returns the set of its states; `None` if one is out of range.
    pub(super) fn row(&self, row: usize, times: &mut Vec<Nanos>) -> Option<u16> {
        let nanos = Packed(self.nanos.each_ref().map(|numbers| numbers.get(row).unwrap_or_default()));
        let (mut states, mut n) = (0, 0);
        for (state, reached) in &self.reached {
            if let Some(micros) = reached.get(row) {
                times.push(join(micros, nanos.get(n))?);
                states |= 1 << *state as u16;
                n += 1;
            }
        }
        Some(states)
    }
}
