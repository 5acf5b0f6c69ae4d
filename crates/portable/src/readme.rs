//! The texts of a portable file for people and engines.

use crate::choices::{Choices, Logs};
use ray_history_core::base::name::SessionKey;

/// Views over the tables of an unpacked file, for `DuckDB`.
pub(crate) const VIEWS: &str = include_str!("views.sql");

/// Returns what the file is, how it is opened, and what it may hold.
pub(crate) fn text(key: &SessionKey, choices: Choices, version: &str, written_at: &str) -> String {
    let logs = match choices.logs {
        _ if choices.raw => "All log files, events and stored answers of the dashboard as they were collected.",
        Logs::None => "No log files.",
        Logs::Facts => {
            "Log files from which facts are read, such as those of submitted jobs and of the autoscaler, but none that\n\
             names environment variables. No output of workers."
        }
        Logs::All => {
            "All log files but those of the agents that create environments. They are the program's own words, and\n\
             hold whatever it printed."
        }
    };
    let variables = if choices.raw {
        "VALUES OF ENVIRONMENT VARIABLES ARE IN IT: it was made with --raw."
    } else {
        "Values of environment variables are replaced by <redacted> in tables and stored answers."
    };
    let messages = if choices.messages {
        "Messages of errors are in the tables, as Ray recorded them."
    } else {
        "Messages of errors are not in the tables."
    };
    format!(
        "Ray session {key}\n\
         Written by ray-history {version} at {written_at}.\n\
         \n\
         Open its dashboard:\n\
         \x20   ray-history serve FILE.rayhistory\n\
         Ask it with SQL:\n\
         \x20   unzip FILE.rayhistory -d session && cd session && duckdb -init views.sql\n\
         \n\
         What it may hold:\n\
         - {messages} Names, entry points and metadata are in them.\n\
         - {variables}\n\
         - {logs}\n\
         - What was left out or could not be read is in MISSING.txt, if there is any.\n\
         \n\
         Members are named like the keys of the bucket. Those below ray-history/v1/tables/ are Parquet files.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionName};

    #[test]
    fn the_text_says_what_is_in_the_file() {
        let cluster = ClusterId { namespace: "ml".to_owned(), name: "train".to_owned() };
        let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
        let key = SessionKey { cluster, session };
        for (choices, told) in [
            (Choices::default(), ["No output of workers", "<redacted>", "as Ray recorded them"]),
            (
                Choices { logs: Logs::All, messages: false, raw: false },
                ["the program's own words", "<redacted>", "Messages of errors are not"],
            ),
            (
                Choices { raw: true, ..Choices::default() },
                ["as they were collected", "VALUES OF ENVIRONMENT VARIABLES", "as Ray recorded them"],
            ),
        ] {
            let text = text(&key, choices, "1.2.3", "2026-11-23T00:00:00Z");
            assert!(text.contains(&key.to_string()) && told.iter().all(|told| text.contains(told)), "{text}");
        }
    }
}
