//! Errors of a store: those that end a run, and those that only one session has.

use super::RunOutcome;
use ray_history_core::base::chain::chain;
use ray_history_storage::{Error, ErrorKind};

/// A failure of one step.
#[derive(Debug)]
pub(super) enum Failure {
    /// The next session would fail, too.
    Stop(RunOutcome),
    /// Others may succeed.
    Skip(String),
    /// The run may act no longer.
    Ended,
}

/// A failed step.
pub(super) type Step<T> = Result<T, Failure>;

/// Returns the failure of a request that reads: a part of a bucket may be closed to it.
pub(super) fn of_read(error: Error) -> Failure {
    let message = chain(&error);
    if error.is_of_store() { Failure::Stop(RunOutcome::StoreFails { message }) } else { Failure::Skip(message) }
}

/// Returns the failure of a request that writes or deletes: what is refused once is refused again.
pub(super) fn of_write(error: Error) -> Failure {
    let message = chain(&error);
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::PreconditionFailed => Failure::Stop(RunOutcome::Forbidden { message }),
        ErrorKind::InvalidKey => Failure::Skip(message),
        _ => Failure::Stop(RunOutcome::StoreFails { message }),
    }
}

/// Returns the outcome of a run that cannot read marks or the record.
pub(super) fn of_preparing(error: Error) -> RunOutcome {
    if error.kind() == ErrorKind::PermissionDenied {
        let message = format!(
            "marks and the record cannot be read: the server needs the right to list and to read objects below \
             ray-history/v1/ of each root (on S3 s3:ListBucket and s3:GetObject): {}",
            chain(&error)
        );
        return RunOutcome::Forbidden { message };
    }
    match of_read(error) {
        Failure::Stop(outcome) => outcome,
        Failure::Skip(message) => RunOutcome::StoreFails { message },
        Failure::Ended => RunOutcome::Idle,
    }
}

/// Returns the failure of an object that the store tells no tag of.
pub(super) fn no_tag(key: &str) -> Failure {
    let message = format!("the store gives no tag (ETag) of {key}, so nothing can be replaced safely");
    Failure::Stop(RunOutcome::StoreFails { message })
}
