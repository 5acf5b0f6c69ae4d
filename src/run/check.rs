//! Wiring of `check`: reads the settings, and optionally surveys their store.

use super::print::print;
use super::{ask, sources};
use crate::args::Check;
use crate::cgroup;
use crate::check::{self, Report};
use anyhow::{Context, anyhow, bail};
use ray_history_core::layout::Root;
use ray_history_metrics::Metrics;
use ray_history_session::liveness::Watched;
use ray_history_session::{Sessions, Survey, connect};
use ray_history_settings::{Document, KubeRay, Origin, Settings, Storage};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Explains settings, and reports the contents of their store.
pub(super) fn run(args: &Check) -> anyhow::Result<()> {
    let Check { file, bucket, local_dir, root_dir, server, kuberay } = args;
    if let Some(server) = server {
        return installed(server);
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
fn installed(server: &str) -> anyhow::Result<()> {
    let (status, ready) = ask::get(server, "readyz?verbose")?;
    print(&format!("{}\n", ready.trim_end()))?;
    if status != 200 {
        bail!("{server} is not ready");
    }
    let (status, listed) = ask::get(server, "api/history/v1/sessions?limit=1")?;
    if status != 200 {
        bail!("{server} lists no sessions: it answers {status}, {listed}");
    }
    print(&format!("{listed}\n"))
}

/// Checks a document and prints an explanation.
fn document(file: &Path) -> anyhow::Result<Settings> {
    let (name, memory_limit) = (file.display().to_string(), cgroup::memory_limit());
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let document = Document::read(&text)
        .map_err(|problems| anyhow!("{name} is not a RayHistory that can be served:\n{problems}"))?;
    print(&check::document(&name, &document, memory_limit)?)?;
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
    let metrics = Metrics::default();
    let store = connect(&settings.storage, &metrics).await?;
    let roots = root_dirs.iter().map(|root| Root::new(root)).collect();
    let sessions = Sessions::with(store, roots, Arc::new(settings.clone()), Watched::default(), metrics);
    let survey = Survey::of(&Arc::new(sessions)).await.with_context(|| format!("cannot look into {url}"))?;
    let report = Report { survey: &survey, url: &url, roots: root_dirs, now: SystemTime::now() };
    print(&report.to_string())
}
