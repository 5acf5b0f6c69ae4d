//! Wiring of `query`: has `duckdb` answer a question about what is persisted.
//!
//! No engine of SQL is inside: `DuckDB` is one program that people have, or install in a minute.

use super::exit::{FAILED, NOTHING};
use super::persist::session_key;
use super::print::{is_open_after, print_error};
use super::sources;
use crate::args::Query;
use anyhow::{Context, bail};
use ray_history_core::layout::Root;
use ray_history_metrics::Metrics;
use ray_history_persist::views_of;
use ray_history_session::{connect, persist_root};
use ray_history_settings::Settings;
use ray_history_storage::config::StoreConfig;
use std::io::ErrorKind;
use std::process::{Command, ExitCode};

/// The program.
const DUCKDB: &str = "duckdb";

/// Runs the command, and returns the exit code: that of `DuckDB`.
pub(super) fn run(args: &Query) -> anyhow::Result<ExitCode> {
    let settings = match (&args.local_dir, &args.config) {
        (Some(folder), _) => {
            // DuckDB takes a path as it is, whatever folder it runs in.
            let folder = std::path::absolute(folder).with_context(|| format!("cannot find {}", folder.display()))?;
            sources::folder(folder, vec![args.root_dir.clone()])
        }
        (None, Some(file)) => sources::document(file)?,
        (None, None) => bail!("--local-dir names a folder, --config a RayHistory document"),
    };
    let session = args.session.as_deref().map(session_key).transpose()?;
    let roots: Vec<Root> = settings.storage.root_dirs.iter().map(|root| Root::new(root)).collect();
    let root = persist_root(&roots);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let views = runtime.block_on(async {
        let store = connect(&settings.storage, &Metrics::default()).await?;
        anyhow::Ok(views_of(&*store, &place(&settings), &root, session.as_ref()).await?)
    });
    runtime.shutdown_background();
    let Some(views) = views? else {
        print_error("nothing is persisted there; `ray-history persist --fleet` writes what is missing");
        return Ok(ExitCode::from(NOTHING));
    };
    let question = args.sql.trim_end().trim_end_matches(';');
    match Command::new(DUCKDB).arg("-c").arg(format!("{views}{question};")).status() {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED);
            Ok(ExitCode::from(code))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            is_open_after(&format!("{views}\n{question};\n"))?;
            print_error(
                "there is no duckdb in PATH (https://duckdb.org/install, or pip install duckdb-cli): the views and the \
                 question are printed; save them as question.sql, and run: duckdb -f question.sql",
            );
            Ok(ExitCode::from(FAILED))
        }
        Err(error) => Err(error).context("duckdb cannot be started"),
    }
}

/// Returns the folder or URL of the store, without a slash at its end.
fn place(settings: &Settings) -> String {
    let place = match &settings.storage.store {
        StoreConfig::Local(local) => local.path.display().to_string(),
        _ => settings.storage.url(),
    };
    place.trim_end_matches('/').to_owned()
}
