//! `logs/job-driver-<submission id>.log`: the output of a driver. Its head contains the entrypoint; a failed job's
//! message quotes its tail.
//!
//! The job agent writes `Runtime env is setting up.`, the supervisor `Running entrypoint for job X: COMMAND`, then the
//! driver its output (`dashboard/modules/job/{job_manager,job_supervisor}.py`). The two may run on different nodes, so
//! one submission may have two files. Only both ends of a long file are read (`HEAD`, `TAIL`).

use super::line::records;
use std::collections::BTreeMap;

/// The longest submission id in bytes, as it is part of a file name.
const MAX_ID: usize = 240;

/// Returns the path of a submission's driver log, relative to a node's `logs` folder; `None` for an id that cannot be
/// part of a path. Users choose ids, which may contain slashes; the log then lies in a folder.
pub fn path_of(submission: &str) -> Option<String> {
    let invalid = submission.len() > MAX_ID || submission.contains('\0');
    let name = format!("job-driver-{submission}.log");
    let is_path = !submission.is_empty() && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (is_path && !invalid).then_some(name)
}

/// Bytes of the head that are wanted: the first lines.
pub(super) const HEAD: u64 = 16 * 1024;
/// Bytes of the tail that are wanted: Ray quotes at most 20,000 characters.
pub(super) const TAIL: u64 = 4 * MAX_CHARS as u64;
/// `MAX_LOG_SIZE` of Ray's `job_log_storage_client.py`.
const MAX_CHARS: usize = 20_000;
/// `NUM_LOG_LINES_ON_ERROR` of Ray's `job_log_storage_client.py`.
const MAX_LINES: usize = 10;

/// The facts of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct DriverLog {
    /// Bytes read: of two readings of a file that grew, the longer one counts.
    size: usize,
    /// The command; only its first line if it has several.
    pub entrypoint: Option<Box<str>>,
    /// Local time of `Runtime env is setting up.`, in milliseconds as if it were UTC.
    pub accepted_local_ms: Option<i64>,
    /// `'ERROR'. Full traceback: …` of a supervisor that could not be started.
    pub not_started: Option<Box<str>>,
    /// Its last ten lines, cut to the last 20,000 characters.
    pub last_lines: Box<str>,
}

/// The facts of all files, by submission and node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriverLogs {
    files: BTreeMap<(Box<str>, Box<str>), DriverLog>,
}

impl DriverLogs {
    /// Reads one file, or its head and tail.
    pub(super) fn read(&mut self, submission: &str, node: &str, bytes: &[u8]) {
        let head = bytes.get(..HEAD as usize).unwrap_or(bytes);
        let head = String::from_utf8_lossy(head);
        let running = format!("Running entrypoint for job {submission}: ");
        let entrypoint = head.lines().find_map(|line| line.strip_prefix(running.as_str())).map(Into::into);
        let not_started = format!("Failed to start supervisor actor for job {submission}: ");
        let mut found = DriverLog { size: bytes.len(), entrypoint, ..DriverLog::default() };
        for record in records(&head) {
            if record.message.starts_with("Runtime env is setting up.") {
                found.accepted_local_ms.get_or_insert(record.local_ms);
            } else if let Some(reason) = record.message.strip_prefix(not_started.as_str()) {
                found.not_started.get_or_insert(reason.into());
            }
        }
        found.last_lines = last_lines(bytes.get(bytes.len().saturating_sub(TAIL as usize)..).unwrap_or(bytes)).into();
        self.add((submission.into(), node.into()), found);
    }

    fn add(&mut self, key: (Box<str>, Box<str>), found: DriverLog) {
        let known = self.files.entry(key).or_default();
        if *known < found {
            *known = found;
        }
    }

    /// Returns the files of one submission, with their nodes.
    pub fn of<'a>(&'a self, submission: &'a str) -> impl Iterator<Item = (&'a str, &'a DriverLog)> {
        let from: (Box<str>, Box<str>) = (submission.into(), "".into());
        let files = self.files.range(from..).take_while(move |((id, _), _)| **id == *submission);
        files.map(|((_, node), log)| (&**node, log))
    }

    /// Returns the submissions that have a file.
    pub fn submissions(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(|(id, _)| &**id)
    }

    /// Merges the facts of another reader.
    pub(super) fn merge(&mut self, other: Self) {
        for (key, found) in other.files {
            self.add(key, found);
        }
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        let text = |log: &DriverLog| {
            log.last_lines.len()
                + [&log.entrypoint, &log.not_started].iter().flat_map(|t| t.iter()).map(|t| t.len()).sum::<usize>()
        };
        self.files.iter().map(|((id, node), log)| id.len() + node.len() + text(log) + size_of::<DriverLog>() + 48).sum()
    }
}

/// Returns the last ten lines by Python's `splitlines`, cut to the last 20,000 characters, as Ray's
/// `fast_tail_last_n_lines`.
fn last_lines(tail: &[u8]) -> String {
    let text = String::from_utf8_lossy(tail);
    let mut starts = Vec::new();
    let mut at_start = true;
    let mut after_cr = false;
    for (at, c) in text.char_indices() {
        if at_start && !(after_cr && c == '\n') {
            starts.push(at);
        }
        after_cr = c == '\r';
        at_start =
            matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    }
    let from = starts.len().checked_sub(MAX_LINES).and_then(|at| starts.get(at)).copied().unwrap_or_default();
    let lines = text.get(from..).unwrap_or_default();
    let cut = lines.char_indices().rev().nth(MAX_CHARS - 1).map_or(0, |(at, _)| at);
    lines.get(cut..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_entrypoint_and_last_lines() {
        let lines: Vec<String> = (0..20).map(|n| format!("line {n}\n")).collect();
        let text = "2026-11-22 23:12:43,781\tINFO job_manager.py:581 -- Runtime env is setting up.\n\
                        Running entrypoint for job x: python -c 'a: b'\n"
            .to_owned()
            + &lines.concat();
        let mut logs = DriverLogs::default();
        logs.read("x", "node", &text.as_bytes()[..150]);
        logs.read("x", "node", text.as_bytes());
        logs.read("x", "node", &text.as_bytes()[..140]);
        let (node, log) = logs.of("x").next().unwrap();
        assert_eq!((node, log.entrypoint.as_deref()), ("node", Some("python -c 'a: b'")));
        assert_eq!(log.accepted_local_ms.map(|ms| ms % 1_000), Some(781));
        assert_eq!(&*log.last_lines, text.split_inclusive('\n').skip(12).collect::<String>());
    }

    #[test]
    fn last_lines_are_counted_as_in_python() {
        let lines = |n: usize, end: &str| format!("x{end}").repeat(n);
        for end in ["\n", "\r\n", "\r", "\u{2028}"] {
            assert_eq!(last_lines(lines(12, end).as_bytes()), lines(10, end), "{end:?}");
        }
        assert_eq!(last_lines("é".repeat(30_000).as_bytes()).chars().count(), MAX_CHARS);
        assert_eq!(last_lines(b""), "");
    }

    #[test]
    fn reads_why_a_supervisor_could_not_be_started() {
        let text = "2026-11-22 23:12:43,781\tWARNING job_manager.py:600 -- Failed to start supervisor actor for job x: 'no'. Full traceback:\nTraceback\nValueError: no\n\n";
        let mut logs = DriverLogs::default();
        logs.read("x", "n", text.as_bytes());
        let reason = logs.of("x").next().unwrap().1.not_started.clone();
        assert_eq!(reason.as_deref(), Some("'no'. Full traceback:\nTraceback\nValueError: no"));
    }
}
