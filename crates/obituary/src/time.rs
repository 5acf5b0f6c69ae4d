//! A time, as documents write it: a text of RFC 3339 in UTC.

use jiff::Timestamp;
use ray_history_core::base::time::{Nanos, parse_rfc3339};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;

/// Nanoseconds of a second.
const SECOND: Nanos = 1_000_000_000;

/// Nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Nanos);

impl Time {
    /// Parses an RFC 3339 time.
    pub fn parse(text: &str) -> Option<Self> {
        text.is_ascii().then(|| parse_rfc3339(text).map(Self)).flatten()
    }

    /// Returns the time so many seconds later (earlier, if negative).
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(SECOND)))
    }

    /// Returns the whole seconds since an earlier time; negative if that is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).div_euclid(SECOND)
    }

    /// Returns the whole seconds since 1970, as most objects tell a time.
    pub fn second(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// Returns the milliseconds since 1970.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns the date in UTC, `2026-11-29`.
    pub fn day(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // All 64-bit numbers of nanoseconds are within the range of timestamps.
        Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or_default().fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a time is not one of RFC 3339"))
    }
}

/// Returns a span as people say it: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let two = |large: i64, a: &str, small: i64, b: &str| {
        if small == 0 { format!("{large} {a}") } else { format!("{large} {a} {small} {b}") }
    };
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_wire() {
        let time = Time::parse("2026-11-29T07:53:09.674838Z").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-11-29T07:53:09.674838Z\"");
        assert_eq!(serde_json::from_str::<Time>("\"2026-11-29T08:53:09.674838+01:00\"").unwrap(), time);
        assert!(serde_json::from_str::<Time>("\"now\"").is_err());
        assert_eq!((time.day(), time.plus(60).since(time)), ("2026-11-29".to_owned(), 60));
        for odd in ["", "2026-11-29T07:53:09é", "éééééééééééééé", "9999-12-31T23:59:59Z"] {
            let _ = Time::parse(odd);
        }
        assert!(Time(i64::MAX).to_string().starts_with("2262"));
    }

    #[test]
    fn spans_are_said_in_two_units_at_most() {
        let said: Vec<String> = [45, 720, 11_100, 180_000, -3].into_iter().map(span).collect();
        assert_eq!(said, ["45 s", "12 min", "3 h 5 min", "2 d 2 h", "0 s"]);
    }
}
