//! Times and lengths of time, in nanoseconds; as text, RFC 3339 in UTC.

use jiff::Timestamp;
use ray_history_core::base::time::Nanos;
use std::time::Duration;

/// A second.
pub const SECOND: Nanos = 1_000_000_000;
/// A minute.
pub const MINUTE: Nanos = 60 * SECOND;
/// An hour.
pub const HOUR: Nanos = 60 * MINUTE;
/// A day.
pub const DAY: Nanos = 24 * HOUR;

/// Returns a length of time as nanoseconds; the longest one if it is longer.
pub fn nanos(length: Duration) -> Nanos {
    Nanos::try_from(length.as_nanos()).unwrap_or(Nanos::MAX)
}

/// Returns a time as text.
pub fn text(time: Nanos) -> String {
    // Every 64-bit number of nanoseconds is a time between the years 1677 and 2262.
    Timestamp::from_nanosecond(i128::from(time)).unwrap_or_default().to_string()
}

/// Returns the date of a time in UTC, `2026-11-29`.
pub fn day(time: Nanos) -> String {
    text(time).chars().take(10).collect()
}

/// Returns a length of time in words, rounded down: `3 d`, `26 h`.
pub fn words(length: Nanos) -> String {
    match length {
        ..MINUTE => format!("{} s", length / SECOND),
        MINUTE..HOUR => format!("{} min", length / MINUTE),
        HOUR..172_800_000_000_000 => format!("{} h", length / HOUR),
        _ => format!("{} d", length / DAY),
    }
}

/// Times in documents.
pub(crate) mod rfc3339 {
    use ray_history_core::base::time::{Nanos, parse_rfc3339};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    fn parse(text: &str) -> Option<Nanos> {
        text.is_ascii().then(|| parse_rfc3339(text)).flatten()
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub(crate) fn serialize<S: Serializer>(time: &Nanos, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::text(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nanos, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom("a time is not one of RFC 3339"))
    }

    /// Times that may be absent.
    pub(crate) mod option {
        use super::{Deserialize, Deserializer, Error, Nanos, Serializer, parse};

        #[expect(clippy::ref_option, reason = "serde asks for a reference")]
        pub(crate) fn serialize<S: Serializer>(time: &Option<Nanos>, serializer: S) -> Result<S::Ok, S::Error> {
            match time {
                Some(time) => serializer.serialize_str(&crate::time::text(*time)),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Nanos>, D::Error> {
            let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
            parse(&text).map(Some).ok_or_else(|| D::Error::custom("a time is not one of RFC 3339"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_days_are_words() {
        for (length, expected) in
            [(59 * SECOND, "59 s"), (90 * MINUTE, "1 h"), (26 * HOUR, "26 h"), (49 * HOUR, "2 d"), (30 * DAY, "30 d")]
        {
            assert_eq!(words(length), expected);
        }
        assert_eq!(day(1_795_938_789 * SECOND), "2026-11-29");
        assert_eq!(nanos(Duration::MAX), Nanos::MAX);
    }
}
