//! The spelling of node ids.

/// Returns `true` for a node id in hex.
pub(super) fn is_id(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
