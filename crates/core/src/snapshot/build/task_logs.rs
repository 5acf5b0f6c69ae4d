//! Locations of attempts' output that their events lack.
//!
//! - Ray 2.56 and 2.57 merge two updates of `taskLogInfo` such that the names are empty and the starts are zero. The
//!   names follow from worker, job and process.
//! - An attempt that ended with its worker never sent `taskLogInfo`. Its worker's files are used, if they are stored.
//! - Ray before 2.55 sends no `taskLogInfo` in events. Each attempt's token is searched in its worker's files.
//!
//! A worker runs one attempt after another. Before each it prints `:task_name:NAME` to both outputs, the first time
//! after `:job_id:JOB` (`_raylet.pyx`, `ray_logging/constants.py`), and takes offsets after that. A start therefore
//! follows from the end of the previous attempt in the same file; starts derived this way equal the live dashboard's.

use super::{Catalogue, Nanos};
use crate::base::id::{NodeId, RayId, WorkerId};
use crate::base::task::{TaskState, TaskType};
use crate::logs::processes::{ProcessLogs, Tokens, name_hash};
use crate::snapshot::intern::{Id, Str};
use crate::snapshot::task::{LogInfo, TaskTable, flag};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

/// Length of `:job_id:01000000` and a line end.
const JOB_TOKEN: i64 = 17;
/// Length of `:task_name:` and a line end.
const TASK_TOKEN: i64 = 12;

/// Fills in locations that follow from other attempts and from the names of stored files.
pub(super) fn restore(tasks: &mut TaskTable, values: &mut Catalogue, processes: &ProcessLogs, session_name: &str) {
    let rows = 0..tasks.len();
    let incomplete: HashSet<Id, RandomState> =
        rows.clone().filter(|&row| lacks(tasks, row)).map(|row| tasks.workers[row]).collect();
    if incomplete.is_empty() {
        return;
    }
    let folders = Folders::of(tasks, values, processes, session_name);
    let mut of_worker: HashMap<Id, Vec<u32>, RandomState> = HashMap::default();
    for row in rows.filter(|&row| incomplete.contains(&tasks.workers[row])) {
        of_worker.entry(tasks.workers[row]).or_default().push(row as u32);
    }
    let mut workers: Vec<(Id, Vec<u32>)> = of_worker.into_iter().collect();
    // Rows are added to the table, so the order of workers must not depend on how the input was split.
    workers.sort_unstable_by_key(|(_, rows)| rows.first().copied());
    for (worker, mut rows) in workers {
        rows.sort_by_cached_key(|&row| (started_at(tasks, row as usize), row));
        if let Some(files) = Files::of(tasks, values, processes, &folders, worker, &rows) {
            match files.tokens {
                [None, None] => fill(tasks, values, &files, &rows),
                tokens => locate(tasks, values, &files, tokens, &rows),
            }
        }
    }
}

/// Returns `true` if an attempt that ran on a worker lacks the location of its output. Actor tasks have none by
/// default.
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

/// Returns the time at which the worker started an attempt, or was sent it.
fn started_at(tasks: &TaskTable, row: usize) -> Option<Nanos> {
    let attempt = tasks.get(row);
    attempt.time_of(TaskState::Running).or_else(|| attempt.time_of(TaskState::SubmittedToWorker))
}

/// Output files of one worker.
struct Files<'a> {
    stdout: Str,
    stderr: Str,
    /// `true` if one of them is stored.
    stored: bool,
    /// Tokens in stdout and stderr, where these were read.
    tokens: [Option<&'a Tokens>; 2],
}

impl<'a> Files<'a> {
    fn of(
        tasks: &TaskTable,
        values: &mut Catalogue,
        processes: &'a ProcessLogs,
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
            let sent = attempts().map(|attempt| attempt.worker_pid()).max().filter(|&pid| pid > 0);
            let pid = sent.map(i64::from).or_else(|| log.map(|log| i64::from(log.pid)).filter(|&pid| pid > 0))?;
            format!("worker-{id}-{}-{pid}", attempts().map(|attempt| attempt.job_id()).find(|job| !job.is_nil())?)
        };
        let node = log.and_then(|log| log.node).or_else(|| {
            let node = attempts().map(|attempt| attempt.node_id()).find(|node| !node.is_none())?;
            Some(RayId(values.resolve_id(node).try_into().ok()?))
        });
        let folder = folders.of_node(node);
        let [stdout, stderr] = ["out", "err"].map(|ending| values.str(&format!("{folder}/{stem}.{ending}")));
        let tokens = [0, 1].map(|output| log.and_then(|log| log.tokens[output].as_ref()));
        Some(Self { stdout, stderr, stored: stored.is_some(), tokens })
    }
}

/// Fills in the locations of one worker's attempts, given in the order in which they ran. If the end of an attempt's
/// output is unknown, the next attempt starts at the last known end: too much output is better than too little.
fn fill(tasks: &mut TaskTable, values: &Catalogue, files: &Files<'_>, rows: &[u32]) {
    let mut ends = [JOB_TOKEN; 2];
    // `true` if only the token of the next attempt was printed since `ends`.
    let mut exact = true;
    for &row in rows {
        let row = row as usize;
        let token = TASK_TOKEN + i64::try_from(values.resolve(tasks.names[row]).len()).unwrap_or(0);
        let known = tasks.logs.get(tasks.log[row] as usize).copied();
        if lacks(tasks, row) {
            let starts = ends.map(|end| if exact { end + token } else { end });
            match known {
                Some(sent) => tasks.logs[tasks.log[row] as usize] = restored(sent, files, starts),
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
        let sent = tasks.logs.get(tasks.log[row] as usize).map_or([None; 2], |log| [log.stdout_end, log.stderr_end]);
        exact = sent.iter().all(Option::is_some);
        for (end, sent) in ends.iter_mut().zip(sent) {
            *end = sent.unwrap_or(*end);
        }
    }
}

/// Sets the locations of one worker's attempts, given in the order in which they ran, to the bytes between their tokens.
///
/// A process that reported its attempt to the GCS reported the location with it, which the live dashboard therefore has.
fn locate(tasks: &mut TaskTable, values: &Catalogue, files: &Files<'_>, tokens: [Option<&Tokens>; 2], rows: &[u32]) {
    let ran = |row: usize| lacks(tasks, row) && tasks.get(row).shape().task_type == TaskType::NormalTask;
    let rows: Vec<usize> = rows.iter().map(|&row| row as usize).filter(|&row| ran(row)).collect();
    let names: Vec<u64> = rows.iter().map(|&row| name_hash(values.resolve(tasks.names[row]).as_bytes())).collect();
    let [stdout, stderr] = tokens.map(|tokens| tokens.map_or_else(Vec::new, |tokens| tokens.ranges(&names)));
    for (at, row) in rows.into_iter().enumerate() {
        let [out, err] = [&stdout, &stderr].map(|ranges| ranges.get(at).copied().flatten());
        if out.is_none() && err.is_none() {
            continue;
        }
        let reported_end = !ended_with_its_worker(tasks, values, row);
        let bytes = |range: Option<(u64, Option<u64>)>| {
            let (start, end) = range.unzip();
            let number = |at: u64| i64::try_from(at).ok();
            (start.and_then(number), end.flatten().filter(|_| reported_end).and_then(number))
        };
        let ((stdout_start, stdout_end), (stderr_start, stderr_end)) = (bytes(out), bytes(err));
        let (stdout_file, stderr_file) = (files.stdout, files.stderr);
        tasks.log[row] = tasks.logs.len() as u32;
        tasks.logs.push(LogInfo { stdout_file, stderr_file, stdout_start, stdout_end, stderr_start, stderr_end });
        if tasks.pids[row] <= 0 {
            tasks.flags[row] |= flag::LOG_OF_WORKER;
        }
    }
}

/// Returns `true` if the attempt ended because its worker did, or never ended.
fn ended_with_its_worker(tasks: &TaskTable, values: &Catalogue, row: usize) -> bool {
    let attempt = tasks.get(row);
    let error = values.resolve(attempt.error_type());
    attempt.state() != TaskState::Finished && error != "TASK_EXECUTION_EXCEPTION"
}

/// Restores the fields that Ray's merge of two updates lost: names, and starts of zero with a known end.
fn restored(sent: LogInfo, files: &Files<'_>, [stdout_start, stderr_start]: [i64; 2]) -> LogInfo {
    let start = |sent: Option<i64>, end: Option<i64>, derived: i64| match (sent.unwrap_or(0), end) {
        (0, Some(end)) => Some(derived.min(end)),
        (0, None) => Some(derived),
        (sent, _) => Some(sent),
    };
    LogInfo {
        stdout_file: if sent.stdout_file.is_empty() { files.stdout } else { sent.stdout_file },
        stderr_file: if sent.stderr_file.is_empty() { files.stderr } else { sent.stderr_file },
        stdout_start: start(sent.stdout_start, sent.stdout_end, stdout_start),
        stderr_start: start(sent.stderr_start, sent.stderr_end, stderr_start),
        ..sent
    }
}

/// Log folders on the nodes, as absolute paths.
struct Folders {
    of_node: HashMap<NodeId, String, RandomState>,
    default: String,
}

impl Folders {
    /// Takes folders from the paths that other attempts sent, else from the session folder in a raylet's log.
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
        Self { of_node, default: format!("/tmp/ray/{session_name}/logs") }
    }

    fn of_node(&self, node: Option<NodeId>) -> &str {
        node.and_then(|node| self.of_node.get(&node)).unwrap_or(&self.default)
    }
}
