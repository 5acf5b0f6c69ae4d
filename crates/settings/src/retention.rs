//! Retention: its validated settings, made from a spec.

use super::reader::Reader;
use super::shape::quoted;
use crate::crd::{self, ObituariesMode, RetainedOutcome, RetainedOwner, RetentionMode, RetentionSpec, SessionMatch};
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_retention::{Creator, Match, Mode, Pattern, Rule, Settings};

/// Returns the settings of a spec. Obituaries tell outcomes.
pub(super) fn read(reader: &mut Reader, spec: &RetentionSpec, obituaries: ObituariesMode) -> Settings {
    let rules = spec.rules.iter().enumerate().map(|(at, rule)| {
        let field = format!("spec.retention.rules[{at}]");
        let max_age = rule.max_age.as_ref().map(|age| reader.duration(&format!("{field}.maxAge"), age, crd::MAX_AGE));
        let max_bytes = rule.max_bytes.as_ref().map(|size| bytes(reader, &format!("{field}.maxBytes"), size));
        let max_sessions = rule.max_sessions.map(|count| u64::try_from(count).unwrap_or(0));
        Rule { matches: matching(&rule.matches), max_age, max_sessions, max_bytes }
    });
    let settings = Settings {
        mode: match spec.mode {
            RetentionMode::Off => Mode::Off,
            RetentionMode::DryRun => Mode::DryRun,
            RetentionMode::Delete => Mode::Delete,
        },
        rules: rules.collect(),
        protect: spec.protect.iter().map(matching).collect(),
        grace: reader.duration("spec.retention.grace", &spec.grace, crd::GRACE),
        max_share: u8::try_from(spec.max_share).unwrap_or(0),
        objects_per_second: u32::try_from(spec.rate.objects_per_second).unwrap_or(0),
    };
    for problem in settings.problems(obituaries != ObituariesMode::Off) {
        reader.problem(&format!("spec.retention.{}", problem.field), problem.why);
    }
    settings
}

fn bytes(reader: &mut Reader, field: &str, size: &str) -> u64 {
    crd::MAX_BYTES.read(size).unwrap_or_else(|| {
        reader.problem(field, format!("{} {}", quoted(size), crd::MAX_BYTES.expected()));
        0
    })
}

fn matching(spec: &SessionMatch) -> Match {
    let patterns = |names: &[String]| names.iter().map(Pattern::new).collect();
    Match {
        namespaces: patterns(&spec.namespaces),
        owner_kinds: spec.owner_kinds.iter().map(|kind| creator(*kind)).collect(),
        owners: patterns(&spec.owners),
        outcomes: spec.outcomes.iter().map(|outcome| outcome_of(*outcome)).collect(),
    }
}

fn creator(kind: RetainedOwner) -> Creator {
    match kind {
        RetainedOwner::RayJob => Creator::RayJob,
        RetainedOwner::RayService => Creator::RayService,
        RetainedOwner::RayCluster => Creator::RayCluster,
    }
}

fn outcome_of(outcome: RetainedOutcome) -> Outcome {
    match outcome {
        RetainedOutcome::Succeeded => Outcome::Succeeded,
        RetainedOutcome::Failed => Outcome::Failed,
        RetainedOutcome::Stopped => Outcome::Stopped,
        RetainedOutcome::Unknown => Outcome::Unknown,
    }
}
