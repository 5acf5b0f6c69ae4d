//! The table `failures`, the groups with most failures first: a digest, which is written without its snapshot.
//!
//! The last row may have the kind `(others)`: failures that are only counted, with the number of their groups.

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::row::{self, Columns, Enum, Record, Row, Source, Word};
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::base::id::RayId;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::failures::{FailureGroup, FailureKind, Failures, Fingerprint, Others, Sample};
use std::borrow::Cow;

/// The table's name.
pub(crate) const NAME: &str = FailureRow::TABLE;
/// The kind of the row of all others.
const OTHERS: &str = "(others)";

/// A row: a group, or all others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FailureRow {
    kind: Kind,
    /// The number of groups in it.
    groups: u64,
    /// The index of the group that explains this one.
    caused_by: Option<i32>,
    group: FailureGroup,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Of(FailureKind),
    Others,
}

impl Enum for Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Of(kind) => kind.as_str(),
            Self::Others => OTHERS,
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        if word == OTHERS { Some(Self::Others) } else { FailureKind::parse(word).map(Self::Of) }
    }
}

/// Writes the failures of a snapshot, with or without what programs and Ray said of them.
pub(crate) fn write(failures: &Failures, stamp: &Stamp, messages: bool) -> Result<(Vec<u8>, Expected), Error> {
    let rows = FailureRow::rows(failures).map(|mut row| {
        if !messages {
            (row.group.detail, row.group.sample.message) = Default::default();
        }
        row
    });
    row::write(&row::layout::<FailureRow>()?, &Snapshot::default(), rows, &mut Environments::default(), stamp)
}

/// Reads failures that were written.
pub(crate) fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected) -> Result<Failures, Error> {
    let mut rows: Vec<FailureRow> =
        row::read(&row::layout::<FailureRow>()?, bytes, stamp, expected, &mut Values::default())?;
    let mut failures = Failures::default();
    if let Some(last) = rows.pop_if(|row| row.kind == Kind::Others) {
        failures.others = to_others(last);
    }
    let all = rows.len();
    for FailureRow { kind, groups: _, caused_by, mut group } in rows {
        let Kind::Of(kind) = kind else { return Err(Error::malformed(NAME, "a row of all others is not the last")) };
        group.kind = kind;
        group.caused_by = caused_by.map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        if group.caused_by.is_some_and(|at| at >= all) {
            return Err(Error::malformed(NAME, "a cause is not in the table"));
        }
        failures.groups.push(group);
    }
    Ok(failures)
}

impl FailureRow {
    /// Returns the rows of a digest.
    pub(crate) fn rows(failures: &Failures) -> impl Iterator<Item = Self> {
        let Failures { groups, others } = failures;
        let of_group = |group: &FailureGroup| {
            let caused_by = group.caused_by.and_then(|at| at.try_into().ok());
            Self { kind: Kind::Of(group.kind), groups: 1, caused_by, group: group.clone() }
        };
        let rest = (*others != Others::default()).then(|| of_others(others));
        groups.iter().map(of_group).chain(rest)
    }

    /// Returns the first rows of a digest. Causes beyond them are left out.
    pub(crate) fn first(failures: &Failures, most: usize) -> Vec<Self> {
        let mut rows: Vec<Self> = Self::rows(failures).take(most).collect();
        for row in &mut rows {
            row.caused_by.take_if(|at| usize::try_from(*at).is_ok_and(|at| at >= most));
        }
        rows
    }
}

fn of_others(others: &Others) -> FailureRow {
    let Others { groups, attempts, tasks, recovered, first_at, last_at } = *others;
    let group = FailureGroup { attempts, tasks, recovered, first_at, last_at, ..FailureRow::empty().group };
    FailureRow { kind: Kind::Others, groups, caused_by: None, group }
}

fn to_others(row: FailureRow) -> Others {
    let FailureGroup { attempts, tasks, recovered, first_at, last_at, .. } = row.group;
    Others { groups: row.groups, attempts, tasks, recovered, first_at, last_at }
}

impl Word for Fingerprint {
    fn get<'s>(&'s self, _source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        Some(self.to_string().into())
    }

    fn set(&mut self, value: Option<&str>, _values: &mut Values) -> Option<()> {
        self.0 = value.map_or(Some([0; 8]), |hex| RayId::from_hex(hex).map(|id| id.0))?;
        Some(())
    }
}

impl Record for FailureRow {
    fn empty() -> Self {
        let group = FailureGroup {
            kind: FailureKind::Task,
            job_id: Box::default(),
            func_or_class_name: Box::default(),
            error_type: Box::default(),
            detail: Box::default(),
            fingerprint: Fingerprint::default(),
            attempts: 0,
            tasks: 0,
            recovered: 0,
            first_at: None,
            last_at: None,
            nodes: 0,
            workers: 0,
            sample: Sample::default(),
            caused_by: None,
        };
        Self { kind: Kind::Others, groups: 0, caused_by: None, group }
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self { kind, groups, caused_by, group } = self;
        let FailureGroup {
            kind: _,
            job_id,
            func_or_class_name,
            error_type,
            detail,
            fingerprint,
            attempts,
            tasks,
            recovered,
            first_at,
            last_at,
            nodes,
            workers,
            sample,
            caused_by: _,
        } = group;
        let Sample { id, attempt, node_id, worker_id, at, message } = sample;
        columns.string("kind", kind)?;
        columns.string("job_id", job_id)?;
        columns.string("func_or_class_name", func_or_class_name)?;
        columns.string("error_type", error_type)?;
        columns.string("detail", detail)?;
        columns.string("fingerprint", fingerprint)?;
        columns.number("groups", groups)?;
        columns.number("attempts", attempts)?;
        columns.number("tasks", tasks)?;
        columns.number("recovered", recovered)?;
        columns.times([("first_at", first_at), ("last_at", last_at), ("sample_at", at)])?;
        columns.number("nodes", nodes)?;
        columns.number("workers", workers)?;
        columns.string("sample_id", id)?;
        columns.number("sample_attempt", attempt)?;
        columns.string("sample_node_id", node_id)?;
        columns.string("sample_worker_id", worker_id)?;
        columns.string("sample_message", message)?;
        columns.number("caused_by", caused_by)
    }
}

impl Row for FailureRow {
    const TABLE: &'static str = "failures";

    fn is_before(&self, _next: &Self, _values: &Values) -> bool {
        true
    }
}
