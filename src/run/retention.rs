//! Wiring of `retention` and `pin`: the plan of a server, or one run on a store without Kubernetes.
//!
//! Without Kubernetes nothing says that a session is dead but a person, by `--dead-after`.

use super::client::{self, Client};
use super::exit::{FAILED, NOTHING};
use super::print::{is_open_after, is_open_after_json, print_error};
use super::sources;
use crate::args::{Pin, PlanFormat, RetentionApply, RetentionCommand, RetentionPlan};
use crate::http;
use crate::plan as texts;
use anyhow::{Context, anyhow, bail};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::{ClusterId, Owner, SessionKey, SessionName};
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::Root;
use ray_history_metrics::Metrics;
use ray_history_retention::places::Places;
use ray_history_retention::{Act, Candidate, Clock, Executor, Known, Mode, Pins, Run, RunOutcome, keys, time};
use ray_history_session::retention::{Planned, SystemClock};
use ray_history_session::{Sessions, connect};
use ray_history_settings::Settings;
use ray_history_storage::Storage;
use ray_history_storage_write::If;
use serde_json::Value;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Sessions whose objects are listed at once.
const AT_ONCE: usize = 8;
/// Longest page of a plan of a server.
const MAX_PLAN: usize = 32 << 20;
/// Sessions of a plan that are read from a server at most.
const MOST: usize = 1_000_000;

/// Runs a subcommand, and returns the exit code.
pub(super) fn run(command: &RetentionCommand) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        match command {
            RetentionCommand::Plan(args) => plan(args).await,
            RetentionCommand::Apply(args) => apply(args).await,
        }
    });
    runtime.shutdown_background();
    ended
}

async fn plan(args: &RetentionPlan) -> anyhow::Result<ExitCode> {
    let decision = if args.all { "all" } else { "expire" };
    let plan = match (args.server(), &args.config, args.dead_after) {
        (Some(server), ..) => of_server(&Client::new(&server)?, decision).await?,
        (None, Some(file), Some(dead_after)) => {
            let settings = sources::document(file)?;
            let store = Store::open(&settings, dead_after).await?;
            let run = store.run(&mut store.executor(None), Mode::DryRun).await?;
            if let Some(why) = refusal(&run.outcome) {
                bail!("{why}");
            }
            let (at, settings) = (SystemClock.now(), settings.retention);
            store.sessions.set_plan(Some(Planned { at, settings, sessions: run.sessions, plan: run.plan }));
            http::retention_of_store(&store.sessions, decision)?
        }
        _ => bail!("--server names a running server, --config with --dead-after a RayHistory document"),
    };
    let _ = match args.output {
        PlanFormat::Json => is_open_after_json(&plan.to_string())?,
        PlanFormat::Table => is_open_after(&texts::plan(&plan))?,
    };
    Ok(if texts::is_empty(&plan) { ExitCode::from(NOTHING) } else { ExitCode::SUCCESS })
}

/// Reads all pages of the plan of a server, from the beginning if another plan was made in between.
async fn of_server(client: &Client, decision: &str) -> anyhow::Result<Value> {
    let (mut whole, mut sessions) = (Value::Null, Vec::new());
    loop {
        let offset = sessions.len();
        let path = format!("api/history/v1/retention?decision={decision}&limit=1000&offset={offset}");
        let text = client::text(client.get(&path).await?, MAX_PLAN).await?;
        let mut page: Value = serde_json::from_str(&text).context("the server's answer is no plan")?;
        if offset > 0 && page["plannedAt"] != whole["plannedAt"] {
            sessions.clear();
            continue;
        }
        let Value::Array(mut more) = page["plan"].take() else { bail!("the server's answer is no plan") };
        let is_last = page["isCut"] != true || more.is_empty() || offset >= MOST;
        sessions.append(&mut more);
        whole = page;
        if is_last {
            whole["plan"] = Value::Array(sessions);
            return Ok(whole);
        }
    }
}

async fn apply(args: &RetentionApply) -> anyhow::Result<ExitCode> {
    let settings = sources::document(&args.config)?;
    if settings.retention.mode != Mode::Delete {
        bail!(
            "spec.retention.mode is {}: set it to Delete to mark and delete sessions, or see what would happen with \
             `ray-history retention plan`",
            settings.retention.mode.as_str()
        );
    }
    let store = Store::open(&settings, args.dead_after).await?;
    let writer = ray_history_storage_write::connect(&settings.storage.store).await;
    let mut executor = store.executor(Some(writer.context("the store cannot be written to")?));
    // Everything that can be listed was listed for the plan, so one run does all that there is to do.
    let run = store.run(&mut executor, Mode::Delete).await?;
    for error in &run.failed.1 {
        print_error(error);
    }
    is_open_after(&texts::summary(&run))?;
    match refusal(&run.outcome) {
        Some(why) => {
            print_error(why);
            Ok(ExitCode::from(FAILED))
        }
        None if run.failed.0 > 0 => Ok(ExitCode::from(FAILED)),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Returns the reason for which a run could not do its work.
fn refusal(outcome: &RunOutcome) -> Option<String> {
    match outcome {
        RunOutcome::Halted { message } => Some(format!("halted: {message}")),
        RunOutcome::Forbidden { message } => Some(format!("the store refuses it: {message}")),
        RunOutcome::StoreFails { message } => Some(format!("the store fails: {message}")),
        RunOutcome::ReadOnly => Some("this store cannot be written to".to_owned()),
        RunOutcome::Idle | RunOutcome::DryRun | RunOutcome::Marking | RunOutcome::Deleting => None,
    }
}

/// A store that is listed whole.
struct Store {
    settings: Settings,
    bucket: Arc<dyn Storage>,
    roots: Vec<Root>,
    sessions: Arc<Sessions>,
    dead_after: Nanos,
}

impl Store {
    async fn open(settings: &Settings, dead_after: Duration) -> anyhow::Result<Self> {
        let metrics = Metrics::default();
        let bucket = connect(&settings.storage, &metrics).await?;
        let sessions = Arc::new(sources::sessions(settings, &metrics).await?);
        let url = settings.storage.url();
        sessions.list_everything().await.with_context(|| format!("cannot list {url}"))?;
        Ok(Self {
            settings: settings.clone(),
            bucket,
            roots: sessions.roots(),
            sessions,
            dead_after: time::nanos(dead_after),
        })
    }

    fn executor(&self, writer: Option<Arc<dyn ray_history_storage_write::StorageWrite>>) -> Executor {
        Executor::new(Arc::clone(&self.bucket), writer, self.roots.clone(), Arc::new(SystemClock))
    }

    /// Makes one run.
    async fn run(&self, executor: &mut Executor, mode: Mode) -> anyhow::Result<Run> {
        let settings = ray_history_settings::Retention { mode, ..self.settings.retention.clone() };
        let candidates = self.sessions.candidates("", SystemClock.now());
        let listed = stream::iter(candidates).map(|session| self.known(session)).buffered(AT_ONCE);
        let sessions: Vec<Candidate> = listed.collect().await;
        let generation = self.sessions.generation(&self.settings.retention);
        let run = executor.run(&settings, &generation, sessions, self).await;
        run.map_err(|outcome| anyhow!(refusal(&outcome).unwrap_or_else(|| "retention is off".to_owned())))
    }

    /// Lists the objects of a session, and takes it for dead if they are old enough.
    async fn known(&self, session: Candidate) -> Candidate {
        match self.survey(&session.key, session.owner.as_ref()).await {
            Ok(survey) => Candidate { survey: Some(survey), ..session }.dead_after(self.dead_after, SystemClock.now()),
            Err(error) => {
                print_error(format_args!("{} cannot be listed, so it stays: {}", session.key, chain(&error)));
                session
            }
        }
    }

    async fn survey(
        &self,
        key: &SessionKey,
        owner: Option<&Owner>,
    ) -> Result<ray_history_retention::Survey, ray_history_storage::Error> {
        let places = Places::find(&*self.bucket, &self.roots, key, owner).await?;
        places.survey(&*self.bucket).await
    }
}

#[async_trait]
impl Known for Store {
    async fn candidate(&self, key: &SessionKey) -> Result<Candidate, String> {
        Ok(self.known(self.sessions.candidate(key, "")).await)
    }

    fn acted(&self, act: &Act) {
        // A reader that left is no reason to stop halfway.
        let _ = is_open_after(&format!("{act}\n"));
    }
}

/// Writes or removes a pin, and returns the exit code.
pub(super) fn pin(args: &Pin) -> anyhow::Result<ExitCode> {
    let settings = match (&args.local_dir, &args.config) {
        (Some(folder), _) => sources::folder(folder.clone(), vec![args.root_dir.clone()]),
        (None, Some(file)) => sources::document(file)?,
        (None, None) => bail!("--local-dir names a folder, --config a RayHistory document"),
    };
    let name = args.name.trim_matches('/');
    let parts: Vec<&str> = name.split('/').collect();
    let (namespace, cluster, session) = match parts[..] {
        [namespace, cluster] => (namespace, cluster, None),
        [namespace, cluster, session] => {
            let parsed = SessionName::parse(session);
            (namespace, cluster, Some(parsed.with_context(|| format!("{session:?} is not the name of a session"))?))
        }
        _ => bail!("{name:?} must be NAMESPACE/CLUSTER/SESSION, or NAMESPACE/CLUSTER for all sessions of a cluster"),
    };
    let cluster = ClusterId { namespace: namespace.to_owned(), name: cluster.to_owned() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let changed = runtime.block_on(set_pin(&settings, &cluster, session.as_ref(), !args.remove));
    runtime.shutdown_background();
    if let Some(left) = changed? {
        bail!("{name} is still pinned: {left}");
    }
    let word = if args.remove { "not pinned any more" } else { "pinned: it is kept whatever the rules say" };
    is_open_after(&format!("{name} is {word}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a pin, or removes it below every root. Returns the reason for which a session is pinned after that all the same.
async fn set_pin(
    settings: &Settings,
    cluster: &ClusterId,
    session: Option<&SessionName>,
    is_set: bool,
) -> anyhow::Result<Option<&'static str>> {
    let writer = ray_history_storage_write::connect(&settings.storage.store).await?;
    let roots: Vec<Root> = settings.storage.root_dirs.iter().map(|root| Root::new(root)).collect();
    let mut keys = roots.iter().flat_map(Root::spellings).map(|root| keys::pin(&root, cluster, session));
    if is_set {
        let key = keys.next().context("spec.storage.rootDirs is empty")?;
        writer.put(&key, Bytes::new(), If::Any).await.with_context(|| format!("{key} cannot be written"))?;
        return Ok(None);
    }
    for key in keys {
        writer.delete(&key).await.with_context(|| format!("{key} cannot be deleted"))?;
    }
    let store = connect(&settings.storage, &Metrics::default()).await?;
    let has = async |session| Pins::look_for(&*store, &roots, cluster, session).await.context("pins cannot be read");
    Ok(if has(session).await? {
        Some("the object is still there")
    } else if session.is_some() && has(None).await? {
        Some("all sessions of its cluster are")
    } else {
        None
    })
}
