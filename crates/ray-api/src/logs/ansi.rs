//! Removes colour codes from log bytes, as `filter_ansi_code=true` requests.
//!
//! Ray's expression (`ANSI_ESC_PATTERN` in `dashboard/modules/state/state_head.py`) is `ESC [` followed by one or more
//! of `( ) ; 0-9` and an `m`. Ray applies it to each 64 KiB block separately and so misses a code that spans two
//! blocks; this filter carries an incomplete code over to the next block.

use std::borrow::Cow;

/// Longest code in bytes that is recognised; a longer one is treated as text, which bounds the memory.
const MAX_CODE: usize = 256;

/// Filters one log block by block.
#[derive(Clone, Debug, Default)]
pub struct AnsiFilter {
    /// The incomplete code at the end of the previous block.
    pending: Vec<u8>,
}

impl AnsiFilter {
    /// Appends `block` without its codes to `out`; an incomplete code at its end is held back until the next call.
    pub fn push(&mut self, block: &[u8], out: &mut Vec<u8>) {
        let mut rest = block;
        while !rest.is_empty() {
            if self.pending.is_empty() {
                let at = memchr::memchr(ESC, rest).unwrap_or(rest.len());
                let (text, tail) = rest.split_at(at);
                out.extend_from_slice(text);
                rest = tail;
            }
            let Some((&byte, tail)) = rest.split_first() else { break };
            if self.pending.len() >= 3 && byte == b'm' {
                self.pending.clear();
                rest = tail;
            } else if self.continues(byte) {
                self.pending.push(byte);
                rest = tail;
            } else {
                // Not a code: the pending bytes are text, and this byte may start the next code.
                out.append(&mut self.pending);
                if byte != ESC {
                    out.push(byte);
                    rest = tail;
                }
            }
        }
    }

    /// Appends the bytes held back, at the end of the log.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.pending);
    }

    fn continues(&self, byte: u8) -> bool {
        match self.pending.len() {
            0 => byte == ESC,
            1 => byte == b'[',
            MAX_CODE.. => false,
            _ => matches!(byte, b'0'..=b'9' | b';' | b'(' | b')'),
        }
    }
}

const ESC: u8 = 0x1b;

/// Removes everything from an escape up to the next `m`, as Ray's `remove_ansi_escape_codes` does.
pub fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        if let Some(end) = rest[at..].find('m') {
            rest = &rest[at + end + 1..];
        } else {
            out.push_str(&rest[at..]);
            return Cow::Owned(out);
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filtered(blocks: &[&[u8]]) -> Vec<u8> {
        let (mut filter, mut out) = (AnsiFilter::default(), Vec::new());
        for block in blocks {
            filter.push(block, &mut out);
        }
        filter.finish(&mut out);
        out
    }

    #[test]
    fn removes_only_colour_codes() {
        for (text, plain) in [
            ("\x1b[36mray::boom()\x1b[39m (pid=1)", "ray::boom() (pid=1)"),
            ("\x1b[1;31mred\x1b[0m", "red"),
            ("\x1b[m stays", "\x1b[m stays"),
            ("\x1b[2K stays", "\x1b[2K stays"),
            ("\x1b[12\x1b[0mx", "\x1b[12x"),
            ("\x1b\x1b[0mx", "\x1bx"),
            ("ends open \x1b[3", "ends open \x1b[3"),
            ("\x1b(B stays", "\x1b(B stays"),
        ] {
            assert_eq!(filtered(&[text.as_bytes()]), plain.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn passes_overlong_codes_as_text() {
        let long = [b"\x1b[".as_slice(), &[b'1'; 10_000], b"m".as_slice()].concat();
        assert_eq!(filtered(&[&long]), long);
    }

    proptest! {
        #[test]
        fn result_does_not_depend_on_block_bounds(
            text in "[\\x1b\\[0-9;m()a\n]{0,60}",
            cut in 0usize..60,
        ) {
            let whole = filtered(&[text.as_bytes()]);
            let (a, b) = text.as_bytes().split_at(cut.min(text.len()));
            prop_assert_eq!(&filtered(&[a, b]), &whole);
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            prop_assert_eq!(&filtered(&bytes), &whole);
        }
    }

    #[test]
    fn removes_escapes_and_keeps_text() {
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
