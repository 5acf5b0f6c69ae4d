//! Numbers and names of a comparison in words, the same on pages and in the output of commands.

use super::{FunctionChange, NodeChange, Total};
use std::collections::BTreeMap;

/// Names of sums, and the words for them.
const SUMS: [(&str, &str); 17] = [
    ("durationSeconds", "Duration"),
    ("jobs", "Jobs"),
    ("failedJobs", "Failed jobs"),
    ("tasks", "Tasks"),
    ("attempts", "Attempts"),
    ("failedAttempts", "Failed attempts"),
    ("retriedAttempts", "Retries"),
    ("unfinishedAttempts", "Attempts without an end"),
    ("runSeconds", "Run time of all attempts"),
    ("waitSeconds", "Waiting time of all attempts"),
    ("cpuHoursAsked", "CPU hours asked for"),
    ("gpuHoursAsked", "GPU hours asked for"),
    ("nodes", "Nodes"),
    ("lostNodes", "Nodes lost"),
    ("nodeHours", "Node hours"),
    ("cpuHoursOfNodes", "CPU hours of nodes"),
    ("gpuHoursOfNodes", "GPU hours of nodes"),
];

/// Returns a time in words, such as `1.5 s` or `2.1 h`.
pub fn seconds(seconds: f64) -> String {
    let (long, sign) = (seconds.abs(), if seconds < 0.0 { "-" } else { "" });
    match long {
        0.0 => "0 s".to_owned(),
        ..0.001 => format!("{sign}{:.0} µs", long * 1e6),
        ..1.0 => format!("{sign}{:.0} ms", long * 1e3),
        ..120.0 => format!("{sign}{} s", number((long * 10.0).round() / 10.0)),
        ..7_200.0 => format!("{sign}{:.1} min", long / 60.0),
        _ => format!("{sign}{:.1} h", long / 3_600.0),
    }
}

/// Returns a number without digits that are worth nothing.
pub fn number(number: f64) -> String {
    let shown = format!("{number:.2}");
    shown.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns a difference with its sign.
pub fn signed(difference: f64, words: fn(f64) -> String) -> String {
    let sign = if difference > 0.0 { "+" } else { "" };
    format!("{sign}{}", words(difference))
}

/// Returns the ratio of two numbers, such as `×1.5`; nothing if there is none.
pub fn ratio(a: Option<f64>, b: Option<f64>) -> String {
    match (a, b) {
        (None, Some(_)) => "new".to_owned(),
        (Some(_), None) => "gone".to_owned(),
        (Some(a), Some(b)) if a > 0.0 => format!("×{}", number(b / a)),
        _ => String::new(),
    }
}

fn shown_as(name: &str) -> fn(f64) -> String {
    if name.ends_with("Seconds") { seconds } else { number }
}

impl Total {
    /// Returns the words for its name.
    pub fn label(&self) -> &str {
        SUMS.iter().find(|(name, _)| *name == &*self.name).map_or(&self.name, |(_, words)| words)
    }

    /// Returns the words for its numbers.
    pub fn words(&self) -> fn(f64) -> String {
        shown_as(&self.name)
    }
}

impl FunctionChange {
    /// Returns the words for its numbers.
    pub fn words(&self) -> fn(f64) -> String {
        shown_as(&self.what)
    }

    /// Returns the words for the quantile, if it is one.
    pub fn quantile(&self) -> Option<&'static str> {
        match &*self.what {
            "p50Seconds" => Some("median"),
            "p99Seconds" => Some("99 of 100"),
            _ => None,
        }
    }
}

impl NodeChange {
    /// Returns what the nodes have in common, such as `head, m5.large: CPU 4, memory 8; zone=a`.
    pub fn kind(&self) -> String {
        let role = if self.is_head { "head" } else { "worker" };
        let name: Vec<&str> = [role, &*self.instance_type].into_iter().filter(|part| !part.is_empty()).collect();
        let resources = joined(&self.resources, |name, amount| match name {
            "memory" => format!("memory {} GiB", number(*amount)),
            _ => format!("{name} {}", number(*amount)),
        });
        let labels = joined(&self.labels, |name, value| format!("{name}={value}"));
        let parts: Vec<String> = [resources, labels].into_iter().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { name.join(", ") } else { format!("{}: {}", name.join(", "), parts.join("; ")) }
    }
}

fn joined<V>(map: &BTreeMap<Box<str>, V>, words: impl Fn(&str, &V) -> String) -> String {
    map.iter().map(|(name, value)| words(name, value)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::diff::Diff;
    use crate::snapshot::digest::Digest;

    #[test]
    fn times_have_a_unit_that_fits() {
        for (given, expected) in [
            (0.0, "0 s"),
            (0.000_25, "250 µs"),
            (0.25, "250 ms"),
            (1.0, "1 s"),
            (-99.95, "-100 s"),
            (600.0, "10.0 min"),
            (36_000.0, "10.0 h"),
        ] {
            assert_eq!(seconds(given), expected);
        }
        assert_eq!([signed(2.5, number), signed(-60.0, seconds), signed(0.0, number)], ["+2.5", "-60 s", "0"]);
        assert_eq!(
            [ratio(Some(2.0), Some(3.0)), ratio(None, Some(1.0)), ratio(Some(0.0), Some(1.0))],
            ["×1.5", "new", ""]
        );
    }

    #[test]
    fn every_sum_has_words() {
        let diff = Diff::of(&Digest::default(), &Digest::default());
        assert_eq!(diff.totals.len(), SUMS.len());
        assert!(diff.totals.iter().all(|total| total.label() != &*total.name));
    }

    #[test]
    fn kinds_of_nodes_are_told() {
        let change = NodeChange {
            is_head: true,
            instance_type: "m5".into(),
            resources: [("CPU".into(), 4.0), ("memory".into(), 7.5)].into(),
            labels: [("zone".into(), "a".into())].into(),
            ..NodeChange::default()
        };
        assert_eq!(change.kind(), "head, m5: CPU 4, memory 7.5 GiB; zone=a");
        assert_eq!(NodeChange::default().kind(), "worker");
    }
}
