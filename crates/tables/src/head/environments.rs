//! The runtime environments of a build with the values of their variables; stored only where that is allowed.

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::row::{self, Columns, Record, Row};
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;

#[derive(Clone, Default)]
struct Environment {
    index: i32,
    runtime_env: Box<str>,
}

impl Record for Environment {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self { index, runtime_env } = self;
        columns.number("index", index)?;
        columns.string("runtime_env", runtime_env)
    }
}

impl Row for Environment {
    const TABLE: &'static str = "environments";

    fn is_before(&self, next: &Self, _values: &Values) -> bool {
        self.index < next.index
    }
}

pub(super) fn write(environments: &Environments, stamp: &Stamp) -> Result<(Vec<u8>, Expected), Error> {
    let rows = (0..).zip(environments.iter());
    let rows = rows.map(|(index, environment)| Environment { index, runtime_env: environment.into() });
    row::write(&row::layout::<Environment>()?, &Snapshot::default(), rows, &mut Environments::default(), stamp)
}

pub(super) fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected) -> Result<Environments, Error> {
    let layout = row::layout::<Environment>()?;
    let mut environments = Environments::default();
    for Environment { index, runtime_env } in row::read(&layout, bytes, stamp, expected, &mut Values::default())? {
        if environments.intern(&runtime_env) != index || i32::try_from(environments.len()).ok() != index.checked_add(1)
        {
            return Err(Error::malformed(Environment::TABLE, "an environment is missing, or stands twice"));
        }
    }
    Ok(environments)
}
