//! The program's own log: words and values, for people and for programs.

use crate::common::process::Process;
use crate::common::server::command;
use crate::server::start;
use rustix::process::Signal;
use std::time::Duration;

#[tokio::test]
async fn a_log_that_goes_to_no_terminal_has_no_colours() {
    for format in ["text", "json"] {
        let server = start(&["--log-format", format]).await;
        server.process.signal(Signal::TERM);
        assert!(server.process.ended(Duration::from_secs(20)).await.is_some());
        let log = server.process.log();
        assert!(log.contains("stopped") && !log.contains('\u{1b}'), "{log}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_reported_in_words() {
    let store = [
        ("S3_BUCKET", "ray"),
        ("S3_ENDPOINT", "http://127.0.0.1:1"),
        ("S3_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    // The program waits for the store, so the log goes on.
    let process = Process::start(&mut command(&["--storage-backend", "s3", "--log-format", "json"], &store));
    let log = process.printed("Connection refused", Duration::from_secs(30)).await;
    drop(process);
    let settings = log.lines().find(|line| line.contains("settings in force")).unwrap();
    let settings: serde_json::Value = serde_json::from_str(settings).unwrap();
    let words = settings["fields"]["settings"].as_str().unwrap();
    assert!(words.starts_with("cache.maxSessions=100 ") && words.contains(" redaction=Browsers"), "{words}");
    for line in log.lines() {
        // As Rust prints structs and options for its developers.
        assert!(![" { ", "Some(", "Error("].iter().any(|debug| line.contains(debug)), "{line}");
        assert!(line.len() < 600, "{line}");
    }
}
