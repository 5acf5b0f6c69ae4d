//! What one source tells about a submission.

use super::JobStatus;

/// Every field may be absent: the source does not tell it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Told {
    pub(super) status: Option<JobStatus>,
    /// Told about `status`, as are the four below.
    pub(super) message: Option<Box<str>>,
    pub(super) error_type: Option<Box<str>>,
    pub(super) end_ms: Option<i64>,
    /// Whether `status` is only what Ray would say of a driver of its own.
    pub(super) assumed: bool,
    pub(super) exit_code: Option<i32>,
    pub(super) entrypoint: Option<Box<str>>,
    pub(super) start_ms: Option<i64>,
    pub(super) metadata: Option<Vec<(Box<str>, Box<str>)>>,
    pub(super) runtime_env: Option<Box<str>>,
    pub(super) agent: Option<Box<str>>,
    pub(super) node: Option<Box<str>>,
}

impl Told {
    /// A status and nothing else.
    pub(super) fn status(status: JobStatus) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// A failure: what Ray says and what kind it is of.
    pub(super) fn failure(message: impl Into<Box<str>>, error_type: &str) -> Self {
        Self {
            status: Some(JobStatus::Failed),
            message: Some(message.into()),
            error_type: Some(error_type.into()),
            ..Self::default()
        }
    }
}

/// Absent where empty.
pub(super) fn text(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.into())
}
