//! Describes the gaps of a session, in sentences.

use crate::snapshot::digest::Digest;
use crate::snapshot::gap::count;

/// Returns the reasons for which a comparison with a session may be wrong.
pub(super) fn of(digest: &Digest) -> Vec<Box<str>> {
    let mut lines = Vec::new();
    if !digest.is_over {
        lines.push("Nothing tells that it is over: numbers may grow.".into());
    }
    lines.extend(digest.gaps.iter().map(|gap| gap.message.clone()));
    if let Some(others) = &digest.functions.others {
        let functions = count(others.functions, "function");
        lines.push(format!("{functions} that ran least are not compared one by one.").into());
    }
    if digest.failures.others.groups > 0 {
        let kinds = count(digest.failures.others.groups, "kind");
        lines.push(format!("{kinds} of failures with the fewest each are not compared.").into());
    }
    for (left_out, noun) in [(digest.other_jobs, "job"), (digest.other_nodes, "node")] {
        if left_out > 0 {
            lines.push(format!("{} beyond the limit are not compared.", count(left_out, noun)).into());
        }
    }
    lines
}
