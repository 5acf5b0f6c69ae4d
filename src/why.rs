//! The output of `ray-history why`: why a run ended, as text. Text only; no I/O, no clock.
//!
//! Items and documents may be of a server of another version, so no field has to be there.

use serde_json::{Value, json};

/// Lines of the timeline. Of more, the first and the last ones are shown.
const LINES: usize = 60;

/// Returns the run in words: a paragraph, the evidence of the first cause, and a timeline.
pub fn text(run: &Value, document: Option<&Value>) -> String {
    let outcome = word(run, "outcome").unwrap_or("Unknown");
    let why = [&run["why"]["sentence"], &run["sentence"]].into_iter().find_map(Value::as_str);
    let mut text = format!("{}\n\n{outcome}: {}\n", title(run), why.unwrap_or("nothing is known of its end."));
    let Some(document) = document else {
        text.push_str("\nKubernetes' side of it was not recorded.\n");
        return text;
    };
    let of_run = shown_run(run, document);
    let causes = list(of_run, "causes");
    if let Some(first) = causes.first() {
        section(
            &mut text,
            "Evidence",
            list(first, "evidence")
                .iter()
                .map(|evidence| line(evidence, "at", &[word(evidence, "about"), word(evidence, "says")])),
        );
        let others = causes.iter().skip(1);
        section(
            &mut text,
            "Other causes",
            others.map(|cause| line(cause, "at", &[word(cause, "code"), word(cause, "subject")])),
        );
    }
    let noticed = list(of_run, "noticed");
    section(
        &mut text,
        "Noticed",
        noticed.iter().map(|cause| line(cause, "at", &[word(cause, "code"), word(cause, "subject")])),
    );
    section(&mut text, "Timeline", timeline(document).into_iter());
    section(&mut text, "Not seen", list(document, "unseen").iter().filter_map(Value::as_str).map(str::to_owned));
    if document["leftOut"].is_object() {
        text.push_str("\nTexts of logs are left out: they need the right to read logs.\n");
    }
    text
}

/// Returns the run and its document as one JSON object.
pub fn json(run: &Value, document: Option<&Value>) -> String {
    json!({"run": run, "document": document}).to_string()
}

fn title(run: &Value) -> String {
    let namespace = word(run, "namespace").unwrap_or_default();
    let object = &run["object"];
    let name = match (word(object, "kind"), word(object, "name")) {
        (Some(kind), Some(name)) => format!("{kind}/{namespace}/{name}"),
        _ => format!("raycluster/{namespace}/{}", word(run, "cluster").unwrap_or_default()),
    };
    let session = word(run, "session").or_else(|| list(run, "sessions").last().and_then(Value::as_str));
    match session {
        Some(session) => format!("{name}, {session}"),
        None => format!("{name}, no session"),
    }
}

/// Returns the run within its document: the one with this head pod or cluster, else the last.
fn shown_run<'a>(run: &Value, document: &'a Value) -> &'a Value {
    let runs = list(document, "runs");
    let name = word(&run["object"], "run");
    let is_it = |of: &&Value| name.is_some() && [word(of, "headPod"), word(of, "cluster")].contains(&name);
    runs.iter().find(is_it).or_else(|| runs.last()).unwrap_or(&Value::Null)
}

/// Returns what happened, in the order of time.
fn timeline(document: &Value) -> Vec<String> {
    let mut happened: Vec<(String, String)> = Vec::new();
    let mut add = |at: Option<&str>, words: &[Option<&str>]| {
        if let Some(at) = at {
            happened.push((at.to_owned(), joined(words)));
        }
    };
    for object in list(document, "objects") {
        let name = [word(object, "kind"), word(object, "name")];
        for (field, what) in [("createdAt", "was created"), ("readyAt", "was ready"), ("deletedAt", "was deleted")] {
            add(word(object, field), &[name[0], name[1], Some(what)]);
        }
    }
    for attempt in list(document, "attempts") {
        let cluster = word(attempt, "cluster");
        add(word(attempt, "from"), &[Some("an attempt began on"), cluster]);
        let ended = [Some("the attempt ended on"), cluster, word(attempt, "jobStatus"), word(attempt, "reason")];
        add(word(attempt, "to"), &ended);
    }
    for condition in list(document, "conditions") {
        let words = ["about", "type", "status", "reason", "message"].map(|field| word(condition, field));
        add(word(condition, "at"), &words);
    }
    for pod in list(document, "pods") {
        let name = word(pod, "name");
        add(word(pod, "createdAt"), &[Some("Pod"), name, Some("was created")]);
        for container in list(pod, "containers") {
            for ended in list(container, "ended") {
                let exit = ended["exit"].as_i64().map(|exit| format!("exit code {exit}"));
                let words = [
                    Some("Pod"),
                    name,
                    word(container, "name"),
                    Some("ended:"),
                    word(ended, "reason"),
                    exit.as_deref(),
                ];
                add(word(ended, "at"), &words);
            }
        }
        add(word(pod, "deletedAt"), &[Some("Pod"), name, Some("was to be deleted")]);
    }
    for event in list(document, "events") {
        let at = word(event, "at").or_else(|| word(event, "first"));
        add(at, &["type", "reason", "about", "note"].map(|field| word(event, field)));
    }
    happened.sort();
    let mut lines: Vec<String> = happened.into_iter().map(|(at, words)| format!("{}  {words}", time(&at))).collect();
    if lines.len() > LINES {
        let left_out = lines.len() - LINES;
        lines.splice(LINES / 2..LINES / 2 + left_out, [format!("… {left_out} more")]);
    }
    lines
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.filter(|line| !line.trim().is_empty()).map(|line| format!("  {line}\n")).collect();
    if !lines.is_empty() {
        text.extend(["\n", title, "\n", lines.concat().as_str()]);
    }
}

fn line(item: &Value, at: &str, words: &[Option<&str>]) -> String {
    match word(item, at) {
        Some(at) => format!("{}  {}", time(at), joined(words)),
        None => joined(words),
    }
}

/// Returns words in one line.
fn joined(words: &[Option<&str>]) -> String {
    let words = words.iter().flatten().flat_map(|word| word.split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}

/// Returns a time to the second.
fn time(at: &str) -> String {
    match (at.get(..19), at.ends_with('Z')) {
        (Some(start), true) => format!("{}Z", start.replacen('T', " ", 1)),
        _ => at.to_owned(),
    }
}

fn word<'a>(item: &'a Value, field: &str) -> Option<&'a str> {
    item[field].as_str().filter(|text| !text.is_empty())
}

fn list<'a>(item: &'a Value, field: &str) -> &'a [Value] {
    item[field].as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({
            "objects": [{"kind": "RayCluster", "name": "rc", "createdAt": "2026-11-23T07:07:00Z"}],
            "pods": [{"name": "rc-head", "containers": [
                {"name": "ray-head", "ended": [{"at": "2026-11-23T08:00:00.5Z", "reason": "OOMKilled", "exit": 137}]}
            ]}],
            "events": [{"first": "2026-11-23T07:08:00Z", "type": "Normal", "reason": "Created", "note": "a\nb"}],
            "runs": [
                {"headPod": "old", "causes": [{"code": "Drained"}]},
                {"headPod": "head", "causes": [
                    {"code": "HeadOOM", "evidence": [{"at": "2026-11-23T08:00:00Z", "about": "Pod rc-head", "says": "OOMKilled"}]},
                    {"code": "Deleted", "subject": "RayCluster rc"}
                ]}
            ],
            "unseen": ["nodes: forbidden"],
            "leftOut": {}
        })
    }

    #[test]
    fn run_is_told_with_evidence_and_timeline() {
        let run = json!({"namespace": "ml", "cluster": "rc", "outcome": "Failed", "session": "session_1",
            "object": {"kind": "raycluster", "name": "rc", "run": "head"}, "why": {"sentence": "The head ran out of memory."}});
        let expected = "\
raycluster/ml/rc, session_1

Failed: The head ran out of memory.

Evidence
  2026-11-23 08:00:00Z  Pod rc-head OOMKilled

Other causes
  Deleted RayCluster rc

Timeline
  2026-11-23 07:07:00Z  RayCluster rc was created
  2026-11-23 07:08:00Z  Normal Created a b
  2026-11-23 08:00:00Z  Pod rc-head ray-head ended: OOMKilled exit code 137

Not seen
  nodes: forbidden

Texts of logs are left out: they need the right to read logs.
";
        assert_eq!(text(&run, Some(&document())), expected);
    }

    /// Items are of a server of another version.
    #[test]
    fn odd_items_are_told_too() {
        for (run, document) in [
            (json!(null), None),
            (
                json!({"outcome": 7, "why": "x", "object": []}),
                Some(json!({"runs": {}, "pods": [null, 7], "events": "x"})),
            ),
        ] {
            let told = text(&run, document.as_ref());
            assert!(told.contains("Unknown: nothing is known"), "{told}");
            assert!(serde_json::from_str::<Value>(&json(&run, document.as_ref())).is_ok());
        }
    }

    #[test]
    fn long_timelines_keep_their_ends() {
        let events: Vec<Value> = (0..500)
            .map(|n| json!({"first": format!("2026-11-23T07:{:02}:{:02}Z", n / 60, n % 60), "note": format!("n{n}")}))
            .collect();
        let lines = timeline(&json!({"events": events}));
        assert_eq!(lines.len(), LINES + 1);
        assert!(lines[0].ends_with("n0") && lines[LINES].ends_with("n499") && lines[30] == "… 440 more");
    }
}
