//! `logs grep`: prints the lines that match as `grep` does.

use super::ask;
use crate::args::Grep;
use crate::run::exit::{FAILED, NOTHING};
use crate::run::print::{is_open_after, is_open_after_json, print_error};
use anyhow::{Context, bail};
use ray_history_ray_api::logs::ansi::without_escapes;
use reqwest::Response;
use serde_json::Value;
use std::fmt::Write;
use std::process::ExitCode;

/// Longest line of an answer: a hit with all its context.
const LONGEST_LINE: usize = 1 << 20;

/// Prints the hits and, to standard error, what was not searched.
pub(super) async fn run(args: &Grep) -> anyhow::Result<ExitCode> {
    let flag = |is_on: bool| if is_on { "true" } else { "false" }.to_owned();
    let parameters = [
        ("q", args.pattern.clone()),
        ("regex", flag(args.regex)),
        ("ignoreCase", flag(args.ignore_case)),
        ("context", args.context.to_string()),
        ("limit", args.limit.to_string()),
    ];
    let mut lines = Lines { response: ask(&args.files, "search", &parameters).await?, left: Vec::new() };
    let mut hits = 0_u64;
    while let Some(line) = lines.next().await? {
        let value: Value = serde_json::from_slice(&line).context("the server answers with something else than hits")?;
        if args.json && !is_open_after_json(&String::from_utf8_lossy(&line))? {
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(summary) = value.get("summary") {
            tell(summary);
            return Ok(ExitCode::from(code(summary, hits)));
        }
        hits += 1;
        if !args.json && !is_open_after(&shown(&value, args.context > 0))? {
            return Ok(ExitCode::SUCCESS);
        }
    }
    bail!("the answer was cut off: not all was searched")
}

/// Tells what was not searched.
fn tell(summary: &Value) {
    if let Some(advice) = summary["advice"].as_str() {
        print_error(format_args!("not all was searched: {advice}"));
    }
    for log in summary["unreadable"].as_array().into_iter().flatten() {
        let text = |name: &str| log[name].as_str().unwrap_or_default();
        print_error(format_args!("{}/{}: {}", text("node"), text("file"), text("why")));
    }
}

/// Returns the exit code.
fn code(summary: &Value, hits: u64) -> u8 {
    let is_whole = summary["truncated"] == false && summary["unreadableFiles"] == 0;
    match (hits, is_whole) {
        (0, true) => NOTHING,
        (0, false) => FAILED,
        _ => 0,
    }
}

/// Returns the lines of a hit.
fn shown(hit: &Value, has_context: bool) -> String {
    let text = |value: &Value| without_escapes(value.as_str().unwrap_or_default()).into_owned();
    let name = format!("{}/{}", text(&hit["node"]), text(&hit["file"]));
    let around = |name: &str| hit[name].as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let (before, after) = (around("before"), around("after"));
    let line = hit["line"].as_u64().unwrap_or_default();
    let mut out = String::new();
    let mut row = |line: u64, mark: char, text: &str| {
        // A line within a line is shown as one; writing to a text cannot fail.
        let _ = writeln!(out, "{name}{mark}{line}{mark}{}", text.replace('\n', "\\n"));
    };
    for (line, text) in (line.saturating_sub(before.len() as u64)..).zip(&before) {
        row(line, '-', text);
    }
    row(line, ':', &text(&hit["text"]));
    for (line, text) in (line + 1..).zip(&after) {
        row(line, '-', text);
    }
    if has_context {
        out.push_str("--\n");
    }
    out
}

/// The lines of an answer.
struct Lines {
    response: Response,
    /// The beginning of the next line.
    left: Vec<u8>,
}

impl Lines {
    async fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.left[searched..]) {
                let rest = self.left.split_off(searched + end + 1);
                let mut line = std::mem::replace(&mut self.left, rest);
                line.pop();
                return Ok(Some(line));
            }
            searched = self.left.len();
            if searched > LONGEST_LINE {
                bail!("the server answers with something else than hits");
            }
            match self.response.chunk().await.context("the answer was cut off: not all was searched")? {
                Some(chunk) => self.left.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hits_are_shown_as_grep_does() {
        let (before, after) = (["one"], ["three"]);
        let text = "\u{1b}[31mtwo";
        let hit = json!({"node": "ab", "file": "w.err", "line": 2, "text": text, "before": before, "after": after});
        assert_eq!(shown(&hit, true), "ab/w.err-1-one\nab/w.err:2:two\nab/w.err-3-three\n--\n");
    }

    #[test]
    fn exit_codes_are_those_of_grep() {
        for (summary, hits, expected) in [
            (json!({"truncated": false, "unreadableFiles": 0}), 0, 1),
            (json!({"truncated": false, "unreadableFiles": 1}), 0, 2),
            (json!({"truncated": true, "unreadableFiles": 0, "advice": "narrow it"}), 0, 2),
            (json!({"truncated": true, "unreadableFiles": 1}), 3, 0),
        ] {
            assert_eq!(code(&summary, hits), expected, "{summary}");
        }
    }
}
