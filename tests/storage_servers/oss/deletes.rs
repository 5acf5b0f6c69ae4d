//! Batches of the OSS server. It reads XML as carelessly as servers may: it cuts off spaces around a key.

use super::super::http::{Answer, Asked};
use super::{STRICT, refused};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use percent_encoding::utf8_percent_encode;
use ray_history_storage::memory::Memory;
use std::fmt::Write;

/// Returns `true` for a key that nobody may delete.
pub(super) fn is_denied(key: &str) -> bool {
    key.contains("denied/")
}

pub(super) fn batch(memory: &Memory, asked: &Asked) -> Answer {
    if asked.header("content-md5") != BASE64_STANDARD.encode(Md5::digest(&asked.body)) {
        return refused(400, "InvalidDigest");
    }
    let text = String::from_utf8_lossy(&asked.body);
    let keys: Vec<String> = text
        .split("<Key>")
        .skip(1)
        .map(|part| part.split("</Key>").next().unwrap().trim())
        .map(|key| key.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
        .collect();
    let is_valid = |c: char| !c.is_control();
    if keys.len() > 1000 || text.len() > 2_000_000 || !text.chars().all(is_valid) || text.contains("Version") {
        return refused(400, "MalformedXML");
    }
    let mut told = "<DeleteResult><EncodingType>url</EncodingType>".to_owned();
    for key in keys {
        let name = utf8_percent_encode(&key, &STRICT);
        let _ = if is_denied(&key) {
            write!(told, "<Error><Key>{name}</Key><Code>AccessDenied</Code><Message>m</Message></Error>")
        } else {
            memory.remove(&key);
            write!(told, "<Deleted><Key>{name}</Key></Deleted>")
        };
    }
    Answer::new(200, told + "</DeleteResult>")
}
