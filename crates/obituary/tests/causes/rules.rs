//! Each rule by the scenes of `scenes/rules/`.

use crate::scenes::rules::rows;
use ray_history_obituary::cause::Code;
use std::collections::BTreeSet;

#[test]
fn each_rule_gives_its_code_certainty_outcome_and_sentence() {
    let mut wrong = Vec::new();
    let mut codes = BTreeSet::new();
    for (number, row) in rows().iter().enumerate() {
        codes.extend(row.cause);
        let document = row.scene.document_of(row.uid);
        let run = document.runs.last().unwrap();
        let first = run.first_cause().map(|cause| (cause.code, cause.certainty));
        let sentence = run.sentence(&document.facts);
        if first != row.cause.zip(row.certainty) || run.outcome != row.outcome || !sentence.contains(row.says) {
            let (expected, says, outcome) = (row.cause, row.says, run.outcome);
            wrong.push(format!("{number} {expected:?} ({says}): {outcome} {first:?} {sentence}\n  {:?}", run.causes));
        }
        assert!(run.causes.iter().all(|cause| !cause.evidence.is_empty()), "{}: a cause without evidence", row.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !codes.contains(code)).collect();
    assert!(missing.is_empty(), "rules without a row: {missing:?}");
}
