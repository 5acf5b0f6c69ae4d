//! Wiring of `check`: reads the settings, and optionally surveys their store.

use super::client::{self, Client};
use super::exit::{FAILED, NOTHING};
use super::print::{is_open_after_json, print, print_failure};
use super::sources::{self, Invalid, invalid_document};
use crate::args::{Check, RunningServer};
use crate::cgroup;
use crate::check::{self, Report};
use anyhow::{Context, bail};
use ray_history_metrics::Metrics;
use ray_history_session::{self as session, Survey};
use ray_history_settings::{Document, KubeRay, Origin, Problems, Settings, Storage};
use reqwest::StatusCode;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

/// Longest answer of a server that is printed.
const MAX_ANSWER: usize = 1 << 20;

/// A check that failed: the server was asked, and its answer is not that of a server which works.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct CheckFailed(String);

/// Explains settings, and reports the contents of their store. Returns the exit code; errors are printed here.
pub(super) fn run(args: &Check) -> ExitCode {
    match checked(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_failure(&error);
            ExitCode::from(code(&error))
        }
    }
}

/// Returns the exit code of an error: a fault of what is checked, or of the check.
fn code(error: &anyhow::Error) -> u8 {
    let is_of_store = match error.downcast_ref() {
        Some(session::Error::Storage(error)) => !error.is_transient(),
        _ => error.is::<session::ConnectError>(),
    };
    if is_of_store || error.is::<Invalid>() || error.is::<CheckFailed>() { NOTHING } else { FAILED }
}

fn checked(args: &Check) -> anyhow::Result<()> {
    let Check { file, bucket, local_dir, root_dir, server, token_file, kuberay } = args;
    if let Some(server) = server {
        let server = RunningServer { server: server.clone(), token_file: token_file.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(installed(&server));
    }
    let settings = match (file, local_dir) {
        (Some(file), _) => {
            let settings = document(file)?;
            if !bucket {
                return Ok(());
            }
            print("\n")?;
            settings
        }
        (None, Some(folder)) => sources::folder(folder.clone(), root_dir.clone()),
        (None, None) => from_kuberay(kuberay)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(survey(settings));
    runtime.shutdown_background();
    ended
}

/// Checks that a running server is ready and lists sessions.
async fn installed(args: &RunningServer) -> anyhow::Result<()> {
    let (client, server) = (Client::new(args)?, &args.server);
    let response = client.ask("readyz?verbose").await?;
    let status = response.status();
    print(&format!("{}\n", client::text(response, MAX_ANSWER).await?.trim_end()))?;
    if status != StatusCode::OK {
        return Err(CheckFailed(format!("{server} is not ready")).into());
    }
    let response = client.ask("api/history/v1/sessions?limit=1").await?;
    let status = response.status();
    let listed = client::text(response, MAX_ANSWER).await?;
    if status != StatusCode::OK {
        return Err(CheckFailed(format!("{server} lists no sessions: it answers {status}, {listed}")).into());
    }
    is_open_after_json(&listed).map(drop)
}

/// Checks a document and prints an explanation.
fn document(file: &Path) -> anyhow::Result<Settings> {
    let (name, memory_limit) = (file.display().to_string(), cgroup::memory_limit());
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let document = Document::read(&text).map_err(|problems| invalid_document(file, &problems))?;
    let explained = check::document(&name, &document, memory_limit);
    print(&explained.map_err(|error| match error.downcast::<Problems>() {
        Ok(problems) => invalid_document(file, &problems),
        Err(error) => error,
    })?)?;
    Ok(document.settings(Origin::Kubernetes, memory_limit)?)
}

fn from_kuberay(flags: &KubeRay) -> anyhow::Result<Settings> {
    if flags.backend(&|name| std::env::var(name).ok()).is_none() {
        bail!(
            "nothing to check: name a file with a RayHistory, a folder (--local-dir), or a store as KubeRay's history \
             server has it (--storage-backend)"
        );
    }
    let (settings, notes) = sources::kuberay(flags)?;
    for note in notes {
        print(&format!("{note}\n"))?;
    }
    Ok(settings)
}

/// Surveys a store and prints a report.
async fn survey(settings: Settings) -> anyhow::Result<()> {
    let Storage { root_dirs, credentials_secret, .. } = &settings.storage;
    let url = settings.storage.url();
    if let Some(secret) = credentials_secret {
        print(&format!("The Secret {secret} is not read here: credentials are those of this environment.\n"))?;
    }
    let sessions = Arc::new(sources::sessions(&settings, &Metrics::default()).await?);
    let survey = Survey::of(&sessions).await.with_context(|| format!("cannot look into {url}"))?;
    let report = Report { survey: &survey, url: &url, roots: root_dirs, now: SystemTime::now() };
    print(&report.to_string())
}
