//! Times of rows.

use super::field::{Plain, Source, Word};
use crate::values::Values;
use arrow_array::types::{TimestampMicrosecondType, TimestampMillisecondType};
use arrow_schema::{DataType, TimeUnit};
use serde_json::Value;
use std::borrow::Cow;

/// A field that is a time in its column.
pub(crate) trait Moment {
    /// Returns its value; `None` if it is absent.
    fn get(&self) -> Option<i128>;

    /// Takes a value; `None` if the field cannot have it.
    fn set(&mut self, value: Option<i128>) -> Option<()>;
}

/// Zero stands for no time.
impl Moment for i64 {
    fn get(&self) -> Option<i128> {
        Some(i128::from(*self)).filter(|at| *at != 0)
    }

    fn set(&mut self, value: Option<i128>) -> Option<()> {
        *self = value.map_or(Some(0), |at| at.try_into().ok())?;
        Some(())
    }
}

/// Zero stands for no time.
impl Moment for u64 {
    fn get(&self) -> Option<i128> {
        Some(i128::from(*self)).filter(|at| *at != 0)
    }

    fn set(&mut self, value: Option<i128>) -> Option<()> {
        *self = value.map_or(Some(0), |at| at.try_into().ok())?;
        Some(())
    }
}

impl Moment for Option<i64> {
    fn get(&self) -> Option<i128> {
        self.map(i128::from)
    }

    fn set(&mut self, value: Option<i128>) -> Option<()> {
        *self = value.map_or(Some(None), |at| at.try_into().ok().map(Some))?;
        Some(())
    }
}

/// Returns a time as text; null if no calendar has it.
fn rfc3339(at: i64, in_a_second: i64) -> Value {
    let nanos = i128::from(at) * i128::from(1_000_000_000 / in_a_second);
    jiff::Timestamp::from_nanosecond(nanos).map_or(Value::Null, |at| at.to_string().into())
}

/// Microseconds of a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Micros(pub(super) i64);

impl Plain for Micros {
    type Arrow = TimestampMicrosecondType;

    fn to_native(self) -> i64 {
        self.0
    }

    fn of_native(value: i64) -> Option<Self> {
        Some(Self(value))
    }

    fn json(self) -> Value {
        rfc3339(self.0, 1_000_000)
    }

    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    }
}

/// Milliseconds of a time, within the years 1 to 9999: engines and languages refuse others, and the whole table with
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Millis(pub(super) i64);

impl Millis {
    const FIRST: i64 = -62_135_596_800_000;
    const LAST: i64 = 253_402_300_799_999;

    pub(super) fn of(at: i128) -> Self {
        Self(at.clamp(Self::FIRST.into(), Self::LAST.into()) as i64)
    }
}

impl Plain for Millis {
    type Arrow = TimestampMillisecondType;

    fn to_native(self) -> i64 {
        self.0
    }

    fn of_native(value: i64) -> Option<Self> {
        Some(Self(value))
    }

    fn json(self) -> Value {
        rfc3339(self.0, 1_000)
    }

    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
    }
}

/// All times of a row of which one cannot be shown: as numbers with a comma between them.
#[derive(Debug, PartialEq)]
pub(super) struct Exact(Vec<Option<i128>>);

impl Exact {
    /// Returns the times of a row if one of them cannot be shown.
    pub(super) fn of(times: impl Iterator<Item = Option<i128>>) -> Option<Self> {
        let times: Vec<Option<i128>> = times.collect();
        let is_shown = |at: &i128| i128::from(Millis::of(*at).0) == *at;
        (!times.iter().flatten().all(is_shown)).then_some(Self(times))
    }

    /// Returns the `n`th time.
    pub(super) fn get(&self, n: usize) -> Option<i128> {
        self.0.get(n).copied().flatten()
    }

    fn parse(text: &str) -> Option<Self> {
        let time = |part: &str| if part.is_empty() { Some(None) } else { part.parse().ok().map(Some) };
        Some(Self(text.split(',').map(time).collect::<Option<_>>()?))
    }
}

impl Word for Option<Exact> {
    fn get<'s>(&'s self, _source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        let part = |at: &Option<i128>| at.map(|at| at.to_string()).unwrap_or_default();
        self.as_ref().map(|exact| exact.0.iter().map(part).collect::<Vec<_>>().join(",").into())
    }

    fn set(&mut self, value: Option<&str>, _values: &mut Values) -> Option<()> {
        *self = value.map_or(Some(None), |text| Exact::parse(text).map(Some))?;
        Some(())
    }
}
