//! The error for output that no stored file contains any more.

use crate::RayError;
use ray_history_core::logs::attempt_bytes::AttemptBytes;

/// Returns the error for an attempt whose bytes of a log are in no stored file; the newest has `current` bytes.
pub fn gone(attempt: &AttemptBytes, path: &str, current: u64) -> RayError {
    let AttemptBytes { start, end, .. } = attempt;
    let end = end.map_or_else(|| "its end".to_owned(), |end| end.to_string());
    RayError::Failed(format!(
        "The output of this task attempt was bytes {start} to {end} of {path}, and is not stored: the stored file has \
         {current} bytes. The log was rotated since, or its upload ended early. What is left of it can be read by its \
         file name."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_bytes() {
        let attempt = AttemptBytes { start: 60, end: Some(70), token: String::new() };
        assert!(gone(&attempt, "x.out", 4).to_string().contains("bytes 60 to 70 of x.out, and is not stored"));
    }
}
