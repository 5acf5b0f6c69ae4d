//! The order of a list, and its cursors: the place of an item, whether or not it is still listed.

use super::super::table::{Row, Table, micros};
use crate::ledger_rows::Packed;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};
use ray_history_core::snapshot::run_facts::Outcome;
use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::str::FromStr;

/// The value that a list is sorted by. What has none comes last; of equal ones, the newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// The start.
    #[default]
    Started,
    /// The duration, the longest first.
    Duration,
    /// The outcome, failed ones first.
    Outcome,
}

/// An order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// The value.
    pub by: SortBy,
    /// `true` for the other way round.
    pub reverse: bool,
}

impl Sort {
    /// All orders by their words.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("started", Self { by: SortBy::Started, reverse: false }),
        ("-started", Self { by: SortBy::Started, reverse: true }),
        ("duration", Self { by: SortBy::Duration, reverse: false }),
        ("-duration", Self { by: SortBy::Duration, reverse: true }),
        ("outcome", Self { by: SortBy::Outcome, reverse: false }),
        ("-outcome", Self { by: SortBy::Outcome, reverse: true }),
    ];

    /// Returns the order with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, sort)| sort)
    }

    /// Returns the number that is sorted by, the least first, of an item with these values.
    pub(super) fn value(self, start: i64, duration: Option<i64>, outcome: Option<Outcome>) -> i64 {
        let value = match self.by {
            SortBy::Started if self.reverse => return start,
            SortBy::Started => return 0,
            SortBy::Duration => duration.map(|long| -long.max(0)),
            SortBy::Outcome => outcome.map(|outcome| match outcome {
                Outcome::Failed => 0,
                Outcome::Stopped => 1,
                Outcome::Unknown => 2,
                Outcome::Succeeded => 3,
            }),
        };
        value.map_or(i64::MAX, |value| if self.reverse { -value } else { value })
    }
}

/// An item of a list: a session, or a run without one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    Session(&'a Row),
    Run(&'a Packed),
}

/// The names of an item, which tell items of one value and one start apart.
type Names<'a> = (bool, [&'a [u8]; 4]);

impl<'a> Item<'a> {
    /// Returns the start in Unix microseconds: of a session by its head's clock.
    pub(super) fn start(self) -> i64 {
        match self {
            Self::Session(row) => row.micros,
            Self::Run(row) => row.from().unwrap_or(i64::MIN),
        }
    }

    fn names(self, table: &'a Table) -> Names<'a> {
        match self {
            Self::Session(row) => {
                let cluster = table.cluster(row);
                let names = [table.text(cluster.namespace), table.text(cluster.name), table.text(row.session), ""];
                (false, names.map(str::as_bytes))
            }
            Self::Run(row) => (true, row.place().map(str::as_bytes)),
        }
    }

    /// Compares two items of these values.
    pub(super) fn compare(self, value: i64, other: (i64, Self), table: &'a Table) -> Ordering {
        let place = |value: i64, item: Self| (value, Reverse(item.start()));
        let ours = place(value, self);
        // Names are compared only where that decides: there may be a hundred thousand items.
        ours.cmp(&place(other.0, other.1)).then_with(|| self.names(table).cmp(&other.1.names(table)))
    }

    /// Compares an item with a place.
    pub(super) fn compare_with(self, value: i64, cursor: &Cursor, table: &Table) -> Ordering {
        let (start, names) = match &cursor.at {
            At::Session(key) => {
                let ClusterId { namespace, name } = &key.cluster;
                (micros(&key.session), (false, [namespace, name, key.session.as_str(), ""].map(str::as_bytes)))
            }
            At::Run { start, place } => (*start, (true, [0, 1, 2, 3].map(|at| place[at].as_bytes()))),
        };
        (value, Reverse(self.start()), self.names(table)).cmp(&(cursor.value, Reverse(start), names))
    }

    /// Returns the place of an item; `None` only if the table is corrupt.
    pub(super) fn cursor(self, value: i64, table: &Table) -> Option<Cursor> {
        let at = match self {
            Self::Session(row) => At::Session(table.key(row)?),
            Self::Run(row) => At::Run { start: self.start(), place: row.place().map(str::to_owned) },
        };
        Some(Cursor { value, at })
    }
}

/// The end of a page. Opaque to clients, and valid for as long as the server's listing goes back so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) value: i64,
    pub(super) at: At,
}

/// The item at the end of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    Session(SessionKey),
    Run { start: i64, place: [String; 4] },
}

/// The text is not a cursor of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list: take `next` of the previous page, or leave it out to begin with the newest")]
pub struct NoCursor;

impl Cursor {
    /// Maximum length of a cursor in bytes.
    const MAX_LEN: usize = 4096;
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.at {
            At::Session(key) if self.value == 0 => key.to_string(),
            At::Session(key) => format!("{key}/{}", self.value),
            At::Run { start, place } => format!("{}/{start}/{}", place.join("/"), self.value),
        };
        f.write_str(&URL_SAFE_NO_PAD.encode(text))
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let short = Some(text).filter(|text| text.len() <= Self::MAX_LEN).ok_or(NoCursor)?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(short).map_err(|_| NoCursor)?).map_err(|_| NoCursor)?;
        let number = |text: &str| text.parse::<i64>().map_err(|_| NoCursor);
        let session = |[namespace, name, session]: [&str; 3]| {
            let session = SessionName::parse(session).ok_or(NoCursor)?;
            let cluster = ClusterId { namespace: namespace.to_owned(), name: name.to_owned() };
            Ok(At::Session(SessionKey { cluster, session }))
        };
        let (value, at) = match text.split('/').collect::<Vec<_>>()[..] {
            [namespace, name, key] => (0, session([namespace, name, key])?),
            [namespace, name, key, value] => (number(value)?, session([namespace, name, key])?),
            [namespace, cluster, uid, run, start, value] => {
                let place = [namespace, cluster, uid, run].map(str::to_owned);
                (number(value)?, At::Run { start: number(start)?, place })
            }
            _ => return Err(NoCursor),
        };
        Ok(Self { value, at })
    }
}
