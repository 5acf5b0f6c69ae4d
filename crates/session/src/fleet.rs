//! Pages of rollups: rows of all sessions, day by day.
//!
//! Nothing is kept: each page lists the days of its table, and reads as many rollups as it takes to be full, up to a bound.

use super::Sessions;
use super::catalog::Visible;
use super::error::Error;
use super::persist::persist_root;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};
use ray_history_core::layout::{Day, FleetKeys, FleetTable, escape, unescape};
use ray_history_storage::{Delimiter, ErrorKind, ReadRange};
use ray_history_tables::{MAX_ROLLUP, RowPlace, each_row};
use serde_json::{Map, Value};
use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

/// Most rollups that are read for one page.
const MOST_READ: usize = 31;
/// Memory that the rows of a rollup hold for each of its bytes, about.
const HELD: u64 = 12;

/// Longest wait for memory.
const WAIT: Duration = Duration::from_secs(10);

/// The rows that are asked for.
#[derive(Clone, Debug)]
pub struct FleetQuery {
    table: FleetTable,
    visible: Visible,
    /// The namespace; all without one.
    pub namespace: Option<String>,
    from: Option<Day>,
    to: Option<Day>,
    /// Most rows.
    pub limit: usize,
    after: Option<FleetPosition>,
}

impl FleetQuery {
    /// Returns a query for all rows of a table that may be seen; `None` if there is no such table.
    pub fn of(table: &str, visible: Visible, limit: usize) -> Option<Self> {
        let table = FleetTable::parse(table)?;
        Some(Self { table, visible, namespace: None, from: None, to: None, limit, after: None })
    }

    /// Returns the names of all tables.
    pub fn tables() -> [&'static str; 5] {
        FleetTable::ALL.map(FleetTable::name)
    }

    /// Leaves out the days before one, given as `YYYY-MM-DD`. Returns `None` if it is no day.
    pub fn begin(self, day: &str) -> Option<Self> {
        Some(Self { from: Some(Day::parse(day)?), ..self })
    }

    /// Leaves out the days after one. Returns `None` if it is no day.
    pub fn end(self, day: &str) -> Option<Self> {
        Some(Self { to: Some(Day::parse(day)?), ..self })
    }

    /// Goes on behind the end of a page. Returns `None` if it is none.
    pub fn behind(self, position: &str) -> Option<Self> {
        Some(Self { after: Some(FleetPosition::parse(position)?), ..self })
    }
}

/// The end of a page: a row, or a whole day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetPosition {
    day: Day,
    row: Option<RowPlace>,
}

/// A page of rows.
#[derive(Clone, Debug, Default)]
pub struct FleetPage {
    /// Rows by day, namespace, cluster and session: columns as JSON, with `day`.
    pub rows: Vec<Map<String, Value>>,
    /// The end of the page, if there may be more.
    pub next: Option<FleetPosition>,
    /// Days whose rollup is damaged.
    pub unreadable: Vec<Day>,
}

impl FleetPosition {
    /// Parses what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('~');
        let day = Day::parse(parts.next()?)?;
        let Some(namespace) = parts.next() else { return Some(Self { day, row: None }) };
        let (name, session) = (parts.next()?, parts.next()?);
        let (known, row) = (parts.next()? == "known", parts.next()?.parse().ok()?);
        let cluster = ClusterId { namespace: unescape(namespace)?, name: unescape(name)? };
        let key = SessionKey { cluster, session: SessionName::parse(session)? };
        parts.next().is_none().then_some(Self { day, row: Some(RowPlace { key, namespace_known: known, row }) })
    }
}

impl fmt::Display for FleetPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, row } = self;
        write!(f, "{day}")?;
        let Some(RowPlace { key, namespace_known, row }) = row else { return Ok(()) };
        let part = |name: &str| escape(name).replace('~', "%7E");
        let SessionKey { cluster: ClusterId { namespace, name }, session } = key;
        let known = if *namespace_known { "known" } else { "unknown" };
        write!(f, "~{}~{}~{session}~{known}~{row}", part(namespace), part(name))
    }
}

impl Sessions {
    /// Returns a page of a rollup. It may have fewer rows than asked for, and none, and still not be the last.
    ///
    /// # Errors
    /// Returns the error of the store.
    pub async fn fleet(&self, query: &FleetQuery) -> Result<FleetPage, Error> {
        let source = self.source();
        let root = persist_root(source.catalog.roots());
        let keys = FleetKeys::new(&root);
        let listed = source.store.list_all(&keys.rollups(query.table), Delimiter::None).await?.objects;
        let begin = query.from.max(query.after.as_ref().map(|after| after.day));
        let is_wanted = |day: Day| begin.is_none_or(|begin| day >= begin) && query.to.is_none_or(|to| day <= to);
        let days = listed.iter().filter_map(|object| {
            Some((keys.parse_rollup(query.table, &object.key).filter(|day| is_wanted(*day))?, object))
        });
        let mut days: Vec<_> = days.collect();
        days.sort_by_key(|(day, _)| *day);
        let mut page = FleetPage::default();
        for (n, (day, object)) in days.iter().enumerate() {
            let after = query.after.as_ref().filter(|after| after.day == *day);
            if after.is_some_and(|after| after.row.is_none()) {
                continue;
            }
            let memory = self.reserve_for_answer(object.size.min(MAX_ROLLUP).saturating_mul(HELD));
            let _memory = tokio::time::timeout(WAIT, memory).await.map_err(|_| Error::Busy)?;
            let bytes = match source.store.read(&object.key, ReadRange::Full).await {
                Ok(body) => body.read_all(MAX_ROLLUP).await,
                Err(error) => Err(error),
            };
            let bytes = match bytes {
                Ok(bytes) => bytes,
                // It was replaced or removed meanwhile, or is none.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::TooLarge) => {
                    page.unreadable.push(*day);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let (asked, day, missing) = (query.clone(), *day, query.limit.saturating_sub(page.rows.len()));
            let after = after.and_then(|after| after.row.clone());
            let read = tokio::task::spawn_blocking(move || rows(&asked, day, bytes, after.as_ref(), missing)).await;
            match read.map_err(|_| Error::Broken)? {
                Ok((mut rows, last)) => {
                    page.rows.append(&mut rows);
                    page.next = last.map(|row| FleetPosition { day, row: Some(row) });
                }
                Err(error) => {
                    tracing::warn!(key = object.key, error = %chain(&error), "a rollup is damaged");
                    page.unreadable.push(day);
                }
            }
            let is_full = n + 1 >= MOST_READ || page.rows.len() >= query.limit;
            if page.next.is_none() && is_full && n + 1 < days.len() {
                page.next = Some(FleetPosition { day, row: None });
            }
            if page.next.is_some() {
                break;
            }
        }
        Ok(page)
    }
}

/// Rows, and the last of them if there are more.
type Rows = (Vec<Map<String, Value>>, Option<RowPlace>);

/// Returns at most so many rows of a rollup that may be seen.
fn rows(
    query: &FleetQuery,
    day: Day,
    bytes: bytes::Bytes,
    after: Option<&RowPlace>,
    room: usize,
) -> Result<Rows, ray_history_tables::Error> {
    let (mut rows, mut last, mut is_cut) = (Vec::new(), None, false);
    each_row(query.table, day, bytes, after, |place, row| {
        let RowPlace { key: SessionKey { cluster: ClusterId { namespace, .. }, .. }, namespace_known, .. } = place;
        let is_asked = query.namespace.as_ref().is_none_or(|asked| asked == namespace && *namespace_known);
        if !is_asked || !query.visible.shows(namespace, *namespace_known) {
            return ControlFlow::Continue(());
        }
        if rows.len() == room {
            is_cut = true;
            return ControlFlow::Break(());
        }
        let mut row = row();
        row.insert("day".to_owned(), day.as_str().into());
        rows.push(row);
        last = Some(place.clone());
        ControlFlow::Continue(())
    })?;
    Ok((rows, last.filter(|_| is_cut)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back() {
        let session = SessionName::parse("session_2026-11-23_07-10-07_600839_1").unwrap();
        let day = Day::of(&session);
        for (namespace, name) in [("ml", "train"), ("a~b", "%"), ("", "é")] {
            let cluster = ClusterId { namespace: namespace.to_owned(), name: name.to_owned() };
            let key = SessionKey { cluster, session: session.clone() };
            for namespace_known in [true, false] {
                let row = Some(RowPlace { key: key.clone(), namespace_known, row: 7 });
                let position = FleetPosition { day, row };
                assert_eq!(FleetPosition::parse(&position.to_string()), Some(position));
            }
        }
        let whole = FleetPosition { day, row: None };
        assert_eq!(FleetPosition::parse("2026-11-23"), Some(whole));
        for bad in
            ["", "2026-11-2", "2026-11-23~ml", "2026-11-23~ml~rc~session_latest~known~0", "2026-11-23~ml~rc~x~known~0~"]
        {
            assert_eq!(FleetPosition::parse(bad), None, "{bad}");
        }
    }
}
