//! Where the objects of a JSON array begin and end, found without reading what is in them.

use std::ops::Range;

/// The whole objects of a text, and what is left.
pub(super) struct Cut {
    pub(super) items: Vec<Range<usize>>,
    /// Where the first item without an end begins; the length when there is none.
    pub(super) open: usize,
}

/// Finds the top-level objects of a (part of a) JSON array, or of several in a row.
pub(super) fn items(bytes: &[u8]) -> Cut {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        let Some(start) = memchr::memchr(b'{', &bytes[at..]).map(|offset| at + offset) else {
            return Cut { items: found, open: bytes.len() };
        };
        match object_end(bytes, start) {
            Some(end) => {
                found.push(start..end);
                at = end;
            }
            None => return Cut { items: found, open: start },
        }
    }
}

/// The byte after the object that begins at `start`; none when it has no end.
fn object_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = start;
    loop {
        match bytes.get(at)? {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => loop {
                at += 1 + memchr::memchr2(b'"', b'\\', bytes.get(at + 1..)?)?;
                if bytes[at] == b'"' {
                    break;
                }
                at += 1;
            },
            _ => {}
        }
        at += 1;
    }
}
