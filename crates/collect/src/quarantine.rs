//! The stored form of what no session can be given: JSONL, each line with the reason and the text.

use crate::category::Reason;
use serde::Serialize;

/// The name of the file, and the folder of the spool, for records that were set aside.
pub(crate) const FOLDER: &str = "quarantine";

/// The bytes of a record in one line. A longer record has several lines.
const LINE: usize = 256 << 10;

/// One line: a record, or a part of one.
#[derive(Serialize)]
struct Line<'a> {
    why: &'static str,
    /// The position of this part in the record.
    #[serde(skip_serializing_if = "is_zero")]
    from: usize,
    text: std::borrow::Cow<'a, str>,
    /// The bytes in hex, if they are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(from: &usize) -> bool {
    *from == 0
}

/// Appends the lines of a record.
pub(crate) fn write(reason: Reason, record: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for part in pieces(record) {
        let text = String::from_utf8_lossy(part);
        let hex = matches!(text, std::borrow::Cow::Owned(_)).then(|| hex(part));
        // Its members are texts and numbers, so nothing can fail.
        out.extend(serde_json::to_vec(&Line { why: reason.as_str(), from, text, hex }).unwrap_or_default());
        out.push(b'\n');
        from += part.len();
    }
}

/// Cuts a record into parts of about `LINE` bytes, between characters where there are any; at least one part.
fn pieces(record: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(record);
    std::iter::from_fn(move || {
        let record = rest.take()?;
        if record.len() <= LINE {
            return Some(record);
        }
        // A character has at most three continuation bytes.
        let boundary = (LINE - 3..=LINE).rev().find(|at| record.get(*at).is_some_and(|byte| byte & 0xc0 != 0x80));
        let (part, after) = record.split_at(boundary.unwrap_or(LINE));
        rest = Some(after);
        Some(part)
    })
}

fn hex(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(2 * bytes.len());
    ray_history_core::base::id::push_hex(&mut out, bytes);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(record: &[u8]) -> Vec<serde_json::Value> {
        let mut out = Vec::new();
        write(Reason::NoObject, record, &mut out);
        out.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    #[test]
    fn a_record_is_kept_byte_for_byte() {
        assert_eq!(lines(b"a\n\"b"), [serde_json::json!({"why": "no JSON object", "text": "a\n\"b"})]);
        assert_eq!(lines(b""), [serde_json::json!({"why": "no JSON object", "text": ""})]);
        assert_eq!(lines(b"\xff\x00")[0]["hex"], "ff00");
        let long = "aé€😀".repeat(100_000);
        let lines = lines(long.as_bytes());
        assert!(lines.len() > 3);
        let text: String = lines.iter().map(|line| line["text"].as_str().unwrap()).collect();
        assert!(text == long && lines.iter().all(|line| line.get("hex").is_none()));
        assert_eq!(lines[1]["from"].as_u64().unwrap() as usize, lines[0]["text"].as_str().unwrap().len());
    }
}
