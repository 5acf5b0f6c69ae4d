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

/// Most rows of one run that are looked at: of the job, and of the clusters that it used.
const SAME: usize = 10;

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
    let [first, second, third] = parts[..] else { bail!(no_name(name)) };
    if !third.starts_with("session_") && !["rayjob", "raycluster"].contains(&first) {
        bail!(no_name(name));
    }
    let origin = Origin::of(&args.places).await?;
    let run = if third.starts_with("session_") {
        let query =
            format!("limit={SESSIONS}&namespace={}&cluster={}&q={}", escaped(first), escaped(second), escaped(third));
        let list = parsed(&origin.settled(&query).await?);
        items(&list, "sessions").find(|item| item["session"] == third).cloned()
    } else {
        let owner = if first == "rayjob" { "ownerKind=rayjob&owner" } else { "cluster" };
        let query = format!("namespace={}&{owner}={}", escaped(second), escaped(third));
        let runs = parsed(&origin.runs(&format!("limit={SAME}&{query}")).await?);
        if let Some(run) = newest(&runs, first) {
            Some(run.clone())
        } else {
            let list = origin.settled(&format!("limit=1&{query}")).await?;
            items(&parsed(&list), "sessions").next().cloned()
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

fn no_name(name: &str) -> String {
    format!("{name:?} is none of NAMESPACE/CLUSTER/SESSION, rayjob/NAMESPACE/NAME and raycluster/NAMESPACE/NAME")
}

/// Returns the newest run. A `RayJob` and its cluster tell the same one; that of the kind that was asked for has more.
fn newest<'a>(runs: &'a Value, kind: &str) -> Option<&'a Value> {
    let newest = items(runs, "runs").next()?;
    let is_same = |run: &&Value| run["object"]["run"] == newest["object"]["run"] && run["object"]["kind"] == kind;
    items(runs, "runs").find(is_same).or(Some(newest))
}

fn items<'a>(list: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    list[field].as_array().into_iter().flatten()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_kind_that_was_asked_for_tells_its_newest_run() {
        let run = |kind: &str, run: &str| json!({"object": {"kind": kind, "run": run}});
        let runs = json!({"runs": [run("raycluster", "b"), run("rayjob", "b"), run("rayjob", "a")]});
        assert_eq!(newest(&runs, "rayjob"), Some(&run("rayjob", "b")));
        assert_eq!(newest(&runs, "raycluster"), Some(&run("raycluster", "b")));
        let older = json!({"runs": [run("raycluster", "b"), run("rayjob", "a")]});
        assert_eq!(
            newest(&older, "rayjob"),
            Some(&run("raycluster", "b")),
            "only its cluster tells the newest one yet"
        );
        assert_eq!(newest(&json!({}), "rayjob"), None);
    }
}
