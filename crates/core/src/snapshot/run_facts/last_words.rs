//! The line of a log or of a message that tells most about an end: the last one that is the program's own.
//!
//! Drivers print what their workers print (`(f pid=7) …`), and log that they connect; Ray quotes the last ten lines of the
//! log in the message of a failed job. Of recorded failures the cause is the last line that is neither.

use crate::base::terminal::without_escapes;

/// Longest line, in characters.
const MAX_LINE: usize = 300;
/// Characters within which the process of a printed line is named.
const MAX_PREFIX: usize = 200;

/// Returns the last line of a text that is the program's own, without colours; `None` if there is none.
pub fn last_words(text: &str) -> Option<String> {
    let lines = text.rsplit(['\n', '\r']).map(plain);
    let line = lines.into_iter().find(|line| !line.is_empty() && !is_of_worker(line) && !is_of_ray(line))?;
    Some(super::bounded(&line, MAX_LINE).into())
}

/// Returns a line without escape sequences of terminals, control characters, and spaces at its ends.
fn plain(line: &str) -> String {
    let chars = without_escapes(line).map(|c| if c == '\t' { ' ' } else { c });
    let plain: String = chars.filter(|c| !c.is_control()).collect();
    plain.trim().to_owned()
}

/// Returns `true` for a line that another process printed: `(f pid=7, ip=127.0.0.3) …`, `(raylet) …`.
fn is_of_worker(line: &str) -> bool {
    let Some(rest) = line.strip_prefix('(') else { return false };
    let near: String = rest.chars().take(MAX_PREFIX).collect();
    ["raylet", "autoscaler"].iter().any(|process| near.starts_with(process)) || near.contains(" pid=")
}

/// Returns `true` for a record of Ray's own logs, and for the first line of a driver's log and of a message that quotes it.
fn is_of_ray(line: &str) -> bool {
    let shape = |line: &str, shape: &str| {
        let mut chars = line.chars();
        shape
            .chars()
            .all(|wanted| chars.next().is_some_and(|c| if wanted == '0' { c.is_ascii_digit() } else { c == wanted }))
    };
    line.starts_with("Running entrypoint for job ")
        || line.starts_with("Job entrypoint command failed with exit code ")
        || (shape(line, "0000-00-00 00:00:00,000 ") && [" INFO ", " WARNING "].iter().any(|level| line.contains(level)))
        || shape(line, "[0000-00-00 00:00:00,000 ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_program_itself_is_found() {
        let quoted =
            "Job entrypoint command failed with exit code 5, last available logs (truncated to 20,000 chars):\n";
        for (text, words) in [
            ("", None),
            ("\n \u{1b}[0m\n", None),
            (
                "Traceback\n  raise x\nZeroDivisionError: division by zero\n",
                Some("ZeroDivisionError: division by zero"),
            ),
            (
                "ValueError: 3 ist ungerade → größer «nichts»\n\u{1b}[36m(half pid=31508, ip=127.0.0.2)\u{1b}[0m half of 2\n\
                 (Worker(busy at the end) pid=2, ip=127.0.0.3) x\n\u{1b}[33m(autoscaler +15s)\u{1b}[0m Error: none\n(raylet) x\n",
                Some("ValueError: 3 ist ungerade → größer «nichts»"),
            ),
            ("\u{1b}[31mboom\u{1b}[0m\u{7}\t!", Some("boom !")),
            ("the driver is about to be killed\nKilled\n", Some("Killed")),
            (
                "/bin/sh: 1: no-such-program: not found\nRunning entrypoint for job hard-missing: no-such-program --flag 'ä'\n",
                Some("/bin/sh: 1: no-such-program: not found"),
            ),
            (
                "2026-11-22 23:12:44,942\tINFO worker.py:1841 -- Connecting\n[2026-11-22 23:12:44,942 W 10996 10996] x.cc:330: y\n",
                None,
            ),
            (
                "2026-11-22 23:12:44,942\tERROR tune.py:1035 -- Trials did not complete",
                Some("2026-11-22 23:12:44,942 ERROR tune.py:1035 -- Trials did not complete"),
            ),
            ("(not a worker) said it", Some("(not a worker) said it")),
            ("a\r\nb\rc", Some("c")),
            ("x\u{1b}", Some("x")),
            ("x\u{1b}[31", Some("x")),
            (quoted, None),
        ] {
            assert_eq!(last_words(text).as_deref(), words, "{text:?}");
        }
        let long = last_words(&"ä".repeat(1_000)).unwrap();
        assert_eq!((long.chars().count(), long.ends_with('…')), (MAX_LINE + 1, true));
    }
}
