//! Lines of Ray's Python processes: `YYYY-MM-DD HH:MM:SS,mmm<TAB>LEVEL file.py:LINE -- message`.
//!
//! The format is Ray's `LOGGER_FORMAT`. Times are local to the process, without a zone: see `zone`. A message may
//! continue on further lines (tracebacks), up to the next line that begins with a time.

use crate::base::time::days_from_civil;

/// One log record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Local time in milliseconds, counted as if it were UTC.
    pub(super) local_ms: i64,
    /// The message, with its further lines, without the last line end.
    pub(super) message: &'a str,
}

/// Returns the records of a text. Text before the first one, and records without ` -- `, are skipped.
pub(super) fn records(text: &str) -> impl Iterator<Item = Record<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let record = rest;
            let mut end = line_end(record);
            let Some(local_ms) = local_time(record) else {
                rest = &record[end..];
                continue;
            };
            while end < record.len() && local_time(&record[end..]).is_none() {
                end += line_end(&record[end..]);
            }
            rest = &record[end..];
            let whole = record[..end].trim_end_matches(['\n', '\r']);
            let first = &whole[..line_end(whole)];
            if let Some(at) = first.find(" -- ") {
                return Some(Record { local_ms, message: &whole[at + 4..] });
            }
        }
        None
    })
}

/// Returns the length of the first line, with its line end.
fn line_end(text: &str) -> usize {
    memchr::memchr(b'\n', text.as_bytes()).map_or(text.len(), |at| at + 1)
}

/// Returns the time that `text` begins with (`2026-11-22 23:12:44,653`), in milliseconds as if it were UTC.
pub(super) fn local_time(text: &str) -> Option<i64> {
    let stamp = text.as_bytes().first_chunk::<23>()?;
    let punctuation = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':'), (19, b',')];
    if punctuation.iter().any(|&(at, mark)| stamp.get(at) != Some(&mark)) {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        stamp.get(from..to)?.iter().try_fold(0, |n, c| c.is_ascii_digit().then(|| n * 10 + i64::from(c - b'0')))
    };
    let days = days_from_civil(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let seconds = days * 86_400 + number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?;
    Some(seconds * 1_000 + number(20, 23)?)
}

/// Returns the integer after the first `key`, with an optional `-`.
pub(super) fn number_after(text: &str, key: &str) -> Option<i64> {
    let rest = text.get(text.find(key)? + key.len()..)?;
    let end = rest.bytes().enumerate().position(|(at, b)| !(b.is_ascii_digit() || (at == 0 && b == b'-')));
    rest.get(..end.unwrap_or(rest.len()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_includes_lines_up_to_the_next_time() {
        let text = "garbage\n2026-11-22 23:12:44,653\tERROR a.py:1 -- one\nTraceback\n  x -- y\n\
                    2026-11-22 23:12:44,654\tno message\n2026-11-22 23:12:44,655\tINFO b.py:2 -- two\n";
        let found: Vec<_> = records(text).map(|r| (r.local_ms % 1_000, r.message)).collect();
        assert_eq!(found, [(653, "one\nTraceback\n  x -- y"), (655, "two")]);
    }

    #[test]
    fn parses_only_complete_times() {
        assert_eq!(local_time("1970-01-02 00:00:01,002 x"), Some(86_401_002));
        for bad in
            ["", "1970-01-02 00:00:01", "1970-13-02 00:00:01,002", "1970-01-02T00:00:01,002", "é970-01-02 00:00:01,00"]
        {
            assert_eq!(local_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_end_after_the_last_digit() {
        assert_eq!(number_after("exited with code -9 job", "code "), Some(-9));
        assert_eq!(number_after("code 5", "code "), Some(5));
        assert_eq!(number_after("code x", "code "), None);
        assert_eq!(number_after("nothing", "code "), None);
    }
}
