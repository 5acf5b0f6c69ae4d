//! Wiring of `logs`: searches and downloads the logs of a session of a running server.

mod download;
mod grep;

use super::client::{Client, escaped};
use crate::args::{LogFiles, Logs, LogsCommand};
use reqwest::Response;
use std::process::ExitCode;

/// Runs a subcommand, and returns its exit code.
pub(super) fn run(args: &Logs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match &args.command {
            LogsCommand::Grep(args) => grep::run(args).await,
            LogsCommand::Download(args) => download::run(args).await,
        }
    })
}

/// Asks for the selected logs of a session: `action` is `search` or `download`, with more parameters. Waits until the
/// session is loaded.
async fn ask(files: &LogFiles, action: &str, more: &[(&str, String)]) -> anyhow::Result<Response> {
    let client = Client::new(&files.server)?;
    let session = client.session(&files.session).await?;
    let mut query = more.to_vec();
    for (name, value) in [("node", &files.node), ("worker", &files.worker), ("job", &files.job), ("file", &files.file)]
    {
        query.extend(value.clone().map(|value| (name, value)));
    }
    query.extend((!files.kind.is_empty()).then(|| ("kind", files.kind.join(","))));
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    client.get(&format!("api/history/v1/sessions/{session}/logs/{action}?{}", query.join("&"))).await
}
