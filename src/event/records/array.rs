//! Where the objects of a JSON array begin and end, found without reading what is in them.
//!
//! Must never pass over anything: what is neither an object nor between two as JSON has it is damage, and told.

use std::ops::Range;

/// The whole objects of a text, and what is left.
#[derive(Default)]
pub(super) struct Cut {
    /// Objects; and between them, what belongs into no array.
    pub(super) items: Vec<Range<usize>>,
    /// Where the first item without an end begins; the length when there is none.
    pub(super) open: usize,
    /// Arrays that begin between the objects, less those that end.
    pub(super) nesting: i64,
}

/// Finds the top-level objects of a (part of a) JSON array, or of several in a row.
pub(super) fn items(bytes: &[u8]) -> Cut {
    let mut cut = Cut::default();
    loop {
        let rest = bytes.get(cut.open..).unwrap_or_default();
        let start = memchr::memchr(b'{', rest).map_or(bytes.len(), |offset| cut.open + offset);
        cut.between(bytes, start);
        let Some(end) = object_end(bytes, start) else { return cut };
        cut.items.push(start..end);
        cut.open = end;
    }
}

impl Cut {
    /// Goes on to the next object.
    fn between(&mut self, bytes: &[u8], start: usize) {
        let mut damage: Option<Range<usize>> = None;
        for (at, byte) in bytes.iter().enumerate().take(start).skip(self.open) {
            match byte {
                b'[' => self.nesting += 1,
                b']' => self.nesting -= 1,
                b',' => {}
                byte if byte.is_ascii_whitespace() => {}
                _ => damage.get_or_insert(at..at).end = at + 1,
            }
        }
        self.items.extend(damage);
        self.open = start;
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
