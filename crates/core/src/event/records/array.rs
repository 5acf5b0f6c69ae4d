//! Finds where the objects of a JSON array begin and end, without parsing them.
//!
//! No byte is ignored: anything but objects and JSON's punctuation between them is returned as a damaged item.

use std::ops::Range;

/// The whole objects of a text, and the position of the rest.
#[derive(Debug, Default)]
pub struct Cut {
    /// Ranges of objects, and of damaged text between them.
    pub items: Vec<Range<usize>>,
    /// Start of the first item without an end; the text's length if there is none.
    pub open: usize,
    /// Number of arrays that begin between the objects, less those that end.
    pub nesting: i64,
}

/// Finds the top-level objects of a JSON array, of a part of one, or of several in a row.
pub fn items(bytes: &[u8]) -> Cut {
    let mut cut = Cut::default();
    loop {
        let rest = bytes.get(cut.open..).unwrap_or_default();
        let start = memchr::memchr(b'{', rest).map_or(bytes.len(), |offset| cut.open + offset);
        cut.scan_between(bytes, start);
        let Some(end) = object_end(bytes, start) else { return cut };
        cut.items.push(start..end);
        cut.open = end;
    }
}

impl Cut {
    /// Scans the text before the next object.
    fn scan_between(&mut self, bytes: &[u8], start: usize) {
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

/// Returns the position after the object that begins at `start`; `None` if it has no end.
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
