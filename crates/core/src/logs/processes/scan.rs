//! Scans one process log as its bytes arrive, and holds at most one record of it.

use super::tokens::TokenScan;
use super::worker::{Exit, WorkerLog};
use super::{LogName, Output, ProcessLogs, gcs, raylet};
use crate::base::id::{NodeId, WorkerId};
use crate::logs::cpp::{Lines, header, word_after};

/// The length up to which a record is kept: details of exits quote tracebacks.
const MAX_RECORD: usize = 64 << 10;

/// The process that wrote a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The GCS, on the head.
    Gcs,
    /// A node's raylet.
    Raylet,
    /// A worker or driver.
    Worker(WorkerId),
    /// The tasks of a worker, to one of its outputs.
    Tasks(WorkerId, Output),
}

impl Source {
    /// Returns the process that writes to a path, relative to its node's `logs` folder. Rotated files count.
    ///
    /// A raylet that restarts within a session writes to `raylet.1.out`.
    pub fn of(path: &str) -> Option<Self> {
        if path.contains('/') {
            return None;
        }
        let mut parts = path.split('.');
        match parts.next()? {
            "gcs_server" if parts.any(|part| part == "out") => Some(Self::Gcs),
            "raylet" if parts.any(|part| part == "out") => Some(Self::Raylet),
            _ => LogName::parse(path).filter(|name| name.output.is_none()).map(|name| Self::Worker(name.worker)),
        }
    }

    /// Returns the worker and the output of a path that was not rotated.
    pub fn tasks_of(path: &str) -> Option<Self> {
        let name = LogName::parse(path).filter(|_| !path.contains('/'))?;
        let (output, ending) = match name.output? {
            Output::Out => (Output::Out, ".out"),
            Output::Err => (Output::Err, ".err"),
        };
        let current = path.strip_suffix(ending).is_some_and(|stem| !stem.contains('.'));
        current.then_some(Self::Tasks(name.worker, output))
    }
}

/// The scan of one log.
#[derive(Debug)]
pub struct LogScan {
    source: Source,
    node: NodeId,
    lines: Lines,
    reader: Records,
    tokens: TokenScan,
    found: ProcessLogs,
}

/// The current record.
#[derive(Debug, Default)]
struct Records {
    open: Option<(i64, String)>,
    /// The local time when the worker began to report its tasks; it registers before it writes its next record.
    reporting: Option<i64>,
}

impl LogScan {
    /// Starts to scan the log of a process on a node.
    pub fn new(source: Source, node: NodeId) -> Self {
        let mut found = ProcessLogs::default();
        found.gcs.read = source == Source::Gcs;
        let (lines, reader, tokens) = Default::default();
        Self { source, node, lines, reader, tokens, found }
    }

    /// Scans the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        let Self { source, node, lines, reader, tokens, found } = self;
        match source {
            Source::Tasks(..) => tokens.push(piece),
            _ => lines.push(piece, |line| reader.line(*source, *node, line, found)),
        }
    }

    /// Begins another part of the same log, which does not follow directly on what was pushed.
    pub fn next_part(&mut self) {
        // Ends a line that is cut between two parts.
        self.push(b"\n");
    }

    /// Ends the scan, and returns the facts found. `whole` if the log was pushed from its first byte to its last.
    pub fn finish(self, whole: bool) -> ProcessLogs {
        let Self { source, node, lines, mut reader, tokens, mut found } = self;
        if let Source::Tasks(worker, output) = source {
            let mut log = WorkerLog { node: Some(node), ..WorkerLog::default() };
            log.tokens[output as usize] = Some(tokens.finish(whole));
            found.workers.entry(worker).or_default().merge(log);
            return found;
        }
        lines.finish(|line| reader.line(source, node, line, &mut found));
        reader.close(source, node, &mut found);
        found
    }
}

impl Records {
    fn line(&mut self, source: Source, node: NodeId, line: &str, found: &mut ProcessLogs) {
        let Some(header) = header(line) else {
            if let Some((_, text)) = self.open.as_mut().filter(|(_, text)| text.len() < MAX_RECORD) {
                text.push('\n');
                text.push_str(line);
            }
            return;
        };
        self.close(source, node, found);
        if let (Source::Worker(worker), Some(reporting)) = (source, self.reporting.take()) {
            // The worker registers between two records, nearly always right before the second one.
            let early = i64::from(header.local_ms - reporting >= 2);
            let registered = Some(header.local_ms - early);
            found.workers.entry(worker).or_default().merge(WorkerLog { registered, ..WorkerLog::default() });
        }
        let wanted = match source {
            Source::Gcs => gcs::is_wanted(&header.text),
            Source::Raylet => raylet::is_wanted(&header.text),
            Source::Worker(_) => is_wanted(&header.text),
            Source::Tasks(..) => false,
        };
        self.open = wanted.then(|| (header.local_ms, header.text.into_owned()));
    }

    fn close(&mut self, source: Source, node: NodeId, found: &mut ProcessLogs) {
        let Some((local_ms, text)) = self.open.take() else { return };
        match source {
            Source::Gcs => gcs::add_record(found, node, local_ms, &text),
            Source::Raylet => raylet::add_record(found, node, local_ms, &text),
            Source::Tasks(..) => {}
            Source::Worker(worker) => {
                if text.contains(REPORTING) {
                    self.reporting = Some(local_ms);
                }
                let log = parse_worker_record(node, local_ms, &text);
                found.workers.entry(worker).or_default().merge(WorkerLog { node: Some(node), has_log: true, ..log });
            }
        }
    }
}

const CONSTRUCTING: &str = "Constructing CoreWorkerProcess. pid: ";
const INITIALIZING: &str = "Initializing worker at address: ";
const REPORTING: &str = "Reporting task events to GCS every ";
/// `RayletIpcClient::Disconnect, exit_type=…`; `RayletClient` in older versions.
const LEAVING: &str = "Client::Disconnect, exit_type=";

fn is_wanted(text: &str) -> bool {
    [CONSTRUCTING, INITIALIZING, REPORTING, LEAVING].iter().any(|words| text.contains(words))
}

/// Parses a record of a worker's own log.
fn parse_worker_record(node: NodeId, local_ms: i64, text: &str) -> WorkerLog {
    let mut log = WorkerLog::default();
    if text.contains(CONSTRUCTING) {
        log.constructed = Some(local_ms);
        log.pid = word_after(text, CONSTRUCTING).and_then(|pid| pid.parse().ok()).unwrap_or(0);
    } else if let Some(address) = word_after(text, INITIALIZING) {
        log.port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(0);
    } else if let Some(exit_type) = word_after(text, LEAVING) {
        let detail = text.split_once("exit_detail=").map_or("", |(_, detail)| detail);
        let detail = detail.rfind(", has creation_task_exception").map_or(detail, |at| &detail[..at]);
        log.own_exit =
            Some(Exit { local_ms, clock: node, exit_type: exit_type.into(), detail: detail.trim_end().into() });
    }
    log
}
