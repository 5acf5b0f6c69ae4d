//! The program's own log: words and values, for people and for programs.

use crate::server::{Program, Server, eventually};
use std::process::Command;
use std::time::Duration;

#[test]
fn where_no_terminal_is_no_line_has_a_colour() {
    for format in ["text", "json"] {
        let mut server = Server::start(&["--log-format", format]);
        server.signal("TERM");
        assert!(server.ended(Duration::from_secs(20)).is_some());
        eventually("the last line", Duration::from_secs(5), || server.log().contains("stopped"));
        assert!(!server.log().contains('\u{1b}'), "{}", server.log());
    }
}

#[test]
fn a_store_that_is_down_is_told_in_words() {
    let program = env!("CARGO_BIN_EXE_ray-history");
    let store = [
        ("S3_BUCKET", "ray"),
        ("S3_ENDPOINT", "http://127.0.0.1:1"),
        ("S3_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let flags = ["serve", "--storage-backend", "s3", "--listen", "127.0.0.1:0", "--log-format", "json"];
    // It waits for the store, so the log goes on.
    let mut server = Program::start(Command::new(program).args(flags).envs(store));
    let log = server.says("Connection refused", Duration::from_secs(30));
    drop(server);
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
