//! `logs download`: writes the archive to a file.

use super::ask;
use crate::args::Download;
use crate::run::print::{is_open_after, print};
use crate::run::{client, new_file};
use anyhow::{Context, anyhow};
use futures_util::StreamExt;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes the archive, or prints its size.
pub(super) async fn run(args: &Download) -> anyhow::Result<ExitCode> {
    if args.dry_run {
        let response = ask(&args.files, "download", &[("dry", "true".to_owned())]).await?;
        let size: Value = serde_json::from_str(&response.text().await?).context("the server does not tell a size")?;
        print(&format!("{} files, {} bytes\n", size["files"], size["bytes"]))?;
        return Ok(ExitCode::SUCCESS);
    }
    let response = ask(&args.files, "download", &[]).await?;
    let name = client::file_name(&response);
    let pieces = response.bytes_stream();
    let pieces = pieces.map(|piece| piece.map_err(|error| anyhow!("the archive was cut off: {error}")));
    if args.output.as_deref() == Some(Path::new("-")) {
        new_file::print(pieces).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = args.output.clone().unwrap_or_else(|| PathBuf::from(name.unwrap_or_else(|| "logs.zip".to_owned())));
    let bytes = new_file::write(&file, pieces).await?;
    is_open_after(&format!("{}: {bytes} bytes\n", file.display()))?;
    Ok(ExitCode::SUCCESS)
}
