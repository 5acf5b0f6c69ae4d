//! Single requests for the logs of submitters that failed, by the replica that writes documents.
//!
//! kubelet serves them, through the API server, for as long as the pod is there. One is read at a time, and only its end is
//! held.

use super::super::follow::Trouble;
use super::super::limits::shortened;
use super::super::pace::Pace;
use super::shared::{LOGS, Shared};
use crate::api_error;
use http::StatusCode;
use http_body::Body as _;
use kube::Client;
use kube::api::{LogParams, Request};
use kube::client::Body;
use ray_history_obituary::document::SubmitterLog;
use ray_history_obituary::records::FailedSubmitter;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Interval at which the records are searched.
const SEARCH: Duration = Duration::from_secs(5);
/// One log a second.
const PACE: Pace = Pace::new(1, Duration::from_secs(1));
/// Tries of one log.
const TRIES: u32 = 5;
/// Pause after the first try that failed; the next ones are longer.
const AGAIN: Duration = Duration::from_secs(30);
/// Pause of a namespace whose logs may not be read.
const FORBIDDEN: Duration = Duration::from_mins(10);
/// Last lines that are asked for; of very long ones, fewer.
const LINES: [i64; 2] = [1_000, 20];
/// Bytes of one answer.
const LONGEST: i64 = 6 << 20;
/// Last bytes of an answer that are held; with escape sequences they are more than what is kept.
const HELD: usize = 256 << 10;
/// Tries that are remembered.
const REMEMBERED: usize = 10_000;

/// Asks until dropped.
pub(super) async fn ask(client: Client, shared: Arc<Shared>) {
    let (mut tries, mut forbidden, mut pace) = (Tries::default(), HashMap::<String, Instant>::new(), PACE);
    loop {
        tokio::time::sleep(SEARCH).await;
        if !shared.keeps_documents() {
            continue;
        }
        let now = Instant::now();
        forbidden.retain(|_, until| *until > now);
        let wants =
            |submitter: &FailedSubmitter| tries.is_due(submitter) && !forbidden.contains_key(&submitter.namespace);
        let failed = shared.records.lock().failed_submitters(wants);
        for submitter in failed {
            tokio::time::sleep(pace.delay(Instant::now())).await;
            let namespace = Some(submitter.namespace.as_str());
            match read(&client, &submitter).await {
                Ok(log) => {
                    shared.set_trouble(LOGS, namespace, None);
                    if let Some(log) = log {
                        shared.records.lock().submitter_told(&submitter.job, log);
                    }
                }
                Err(trouble) => {
                    if matches!(trouble, Trouble::Forbidden(_)) {
                        forbidden.insert(submitter.namespace.clone(), Instant::now() + FORBIDDEN);
                        shared.set_trouble(LOGS, namespace, Some(trouble));
                    } else {
                        // kubelet may be away with its node, which is no trouble of ours.
                        tracing::debug!(pod = submitter.pod, %trouble, "the log of a submitter cannot be read");
                    }
                }
            }
            tries.note(submitter);
        }
    }
}

/// The tries of each log, with the time of the next one.
#[derive(Debug, Default)]
struct Tries(HashMap<FailedSubmitter, (u32, Instant)>);

impl Tries {
    fn is_due(&self, submitter: &FailedSubmitter) -> bool {
        self.0.get(submitter).is_none_or(|(tries, next)| *tries < TRIES && Instant::now() >= *next)
    }

    fn note(&mut self, submitter: FailedSubmitter) {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let tries = self.0.get(&submitter).map_or(0, |(tries, _)| *tries) + 1;
        self.0.insert(submitter, (tries, Instant::now() + AGAIN * tries));
    }
}

/// Reads the end of a log; `None` if there is none.
async fn read(client: &Client, submitter: &FailedSubmitter) -> Result<Option<SubmitterLog>, Trouble> {
    let FailedSubmitter { namespace, pod, container, at, .. } = submitter;
    let mut log = None;
    for lines in LINES {
        let params = LogParams {
            container: Some(container.clone()),
            tail_lines: Some(lines),
            limit_bytes: Some(LONGEST),
            ..LogParams::default()
        };
        let request = Request::new(format!("/api/v1/namespaces/{namespace}/pods")).logs(pod, &params);
        let request = request.map_err(|error| Trouble::Unreachable(error.to_string()))?.map(Body::from);
        let failed = |error| Trouble::Unreachable(shortened(api_error::text(&error)));
        let response = client.send(request).await.map_err(failed)?;
        match response.status() {
            status if status.is_success() => {}
            // The pod is gone, or its container never ran.
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => return Ok(None),
            StatusCode::FORBIDDEN => {
                return Err(Trouble::Forbidden(format!("get pods/log in namespace {namespace}")));
            }
            status => return Err(Trouble::Unreachable(format!("status {status}"))),
        }
        let end = End::of(response.into_body()).await.map_err(Trouble::Unreachable)?;
        let is_cut = end.is_cut || end.lines >= lines;
        log = Some(SubmitterLog::new(pod, container, *at, &end.bytes, is_cut));
        // Of a longer answer the last lines are missing.
        if end.length < LONGEST {
            break;
        }
    }
    Ok(log)
}

/// The end of an answer.
#[derive(Debug, Default)]
struct End {
    bytes: Vec<u8>,
    is_cut: bool,
    length: i64,
    lines: i64,
}

impl End {
    async fn of(mut body: Body) -> Result<Self, String> {
        let mut end = Self::default();
        while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            if let Ok(data) = frame.map_err(|error| error.to_string())?.into_data() {
                end.add(&data);
            }
        }
        Ok(end)
    }

    fn add(&mut self, data: &[u8]) {
        self.length = self.length.saturating_add(i64::try_from(data.len()).unwrap_or(i64::MAX));
        self.lines += i64::try_from(memchr::memchr_iter(b'\n', data).count()).unwrap_or(i64::MAX);
        self.bytes.extend_from_slice(data);
        if self.bytes.len() > 2 * HELD {
            self.bytes.drain(..self.bytes.len() - HELD);
            self.is_cut = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;
    use ray_history_obituary::time::Time;

    fn submitter() -> FailedSubmitter {
        FailedSubmitter {
            job: "u".into(),
            namespace: "team".into(),
            pod: "nightly-x".into(),
            container: "ray-job-submitter".into(),
            at: Time(7),
        }
    }

    /// Returns what is read of an API server that answers with these, and the queries of its requests.
    async fn read_of(answers: Vec<(u16, Vec<u8>)>) -> (Result<Option<SubmitterLog>, Trouble>, Vec<String>) {
        let asked = Arc::new(parking_lot::Mutex::new((answers.into_iter(), Vec::new())));
        let state = Arc::clone(&asked);
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let mut state = state.lock();
            state.1.push(request.uri().to_string());
            let (status, bytes) = state.0.next().unwrap();
            let response = Response::builder().status(status).body(Body::from(bytes)).unwrap();
            async move { Ok::<_, std::convert::Infallible>(response) }
        });
        let read = read(&Client::new(service, "default"), &submitter()).await;
        let asked = asked.lock().1.clone();
        (read, asked)
    }

    #[tokio::test]
    async fn the_end_of_a_log_is_read() {
        let (log, asked) = read_of(vec![(200, b"one\ntwo\n".to_vec())]).await;
        let log = log.unwrap().unwrap();
        assert_eq!((log.text.as_str(), log.is_cut, log.at), ("one\ntwo\n", false, Time(7)));
        let expected = "/api/v1/namespaces/team/pods/nightly-x/log?";
        assert!(asked[0].starts_with(expected) && asked[0].contains("container=ray-job-submitter"), "{asked:?}");
        let (log, _) = read_of(vec![(200, "line\n".repeat(1_000).into_bytes())]).await;
        assert!(log.unwrap().unwrap().is_cut, "there may be more before");
    }

    #[tokio::test]
    async fn of_huge_lines_fewer_are_read() {
        let mut huge = vec![b'x'; LONGEST as usize];
        let (log, asked) = read_of(vec![(200, huge.clone()), (200, b"the last\n".to_vec())]).await;
        assert_eq!((log.unwrap().unwrap().text.as_str(), asked.len()), ("the last\n", 2));
        assert!(asked[1].contains("tailLines=20"), "{asked:?}");
        huge.truncate(3 << 20);
        huge.extend(b"\nthe end\n");
        let (log, asked) = read_of(vec![(200, huge)]).await;
        let log = log.unwrap().unwrap();
        assert!(log.text.ends_with("the end\n") && log.is_cut && log.text.len() <= 64 << 10);
        assert_eq!(asked.len(), 1);
    }

    #[tokio::test]
    async fn what_is_not_there_or_not_allowed_is_no_log() {
        for status in [404, 400] {
            assert!(matches!(read_of(vec![(status, Vec::new())]).await.0, Ok(None)));
        }
        assert!(matches!(read_of(vec![(403, Vec::new())]).await.0, Err(Trouble::Forbidden(_))));
        assert!(matches!(read_of(vec![(502, Vec::new())]).await.0, Err(Trouble::Unreachable(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_is_tried_some_times() {
        let (mut tries, mut made) = (Tries::default(), 0);
        for _ in 0..1_000 {
            if tries.is_due(&submitter()) {
                tries.note(submitter());
                made += 1;
            }
            tokio::time::sleep(SEARCH).await;
        }
        assert_eq!(made, TRIES);
    }
}
