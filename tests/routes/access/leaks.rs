//! No log line, metric or answer contains a token or a cookie, at any level.

use super::{OWN, guarded};
use crate::exchange_raw;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};
use tracing_subscriber::filter::LevelFilter;

/// Part of every secret of this test.
const PLANTED: &str = "planted-5f0c2b91";

static LINES: AtomicUsize = AtomicUsize::new(0);
static HITS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Looks for the secret in what is logged, and keeps nothing else of it.
struct Scan;

impl Write for Scan {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.fetch_add(1, Ordering::Relaxed);
        let line = String::from_utf8_lossy(bytes);
        if line.contains(PLANTED) {
            HITS.lock().unwrap().push(line.into_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_log_line_metric_or_answer_has_a_secret() {
    static SCANNED: Once = Once::new();
    SCANNED.call_once(|| {
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(|| Scan).with_ansi(false).init();
    });
    let server = guarded();
    let known = format!("known.{PLANTED}");
    server.reviewer.add_token(&known, "sam", &[]);
    let bearer = |token: &str| format!("Bearer {token}");
    let (known, unknown) = (bearer(&known), bearer(&format!("unknown.{PLANTED}")));
    let (malformed, cookie) = (
        bearer(&format!("{PLANTED} with spaces")),
        format!("ray-history={PLANTED}; ray-authentication-token={PLANTED}"),
    );
    let lines = LINES.load(Ordering::Relaxed);
    let mut answers = String::new();
    for path in [
        format!("{}/api/v0/tasks?limit=1", OWN.session()),
        format!("{}/api/authentication_mode", OWN.session()),
        format!("{}/api/jobs/serve-deploy/logs", OWN.session()),
        format!("/api/history/v1{}", OWN.session()),
        "/api/history/v1/whoami".to_owned(),
        "/sessions/".to_owned(),
        "/nope".to_owned(),
        "/metrics".to_owned(),
    ] {
        for headers in [
            &[("Authorization", known.as_str())][..],
            &[("Authorization", unknown.as_str())],
            &[("Authorization", malformed.as_str())],
            &[("Authorization", unknown.as_str()), ("X-Ray-Authorization", known.as_str())],
            &[("Cookie", cookie.as_str())],
            &[("X-Ray-History-Proxy", PLANTED), ("X-Auth-Request-Email", "sam")],
            &[("Authorization", known.as_str()), ("Accept", "text/html")],
        ] {
            let (status, answered, body) = exchange_raw(&server.address, "GET", &path, headers);
            let _ = writeln!(answers, "{path} {status} {answered:?} {body}");
        }
    }
    for authorization in [&known, &unknown] {
        let headers = [("Authorization", authorization.as_str()), ("Content-Length", "0")];
        let (status, answered, body) = exchange_raw(&server.address, "POST", "/api/authenticate", &headers);
        let _ = writeln!(answers, "{status} {answered:?} {body}");
    }
    assert!(LINES.load(Ordering::Relaxed) > lines + 100, "the log is not looked at");
    assert_eq!(*HITS.lock().unwrap(), Vec::<String>::new());
    let shown = answers.lines().find(|line| line.contains(PLANTED));
    assert_eq!(shown, None, "no answer shows a secret");
    assert!(answers.contains("\"user\":\"sam\""), "{answers}");
}
