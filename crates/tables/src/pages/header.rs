//! Headers of pages, in Thrift's compact form.
//!
//! The reader of Parquet has one of its own; this one is for a look at all pages before the first is read. It knows
//! what our files have: dictionaries and data pages of version 2.

use parquet::basic::Encoding;

/// Nested values of a field that is skipped.
const MAX_DEPTH: usize = 8;

/// The kind of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dictionary,
    Data,
}

/// The header of a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) uncompressed: u32,
    pub(super) compressed: u32,
    /// Values, including those that are absent.
    pub(super) values: i64,
    /// Rows; zero for a dictionary.
    pub(super) rows: i64,
    pub(super) encoding: Encoding,
}

impl Header {
    /// Reads a header, and returns it with its length; `None` for one that we would not write.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut input = Input { rest: bytes };
        let (mut kind, mut sizes, mut dictionary, mut data) = (None, [None; 2], None, None);
        let mut last = 0;
        loop {
            match input.field(&mut last)? {
                (_, STOP) => break,
                (1, I32) => kind = Some(input.number()?),
                (2, I32) => sizes[0] = Some(input.number()?),
                (3, I32) => sizes[1] = Some(input.number()?),
                (7, STRUCT) => dictionary = Some(input.numbers()?),
                (8, STRUCT) => data = Some(input.numbers()?),
                // The checksum of a page.
                (4, I32) => _ = input.number()?,
                _ => return None,
            }
        }
        let [uncompressed, compressed] = sizes.map(|size| size.and_then(|size| u32::try_from(size).ok()));
        let (kind, values, rows, encoding) = match (kind?, dictionary, data) {
            (2, Some([values, encoding, ..]), None) => (Kind::Dictionary, values?, 0, encoding?),
            (3, None, Some([values, _, rows, encoding])) => (Kind::Data, values?, rows?, encoding?),
            _ => return None,
        };
        let encoding = match (encoding, kind) {
            (0, _) => Encoding::PLAIN,
            (3, Kind::Data) => Encoding::RLE,
            (5, Kind::Data) => Encoding::DELTA_BINARY_PACKED,
            (7, Kind::Data) => Encoding::DELTA_BYTE_ARRAY,
            (8, Kind::Data) => Encoding::RLE_DICTIONARY,
            _ => return None,
        };
        let header = Self { kind, uncompressed: uncompressed?, compressed: compressed?, values, rows, encoding };
        Some((header, bytes.len() - input.rest.len()))
    }

    /// Returns `true` if the values of the page are keys of the dictionary.
    pub(super) fn is_indices(&self) -> bool {
        self.encoding == Encoding::RLE_DICTIONARY
    }
}

const STOP: u8 = 0;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

struct Input<'a> {
    rest: &'a [u8],
}

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn varint(&mut self) -> Option<u64> {
        varint(&mut self.rest)
    }

    fn number(&mut self) -> Option<i64> {
        let number = zigzag(self.varint()?);
        i32::try_from(number).ok().map(i64::from)
    }

    /// Returns the id and the type of the next field; the type is `STOP` at the end of the struct.
    fn field(&mut self, last: &mut i64) -> Option<(i64, u8)> {
        let head = self.byte()?;
        if head == STOP {
            return Some((*last, STOP));
        }
        *last = if head >> 4 == 0 { zigzag(self.varint()?) } else { *last + i64::from(head >> 4) };
        i16::try_from(*last).ok()?;
        // Type zero with an id is nothing that Thrift has.
        Some((*last, head & 15)).filter(|&(_, value)| value != STOP)
    }

    /// Reads a struct, and returns its first four numbers.
    fn numbers(&mut self) -> Option<[Option<i64>; 4]> {
        let (mut numbers, mut last) = ([None; 4], 0);
        loop {
            let (id, value) = self.field(&mut last)?;
            let slot = usize::try_from(id - 1).ok().and_then(|at| numbers.get_mut(at));
            match (slot, value) {
                (_, STOP) => return Some(numbers),
                (Some(slot), I32) => *slot = Some(self.number()?),
                // Of a dictionary: whether it is sorted.
                (Some(_), 1 | 2) => {}
                (Some(_), _) => return None,
                (None, value) => self.skip(value, MAX_DEPTH)?,
            }
        }
    }

    fn skip(&mut self, value: u8, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match value {
            // Truth values of a field stand in its type.
            1 | 2 => {}
            3 => _ = self.byte()?,
            4..=I64 => _ = self.varint()?,
            7 => self.rest = self.rest.get(8..)?,
            BINARY => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.rest = self.rest.get(length..)?;
            }
            STRUCT => {
                let mut last = 0;
                loop {
                    match self.field(&mut last)? {
                        (_, STOP) => break,
                        (_, value) => self.skip(value, depth)?,
                    }
                }
            }
            // Lists, sets and maps: there are none in the header of a page.
            STOP | LIST.. => return None,
        }
        Some(())
    }
}

/// Reads a variable number of at most 64 bits.
pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Returns the signed number of an unsigned one.
pub(super) fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
