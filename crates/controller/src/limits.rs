//! Length limits of names and messages from other programs.

/// Most bytes of a name; Kubernetes allows 253.
const LONGEST_NAME: usize = 253;

/// Returns a message cut to at most 1,000 bytes. Messages of conditions may have 32,768 characters, but only a few
/// lines are readable.
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

/// Returns `true` if a text is short enough for a name. An API server accepts no longer ones.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_messages_at_a_character() {
        assert!(shortened("ä".repeat(2_000)).chars().count() < 1_002);
        assert_eq!(shortened("short".to_owned()), "short");
    }
}
