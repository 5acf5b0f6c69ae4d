//! A plain HTTP client for checks of a running server, for images without a shell.

use anyhow::{Context, anyhow, bail};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Timeout of connecting, and of every read and write.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are read.
const MAX_BYTES: u64 = 1 << 20;

/// Returns the status and body of a GET request below a server's URL.
pub(super) fn get(server: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let rest = server.strip_prefix("http://").ok_or_else(|| {
        anyhow!("{server} must be the address of a server inside its cluster, such as http://ray-history-server:8080")
    })?;
    let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_end_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    let address = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let mut connection = connect(&address)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    // HTTP/1.0: the answer ends with the connection and is not chunked.
    let head = format!("GET /{prefix}{slash}{path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n");
    // A single write: `write!` sends each part separately, and a server that answers the first part resets the rest.
    connection.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    connection.take(MAX_BYTES).read_to_end(&mut answer).with_context(|| format!("{server} does not answer"))?;
    parse(&answer).ok_or_else(|| anyhow!("{server} does not answer as an HTTP server"))
}

fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let addresses = address.to_socket_addrs().with_context(|| format!("{address} cannot be looked up"))?;
    let mut failed = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(connection) => return Ok(connection),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) => Err(error).with_context(|| format!("{address} cannot be reached")),
        None => bail!("{address} has no address"),
    }
}

/// Parses the status and the body of an answer.
fn parse(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Answers one request; the thread returns the request.
    fn answering(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let request = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut head = [0; 1024];
            let read = client.read(&mut head).unwrap();
            client.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&head[..read]).into_owned()
        });
        (url, request)
    }

    #[test]
    fn requests_keep_the_path_prefix() {
        let (url, request) = answering("HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\nnot yet");
        assert_eq!(get(&format!("{url}/history/"), "readyz").unwrap(), (503, "not yet".to_owned()));
        assert!(request.join().unwrap().starts_with("GET /history/readyz HTTP/1.0\r\nHost: 127.0.0.1:"));
    }

    #[test]
    fn reports_what_is_not_a_server() {
        let (url, _asked) = answering("SSH-2.0-OpenSSH\r\n");
        assert!(get(&url, "readyz").unwrap_err().to_string().contains("does not answer as an HTTP server"));
        assert!(
            get("https://ray.example.com", "readyz").unwrap_err().to_string().contains("http://ray-history-server")
        );
        assert!(get("http://127.0.0.1:1", "readyz").unwrap_err().to_string().contains("cannot be reached"));
    }
}
