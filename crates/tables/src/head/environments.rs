//! The runtime environments of a build with the values of their variables; stored only where that is allowed.

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Int, Text};
use crate::rows::Table;
use crate::values::Values;
use bytes::Bytes;

const TABLE: Table = Table { name: "environments", columns: &[("index", Int), ("runtime_env", Text)] };

pub(super) fn write(environments: &Environments, stamp: &Stamp) -> Result<(Vec<u8>, Expected), Error> {
    TABLE.write(stamp, environments.iter().enumerate(), |out, (at, environment)| {
        out.int(i64::try_from(at).ok());
        out.text(Some(environment));
    })
}

pub(super) fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected) -> Result<Environments, Error> {
    let (mut environments, mut at) = (Environments::default(), 0);
    TABLE.read(bytes, stamp, expected, &mut Values::default(), |row| {
        let (index, text) = (row.int(), row.text());
        let text = text.filter(|_| index == Some(at)).ok_or_else(|| row.malformed("an environment is missing"))?;
        at += 1;
        if i64::from(environments.intern(text)) + 1 == at { Ok(()) } else { Err(row.malformed("one stands twice")) }
    })?;
    Ok(environments)
}
