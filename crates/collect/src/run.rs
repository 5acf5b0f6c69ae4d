//! Wires the parts together: first the ports, then the spool, and then all that uploads.
//!
//! Nothing here ends the program but SIGTERM: what cannot be done now is shown in `/healthz` and tried again.

mod collector;
mod listen;
mod lives;
mod log;
mod loops;
mod parts;
mod spool;
mod storage;

use crate::args::{Command, Flags};
use crate::settings::Settings;
use clap::Parser;
use clap::error::ErrorKind;
use std::process::ExitCode;

/// Blocking threads: one for the disk, one for what waits for it.
const BLOCKING_THREADS: usize = 2;

/// Runs the collector with the flags of the command line. Flags that cannot be understood are a warning: the
/// environment alone is enough.
pub fn run_command() -> ExitCode {
    let (flags, problem) = match Command::try_parse() {
        Ok(command) => (command.flags, None),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => error.exit(),
        // The variables alone; they are texts, so they are always understood.
        Err(error) => {
            let flags = Command::try_parse_from(["ray-history-collect"]).map(|command| command.flags);
            (flags.unwrap_or_default(), Some(error.render().to_string()))
        }
    };
    log::start();
    if let Some(problem) = problem {
        let first = problem.lines().next().unwrap_or_default();
        tracing::warn!("the flags are not used: {first}");
    }
    run(&flags)
}

/// Runs the collector until SIGTERM.
pub fn run(flags: &Flags) -> ExitCode {
    let (settings, warnings) = Settings::read(flags, &|name| std::env::var(name).ok());
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(std::time::Duration::from_secs(60))
        .build();
    match runtime {
        Ok(runtime) => {
            runtime.block_on(collector::run(settings));
            // Uploads that were called off may still read a file.
            runtime.shutdown_background();
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error = %ray_history_core::base::chain::chain(&error), "the runtime cannot be started");
            ExitCode::FAILURE
        }
    }
}
