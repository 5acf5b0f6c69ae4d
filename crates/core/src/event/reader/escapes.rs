//! Escapes in JSON strings: decoding them, and removing the needless ones from a record.

use super::Reader;
use serde_json::Value;

/// Returns `true` if there is any escape.
pub(super) fn has_escapes(raw: &str) -> bool {
    memchr::memchr(b'\\', raw.as_bytes()).is_some()
}

/// Returns the record with only the escapes that JSON requires; `None` if it is not JSON.
pub fn without_needless_escapes(record: &str) -> Option<String> {
    let mut out = String::with_capacity(record.len());
    let mut rest = record;
    while let Some(start) = rest.find('"') {
        out.push_str(&rest[..start]);
        let mut string = Reader::new(rest.get(start..)?);
        let text = string.string().ok()?;
        out.push_str(&Value::from(text).to_string());
        rest = rest.get(start + string.at..)?;
    }
    out.push_str(rest);
    Some(out)
}

/// Decodes the escapes of a JSON string; lone surrogates become U+FFFD.
pub(super) fn unescape(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        let mut used = at + 2;
        out.push(match escape {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = hex4(rest.get(at + 2..at + 6)?)?;
                used = at + 6;
                let low = rest.get(at + 6..at + 12).filter(|next| next.starts_with("\\u")).and_then(|n| hex4(&n[2..]));
                match (high, low) {
                    (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
                        used = at + 12;
                        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?
                    }
                    _ => char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER),
                }
            }
            _ => return None,
        });
        rest = rest.get(used..)?;
    }
    out.push_str(rest);
    Some(out)
}

fn hex4(digits: &str) -> Option<u32> {
    u32::from_str_radix(digits, 16).ok()
}
