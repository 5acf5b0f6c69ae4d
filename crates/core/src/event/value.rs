//! Readers of the values of proto-JSON, as the fields of a `message!` name them: ids in base64, times in RFC 3339, maps
//! as JSON text; and readers made from others, for lists and for values that may be absent.

use super::reader::{Reader, Result};
use crate::base::id::RayId;
use crate::base::time::{Nanos, parse_rfc3339};
use serde_json::Value;
use std::borrow::Cow;

/// Reads an id: base64 of either alphabet, or hex as some collectors wrote it; `None` if empty or of another length.
pub fn id<const N: usize>(r: &mut Reader<'_>) -> Result<Option<RayId<N>>> {
    Ok(parse_id(r.plain()?))
}

/// Parses an id: base64 of either alphabet, padded or not, or exactly `2 * N` hex digits.
pub fn parse_id<const N: usize>(text: &str) -> Option<RayId<N>> {
    let text = text.as_bytes();
    if text.len() == 2 * N
        && let Some(id) = std::str::from_utf8(text).ok().and_then(RayId::from_hex)
    {
        return Some(id);
    }
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    if digits.len() != (N * 8).div_ceil(6) {
        return None;
    }
    let mut out = [0u8; N];
    let (mut bits, mut held, mut at) = (0u32, 0u32, 0);
    for &digit in digits {
        let value = BASE64[usize::from(digit)];
        if value == INVALID {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            *out.get_mut(at)? = (bits >> held & 0xff) as u8;
            at += 1;
        }
    }
    Some(RayId(out))
}

const INVALID: u8 = 0xff;

/// Digit values of both base64 alphabets.
const BASE64: [u8; 256] = {
    let mut table = [INVALID; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = 0;
    while at < 64 {
        table[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

/// Reads a time; zero if it is missing or invalid.
pub fn time(r: &mut Reader<'_>) -> Result<Nanos> {
    Ok(parse_rfc3339(r.plain()?).unwrap_or(0))
}

/// Reads a `map<string, double>` or `map<string, string>` as its JSON text; `{}` and null are empty.
pub fn map<'a>(r: &mut Reader<'a>) -> Result<&'a str> {
    let raw = r.skip()?;
    Ok(if raw == "{}" || raw == "null" { "" } else { raw })
}

/// Reads a `map<string, string>` as its entries, in order.
pub fn entries<'a>(r: &mut Reader<'a>) -> Result<Vec<(Cow<'a, str>, Cow<'a, str>)>> {
    let mut entries = Vec::new();
    r.object(|r, key| {
        entries.push((r.text_of(key)?, r.string()?));
        Ok(())
    })?;
    Ok(entries)
}

/// Reads a string; see `Reader::string`.
pub fn string<'a>(r: &mut Reader<'a>) -> Result<Cow<'a, str>> {
    r.string()
}

/// Reads a string without escapes, such as the name of an enum's value; see `Reader::plain`.
pub fn plain<'a>(r: &mut Reader<'a>) -> Result<&'a str> {
    r.plain()
}

/// Reads an integer; see `Reader::int`.
pub fn int(r: &mut Reader<'_>) -> Result<i64> {
    r.int()
}

/// Reads an unsigned integer; null and invalid values are 0.
pub fn unsigned(r: &mut Reader<'_>) -> Result<u64> {
    Ok(r.plain()?.parse().unwrap_or(0))
}

/// Reads a number; see `Reader::float`.
pub fn float(r: &mut Reader<'_>) -> Result<f64> {
    r.float()
}

/// Reads a boolean; see `Reader::bool`.
pub fn bool(r: &mut Reader<'_>) -> Result<bool> {
    r.bool()
}

/// Returns a reader of the name of an enum's value, which `parse` turns into the value.
pub fn variant<'a, T>(parse: impl Fn(&str) -> T) -> impl Fn(&mut Reader<'a>) -> Result<T> {
    move |r| Ok(parse(r.plain()?))
}

/// Returns a reader of a value that may be null; null is `None`.
pub fn optional<'a, T>(read: impl Fn(&mut Reader<'a>) -> Result<T>) -> impl Fn(&mut Reader<'a>) -> Result<Option<T>> {
    move |r| if r.is_null() { r.skip().map(|_| None) } else { read(r).map(Some) }
}

/// Returns a reader of an array.
pub fn list<'a, T>(item: impl Fn(&mut Reader<'a>) -> Result<T>) -> impl Fn(&mut Reader<'a>) -> Result<Vec<T>> {
    move |r| {
        let mut items = Vec::new();
        r.array(|r| {
            items.push(item(r)?);
            Ok(())
        })?;
        Ok(items)
    }
}

/// Returns a reader of an array of transitions. Those for which `item` returns `None`, because a later Ray added their
/// state, are left out and counted by `Reader::unknown_state`.
pub fn known<'a, T>(item: impl Fn(&mut Reader<'a>) -> Result<Option<T>>) -> impl Fn(&mut Reader<'a>) -> Result<Vec<T>> {
    move |r| {
        let mut items = Vec::new();
        r.array(|r| {
            match item(r)? {
                Some(item) => items.push(item),
                None => r.unknown_state(),
            }
            Ok(())
        })?;
        Ok(items)
    }
}

/// Returns a `map<string, double>` with sorted keys and numbers as Ray prints them: `{"CPU":1.0}`.
pub fn canonical_numbers(raw: &str) -> String {
    canonical(raw, |r| {
        let number = r.float()?;
        Ok(if number.is_finite() { ryu::Buffer::new().format_finite(number).to_owned() } else { non_finite(number) })
    })
}

/// Returns a number that JSON cannot express as the string that proto-JSON, and so Ray's API, has for it.
fn non_finite(number: f64) -> String {
    if number.is_nan() {
        "\"NaN\"".to_owned()
    } else {
        if number > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }.to_owned()
    }
}

/// Returns a `map<string, string>` with sorted keys.
pub fn canonical_strings(raw: &str) -> String {
    canonical(raw, |r| Ok(serde_json::to_string(&*r.string()?).unwrap_or_default()))
}

/// Returns an object with sorted keys; an empty string if `raw` is not an object.
fn canonical(raw: &str, value: impl Fn(&mut Reader<'_>) -> Result<String>) -> String {
    let mut entries: Vec<(Cow<'_, str>, String)> = Vec::new();
    let read = Reader::new(raw).object(|r, key| {
        entries.push((r.text_of(key)?, value(r)?));
        Ok(())
    });
    if read.is_err() || entries.is_empty() {
        return String::new();
    }
    entries.sort_unstable();
    let members: Vec<String> = entries.iter().map(|(key, value)| format!("{}:{value}", Value::from(&**key))).collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::JobId;
    use base64::Engine;
    use proptest::prelude::*;

    #[test]
    fn parses_hex_and_base64_job_ids() {
        for (text, hex) in [("AQAAAA==", "01000000"), ("AQAAAA", "01000000"), ("01000000", "01000000")] {
            assert_eq!(parse_id::<4>(text), JobId::from_hex(hex), "{text}");
        }
        for bad in ["", "AQ==", "AQAAAAA=", "?QAAAA==", "0100000g"] {
            assert_eq!(parse_id::<4>(bad), None, "{bad}");
        }
    }

    #[test]
    fn maps_become_sorted_json_with_ray_numbers() {
        assert_eq!(canonical_numbers(r#"{"b": 1, "a": 0.5}"#), r#"{"a":0.5,"b":1.0}"#);
        assert_eq!(canonical_strings(r#"{"k":"in(\"x\")"}"#), r#"{"k":"in(\"x\")"}"#);
        assert_eq!(canonical_numbers("[broken"), "");
        assert_eq!(
            canonical_numbers(r#"{"a":"NaN","b":1e400,"c":"-Infinity","d":"Infinity"}"#),
            r#"{"a":"NaN","b":"Infinity","c":"-Infinity","d":"Infinity"}"#
        );
        assert_eq!(canonical_strings(r#"{"\u56e2":"\u961f","a\"":"b"}"#), r#"{"a\"":"b","团":"队"}"#);
    }

    proptest! {
        #[test]
        fn parses_every_base64_spelling(bytes in any::<[u8; 28]>()) {
            use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
            prop_assert_eq!(parse_id(&BASE64_STANDARD.encode(bytes)), Some(RayId(bytes)));
            prop_assert_eq!(parse_id(&BASE64_URL_SAFE_NO_PAD.encode(bytes)), Some(RayId(bytes)));
        }

        #[test]
        fn parsing_an_id_never_panics(text in ".*") {
            let _ = parse_id::<18>(&text);
        }
    }
}
