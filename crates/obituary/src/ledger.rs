//! The ledger: one row for each run, so that a list shows the outcome and the cause without opening documents.
//!
//! Pieces are written at most once a minute, `{day}/{milliseconds}-{writer}.jsonl`, and joined into `{day}.jsonl.gz`
//! after the day. Rows of one run join by the greatest revision.

use crate::cause::{Cause, Certainty, Code, Outcome};
use crate::document::{Document, ObjectId};
use crate::facts::{Facts, OwnerRef, Subject};
use crate::text::{cut, is_name};
use crate::time::Time;
use ray_history_core::base::keep::{KEEP, KEEP_FOR, Keep};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The folder of the ledger, below a root.
const FOLDER: &str = "ray-history/v1/ledger/";

/// The length of a row that a reader takes.
const MAX_ROW: usize = 16 << 10;
/// The length of a value within a row.
const VALUE: usize = 256;
/// Sessions of one row.
const SESSIONS: usize = 16;

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Row {
    /// The object.
    #[serde(flatten)]
    pub object: ObjectId,
    /// The run within the object: the uid of its head pod, else the name of its cluster.
    pub run: String,
    /// The cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// The owner of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerRef>,
    /// The sessions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<String>,
    /// The start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// The end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// The outcome.
    pub outcome: Outcome,
    /// The first cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Its certainty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certainty: Option<Certainty>,
    /// The values of its sentence.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// `true` if the object and its pods are gone, so that nothing more comes. Rows of before this was written never say so.
    #[serde(rename = "final", skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// The uid of the namespace `kube-system` of its Kubernetes; empty if the recorder could not read it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kubernetes: String,
    /// The labels `history.ray.io/keep` and `history.ray.io/keep-for` of the object or its owner, as one text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub keep: String,
    /// The revision of the document.
    pub revision: u64,
    /// The length of the document.
    pub bytes: u64,
}

impl Row {
    /// Returns the rows of a document that has this many bytes.
    pub fn of(document: &Document, bytes: u64) -> Vec<Self> {
        let owner = document.facts.object(&document.object.uid).and_then(|object| object.owner.clone());
        let keep = keep(&document.facts);
        let row = |run: &crate::cause::Run| {
            let cause = run.first_cause();
            let values = cause.map(|cause| cause.values.iter()).into_iter().flatten();
            Self {
                object: document.object.clone(),
                run: if run.head_pod.is_empty() { run.cluster.clone() } else { run.head_pod.clone() },
                cluster: run.cluster.clone(),
                owner: owner.clone(),
                sessions: run.sessions.iter().rev().take(SESSIONS).rev().cloned().collect(),
                from: run.from,
                to: run.to,
                outcome: run.outcome,
                code: cause.map(|cause| cause.code),
                certainty: cause.map(|cause| cause.certainty),
                values: values.map(|(name, value)| (name.clone(), cut(value, VALUE))).collect(),
                is_final: document.is_final,
                kubernetes: cut(&document.kubernetes.cluster, VALUE),
                keep: keep.clone(),
                revision: document.revision,
                bytes,
            }
        };
        document.runs.iter().map(row).collect()
    }

    /// Returns the outcome; `None` while the run goes on, for one may still come.
    pub fn known_outcome(&self) -> Option<Outcome> {
        Some(self.outcome).filter(|outcome| self.to.is_some() || *outcome != Outcome::Unknown)
    }

    /// Returns the sentence of the first cause; `None` without one.
    pub fn sentence(&self) -> Option<String> {
        let (code, certainty) = (self.code?, self.certainty.unwrap_or_default());
        Some(Cause { code, certainty, values: self.values.clone(), ..Cause::default() }.sentence())
    }
}

/// Returns the labels that keep the sessions of any of these objects, as one text.
fn keep(facts: &Facts) -> String {
    let label = |object: &Subject, name: &str| object.labels.get(name).cloned().unwrap_or_default();
    let labels = facts.objects.iter().map(|object| Keep::of_labels(&label(object, KEEP), &label(object, KEEP_FOR)));
    Keep::text(labels.fold(None, Keep::longer))
}

/// Rows by object and run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger(BTreeMap<(String, String), Row>);

impl Ledger {
    /// Joins a row: the greater revision counts, of equal ones that of a final document, then the greater text.
    pub fn add(&mut self, row: Row) {
        let rank = |row: &Row| (row.revision, row.is_final, serde_json::to_string(row).unwrap_or_default());
        let key = (row.object.uid.clone(), row.run.clone());
        match self.0.get(&key) {
            Some(known) if rank(known) >= rank(&row) => {}
            _ => {
                self.0.insert(key, row);
            }
        }
    }

    /// Joins the rows of a piece, and returns how many lines are no rows.
    pub fn read(&mut self, piece: &[u8]) -> usize {
        let lines = piece.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut malformed = 0;
        for line in lines {
            let row = Some(line)
                .filter(|line| line.len() <= MAX_ROW)
                .and_then(|line| serde_json::from_slice::<Row>(line).ok());
            match row.filter(|row| !row.object.uid.is_empty()) {
                Some(row) => self.add(row),
                None => malformed += 1,
            }
        }
        malformed
    }

    /// Returns the rows as lines of JSON.
    pub fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut lines = Vec::new();
        for row in self.rows() {
            serde_json::to_writer(&mut lines, row)?;
            lines.push(b'\n');
        }
        Ok(lines)
    }

    /// Returns the rows in the order of uid and run.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.0.values()
    }
}

/// An object of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// The rows that one writer wrote at once.
    Written {
        /// The day, `2026-11-29`.
        day: String,
        /// The milliseconds since 1970 at the write.
        millis: i64,
        /// The writer.
        writer: String,
    },
    /// All rows of a day, compressed with gzip.
    Day(String),
}

impl Piece {
    /// Returns the piece that a writer writes now; `None` for a name that no replica has.
    pub fn now(at: Time, writer: &str) -> Option<Self> {
        is_name(writer).then(|| Self::Written { day: at.day(), millis: at.millis(), writer: writer.to_owned() })
    }

    /// Returns the key below a root, which is empty or ends in `/`.
    pub fn key(&self, root: &str) -> String {
        match self {
            Self::Written { day, millis, writer } => format!("{root}{FOLDER}{day}/{millis}-{writer}.jsonl"),
            Self::Day(day) => format!("{root}{FOLDER}{day}.jsonl.gz"),
        }
    }

    /// Returns the prefix of all keys.
    pub fn prefix(root: &str) -> String {
        format!("{root}{FOLDER}")
    }

    /// Parses a key.
    pub fn from_key(root: &str, key: &str) -> Option<Self> {
        let path = key.strip_prefix(root)?.strip_prefix(FOLDER)?;
        let piece = match path.split_once('/') {
            None => Self::Day(path.strip_suffix(".jsonl.gz")?.to_owned()),
            Some((day, name)) => {
                let (millis, writer) = name.strip_suffix(".jsonl")?.split_once('-')?;
                Self::Written { day: day.to_owned(), millis: millis.parse().ok()?, writer: writer.to_owned() }
            }
        };
        let (Self::Day(day) | Self::Written { day, .. }) = &piece;
        let is_day = Time::parse(&format!("{day}T00:00:00Z")).is_some_and(|time| time.day() == *day);
        (is_day && piece.key(root) == key).then_some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_run_join_by_revision() {
        let row = |run: &str, revision: u64, outcome: Outcome| Row {
            object: ObjectId { uid: "u".into(), ..ObjectId::default() },
            run: run.into(),
            revision,
            outcome,
            ..Row::default()
        };
        let rows = [
            row("a", 1, Outcome::Unknown),
            row("a", 3, Outcome::Failed),
            row("a", 2, Outcome::Stopped),
            row("b", 1, Outcome::Succeeded),
        ];
        let (mut forward, mut backward) = (Ledger::default(), Ledger::default());
        for row in &rows {
            forward.add(row.clone());
        }
        for row in rows.iter().rev() {
            backward.add(row.clone());
        }
        assert_eq!(forward, backward);
        let outcomes: Vec<Outcome> = forward.rows().map(|row| row.outcome).collect();
        assert_eq!(outcomes, [Outcome::Failed, Outcome::Succeeded]);
        let mut read = Ledger::default();
        let mut text = forward.write().unwrap();
        text.extend(b"{\"torn\n[]\n{}\n");
        assert_eq!(read.read(&text), 3);
        assert_eq!(read, forward);
    }

    #[test]
    fn keys_of_pieces_and_days_are_parsed() {
        let at = Time::parse("2026-11-29T07:53:09.5Z").unwrap();
        let piece = Piece::now(at, "ray-history-0").unwrap();
        assert_eq!(piece.key("log/"), "log/ray-history/v1/ledger/2026-11-29/1795938789500-ray-history-0.jsonl");
        for piece in [piece, Piece::Day("2026-11-29".into())] {
            assert_eq!(Piece::from_key("log/", &piece.key("log/")), Some(piece));
        }
        for odd in ["x", "ray-history/v1/ledger/today/1-a.jsonl", "ray-history/v1/ledger/2026-11-29/01-a.jsonl"] {
            assert_eq!(Piece::from_key("", odd), None, "{odd}");
        }
        assert_eq!(Piece::now(at, "a/b"), None);
    }
}
