//! `logs download`: writes the archive to a file, which has its name only once it is whole.

use super::ask;
use crate::args::Download;
use crate::run::print::{is_open_after, print};
use anyhow::{Context, anyhow};
use reqwest::Response;
use reqwest::header::CONTENT_DISPOSITION;
use serde_json::Value;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
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
    if args.output.as_deref() == Some(Path::new("-")) {
        to_stdout(response).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = args.output.clone().unwrap_or_else(|| named(&response));
    let part = PathBuf::from(format!("{}.part", file.display()));
    let written = to_file(response, &part).await;
    if written.is_err() {
        // The error counts that came first.
        let _ = std::fs::remove_file(&part);
    }
    let bytes = written?;
    std::fs::rename(&part, &file).with_context(|| format!("cannot write {}", file.display()))?;
    is_open_after(&format!("{}: {bytes} bytes\n", file.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the name that the server gives, which is a plain one.
fn named(response: &Response) -> PathBuf {
    let header = response.headers().get(CONTENT_DISPOSITION).and_then(|header| header.to_str().ok());
    let name = header.and_then(|header| header.split('"').nth(1)).unwrap_or_default();
    let is_plain =
        |name: &&str| !name.starts_with('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    PathBuf::from(Some(name).filter(|name| !name.is_empty()).filter(is_plain).unwrap_or("logs.zip"))
}

async fn to_file(mut response: Response, path: &Path) -> anyhow::Result<u64> {
    let cannot = || format!("cannot write {}", path.display());
    let (mut file, mut bytes) = (File::create(path).with_context(cannot)?, 0);
    while let Some(chunk) = response.chunk().await.map_err(|error| cut_off(&error))? {
        file.write_all(&chunk).with_context(cannot)?;
        bytes += chunk.len() as u64;
    }
    Ok(bytes)
}

async fn to_stdout(mut response: Response) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    while let Some(chunk) = response.chunk().await.map_err(|error| cut_off(&error))? {
        match out.write_all(&chunk) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
    Ok(out.flush()?)
}

fn cut_off(error: &reqwest::Error) -> anyhow::Error {
    anyhow!("the archive was cut off: {error}")
}
