//! Wiring of `open`: the link to the dashboard of a session of a running server.

use super::client::{self, Client, Refused};
use super::exit::NOTHING;
use super::print::{print, print_error, print_failure};
use crate::args::Open;
use serde_json::Value;
use std::process::ExitCode;

/// Longest answer about the load of a session.
const MAX_STATUS: usize = 64 << 10;

/// Prints the link, and to standard error the state of a session that is not open yet, which it has opened.
pub(super) fn run(args: &Open) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(find(args)) {
        Ok((link, status)) => {
            print(&format!("{link}\n"))?;
            if let Some(state) = not_ready(&status) {
                print_error(state);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) if Refused::is_unknown(&error) => {
            print_failure(&error);
            Ok(ExitCode::from(NOTHING))
        }
        Err(error) => Err(error),
    }
}

/// Returns the link, and the status of the load. An unknown session is an error.
async fn find(args: &Open) -> anyhow::Result<(String, Value)> {
    let client = Client::new(&args.server)?;
    let session = client.session(&args.session).await?;
    let status = client.get(&format!("api/history/v1/sessions/{session}/load")).await?;
    let status = serde_json::from_str(&client::text(status, MAX_STATUS).await?).unwrap_or_default();
    Ok((client.url(&format!("sessions/{session}/")), status))
}

/// Describes the state of a session that is not open.
fn not_ready(status: &Value) -> Option<String> {
    let files = || match (status["filesDone"].as_u64(), status["filesTotal"].as_u64()) {
        (Some(done), Some(total)) if total > 0 => format!(": {done} of {total} files are read"),
        _ => String::new(),
    };
    match (status["state"].as_str()?, status["error"].as_str()) {
        ("ready", None) => None,
        ("failed", error) => Some(format!("it cannot be opened: {}", error.unwrap_or("the server does not say why"))),
        ("queued", _) => Some("it is not open yet: its load waits for others".to_owned()),
        (_, Some(error)) => Some(error.to_owned()),
        (state, None) => Some(format!("it is not open yet ({state}){}", files())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn states_that_are_not_ready_are_told() {
        for (status, told) in [
            (json!({"state": "ready"}), None),
            (json!({}), None),
            (json!({"state": "queued", "filesDone": 0, "filesTotal": 0}), Some("its load waits for others")),
            (json!({"state": "loading"}), Some("(loading)")),
            (json!({"state": "loading", "filesDone": 3, "filesTotal": 40}), Some("(loading): 3 of 40 files are read")),
            (json!({"state": "failed", "error": "no file could be read"}), Some("no file could be read")),
        ] {
            let state = not_ready(&status);
            assert_eq!(state.is_some(), told.is_some(), "{status}");
            assert!(state.unwrap_or_default().ends_with(told.unwrap_or_default()), "{status}");
        }
    }
}
