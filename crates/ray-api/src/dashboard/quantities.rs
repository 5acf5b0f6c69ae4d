//! Amounts of resources from a snapshot's JSON maps, in which strings stand for numbers that JSON cannot represent.

use serde_json::Value;
use std::collections::BTreeMap;

/// Returns the amounts of a map. Values that are neither a number nor a string with one are left out.
pub(super) fn of(map: &str) -> BTreeMap<String, f64> {
    let map: BTreeMap<String, Value> = serde_json::from_str(map).unwrap_or_default();
    let amount = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    map.into_iter().filter_map(|(name, value)| Some((name, amount(&value)?))).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn skips_only_invalid_amounts() {
        let amounts = super::of(r#"{"CPU":2.0,"GPU":"Infinity","x":"many","y":null}"#);
        assert_eq!(amounts, [("CPU".to_owned(), 2.0), ("GPU".to_owned(), f64::INFINITY)].into());
        assert!(super::of("").is_empty());
    }
}
