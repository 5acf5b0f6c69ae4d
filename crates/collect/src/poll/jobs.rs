//! The jobs that `/api/jobs/` lists, as far as they decide what is asked next.

use serde::Deserialize;

/// The jobs of the last answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Jobs {
    /// Their ids, with `true` for those that go on.
    pub(super) jobs: Vec<(String, bool)>,
    /// `true` if a job goes on, be it one without an id yet.
    pub(super) running: bool,
}

impl Jobs {
    /// Reads an answer; `None` if it is none of `/api/jobs/`.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Job {
            job_id: Option<String>,
            #[serde(default)]
            status: String,
        }
        let jobs: Vec<Job> = serde_json::from_slice(body).ok()?;
        let goes_on = |job: &Job| !matches!(job.status.as_str(), "SUCCEEDED" | "FAILED" | "STOPPED");
        let running = jobs.iter().any(goes_on);
        let is_id = |id: &String| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let jobs = jobs.into_iter().filter_map(|job| {
            let goes_on = goes_on(&job);
            Some((job.job_id.filter(is_id)?, goes_on))
        });
        Some(Self { jobs: jobs.collect(), running })
    }
}

/// Returns the ids of the nodes of an answer of `/nodes?view=summary`.
pub(super) fn nodes(body: &[u8]) -> Option<Vec<String>> {
    // No more of it is held: a big cluster's answer has tens of MB.
    #[derive(Deserialize)]
    struct Answer {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        summary: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        raylet: Option<Raylet>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Raylet {
        node_id: Option<String>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let ids = answer.data.summary.into_iter().filter_map(|row| row.raylet?.node_id);
    Some(ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_read() {
        let body = br#"[{"job_id": "01000000", "status": "SUCCEEDED"}, {"job_id": null, "status": "PENDING"},
            {"job_id": "../x", "status": "FAILED"}]"#;
        assert_eq!(Jobs::parse(body), Some(Jobs { jobs: vec![("01000000".into(), false)], running: true }));
        assert_eq!(Jobs::parse(b"[]"), Some(Jobs::default()));
        assert_eq!(Jobs::parse(b"{}"), None);
        let body = br#"{"data": {"summary": [{"raylet": {"nodeId": "ab12"}}, {"raylet": {"nodeId": "a/b"}}, {},
            {"now": 1.5, "raylet": {}}]}}"#;
        assert_eq!(nodes(body), Some(vec!["ab12".to_owned()]));
    }
}
