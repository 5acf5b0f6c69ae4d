//! Names of worker logs: `worker-<worker>-<job>-<pid>.out`. The job part stays `ffffffff` for workers that were started
//! before they had one, so a file is known by its worker or its process, never by its job.

use super::Suffix;

/// Worker and process of a log name, as Ray's `WORKER_LOG_PATTERN` reads them; none for other files.
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

/// The first log of this output whose worker and process fit. Like Ray's glob it looks at one level only.
pub(super) fn find(files: &[String], suffix: Suffix, fits: impl Fn(&str, i64) -> bool) -> Option<&str> {
    let here = files.iter().map(String::as_str).filter(|path| !path.contains('/') && path.ends_with(suffix.name()));
    here.into_iter().find(|path| parse(path).is_some_and(|(worker, pid)| fits(worker, pid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worker_and_process_are_read_from_the_name() {
        for (name, want) in [
            ("worker-c5c9-ffffffff-10368.out", Some(("c5c9", 10368))),
            ("old/worker-c5c9-01000000-1.err", Some(("c5c9", 1))),
            ("python-core-worker-c5c9_10368.log", None),
            ("worker-c5c9-01000000-10368.out.1", None),
            ("worker-C5C9-01000000-10368.out", None),
            ("worker-c5c9-01000000-x.out", None),
            ("worker-", None),
        ] {
            assert_eq!(parse(name), want, "{name}");
        }
    }
}
