//! The newest spec of the object, as far as it is kept.

use super::known::Known;
use maud::{Markup, html};
use ray_history_obituary::facts::{Group, Spec};
use std::collections::BTreeMap;

/// Returns the spec of the object, else of any object of the obituary; nothing without one.
pub(super) fn spec(known: &Known) -> Markup {
    let facts = &known.document.facts;
    let own = facts.object(&known.document.object.uid).and_then(|object| object.spec.as_ref());
    let any = || facts.objects.iter().find_map(|object| object.spec.as_ref());
    let Some(spec) = own.or_else(any) else { return html! {} };
    html! {
        h2 { "Spec" }
        p.quiet { "Values of environment variables, arguments and annotations are not kept." }
        dl {
            @for (name, value) in words(spec) { dt { (name) } dd.words { (value) } }
            @for group in &spec.groups { dt { "Group " (group.name) } dd.words { (of_group(group)) } }
        }
    }
}

fn words(spec: &Spec) -> Vec<(&'static str, String)> {
    let seconds = |seconds: Option<i64>| seconds.map(|seconds| format!("{seconds} s")).unwrap_or_default();
    let all = [
        ("Ray", spec.ray_version.clone()),
        ("Entrypoint", spec.entrypoint.clone()),
        ("Submitted by", spec.submission_mode.clone()),
        ("Deadline", seconds(spec.active_deadline_seconds)),
        ("Deadline until it runs", seconds(spec.pre_running_deadline_seconds)),
        ("Further attempts", spec.backoff_limit.map(|limit| limit.to_string()).unwrap_or_default()),
        ("Kept after its end", seconds(spec.ttl_seconds_after_finished)),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn of_group(group: &Group) -> Markup {
    let pairs = |pairs: &BTreeMap<String, String>| {
        pairs.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    };
    let [least, wanted, most] =
        group.replicas.map(|count| count.map_or_else(|| "?".to_owned(), |count| count.to_string()));
    let env: Vec<String> = group.env.iter().map(|env| format!("{} ({})", env.name, env.from)).collect();
    let lines = [
        ("Image", group.image.clone()),
        ("Requests", pairs(&group.requests)),
        ("Limits", pairs(&group.limits)),
        ("Node labels", pairs(&group.node_selector)),
        ("Priority", group.priority_class.clone()),
        ("Environment", env.join(", ")),
    ];
    html! {
        @if group.replicas.iter().any(Option::is_some) { div { (wanted) " pods, from " (least) " to " (most) } }
        @for (name, value) in lines { @if !value.is_empty() { div { span.quiet { (name) ": " } (value) } } }
    }
}
