//! Requests to Ray's own HTTP servers on this pod: without TLS, one connection each, bounded in time and length.

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, HOST, HeaderName, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
}

/// A request that has no answer, and why.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The address is none of plain HTTP.
    #[error("{0} is no http:// address")]
    Address(String),
    /// The server cannot be reached.
    #[error("cannot connect to {0}")]
    Connect(String, #[source] std::io::Error),
    /// The exchange failed.
    #[error("the exchange with {0} failed")]
    Exchange(String, #[source] hyper::Error),
    /// The answer takes too long.
    #[error("{0} did not answer in {1:?}")]
    Timeout(String, Duration),
    /// The answer is too long.
    #[error("the answer of {0} has more than {1} bytes")]
    TooLong(String, usize),
}

/// The bounds of a request.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The time for the whole exchange.
    pub time: Duration,
    /// The length of the body.
    pub bytes: usize,
}

/// Sends a request without a body, and returns its answer, whatever its status.
pub async fn request(
    method: Method,
    url: &str,
    headers: &[(HeaderName, HeaderValue)],
    bounds: Bounds,
) -> Result<Answer, Failure> {
    let exchange = exchange(method, url, headers, bounds.bytes);
    match tokio::time::timeout(bounds.time, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::Timeout(url.to_owned(), bounds.time)),
    }
}

async fn exchange(
    method: Method,
    url: &str,
    headers: &[(HeaderName, HeaderValue)],
    most: usize,
) -> Result<Answer, Failure> {
    let bad = || Failure::Address(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let (Some(host), Some("http")) = (uri.host(), uri.scheme_str()) else { return Err(bad()) };
    let port = uri.port_u16().unwrap_or(80);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    let mut request = Request::builder().method(method).uri(path).header(HOST, authority);
    request = request.header(ACCEPT, "*/*").header(USER_AGENT, concat!("ray-history/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| bad())?;

    let plain = host.trim_start_matches('[').trim_end_matches(']');
    let connected = TcpStream::connect((plain, port)).await;
    let stream = connected.map_err(|error| Failure::Connect(authority.to_owned(), error))?;
    let failed = |error| Failure::Exchange(authority.to_owned(), error);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let connection = AbortOnDrop(tokio::spawn(connection));
    let answer = sender.send_request(request).await.map_err(failed)?;
    let (head, mut body) = answer.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(failed)?.into_data() {
            if bytes.len() + data.len() > most {
                return Err(Failure::TooLong(url.to_owned(), most));
            }
            bytes.extend_from_slice(&data);
        }
    }
    drop(connection);
    Ok(Answer { status: head.status, body: bytes.freeze() })
}

/// The task that drives a connection, which ends with the request.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const BOUNDS: Bounds = Bounds { time: Duration::from_secs(5), bytes: 16 };

    /// Answers one request, and returns what it was.
    async fn server(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        (url, task)
    }

    #[tokio::test]
    async fn an_answer_is_returned_with_its_status() {
        let (url, asked) = server("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone").await;
        let header = (HeaderName::from_static("x-ray-authorization"), HeaderValue::from_static("Bearer t"));
        let answer = request(Method::GET, &format!("{url}/a?b=1"), &[header], BOUNDS).await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (404, &b"gone"[..]));
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("GET /a?b=1 HTTP/1.1\r\nhost: 127.0.0.1:"), "{asked}");
        assert!(asked.contains("x-ray-authorization: Bearer t\r\n"), "{asked}");
    }

    #[tokio::test]
    async fn answers_are_bounded_in_length_and_time() {
        let (url, _task) = server("HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n12345678901234567").await;
        let failure = request(Method::GET, &url, &[], BOUNDS).await.unwrap_err();
        assert!(matches!(failure, Failure::TooLong(..)), "{failure}");
        let (url, _task) = server("").await;
        let bounds = Bounds { time: Duration::from_millis(50), ..BOUNDS };
        let failure = request(Method::GET, &url, &[], bounds).await.unwrap_err();
        assert!(matches!(failure, Failure::Timeout(..)), "{failure}");
        for bad in ["https://localhost/", "localhost:8265", "http:///x", ""] {
            let failure = request(Method::GET, bad, &[], BOUNDS).await.unwrap_err();
            assert!(matches!(failure, Failure::Address(_)), "{bad}: {failure}");
        }
    }
}
