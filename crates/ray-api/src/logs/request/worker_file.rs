//! Names of worker logs: `worker-<worker>-<job>-<pid>.out`. The job part stays `ffffffff` for workers that were
//! started before they had a job, so a file is identified by its worker or process, never by its job.

use super::Suffix;

/// Parses worker and process from a log's name like Ray's `WORKER_LOG_PATTERN`; returns `None` for other files.
pub(super) fn parse(path: &str) -> Option<(&str, i64)> {
    path.rmatch_indices("worker-").find_map(|(at, word)| parse_ids(&path[at + word.len()..]))
}

fn parse_ids(text: &str) -> Option<(&str, i64)> {
    let (worker, rest) = text.split_once('-')?;
    let (job, rest) = rest.split_once('-')?;
    let (pid, suffix) = rest.split_once('.')?;
    let hex = |id: &str| !id.is_empty() && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let digits = pid.bytes().all(|b| b.is_ascii_digit());
    (hex(worker) && hex(job) && digits && matches!(suffix, "out" | "err")).then_some(())?;
    Some((worker, pid.parse().ok()?))
}

/// Returns the first log of an output for which `matches` is `true`. Like Ray's glob it searches one level only.
pub(super) fn find(files: &[String], suffix: Suffix, matches: impl Fn(&str, i64) -> bool) -> Option<&str> {
    let logs = files.iter().map(String::as_str).filter(|path| !path.contains('/') && path.ends_with(suffix.name()));
    logs.into_iter().find(|path| parse(path).is_some_and(|(worker, pid)| matches(worker, pid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_worker_and_process() {
        for (name, expected) in [
            ("worker-c5c9-ffffffff-10368.out", Some(("c5c9", 10368))),
            ("old/worker-c5c9-01000000-1.err", Some(("c5c9", 1))),
            ("python-core-worker-c5c9_10368.log", None),
            ("worker-c5c9-01000000-10368.out.1", None),
            ("worker-C5C9-01000000-10368.out", None),
            ("worker-c5c9-01000000-x.out", None),
            ("worker-", None),
        ] {
            assert_eq!(parse(name), expected, "{name}");
        }
    }
}
