//! Text that others chose, made safe to show in a terminal: it ends no line and steers nothing.
//!
//! Owns which characters are dangerous; the log (`telemetry`) and what commands print agree on them.

/// Returns `true` for a character that ends a line, steers a terminal, or turns the direction of writing.
pub fn steers(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a text in which each such character is escaped.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if steers(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

/// Returns a text of several lines in which all but their ends is escaped.
pub fn escaped_lines(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal_and_only_lines_may_end() {
        for (text, expected) in [
            ("plain ünïcödé 日本", "plain ünïcödé 日本"),
            ("\u{1b}]0;title\u{7}\u{9b}2J", r"\u{1b}]0;title\u{7}\u{9b}2J"),
            ("\u{202e}gnp.exe \u{2028}\r", r"\u{202e}gnp.exe \u{2028}\r"),
        ] {
            assert_eq!(escaped(text), expected);
            assert_eq!(escaped_lines(text), expected);
        }
        assert_eq!(escaped("a\nb\n"), r"a\nb\n");
        assert_eq!(escaped_lines("a\nb\u{1b}\n"), "a\nb\\u{1b}\n");
    }
}
