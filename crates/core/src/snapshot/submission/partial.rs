//! Fields of a submission that one source contains.

use super::JobStatus;

/// One source's part of a submission. A field is `None` if the source does not have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PartialJob {
    pub(super) status: Option<JobStatus>,
    /// Belongs to `status`, as do the four fields below.
    pub(super) message: Option<Box<str>>,
    pub(super) error_type: Option<Box<str>>,
    pub(super) end_ms: Option<i64>,
    /// `true` if `status` is inferred by Ray's rule for drivers without a submission.
    pub(super) assumed: bool,
    pub(super) exit_code: Option<i32>,
    pub(super) entrypoint: Option<Box<str>>,
    pub(super) start_ms: Option<i64>,
    pub(super) metadata: Option<Vec<(Box<str>, Box<str>)>>,
    pub(super) runtime_env: Option<Box<str>>,
    pub(super) agent: Option<Box<str>>,
    pub(super) node: Option<Box<str>>,
}

impl PartialJob {
    /// Creates a part with a status only.
    pub(super) fn status(status: JobStatus) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Creates a part with status FAILED and Ray's message and error type.
    pub(super) fn failure(message: impl Into<Box<str>>, error_type: &str) -> Self {
        Self {
            status: Some(JobStatus::Failed),
            message: Some(message.into()),
            error_type: Some(error_type.into()),
            ..Self::default()
        }
    }
}

/// Returns a text; `None` if it is empty.
pub(super) fn text(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.into())
}
