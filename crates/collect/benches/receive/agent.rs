//! Posts events as Ray's agent does: one batch at a time, each on a connection of its own.

use super::ray::SESSION;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Events of about 940 bytes, with the ids that are in real ones.
pub(crate) fn batch(first: u64, count: u64) -> Vec<u8> {
    let mut body = String::from("[");
    for n in first..first + count {
        let mixed = |salt: u64| {
            (n ^ salt << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        let comma = if n > first { "," } else { "" };
        write!(
            body,
            r#"{comma}{{"eventId":"{:016x}{:016x}","sourceType":"CORE_WORKER","eventType":"TASK_LIFECYCLE_EVENT","timestamp":"2026-11-23T07:10:{:02}.{:09}Z","severity":"INFO","sessionName":"{SESSION}","nodeId":"qRNPU0dRGZDVjHkXWlNUlVQyGmUsUZCjKwwNNw==","message":"","taskLifecycleEvent":{{"taskId":"{:016x}{:016x}","taskAttempt":0,"stateTransitions":[{{"state":"PENDING_ARGS_AVAIL","timestamp":"2026-11-23T07:10:{:02}.{:09}Z"}},{{"state":"RUNNING","timestamp":"2026-11-23T07:10:{:02}.{:09}Z"}},{{"state":"FINISHED","timestamp":"2026-11-23T07:10:{:02}.{:09}Z"}}],"nodeId":"qRNPU0dRGZDVjHkXWlNUlVQyGmUsUZCjKwwNNw==","workerId":"{:016x}","workerPid":{},"jobId":"AQAAAA==","isDebuggerPaused":false,"actorReprName":"","rayErrorInfo":null,"taskLogInfo":{{"stdoutFile":"/tmp/ray/session_latest/logs/worker-x.out","stderrFile":"/tmp/ray/session_latest/logs/worker-x.err","stdoutStart":0,"stdoutEnd":0,"stderrStart":0,"stderrEnd":0}}}}}}"#,
            mixed(1), mixed(2), n / 1000 % 60, mixed(3) % 1_000_000_000, mixed(4), mixed(5), n / 1000 % 60, mixed(6) % 1_000_000_000,
            n / 1000 % 60, mixed(7) % 1_000_000_000, n / 1000 % 60, mixed(8) % 1_000_000_000, mixed(n % 16), 1_000 + n % 16,
        )
        .unwrap();
    }
    body.push(']');
    body.into_bytes()
}

/// Posts a body, and returns the status; `None` if the connection broke.
pub(crate) fn post(address: SocketAddr, body: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_nodelay(true).ok()?;
    let head = format!("POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).ok()?;
    // A receiver that has no room may answer and close before it has all of it.
    let _ = stream.write_all(body);
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer[9..]).ok()?.parse().ok()
}
