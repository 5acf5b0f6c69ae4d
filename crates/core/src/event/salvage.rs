//! Splits a damaged line into possible records: a torn write leaves half a record, and the next one follows on its
//! line.
//!
//! Also splits lines that lost the line end between them. A record begins where an object has one of the envelope's own
//! keys first; inside strings its quotes would be escaped, and payloads have none of these keys.

use memchr::memmem;

/// First keys of an event, as Ray and the collectors write them.
const FIRST_KEYS: [&str; 6] = ["eventId", "event_id", "eventType", "event_type", "sourceType", "source_type"];

/// Splits a line into pieces, each a possible record; one piece if no record begins inside the line.
pub fn pieces(line: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = memmem::find_iter(line.as_bytes(), "{\"")
        .filter(|&at| {
            FIRST_KEYS.iter().any(|key| line[at + 2..].strip_prefix(key).is_some_and(|rest| rest.starts_with('"')))
        })
        .collect();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    let ends = starts.iter().copied().skip(1).chain([line.len()]);
    starts.iter().zip(ends).filter_map(|(&start, end)| line.get(start..end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_line_where_records_begin() {
        let whole = r#"{"eventId":"a","message":"{\"eventId\"","taskLifecycleEvent":{"nodeId":""}}"#;
        assert_eq!(pieces(whole), [whole]);
        let torn = format!(r#"{{"eventId":"x","taskLifec{whole}{whole}"#);
        assert_eq!(pieces(&torn), [r#"{"eventId":"x","taskLifec"#, whole, whole]);
        assert_eq!(pieces("garbage"), ["garbage"]);
        assert_eq!(pieces(&format!("half\"}}{whole}")), ["half\"}", whole]);
        assert_eq!(pieces(""), [""]);
    }
}
