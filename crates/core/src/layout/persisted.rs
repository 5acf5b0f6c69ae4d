//! The keys of what was built of a session and is kept: its head, and its large tables as Parquet.
//!
//! ```text
//! ray-history/v1/snapshots/{namespace}/{cluster}/{session}.rhs
//! ray-history/v1/tables/{table}/namespace={namespace}/day={YYYY-MM-DD}/{cluster}~{session}~{part}.parquet
//! ```
//!
//! All keys follow from the session, so that none has to be listed to open it. The folders of tables are partitions as
//! Hive names them: engines read `namespace` and `day` from them. The day is that in the session's name.

use super::escape::{escape, unescape};
use super::fleet::Day;
use crate::base::name::{ClusterId, SessionKey, SessionName};

/// The folder of heads.
const HEADS: &str = "ray-history/v1/snapshots/";
/// The folder of tables.
const TABLES: &str = "ray-history/v1/tables/";
/// The end of the name of a head.
const HEAD: &str = ".rhs";
/// Stands for an unknown namespace; engines read it as NULL.
const UNKNOWN: &str = "__HIVE_DEFAULT_PARTITION__";
/// Most parts of a table that a reader looks for.
pub const MAX_PARTS: u32 = 9_999;

/// A table that has files of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LargeTable {
    /// One row per attempt.
    Tasks,
    /// One row per profile event.
    ProfileEvents,
    /// One row per actor.
    Actors,
}

impl LargeTable {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tasks, Self::ProfileEvents, Self::Actors];

    /// Returns the name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::ProfileEvents => "profile_events",
            Self::Actors => "actors",
        }
    }
}

/// The keys of what is kept of one session, below one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistedKeys<'a> {
    root: &'a str,
    key: &'a SessionKey,
}

impl<'a> PersistedKeys<'a> {
    /// Returns the keys below `root`, which is empty or ends in `/`.
    pub fn new(root: &'a str, key: &'a SessionKey) -> Self {
        Self { root, key }
    }

    /// Returns the key of the head.
    pub fn head(&self) -> String {
        let SessionKey { cluster: ClusterId { namespace, name }, session } = self.key;
        format!("{}{HEADS}{}/{}/{session}{HEAD}", self.root, escape(namespace), escape(name))
    }

    /// Returns the key of a part of a table. `is_known` is `false` for a namespace that is only the id that v1.6 wrote.
    pub fn table(&self, table: LargeTable, is_known: bool, part: u32) -> String {
        format!("{}{part:05}.parquet", self.parts(table, is_known))
    }

    /// Returns the key of a small table beside the large ones, as portable files have it.
    pub fn small_table(&self, table: &str, is_known: bool) -> String {
        format!("{}00000.parquet", self.named(table, is_known))
    }

    /// Returns the prefix of all parts of a table.
    pub fn parts(&self, table: LargeTable, is_known: bool) -> String {
        self.named(table.name(), is_known)
    }

    fn named(&self, table: &str, is_known: bool) -> String {
        let SessionKey { cluster: ClusterId { namespace, name }, session } = self.key;
        let namespace = if is_known { escape(namespace) } else { UNKNOWN.to_owned() };
        let day = Day::of(session);
        // `~` parts the names.
        let cluster = escape(name).replace('~', "%7E");
        format!("{}{TABLES}{}/namespace={namespace}/day={day}/{cluster}~{session}~", self.root, table)
    }

    /// Returns the prefixes of everything that may be persisted of the session: the head first, then the parts of tables.
    pub fn prefixes(&self) -> Vec<String> {
        let tables = LargeTable::ALL.iter().flat_map(|table| [true, false].map(|known| self.parts(*table, known)));
        std::iter::once(self.head()).chain(tables).collect()
    }

    /// Returns `true` if a key below one of these prefixes is the head, or a part of a table.
    pub fn owns(&self, key: &str) -> bool {
        let is_part = |name: &str| name.len() == 5 && name.bytes().all(|digit| digit.is_ascii_digit());
        let mut tables = LargeTable::ALL.iter().flat_map(|table| [true, false].map(|known| self.parts(*table, known)));
        let is_table = |prefix: String| key.strip_prefix(&prefix)?.strip_suffix(".parquet").map(is_part);
        key == self.head() || tables.any(|prefix| is_table(prefix) == Some(true))
    }

    /// Returns the prefix of all files of a table.
    pub fn tables(root: &str, table: LargeTable) -> String {
        format!("{root}{TABLES}{}/", table.name())
    }

    /// Returns the prefix of all heads.
    pub fn heads(root: &str) -> String {
        format!("{root}{HEADS}")
    }

    /// Parses the key of a head.
    pub fn parse_head(root: &str, key: &str) -> Option<SessionKey> {
        let mut parts = key.strip_prefix(root)?.strip_prefix(HEADS)?.split('/');
        let (namespace, name, session) = (parts.next()?, parts.next()?, parts.next()?);
        let cluster = ClusterId { namespace: unescape(namespace)?, name: unescape(name)? };
        let session = SessionKey { cluster, session: SessionName::parse(session.strip_suffix(HEAD)?)? };
        // The same session by another key would be a second head.
        (parts.next().is_none() && PersistedKeys::new(root, &session).head() == key).then_some(session)
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
        let (usual, odd) = (key("ml", "train"), key("a/b", "~"));
        let keys = PersistedKeys::new("log/", &usual);
        assert_eq!(keys.head(), format!("log/ray-history/v1/snapshots/ml/train/{SESSION}.rhs"));
        let day = "day=2026-11-23";
        assert_eq!(
            keys.table(LargeTable::Tasks, true, 0),
            format!("log/ray-history/v1/tables/tasks/namespace=ml/{day}/train~{SESSION}~00000.parquet")
        );
        assert_eq!(
            PersistedKeys::new("", &odd).table(LargeTable::Actors, false, 12),
            format!("ray-history/v1/tables/actors/namespace={UNKNOWN}/{day}/%7E~{SESSION}~00012.parquet")
        );
        let undated =
            SessionKey { session: SessionName::parse("session_2026-99-99_99-99-99_000000").unwrap(), ..usual };
        assert!(PersistedKeys::new("", &undated).parts(LargeTable::Tasks, true).contains("/day=1970-01-01/"));
    }

    #[test]
    fn a_session_owns_its_head_and_its_tables() {
        let (own, other) = (key("ml", "train"), key("ml", "train2"));
        let keys = PersistedKeys::new("log/", &own);
        assert!(keys.owns(&keys.head()));
        for (table, known) in LargeTable::ALL.into_iter().flat_map(|table| [(table, true), (table, false)]) {
            let part = keys.table(table, known, 7);
            assert!(keys.owns(&part) && keys.prefixes().iter().any(|prefix| part.starts_with(prefix)), "{part}");
            assert!(!PersistedKeys::new("log/", &other).owns(&part));
            assert!(!PersistedKeys::new("", &own).owns(&part));
            assert!(!keys.owns(&part.replace("00007", "7")) && !keys.owns(&format!("{part}.x")));
        }
    }

    #[test]
    fn keys_of_no_head_are_none() {
        for odd in [
            format!("ml/train/{SESSION}"),
            "ml/train/session_latest.rhs".to_owned(),
            format!("ml/{SESSION}.rhs"),
            format!("ml/tr%61in/{SESSION}.rhs"),
            format!("ml/train/x/{SESSION}.rhs"),
        ] {
            assert_eq!(PersistedKeys::parse_head("", &format!("{HEADS}{odd}")), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn heads_lead_back_to_their_sessions(namespace in ".*", name in ".*") {
            let key = key(&namespace, &name);
            let stored = PersistedKeys::new("r/", &key).head();
            prop_assert_eq!(PersistedKeys::parse_head("r/", &stored), Some(key));
        }
    }
}
