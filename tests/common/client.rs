//! An HTTP client that changes nothing: no redirect is followed, nothing is unpacked, no connection is used twice.

use reqwest::redirect::Policy;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// An answer, with the names of its headers in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// Returns a header's value, empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }
}

/// Returns a header's value, empty if there is none.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// Sends a request on a connection of its own, with no headers beside these, `Accept` and `Host`.
pub(crate) async fn send(method: &str, url: &str, headers: &[(&str, &str)]) -> reqwest::Result<Reply> {
    let mut request = client().request(method.parse().unwrap(), url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let headers = answer.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    // After a handshake the connection stays open, and has no body.
    let body = if status == 101 { String::new() } else { String::from_utf8_lossy(&answer.bytes().await?).into_owned() };
    Ok(Reply { status, headers, body })
}

/// Runs a future to its end, for tests without a runtime of their own.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
    runtime.block_on(work)
}

/// Returns the one client of all tests. It keeps no connection, because each test may have a runtime of its own.
fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let client = reqwest::Client::builder().http1_only().no_proxy().redirect(Policy::none());
        let client = client.no_gzip().no_brotli().no_zstd().no_deflate();
        client.pool_max_idle_per_host(0).timeout(Duration::from_secs(120)).build().unwrap()
    })
}
