//! Wiring of `persist`: writes the tables of dead sessions once, and rollups of all, without Kubernetes.
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
use ray_history_persist::{MOST_AT_ONCE, Outcome, Persister, Rollup, tell_of};
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
        (Some(folder), _) => {
            // Views name the folder, whatever folder they are read in.
            let folder = std::path::absolute(folder).with_context(|| format!("cannot find {}", folder.display()))?;
            sources::folder(folder, vec![args.root_dir.clone()])
        }
        (None, Some(file)) => sources::document(file)?,
        (None, None) => bail!("--local-dir names a folder, --config a RayHistory document"),
    };
    let fleet = args.fleet || settings.persist.mode == PersistMode::SessionsAndFleet;
    // Sessions keep what persisting takes.
    settings.persist.mode = if fleet { PersistMode::SessionsAndFleet } else { PersistMode::Sessions };
    let only = args.session.as_deref().map(session_key).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(persist(args, &settings, only));
    runtime.shutdown_background();
    ended
}

/// Parses NAMESPACE/CLUSTER/SESSION.
pub(super) fn session_key(name: &str) -> anyhow::Result<SessionKey> {
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
        fleet: wanted.mode == PersistMode::SessionsAndFleet,
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
    if persister.fleet {
        let (reader, writer) = (Arc::clone(&persister.reader), Arc::clone(&persister.writer));
        let rollup = Rollup::new(reader, writer, sessions.persist_root(), tell_of(&sessions));
        failed |= !roll_up(&rollup).await?;
        rollup.put_views(&url).await?;
    }
    Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

/// Brings all rollups up to date. Returns `false` if another program replaced one again and again.
async fn roll_up(rollup: &Rollup) -> anyhow::Result<bool> {
    let mut days = rollup.missing().await?;
    for (day, keys) in rollup.news().await? {
        let waiting = days.entry(day).or_default();
        waiting.extend(keys);
        waiting.sort();
        waiting.dedup();
    }
    let mut all_done = true;
    for (day, keys) in days {
        let mut sessions = 0;
        for some in keys.chunks(MOST_AT_ONCE) {
            let rolled = rollup.roll_up(day, some).await?;
            sessions += rolled.sessions;
            all_done &= rolled.is_done;
        }
        is_open_after(&format!("{day}  rollups have the rows of {sessions} sessions more, or anew\n"))?;
    }
    if !all_done {
        print_error(format_args!("another program writes rollups at the same time; run this again"));
    }
    Ok(all_done)
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
