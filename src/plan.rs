//! The output of `ray-history retention`: a plan as a table, and what a run did. Text only; no I/O, no clock.
//!
//! Plans may be of a server of another version, so no field has to be there.

use crate::escape::escaped;
use ray_history_retention::Run;
use serde_json::Value;

/// Returns a plan of the API as a table, with its numbers before it.
pub fn plan(plan: &Value) -> String {
    let mode = plan["mode"].as_str().unwrap_or("Off");
    let mut lines = vec![format!("mode {mode}")];
    if plan["plannedAt"].is_null() {
        let why = if mode == "Off" { "everything is kept" } else { "no plan was made yet" };
        return format!("mode {mode}: {why}\n");
    }
    for (word, count) in plan["sessions"].as_object().into_iter().flatten() {
        lines.push(format!("{:>8}  {}", count.as_u64().unwrap_or_default(), escaped(word)));
    }
    let sessions = plan["plan"].as_array().map_or(&[][..], Vec::as_slice);
    if !sessions.is_empty() {
        lines.push(String::new());
    }
    for session in sessions {
        let word = |name: &str| escaped(session[name].as_str().unwrap_or_default());
        let date = match session["notBefore"].as_str().and_then(|time| time.get(..10)) {
            Some(day) => format!(" (marked: not before {})", escaped(day)),
            None => String::new(),
        };
        lines.push(format!(
            "{}/{}/{}  {}{date}: {}",
            word("namespace"),
            word("cluster"),
            word("session"),
            word("decision"),
            word("why")
        ));
    }
    if plan["isCut"] == true {
        lines.push("… and more".to_owned());
    }
    lines.join("\n") + "\n"
}

/// Returns `true` if a plan has no session to show.
pub fn is_empty(plan: &Value) -> bool {
    plan["plan"].as_array().is_none_or(Vec::is_empty)
}

/// Returns the numbers of a run.
pub fn summary(run: &Run) -> String {
    let Run { marked, unmarked, deleted, objects, bytes, plan, .. } = run;
    format!(
        "{marked} marked, {unmarked} unmarked, {deleted} deleted ({objects} objects, {bytes} bytes); {} are marked and \
         wait, {} stay\n",
        (plan.marked.sessions + marked).saturating_sub(unmarked + deleted),
        plan.kept.values().sum::<u64>()
    )
}

#[cfg(test)]
mod tests {
    fn plan(text: &str) -> String {
        super::plan(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn plans_of_any_version_are_shown() {
        for odd in ["{}", "[]", "null", r#"{"plan": [1], "plannedAt": "x", "sessions": {"live": "x"}}"#] {
            plan(odd);
        }
        assert_eq!(plan(r#"{"mode": "Off"}"#), "mode Off: everything is kept\n");
        let shown = plan(
            r#"{"mode": "Delete", "plannedAt": "2026-11-30T00:00:00Z", "sessions": {"live": 2}, "plan": [{"namespace": "ml",
            "cluster": "a\u001b[31m", "session": "s", "decision": "expire", "why": "rule 1", "notBefore": "2026-12-07T01:02:03Z"}]}"#,
        );
        assert!(shown.contains("       2  live\n\nml/a") && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.ends_with("expire (marked: not before 2026-12-07): rule 1\n"), "{shown}");
    }
}
