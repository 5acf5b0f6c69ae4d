//! The header that names an answer as a file.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that `filename*` must escape: all but `attr-char` of RFC 8187.
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Returns a `Content-Disposition` of `attachment` with any file name. Adds `filename*` (RFC 6266) if the name is not
/// plain ASCII.
pub(in crate::http) fn attachment(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let plain = |c: char| if c.is_ascii() && !matches!(c, '"' | '\\' | '/' | '%') { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    if name == ascii {
        return format!("attachment; filename=\"{ascii}\"");
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, ATTR_CHAR))
}

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn attachment_encodes_any_file_name() {
        for (name, expected) in [
            ("raylet.out", r#"filename="raylet.out""#),
            ("worker-a b.err", r#"filename="worker-a b.err""#),
            ("früh.log", r#"filename="fr_h.log"; filename*=UTF-8''fr%C3%BCh.log"#),
            ("日.out", r#"filename="_.out"; filename*=UTF-8''%E6%97%A5.out"#),
            ("a\"b\r\n.log", r#"filename="a_b.log"; filename*=UTF-8''a%22b.log"#),
            ("50%.log", r#"filename="50_.log"; filename*=UTF-8''50%25.log"#),
            ("", r#"filename="""#),
        ] {
            assert_eq!(attachment(name), format!("attachment; {expected}"), "{name:?}");
        }
    }
}
