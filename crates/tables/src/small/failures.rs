//! The table `failures`: the digest of what failed, for queries; the rest that is only counted is the last row.

use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Int, Micros, Text};
use crate::rows::Table;
use ray_history_core::snapshot::failures::{FailureGroup, Failures, Others, Sample};

pub(crate) const TABLE: Table = Table {
    name: "failures",
    columns: &[
        ("kind", Text),
        ("job_id", Text),
        ("func_or_class_name", Text),
        ("error_type", Text),
        ("detail", Text),
        ("fingerprint", Text),
        ("attempts", Int),
        ("tasks", Int),
        ("recovered", Int),
        ("first_at", Micros),
        ("last_at", Micros),
        ("nodes", Int),
        ("workers", Int),
        ("sample_id", Text),
        ("sample_attempt", Int),
        ("sample_node_id", Text),
        ("sample_worker_id", Text),
        ("sample_message", Text),
        ("caused_by", Int),
    ],
};

pub(crate) fn write(failures: &Failures, stamp: &Stamp, messages: bool) -> Result<(Vec<u8>, Expected), Error> {
    let count = |number: u64| Some(i64::try_from(number).unwrap_or(i64::MAX));
    let Others { groups, .. } = failures.others;
    let rest = (groups > 0).then(|| others(&failures.others));
    TABLE.write(stamp, failures.groups.iter().chain(&rest), |out, group| {
        let FailureGroup { kind, job_id, func_or_class_name, error_type, detail, fingerprint, .. } = group;
        let FailureGroup { attempts, tasks, recovered, first_at, last_at, nodes, workers, sample, caused_by, .. } =
            group;
        let is_rest = &**func_or_class_name == OTHERS;
        out.text((!is_rest).then_some(kind.as_str()));
        out.str(job_id);
        out.str(func_or_class_name);
        out.str(error_type);
        out.text(Some(&**detail).filter(|detail| messages && !detail.is_empty()));
        out.text((!is_rest).then(|| fingerprint.to_string()).as_deref());
        for number in [attempts, tasks, recovered] {
            out.int(count(*number));
        }
        out.micros(*first_at);
        out.micros(*last_at);
        out.int(count(*nodes));
        out.int(count(*workers));
        let Sample { id, attempt, node_id, worker_id, at: _, message } = sample;
        out.str(id);
        out.int(attempt.map(i64::from));
        out.str(node_id);
        out.str(worker_id);
        out.text(Some(&**message).filter(|message| messages && !message.is_empty()));
        out.int(caused_by.and_then(|row| i64::try_from(row).ok()));
    })
}

/// Stands for the function of all groups that are only counted.
const OTHERS: &str = "(others)";

fn others(others: &Others) -> FailureGroup {
    let Others { groups: _, attempts, tasks, recovered, first_at, last_at } = *others;
    FailureGroup {
        kind: ray_history_core::snapshot::failures::FailureKind::Task,
        job_id: "".into(),
        func_or_class_name: OTHERS.into(),
        error_type: "".into(),
        detail: "".into(),
        fingerprint: Default::default(),
        attempts,
        tasks,
        recovered,
        first_at,
        last_at,
        nodes: 0,
        workers: 0,
        sample: Sample::default(),
        caused_by: None,
    }
}
