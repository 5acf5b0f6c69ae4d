//! Wiring of `why`: finds a run of a server or of a store, and its document.

use super::client::{Refused, escaped};
use super::exit::NOTHING;
use super::list::Origin;
use super::print::{is_open_after, is_open_after_json, print_error};
use crate::args::{Why, WhyFormat};
use crate::why;
use anyhow::bail;
use serde_json::Value;
use std::process::ExitCode;

/// Most sessions of a cluster that are searched for a name.
const SESSIONS: usize = 1000;

/// Prints why a run ended, and returns the exit code.
pub(super) fn run(args: &Why) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let found = runtime.block_on(find(args));
    runtime.shutdown_background();
    let Some((run, document)) = found? else {
        print_error(format_args!("nothing is known of {}", args.name));
        return Ok(ExitCode::from(NOTHING));
    };
    match args.output {
        WhyFormat::Text => is_open_after(&why::text(&run, document.as_ref()))?,
        WhyFormat::Json => is_open_after_json(&why::json(&run, document.as_ref()))?,
    };
    Ok(ExitCode::SUCCESS)
}

/// Returns the run and its document; `None` if there is neither.
async fn find(args: &Why) -> anyhow::Result<Option<(Value, Option<Value>)>> {
    let name = args.name.trim_matches('/');
    let parts: Vec<&str> = name.split('/').collect();
    let [first, second, third] = parts[..] else {
        bail!("{name:?} is neither NAMESPACE/CLUSTER/SESSION nor rayjob/NAMESPACE/NAME")
    };
    if !third.starts_with("session_") && !["rayjob", "raycluster"].contains(&first) {
        bail!("{name:?} is neither NAMESPACE/CLUSTER/SESSION nor rayjob/NAMESPACE/NAME nor raycluster/NAMESPACE/NAME");
    }
    let origin = Origin::of(&args.places).await?;
    let run = if third.starts_with("session_") {
        let query =
            format!("limit={SESSIONS}&namespace={}&cluster={}&q={}", escaped(first), escaped(second), escaped(third));
        let list = parsed(&origin.settled(&query).await?);
        items(&list, "sessions").find(|item| item["session"] == third).cloned()
    } else {
        let owner = if first == "rayjob" { "ownerKind=rayjob&owner" } else { "cluster" };
        let query = format!("limit=1&namespace={}&{owner}={}", escaped(second), escaped(third));
        let runs = parsed(&origin.runs(&query).await?);
        let recorded = items(&runs, "runs").next().cloned();
        match recorded {
            Some(run) => Some(run),
            None => items(&parsed(&origin.settled(&query).await?), "sessions").next().cloned(),
        }
    };
    let Some(run) = run else { return Ok(None) };
    let object = &run["object"];
    let names = [&run["namespace"], &object["kind"], &object["name"], &object["uid"]].map(Value::as_str);
    let document = match names {
        [Some(namespace), Some(kind), Some(name), Some(uid)] => {
            match origin.document([namespace, kind, name, uid]).await {
                Ok(document) => document.map(|document| parsed(&document)),
                Err(error) if Refused::is_unknown(&error) => None,
                // The sentence is known without it.
                Err(error) => {
                    print_error(format_args!("the evidence cannot be read: {error:#}"));
                    None
                }
            }
        }
        _ => None,
    };
    Ok(Some((run, document)))
}

fn items<'a>(list: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    list[field].as_array().into_iter().flatten()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
