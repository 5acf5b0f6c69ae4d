use super::*;
use serde_json::json;

fn answer() -> String {
    json!({
        "a": {"name": "ml/train/session_1"}, "b": {"name": "ml/train/session_2"},
        "incomplete": {"a": ["No task events."], "b": []},
        "changed": [{"what": "rayVersion", "a": "2.54.0", "b": "2.55.0"}],
        "totals": [{"name": "durationSeconds", "a": 60.0, "b": 90.0}, {"name": "lostNodes", "a": 0.0, "b": 0.0}],
        "functions": {"quantiles": {"rows": [{"funcOrClassName": "f", "type": "NORMAL_TASK", "what": "p50Seconds",
            "a": 1.0, "b": 1.5, "costSeconds": 50.0, "isGuess": true}], "omitted": 3}},
        "failures": {"new": {"rows": [{"kind": "task", "funcOrClassName": "f", "errorType": "WORKER_DIED", "detail": "",
            "b": {"attempts": 3}, "explainedBy": "worker SYSTEM_ERROR"}], "omitted": 0}},
        "jobs": {"rows": [{"a": {"name": "train", "status": "SUCCEEDED", "seconds": 10.0}, "alignedBy": "name",
            "b": {"name": "train", "status": "FAILED", "seconds": 20.0, "lastWords": "ValueError: x|y"},
            "changed": [{"what": "runtimeEnv.pip.torch", "a": "torch==2", "b": null}], "costSeconds": 10.0}]},
        "nodes": {"rows": [{"isHead": false, "instanceType": "m5", "b": {"nodes": 2, "lost": 1, "hours": 3.0},
            "costHours": 3.0}]},
        "added": "by a later version"
    })
    .to_string()
}

#[test]
fn a_comparison_is_told_as_text() {
    let expected = "\
What changed

     SESSION
  A  ml/train/session_1
  B  ml/train/session_2

Not all is known, so what follows may be wrong
  A: No task events.

Versions
  WHAT        A       B
  rayVersion  2.54.0  2.55.0

In total
            A     B     DIFFERENCE
  Duration  60 s  90 s  +30 s

Functions: Slower and faster
  COST   A    B                        FUNCTION
  +50 s  1 s  1.5 s  median about ×1.5  f
  … 3 more

New failures
  A  B  WHAT    ERROR        DETAIL
  -  3  task f  WORKER_DIED  explained by worker SYSTEM_ERROR

Jobs
  COST   A                     B                  CHANGED
  +10 s  train SUCCEEDED 10 s  train FAILED 20 s  ValueError: x|y; runtimeEnv.pip.torch: torch==2 → -

Nodes
  COST  A  B                NODES
  +3 h  -  2, 1 lost (3 h)  worker, m5
";
    let told = told(&answer(), Form::Text).unwrap();
    let flat =
        |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    assert_eq!(flat(&told), flat(expected), "{told}");
}

#[test]
fn a_comparison_is_told_as_markdown() {
    let told = told(&answer(), Form::Markdown).unwrap();
    for line in [
        "# What changed",
        "| A | ml/train/session\\_1 |",
        "- A: No task events.",
        "## New failures",
        "| - | 3 | task f | WORKER\\_DIED | explained by worker SYSTEM\\_ERROR |",
        "| +10 s | train SUCCEEDED 10 s | train FAILED 20 s | ValueError: x\\|y; runtimeEnv.pip.torch: torch==2 → - |",
    ] {
        assert!(told.lines().any(|told| told == line), "{line:?} is not in\n{told}");
    }
}

#[test]
fn equal_sessions_differ_in_nothing() {
    assert!(told("{}", Form::Text).unwrap().contains("Nothing differs"));
    assert!(told("[]", Form::Text).is_err() && told("no json", Form::Text).is_err());
}
