//! A line that was found, and the text of it that is shown.

/// Stands for what is left out of a line.
const LEFT_OUT: &str = "…";
/// Bytes shown before a match in a long line.
const BEFORE_MATCH: usize = 256;

/// A line with a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Number of the line, from 1.
    pub line: u64,
    /// Offset of its first byte in the file.
    pub offset: u64,
    /// The line; of a long one the text around its first match, with `…` for the rest.
    pub text: String,
    /// `true` if the line is long, so that `text` is a part of it.
    pub is_cut: bool,
    /// The lines before it.
    pub before: Vec<String>,
    /// The lines after it.
    pub after: Vec<String>,
}

/// The shown text of a line.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) text: String,
    /// `true` if something is left out.
    pub(super) is_cut: bool,
}

/// Returns a line without the carriage return at its end.
pub(super) fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Returns the first `shown` bytes of a line, with a mark if there are more.
pub(super) fn cut(line: &[u8], shown: usize) -> String {
    window(without_return(line), 0, shown, false, false).text
}

/// Returns at most `shown` bytes of a line from shortly before a match, with marks for what is left out.
/// `is_more_before` and `is_more_after` say that these are not all of the line.
pub(super) fn window(line: &[u8], found: usize, shown: usize, is_more_before: bool, is_more_after: bool) -> Shown {
    let is_near = line.len() <= shown || found < shown / 2;
    let start = first_of_char(line, if is_near { 0 } else { found - BEFORE_MATCH.min(shown / 4) });
    let end = first_of_char(line, line.len().min(start + shown)).max(start);
    let (is_more_before, is_more_after) = (start > 0 || is_more_before, end < line.len() || is_more_after);
    let mark = |is_there: bool| if is_there { LEFT_OUT } else { "" };
    let text = [mark(is_more_before), &String::from_utf8_lossy(&line[start..end]), mark(is_more_after)].concat();
    Shown { text, is_cut: is_more_before || is_more_after }
}

/// Returns the start of the character at an offset.
fn first_of_char(line: &[u8], at: usize) -> usize {
    let is_inside = |at: usize| line.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (0..4).map(|back| at.saturating_sub(back)).find(|at| !is_inside(*at)).unwrap_or(at)
}
