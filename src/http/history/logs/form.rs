//! Hits and summaries as a client wants them: a JSON object a line, or text as `grep` prints it.

use super::summary::{Summary, SummaryLine};
use crate::escape::escaped;
use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;
use ray_history_ray_api::logs::ansi::AnsiFilter;
use ray_history_session::logs::scan::Hit;
use ray_history_session::logs::select::LogFile;
use serde::Serialize;
use std::io::Write;
use utoipa::ToSchema;

/// A line of a log with a match.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct HitItem<'a> {
    /// Id of the node.
    node: &'a str,
    /// Path of the file on the node.
    file: &'a str,
    /// Number of the line, from 1.
    line: u64,
    /// Offset of the line's first byte in the file.
    offset: u64,
    /// The line; of one of more than 2 KiB the text around its first match, with `…` for the rest.
    text: &'a str,
    /// `true` if the line is longer than `text`; absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    /// The lines before it, at most `context`.
    before: &'a [String],
    /// The lines after it, at most `context`.
    after: &'a [String],
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON object a line.
    Json,
    /// `file:line:text`, without colours, with other control characters escaped.
    Text,
}

impl Form {
    /// Returns the form that a request accepts. JSON, unless text is asked for.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let is_text = accept.contains("text/plain") || accept.contains("text/html");
        if is_text && !accept.contains("json") { Self::Text } else { Self::Json }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-ndjson",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// Appends a hit.
    pub(super) fn hit(self, out: &mut Vec<u8>, file: &LogFile, hit: &Hit) {
        let LogFile { node, path, .. } = file;
        let Hit { line, offset, ref text, is_cut, ref before, ref after } = *hit;
        match self {
            Self::Json => {
                let (file, cut) = (path.as_str(), is_cut);
                json(out, &HitItem { node, file, line, offset, text, cut, before, after });
            }
            Self::Text => {
                let name = plain(&format!("{node}/{path}"));
                let first = line - before.len() as u64;
                for (line, text) in (first..).zip(before) {
                    row(out, &format!("{name}-{line}-"), text);
                }
                row(out, &format!("{name}:{line}:"), text);
                for (line, text) in (line + 1..).zip(after) {
                    row(out, &format!("{name}-{line}-"), text);
                }
                if !before.is_empty() || !after.is_empty() {
                    out.extend_from_slice(b"--\n");
                }
            }
        }
    }

    /// Appends the summary, which is the last line, or in text the last lines.
    pub(super) fn summary(self, out: &mut Vec<u8>, summary: &Summary) {
        match self {
            Self::Json => json(out, &SummaryLine { summary }),
            Self::Text => {
                for sentence in summary.sentences() {
                    row(out, "", &format!("[{sentence}]"));
                }
            }
        }
    }
}

fn json(out: &mut Vec<u8>, value: &impl Serialize) {
    // Neither the value nor the memory can fail.
    let _ = serde_json::to_writer(&mut *out, value);
    out.push(b'\n');
}

fn row(out: &mut Vec<u8>, before: &str, text: &str) {
    let _ = writeln!(out, "{before}{}", plain(text));
}

/// Returns a text that controls no terminal.
fn plain(text: &str) -> String {
    let (mut filter, mut kept) = (AnsiFilter::default(), Vec::with_capacity(text.len()));
    filter.push(text.as_bytes(), &mut kept);
    filter.finish(&mut kept);
    escaped(&String::from_utf8_lossy(&kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use ray_history_session::load::LogObject;

    #[test]
    fn text_is_asked_for() {
        for (accept, form) in [
            ("*/*", Form::Json),
            ("application/x-ndjson", Form::Json),
            ("application/json, text/plain, */*", Form::Json),
            ("text/plain", Form::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Form::Text),
        ] {
            assert_eq!(
                Form::of(&TestRequest::default().insert_header((ACCEPT, accept)).to_http_request()),
                form,
                "{accept}"
            );
        }
    }

    #[test]
    fn hits_are_lines() {
        let (node, path) = ("ab01".into(), "a\u{1b}.log".to_owned());
        let file = LogFile { node, path, object: LogObject::new("key", 1) };
        let (before, after) = (vec!["one".to_owned()], vec!["three".to_owned()]);
        let text = "\u{1b}[31mtwo\u{1b}[0m \u{1b}]0;x\u{7}".to_owned();
        let hit = Hit { line: 2, offset: 4, text, is_cut: true, before, after };
        let written = |form: Form| {
            let mut out = Vec::new();
            form.hit(&mut out, &file, &hit);
            String::from_utf8(out).unwrap()
        };
        let name = "ab01/a\\u{1b}.log";
        let expected = format!("{name}-1-one\n{name}:2:two \\u{{1b}}]0;x\\u{{7}}\n{name}-3-three\n--\n");
        assert_eq!(written(Form::Text), expected);
        let json: serde_json::Value = serde_json::from_str(written(Form::Json).trim_end()).unwrap();
        assert_eq!((&json["cut"], &json["line"], &json["text"]), (&true.into(), &2.into(), &(*hit.text).into()));
    }
}
