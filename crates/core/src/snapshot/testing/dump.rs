//! Text form of a snapshot with every handle resolved, to compare snapshots whose handles differ.

use crate::snapshot::Snapshot;
use crate::snapshot::completeness::EventCounts;
use std::fmt::Write;

/// Returns the text form of attempts; those of two snapshots are equal if their texts are.
pub fn tasks(s: &Snapshot) -> String {
    let mut out = String::new();
    for a in s.tasks.iter() {
        let shape = a.shape();
        let source = a.profile_source().map(|p| (s.str(p.component_type), s.id(p.component_id), s.str(p.node_ip)));
        let log = a.log_info().map(|l| {
            (s.str(l.stdout_file), s.str(l.stderr_file), l.stdout_start, l.stdout_end, l.stderr_start, l.stderr_end)
        });
        let profile: Vec<_> = a.profile().iter().map(|p| (p.start, p.end, s.str(p.name), s.str(p.extra))).collect();
        let ids = [a.actor_id(), a.parent_task_id(), a.placement_group_id(), a.node_id(), a.worker_id()];
        let strings = [
            a.name(),
            a.error_type(),
            shape.func_or_class_name,
            shape.resources,
            shape.runtime_env,
            shape.label_selector,
            shape.fallback_strategy,
            shape.call_site,
        ];
        writeln!(
            out,
            "task {} {} {} {:?} {:?} {:?} {:?} {} {:?} {} {:?} {:?} {:?} {log:?} {source:?} {profile:?}",
            a.task_id(),
            a.attempt_number(),
            a.is_defined(),
            a.is_debugger_paused(),
            [a.is_log_of_worker(), a.is_node_of_owner()],
            ids.map(|id| s.id(id)),
            strings.map(|string| s.str(string)),
            s.text(a.error_message()),
            (shape.task_type, shape.language),
            a.worker_pid(),
            a.job_id(),
            a.states().collect::<Vec<_>>(),
            a.state(),
        )
        .unwrap();
    }
    out
}

/// Returns the text form; two snapshots are equal if theirs are.
pub fn snapshot(s: &Snapshot) -> String {
    let mut out = tasks(s);
    for a in &s.actors {
        let strings =
            [a.name, a.ray_namespace, a.class_name, a.runtime_env, a.resources, a.label_selector, a.call_site];
        let incarnations: Vec<_> =
            a.incarnations.iter().map(|i| (i.since, s.id(i.node), s.id(i.worker), i.pid, i.port)).collect();
        let counts = (a.restarts, a.restarts_lineage, a.restarts_preemption);
        let times = (a.timestamp, a.start, a.end, a.first_seen);
        writeln!(
            out,
            "actor {} {} {:?} {:?} {} {:?} {incarnations:?} {counts:?} {times:?} {}",
            a.id,
            a.defined,
            strings.map(|string| s.str(string)),
            a.state,
            s.str(a.repr_name),
            a.job,
            s.text(a.death_cause)
        )
        .unwrap();
    }
    for n in &s.nodes {
        let strings =
            [n.ip, n.hostname, n.node_name, n.labels, n.resources, n.death_reason].map(|string| s.str(string));
        let flags = (n.defined, n.alive, n.draining, n.is_head);
        writeln!(out, "node {} {strings:?} {flags:?} {} {} {}", n.id, n.start, n.end, s.text(n.death_message)).unwrap();
    }
    for w in &s.workers {
        let times = (w.launch_ms, w.launched_ms, w.start_ms, w.end_ms);
        let strings = [w.worker_type, w.exit_type].map(|string| s.str(string));
        let (node, detail) = (s.id(w.node), s.text(w.exit_detail));
        writeln!(out, "worker {} {node:?} {strings:?} {} {} {:?} {times:?} {detail}", w.id, w.pid, w.job, w.life)
            .unwrap();
    }
    for j in &s.driver_jobs {
        let metadata: Vec<_> = j.metadata.iter().map(|(k, v)| (s.str(*k), s.str(*v))).collect();
        let strings = [j.entrypoint, j.runtime_env].map(|string| s.str(string));
        let node = s.id(j.driver_node);
        let times = (j.created, j.finished);
        writeln!(out, "job {} {} {node:?} {strings:?} {metadata:?} {times:?} {}", j.id, j.defined, j.driver_pid)
            .unwrap();
    }
    let mut completeness = s.completeness.clone();
    // These counts grow with duplicates of the input.
    (completeness.records, completeness.unknown_states) = (0, 0);
    completeness.events = EventCounts::default();
    writeln!(out, "{} {completeness:?}", s.as_of).unwrap();
    out
}
