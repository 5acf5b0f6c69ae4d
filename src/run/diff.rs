//! Wiring of `diff`: has a server, or a store as a server would, compare two sessions.

use super::exit::NOTHING;
use super::list::Origin;
use super::print::{is_open_after, is_open_after_json, print_error};
use crate::args::Diff;
use crate::diff::{self, Form};
use std::process::ExitCode;

/// Prints what changed, and returns the exit code.
pub(super) fn run(args: &Diff) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let compared = runtime.block_on(async { Origin::of(&args.places).await?.diff(&args.a, &args.b).await });
    runtime.shutdown_background();
    let compared = match compared? {
        Ok(compared) => compared,
        Err(words) => {
            print_error(words);
            return Ok(ExitCode::from(NOTHING));
        }
    };
    if args.json {
        is_open_after_json(&compared)?;
    } else {
        let form = if args.md { Form::Markdown } else { Form::Text };
        is_open_after(&diff::told(&compared, form)?)?;
    }
    Ok(ExitCode::SUCCESS)
}
