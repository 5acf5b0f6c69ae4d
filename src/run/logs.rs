//! Wiring of `logs`: searches and downloads the logs of a session of a running server.

mod client;
mod download;
mod grep;

use super::print_error;
use crate::args::{Logs, LogsCommand};
use std::process::ExitCode;

/// Exit code after an error, as `grep` has it.
const FAILED: u8 = 2;

/// Runs a subcommand, and returns its exit code. Errors are printed here.
pub(super) fn run(args: &Logs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        match &args.command {
            LogsCommand::Grep(args) => grep::run(args).await,
            LogsCommand::Download(args) => download::run(args).await,
        }
    });
    Ok(ended.unwrap_or_else(|error| {
        print_error(format_args!("{error:#}"));
        ExitCode::from(FAILED)
    }))
}
