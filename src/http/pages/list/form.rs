//! The form that filters the list of sessions.

use super::{CURSORS, query};
use maud::{Markup, html};
use ray_history_core::base::name::OwnerKind;

/// Number of namespaces up to which the form offers a choice instead of a text field.
pub(super) const CHOICES: usize = 30;

/// The fields of the form: parameter, label, kind of field.
const FIELDS: [(&str, &str, &str); 13] = [
    ("namespace", "Namespace", "text"),
    ("cluster", "Cluster", "text"),
    ("ownerKind", "Created by a", "rayjob rayservice"),
    ("owner", "Name of its creator", "text"),
    ("outcome", "Outcome", "failed succeeded stopped unknown"),
    ("cause", "Cause", "text"),
    ("errorType", "Ray's error type", "text"),
    ("state", "State", "live dead unknown"),
    ("completeness", "Completeness", "complete complete-to gaps no-known-gaps"),
    ("expiring", "Marked for deletion", "true"),
    ("startedAfter", "Started from", "date"),
    ("startedBefore", "Started before", "date"),
    ("sort", "Sorted by", "-started duration -duration outcome -outcome"),
];

/// Returns the form with the given values. `namespaces` has all namespaces if there are at most `CHOICES`.
pub(super) fn form(given: &[(String, String)], namespaces: Option<&[&str]>) -> Markup {
    let value_of = |name: &str| given.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value);
    let filtered = FIELDS.iter().any(|(name, ..)| !value_of(name).is_empty());
    let others = query(given, |name| !CURSORS.contains(&name) && !name.starts_with("started"));
    let and = if others.is_empty() { "" } else { "&" };
    html! {
        form id="filter" role="search" action="./" {
            input id="search" name="q" type="search" value=(value_of("q"))
                placeholder="Search: names of clusters, namespaces, jobs, services" autofocus
                aria-label="Search sessions" aria-keyshortcuts="/";
            // Keys of metadata have no fields; those of a link are kept.
            @for (name, value) in given.iter().filter(|(name, _)| name.starts_with("metadata.")) {
                input type="hidden" name=(name) value=(value);
            }
            " " button { "Search" }
            details open[filtered] {
                summary { "Filters" }
                div.fields { @for (name, label, kind) in FIELDS { (field(name, label, kind, value_of(name), namespaces)) } }
                a href="./" { "Clear all" }
            }
            p.spans {
                "Started in the"
                @for (span, words) in [("24h", "last 24 h"), ("7d", "last 7 days")] {
                    " "
                    a href={ "./?" (others) (and) "startedAfter=" (span) }
                        aria-current=[(value_of("startedAfter") == span).then_some("true")] { (words) }
                }
            }
        }
    }
}

fn field(name: &str, label: &str, kind: &str, value: &str, namespaces: Option<&[&str]>) -> Markup {
    let choices: Option<Vec<&str>> = match kind {
        "text" | "date" => namespaces.filter(|known| name == "namespace" && known.len() > 1).map(<[&str]>::to_vec),
        words => Some(words.split(' ').collect()),
    };
    // Links may spell words as our API does, with capitals.
    let lower = value.to_ascii_lowercase();
    let value = if matches!(kind, "text" | "date") { value } else { &lower };
    // A value from a link that is not among the choices is kept as text.
    let choices = choices.filter(|choices| value.is_empty() || choices.contains(&value));
    // A time or a span from a link does not fit a date field.
    let is_date = kind == "date" && [0, 10].contains(&value.len());
    html! {
        label {
            (label)
            @if let Some(choices) = choices {
                select name=(name) {
                    option value="" { @if name == "sort" { "start, newest first" } @else { "any" } }
                    @for choice in choices {
                        option value=(choice) selected[choice == value] { (label_of(choice)) }
                    }
                }
            } @else {
                input type=[is_date.then_some("date")] name=(name) value=(value);
            }
        }
    }
}

/// Returns the label of a form value.
fn label_of(value: &str) -> &str {
    match value {
        "true" => "yes",
        "-started" => "start, oldest first",
        "duration" => "duration, longest first",
        "-duration" => "duration, shortest first",
        "outcome" => "outcome, failed first",
        "-outcome" => "outcome, succeeded first",
        _ => OwnerKind::from_folder(value).map_or(value, |kind| kind.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_links_are_choices_and_other_values_are_kept_as_text() {
        for (name, value, expected) in [
            ("outcome", "Failed", r#"<option value="failed" selected>"#),
            ("ownerKind", "RayJob", r#"<option value="rayjob" selected>"#),
            ("outcome", "lost", r#"<input name="outcome" value="lost">"#),
            ("namespace", "ML", r#"<input name="namespace" value="ML">"#),
            ("namespace", "ml", r#"<option value="ml" selected>"#),
        ] {
            let shown = form(&[(name.to_owned(), value.to_owned())], Some(&["ml", "team"])).into_string();
            assert!(shown.contains(expected), "{name}={value}: {shown}");
        }
    }
}
