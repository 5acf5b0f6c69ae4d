//! Texts of objects, cut and cleaned before they are kept.

use ray_history_core::base::terminal::without_escapes;

/// The length of a name that is kept, in bytes.
pub const NAME: usize = 253;
/// The length of a note or message that is kept.
pub const NOTE: usize = 1 << 10;
/// The length of a container's termination message.
pub const TERMINATION: usize = 2 << 10;
/// The length of a `RayJob`'s message.
pub const JOB_MESSAGE: usize = 4 << 10;
/// The part of a `RayJob`'s message that is kept of its beginning, where KubeRay's own words are.
const JOB_HEAD: usize = 256;

/// Returns the text without escape sequences of terminals and control characters, cut at `limit` bytes.
pub fn cut(text: &str, limit: usize) -> String {
    let mut cleaned = String::new();
    clean_into(text, &mut cleaned, limit);
    cleaned
}

/// Returns the beginning and the end of a text that is too long: in the log of a driver, the error is at the end.
pub fn cut_middle(text: &str, limit: usize) -> String {
    let mut whole = String::new();
    clean_into(text, &mut whole, usize::MAX);
    if whole.len() <= limit {
        return whole;
    }
    let head = whole.floor_char_boundary(JOB_HEAD.min(limit / 2));
    let tail = whole.ceil_char_boundary(whole.len() - (limit - head - '…'.len_utf8()));
    format!("{}…{}", &whole[..head], &whole[tail..])
}

/// Appends the cleaned text; what is cut off becomes `…`, and the result has at most `limit` bytes.
fn clean_into(text: &str, into: &mut String, limit: usize) {
    for c in without_escapes(text).filter(|c| matches!(c, '\n' | '\t') || !c.is_control()) {
        if into.len() + c.len_utf8() > limit {
            let end = into.floor_char_boundary(limit.saturating_sub('…'.len_utf8()));
            into.truncate(end);
            into.push('…');
            return;
        }
        into.push(c);
    }
}

/// Returns the text in one line, cut at `limit` bytes, without a full stop at its end: for use within a sentence.
pub fn one_line(text: &str, limit: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut line = cut(&words.join(" "), limit);
    while line.ends_with(['.', ';', ',', ':', ' ']) {
        line.pop();
    }
    line
}

/// Returns the last line with words in it.
pub fn last_line(text: &str) -> &str {
    text.lines().rev().map(str::trim).find(|line| line.chars().any(char::is_alphanumeric)).unwrap_or_default()
}

/// Returns `true` if the text can be a name in a key: of a Kubernetes object, a uid, or a writer.
pub fn is_name(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
    (1..=NAME).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_escapes_and_are_cut_at_a_character() {
        assert_eq!(cut("\u{1b}[36mray::f()\u{1b}[39m (pid=1)\r\n\u{0}", 100), "ray::f() (pid=1)\n");
        assert_eq!(cut("äöü", 6), "äöü");
        assert_eq!(cut("äöüx", 6), "ä…");
        assert!(cut(&"ä".repeat(9_000), NOTE).len() <= NOTE);
        assert_eq!(cut("\u{1b}", 9), "");
    }

    #[test]
    fn a_long_message_keeps_its_beginning_and_its_end() {
        let message = format!("Job entrypoint command failed\n{}\nValueError: broken\n", "x".repeat(20_000));
        let kept = cut_middle(&message, JOB_MESSAGE);
        assert!(kept.len() <= JOB_MESSAGE && kept.starts_with("Job entrypoint"), "{}", kept.len());
        assert_eq!(last_line(&kept), "ValueError: broken");
        assert_eq!(cut_middle("short", JOB_MESSAGE), "short");
    }

    #[test]
    fn lines_and_names() {
        assert_eq!(last_line("a\nb: c\n\n  }\n ---\n"), "b: c");
        assert_eq!(one_line("a\n b.  \n", 50), "a b");
        for (name, good) in [("a-1.b", true), ("", false), ("a/b", false), ("..", false), (&"x".repeat(300), false)] {
            assert_eq!(is_name(name), good, "{name}");
        }
    }
}
