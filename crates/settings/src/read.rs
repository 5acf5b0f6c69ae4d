//! Converts a spec into settings: parses every value, applies every rule, and reports all problems together.

use super::reader::Reader;
use super::shape::{self, quoted};
use super::{Cache, Clusters, Loading, Origin, Problems, Settings, Storage, stores};
use super::{access, persist, retention};
use crate::crd::{self, AccessMode, ObituariesMode, RayHistorySpec, Redaction};

/// The maximum of the default memory budget, in bytes.
const DEFAULT_MEMORY: u64 = 2 << 30;

/// Returns the default of `cache.maxMemory` in bytes: half of the container's memory limit, at most 2 GiB.
pub fn default_max_memory(memory_limit: Option<u64>) -> u64 {
    memory_limit.map_or(DEFAULT_MEMORY, |limit| (limit / 2).min(DEFAULT_MEMORY))
}

pub(super) fn settings(spec: &RayHistorySpec, origin: Origin, memory_limit: Option<u64>) -> Result<Settings, Problems> {
    let mut reader = Reader { origin, problems: Vec::new() };
    // The API server has checked its objects already, but perhaps against an older definition.
    let schema = crd::schema();
    if let (Some(schema), Ok(value)) = (schema.pointer("/properties/spec"), serde_json::to_value(spec)) {
        shape::check(schema, &value, "spec", &mut reader.problems);
    }
    let store = stores::from_spec(&mut reader, &spec.storage);
    let (store, credentials_secret) = store.unwrap_or_else(|| (Storage::default().store, None));
    let storage = Storage { store, root_dirs: spec.storage.root_dirs.clone(), credentials_secret };
    let max_memory = match &spec.cache.max_memory {
        None => default_max_memory(memory_limit),
        Some(size) => crd::MAX_MEMORY.read(&size.0).unwrap_or_else(|| {
            let expected = crd::MAX_MEMORY.expected();
            reader.problem("spec.cache.maxMemory", format!("{} {expected}", quoted(&size.0)));
            0
        }),
    };
    let ttl = reader.duration("spec.cache.ttl", &spec.cache.ttl, crd::TTL);
    let access = access::read(&mut reader, &spec.access);
    if spec.redaction == Redaction::ByRole && spec.access.mode == AccessMode::None {
        reader.problem("spec.redaction", crd::BY_ROLE_EXPECTED);
    }
    if origin == Origin::File && spec.obituaries.mode != ObituariesMode::Off {
        reader.problem("spec.obituaries.mode", "must be Off in a file: only serve --rayhistory watches a Kubernetes");
    }
    if spec.obituaries.submitter_logs && spec.obituaries.mode != ObituariesMode::Pods {
        reader.problem("spec.obituaries", crd::SUBMITTER_LOGS_EXPECTED);
    }
    let retention = retention::read(&mut reader, &spec.retention, spec.obituaries.mode);
    let persist = persist::read(&mut reader, &spec.persist);
    let settings = Settings {
        cache: Cache {
            max_sessions: usize::try_from(spec.cache.max_sessions).unwrap_or(0),
            max_memory,
            ttl: (!ttl.is_zero()).then_some(ttl),
        },
        loading: Loading {
            timeout: reader.duration("spec.loading.timeout", &spec.loading.timeout, crd::TIMEOUT),
            max_concurrent: usize::try_from(spec.loading.max_concurrent).unwrap_or(0),
            request_timeout: reader.duration(
                "spec.loading.requestTimeout",
                &spec.loading.request_timeout,
                crd::REQUEST_TIMEOUT,
            ),
        },
        clusters: Clusters {
            namespaces: spec.clusters.namespaces.clone(),
            shared_storage: spec.clusters.shared_storage,
        },
        prewarm: spec.prewarm.enabled,
        redaction: spec.redaction,
        storage,
        access,
        obituaries: spec.obituaries,
        retention,
        persist,
    };
    if reader.problems.is_empty() { Ok(settings) } else { Err(Problems(reader.problems)) }
}
