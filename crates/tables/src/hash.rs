//! SHA-256 of files, in hex.

use ray_history_core::base::id::push_hex;
use sha2::{Digest, Sha256};

/// Returns the SHA-256 of bytes: 64 hex digits.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    let mut hex = Vec::with_capacity(64);
    push_hex(&mut hex, &Sha256::digest(bytes));
    String::from_utf8(hex).unwrap_or_default()
}
