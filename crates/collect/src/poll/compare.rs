//! Compares answers of the dashboard, leaving out what changes at every look: times, usage, progress, the health of
//! Serve's controller.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Members that change without anything having happened. In alphabetical order.
const VOLATILE: [&str; 46] = [
    "cgroupMem",
    "controller_health_metrics",
    "controller_info",
    "cpu",
    "cpuPercent",
    "cpuTimes",
    "cumulativeCreatedBytes",
    "cumulativeCreatedObjects",
    "disk",
    "diskIo",
    "diskIoSpeed",
    "gpuMemoryUsage",
    "hostMem",
    "idleDurationMs",
    "last_heartbeat",
    "lastHeartbeat",
    "loadAvg",
    "mem",
    "memory",
    "memoryFullInfo",
    "memoryInfo",
    "memoryUsed",
    "network",
    "networkSpeed",
    "nodeActivity",
    "now",
    "numFds",
    "numInPlasma",
    "numLocalObjects",
    "numObjectRefsInScope",
    "objectStoreAvailableMemory",
    "objectStoreBytesAvail",
    "objectStoreBytesUsed",
    "objectStoreUsedMemory",
    "powerMw",
    "processesPids",
    "processGpuUsage",
    "processGPUUsage",
    "progress",
    "shm",
    "storeStats",
    "temperatureC",
    "uptime",
    "usedObjectStoreMemory",
    "utilizationGpu",
    "value",
];

/// Returns a hash of an answer's JSON without its volatile members; of other answers, of all bytes.
pub(super) fn hash(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = Hashed(&mut hasher).deserialize(&mut reader).and_then(|()| reader.end());
    if read.is_ok() { hasher.finish() } else { hash_of_bytes(body) }
}

/// Returns a hash of all bytes.
pub(super) fn hash_of_bytes(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

/// Returns `true` if an answer has no content: an empty list or object in its innermost place.
pub(super) fn is_empty(body: &[u8], member: &str) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else { return true };
    match value.get(member).unwrap_or(&value) {
        serde_json::Value::Array(items) => items.is_empty(),
        serde_json::Value::Object(members) => members.is_empty(),
        value => value.is_null(),
    }
}

/// Hashes a value while it is read, so that nothing is held but its path.
struct Hashed<'a>(&'a mut DefaultHasher);

impl<'de> DeserializeSeed<'de> for Hashed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl Hashed<'_> {
    fn put<E>(self, value: impl Hash) -> Result<(), E> {
        value.hash(self.0);
        Ok(())
    }
}

impl<'de> Visitor<'de> for Hashed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.put(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.put(value.to_bits())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.put(value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Hashed(self.0))?.is_some() {}
        "]".hash(self.0);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Cow<'_, str>>()? {
            if VOLATILE.contains(&&*name) {
                members.next_value::<IgnoredAny>()?;
            } else {
                name.hash(self.0);
                members.next_value_seed(Hashed(self.0))?;
            }
        }
        "}".hash(self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volatile_members_do_not_count() {
        let of = |text: &str| hash(text.as_bytes());
        let node = of(r#"{"data": [{"now": 1.5, "cpu": 3, "raylet": {"nodeId": "a", "storeStats": {"x": 1}}}]}"#);
        assert_eq!(node, of(r#"{"data":[{"now":2,"raylet":{"nodeId":"a","storeStats":{}},"cpu":99.5}]}"#));
        assert_ne!(node, of(r#"{"data":[{"raylet":{"nodeId":"b"}}]}"#));
        assert_ne!(of(r#"[["a"],"b"]"#), of(r#"[["a","b"]]"#));
        assert_ne!(of(r#"{"a":{"b":1}}"#), of(r#"{"a":{},"b":1}"#));
        for other in ["", "OK", "{\"a\":1} x", "{\"a\":"] {
            assert_eq!(of(other), of(other));
            assert_ne!(of(other), of(&format!("{other}!")));
        }
    }

    #[test]
    fn the_list_is_in_order() {
        assert!(VOLATILE.is_sorted_by_key(|name| name.to_lowercase()) && VOLATILE.contains(&"progress"));
    }

    #[test]
    fn answers_without_content_are_known() {
        assert!(is_empty(br#"{"applications": {}, "proxies": {"a": 1}}"#, "applications"));
        assert!(!is_empty(br#"{"applications": {"a": {}}}"#, "applications"));
        assert!(is_empty(br#"{"datasets": []}"#, "datasets") && is_empty(b"oops", "datasets"));
    }
}
