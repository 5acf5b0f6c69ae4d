//! Reasons why a table or a head cannot be written or read.

/// An error of one file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not what their writer promised, or not a file of ours.
    #[error("{file}: {reason}")]
    Malformed {
        /// The table, or the member of the head.
        file: String,
        /// The reason, in words.
        reason: String,
    },
    /// A newer version of this program wrote the file.
    #[error("written by a newer ray-history (format {0}); update this one")]
    Newer(u64),
}

impl Error {
    /// Returns an error about a file.
    pub(crate) fn malformed(file: &str, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { file: file.to_owned(), reason: reason.to_string() }
    }
}
