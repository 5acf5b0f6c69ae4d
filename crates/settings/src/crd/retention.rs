//! Retention: how long sessions are kept. Types, defaults and rules.
//!
//! Nothing is implied by anything else: a limit that is absent is no limit, and a session that no rule matches is kept
//! for ever.

#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]

use super::{GRACE, MAX_AGE, MAX_BYTES};
use kube::KubeSchema;
use kube::core::cel::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Retention: how long sessions are kept.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules_with_a_mode())]
#[x_kube(validation = conditions_of_protected())]
pub struct RetentionSpec {
    /// `Off`: everything is kept. `DryRun`: the status and the API say what would be deleted. `Delete`: sessions are
    /// marked, and deleted after `grace`; the server needs to put and delete objects.
    #[serde(default)]
    pub mode: RetentionMode,
    /// The rules. The first one that matches a session decides; one that none matches is kept for ever.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub rules: Vec<RetentionRule>,
    /// Sessions that are never deleted, whatever the rules say.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub protect: Vec<SessionMatch>,
    /// Time between the mark of a session and its deletion, from `24h` to `8760h`.
    #[serde(default = "RetentionSpec::default_grace")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = GRACE.rule())]
    pub grace: String,
    /// Most sessions that are marked in a day, as a percentage of all sessions; the oldest go first.
    #[serde(default = "RetentionSpec::default_max_share")]
    #[schemars(range(min = 1, max = 100))]
    pub max_share: i64,
    /// Pace of deletions.
    #[serde(default)]
    pub rate: RetentionRate,
}

impl RetentionSpec {
    fn default_grace() -> String {
        "168h".to_owned()
    }

    fn default_max_share() -> i64 {
        10
    }
}

impl Default for RetentionSpec {
    fn default() -> Self {
        Self {
            mode: RetentionMode::default(),
            rules: Vec::new(),
            protect: Vec::new(),
            grace: Self::default_grace(),
            max_share: Self::default_max_share(),
            rate: RetentionRate::default(),
        }
    }
}

/// Returns the rule that a mode has rules.
fn rules_with_a_mode() -> Rule {
    Rule::new("self.mode == 'Off' || size(self.rules) > 0")
        .message("retention is on, and no rule says what it deletes")
        .field_path(".rules")
}

/// Returns the rule that what is protected has a condition.
fn conditions_of_protected() -> Rule {
    Rule::new(
        "self.protect.all(protected, has(protected.namespaces) || has(protected.ownerKinds) || \
         has(protected.owners) || has(protected.outcomes))",
    )
    .message("it has no condition, so it would protect every session: set mode to Off instead")
    .field_path(".protect")
}

/// The consequence of the rules.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetentionMode {
    /// None: everything is kept.
    #[default]
    Off,
    /// It is shown which sessions would be deleted.
    DryRun,
    /// Sessions are marked, and deleted after the grace.
    Delete,
}

/// A rule: the sessions that it is for, and how long they are kept.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = a_limit())]
pub struct RetentionRule {
    /// The sessions that the rule is for; `{}` for all.
    #[serde(rename = "match", default)]
    pub matches: SessionMatch,
    /// Time after the end of a session for which it is kept, from `24h`; absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MAX_AGE.rule())]
    pub max_age: Option<String>,
    /// Number of sessions that are kept of each namespace, the newest; absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_sessions: Option<i64>,
    /// Bytes of sessions that are kept of each namespace, the newest, as a quantity such as `500Gi`; absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = MAX_BYTES.rule())]
    pub max_bytes: Option<String>,
}

/// Returns the rule that a rule of retention has a limit.
fn a_limit() -> Rule {
    Rule::new("has(self.maxAge) || has(self.maxSessions) || has(self.maxBytes)")
        .message("it has no limit: set maxAge, maxSessions or maxBytes")
}

/// Sessions, by their properties. All that are given must hold; an empty list is no condition.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionMatch {
    /// Namespaces of the clusters. `*` stands for any characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub namespaces: Vec<String>,
    /// Kinds of the owners: `RayJob`, `RayService`, or `RayCluster` for clusters without an owner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    pub owner_kinds: Vec<RetainedOwner>,
    /// Names of the owners; of clusters without an owner, names of the clusters. `*` stands for any characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub owners: Vec<String>,
    /// Outcomes of the runs, by final obituaries alone; they need `spec.obituaries.mode`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub outcomes: Vec<RetainedOutcome>,
}

/// The kind of object that a cluster came from.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetainedOwner {
    /// A `RayJob`.
    RayJob,
    /// A `RayService`.
    RayService,
    /// The cluster itself.
    RayCluster,
}

/// The outcome of a run.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetainedOutcome {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was stopped.
    Stopped,
    /// Its outcome is not known.
    Unknown,
}

/// The pace of deletions.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetentionRate {
    /// Objects that are deleted in a second.
    #[schemars(range(min = 1, max = 10_000))]
    pub objects_per_second: i64,
}

impl Default for RetentionRate {
    fn default() -> Self {
        Self { objects_per_second: 50 }
    }
}

/// Returns the rule that outcomes need obituaries.
pub(super) fn outcomes() -> Rule {
    Rule::new(
        "self.obituaries.mode != 'Off' || \
         (self.retention.rules.all(rule, !has(rule.match.outcomes) || size(rule.match.outcomes) == 0) && \
         self.retention.protect.all(protected, !has(protected.outcomes) || size(protected.outcomes) == 0))",
    )
    .message("outcomes come from obituaries, which are off: set obituaries.mode to Resources or Pods")
    .field_path(".retention.rules")
}
