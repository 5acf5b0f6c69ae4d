//! An OSS server of our own: a memory store behind OSS's REST API, which recomputes every signature (version 4).

mod deletes;
mod uploads;

use super::Cloud;
use super::child::Seen;
use super::http::{Answer, Asked, Listening, answering};
use async_trait::async_trait;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ray_history_storage::config::{AccessKey, Credentials, OssAddressing, OssConfig, Rotating, Secret, StoreConfig};
use ray_history_storage::conformance::Fill;
use ray_history_storage::memory::Memory;
use ray_history_storage::{Delimiter, ErrorKind, PageToken, ReadRange, Storage};
use reqsign_core::hash::{hex_hmac_sha256, hex_sha256, hmac_sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use uploads::Uploads;

const STRICT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
pub(crate) const SECRET: &str = "testsecret";

pub(crate) struct OssServer {
    listening: Listening,
    memory: Arc<Memory>,
    /// Uploads in parts that are neither completed nor aborted.
    pub(crate) uploads: Arc<Uploads>,
    /// The identities whose requests were signed correctly: the key's id and the session's token.
    pub(crate) seen: Seen,
}

impl OssServer {
    pub(crate) async fn start() -> Self {
        let memory = Arc::new(Memory::default());
        let (objects, seen) = (Arc::clone(&memory), Seen::default());
        let uploads = Arc::new(Uploads::default());
        let begun = Arc::clone(&uploads);
        let signed = seen.clone();
        let listening = answering(move |asked| match verify(&asked) {
            Err((status, code)) => refused(status, code),
            Ok(who) => {
                signed.add(who);
                if let Some(answer) = begun.write(&objects, &asked) {
                    return answer;
                }
                // The memory store never waits.
                futures_util::FutureExt::now_or_never(answer(&objects, &asked)).unwrap()
            }
        })
        .await;
        Self { listening, memory, uploads, seen }
    }
}

fn refused(status: u16, code: &str) -> Answer {
    Answer::new(status, format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>"))
}

/// Returns the identity that signed a request, or the error of OSS by its rules for signature version 4.
fn verify(asked: &Asked) -> Result<String, (u16, &'static str)> {
    let wrong = (403, "SignatureDoesNotMatch");
    let authorization = asked.headers.get("authorization").ok_or((403, "AccessDenied"))?;
    let fields = authorization.strip_prefix("OSS4-HMAC-SHA256 ").ok_or(wrong)?;
    let fields: BTreeMap<&str, &str> = fields.split(',').filter_map(|field| field.trim().split_once('=')).collect();
    let (Some(credential), Some(signature)) = (fields.get("Credential"), fields.get("Signature")) else {
        return Err(wrong);
    };
    let additional: Vec<&str> = match fields.get("AdditionalHeaders") {
        Some(names) => names.split(';').collect(),
        None => Vec::new(),
    };
    if additional.iter().any(|name| name.is_empty() || !asked.headers.contains_key(*name)) {
        return Err((400, "InvalidArgument"));
    }
    let (id, scope) = credential.split_once('/').ok_or(wrong)?;
    if id != "testkey" {
        return Err((403, "InvalidAccessKeyId"));
    }
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let escaped = |text: &str| utf8_percent_encode(&percent_decode_str(text).decode_utf8_lossy(), &STRICT).to_string();
    let path: Vec<String> = path.split('/').map(escaped).collect();
    let mut query: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() => format!("{}={}", escaped(name), escaped(value)),
            _ => escaped(pair.trim_end_matches('=')),
        })
        .collect();
    query.sort_unstable();
    let signed = |name: &str| {
        name.starts_with("x-oss-") || ["content-type", "content-md5"].contains(&name) || additional.contains(&name)
    };
    let headers: BTreeMap<_, _> = asked.headers.iter().filter(|(name, _)| signed(name)).collect();
    let headers = headers.iter().fold(String::new(), |text, (name, value)| text + name + ":" + value + "\n");
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{}\nUNSIGNED-PAYLOAD",
        asked.method,
        path.join("/"),
        query.join("&"),
        additional.join(";")
    );
    let date = asked.headers.get("x-oss-date").ok_or(wrong)?;
    let text = format!("OSS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex_sha256(canonical.as_bytes()));
    let key = scope
        .split('/')
        .fold(format!("aliyun_v4{SECRET}").into_bytes(), |key, part| hmac_sha256(&key, part.as_bytes()));
    if hex_hmac_sha256(&key, text.as_bytes()) != **signature {
        return Err(wrong);
    }
    match asked.header("x-oss-security-token") {
        "expired" => Err((403, "SecurityTokenExpired")),
        token => Ok(format!("{id} {token}")),
    }
}

async fn answer(memory: &Memory, asked: &Asked) -> Answer {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let Some(key) = path.strip_prefix("/ray/").map(decoded) else { return refused(404, "NoSuchBucket") };
    if key.is_empty() {
        let query: BTreeMap<String, String> =
            query.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (decoded(k), decoded(v))).collect();
        return list(memory, &query).await;
    }
    let range = asked.headers.get("range").and_then(|range| {
        let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some(match (start.parse::<u64>(), end.parse::<u64>()) {
            (Ok(start), Ok(last)) => ReadRange::Between(start, last + 1),
            (Ok(start), Err(_)) => ReadRange::From(start),
            (Err(_), last) => ReadRange::Tail(last.ok()?),
        })
    });
    let if_match = asked.headers.get("if-match").map(|etag| etag.trim_matches('"'));
    let body = match memory.read_matching(&key, range.unwrap_or(ReadRange::Full), if_match).await {
        Ok(body) => body,
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => return refused(412, "PreconditionFailed"),
        Err(_) => return refused(404, "NoSuchKey"),
    };
    let (size, served, etag) = (body.meta.size, body.range.clone(), body.meta.etag.clone().unwrap_or_default());
    if range.is_some() && body.is_empty() {
        // As OSS does: the standard answer only with the header that asks for it, else the whole object.
        if asked.headers.get("x-oss-range-behavior").is_some_and(|value| value == "standard") {
            return refused(416, "InvalidRange");
        }
        return Answer::new(200, memory.read_all(&key, u64::MAX).await.unwrap());
    }
    let mut answer = Answer::new(if range.is_some() { 206 } else { 200 }, body.read_all(u64::MAX).await.unwrap());
    answer.headers.push(("etag", format!("\"{etag}\"")));
    if range.is_some() {
        answer.headers.push(("content-range", format!("bytes {}-{}/{size}", served.start, served.end - 1)));
    }
    if asked.method == "HEAD" {
        answer.headers.push(("content-length", size.to_string()));
    }
    answer
}

async fn list(memory: &Memory, query: &BTreeMap<String, String>) -> Answer {
    assert_eq!(query.get("list-type").map(String::as_str), Some("2"));
    let delimiter = if query.contains_key("delimiter") { Delimiter::Slash } else { Delimiter::None };
    let token = query.get("continuation-token").cloned().map(PageToken);
    let prefix = query.get("prefix").map_or("", String::as_str);
    let page = memory.list(prefix, delimiter, token).await.unwrap();
    let escaped = |text: &str| utf8_percent_encode(text, &STRICT).to_string();
    let more = page.next.is_some();
    let mut text = format!(
        "<ListBucketResult><Prefix>{}</Prefix><EncodingType>url</EncodingType><IsTruncated>{more}</IsTruncated>",
        escaped(prefix)
    );
    for object in &page.objects {
        let _ = write!(
            text,
            "<Contents><Key>{}</Key><LastModified>2026-11-24T00:00:00.000Z</LastModified><ETag>\"{}\"</ETag>\
             <Size>{}</Size></Contents>",
            escaped(&object.key),
            object.etag.as_deref().unwrap_or_default(),
            object.size
        );
    }
    for prefix in &page.prefixes {
        let _ = write!(text, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escaped(prefix));
    }
    if let Some(PageToken(token)) = &page.next {
        let _ = write!(text, "<NextContinuationToken>{}</NextContinuationToken>", escaped(token));
    }
    Answer::new(200, text + "</ListBucketResult>")
}

#[async_trait]
impl Cloud for OssServer {
    fn config(&self, address: Option<&str>) -> StoreConfig {
        let address = address.map_or_else(|| self.address(), str::to_owned);
        StoreConfig::Oss(OssConfig {
            bucket: "ray".into(),
            region: "oss-cn-hangzhou".into(),
            endpoint: Some(format!("http://{address}")),
            addressing: OssAddressing::Path,
            internal: false,
            ca: None,
            credentials: Credentials::Static(Rotating::new(AccessKey {
                id: "testkey".into(),
                secret: Secret::new(SECRET),
                session_token: None,
            })),
        })
    }

    fn replaces_atomically(&self) -> bool {
        false
    }

    fn needs(&self) -> &'static str {
        "oss:PutObject and oss:AbortMultipartUpload"
    }

    async fn unfinished(&self) -> usize {
        self.uploads.count()
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.listening.port)
    }
}

#[async_trait]
impl Fill for OssServer {
    async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()> {
        self.memory.put(key, bytes);
        Ok(())
    }
}
