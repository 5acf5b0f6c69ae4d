//! Text that was written for a terminal.

/// Returns the characters of a text without the escape sequences of terminals: `ESC [`, parameters and a letter, or `ESC`
/// and one character. Other control characters stay.
pub fn without_escapes(text: &str) -> impl Iterator<Item = char> {
    let mut chars = text.chars();
    std::iter::from_fn(move || {
        loop {
            match chars.next()? {
                '\u{1b}' => {
                    if chars.next() == Some('[') {
                        // Parameters end with the final byte.
                        chars.find(|c| ('@'..='~').contains(c));
                    }
                }
                c => return Some(c),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_left_out() {
        for (text, plain) in [
            ("\u{1b}[31mred\u{1b}[0m\n", "red\n"),
            ("a\u{1b}[1;2", "a"),
            ("a\u{1b}", "a"),
            ("a\u{1b}cb\u{7}", "ab\u{7}"),
            ("ä\u{1b}[?25lö", "äö"),
        ] {
            assert_eq!(without_escapes(text).collect::<String>(), plain, "{text:?}");
        }
    }
}
