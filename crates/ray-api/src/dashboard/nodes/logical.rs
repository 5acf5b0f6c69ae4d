//! A node's logical resources as text, one per line.
//!
//! Ray writes `used/total name` (`parse_usage` in `autoscaler/_private/util.py`). The usage at the end is in no event,
//! so only the totals are written: `2.0 CPU`, `22.84GiB memory`. As in Ray, lines are sorted by name, the automatic
//! `node:` resources are left out, and dead nodes have no text.

use crate::dashboard::quantities;

/// Returns the lines for a JSON map of resources.
pub(super) fn text(resources: &str) -> String {
    let amounts = quantities::of(resources);
    let lines = amounts.iter().filter(|(name, _)| !name.contains("node:")).map(|(name, &total)| {
        if matches!(name.as_str(), "memory" | "object_store_memory") {
            format!("{} {name}", memory(total))
        } else {
            format!("{total:?} {name}")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Formats bytes like Ray's `format_memory`: in the largest unit that fits, with two decimals.
fn memory(bytes: f64) -> String {
    const UNITS: [(&str, f64); 4] =
        [("TiB", 1_099_511_627_776.0), ("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)];
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{:.2}{unit}", bytes / size),
        None => format!("{bytes:.0}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_totals_as_ray_does() {
        let resources = r#"{"CPU":2.0,"memory":24528588288.0,"node:127.0.0.1":1.0,"node:__internal_head__":1.0,"object_store_memory":200000000.0,"w1":1.0}"#;
        assert_eq!(text(resources), "2.0 CPU\n22.84GiB memory\n190.73MiB object_store_memory\n1.0 w1");
        assert_eq!(text(""), "");
        assert_eq!(memory(0.0), "0B");
    }
}
