//! Makes the bytes of a portable file, piece by piece: what is small and made at once, tables, and copies of raw objects.

use crate::choices::Choices;
use crate::readme;
use bytes::Bytes;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::{PersistedKeys, SessionKeys};
use ray_history_session::ToExport;
use ray_history_session::logs::blocks::Block;
use ray_history_session::logs::select::LogFile;
use ray_history_session::logs::zip::ZipWriter;
use ray_history_tables::{self as tables, Build, Content, Head, Options, TablePart, Writer, names_variables};
use std::collections::VecDeque;
use std::fmt::Write;
use std::io;
use std::sync::Arc;

/// Longest file that is looked into for environment variables, in bytes: it is held until all of it is there.
const LOOKED_INTO: u64 = 8 << 20;
/// The member that names what is missing.
const MISSING: &str = "MISSING.txt";

/// The error of a file that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tables cannot be made.
    #[error("its tables cannot be made: {0}")]
    Tables(#[from] tables::Error),
    /// The archive cannot be made.
    #[error("the archive cannot be made: {0}")]
    Archive(#[from] io::Error),
}

/// The packer of one file.
#[derive(Debug)]
pub struct Packer {
    zip: ZipWriter,
    key: SessionKey,
    namespace_known: bool,
    /// Members that are made already.
    ready: VecDeque<(String, String)>,
    /// Tables that are still to be made; `None` after the head.
    build: Option<Build>,
    files: Arc<[LogFile]>,
    copied: Vec<Copied>,
    current: Current,
    missing: String,
}

/// A raw object that is copied.
#[derive(Debug)]
struct Copied {
    /// The name of its member.
    name: String,
    is_looked_into: bool,
}

/// The raw object that is being copied.
#[derive(Debug, Default)]
struct Current {
    is_begun: bool,
    read: u64,
    /// The bytes of one that is looked into.
    held: Vec<u8>,
}

impl Packer {
    /// Begins a file. `written_at` is the time of the writer's clock, RFC 3339.
    pub fn new(what: ToExport, choices: Choices, version: &str, written_at: String) -> Self {
        let key = what.session.key.clone();
        let (mut files, mut copied) = (Vec::new(), Vec::new());
        for object in what.stored.iter().filter(|object| choices.wants(object)) {
            copied.push(Copied { name: object.key.clone(), is_looked_into: choices.is_looked_into(object) });
            files.push(LogFile { node: "".into(), path: object.key.clone(), object: object.object.clone() });
        }
        let options = Options {
            clear_environments: false,
            messages: choices.messages && what.options.messages,
            profile_events: what.options.profile_events,
        };
        let marker = if what.namespace_known {
            SessionKeys::new("", &key.cluster, what.owner.as_ref(), &key.session).marker().to_owned()
        } else {
            format!("metadir/{}_{}/{}", key.cluster.name, key.cluster.namespace, key.session)
        };
        let readme = readme::text(&key, choices, version, &written_at);
        let ready = [("README.txt".to_owned(), readme), ("views.sql".to_owned(), readme::VIEWS.to_owned())];
        let build = Build::new(Content {
            key: key.clone(),
            namespace_known: what.namespace_known,
            owner: what.owner,
            snapshot: Arc::clone(&what.session.snapshot),
            inputs: what.inputs,
            facts: what.facts,
            records_by_node: what.records_by_node,
            options,
            author: Writer { version: version.to_owned(), replica: String::new() },
            written_at,
        });
        Self {
            zip: ZipWriter::default(),
            key,
            namespace_known: what.namespace_known,
            ready: ready.into_iter().chain([(marker, String::new())]).collect(),
            build: Some(build),
            files: files.into(),
            copied,
            current: Current::default(),
            missing: String::new(),
        }
    }

    /// Returns the raw objects whose blocks are to be handed over, in this order.
    pub fn files(&self) -> Arc<[LogFile]> {
        Arc::clone(&self.files)
    }

    /// Makes the next piece of what is not copied. Returns `None` after the last one; then blocks are to follow.
    pub fn make(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some((name, text)) = self.ready.pop_front() {
            self.zip.begin(&name, text.len() as u64, None)?;
            self.zip.write(text.as_bytes())?;
            return Ok(Some(self.zip.take()));
        }
        let Some(mut build) = self.build.take() else { return Ok(None) };
        match build.next_table() {
            Some(part) => {
                let TablePart { table, part, bytes } = part?;
                let key = PersistedKeys::new("", &self.key).table(table, self.namespace_known, part);
                self.zip.add_stored(&key, &bytes)?;
                self.build = Some(build);
            }
            None => self.add_head(build.head()?.into())?,
        }
        Ok(Some(self.zip.take()))
    }

    /// Adds the head, and its small tables beside the large ones, where engines find them.
    fn add_head(&mut self, bytes: Bytes) -> Result<(), Error> {
        let keys = PersistedKeys::new("", &self.key);
        self.zip.add_stored(&keys.head(), &bytes)?;
        for (name, table) in Head::read(bytes, &self.key)?.small_tables() {
            self.zip.add_stored(&keys.small_table(name, self.namespace_known), table)?;
        }
        Ok(())
    }

    /// Copies the next block of a raw object.
    pub fn copy(&mut self, block: Block) -> Result<Bytes, Error> {
        let Block { file, bytes, is_last, unread } = block;
        let (Some(copied), Some(file)) = (self.copied.get(file), self.files.get(file)) else { return Ok(Bytes::new()) };
        let (size, modified) = (file.object.size, file.object.modified());
        self.current.read += bytes.len() as u64;
        if let Some(why) = unread {
            tell(&mut self.missing, &copied.name, format_args!("{} of {size} bytes: {why}", self.current.read));
        }
        if copied.is_looked_into {
            if size <= LOOKED_INTO {
                self.current.held.extend_from_slice(&bytes);
            }
            if is_last {
                let why = if size > LOOKED_INTO {
                    Some("left out, because it is too long to be looked into for environment variables")
                } else {
                    names_variables(&self.current.held).then_some("left out, because it names environment variables")
                };
                match why {
                    Some(why) => tell(&mut self.missing, &copied.name, format_args!("{why} (--logs all has it)")),
                    None if unread.is_some() && self.current.held.is_empty() => {}
                    None => {
                        self.zip.begin(&copied.name, size, modified)?;
                        self.zip.write(&self.current.held)?;
                    }
                }
            }
        } else {
            // Of one that cannot be read at all there is no member.
            if !self.current.is_begun && (unread.is_none() || !bytes.is_empty()) {
                self.zip.begin(&copied.name, size, modified)?;
                self.current.is_begun = true;
            }
            if self.current.is_begun {
                self.zip.write(&bytes)?;
            }
        }
        if is_last {
            self.current = Current::default();
        }
        Ok(self.zip.take())
    }

    /// Ends the file, and returns the last piece.
    pub fn finish(mut self) -> Result<Bytes, Error> {
        if !self.missing.is_empty() {
            self.zip.begin(MISSING, self.missing.len() as u64, None)?;
            self.zip.write(self.missing.as_bytes())?;
        }
        Ok(self.zip.finish()?)
    }
}

fn tell(missing: &mut String, name: &str, why: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = writeln!(missing, "{name}: {why}");
}
