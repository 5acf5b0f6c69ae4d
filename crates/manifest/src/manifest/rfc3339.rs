//! Times as texts of RFC 3339 in UTC; "never" is `null`.

use jiff::Timestamp;
use ray_history_core::base::time::{Nanos, parse_rfc3339};
use serde::{Deserialize, Deserializer, Serializer, de::Error};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn serialize<S: Serializer>(time: &Nanos, serializer: S) -> Result<S::Ok, S::Error> {
    match Timestamp::from_nanosecond(i128::from(*time)) {
        Ok(text) if *time != 0 => serializer.collect_str(&text),
        _ => serializer.serialize_none(),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nanos, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        None => Ok(0),
        Some(text) => parse_rfc3339(&text).ok_or_else(|| Error::custom("a time is not one of RFC 3339")),
    }
}
