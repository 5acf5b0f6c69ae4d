//! Sorts the records of a batch into sessions and categories, as KubeRay's collector does.

use ray_history_core::base::id::JobId;
use ray_history_core::base::name::SessionName;
use ray_history_core::event::reader::{Reader, Result, without_needless_escapes};
use ray_history_core::event::value::parse_id;
use std::borrow::Cow;

/// The folder of a node's events that belong to no job.
const NODE_EVENTS: &str = "node_events";

/// The folder of an event below its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Category {
    /// Events of nodes, and all without a job.
    Node,
    /// Events of a job.
    Job(JobId),
}

/// The place of a record: its session and its category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The session that the event itself names.
    pub(crate) session: SessionName,
    /// The folder below the node.
    pub(crate) category: Category,
}

/// The reason for setting a record aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is no JSON object.
    NoObject,
    /// It names no session.
    NoSession,
    /// Its session has a name that no session of Ray has, such as a path.
    UnsafeSession,
    /// No reader would take it: it is longer than any record may be.
    TooLong,
}

impl Category {
    /// Returns the folder: `node_events`, or `job_events/` and the job's id in hex.
    pub(crate) fn folder(self) -> Cow<'static, str> {
        match self {
            Self::Node => Cow::Borrowed(NODE_EVENTS),
            Self::Job(job) => Cow::Owned(format!("job_events/{job}")),
        }
    }
}

impl Reason {
    /// Returns the words that are stored with the record.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoObject => "no JSON object",
            Self::NoSession => "no session",
            Self::UnsafeSession => "no name of a session",
            Self::TooLong => "too long",
        }
    }
}

/// Returns the place of a record and its type, by the members that it contains.
pub(crate) fn place(record: &[u8]) -> std::result::Result<(Place, Cow<'_, str>), Reason> {
    let text = std::str::from_utf8(record).map_err(|_| Reason::NoObject)?;
    let mut reader = Reader::new(text);
    let found = read(&mut reader);
    if reader.has_escaped() {
        let plain = without_needless_escapes(text).ok_or(Reason::NoObject)?;
        let members = read(&mut Reader::new(&plain)).ok_or(Reason::NoObject)?;
        return Ok((named(&members)?, Cow::Owned(members.event_type.to_owned())));
    }
    let members = found.ok_or(Reason::NoObject)?;
    Ok((named(&members)?, Cow::Borrowed(members.event_type)))
}

/// A record at the beginning of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct First<'a> {
    pub(crate) place: Place,
    /// Its type.
    pub(crate) kind: &'a str,
    /// Its length.
    pub(crate) len: usize,
}

/// Returns the record at the beginning of a text, read once: its end and its place together. `None` for one that needs
/// a second look: [`place`] says why, or finds the place after all.
pub(crate) fn first(text: &str) -> Option<First<'_>> {
    let mut reader = Reader::new(text);
    let members = members(&mut reader).filter(|_| !reader.has_escaped())?;
    let place = named(&members).ok()?;
    Some(First { place, kind: members.event_type, len: reader.position() })
}

/// The members that decide.
#[derive(Default)]
struct Members<'a> {
    session: &'a str,
    event_type: &'a str,
    job: Option<&'a str>,
}

fn named(members: &Members<'_>) -> std::result::Result<Place, Reason> {
    if members.session.is_empty() {
        return Err(Reason::NoSession);
    }
    let session = SessionName::parse(members.session).ok_or(Reason::UnsafeSession)?;
    let job = members.job.filter(|_| !members.event_type.starts_with("NODE_")).and_then(parse_id);
    Ok(Place { session, category: job.map_or(Category::Node, Category::Job) })
}

/// Returns the members of an object; `None` for anything else, and for an object that is not JSON to its end.
fn read<'a>(reader: &mut Reader<'a>) -> Option<Members<'a>> {
    members(reader).filter(|_| reader.end().is_ok())
}

/// Returns the members of an object that begins here, whatever follows it.
fn members<'a>(reader: &mut Reader<'a>) -> Option<Members<'a>> {
    if !reader.is_object() {
        return None;
    }
    let mut members = Members::default();
    let whole = reader.object(|r, key| {
        match key {
            "sessionName" | "session_name" => members.session = r.plain()?,
            "eventType" | "event_type" => members.event_type = r.plain()?,
            _ if members.job.is_none() && may_have_job(key) => members.job = job_of(r)?,
            _ => {
                r.skip()?;
            }
        }
        Ok(())
    });
    whole.ok().map(|()| members)
}

/// Returns `true` for the payloads in which KubeRay's collector looks for a job (`eventcollector.go`, `getJobID`).
fn may_have_job(key: &str) -> bool {
    matches!(
        key,
        "driverJobDefinitionEvent"
            | "driver_job_definition_event"
            | "driverJobLifecycleEvent"
            | "driver_job_lifecycle_event"
            | "taskDefinitionEvent"
            | "task_definition_event"
            | "taskLifecycleEvent"
            | "task_lifecycle_event"
            | "taskExecutionEvent"
            | "task_execution_event"
            | "taskProfileEvents"
            | "task_profile_events"
            | "actorTaskDefinitionEvent"
            | "actor_task_definition_event"
            | "actorDefinitionEvent"
            | "actor_definition_event"
    )
}

fn job_of<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a str>> {
    let mut job = None;
    reader.object(|r, key| {
        match key {
            "jobId" | "job_id" => job = Some(r.plain()?).filter(|job| !job.is_empty()),
            _ => {
                r.skip()?;
            }
        }
        Ok(())
    })?;
    Ok(job)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";

    fn folder(members: &str) -> String {
        let record = format!(r#"{{"sessionName":"{SESSION}",{members}}}"#);
        let (place, _) = place(record.as_bytes()).unwrap();
        assert_eq!(place.session.as_str(), SESSION);
        place.category.folder().into_owned()
    }

    #[test]
    fn the_folder_is_that_of_kuberays_collector() {
        for (members, expected) in [
            (
                r#""eventType":"TASK_LIFECYCLE_EVENT","taskLifecycleEvent":{"jobId":"AQAAAA==","x":[{}]}"#,
                "job_events/01000000",
            ),
            (
                r#""event_type":"X","task_profile_events":{"a":{"jobId":"AgAAAA=="},"job_id":"0A000000"}"#,
                "job_events/0a000000",
            ),
            (
                r#""eventType":"ACTOR_DEFINITION_EVENT","actorDefinitionEvent":{"jobId":"AQAAAA=="}"#,
                "job_events/01000000",
            ),
            (r#""eventType":"ACTOR_LIFECYCLE_EVENT","actorLifecycleEvent":{"jobId":"AQAAAA=="}"#, "node_events"),
            (r#""eventType":"NODE_DEFINITION_EVENT","taskLifecycleEvent":{"jobId":"AQAAAA=="}"#, "node_events"),
            (r#""eventType":"X","taskLifecycleEvent":{"jobId":"../../x"}"#, "node_events"),
            (
                r#""eventType":"X","taskLifecycleEvent":{"jobId":""},"taskDefinitionEvent":{"jobId":"AQAAAA=="}"#,
                "job_events/01000000",
            ),
            (r#""eventType":"X","taskLifecycleEvent":null"#, "node_events"),
            (r#""eventType":"X","jobId":"AQAAAA==""#, "node_events"),
            (r#""eventType":"X","task\u004cifecycleEvent":{"job\u0049d":"AQAAAA=="}"#, "job_events/01000000"),
        ] {
            assert_eq!(folder(members), expected, "{members}");
        }
    }

    #[test]
    fn the_first_record_of_a_text_is_found_as_a_whole_one_is() {
        let record = format!(
            r#"{{"sessionName" : "{SESSION}","eventType":"TASK_LIFECYCLE_EVENT","taskLifecycleEvent":{{"jobId":"AQAAAA==","x":["}}"]}}}}"#
        );
        for rest in ["", "]", ", {}", "x"] {
            let text = format!("{record}{rest}");
            let found = first(&text).unwrap();
            assert_eq!((found.len, found.kind), (record.len(), "TASK_LIFECYCLE_EVENT"));
            assert_eq!(Ok((found.place, found.kind.into())), place(record.as_bytes()));
        }
        for (at, _) in record.char_indices() {
            assert_eq!(first(&record[..at]), None, "{at}");
        }
        // They need another look: a name with an escape, and none.
        assert_eq!(first(&record.replace("sessionName", r"session\u004eame")), None);
        assert_eq!(first("{}"), None);
    }

    #[test]
    fn a_record_without_a_place_says_why() {
        for (record, expected) in [
            (&b"7"[..], Reason::NoObject),
            (b"", Reason::NoObject),
            (b"[]", Reason::NoObject),
            (b"{\"sessionName\":", Reason::NoObject),
            (b"{} x", Reason::NoObject),
            (b"{\"sessionName\":\"\xff\"}", Reason::NoObject),
            (b"{}", Reason::NoSession),
            (b"{\"sessionName\":null}", Reason::NoSession),
            (b"{\"sessionName\":\"../../etc\"}", Reason::UnsafeSession),
            (b"{\"sessionName\":\"session_latest\"}", Reason::UnsafeSession),
            (b"{\"sessionName\":\"session_2026-11-23_07-10-07_600839_1/../x\"}", Reason::UnsafeSession),
        ] {
            assert_eq!(place(record), Err(expected), "{}", String::from_utf8_lossy(record));
        }
    }
}
