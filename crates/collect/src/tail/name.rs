//! Names of log files in the bucket. User code may choose any name, so not every name can be a key.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

/// Returns a path as it is stored: as it is, or, where a key must not have a byte of it (control characters, which break
/// listings in XML, and bytes that are no UTF-8), with these bytes and every `%` as `%XX`.
pub(super) fn stored(path: &OsStr) -> String {
    let is_plain = |text: &&str| !text.bytes().any(|byte| byte.is_ascii_control());
    if let Some(plain) = path.to_str().filter(is_plain) {
        return plain.to_owned();
    }
    let mut stored = String::with_capacity(path.len() + 8);
    for chunk in path.as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_ascii_control() || character == '%' {
                escape(&mut stored, character as u8);
            } else {
                stored.push(character);
            }
        }
        for byte in chunk.invalid() {
            escape(&mut stored, *byte);
        }
    }
    stored
}

/// Returns the name under which a file is stored whose own name belongs to another one: `x.rotated.7-18.out`.
pub(super) fn rotated(path: &str, file: &str) -> String {
    let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
    // A leading dot is no extension: what is before `.rotated.` must not be empty.
    let dot = path[name_at..].rfind('.').filter(|dot| *dot > 0).map_or(path.len(), |dot| name_at + dot);
    let (stem, extension) = path.split_at(dot);
    format!("{stem}.rotated.{file}{extension}")
}

fn escape(text: &mut String, byte: u8) {
    // A string takes every byte.
    let _ = write!(text, "%{byte:02X}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::layout::rotated_from;

    #[test]
    fn names_without_odd_bytes_are_kept() {
        for (name, expected) in [
            (&b"worker-1.out"[..], "worker-1.out"),
            (b"a%20b", "a%20b"),
            (b"a\nb", "a%0Ab"),
            (b"a%\nb", "a%25%0Ab"),
            (b"\xff\xfe.log", "%FF%FE.log"),
            ("ä/ß".as_bytes(), "ä/ß"),
            (b"\x7f", "%7F"),
        ] {
            assert_eq!(stored(OsStr::from_bytes(name)), expected);
        }
    }

    #[test]
    fn a_rotated_name_is_known_as_one() {
        for (path, expected) in [
            ("raylet.out", "raylet.rotated.7-18.out"),
            ("a.b/noext", "a.b/noext.rotated.7-18"),
            ("serve/x.log.1", "serve/x.log.rotated.7-18.1"),
            (".hidden", ".hidden.rotated.7-18"),
            ("a/.hidden", "a/.hidden.rotated.7-18"),
        ] {
            let name = rotated(path, "7-18");
            assert_eq!((name.as_str(), rotated_from(&name).as_deref()), (expected, Some(path)));
        }
    }
}
