//! `/api/v0/tasks/timeline`: profile events of all tasks as a Chrome trace, generated while it is sent.
//!
//! Driver tasks are left out. Nodes are processes, workers are threads; both are numbered in the order of their first
//! occurrence. Source: `chrome_tracing_dump` in `ray/_private/profiling.py`.

use super::tasks::{self, Tasks};
use crate::json::JsonWriter;
use crate::pieces::PIECE;
use crate::{Answer, Query, RayError};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use ray_history_core::base::id::push_hex;
use ray_history_core::event::reader::Reader;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::{Id, Str};
use ray_history_core::snapshot::task::{Attempt, OWN_TASK_ID, ProfileRow, ProfileSource};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most bytes of extra data whose parsed form is cached; usually only few texts are distinct.
const MAX_EXTRAS: usize = 4 << 20;

/// Answers `/api/v0/tasks/timeline`.
pub fn timeline(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let job = query.get("job_id");
    let filters = job.filter(|job| !job.is_empty()).map(|job| {
        [("filter_keys", "job_id"), ("filter_predicates", "="), ("filter_values", job)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec()
    });
    let filtered = Query { parameters: filters.unwrap_or_default(), redact: query.redact, ..Query::default() };
    let rows = tasks::select(&Tasks::new(Arc::clone(snapshot), false), &filtered, true)?.rows;
    let mut answer = Answer::json_chunks(Trace::new(Arc::clone(snapshot), rows));
    if query.get("download") == Some("1") {
        // Ray uses the time of the download; a dead session only has that of its last event.
        let at = jiff::Timestamp::from_nanosecond(snapshot.as_of.into()).unwrap_or_default();
        let name = format!("timeline-{}-{}.json", job.unwrap_or("None"), at.strftime("%Y-%m-%d_%H-%M-%S"));
        answer.attachment = Some(name);
    }
    Ok(answer)
}

/// Parsed extra data of a profile event, without the members that Ray overwrites.
struct Extra {
    name: Option<String>,
    cname: Option<String>,
    /// Members of a JSON object, each followed by a comma, with `OWN_TASK_ID` in place of the task's own id.
    members: Vec<u8>,
}

struct Trace {
    snapshot: Arc<Snapshot>,
    rows: Vec<u32>,
    /// Indexes of the next attempt and of its next event.
    at: (usize, usize),
    nodes: Vec<Str>,
    node_numbers: HashMap<Str, u32, RandomState>,
    threads: Vec<(u32, ProfileSource)>,
    thread_numbers: HashMap<(Str, Id, Str), (u32, u32), RandomState>,
    extras: HashMap<Str, Arc<Extra>, RandomState>,
    extras_bytes: usize,
    writer: JsonWriter,
    started: bool,
    ended: bool,
}

impl Trace {
    fn new(snapshot: Arc<Snapshot>, rows: Vec<u32>) -> Self {
        Self {
            snapshot,
            rows,
            at: (0, 0),
            nodes: Vec::new(),
            node_numbers: HashMap::default(),
            threads: Vec::new(),
            thread_numbers: HashMap::default(),
            extras: HashMap::default(),
            extras_bytes: 0,
            writer: JsonWriter::with_capacity(PIECE + 4096),
            started: false,
            ended: false,
        }
    }

    /// Returns the process and thread of an attempt's events, or `None` for components that Ray leaves out.
    fn thread(&mut self, source: &ProfileSource) -> Option<(u32, u32)> {
        if !matches!(self.snapshot.str(source.component_type), "worker" | "driver") {
            return None;
        }
        let (nodes, numbers, threads) = (&mut self.nodes, &mut self.node_numbers, &mut self.threads);
        let key = (source.component_type, source.component_id, source.node_ip);
        Some(*self.thread_numbers.entry(key).or_insert_with(|| {
            let node = *numbers.entry(source.node_ip).or_insert_with(|| {
                nodes.push(source.node_ip);
                nodes.len() as u32 - 1
            });
            threads.push((node, *source));
            (node, threads.len() as u32 - 1)
        }))
    }

    fn extra(&mut self, handle: Str) -> Arc<Extra> {
        if self.extras_bytes > MAX_EXTRAS {
            self.extras.clear();
            self.extras_bytes = 0;
        }
        let extra = self.extras.entry(handle).or_insert_with(|| {
            let json = self.snapshot.str(handle);
            self.extras_bytes += json.len();
            Arc::new(Extra::parse(json))
        });
        Arc::clone(extra)
    }

    fn write_event(&mut self, attempt: &Attempt<'_>, event: &ProfileRow, (pid, tid): (u32, u32)) {
        let extra = self.extra(event.extra);
        let (snapshot, w) = (&self.snapshot, &mut self.writer);
        let event_name = snapshot.str(event.name);
        let (start, end) = (event.start as f64 / 1e6 * 1e3, event.end as f64 / 1e6 * 1e3);
        w.begin_object();
        w.key("cat");
        w.string(event_name);
        w.key("name");
        let name = extra.name.as_deref().unwrap_or(event_name);
        if name.as_bytes().contains(&OWN_TASK_ID) {
            w.string(&name.replace(char::from(OWN_TASK_ID), &attempt.task_id().hex()));
        } else {
            w.string(name);
        }
        w.key("pid");
        w.int(pid);
        w.key("tid");
        w.int(tid);
        w.key("ts");
        w.float(start);
        w.key("dur");
        w.float(end - start);
        w.key("cname");
        w.string(colour(extra.cname.as_deref().unwrap_or(event_name)));
        w.key("args");
        w.raw_with(|out| {
            out.push(b'{');
            if !extra.members.is_empty() {
                attempt.push_extra_data(&extra.members, out);
            }
            out.extend_from_slice(b"\"task_id\":\"");
            push_hex(out, &attempt.task_id().0);
            out.push(b'"');
        });
        for (key, id) in [("job_id", &attempt.job_id().0[..]), ("actor_id", snapshot.id(attempt.actor_id()))] {
            w.key(key);
            if id.is_empty() { w.null() } else { w.hex(id) }
        }
        w.key("attempt_number");
        w.int(attempt.attempt_number());
        w.key("func_or_class_name");
        w.string(snapshot.str(attempt.shape().func_or_class_name));
        w.end_object();
        w.key("ph");
        w.string("X");
        w.end_object();
    }

    /// Writes the names of processes and threads, which follow all events.
    fn write_names(&mut self) {
        let (snapshot, w) = (&self.snapshot, &mut self.writer);
        for (pid, node) in self.nodes.iter().enumerate() {
            write_name(w, "process_name", &format!("Node {}", snapshot.str(*node)), pid, None);
        }
        for (tid, (pid, source)) in self.threads.iter().enumerate() {
            let mut name = format!("{}:", snapshot.str(source.component_type)).into_bytes();
            push_hex(&mut name, snapshot.id(source.component_id));
            write_name(w, "thread_name", &String::from_utf8_lossy(&name), *pid as usize, Some(tid));
        }
    }
}

impl Iterator for Trace {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        if !self.started {
            self.started = true;
            self.writer.begin_array();
        }
        let snapshot = Arc::clone(&self.snapshot);
        while self.writer.len() < PIECE {
            let (row, event) = self.at;
            let Some(&number) = self.rows.get(row) else {
                self.write_names();
                self.writer.end_array();
                self.ended = true;
                break;
            };
            let attempt = snapshot.tasks.get(number as usize);
            let events = attempt.profile().get(event..).unwrap_or_default();
            self.at = (row + 1, 0);
            let Some(thread) = attempt.profile_source().and_then(|source| self.thread(source)) else { continue };
            for (done, next) in events.iter().enumerate() {
                if self.writer.len() >= PIECE {
                    self.at = (row, event + done);
                    break;
                }
                self.write_event(&attempt, next, thread);
            }
        }
        Some(self.writer.take())
    }
}

impl Extra {
    /// Splits strict JSON into members without parsing values, which keeps the digits of numbers. The byte that stands
    /// for the task's own id occurs in no text.
    fn parse(json: &str) -> Self {
        let (mut name, mut cname) = (None, None);
        let mut members = BTreeMap::new();
        // Members before an error are kept; `strict` admits only valid JSON to a snapshot.
        let _ = Reader::new(json).object(|r, raw_key| {
            let key = r.text_of(raw_key)?;
            let raw = r.skip()?;
            match &*key {
                "task_id" | "job_id" | "attempt_number" | "func_or_class_name" | "actor_id" => return Ok(()),
                "name" => name = Some(Reader::new(raw).string()?.into_owned()),
                "cname" => cname = Some(Reader::new(raw).string()?.into_owned()),
                _ => {}
            }
            members.insert(key, format!("\"{raw_key}\":{raw},"));
            Ok(())
        });
        Self { name, cname, members: members.into_values().collect::<String>().into_bytes() }
    }
}

fn write_name(w: &mut JsonWriter, event_name: &str, name: &str, pid: usize, tid: Option<usize>) {
    w.begin_object();
    w.key("name");
    w.string(event_name);
    w.key("args");
    w.begin_object();
    w.key("name");
    w.string(name);
    w.end_object();
    w.key("pid");
    w.int(pid);
    w.key("tid");
    match tid {
        Some(tid) => w.int(tid),
        None => w.null(),
    }
    w.key("ph");
    w.string("M");
    w.end_object();
}

/// Returns Ray's colour of an event, `generic_work` by default.
fn colour(name: &str) -> &'static str {
    match name {
        "worker_idle" => "cq_build_abandoned",
        "task" => "rail_response",
        "task:deserialize_arguments" => "rail_load",
        "task:execute" => "rail_animation",
        "task:store_outputs" => "rail_idle",
        "wait_for_function" | "fetch_and_run_function" | "register_remote_function" => "detailed_memory_dump",
        "ray.get" => "good",
        "ray.put" => "terrible",
        "ray.wait" => "vsync_highlight_color",
        "submit_task" => "background_memory_dump",
        _ => "generic_work",
    }
}
