//! The table of sessions: aligned columns, a row a line whatever the names are.

use crate::escape::escaped;
use serde_json::Value;

/// Longest cell that its column is as wide as: the longest label of a DNS name. A longer one moves the rest of its row.
const WIDEST: usize = 63;
/// Space between two columns.
const SPACE: usize = 2;

/// A column: its title, and the text of a session.
type Column = (&'static str, fn(&Value) -> String);

/// Columns of every table. The outcome is left out if no session has one.
const COLUMNS: [Column; 5] = [
    ("NAMESPACE", |session| text(session, "namespace")),
    ("NAME", name),
    ("STATE", state),
    (OUTCOME, |session| text(session, "outcome")),
    // Without a zone, only the head knows which clock that is.
    ("STARTED (HEAD CLOCK)", started),
];

/// Further columns of the wide table.
const WIDE: [Column; 5] = [
    ("LAST WRITE", |session| time(&text(session, "lastWrite"), "Z", 16)),
    ("COMPLETENESS", |session| text(session, "completeness")),
    ("CLUSTER", |session| text(session, "cluster")),
    ("SESSION", |session| text(session, "session")),
    // The last one: it is as long as a sentence.
    ("WHY", |session| session["why"]["sentence"].as_str().unwrap_or_default().to_owned()),
];

const OUTCOME: &str = "OUTCOME";

/// Returns the table of sessions, with a line of titles; without sessions, nothing.
pub fn table(sessions: impl Iterator<Item = Value>, is_wide: bool) -> String {
    let columns: Vec<Column> = COLUMNS.into_iter().chain(WIDE.into_iter().filter(|_| is_wide)).collect();
    let cells = |session: Value| columns.iter().map(|(_, cell)| escaped(&cell(&session))).collect();
    let mut rows: Vec<Vec<String>> = sessions.map(cells).collect();
    if rows.is_empty() {
        return String::new();
    }
    let is_shown = |at: usize| columns[at].0 != OUTCOME || rows.iter().any(|row| !row[at].is_empty());
    let shown: Vec<usize> = (0..columns.len()).filter(|at| is_shown(*at)).collect();
    rows.insert(0, columns.iter().map(|(title, _)| (*title).to_owned()).collect());
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count().min(WIDEST)).max().unwrap_or_default();
    let widths: Vec<(usize, usize)> = shown.into_iter().map(|at| (at, width(at) + SPACE)).collect();
    let mut table = String::new();
    for row in &rows {
        let mut line = String::new();
        for (at, width) in &widths {
            let cell = &row[*at];
            line.push_str(cell);
            let pad = width.saturating_sub(cell.chars().count()).max(SPACE);
            line.extend(std::iter::repeat_n(' ', pad));
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

fn text(session: &Value, field: &str) -> String {
    session[field].as_str().unwrap_or_default().to_owned()
}

/// Returns the name that people gave: that of the owner, else that of the cluster.
fn name(session: &Value) -> String {
    let owner = &session["owner"];
    match (owner["kind"].as_str(), owner["name"].as_str()) {
        (Some(kind), Some(name)) => format!("{kind}/{name}"),
        _ => format!("raycluster/{}", text(session, "cluster")),
    }
}

/// Returns the state. Evidence of an end counts where nothing else is known, as on the page of sessions.
fn state(session: &Value) -> String {
    match text(session, "state") {
        state if state == "unknown" && session["ended"].is_string() => "ended".to_owned(),
        state => state,
    }
}

/// Returns the start by the head's clock, with its zone if that is known.
fn started(session: &Value) -> String {
    let zone = text(session, "zone");
    let zone = match zone.as_ref() {
        "" => String::new(),
        "+00:00" => " UTC".to_owned(),
        other => format!(" {other}"),
    };
    time(&text(session, "startedLocal"), &zone, 16)
}

/// Returns the first characters of a time of RFC 3339 with a zone, for people; anything else as it is.
fn time(at: &str, zone: &str, characters: usize) -> String {
    match (at.get(..characters), at.get(characters..)) {
        (Some(start), Some(rest)) if rest.ends_with('Z') && start.is_ascii() => {
            format!("{}{zone}", start.replacen('T', " ", 1))
        }
        _ => at.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job() -> Value {
        json!({
            "namespace": "ml-serving", "cluster": "train-raycluster-9d4kq", "state": "dead",
            "owner": {"kind": "rayjob", "name": "train"}, "session": "session_2026-11-23_07-07-14_513426_5513",
            "startedLocal": "2026-11-23T07:07:14Z", "zone": "+01:00", "lastWrite": "2026-11-23T06:20:35.123Z",
            "completeness": "complete"
        })
    }

    fn shown(sessions: &[Value], is_wide: bool) -> Vec<String> {
        table(sessions.iter().cloned(), is_wide).lines().map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_aligned_and_fit_a_terminal() {
        let mut other = json!({"namespace": "ml", "cluster": "c", "state": "unknown", "owner": null,
            "startedLocal": "2026-11-23T08:00:00Z"});
        assert_eq!(
            shown(&[job(), other.clone()], false),
            [
                "NAMESPACE   NAME          STATE    STARTED (HEAD CLOCK)",
                "ml-serving  rayjob/train  dead     2026-11-23 07:07 +01:00",
                "ml          raycluster/c  unknown  2026-11-23 08:00",
            ]
        );
        other["ended"] = json!("marker");
        other["outcome"] = json!("Succeeded");
        let rows = shown(&[job(), other], false);
        assert_eq!(rows[0], "NAMESPACE   NAME          STATE  OUTCOME    STARTED (HEAD CLOCK)");
        assert_eq!(rows[1], "ml-serving  rayjob/train  dead              2026-11-23 07:07 +01:00");
        assert_eq!(rows[2], "ml          raycluster/c  ended  Succeeded  2026-11-23 08:00");
        assert!(rows.iter().all(|row| row.chars().count() <= 80), "{rows:?}");
    }

    #[test]
    fn the_wide_table_has_the_session() {
        let rows = shown(&[job()], true);
        assert!(rows[0].contains("LAST WRITE         COMPLETENESS  CLUSTER                 SESSION"), "{rows:?}");
        assert!(rows[1].contains("2026-11-23 06:20Z  complete      train-raycluster-9d4kq  session_2026"), "{rows:?}");
        assert_eq!(table(std::iter::empty(), true), "");
    }

    /// Names are of a bucket, and items of a server of another version.
    #[test]
    fn a_row_is_a_line_whatever_it_has() {
        let long = "n".repeat(200);
        for odd in [
            json!(null),
            json!("text"),
            json!({"namespace": 7, "cluster": ["x"], "owner": "train", "state": null, "startedLocal": "2026", "zone": 1}),
            json!({"namespace": "a\nb\u{1b}[2J\u{202e}", "cluster": long, "outcome": {"word": "Failed"}}),
            json!({"startedLocal": "2026-11-23T07:07é14Z", "owner": {"kind": "rayjob"}}),
        ] {
            let rows = shown(&[job(), odd], true);
            assert_eq!(rows.len(), 3, "{rows:?}");
            assert!(rows.iter().flat_map(|row| row.chars()).all(|char| !crate::escape::is_unsafe(char)), "{rows:?}");
            assert!(rows[1].starts_with("ml-serving") && rows[1].contains(" dead "), "{rows:?}");
            assert!(rows[1].chars().count() < 260, "a long name moves no other row: {rows:?}");
        }
    }
}
