//! ANSI colours in texts, and how Ray takes them out of error messages.

use std::borrow::Cow;

/// Ray's `remove_ansi_escape_codes`: everything from an escape up to the next `m` goes.
pub fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        match rest[at..].find('m') {
            Some(end) => rest = &rest[at + end + 1..],
            None => {
                out.push_str(&rest[at..]);
                return Cow::Owned(out);
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_text_stays() {
        for (text, plain) in [
            ("plain", "plain"),
            ("\u{1b}[36mray::boom()\u{1b}[39m (pid=1)", "ray::boom() (pid=1)"),
            ("é\u{1b}[1;31mé", "éé"),
            ("open \u{1b}[31", "open \u{1b}[31"),
        ] {
            assert_eq!(without_escapes(text), plain);
        }
    }
}
