//! The output of `ray-history snapshot show`: what is persisted of a session, as text. Text only; no I/O, no clock.

use ray_history_tables::Head;
use std::fmt::Write;

/// Returns what a head holds and names. `key` and `size` are those of its object.
pub fn text(head: &Head, key: &str, size: u64) -> String {
    let (about, session) = (&head.about, &head.about.session);
    let mut text = format!("{}/{}/{}\n", session.namespace, session.cluster, session.session);
    let (writer, options, inputs) = (&about.writer, about.options, &about.inputs);
    let by = if writer.replica.is_empty() { String::new() } else { format!(", {}", writer.replica) };
    let choice = |is: bool, yes: &'static str, no: &'static str| if is { yes } else { no }.to_owned();
    let lines = [
        ("head", format!("{key}, {size} bytes")),
        ("build", format!("{}, fold {}", about.build, about.fold)),
        ("written", format!("{} by ray-history {}{by}", about.written_at, writer.version)),
        ("made of", format!("{} objects, {} bytes, {} records", inputs.objects, inputs.bytes, inputs.records)),
        ("rows", format!("{} attempts, {} profile events", about.attempts, about.profile_events)),
        ("open", format!("{} bytes of memory", about.weight)),
        ("variables", choice(options.clear_environments, "with their values, in the head", "without their values")),
        ("messages", choice(options.messages, "in tables", "not in tables")),
        ("timeline", choice(options.profile_events, "kept", "not kept")),
    ];
    for (name, value) in lines {
        _ = writeln!(text, "{name:<10} {value}");
    }
    text.push_str("\nTables\n");
    for file in &about.tables {
        let name = format!("{} {}", file.name, file.part);
        _ = writeln!(text, "  {name:<28} {:>12} rows {:>14} bytes  {}", file.rows, file.size, file.sha256);
    }
    text.push_str("\nIn the head\n");
    for member in head.members() {
        let rows = member.rows.map_or_else(|| " ".repeat(17), |rows| format!("{rows:>12} rows"));
        _ = writeln!(text, "  {:<28} {rows} {:>14} bytes", member.name, member.size);
    }
    text
}
