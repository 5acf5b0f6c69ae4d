//! Reads the settings of KubeRay's history server: its flags, environment variables and JSON file.
//!
//! A deployment of that server can thus run this program unchanged. Follows KubeRay's names, defaults and order of
//! precedence. The result is a `RayHistorySpec`, checked by the same rules as a document; problems are reported under
//! KubeRay's names. Pure: the environment is a function, the file is text.

#[cfg(test)]
mod tests;

use super::{Environment, Origin, Problem, Problems, Settings, stores};
use crate::crd::{
    AccessSpec, CacheSpec, ClustersSpec, LoadingSpec, ObituariesSpec, PersistSpec, PrewarmSpec, RayHistorySpec,
    Redaction, RetentionSpec, Size,
};
use clap::Args;
use ray_history_store_settings::kuberay::{Backend, Sources, known_keys, set};
use std::path::PathBuf;

/// Flags of KubeRay's history server. As there, a variable takes precedence over its flag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Settings of KubeRay's history server")]
pub struct KubeRay {
    /// Kind of store: s3, gcs, azureblob or aliyunoss, configured by the variables of KubeRay's history server
    /// (`S3_BUCKET` ...). `STORAGE_BACKEND` takes precedence.
    #[arg(long, alias = "runtime-class-name", value_name = "BACKEND")]
    pub storage_backend: Option<String>,
    /// With --storage-backend: prefix inside the bucket that collectors wrote below. `STORAGE_ROOT_DIR` takes
    /// precedence.
    #[arg(long, alias = "ray-root-dir", value_name = "PREFIX")]
    pub storage_root_dir: Option<String>,
    /// With --storage-backend: JSON file with KubeRay's keys (`s3Bucket` ...). `STORAGE_BACKEND_CONFIG_PATH` takes
    /// precedence.
    #[arg(long, alias = "runtime-class-config-path", value_name = "FILE")]
    pub storage_backend_config_path: Option<PathBuf>,
    /// With --storage-backend: maximum number of open sessions. Default: 100.
    #[arg(long, value_name = "COUNT")]
    pub session_cache_size: Option<i64>,
    /// With --storage-backend: memory for open sessions and for those being loaded. Default: half of the container's
    /// memory limit, at most 2Gi.
    #[arg(long, value_name = "SIZE")]
    pub session_cache_max_memory: Option<String>,
    /// With --storage-backend: a session that is not requested for this time is closed. Default: never.
    #[arg(long, value_name = "DURATION")]
    pub session_cache_ttl: Option<String>,
    /// With --storage-backend: maximum duration of a load. Default: 10m.
    #[arg(long, value_name = "DURATION")]
    pub session_process_timeout: Option<String>,
    /// No effect: Kubernetes is not queried.
    #[arg(long, hide = true)]
    kubeconfigs: Option<String>,
    /// No effect, as `kubeconfigs`.
    #[arg(long, hide = true)]
    kube_api_qps: Option<String>,
    /// No effect, as `kubeconfigs`.
    #[arg(long, hide = true)]
    kube_api_burst: Option<String>,
    /// No effect, as `kubeconfigs`.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    use_kubernetes_proxy: Option<bool>,
    /// No effect: live clusters are not proxied.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    use_auth_token_mode: Option<bool>,
    /// No effect: live clusters are not proxied.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enable_live_clusters: Option<bool>,
}

impl KubeRay {
    /// Returns the kind of store, in lower case; `None` if KubeRay's settings are not used.
    pub fn backend(&self, env: Environment<'_>) -> Option<String> {
        let backend = set(env, "STORAGE_BACKEND").or_else(|| self.storage_backend.clone())?;
        Some(backend.trim().to_ascii_lowercase()).filter(|backend| !backend.is_empty())
    }

    /// Returns the path of the JSON file.
    pub fn config_path(&self, env: Environment<'_>) -> Option<PathBuf> {
        let path = set(env, "STORAGE_BACKEND_CONFIG_PATH").map(PathBuf::from);
        path.or_else(|| self.storage_backend_config_path.clone()).filter(|path| !path.as_os_str().is_empty())
    }

    /// Returns a note for each flag in use that has no effect here, with the reason.
    fn ignored_flags(&self) -> impl Iterator<Item = String> {
        const ALONE: &str = "sessions are read from the store only; serve --rayhistory queries Kubernetes";
        const LIVE: &str = "live clusters are not proxied";
        let flags = [
            ("kubeconfigs", self.kubeconfigs.is_some(), ALONE),
            ("kube-api-qps", self.kube_api_qps.is_some(), ALONE),
            ("kube-api-burst", self.kube_api_burst.is_some(), ALONE),
            ("use-kubernetes-proxy", self.use_kubernetes_proxy == Some(true), ALONE),
            ("use-auth-token-mode", self.use_auth_token_mode == Some(true), LIVE),
            ("enable-live-clusters", self.enable_live_clusters == Some(true), LIVE),
        ];
        let given = flags.into_iter().filter(|(_, is_given, _)| *is_given);
        given.map(|(name, _, why)| format!("--{name} has no effect here: {why}"))
    }
}

impl Settings {
    /// Returns the settings of KubeRay's flags, variables and JSON file (its name and text), with notes on those that
    /// have no effect here.
    pub fn from_kuberay(
        flags: &KubeRay,
        env: Environment<'_>,
        file: Option<(&str, &str)>,
        memory_limit: Option<u64>,
    ) -> Result<(Self, Vec<String>), Problems> {
        let mut sources = Sources::new(env, file, &known_keys());
        let root = set(env, "STORAGE_ROOT_DIR").or_else(|| flags.storage_root_dir.clone()).unwrap_or_default();
        sources.set_name("spec.storage.rootDirs[0]", "STORAGE_ROOT_DIR");
        let backend = flags.backend(env).unwrap_or_default();
        let store = match Backend::of(&backend) {
            Ok(backend) => Some(backend.read(&mut sources)),
            Err(message) => {
                sources.problem("STORAGE_BACKEND (--storage-backend)", message);
                None
            }
        };
        // Checked as that of a document.
        let storage = stores::to_spec(store.as_ref(), root);
        let spec = RayHistorySpec {
            storage,
            cache: cache(flags, &mut sources),
            loading: loading(flags, &mut sources),
            clusters: ClustersSpec::default(),
            prewarm: PrewarmSpec::default(),
            redaction: Redaction::default(),
            access: AccessSpec::default(),
            obituaries: ObituariesSpec::default(),
            retention: RetentionSpec::default(),
            persist: PersistSpec::default(),
        };
        let read = Self::from_spec(&spec, Origin::File, memory_limit);
        let (found, mut notes) = sources.finish();
        let mut problems = found.problems;
        if let Err(Problems(others)) = &read {
            problems.extend(others.iter().map(|problem| Problem {
                field: found.names.get(problem.field.as_str()).cloned().unwrap_or_else(|| problem.field.clone()),
                message: problem.message.clone(),
            }));
        }
        let mut settings = match read {
            Ok(settings) if problems.is_empty() => settings,
            _ => return Err(Problems(problems)),
        };
        if let Some(store) = &store {
            stores::take_credentials(&mut settings.storage.store, store);
        }
        notes.extend(flags.ignored_flags());
        Ok((settings, notes))
    }
}

fn cache(flags: &KubeRay, sources: &mut Sources<'_>) -> CacheSpec {
    let mut cache = CacheSpec::default();
    if let Some(count) = flags.session_cache_size {
        sources.set_name("spec.cache.maxSessions", "--session-cache-size");
        cache.max_sessions = count;
    }
    match flags.session_cache_max_memory.as_deref() {
        Some("0") => sources.note("--session-cache-max-memory 0: memory is always bounded here, by the default"),
        memory => {
            sources.set_name("spec.cache.maxMemory", "--session-cache-max-memory");
            cache.max_memory = memory.map(|memory| Size(memory.to_owned()));
        }
    }
    if let Some(ttl) = &flags.session_cache_ttl {
        sources.set_name("spec.cache.ttl", "--session-cache-ttl");
        cache.ttl = if ttl == "0" { "0s".to_owned() } else { ttl.clone() };
    }
    cache
}

fn loading(flags: &KubeRay, sources: &mut Sources<'_>) -> LoadingSpec {
    let mut loading = LoadingSpec::default();
    if let Some(timeout) = &flags.session_process_timeout {
        sources.set_name("spec.loading.timeout", "--session-process-timeout");
        loading.timeout = timeout.clone();
    }
    loading
}
