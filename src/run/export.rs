//! Wiring of `export`: has a server, or a store as a server would, make a portable file of a session.

use super::exit::NOTHING;
use super::list::{Exported, Origin};
use super::new_file;
use super::print::{is_open_after, print_error};
use crate::args::Export;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes the file, and returns the exit code.
pub(super) fn run(args: &Export) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(export(args));
    runtime.shutdown_background();
    ended
}

async fn export(args: &Export) -> anyhow::Result<ExitCode> {
    let origin = Origin::of(&args.places).await?;
    let Exported { name, pieces } = match origin.export(&args.session, args.choices()).await? {
        Ok(exported) => exported,
        Err(words) => {
            print_error(words);
            return Ok(ExitCode::from(NOTHING));
        }
    };
    if args.output.as_deref() == Some(Path::new("-")) {
        new_file::print(pieces).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = args.output.clone().unwrap_or_else(|| PathBuf::from(name));
    let bytes = new_file::write(&file, pieces).await?;
    is_open_after(&format!("{}: {bytes} bytes\n", file.display()))?;
    Ok(ExitCode::SUCCESS)
}
