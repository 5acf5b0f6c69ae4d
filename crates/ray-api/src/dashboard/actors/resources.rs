//! Maps names of resources inside placement groups back to the names that the user requested.
//!
//! The rule is `parse_pg_formatted_resources_to_original` in `ray/_private/utils.py`: `CPU_group_0_<group>` and
//! `CPU_group_<group>` become `CPU`, and `bundle_group_…` is an implementation detail that is left out.

use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Returns the original resources of a JSON map, or the text itself if none belongs to a placement group.
pub(super) fn original(json: &str) -> Cow<'_, str> {
    if !json.contains(GROUP) {
        return Cow::Borrowed(json);
    }
    let map: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json).unwrap_or_default();
    let mut folded: BTreeMap<&str, &RawValue> = BTreeMap::new();
    for (name, value) in &map {
        match base(name) {
            Some("bundle") => {}
            Some(base) => drop(folded.insert(base, value)),
            None => drop(folded.insert(name, value)),
        }
    }
    Cow::Owned(serde_json::to_string(&folded).unwrap_or_default())
}

const GROUP: &str = "_group_";

/// Returns the name before `_group_<index>_<group>`, else before `_group_<group>`.
fn base(name: &str) -> Option<&str> {
    let starts_alphanumeric = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let indexed = |rest: &str| {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        digits.len() < rest.len() && digits.strip_prefix('_').is_some_and(starts_alphanumeric)
    };
    let before = |matches: &dyn Fn(&str) -> bool| {
        let mut candidates = name.rmatch_indices(GROUP);
        let found = candidates.find(|(at, word)| *at > 0 && matches(&name[at + word.len()..]))?;
        Some(&name[..found.0])
    };
    before(&indexed).or_else(|| before(&starts_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restores_names_inside_placement_groups() {
        for (json, expected) in [
            (
                r#"{"CPU_group_0_2d4b":0.5,"CPU_group_2d4b":0.5,"bundle_group_0_2d4b":0.001,"bundle_group_2d4b":0.001}"#,
                r#"{"CPU":0.5}"#,
            ),
            (r#"{"CPU":1.0,"my_group_":2.0}"#, r#"{"CPU":1.0,"my_group_":2.0}"#),
            (r#"{"a_group_b_group_1_ff":3.0}"#, r#"{"a_group_b":3.0}"#),
            (r#"{"CPU":1.0}"#, r#"{"CPU":1.0}"#),
            ("", ""),
        ] {
            assert_eq!(original(json), expected, "{json}");
        }
    }
}
