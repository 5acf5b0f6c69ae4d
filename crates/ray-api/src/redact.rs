//! Redacted runtime environments of answers; the rule is the core's.

pub use ray_history_core::snapshot::redact::{REDACTED, runtime_env, serialized};

use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
pub(super) use ray_history_core::snapshot::redact::Redactor;
use std::collections::HashMap;

/// Most bytes of redacted environments that are cached for an answer.
const MAX_CACHED: usize = 1 << 20;

/// Caches the redacted environments of a snapshot: few are distinct, and each is parsed once.
#[derive(Debug, Default)]
pub(super) struct RedactedEnvs {
    cache: HashMap<Str, String>,
    bytes: usize,
}

impl RedactedEnvs {
    /// Returns a serialized environment with its values hidden.
    pub(super) fn get(&mut self, snapshot: &Snapshot, runtime_env: Str) -> &str {
        if self.bytes > MAX_CACHED {
            *self = Self::default();
        }
        self.cache.entry(runtime_env).or_insert_with(|| {
            let hidden = serialized(snapshot.str(runtime_env));
            self.bytes += hidden.len();
            hidden
        })
    }
}
