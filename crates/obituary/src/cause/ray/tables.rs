//! Ray's facts of one run, from the tables of a session.

use super::{DeadNode, JobEnd, JobState, RayFacts, TaskErrors, WorkerExit};
use crate::text::{JOB_MESSAGE, NAME, NOTE, cut, cut_middle};
use crate::time::Time;
use ray_history_core::base::id::JobId;
use ray_history_core::base::task::TaskState;
use ray_history_core::base::time::{Nanos, millis};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::failures::{is_expected_of_node, is_expected_of_worker};
use ray_history_core::snapshot::intern::Id;
use ray_history_core::snapshot::submission::{JobStatus, JobType, UnifiedJob};
use ray_history_core::snapshot::task::Attempt;
use ray_history_core::snapshot::worker::Life;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Jobs that are taken: those that failed first.
const JOBS: usize = 256;
/// Ends of nodes, and of workers, that are taken: the first ones.
const ENDS: usize = 1_000;
/// Types of errors that are taken.
const ERRORS: usize = 64;

impl RayFacts {
    /// Returns the facts of a session. Ordinary ends are left out: workers that were told to exit, attempts that Ray ended
    /// because their job or their worker was over.
    pub fn of(snapshot: &Snapshot) -> Self {
        let hosts = Hosts::of(snapshot);
        let (task_errors, failed_on) = task_errors(snapshot, &hosts);
        let (jobs, dead_nodes, worker_exits) = (jobs(snapshot), dead_nodes(snapshot), worker_exits(snapshot, &hosts));
        Self { jobs, dead_nodes, worker_exits, task_errors, failed_on }
    }
}

/// Host names of nodes: in Kubernetes, names of pods.
struct Hosts<'a> {
    snapshot: &'a Snapshot,
    by_id: HashMap<&'a [u8], &'a str>,
}

impl<'a> Hosts<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let by_id = snapshot.nodes.iter().map(|node| (&node.id.0[..], snapshot.str(node.hostname))).collect();
        Self { snapshot, by_id }
    }

    /// Returns the host name of a node; empty if it is unknown, as before Ray 2.54.
    fn name(&self, node: Id) -> &'a str {
        self.by_id.get(self.snapshot.id(node)).copied().unwrap_or_default()
    }
}

fn jobs(snapshot: &Snapshot) -> Vec<JobEnd> {
    // Of a driver without a submission Ray does not record how it ended.
    let submissions = snapshot.jobs.iter().filter(|job| job.job_type == JobType::Submission);
    let mut jobs: Vec<(&UnifiedJob, JobState)> = submissions.map(|job| (job, state(job))).collect();
    // What fails is taken before what succeeds, so that no cut makes a success of all.
    let rank = |state| [JobState::Failed, JobState::Stopped, JobState::Open].iter().position(|known| *known == state);
    jobs.sort_by_key(|(job, state)| (rank(*state).unwrap_or(usize::MAX), Reverse(job.end_ms)));
    let end = |(job, state): (&UnifiedJob, JobState)| JobEnd {
        id: cut(job.submission_id.as_deref().unwrap_or_default(), NAME),
        state,
        at: job.end_ms.filter(|_| job.status.is_terminal()).and_then(|end| time(end.checked_mul(1_000_000)?)),
        message: cut_middle(job.message.as_deref().unwrap_or_default(), JOB_MESSAGE),
    };
    jobs.into_iter().take(JOBS).map(end).collect()
}

fn state(job: &UnifiedJob) -> JobState {
    match job.status {
        JobStatus::Failed => JobState::Failed,
        JobStatus::Stopped => JobState::Stopped,
        // Ray sets an exit code with this status; without one it is only assumed, for its driver ended.
        JobStatus::Succeeded if job.driver_exit_code.is_some() => JobState::Succeeded,
        JobStatus::Succeeded | JobStatus::Pending | JobStatus::Running => JobState::Open,
    }
}

fn dead_nodes(snapshot: &Snapshot) -> Vec<DeadNode> {
    let dead = snapshot.nodes.iter().filter(|node| !node.is_foreign && !node.alive && !node.death_reason.is_empty());
    let mut dead: Vec<DeadNode> = dead
        .map(|node| DeadNode {
            pod: cut(snapshot.str(node.hostname), NAME),
            at: time(node.end),
            reason: cut(snapshot.str(node.death_reason), NAME),
            message: cut(&snapshot.text(node.death_message), NOTE),
        })
        .collect();
    // Those that went without harm are told last.
    let rank = |node: &DeadNode| (is_expected_of_node(&node.reason), node.at);
    dead.sort_by(|a, b| (rank(a), &a.pod).cmp(&(rank(b), &b.pod)));
    dead.truncate(ENDS);
    dead
}

fn worker_exits(snapshot: &Snapshot, hosts: &Hosts<'_>) -> Vec<WorkerExit> {
    let lost = snapshot.workers.iter().filter(|worker| {
        let exit_type = snapshot.str(worker.exit_type);
        // A constructor's exception ends its worker, too.
        let is_asked = is_expected_of_worker(exit_type) || matches!(exit_type, "" | "USER_ERROR");
        worker.life == Life::Dead && !is_asked
    });
    let mut exits: Vec<WorkerExit> = lost
        .map(|worker| WorkerExit {
            pod: cut(hosts.name(worker.node), NAME),
            at: i64::try_from(worker.end_ms).ok().and_then(|end| time(end.checked_mul(1_000_000)?)),
            exit_type: cut(snapshot.str(worker.exit_type), NAME),
        })
        .collect();
    // Those for memory come first: they are a cause by themselves.
    let rank = |exit: &WorkerExit| (exit.exit_type != "NODE_OUT_OF_MEMORY", exit.at);
    exits.sort_by(|a, b| (rank(a), &a.pod).cmp(&(rank(b), &b.pod)));
    exits.truncate(ENDS);
    exits
}

/// Failed attempts with one type of error.
#[derive(Default)]
struct Errors<'a> {
    count: u64,
    pods: HashMap<&'a str, u64>,
    first: Option<Nanos>,
}

fn task_errors(snapshot: &Snapshot, hosts: &Hosts<'_>) -> (Vec<TaskErrors>, BTreeSet<String>) {
    let ended = Ended::of(snapshot);
    let mut by_type: BTreeMap<&str, Errors<'_>> = BTreeMap::new();
    let mut failed_on = BTreeSet::new();
    let failed = snapshot.tasks.iter().filter(|attempt| attempt.is_defined() && attempt.state() == TaskState::Failed);
    for attempt in failed {
        let error = snapshot.str(attempt.error_type());
        if error == "WORKER_DIED" && ended.explain(snapshot, &attempt) {
            continue;
        }
        let pod = hosts.name(attempt.node_id());
        let errors = by_type.entry(error).or_default();
        errors.count += 1;
        *errors.pods.entry(pod).or_default() += 1;
        let at = attempt.time_of(TaskState::Failed).filter(|at| *at > 0);
        errors.first = errors.first.into_iter().chain(at).min();
        if !pod.is_empty() && error != "TASK_CANCELLED" && failed_on.len() < ENDS && !failed_on.contains(pod) {
            failed_on.insert(cut(pod, NAME));
        }
    }
    let of_type = |(error, errors): (&str, Errors<'_>)| {
        let most = errors.pods.into_iter().max_by_key(|(pod, count)| (*count, Reverse(*pod)));
        let pod = cut(most.map_or("", |(pod, _)| pod), NAME);
        TaskErrors { error: cut(error, NAME), count: errors.count, pod, at: errors.first.and_then(time) }
    };
    let mut errors: Vec<TaskErrors> = by_type.into_iter().map(of_type).collect();
    errors.sort_by(|a, b| (Reverse(a.count), &a.error).cmp(&(Reverse(b.count), &b.error)));
    errors.truncate(ERRORS);
    (errors, failed_on)
}

/// Ends after which Ray itself gives open attempts the error `WORKER_DIED`, although nothing went wrong.
struct Ended<'a> {
    /// Ends of jobs in milliseconds, as Ray notes them.
    jobs: HashMap<JobId, i64>,
    /// Workers that were told to exit.
    workers: HashSet<&'a [u8]>,
}

impl<'a> Ended<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let jobs = snapshot.driver_jobs.iter().filter(|job| job.finished > 0);
        let told = snapshot.workers.iter().filter(|worker| is_expected_of_worker(snapshot.str(worker.exit_type)));
        Self {
            jobs: jobs.map(|job| (job.id, millis(job.finished))).collect(),
            workers: told.map(|worker| &worker.id.0[..]).collect(),
        }
    }

    fn explain(&self, snapshot: &Snapshot, attempt: &Attempt<'_>) -> bool {
        let at = attempt.time_of(TaskState::Failed).map(millis);
        let with_job = at.is_some() && self.jobs.get(&attempt.job_id()).copied() == at;
        with_job || self.workers.contains(snapshot.id(attempt.worker_id()))
    }
}

fn time(at: Nanos) -> Option<Time> {
    (at > 0).then_some(Time(at))
}
