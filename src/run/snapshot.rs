//! Wiring of `snapshot`: shows or verifies what is persisted of a session, straight from its store.

use super::exit::NOTHING;
use super::persist::session_key;
use super::print::{is_open_after, is_open_after_json, print_error};
use super::sources;
use crate::args::{SnapshotCommand, SnapshotPlace};
use crate::persisted;
use anyhow::{Context, bail};
use bytes::Bytes;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::{LargeTable, MAX_PARTS, PersistedKeys, Root};
use ray_history_metrics::Metrics;
use ray_history_session::connect;
use ray_history_storage::{Error, ErrorKind, ReadRange, Storage};
use ray_history_tables::{Head, MAX_HEAD, TableFile};
use std::process::ExitCode;
use std::sync::Arc;

/// Runs a subcommand, and returns the exit code.
pub(super) fn run(command: &SnapshotCommand) -> anyhow::Result<ExitCode> {
    let place = match command {
        SnapshotCommand::Show(args) => &args.place,
        SnapshotCommand::Verify(place) => place,
    };
    let key = session_key(&place.session)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let Some(stored) = Stored::find(place, key).await? else {
            print_error(format_args!("nothing is persisted of {}", place.session));
            return Ok(ExitCode::from(NOTHING));
        };
        match command {
            SnapshotCommand::Show(args) => stored.show(args.json),
            SnapshotCommand::Verify(_) => stored.verify().await,
        }
    });
    runtime.shutdown_background();
    ended
}

/// The head of a session, as its store has it.
struct Stored {
    store: Arc<dyn Storage>,
    session: SessionKey,
    /// The root below which it lies.
    root: String,
    head: Bytes,
}

impl Stored {
    /// Finds the head that a server would open: that of the first root that has one.
    async fn find(place: &SnapshotPlace, session: SessionKey) -> anyhow::Result<Option<Self>> {
        let settings = match (&place.local_dir, &place.config) {
            (Some(folder), _) => sources::folder(folder.clone(), vec![place.root_dir.clone()]),
            (None, Some(file)) => sources::document(file)?,
            (None, None) => bail!("--local-dir names a folder, --config a RayHistory document"),
        };
        let store = connect(&settings.storage, &Metrics::default()).await?;
        for root in settings.storage.root_dirs.iter().flat_map(|root| Root::new(root).spellings()) {
            let key = PersistedKeys::new(&root, &session).head();
            if let Some(head) = read(&*store, &key, MAX_HEAD).await.with_context(|| format!("cannot read {key}"))? {
                return Ok(Some(Self { store, session, root, head }));
            }
        }
        Ok(None)
    }

    fn keys(&self) -> PersistedKeys<'_> {
        PersistedKeys::new(&self.root, &self.session)
    }

    /// Reads the head, or says why it cannot be read.
    fn head(&self) -> Option<Head> {
        let head = Head::read(self.head.clone(), &self.session);
        head.map_err(|error| print_error(format_args!("{} is damaged: {error}", self.keys().head()))).ok()
    }

    fn show(&self, as_json: bool) -> anyhow::Result<ExitCode> {
        let Some(head) = self.head() else { return Ok(ExitCode::from(NOTHING)) };
        if as_json {
            is_open_after_json(&serde_json::to_string(&head.about)?)?;
        } else {
            is_open_after(&persisted::text(&head, &self.keys().head(), self.head.len() as u64))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Verifies every object, and opens the session as a server would.
    async fn verify(&self) -> anyhow::Result<ExitCode> {
        let Some(head) = self.head() else { return Ok(ExitCode::from(NOTHING)) };
        let mut damaged = 0;
        let mut told = |key: &str, size: u64, problem: Option<String>| {
            let Some(problem) = problem else { return is_open_after(&format!("whole    {key}  {size} bytes\n")) };
            damaged += 1;
            print_error(format_args!("{key} is damaged: {problem}"));
            Ok(true)
        };
        let problem = head.verify_members().err().map(|error| error.to_string());
        told(&self.keys().head(), self.head.len() as u64, problem)?;
        let mut tables = Vec::new();
        for file in &head.about.tables {
            // A table of a later version has a folder that only that version knows.
            let Some(table) = LargeTable::ALL.into_iter().find(|table| table.name() == file.name) else { continue };
            if file.part > MAX_PARTS {
                told(&self.keys().head(), self.head.len() as u64, Some(format!("it names part {}", file.part)))?;
                continue;
            }
            let key = self.keys().table(table, head.about.session.namespace_known, file.part);
            let bytes = self.table(&key, file).await?;
            let problem = match &bytes {
                Ok(bytes) => head.verify_table(file, bytes).err().map(|error| error.to_string()),
                Err(problem) => Some(problem.clone()),
            };
            told(&key, file.size, problem)?;
            tables.extend(bytes.ok().map(|bytes| (file.clone(), bytes)));
        }
        if damaged > 0 {
            return Ok(ExitCode::from(NOTHING));
        }
        if let Err(error) = head.open(&tables) {
            print_error(format_args!("{} and its tables do not belong together: {error}", self.keys().head()));
            return Ok(ExitCode::from(NOTHING));
        }
        is_open_after("All of it can be read.\n")?;
        Ok(ExitCode::SUCCESS)
    }

    /// Reads a table, or returns the problem with its object. Fails if the store does.
    async fn table(&self, key: &str, file: &TableFile) -> anyhow::Result<Result<Bytes, String>> {
        match read(&*self.store, key, file.size.saturating_add(1)).await {
            Ok(Some(bytes)) => Ok(Ok(bytes)),
            Ok(None) => Ok(Err("it is missing".to_owned())),
            Err(error) if error.kind() == ErrorKind::TooLarge => Ok(Err("it is longer than its head says".to_owned())),
            Err(error) => Err(error).with_context(|| format!("cannot read {key}")),
        }
    }
}

/// Reads an object of at most so many bytes. Returns `None` if there is none.
async fn read(store: &dyn Storage, key: &str, most: u64) -> Result<Option<Bytes>, Error> {
    let read = match store.read(key, ReadRange::Full).await {
        Ok(body) => body.read_all(most).await,
        Err(error) => Err(error),
    };
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
