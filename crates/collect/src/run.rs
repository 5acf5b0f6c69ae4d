//! Wires the parts together: first the ports, then the spool, and then all that uploads.
//!
//! Nothing here ends the program but SIGTERM: what cannot be done now is shown in `/healthz` and tried again.

mod collector;
#[cfg(test)]
mod idle_cost;
mod listen;
mod lives;
mod log;
mod loops;
#[cfg(test)]
mod node_loss;
mod parts;
mod spool;
mod start;
mod storage;

use crate::args::{Command, Flags};
use crate::settings::Settings;
use clap::Parser;
use clap::error::ErrorKind;
use std::io;
use std::time::Duration;

/// Blocking threads: for events on their way to the disk, for logs, for uploads.
const BLOCKING_THREADS: usize = 3;
/// The time after which an idle one ends.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Runs the collector with the flags of the command line. Flags that cannot be understood are a warning: the
/// environment alone is enough.
pub fn run_command() -> io::Result<()> {
    log::start();
    match Command::try_parse() {
        Ok(command) => run(&command.flags),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => error.exit(),
        Err(error) => {
            let text = error.render().to_string();
            tracing::warn!("the flags are not used: {}", text.lines().next().unwrap_or_default());
            // The variables alone; they are texts, so they are always understood.
            let flags = Command::try_parse_from(["ray-history-collect"]).map(|command| command.flags);
            run(&flags.unwrap_or_default())
        }
    }
}

/// Runs the collector until SIGTERM.
pub fn run(flags: &Flags) -> io::Result<()> {
    log::start();
    let (settings, warnings) = Settings::read(flags, &|name| std::env::var(name).ok());
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(BLOCKING_THREADS).thread_keep_alive(KEEP_ALIVE).build()?;
    runtime.block_on(start::run(settings));
    // Uploads that were called off may still read a file.
    runtime.shutdown_background();
    Ok(())
}
