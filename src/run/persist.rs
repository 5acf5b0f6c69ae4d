//! Wiring of `persist`: writes the tables of dead sessions once, without Kubernetes.
//!
//! Nothing says that a session is dead but a person, by `--dead-after`.

use super::exit::FAILED;
use super::print::{is_open_after, print_error};
use super::sources;
use crate::args::{Persist, Shard};
use anyhow::{Context, bail};
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};
use ray_history_metrics::Metrics;
use ray_history_persist::{Outcome, Persister};
use ray_history_session::{NotNow, Sessions, connect};
use ray_history_settings::{PersistMode, PersistedEnvironments, Settings};
use ray_history_tables::{Options, Writer};
use siphasher::sip::SipHasher13;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::process::ExitCode;
use std::sync::Arc;

/// Runs the command, and returns the exit code.
pub(super) fn run(args: &Persist) -> anyhow::Result<ExitCode> {
    let mut settings = match (&args.local_dir, &args.config) {
        (Some(folder), _) => sources::folder(folder.clone(), vec![args.root_dir.clone()]),
        (None, Some(file)) => sources::document(file)?,
        (None, None) => bail!("--local-dir names a folder, --config a RayHistory document"),
    };
    // Sessions keep what persisting takes.
    settings.persist.mode = PersistMode::Sessions;
    let only = args.session.as_deref().map(session_key).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(persist(args, &settings, only));
    runtime.shutdown_background();
    ended
}

fn session_key(name: &str) -> anyhow::Result<SessionKey> {
    let parts: Vec<&str> = name.trim_matches('/').split('/').collect();
    let [namespace, cluster, session] = parts[..] else { bail!("{name:?} must be NAMESPACE/CLUSTER/SESSION") };
    let session = SessionName::parse(session).with_context(|| format!("{session:?} is not the name of a session"))?;
    Ok(SessionKey { cluster: ClusterId { namespace: namespace.to_owned(), name: cluster.to_owned() }, session })
}

async fn persist(args: &Persist, settings: &Settings, only: Option<SessionKey>) -> anyhow::Result<ExitCode> {
    let metrics = Metrics::default();
    let sessions = Arc::new(sources::sessions(settings, &metrics).await?);
    let wanted = settings.persist;
    let writer = ray_history_storage_write::connect(&settings.storage.store).await;
    let persister = Persister {
        reader: connect(&settings.storage, &metrics).await?,
        writer: writer.context("the store cannot be written to")?,
        options: Options {
            clear_environments: wanted.environments == PersistedEnvironments::Clear,
            messages: wanted.messages,
            profile_events: wanted.profile_events,
        },
        author: Writer { version: env!("CARGO_PKG_VERSION").to_owned(), replica: String::new() },
    };
    let url = settings.storage.url();
    sessions.list_everything().await.with_context(|| format!("cannot list {url}"))?;
    let keys: Vec<SessionKey> = if let Some(key) = only {
        vec![key]
    } else {
        let mut there = HashSet::new();
        if !args.force {
            sessions.each_persisted(|key| _ = there.insert(key.clone())).await?;
        }
        let all = sessions.listing().iter().map(|entry| entry.key).collect::<Vec<_>>();
        all.into_iter().filter(|key| is_in(args.shard, key) && !there.contains(key)).collect()
    };
    let mut failed = false;
    for key in keys {
        match one(args, &sessions, &persister, &key).await {
            Ok(words) => {
                is_open_after(&format!("{key}  {words}\n"))?;
            }
            Err(error) => {
                failed = true;
                print_error(format_args!("{key} is not persisted: {}", chain(error.as_ref())));
            }
        }
    }
    Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

/// Returns `true` if a session is in a part.
fn is_in(shard: Shard, key: &SessionKey) -> bool {
    // Fixed keys, because all processes must agree.
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    key.hash(&mut hasher);
    hasher.finish() % shard.of.max(1) == shard.index
}

/// Persists one session, and returns what happened in words.
async fn one(
    args: &Persist,
    sessions: &Arc<Sessions>,
    persister: &Persister,
    key: &SessionKey,
) -> anyhow::Result<String> {
    let open = if args.force { sessions.open_raw(key).await? } else { sessions.open(key).await? };
    if open.persisted.is_some() {
        return Ok("was persisted before".to_owned());
    }
    let what = match sessions.to_persist(&open, args.dead_after, true).await? {
        Ok(what) => what,
        Err(NotNow::NotDead | NotNow::Uploading) => return Ok("stays: it is not old enough, or still grows".to_owned()),
        Err(NotNow::NotBuilt | NotNow::Unread) => bail!("some of its files cannot be read"),
    };
    Ok(match persister.persist(sessions, what).await? {
        Outcome::Written(written) => format!("persisted, {} bytes", written.total()),
        Outcome::Same => "was persisted before".to_owned(),
        Outcome::Thinner => "stays as it is persisted: the raw data has less by now".to_owned(),
        Outcome::Changed => "stays: it still grows".to_owned(),
        Outcome::Conflict => "stays: another program writes it, or a newer version has".to_owned(),
    })
}
