//! Writes to the OSS server: objects, uploads in parts, deletions.

use super::super::http::{Answer, Asked};
use super::{deletes, refused};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use ray_history_storage::memory::Memory;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Uploads in parts that are under way, by their ids.
#[derive(Default)]
pub(crate) struct Uploads {
    begun: Mutex<BTreeMap<String, BTreeMap<u32, Bytes>>>,
}

impl Uploads {
    /// Returns how many uploads are under way.
    pub(crate) fn count(&self) -> usize {
        self.begun.lock().unwrap().len()
    }

    /// Answers a write; `None` if the request reads.
    pub(crate) fn write(&self, memory: &Memory, asked: &Asked) -> Option<Answer> {
        if ["GET", "HEAD"].contains(&asked.method.as_str()) {
            return None;
        }
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        let Some(key) = path.strip_prefix("/ray/") else { return Some(refused(404, "NoSuchBucket")) };
        let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
        assert!(!asked.headers.contains_key("content-encoding"), "{key}");
        let query: BTreeMap<&str, &str> =
            query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
        if query.contains_key("delete") {
            return Some(deletes::batch(memory, asked));
        }
        if deletes::is_denied(&key) && asked.method == "DELETE" {
            return Some(refused(403, "AccessDenied"));
        }
        let upload = query.get("uploadId").map(|id| (*id).to_owned());
        Some(match (asked.method.as_str(), upload) {
            ("POST", None) if query.contains_key("uploads") => self.begin(),
            ("PUT", Some(id)) => self.part(&id, query["partNumber"].parse().unwrap(), asked.body.clone()),
            ("POST", Some(id)) => self.complete(memory, &id, &key, &String::from_utf8_lossy(&asked.body)),
            ("DELETE", Some(id)) => {
                let is_known = self.begun.lock().unwrap().remove(&id).is_some();
                if is_known { Answer::new(204, "") } else { refused(404, "NoSuchUpload") }
            }
            ("PUT", None) if asked.header("x-oss-forbid-overwrite") == "true" => {
                let is_absent = memory.put_absent(&key, asked.body.clone());
                if is_absent { Answer::new(200, "") } else { refused(409, "FileAlreadyExists") }
            }
            ("PUT", None) => {
                memory.put(key, asked.body.clone());
                Answer::new(200, "")
            }
            ("DELETE", None) => {
                memory.remove(&key);
                Answer::new(204, "")
            }
            _ => refused(400, "InvalidArgument"),
        })
    }

    fn begin(&self) -> Answer {
        let mut begun = self.begun.lock().unwrap();
        let id = format!("0004B9894A22E5B1888A{}", begun.len());
        begun.insert(id.clone(), BTreeMap::new());
        let text = format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>");
        Answer::new(200, text)
    }

    fn part(&self, id: &str, number: u32, bytes: Bytes) -> Answer {
        let mut begun = self.begun.lock().unwrap();
        let Some(parts) = begun.get_mut(id) else { return refused(404, "NoSuchUpload") };
        let mut answer = Answer::new(200, "");
        answer.headers.push(("etag", etag(number, &bytes)));
        parts.insert(number, bytes);
        answer
    }

    /// Joins the parts that the request lists, in its order, each with its tag.
    fn complete(&self, memory: &Memory, id: &str, key: &str, list: &str) -> Answer {
        let Some(parts) = self.begun.lock().unwrap().remove(id) else { return refused(404, "NoSuchUpload") };
        let mut whole = Vec::new();
        for (number, bytes) in &parts {
            let tag = etag(*number, bytes).replace('"', "&quot;");
            let part = format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
            let plain = part.replace("&quot;", "\"");
            if !list.contains(&part) && !list.contains(&plain) {
                return refused(400, "InvalidPart");
            }
            whole.extend_from_slice(bytes);
        }
        memory.put(key, whole);
        Answer::new(200, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")
    }
}

fn etag(number: u32, bytes: &Bytes) -> String {
    format!("\"{number:X}-{:X}\"", bytes.len())
}
