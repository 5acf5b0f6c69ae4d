//! The memory limit of this process's container, as the kernel reports it. Read once, at start, for `settings`.

use std::fs;

/// Files that contain the limit: cgroup v2, then v1.
const FILES: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// Returns the limit in bytes; `None` if there is none.
pub fn memory_limit() -> Option<u64> {
    FILES.iter().find_map(|file| limit(&fs::read_to_string(file).ok()?))
}

/// Parses the kernel's text: `max`, or v1's number near `i64::MAX`, means no limit.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < 1 << 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_none() {
        assert_eq!(limit("536870912\n"), Some(512 << 20));
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("9223372036854771712\n"), None);
    }
}
