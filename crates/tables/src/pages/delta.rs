//! Lengths of `DELTA_BYTE_ARRAY` pages: each text has the beginning of the last one and bytes of its own.

use super::header::{varint, zigzag};

/// Values of a block; ours have 128.
const MAX_BLOCK: u64 = 1 << 16;

/// Returns the bytes of all texts of a page with at most `values` texts; `None` if it is malformed.
pub(super) fn expanded(page: &[u8], values: usize) -> Option<u64> {
    if page.is_empty() {
        // A page of absent values has no bytes.
        return Some(0);
    }
    let mut rest = page;
    let (prefixes, suffixes) = (lengths(&mut rest, values)?, lengths(&mut rest, values)?);
    if prefixes.len() != suffixes.len() {
        return None;
    }
    let (mut last, mut all, mut own) = (0, 0u64, 0u64);
    for (&prefix, &suffix) in prefixes.iter().zip(&suffixes) {
        let (prefix, suffix) = (u64::try_from(prefix).ok()?, u64::try_from(suffix).ok()?);
        if prefix > last {
            return None;
        }
        last = prefix + suffix;
        own += suffix;
        all = all.saturating_add(last);
    }
    (own <= rest.len() as u64).then_some(all)
}

/// Decodes a list of at most `most` numbers in `DELTA_BINARY_PACKED`.
fn lengths(rest: &mut &[u8], most: usize) -> Option<Vec<i32>> {
    let (block, parts) = (varint(rest)?, varint(rest)?);
    let count = usize::try_from(varint(rest)?).ok().filter(|&count| count <= most)?;
    let mut last = i32::try_from(zigzag(varint(rest)?)).ok()?;
    if block == 0 || block > MAX_BLOCK || !block.is_multiple_of(128) || parts == 0 || !block.is_multiple_of(parts) {
        return None;
    }
    let (of_part, parts) = ((block / parts) as usize, parts as usize);
    if !of_part.is_multiple_of(32) {
        return None;
    }
    let mut numbers = Vec::with_capacity(count);
    numbers.extend((count > 0).then_some(last));
    while numbers.len() < count {
        let smallest = i32::try_from(zigzag(varint(rest)?)).ok()?;
        let (widths, after) = rest.split_at_checked(parts)?;
        *rest = after;
        for width in widths.iter().map(|&width| usize::from(width)) {
            if numbers.len() == count {
                break;
            }
            let (part, after) = rest.split_at_checked(width * of_part / 8).filter(|_| width <= 32)?;
            *rest = after;
            for n in 0..of_part.min(count - numbers.len()) {
                last = last.wrapping_add(smallest).wrapping_add(bits(part, n * width, width));
                numbers.push(last);
            }
        }
    }
    Some(numbers)
}

/// Returns at most 32 bits from a position.
fn bits(bytes: &[u8], at: usize, width: usize) -> i32 {
    let mut window = [0; 8];
    let from = bytes.get(at / 8..).unwrap_or_default();
    let length = from.len().min(8);
    window[..length].copy_from_slice(&from[..length]);
    let number = u64::from_le_bytes(window) >> (at % 8) & ((1 << width) - 1);
    (number as u32).cast_signed()
}
