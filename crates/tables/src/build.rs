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
    /// Tables that are not made yet, the next one last.
    left: Vec<LargeTable>,
}

impl Build {
    /// Begins a build.
    pub fn new(content: Content) -> Self {
        let snapshot = &content.snapshot;
        let inputs = sums(&content.inputs, snapshot.completeness.records);
        let session = Session::new(&content.key, content.namespace_known, content.owner.as_ref());
        let (written_at, author) = (content.written_at.clone(), content.author.clone());
        let weight = snapshot.weight() as u64;
        let about = About::new(session, written_at, author, snapshot.as_of, inputs, weight, content.options);
        let stamp = about.stamp();
        let mut left: Vec<LargeTable> = LargeTable::ALL.into_iter().rev().collect();
        left.retain(|table| *table != LargeTable::ProfileEvents || content.options.profile_events);
        Self { content, about, stamp, environments: Environments::default(), left }
    }

    /// Returns the name of the build: 32 hex digits, the same for the same inputs, choices and version of the fold.
    pub fn id(&self) -> &str {
        &self.about.build
    }

    /// Makes the next file of a large table. Returns `None` after the last one.
    pub fn next_table(&mut self) -> Option<Result<TablePart, Error>> {
        let table = self.left.pop()?;
        Some(self.table(table))
    }

    fn table(&mut self, table: LargeTable) -> Result<TablePart, Error> {
        let (snapshot, stamp, mut bytes) = (&*self.content.snapshot, &self.stamp, Vec::new());
        let Options { messages, .. } = self.content.options;
        let expected = match table {
            LargeTable::Tasks => {
                tasks::write(snapshot, stamp, tasks::Options { messages }, &mut self.environments, &mut bytes)?
            }
            LargeTable::ProfileEvents => profile::write(snapshot, stamp, &mut bytes)?,
            LargeTable::Actors => {
                let (actors, expected) = actors::write(snapshot, &mut self.environments, stamp, messages)?;
                bytes = actors;
                expected
            }
        };
        let Expected { rows, uncompressed } = expected;
        match table {
            LargeTable::Tasks => self.about.attempts = rows,
            LargeTable::ProfileEvents => self.about.profile_events = rows,
            LargeTable::Actors => {}
        }
        let sha256 = sha256(&bytes);
        let (name, size) = (table.name().to_owned(), bytes.len() as u64);
        self.about.tables.push(TableFile { name, part: 0, rows, uncompressed, size, sha256 });
        Ok(TablePart { table, part: 0, bytes })
    }
}

impl Build {
    /// Makes the head, once all tables are made.
    pub fn head(self) -> Result<Vec<u8>, Error> {
        let Self { content, about, stamp, environments, .. } = self;
        let Content { snapshot, inputs, facts, records_by_node, .. } = content;
        HeadParts { about, stamp, environments, snapshot: &snapshot, inputs, facts, records_by_node }.pack()
    }
}
