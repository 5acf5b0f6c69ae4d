//! An S3 server that refuses conditional writes, as older ones do: the writer asks for the object first.

use super::super::http::{Answer, Asked, answering};
use ray_history_storage::config::{Credentials, S3Config, StoreConfig};
use ray_history_storage::memory::Memory;
use ray_history_storage::{ReadRange, Storage};
use ray_history_storage_write::{If, Put, connect};
use std::sync::{Arc, Mutex};

fn has_condition(asked: &Asked) -> bool {
    ["if-none-match", "if-match"].iter().any(|name| asked.headers.contains_key(*name))
}

fn answer(memory: &Memory, asked: &Asked) -> Answer {
    let key = asked.target.split('?').next().unwrap_or_default().trim_start_matches("/ray/");
    match asked.method.as_str() {
        "PUT" if has_condition(asked) => {
            Answer::new(501, "<Error><Code>NotImplemented</Code><Message>a header</Message></Error>")
        }
        "PUT" => {
            memory.put(key, asked.body.clone());
            Answer::new(200, "")
        }
        "HEAD" => {
            let found = futures_util::FutureExt::now_or_never(memory.read(key, ReadRange::Full)).unwrap();
            match found {
                Ok(body) => {
                    let etag = format!("\"{}\"", body.meta.etag.unwrap_or_default());
                    Answer { headers: vec![("etag", etag)], ..Answer::new(200, "") }
                }
                Err(_) => Answer::new(404, ""),
            }
        }
        _ => Answer::new(405, ""),
    }
}

#[tokio::test]
async fn a_server_without_conditions_is_asked_first() {
    let (memory, asked) = (Arc::new(Memory::default()), Arc::new(Mutex::new(Vec::new())));
    let (objects, log) = (Arc::clone(&memory), Arc::clone(&asked));
    let server = answering(move |request| {
        let condition = if has_condition(&request) { " if" } else { "" };
        log.lock().unwrap().push(format!("{}{condition}", request.method));
        answer(&objects, &request)
    })
    .await;
    let writer = connect(&StoreConfig::S3(S3Config {
        bucket: "ray".into(),
        region: Some("us-east-1".into()),
        endpoint: Some(format!("http://127.0.0.1:{}", server.port)),
        force_path_style: true,
        requester_pays: false,
        ca: None,
        profile: None,
        credentials: Credentials::Anonymous,
    }))
    .await
    .unwrap();
    for (key, text, expected) in
        [("a", "first", Put::Written), ("a", "second", Put::Refused), ("b", "third", Put::Written)]
    {
        assert_eq!(writer.put(key, text.into(), If::Absent).await.unwrap(), expected, "{text}");
    }
    assert_eq!(memory.read_all("a", 9).await.unwrap(), "first");
    assert_eq!(*asked.lock().unwrap(), ["PUT if", "HEAD", "PUT", "HEAD", "HEAD", "PUT"]);
    let etag = memory.read("a", ReadRange::Full).await.unwrap().meta.etag.unwrap();
    for (text, expected) in [("newer", Put::Written), ("late", Put::Refused)] {
        assert_eq!(writer.put("a", text.into(), If::Unchanged(&etag)).await.unwrap(), expected, "{text}");
    }
    assert_eq!(memory.read_all("a", 9).await.unwrap(), "newer");
}
