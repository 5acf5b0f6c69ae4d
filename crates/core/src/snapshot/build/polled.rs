//! Lists of the State API that a collector stored: profile events from `/api/v0/tasks?detail=1`, and `workers`.
//!
//! Ray before 2.55 replaces an attempt's profile event with the next one until it sends a batch of events
//! (`TaskProfileEvent::ToRpcRayEvents` in `task_event_buffer.cc`), so most are in no event. The GCS gets all of them.
//! The times of the answer are milliseconds in a double, which is a quarter of a microsecond.

mod workers;

use super::{Builder, Nanos};
use crate::base::id::{TaskId, WorkerId};
use crate::event::reader::{Reader, Result};
use std::borrow::Cow;
pub(super) use workers::PolledWorker;

/// Most profile events that are taken from an answer; Ray lists 10,000 attempts.
const MAX_SPANS: usize = 1_000_000;

/// An attempt of an answer, with its profile events.
#[derive(Debug, Default)]
pub(super) struct PolledAttempt<'a> {
    pub(super) id: Option<TaskId>,
    pub(super) attempt: i64,
    pub(super) component_type: Cow<'a, str>,
    pub(super) component_id: Option<WorkerId>,
    pub(super) node_ip: Cow<'a, str>,
    pub(super) spans: Vec<PolledSpan<'a>>,
}

/// One profile event.
#[derive(Debug, Default)]
pub(super) struct PolledSpan<'a> {
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    pub(super) name: Cow<'a, str>,
    /// JSON text.
    pub(super) extra: &'a str,
}

/// Returns `true` if a stored answer is a list that the tables take over: no request is answered with it.
pub fn is_polled_list(url: &str) -> bool {
    matches!(list_of(url), TASKS | WORKERS)
}

const TASKS: &str = "api/v0/tasks";
const WORKERS: &str = "api/v0/workers";

/// Returns the path of a list with details; empty for other URLs.
fn list_of(url: &str) -> &str {
    url.split_once('?').map_or("", |(path, _)| path)
}

impl Builder {
    /// Takes over a stored list. Call it when all events are folded.
    pub fn add_polled(&mut self, url: &str, body: &str) {
        match list_of(url) {
            TASKS => self.add_polled_tasks(body),
            WORKERS => self.add_polled_workers(body),
            _ => {}
        }
    }

    /// Adds the profile events of a stored task list that the events folded so far lack.
    ///
    /// Attempts that no event has are left out. Rows before an error are used.
    fn add_polled_tasks(&mut self, body: &str) {
        let (mut attempts, mut spans) = (Vec::new(), 0);
        let _ = rows(body, |r| {
            let attempt = row(r, MAX_SPANS - spans)?;
            spans += attempt.spans.len();
            attempts.extend((!attempt.spans.is_empty()).then_some(attempt));
            Ok(())
        });
        self.tasks.add_polled(&mut self.values, &attempts);
    }
}

/// Calls a function with each row of a stored answer of the State API.
fn rows<'a>(body: &'a str, mut each: impl FnMut(&mut Reader<'a>) -> Result<()>) -> Result<()> {
    Reader::new(body).object(|r, _| {
        r.object(|r, _| {
            r.object(|r, key| match key {
                "result" => r.array(&mut each),
                _ => r.skip().map(|_| ()),
            })
        })
    })
}

/// Reads a row, and at most `room` profile events of it.
fn row<'a>(r: &mut Reader<'a>, room: usize) -> Result<PolledAttempt<'a>> {
    let mut out = PolledAttempt::default();
    r.object(|r, key| {
        match key {
            "task_id" => out.id = TaskId::from_hex(&r.string()?),
            "attempt_number" => out.attempt = r.int()?,
            "profiling_data" => profile(r, &mut out, room)?,
            _ => drop(r.skip()?),
        }
        Ok(())
    })?;
    Ok(out)
}

fn profile<'a>(r: &mut Reader<'a>, out: &mut PolledAttempt<'a>, room: usize) -> Result<()> {
    r.object(|r, key| {
        match key {
            "component_type" => out.component_type = r.string()?,
            "component_id" => out.component_id = WorkerId::from_hex(&r.string()?),
            "node_ip_address" => out.node_ip = r.string()?,
            "events" => r.array(|r| {
                let span = span(r)?;
                out.spans.extend((out.spans.len() < room).then_some(span));
                Ok(())
            })?,
            _ => drop(r.skip()?),
        }
        Ok(())
    })
}

fn span<'a>(r: &mut Reader<'a>) -> Result<PolledSpan<'a>> {
    let mut out = PolledSpan::default();
    r.object(|r, key| {
        match key {
            "start_time" => out.start = nanos(r.float()?),
            "end_time" => out.end = nanos(r.float()?),
            "event_name" => out.name = r.string()?,
            "extra_data" => out.extra = r.skip()?,
            _ => drop(r.skip()?),
        }
        Ok(())
    })?;
    Ok(out)
}

fn nanos(ms: f64) -> Nanos {
    (ms * 1e6).round() as Nanos
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::Facts;
    use base64::prelude::*;
    use std::fmt::Write as _;

    const SECOND: Nanos = 1_000_000_000;

    fn fold(start: Nanos, end: Nanos) -> Builder {
        let mut builder = Builder::new("session");
        let event = serde_json::json!({"eventType": "TASK_PROFILE_EVENT", "timestamp": "2026-11-30T00:00:00Z",
            "taskProfileEvents": {"taskId": BASE64_STANDARD.encode([1; 24]), "profileEvents": {
                "componentType": "worker", "events": [{"startTime": start.to_string(), "endTime": end.to_string(),
                    "eventName": "task::f", "extraData": "{}"}]}}});
        builder.fold_record("file", 0, event.to_string().as_bytes());
        builder
    }

    fn polled(spans: &[(f64, f64, &str)]) -> String {
        let mut events = String::new();
        for (start, end, name) in spans {
            let comma = if events.is_empty() { "" } else { ", " };
            write!(
                events,
                r#"{comma}{{"start_time": {start:?}, "end_time": {end:?}, "extra_data": {{}}, "event_name": "{name}"}}"#
            )
            .unwrap();
        }
        let id = "01".repeat(24);
        format!(
            r#"{{"result": true, "msg": "", "data": {{"result": {{"total": 2, "result": [
            {{"task_id": "{other}", "attempt_number": 0, "profiling_data": {{"events": [{events}]}}}},
            {{"task_id": "{id}", "attempt_number": 0, "name": "f", "profiling_data": {{"component_type": "worker",
            "component_id": "{worker}", "node_ip_address": "::1", "events": [{events}]}}}}]}}}}}}"#,
            other = "02".repeat(24),
            worker = "03".repeat(28),
        )
    }

    fn names(builder: Builder) -> Vec<(String, Nanos, Nanos)> {
        let snapshot = builder.finish(&Facts::default());
        assert_eq!(snapshot.tasks.len(), 1, "a list adds no attempt");
        let rows = snapshot.tasks.get(0).profile().iter();
        rows.map(|row| (snapshot.str(row.name).to_owned(), row.start / 1_000, row.end / 1_000)).collect()
    }

    #[test]
    fn only_events_that_were_not_sent_are_added() {
        let start = 1_795_997_397 * SECOND + 922_991_234;
        let ms = |nanos: Nanos| nanos as f64 / 1e6;
        let mut builder = fold(start, start + 900_300);
        let list = polled(&[
            (ms(start), ms(start + 900_300), "task::f"),
            (ms(start + 8_000), ms(start + 60_000), "task:deserialize_arguments"),
        ]);
        for _ in 0..2 {
            builder.add_polled_tasks(&list);
        }
        let us = start / 1_000;
        assert_eq!(
            names(builder),
            [("task:deserialize_arguments".into(), us + 8, us + 60), ("task::f".into(), us, us + 900)]
        );
    }

    #[test]
    fn a_damaged_list_adds_what_comes_before_the_damage() {
        let list = polled(&[(1e12, 1e12, "task:execute")]);
        for (cut, added) in [(list.len(), 2), (list.len() - 3, 2), (list.len() - 6, 1), (0, 1)] {
            let mut builder = fold(SECOND, SECOND);
            builder.add_polled_tasks(&list[..cut]);
            assert_eq!(names(builder).len(), added, "{cut}");
        }
    }

    #[test]
    fn only_lists_with_parameters_are_read() {
        for (url, expected) in [
            ("api/v0/tasks?detail=1&limit=10000", true),
            ("api/v0/tasks", false),
            ("api/v0/tasks/summarize?detail=1", false),
            ("api/v0/workers?detail=1", true),
        ] {
            assert_eq!(is_polled_list(url), expected, "{url}");
        }
    }
}
