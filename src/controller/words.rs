//! Words that others chose, of a length that people read.

/// Bytes of a name that are taken for one. Kubernetes' own have at most 253.
const LONGEST_NAME: usize = 253;

/// Returns a message with its end cut off where it is too long. Those of conditions hold at most 32,768 characters, and
/// nobody reads more than some lines.
pub(super) fn shortened(mut message: String) -> String {
    const MOST: usize = 1_000;
    if message.len() > MOST {
        let end = (0..=MOST).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
        message.shrink_to_fit();
    }
    message
}

/// Whether a text is short enough for a name: what is longer, no API server has let in.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_at_a_character() {
        assert!(shortened("ä".repeat(2_000)).chars().count() < 1_002);
        assert_eq!(shortened("short".to_owned()), "short");
    }
}
