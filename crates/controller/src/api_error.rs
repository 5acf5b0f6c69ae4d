//! Texts of errors of the API server's client.

use ray_history_core::base::chain::chain;
use std::error::Error;

/// Returns the API server's own words and its status, if an error is its answer; else the error with all its causes.
///
/// The text that the client makes of an answer has all fields of it as Rust shows them.
pub(crate) fn text(error: &(dyn Error + 'static)) -> String {
    let mut at = Some(error);
    while let Some(cause) = at {
        if let Some(kube::Error::Api(status)) = cause.downcast_ref() {
            let words = if status.message.is_empty() { &status.reason } else { &status.message };
            return format!("{words} ({})", status.code);
        }
        at = cause.source();
    }
    chain(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;
    use kube::runtime::watcher;

    #[test]
    fn answers_are_in_the_servers_own_words() {
        let status = |message: &str| Box::new(Status::failure(message, "Forbidden").with_code(403));
        let denied = kube::Error::Api(status("leases is forbidden"));
        assert!(denied.to_string().contains("Status {"), "there is nothing to do any more");
        assert_eq!(text(&denied), "leases is forbidden (403)");
        assert_eq!(text(&watcher::Error::InitialListFailed(denied)), "leases is forbidden (403)");
        assert_eq!(text(&kube::Error::Api(status(""))), "Forbidden (403)");
        let other = text(&std::io::Error::other("refused"));
        assert_eq!(other, "refused");
    }
}
