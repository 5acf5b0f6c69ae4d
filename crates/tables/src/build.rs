//! Makes the files of one build: large tables one after the other, then the head that names them.

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::hash::sha256;
use crate::head::{About, FactFile, HeadParts, Input, Options, Session, TableFile, Writer, sums};
use crate::{actors, profile, tasks};
use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_core::layout::LargeTable;
use ray_history_core::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Everything that a build is made from.
#[derive(Debug)]
pub struct Content {
    /// The session.
    pub key: SessionKey,
    /// `false` if its namespace is only an id that v1.6 wrote.
    pub namespace_known: bool,
    /// The owner of its cluster, if known.
    pub owner: Option<Owner>,
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The raw objects, sorted by key.
    pub inputs: Vec<Input>,
    /// The parts of log files that the snapshot's facts were read from.
    pub facts: Vec<FactFile>,
    /// Records that were read of each node.
    pub records_by_node: BTreeMap<String, u64>,
    /// Choices of what is written.
    pub options: Options,
    /// The program that writes.
    pub author: Writer,
    /// The time of its clock, RFC 3339.
    pub written_at: String,
}

/// One file of a large table.
#[derive(Debug)]
pub struct TablePart {
    /// The table.
    pub table: LargeTable,
    /// The part.
    pub part: u32,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A build in progress.
#[derive(Debug)]
pub struct Build {
    content: Content,
    about: About,
    stamp: Stamp,
    environments: Environments,
    /// Attempts in the order of the tables.
    order: Vec<u32>,
    /// Files that are not made yet, the next one last: the table, the part, and its range of `order`.
    left: Vec<(LargeTable, u32, Range<usize>)>,
}

/// Attempts of one part of a table, and the profile events of these, so that a part is some ten megabytes.
const PART: (usize, usize) = (1 << 20, 4 << 20);

impl Build {
    /// Begins a build.
    pub fn new(content: Content) -> Self {
        Self::with_parts(content, PART)
    }

    fn with_parts(content: Content, part: (usize, usize)) -> Self {
        let snapshot = &content.snapshot;
        let inputs = sums(&content.inputs, snapshot.completeness.records);
        let session = Session::new(&content.key, content.namespace_known, content.owner.as_ref());
        let (written_at, author) = (content.written_at.clone(), content.author.clone());
        let weight = snapshot.weight() as u64;
        let about = About::new(session, written_at, author, snapshot.as_of, inputs, weight, content.options);
        let stamp = about.stamp();
        let order = content.snapshot.tasks.by_place();
        let parts = parts(&content.snapshot, &order, part);
        let all = LargeTable::ALL.into_iter().flat_map(|table| {
            let parts = if table == LargeTable::Actors { std::slice::from_ref(&EMPTY) } else { &parts[..] };
            parts.iter().cloned().zip(0..).map(move |(range, part)| (table, part, range))
        });
        let mut left: Vec<_> = all.collect();
        left.retain(|(table, ..)| *table != LargeTable::ProfileEvents || content.options.profile_events);
        left.reverse();
        Self { content, about, stamp, environments: Environments::default(), order, left }
    }

    /// Returns the name of the build: 32 hex digits, the same for the same inputs, choices and version of the fold.
    pub fn id(&self) -> &str {
        &self.about.build
    }

    /// Makes the next file of a large table. Returns `None` after the last one.
    pub fn next_table(&mut self) -> Option<Result<TablePart, Error>> {
        let (table, part, range) = self.left.pop()?;
        Some(self.table(table, part, range))
    }

    fn table(&mut self, table: LargeTable, part: u32, range: Range<usize>) -> Result<TablePart, Error> {
        let rows = self.order.get(range).unwrap_or_default();
        let (snapshot, stamp, mut bytes) = (&*self.content.snapshot, &self.stamp, Vec::new());
        let Options { messages, .. } = self.content.options;
        let expected = match table {
            LargeTable::Tasks => {
                tasks::write(snapshot, rows, stamp, tasks::Options { messages }, &mut self.environments, &mut bytes)?
            }
            LargeTable::ProfileEvents => profile::write(snapshot, rows, stamp, &mut bytes)?,
            LargeTable::Actors => {
                let (actors, expected) = actors::write(snapshot, &mut self.environments, stamp, messages)?;
                bytes = actors;
                expected
            }
        };
        let Expected { rows, uncompressed } = expected;
        match table {
            LargeTable::Tasks => self.about.attempts += rows,
            LargeTable::ProfileEvents => self.about.profile_events += rows,
            LargeTable::Actors => {}
        }
        let sha256 = sha256(&bytes);
        let (name, size) = (table.name().to_owned(), bytes.len() as u64);
        self.about.tables.push(TableFile { name, part, rows, uncompressed, size, sha256 });
        Ok(TablePart { table, part, bytes })
    }

    /// Makes the head, once all tables are made.
    pub fn head(self) -> Result<Vec<u8>, Error> {
        let Self { content, about, stamp, environments, .. } = self;
        let Content { snapshot, inputs, facts, records_by_node, .. } = content;
        HeadParts { about, stamp, environments, snapshot: &snapshot, inputs, facts, records_by_node }.pack()
    }
}

const EMPTY: Range<usize> = 0..0;

/// Returns the parts of a table of attempts: ranges of `order` with at most so many attempts and, unless one attempt has
/// more, so many profile events. There is one at least.
fn parts(snapshot: &Snapshot, order: &[u32], (attempts, events): (usize, usize)) -> Vec<Range<usize>> {
    let (mut parts, mut start, mut held) = (Vec::new(), 0, 0);
    for (at, row) in order.iter().enumerate() {
        let more = snapshot.tasks.get(*row as usize).profile().len();
        if at > start && (at - start == attempts || held + more > events) {
            parts.push(start..at);
            (start, held) = (at, 0);
        }
        held += more;
    }
    parts.push(start..order.len());
    parts
}

#[cfg(test)]
pub(crate) mod tests;
