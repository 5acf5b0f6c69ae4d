//! Formats counts, ages and sizes.

use std::time::Duration;

/// Formats a count: `1 session`, `2 sessions`.
pub(super) fn count(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// Formats an age in the largest whole unit: `3 minutes ago`.
pub(super) fn ago(age: Duration) -> String {
    let seconds = age.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let unit = units.into_iter().find(|(length, _)| seconds >= *length);
    unit.map_or_else(|| "just now".to_owned(), |(length, one)| format!("{} ago", count(seconds / length, one)))
}

/// Formats a size: `1.5 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(length, _)| bytes >= *length);
    unit.map_or_else(|| count(bytes, "byte"), |(length, unit)| format!("{:.1} {unit}", bytes as f64 / length as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_the_largest_unit_that_fits() {
        let ages = [0, 1, 59, 60, 3_599, 7_200, 86_400, 864_000].map(|seconds| ago(Duration::from_secs(seconds)));
        let expected = ["just now", "1 second ago", "59 seconds ago", "1 minute ago", "59 minutes ago", "2 hours ago"];
        assert_eq!(ages[..6], expected);
        assert_eq!(ages[6..], ["1 day ago", "10 days ago"]);
        assert_eq!([1, 1023, 1536, 5 << 30].map(bytes), ["1 byte", "1023 bytes", "1.5 KiB", "5.0 GiB"]);
    }
}
