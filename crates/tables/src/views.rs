//! `views.sql`: the views for `DuckDB` of everything that is persisted below one root, or of one session.
//!
//! They show what Ray would list: attempts, actors and nodes that are defined, and no column that begins with `_`.

use crate::tasks::state_columns;
use ray_history_core::base::name::{ClusterId, SessionKey};
use ray_history_core::layout::{Day, FleetKeys, FleetTable, LargeTable, PersistedKeys};
use std::fmt::Write;

/// A view, by the table that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// A table of which each session has files of its own.
    Large(LargeTable),
    /// A table of all sessions.
    Fleet(FleetTable),
}

impl View {
    /// Returns all views.
    pub fn all() -> impl Iterator<Item = Self> {
        LargeTable::ALL.into_iter().map(Self::Large).chain(FleetTable::ALL.into_iter().map(Self::Fleet))
    }

    /// Returns the name of the view.
    pub fn name(self) -> &'static str {
        match self {
            Self::Large(table) => table.name(),
            Self::Fleet(table) => table.name(),
        }
    }

    /// Returns the prefix of the view's files below `root`: of all sessions, or of one whose namespace is known.
    pub fn prefix(self, root: &str, session: Option<&SessionKey>) -> String {
        match (self, session) {
            (Self::Large(table), None) => PersistedKeys::tables(root, table),
            (Self::Large(table), Some(key)) => PersistedKeys::new(root, key).parts(table, true),
            (Self::Fleet(table), None) => FleetKeys::new(root).rollups(table),
            (Self::Fleet(table), Some(key)) => FleetKeys::new(root).rollup(table, Day::of(&key.session)),
        }
    }

    /// Returns the pattern of its files.
    fn pattern(self, root: &str, session: Option<&SessionKey>) -> String {
        let prefix = self.prefix(root, session);
        match (self, session) {
            (Self::Large(_), None) => format!("{prefix}*/*/*.parquet"),
            (Self::Large(_), Some(_)) => format!("{prefix}*.parquet"),
            (Self::Fleet(_), None) => format!("{prefix}*/all.parquet"),
            (Self::Fleet(_), Some(_)) => prefix,
        }
    }

    fn sql(self, base: &str, session: Option<&SessionKey>) -> String {
        let files = quoted(&format!("{base}{}", self.pattern("", session)));
        let types = match self {
            Self::Large(_) => "{'namespace': VARCHAR, 'day': DATE}",
            Self::Fleet(_) => "{'day': DATE}",
        };
        let columns = match self {
            Self::Large(LargeTable::ProfileEvents) => {
                "* EXCLUDE (_start_nanos) REPLACE (replace(extra_data, chr(1), task_id) AS extra_data)"
            }
            _ => "COLUMNS('^[^_]')",
        };
        let mut wanted = Vec::new();
        if matches!(self, Self::Large(LargeTable::Tasks | LargeTable::Actors) | Self::Fleet(FleetTable::Nodes)) {
            wanted.push("defined".to_owned());
        }
        if let (Self::Fleet(_), Some(SessionKey { cluster: ClusterId { namespace, name }, session })) = (self, session)
        {
            let equals = |column: &str, value: &str| format!("{column} = {}", quoted(value));
            let names = [("namespace", namespace.as_str()), ("cluster", name.as_str()), ("session", session.as_str())];
            wanted.extend(names.map(|(column, value)| equals(column, value)));
        }
        let mut sql = format!(
            "CREATE OR REPLACE VIEW {} AS SELECT {columns}\n  FROM read_parquet({files}, hive_partitioning = true, \
             hive_types = {types}, union_by_name = true)",
            self.name()
        );
        if !wanted.is_empty() {
            let _ = write!(sql, "\n  WHERE {}", wanted.join(" AND "));
        }
        sql.push_str(";\n");
        if self == Self::Large(LargeTable::Tasks) {
            sql.push_str(&transitions());
        }
        sql
    }
}

/// Returns the views of tables whose files lie below `base`: a folder or URL that ends in `/`, with the root in it. A view
/// of a table without any file is an error of `DuckDB`, so only views that are wanted are there.
pub fn views(base: &str, session: Option<&SessionKey>, wanted: impl Fn(View) -> bool) -> String {
    let mut sql = "-- Views of what ray-history persisted, for DuckDB: duckdb -init views.sql\n".to_owned();
    View::all().filter(|view| wanted(*view)).for_each(|view| sql.push_str(&view.sql(base, session)));
    sql
}

/// The view of the times at which attempts reached their states.
fn transitions() -> String {
    let mut sql = String::from(
        "CREATE OR REPLACE VIEW transitions AS SELECT namespace, day, cluster, session, task_id, attempt,\n",
    );
    sql.push_str("    upper(left(name, length(name) - 3)) AS state, reached_at\n");
    sql.push_str("  FROM (SELECT * EXCLUDE (name, state) FROM tasks)\n");
    sql.push_str("  UNPIVOT (reached_at FOR name IN (");
    sql.push_str(&state_columns().join(", "));
    sql.push_str("));\n");
    sql
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::SessionName;

    #[test]
    fn views_of_everything_are_those_of_the_documentation() {
        let sql = views("s3://BUCKET/log/", None, |_| true);
        assert!(sql == include_str!("views/all.sql"), "not as in views/all.sql:\n{sql}");
    }

    #[test]
    fn views_of_one_session_read_its_files_alone() {
        let session = SessionName::parse("session_2026-11-23_07-10-07_600839_1").unwrap();
        let key = SessionKey { cluster: ClusterId { namespace: "it's".into(), name: "rc".into() }, session };
        let sql = views("/data/", Some(&key), |view| view != View::Large(LargeTable::ProfileEvents));
        let tasks = "'/data/ray-history/v1/tables/tasks/namespace=it%27s/day=2026-11-23/rc~session_2026-11-23_07-10-07_600839_1~*.parquet'";
        assert!(sql.contains(tasks), "{sql}");
        assert!(sql.contains("'/data/ray-history/v1/fleet/runs/day=2026-11-23/all.parquet'"), "{sql}");
        assert!(sql.contains("WHERE defined AND namespace = 'it''s' AND cluster = 'rc'"), "{sql}");
        assert!(!sql.contains("profile_events"));
    }
}
