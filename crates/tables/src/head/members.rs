//! The head as a ZIP: members that are stored as they are, so that a range of the object is a member.

use crate::error::Error;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Most members of a head.
const MAX_MEMBERS: usize = 64;
/// Most bytes of a head, and of all of its members.
pub const MAX_HEAD: u64 = 256 << 20;

/// Members by name.
pub(crate) type Members = BTreeMap<String, Bytes>;

/// Returns a ZIP of these members, in this order. The same members give the same bytes.
pub(crate) fn pack(members: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::malformed("head", error);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        // The time is that of the format's first day, never the clock's.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default());
        zip.start_file(*name, options).map_err(|error| failed(&error))?;
        zip.write_all(bytes).map_err(|error| failed(&error))?;
    }
    Ok(zip.finish().map_err(|error| failed(&error))?.into_inner())
}

/// Takes a ZIP apart. Fails on what no head has: compressed or encrypted members, paths, names that stand twice, more
/// than 64 members, members that are longer than the ZIP, or whose bytes do not have their checksum.
pub(crate) fn unpack(bytes: &Bytes) -> Result<Members, Error> {
    let wrong = |reason: String| Error::malformed("head", reason);
    if bytes.len() as u64 > MAX_HEAD {
        return Err(wrong(format!("it has {} bytes, and no head has more than {MAX_HEAD}", bytes.len())));
    }
    let mut zip = ZipArchive::new(Cursor::new(bytes.clone())).map_err(|error| wrong(error.to_string()))?;
    if zip.len() > MAX_MEMBERS {
        return Err(wrong(format!("it has {} members, and no head has more than {MAX_MEMBERS}", zip.len())));
    }
    let mut members = Members::new();
    for at in 0..zip.len() {
        let file = zip.by_index(at).map_err(|error| wrong(error.to_string()))?;
        let name = file.name().map_err(|error| wrong(error.to_string()))?.into_owned();
        let size = file.size();
        if file.compression() != CompressionMethod::Stored || file.encrypted() || name.contains(['/', '\\']) {
            return Err(wrong(format!("its member {name} is not stored as it is")));
        }
        if size > bytes.len() as u64 {
            return Err(wrong(format!("its member {name} is longer than the head")));
        }
        let mut member = Vec::with_capacity(size as usize);
        // The checksum is compared at the end of the member, which is only reached by asking for more than it has.
        let read = file.take(size.saturating_add(1)).read_to_end(&mut member);
        read.map_err(|error| wrong(format!("its member {name} is damaged: {error}")))?;
        if member.len() as u64 != size {
            return Err(wrong(format!("its member {name} has another size than it says")));
        }
        if members.insert(name.clone(), member.into()).is_some() {
            return Err(wrong(format!("its member {name} stands twice")));
        }
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_back_and_the_same_members_give_the_same_bytes() {
        let members = [("snapshot.json", b"{}".to_vec()), ("nodes.parquet", vec![7; 1_000])];
        let zip = pack(&members).unwrap();
        assert_eq!(zip, pack(&members).unwrap());
        let read = unpack(&zip.clone().into()).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read["nodes.parquet"], members[1].1);
        for cut in 0..zip.len() {
            assert!(unpack(&Bytes::copy_from_slice(&zip[..cut])).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_changed_byte_of_a_member_is_found() {
        let zip = pack(&[("snapshot.json", b"{}".to_vec()), ("facts.parquet", b"some facts".to_vec())]).unwrap();
        let at = zip.windows(10).position(|part| part == b"some facts").unwrap();
        for bit in 0..80 {
            let mut damaged = zip.clone();
            damaged[at + bit / 8] ^= 1 << (bit % 8);
            assert!(unpack(&damaged.into()).unwrap_err().to_string().contains("facts.parquet"), "{bit}");
        }
    }

    #[test]
    fn other_zips_are_no_heads() {
        let many: Vec<(String, Vec<u8>)> = (0..65).map(|n| (n.to_string(), Vec::new())).collect();
        let many: Vec<(&str, Vec<u8>)> = many.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        let path = [("../x", Vec::new())];
        let mut packed = ZipWriter::new(Cursor::new(Vec::new()));
        let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        packed.start_file("x", deflated).unwrap();
        packed.write_all(&[0; 1_000]).unwrap();
        for zip in [pack(&many).unwrap(), pack(&path).unwrap(), packed.finish().unwrap().into_inner(), Vec::new()] {
            assert!(unpack(&zip.into()).is_err());
        }
    }
}
