//! Takes colour codes out of log bytes, as `filter_ansi_code=true` asks.
//!
//! Ray's expression (`ANSI_ESC_PATTERN` in `dashboard/modules/state/state_head.py`) is `ESC [` followed by one or more
//! of `( ) ; 0-9` and an `m`. Ray applies it to each 64 KiB block by itself and so misses a code that lies across two
//! blocks; this filter carries the open end over to the next block.

use std::borrow::Cow;

/// The longest code that is recognised across blocks: what is longer is text, and memory stays bounded.
const LONGEST: usize = 256;

/// Filters one log, block by block.
#[derive(Clone, Debug, Default)]
pub struct AnsiFilter {
    /// A prefix of a code: ends the last block, may be completed by the next one.
    open: Vec<u8>,
}

impl AnsiFilter {
    /// Appends `block` without its codes to `out`; an open end is kept for the next call.
    pub fn push(&mut self, block: &[u8], out: &mut Vec<u8>) {
        let mut rest = block;
        while !rest.is_empty() {
            if self.open.is_empty() {
                let at = memchr::memchr(ESC, rest).unwrap_or(rest.len());
                let (text, tail) = rest.split_at(at);
                out.extend_from_slice(text);
                rest = tail;
            }
            let Some((&byte, tail)) = rest.split_first() else { break };
            if self.open.len() >= 3 && byte == b'm' {
                self.open.clear();
                rest = tail;
            } else if self.continues(byte) {
                self.open.push(byte);
                rest = tail;
            } else {
                // Not a code: what was held back is text, and this byte may open the next code.
                out.append(&mut self.open);
                if byte != ESC {
                    out.push(byte);
                    rest = tail;
                }
            }
        }
    }

    /// Appends what was held back: the log ended inside what might have been a code.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.open);
    }

    fn continues(&self, byte: u8) -> bool {
        match self.open.len() {
            0 => byte == ESC,
            1 => byte == b'[',
            LONGEST.. => false,
            _ => matches!(byte, b'0'..=b'9' | b';' | b'(' | b')'),
        }
    }
}

const ESC: u8 = 0x1b;

/// Ray's `remove_ansi_escape_codes`: everything from an escape up to the next `m` goes.
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
    fn only_colour_codes_are_taken_out() {
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
    fn a_code_without_end_does_not_grow_in_memory() {
        let long = [b"\x1b[".as_slice(), &[b'1'; 10_000], b"m".as_slice()].concat();
        assert_eq!(filtered(&[&long]), long);
    }

    proptest! {
        #[test]
        fn where_the_blocks_are_cut_makes_no_difference(
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
