//! The questions to the dashboard, and their times. Pure: times are passed in.

use super::jobs::Jobs;
use crate::evidence::Evidence;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
/// The pause after a small page that could not be had; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// The interval between two nodes' own pages.
const NODE_PAUSE: Duration = Duration::from_secs(10);
/// Nodes' own pages that are asked at the end.
const NODES_AT_END: usize = 50;
/// The number of times that the datasets of a job are asked after it has ended, and runs of Train after all have: each
/// answer makes tasks in the session.
const AFTER_JOB: u32 = 2;

/// Pages that do not change in a session. In the order in which they are asked.
const ONCE: [&str; 5] = [
    "/timezone",
    "/api/v0/cluster_metadata",
    "/api/grafana_health",
    "/api/v0/runtime_env_redaction",
    "/api/profiling_enabled",
];
/// The lists of the State API.
const STATES: [&str; 5] = [
    "/api/v0/nodes?detail=1&limit=10000",
    "/api/v0/workers?detail=1&limit=10000",
    "/api/v0/actors?detail=1&limit=10000",
    "/api/v0/runtime_envs?detail=1&limit=10000",
    "/api/v0/jobs?detail=1&limit=10000",
];
/// The page with the name of the session, by which answers of another session's dashboard are told.
pub(super) const VERSION: &str = "/api/version";
/// The page of jobs.
pub(super) const JOBS: &str = "/api/jobs/";
/// The page of Serve's applications.
pub(super) const SERVE: &str = "/api/serve/applications/";
/// The page of one job's datasets, without the job.
pub(super) const DATASETS: &str = "/api/data/datasets/";
/// The page of all nodes.
pub(super) const NODES: &str = "/nodes?view=summary";
/// The page of platform events, which few versions of Ray have.
pub(super) const PLATFORM_EVENTS: &str = "/api/v0/platform_events";
const TRAIN: &str = "/api/train/v2/runs/v1";
const PLACEMENT_GROUPS: &str = "/api/v0/placement_groups?detail=1&limit=10000";
/// The list of tasks, with their profile events.
const TASKS: &str = "/api/v0/tasks?detail=1&limit=10000";
const SUMMARY: &str = "/api/v0/tasks/summarize";

/// The questions of one session, and their outcomes.
#[derive(Debug)]
pub(super) struct Schedule {
    asked: BTreeMap<String, Asked>,
    additional: Vec<String>,
    interval: Duration,
    pub(super) jobs: Jobs,
    pub(super) nodes: Vec<String>,
    /// `true` for a Ray before 2.55, which exports only the last update of an attempt's profile events.
    pub(super) lacks_profiles: bool,
    node_asked: Option<Instant>,
    /// The number of times that the datasets of each job were asked since it ended.
    after_job: BTreeMap<String, u32>,
    /// The last times at which runs of Train were asked while no job went on, the latest first.
    train_at_rest: Vec<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Instant,
    done: bool,
    failures: u32,
}

impl Schedule {
    /// Returns the schedule of a session of which some pages are stored already.
    pub(super) fn new(
        additional: &[String],
        interval: Duration,
        is_stored: impl Fn(&str) -> bool,
        now: Instant,
    ) -> Self {
        let stored = ONCE.into_iter().filter(|url| is_stored(url));
        let asked = stored.map(|url| (url.to_owned(), Asked { at: now, done: true, failures: 0 })).collect();
        Self {
            asked,
            additional: additional.to_vec(),
            interval,
            jobs: Jobs::default(),
            nodes: Vec::new(),
            lacks_profiles: false,
            node_asked: None,
            after_job: BTreeMap::new(),
            train_at_rest: Vec::new(),
        }
    }

    /// Takes note of a request and its outcome.
    pub(super) fn asked(&mut self, url: &str, answered: bool, now: Instant) {
        let before = self.asked.get(url).map_or(0, |asked| asked.failures);
        let failures = if answered { 0 } else { before.saturating_add(1) };
        self.asked.insert(url.to_owned(), Asked { at: now, done: answered, failures });
        if let Some(job) = url.strip_prefix(DATASETS)
            && answered
            && self.jobs.jobs.iter().any(|(id, goes_on)| id == job && !goes_on)
        {
            *self.after_job.entry(job.to_owned()).or_default() += 1;
        }
        if url.starts_with("/nodes/") {
            self.node_asked = Some(now);
        }
        if url == TRAIN && answered && !self.jobs.running {
            self.train_at_rest.insert(0, now);
            self.train_at_rest.truncate(AFTER_JOB as usize);
        }
    }

    /// Returns the next URL to ask now.
    pub(super) fn due(&self, evidence: &Evidence, now: Instant) -> Option<String> {
        if !self.is_done(VERSION) {
            return self.is_due(VERSION, None, now).then(|| VERSION.to_owned());
        }
        let once = ONCE.into_iter().filter(|url| !self.is_done(url)).map(|url| (url.to_owned(), None));
        let due = once.chain(self.repeated(evidence)).filter(|(url, every)| self.is_due(url, *every, now));
        let due = due.map(|(url, _)| url).chain(self.after_event(evidence, now)).chain(self.next_node(now));
        // The one that waits longest: a slow dashboard is asked more seldom than pages are due.
        due.min_by_key(|url| self.asked.get(url).map(|asked| asked.at))
    }

    /// Returns the URLs that are asked again and again, with their intervals.
    fn repeated(&self, evidence: &Evidence) -> Vec<(String, Option<Duration>)> {
        let mut urls = Vec::new();
        let mut add = |url: &str, seconds: u32| urls.push((url.to_owned(), Some(SECOND * seconds)));
        add(JOBS, if self.jobs.running { 60 } else { 3600 });
        if evidence.serve {
            add(SERVE, 30);
        }
        if evidence.train && self.is_train_wanted(evidence) {
            add(TRAIN, 30);
        }
        if evidence.placement_groups {
            add(PLACEMENT_GROUPS, 60);
        }
        add(NODES, 300);
        for url in STATES {
            add(url, 300);
        }
        if self.lacks_profiles {
            add(TASKS, 300);
        }
        add(PLATFORM_EVENTS, 60);
        if evidence.data {
            for job in self.jobs_with_datasets() {
                add(&format!("{DATASETS}{job}"), 30);
            }
        }
        urls.extend(self.additional.iter().map(|url| (url.clone(), Some(self.interval))));
        urls
    }

    /// Returns `true` while a job goes on, and until the runs were asked a few times after the last event of a job.
    fn is_train_wanted(&self, evidence: &Evidence) -> bool {
        let since = |asked: &&Instant| evidence.job_event.is_none_or(|event| **asked > event);
        self.jobs.running || self.train_at_rest.iter().filter(since).count() < AFTER_JOB as usize
    }

    fn jobs_with_datasets(&self) -> impl Iterator<Item = &str> {
        let is_wanted = |(id, goes_on): &&(String, bool)| {
            *goes_on || self.after_job.get(id).copied().unwrap_or_default() < AFTER_JOB
        };
        self.jobs.jobs.iter().filter(is_wanted).map(|(id, _)| id.as_str())
    }

    /// Returns what an event asks for: the jobs one second after an event of a job, the nodes after one of a node.
    fn after_event(&self, evidence: &Evidence, now: Instant) -> Option<String> {
        let events = [(JOBS, evidence.job_event, SECOND), (NODES, evidence.node_event, SECOND * 5)];
        let due =
            |(_, event, wait): &(&str, Option<Instant>, Duration)| event.is_some_and(|event| event + *wait <= now);
        let is_newer = |(url, event, wait): &(&str, Option<Instant>, Duration)| {
            self.asked.get(*url).is_none_or(|asked| event.is_some_and(|event| event + *wait > asked.at))
        };
        events.iter().filter(|event| due(event)).find(|event| is_newer(event)).map(|(url, ..)| (*url).to_owned())
    }

    fn next_node(&self, now: Instant) -> Option<String> {
        if self.node_asked.is_some_and(|asked| now - asked < NODE_PAUSE) {
            return None;
        }
        let urls = self.nodes.iter().map(|id| format!("/nodes/{id}"));
        let oldest = urls.min_by_key(|url| self.asked.get(url).map(|asked| asked.at))?;
        self.is_due(&oldest, Some(SECOND * 300), now).then_some(oldest)
    }

    /// Returns all that is asked once more at the end, the most telling first.
    pub(super) fn at_end(&self, evidence: &Evidence) -> Vec<String> {
        let mut urls = vec![JOBS.to_owned(), SUMMARY.to_owned(), NODES.to_owned()];
        let repeated =
            self.repeated(evidence).into_iter().map(|(url, _)| url).filter(|url| url != JOBS && url != NODES);
        urls.extend(repeated.filter(|url| url != PLATFORM_EVENTS || self.is_done(url)));
        urls.extend(self.nodes.iter().take(NODES_AT_END).map(|id| format!("/nodes/{id}")));
        urls
    }

    fn is_done(&self, url: &str) -> bool {
        self.asked.get(url).is_some_and(|asked| asked.done)
    }

    /// Returns `true` if a URL was not asked for its interval; after a failure, for a pause that grows.
    fn is_due(&self, url: &str, every: Option<Duration>, now: Instant) -> bool {
        let Some(asked) = self.asked.get(url) else { return true };
        let pause = match asked.failures {
            0 => every.unwrap_or(Duration::ZERO),
            failures => (FIRST_PAUSE * (1 << (failures - 1).min(7)))
                .min(LONGEST_PAUSE)
                .max(every.unwrap_or_default().min(SECOND * 60)),
        };
        now - asked.at >= pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for some seconds, all with success, and returns how often each URL was asked.
    fn run(schedule: &mut Schedule, evidence: &Evidence, now: &mut Instant, seconds: u64) -> BTreeMap<String, u32> {
        let mut counts = BTreeMap::new();
        for _ in 0..seconds * 10 {
            if let Some(url) = schedule.due(evidence, *now) {
                schedule.asked(&url, true, *now);
                *counts.entry(url).or_default() += 1;
            }
            *now += Duration::from_millis(100);
        }
        counts
    }

    fn schedule(now: Instant) -> Schedule {
        Schedule::new(&["/api/more".to_owned()], SECOND * 30, |url| url == "/timezone", now)
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_session_is_asked_little_and_no_restless_page() {
        let mut now = Instant::now();
        let mut schedule = schedule(now);
        assert_eq!(schedule.due(&Evidence::default(), now).as_deref(), Some(VERSION));
        schedule.nodes = vec!["ab".into(), "cd".into()];
        let counts = run(&mut schedule, &Evidence::default(), &mut now, 3600);
        let count = |url: &str| counts.get(url).copied().unwrap_or_default();
        assert_eq!((count(VERSION), count("/timezone"), count("/api/grafana_health")), (1, 0, 1));
        assert_eq!((count(JOBS), count(NODES), count("/api/more"), count("/nodes/ab")), (1, 12, 120, 12));
        for url in [SERVE, TRAIN, PLACEMENT_GROUPS, "/api/data/datasets/01000000"] {
            assert_eq!(count(url), 0, "{url}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_are_asked_only_where_events_lack_their_profiles() {
        for lacks_profiles in [false, true] {
            let mut now = Instant::now();
            let mut schedule = schedule(now);
            schedule.lacks_profiles = lacks_profiles;
            let counts = run(&mut schedule, &Evidence::default(), &mut now, 600);
            assert_eq!(counts.get(TASKS), lacks_profiles.then_some(&2));
            assert_eq!(schedule.at_end(&Evidence::default()).iter().any(|url| url == TASKS), lacks_profiles);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn jobs_are_asked_after_events_and_while_one_runs() {
        let mut now = Instant::now();
        let mut schedule = schedule(now);
        let mut evidence = Evidence { data: true, serve: true, ..Evidence::default() };
        run(&mut schedule, &evidence, &mut now, 60);
        evidence.job_event = Some(now);
        let counts = run(&mut schedule, &evidence, &mut now, 1);
        assert_eq!(counts.get(JOBS), None);
        assert_eq!(run(&mut schedule, &evidence, &mut now, 1).get(JOBS), Some(&1));
        schedule.jobs = Jobs { jobs: vec![("01000000".into(), true)], running: true };
        let counts = run(&mut schedule, &evidence, &mut now, 600);
        assert_eq!((counts[JOBS], counts[SERVE], counts["/api/data/datasets/01000000"]), (10, 20, 20));
        schedule.jobs = Jobs { jobs: vec![("01000000".into(), false)], running: false };
        let counts = run(&mut schedule, &evidence, &mut now, 600);
        assert_eq!((counts.get(JOBS), counts["/api/data/datasets/01000000"]), (None, 2), "twice after it");
    }

    #[tokio::test(start_paused = true)]
    async fn datasets_that_could_not_be_had_are_asked_again() {
        let mut now = Instant::now();
        let mut schedule = schedule(now);
        let evidence = Evidence { data: true, ..Evidence::default() };
        run(&mut schedule, &evidence, &mut now, 10);
        schedule.jobs = Jobs { jobs: vec![("01000000".into(), false)], running: false };
        for answered in [false, false, false, true, true] {
            assert!(schedule.at_end(&evidence).iter().any(|url| url.starts_with(DATASETS)));
            schedule.asked(&format!("{DATASETS}01000000"), answered, now);
        }
        assert!(!schedule.at_end(&evidence).iter().any(|url| url.starts_with(DATASETS)));
    }

    /// Each answer makes two tasks in the session.
    #[tokio::test(start_paused = true)]
    async fn train_is_asked_while_a_job_runs_and_twice_after() {
        let mut now = Instant::now();
        let mut schedule = schedule(now);
        let mut evidence = Evidence { train: true, ..Evidence::default() };
        schedule.jobs.running = true;
        assert_eq!(run(&mut schedule, &evidence, &mut now, 600)[TRAIN], 20);
        schedule.jobs.running = false;
        assert_eq!(run(&mut schedule, &evidence, &mut now, 600)[TRAIN], 2);
        assert!(!schedule.at_end(&evidence).iter().any(|url| url == TRAIN));
        evidence.job_event = Some(now);
        assert!(schedule.at_end(&evidence).iter().any(|url| url == TRAIN));
        // An answer of the same instant may be from before the event.
        now += Duration::from_millis(100);
        assert_eq!(run(&mut schedule, &evidence, &mut now, 600)[TRAIN], 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_fails_is_asked_less_and_less() {
        let mut now = Instant::now();
        let mut schedule = schedule(now);
        let mut asked = 0;
        for _ in 0..3600 {
            while let Some(url) = schedule.due(&Evidence::default(), now) {
                asked += u32::from(url == "/api/grafana_health");
                schedule.asked(&url, url != "/api/grafana_health", now);
            }
            now += SECOND;
        }
        assert!((8..=13).contains(&asked), "{asked}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_dashboard_is_asked_for_all_pages_in_turn() {
        let mut now = Instant::now();
        let mut schedule = schedule(now);
        schedule.jobs.running = true;
        schedule.nodes = vec!["ab".into()];
        let evidence = Evidence { serve: true, train: true, placement_groups: true, ..Evidence::default() };
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..72 {
            if let Some(url) = schedule.due(&evidence, now) {
                schedule.asked(&url, true, now);
                *counts.entry(url).or_default() += 1;
            }
            now += SECOND * 50;
        }
        let pages = [JOBS, SERVE, TRAIN, PLACEMENT_GROUPS, NODES, PLATFORM_EVENTS, "/api/more", "/nodes/ab"];
        for url in pages.iter().chain(&STATES) {
            assert!(counts.get(*url).is_some_and(|count| (4..=12).contains(count)), "{url}: {counts:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_asks_what_was_used_only() {
        let mut now = Instant::now();
        let mut schedule = schedule(now);
        let evidence = Evidence { train: true, ..Evidence::default() };
        run(&mut schedule, &evidence, &mut now, 10);
        schedule.nodes = (0..60).map(|number| format!("{number:02x}")).collect();
        schedule.asked(PLATFORM_EVENTS, false, now);
        let urls = schedule.at_end(&evidence);
        assert_eq!(urls[..2], [JOBS, SUMMARY]);
        let has = |url: &str| urls.iter().any(|found| found == url);
        assert!(has(TRAIN) && has("/api/more") && !has(SERVE) && !has(PLATFORM_EVENTS));
        assert_eq!(urls.iter().filter(|url| url.starts_with("/nodes/")).count(), NODES_AT_END);
    }
}
