//! Where the output of attempts lies, when their events do not say.
//!
//! - Ray 2.56 and 2.57 merge two updates of `taskLogInfo` so that the names are empty and the starts zero. The names
//!   follow from worker, job and process.
//! - An attempt that ended with its worker never sent one. Its worker's files are known, if they are stored.
//!
//! A worker runs one attempt after another, and before each it prints `:task_name:NAME` to both outputs, the first time
//! behind `:job_id:JOB` (`_raylet.pyx`, `ray_logging/constants.py`); offsets are taken after that. So a start follows
//! from the end of the attempt before in the same file, and that is how the live dashboard's starts come out.

use super::{Catalogue, Nanos};
use crate::base::id::{NodeId, RayId, WorkerId};
use crate::base::task::{TaskState, TaskType};
use crate::logs::processes::ProcessLogs;
use crate::snapshot::intern::{Id, Str};
use crate::snapshot::task::{LogInfo, TaskTable, flag};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

/// `:job_id:01000000` and a line end.
const JOB_TOKEN: i64 = 17;
/// `:task_name:` and a line end.
const TASK_TOKEN: i64 = 12;

/// Fills in what follows from other attempts and from names of stored files.
pub(super) fn restore(tasks: &mut TaskTable, values: &mut Catalogue, processes: &ProcessLogs, session_name: &str) {
    let rows = 0..tasks.len();
    let concerned: HashSet<Id, RandomState> =
        rows.clone().filter(|&row| lacks(tasks, row)).map(|row| tasks.workers[row]).collect();
    if concerned.is_empty() {
        return;
    }
    let folders = Folders::of(tasks, values, processes, session_name);
    let mut of_worker: HashMap<Id, Vec<u32>, RandomState> = HashMap::default();
    for row in rows.filter(|&row| concerned.contains(&tasks.workers[row])) {
        of_worker.entry(tasks.workers[row]).or_default().push(row as u32);
    }
    let mut workers: Vec<(Id, Vec<u32>)> = of_worker.into_iter().collect();
    // In an order that does not depend on how the input was cut: what is added to the table is.
    workers.sort_unstable_by_key(|(_, rows)| rows.first().copied());
    for (worker, mut rows) in workers {
        rows.sort_by_cached_key(|&row| (began(tasks, row as usize), row));
        if let Some(files) = Files::of(tasks, values, processes, &folders, worker, &rows) {
            fill(tasks, values, &files, &rows);
        }
    }
}

/// Returns `true` if an attempt that ran on a worker has no location of its output. Actor tasks have none, unless asked to.
fn lacks(tasks: &TaskTable, row: usize) -> bool {
    let attempt = tasks.get(row);
    if attempt.worker_id().is_none() || !attempt.is_defined() {
        return false;
    }
    match attempt.log_info() {
        Some(log) => log.stdout_file.is_empty() || log.stderr_file.is_empty(),
        None => matches!(attempt.shape().task_type, TaskType::NormalTask | TaskType::ActorCreationTask),
    }
}

/// When the worker began with an attempt, or was sent it.
fn began(tasks: &TaskTable, row: usize) -> Option<Nanos> {
    let attempt = tasks.get(row);
    attempt.time_of(TaskState::Running).or_else(|| attempt.time_of(TaskState::SubmittedToWorker))
}

/// A worker's two files.
struct Files {
    stdout: Str,
    stderr: Str,
    /// Set if one of them is stored.
    stored: bool,
}

impl Files {
    fn of(
        tasks: &TaskTable,
        values: &mut Catalogue,
        processes: &ProcessLogs,
        folders: &Folders,
        worker: Id,
        rows: &[u32],
    ) -> Option<Self> {
        let id: WorkerId = RayId(values.resolve_id(worker).try_into().ok()?);
        let log = processes.workers.get(&id);
        let stored = log.and_then(|log| log.output.as_deref());
        let attempts = || rows.iter().map(|&row| tasks.get(row as usize));
        let stem = if let Some(stem) = stored {
            stem.to_owned()
        } else {
            let told = attempts().map(|attempt| attempt.worker_pid()).max().filter(|&pid| pid > 0);
            let pid = told.map(i64::from).or_else(|| log.map(|log| i64::from(log.pid)).filter(|&pid| pid > 0))?;
            format!("worker-{id}-{}-{pid}", attempts().map(|attempt| attempt.job_id()).find(|job| !job.is_nil())?)
        };
        let node = log.and_then(|log| log.node).or_else(|| {
            let node = attempts().map(|attempt| attempt.node_id()).find(|node| !node.is_none())?;
            Some(RayId(values.resolve_id(node).try_into().ok()?))
        });
        let folder = folders.of_node(node);
        let [stdout, stderr] = ["out", "err"].map(|ending| values.str(&format!("{folder}/{stem}.{ending}")));
        Some(Self { stdout, stderr, stored: stored.is_some() })
    }
}

/// Gives the attempts of one worker, in the order in which it ran them, what they lack. Behind an attempt that did not
/// say where its output ends, the next one's begins where the last known one ended: rather too much than too little.
fn fill(tasks: &mut TaskTable, values: &Catalogue, files: &Files, rows: &[u32]) {
    let mut ends = [JOB_TOKEN; 2];
    // Whether nothing was printed since but the token of the next attempt.
    let mut exact = true;
    for &row in rows {
        let row = row as usize;
        let token = TASK_TOKEN + i64::try_from(values.resolve(tasks.names[row]).len()).unwrap_or(0);
        let known = tasks.logs.get(tasks.log[row] as usize).copied();
        if lacks(tasks, row) {
            let starts = ends.map(|end| if exact { end + token } else { end });
            match known {
                Some(told) => tasks.logs[tasks.log[row] as usize] = restored(told, files, starts),
                None if files.stored => {
                    let [stdout_start, stderr_start] = starts.map(Some);
                    let (stdout_file, stderr_file) = (files.stdout, files.stderr);
                    let info = LogInfo { stdout_file, stderr_file, stdout_start, stderr_start, ..LogInfo::default() };
                    tasks.log[row] = tasks.logs.len() as u32;
                    tasks.logs.push(info);
                    tasks.flags[row] |= flag::LOG_OF_WORKER;
                }
                None => {}
            }
        }
        let told = tasks.logs.get(tasks.log[row] as usize).map_or([None; 2], |log| [log.stdout_end, log.stderr_end]);
        exact = told.iter().all(Option::is_some);
        for (end, told) in ends.iter_mut().zip(told) {
            *end = told.unwrap_or(*end);
        }
    }
}

/// Restores the fields that a merge of two updates lost: names, and starts that are zero although an end is known.
fn restored(told: LogInfo, files: &Files, [stdout_start, stderr_start]: [i64; 2]) -> LogInfo {
    let start = |told: Option<i64>, end: Option<i64>, follows: i64| match (told.unwrap_or(0), end) {
        (0, Some(end)) => Some(follows.min(end)),
        (0, None) => Some(follows),
        (told, _) => Some(told),
    };
    LogInfo {
        stdout_file: if told.stdout_file.is_empty() { files.stdout } else { told.stdout_file },
        stderr_file: if told.stderr_file.is_empty() { files.stderr } else { told.stderr_file },
        stdout_start: start(told.stdout_start, told.stdout_end, stdout_start),
        stderr_start: start(told.stderr_start, told.stderr_end, stderr_start),
        ..told
    }
}

/// The folders of logs as they were on the nodes.
struct Folders {
    of_node: HashMap<NodeId, String, RandomState>,
    usual: String,
}

impl Folders {
    /// From names that other attempts told, else from where a raylet kept its sessions.
    fn of(tasks: &TaskTable, values: &Catalogue, processes: &ProcessLogs, session_name: &str) -> Self {
        let mut of_node: HashMap<NodeId, String, RandomState> = HashMap::default();
        for (node, log) in &processes.nodes {
            if let Some(folder) = &log.temp_dir {
                of_node.insert(*node, format!("{}/{session_name}/logs", folder.trim_end_matches('/')));
            }
        }
        for attempt in tasks.iter() {
            let Some(log) = attempt.log_info().filter(|log| !log.stdout_file.is_empty()) else { continue };
            let Ok(node) = values.resolve_id(attempt.node_id()).try_into() else { continue };
            if let Some((folder, _)) = values.resolve(log.stdout_file).rsplit_once('/') {
                of_node.insert(RayId(node), folder.to_owned());
            }
        }
        Self { of_node, usual: format!("/tmp/ray/{session_name}/logs") }
    }

    fn of_node(&self, node: Option<NodeId>) -> &str {
        node.and_then(|node| self.of_node.get(&node)).unwrap_or(&self.usual)
    }
}
