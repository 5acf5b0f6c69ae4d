//! The keys of what is kept of all sessions together: daily rollups of small tables, and the news that they lack.
//!
//! ```text
//! ray-history/v1/fleet/{table}/day={YYYY-MM-DD}/all.parquet
//! ray-history/v1/fleet/news/{namespace}~{cluster}~{session}
//! ray-history/v1/views.sql
//! ```
//!
//! The day is that in the session's name, so that the rollups of a session follow from its name.

use super::escape::{escape, unescape};
use crate::base::name::{ClusterId, SessionKey, SessionName};
use std::fmt;

/// The folder of rollups and news.
const FLEET: &str = "ray-history/v1/fleet/";
/// The folder of news.
const NEWS: &str = "news/";
/// The name of a rollup in the folder of its day.
const ALL: &str = "all.parquet";
/// The view definitions.
const VIEWS: &str = "ray-history/v1/views.sql";

/// A table of all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FleetTable {
    /// One row per job.
    Jobs,
    /// One row per node.
    Nodes,
    /// One row per function and job.
    Functions,
    /// One row per group of failures.
    Failures,
    /// One row per session.
    Runs,
}

impl FleetTable {
    /// All of them, in the order in which they are written: what says that a session is there comes last.
    pub const ALL: [Self; 5] = [Self::Jobs, Self::Nodes, Self::Functions, Self::Failures, Self::Runs];

    /// Returns the name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Nodes => "nodes",
            Self::Functions => "functions",
            Self::Failures => "failures",
            Self::Runs => "runs",
        }
    }

    /// Returns the table with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }
}

/// A day, as the names of sessions have it: `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day([u8; 10]);

impl Day {
    /// The day of sessions whose name has none.
    const NONE: Self = Self(*b"1970-01-01");

    /// Returns the day in the name of a session.
    pub fn of(session: &SessionName) -> Self {
        let day = session.as_str().get(8..18).filter(|_| session.local_micros().is_some());
        day.and_then(Self::parse).unwrap_or(Self::NONE)
    }

    /// Parses `YYYY-MM-DD`, of digits only.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 10] = text.as_bytes().try_into().ok()?;
        let is_day = |(at, byte): (usize, &u8)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() };
        bytes.iter().enumerate().all(is_day).then_some(Self(bytes))
    }

    /// Returns its text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The keys of what is kept of all sessions, below one root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetKeys<'a> {
    root: &'a str,
}

impl<'a> FleetKeys<'a> {
    /// Returns the keys below `root`, which is empty or ends in `/`.
    pub fn new(root: &'a str) -> Self {
        Self { root }
    }

    /// Returns the key of the rollup of a day.
    pub fn rollup(&self, table: FleetTable, day: Day) -> String {
        format!("{}day={day}/{ALL}", self.rollups(table))
    }

    /// Returns the prefix of all rollups of a table.
    pub fn rollups(&self, table: FleetTable) -> String {
        format!("{}{FLEET}{}/", self.root, table.name())
    }

    /// Parses the key of a rollup of a table.
    pub fn parse_rollup(&self, table: FleetTable, key: &str) -> Option<Day> {
        let day = key.strip_prefix(&self.rollups(table))?.strip_prefix("day=")?.strip_suffix(ALL)?;
        Day::parse(day.strip_suffix('/')?)
    }

    /// Returns the key of the news that a head was written and is in no rollup yet.
    pub fn news_of(&self, key: &SessionKey) -> String {
        let SessionKey { cluster: ClusterId { namespace, name }, session } = key;
        // `~` parts the names.
        let part = |name: &str| escape(name).replace('~', "%7E");
        format!("{}{}~{}~{session}", self.news(), part(namespace), part(name))
    }

    /// Returns the prefix of all news.
    pub fn news(&self) -> String {
        format!("{}{FLEET}{NEWS}", self.root)
    }

    /// Parses the key of news.
    pub fn parse_news(&self, key: &str) -> Option<SessionKey> {
        let mut parts = key.strip_prefix(&self.news())?.split('~');
        let (namespace, name, session) = (parts.next()?, parts.next()?, parts.next()?);
        let cluster = ClusterId { namespace: unescape(namespace)?, name: unescape(name)? };
        let session = SessionKey { cluster, session: SessionName::parse(session)? };
        (self.news_of(&session) == key).then_some(session)
    }

    /// Returns the key of the view definitions.
    pub fn views(&self) -> String {
        format!("{}{VIEWS}", self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";

    fn key(namespace: &str, name: &str) -> SessionKey {
        let cluster = ClusterId { namespace: namespace.to_owned(), name: name.to_owned() };
        SessionKey { cluster, session: SessionName::parse(SESSION).unwrap() }
    }

    #[test]
    fn keys_are_those_that_engines_find() {
        let (keys, session) = (FleetKeys::new("log/"), key("ml", "a~b"));
        let day = Day::of(&session.session);
        assert_eq!(keys.rollup(FleetTable::Runs, day), "log/ray-history/v1/fleet/runs/day=2026-11-23/all.parquet");
        assert_eq!(keys.news_of(&session), format!("log/ray-history/v1/fleet/news/ml~a%7Eb~{SESSION}"));
        assert_eq!(keys.views(), "log/ray-history/v1/views.sql");
        let undated = SessionName::parse("session_2026-99-99_99-99-99_000000").unwrap();
        assert_eq!(Day::of(&undated).as_str(), "1970-01-01");
    }

    #[test]
    fn rollups_lead_back_to_their_day() {
        let keys = FleetKeys::new("r/");
        for table in FleetTable::ALL {
            assert_eq!(FleetTable::parse(table.name()), Some(table));
            let day = Day::parse("2026-11-23").unwrap();
            let stored = keys.rollup(table, day);
            assert_eq!(keys.parse_rollup(table, &stored), Some(day));
            for odd in
                ["x", "/x", "day=2026-1-23/all.parquet", "day=2026-11-23/x/all.parquet", "day=2026-11-23all.parquet"]
            {
                assert_eq!(keys.parse_rollup(table, &format!("{}{odd}", keys.rollups(table))), None, "{odd}");
            }
        }
        assert_eq!(FleetTable::parse("news"), None);
        assert_eq!([Day::parse("2026-11-2"), Day::parse("2026-11-2x"), Day::parse("2026/11/23")], [None; 3]);
    }

    #[test]
    fn keys_of_no_news_are_none() {
        let keys = FleetKeys::new("");
        for odd in ["ml~train", "ml~train~x", "ml~tr%61in~session_2026-11-23_07-10-07_600839", "ml/train"] {
            assert_eq!(keys.parse_news(&format!("{}{odd}", keys.news())), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn news_lead_back_to_their_session(namespace in ".*", name in ".*") {
            let (keys, key) = (FleetKeys::new("r/"), key(&namespace, &name));
            prop_assert_eq!(keys.parse_news(&keys.news_of(&key)), Some(key));
        }
    }
}
