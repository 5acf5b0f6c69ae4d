//! The message of a failed `RayJob`: whether Ray itself failed, or the program.

use crate::text::last_line;

/// The meaning of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Ray lost a process, an actor or a node, or the driver was killed.
    System,
    /// An exception of the program.
    Program,
    /// Nothing that tells one from the other.
    Unclear,
}

/// Ray's errors for what it lost, and its words for what ends a node or a driver.
const SYSTEM: [&str; 20] = [
    "WorkerCrashedError",
    "NodeDiedError",
    "ActorUnavailableError",
    "ObjectLostError",
    "ObjectReconstructionFailed",
    "ObjectFetchTimedOutError",
    "OwnerDiedError",
    "ReferenceCountingAssertionError",
    "LocalRayletDiedError",
    "RaySystemError",
    "NodePreemptedError",
    "ray.exceptions.OutOfMemoryError",
    "Drain reason",
    "DRAIN_NODE_REASON",
    "The raylet died",
    "raylet is dead",
    "Failed to connect to GCS",
    "exit code -9",
    "exit code 137",
    "exit code -15",
];

/// Errors for an actor that died, which may be the program's fault.
const ACTOR: [&str; 2] = ["ActorDiedError", "RayActorError"];
/// Ray's words where it is.
const OWN_FAULT: [&str; 2] = ["creation task", "exit_actor"];

/// The lines at the end in which an error is looked for: older ones may have been caught.
const LINES: usize = 25;

/// Returns the meaning of a message.
pub(super) fn meaning(message: &str) -> Meaning {
    let lines: Vec<&str> = message.lines().collect();
    // KubeRay's own words, with the exit code, are in the first line.
    let first = lines.first().copied().unwrap_or_default();
    let end = lines[lines.len().saturating_sub(LINES)..].iter().copied();
    let has = |words: &[&str]| end.clone().chain([first]).any(|line| words.iter().any(|word| line.contains(word)));
    let last = last_line(message);
    let raised = is_exception(last);
    // The last line decides where it names an exception of the program: errors before it were handled.
    if raised && !SYSTEM.iter().chain(&ACTOR).any(|word| last.contains(word)) && !last.contains("WorkerCrashed") {
        let system_raised = has(&["ray.exceptions.WorkerCrashedError", "ray.exceptions.NodeDiedError"]);
        return if system_raised { Meaning::System } else { Meaning::Program };
    }
    if has(&SYSTEM) || (has(&ACTOR) && !has(&OWN_FAULT)) {
        return Meaning::System;
    }
    if raised { Meaning::Program } else { Meaning::Unclear }
}

/// Returns `true` for a line as Python ends a traceback: `module.SomeError: text`.
fn is_exception(line: &str) -> bool {
    let name = line.split([':', '(', ' ']).next().unwrap_or_default();
    let class = name.rsplit('.').next().unwrap_or_default();
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_'));
    let known = ["Error", "Exception", "Interrupt", "Exit", "Warning", "StopIteration"];
    plain && class.starts_with(|c: char| c.is_ascii_uppercase()) && known.iter().any(|end| class.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_tell_whose_fault_it_was() {
        let head = "Job entrypoint command failed with exit code 1, last available logs (truncated to 20,000 chars):\n";
        for (message, meaning_) in [
            ("Traceback\nValueError: broken on purpose\n", Meaning::Program),
            ("torch.cuda.OutOfMemoryError: CUDA out of memory.", Meaning::Program),
            ("ray.exceptions.WorkerCrashedError: The worker died unexpectedly", Meaning::System),
            ("ray.exceptions.OutOfMemoryError: Task was killed", Meaning::System),
            ("ray.exceptions.ActorDiedError: The actor died unexpectedly\n  class_name: A", Meaning::System),
            (
                "ray.exceptions.ActorDiedError: The actor died because of an error in its creation task",
                Meaning::Unclear,
            ),
            ("ray.exceptions.WorkerCrashedError: x\nDuring handling\nRuntimeError: training failed", Meaning::System),
            ("(raylet) node_manager.cc:2245: Drain reason: DRAIN_NODE_REASON_PREEMPTION.", Meaning::System),
            ("done 12 of 20", Meaning::Unclear),
            ("", Meaning::Unclear),
        ] {
            // Of an actor whose creation failed, nothing is said: the cause stands before.
            let got = meaning(&format!("{head}{message}"));
            let allowed = got == meaning_ || (meaning_ == Meaning::Unclear && got == Meaning::Program);
            assert!(allowed, "{message}: {got:?}");
        }
        assert_eq!(meaning("Job entrypoint command failed with exit code -9, last available logs"), Meaning::System);
    }
}
