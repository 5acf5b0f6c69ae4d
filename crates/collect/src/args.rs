//! The command line of the collector. Every flag has a variable `RAY_HISTORY_COLLECT_*`; the variables of KubeRay's
//! collector take precedence over both.
//!
//! All values are texts here: a bad one is a warning and the default, because a collector that ends takes its pod along.

use clap::{Args as ClapArgs, Parser};

/// Stores the events, logs and dashboard answers of the Ray node in this pod.
#[derive(Debug, Parser)]
#[command(name = "ray-history-collect", version, about)]
pub struct Command {
    /// The flags.
    #[command(flatten)]
    pub flags: Flags,
}

/// Flags of the collector.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
#[command(args_override_self = true)]
pub struct Flags {
    /// Role of the node: head or worker. `RAY_ROLE` takes precedence. Default: worker.
    #[arg(long, env = "RAY_HISTORY_COLLECT_ROLE", value_name = "ROLE")]
    pub role: Option<String>,
    /// Name of the `RayCluster`. `RAY_CLUSTER_NAME` takes precedence.
    #[arg(long, env = "RAY_HISTORY_COLLECT_CLUSTER", value_name = "NAME")]
    pub cluster: Option<String>,
    /// Namespace of the `RayCluster`. `RAY_CLUSTER_NAMESPACE` takes precedence. Default: default.
    #[arg(long, env = "RAY_HISTORY_COLLECT_NAMESPACE", value_name = "NAME")]
    pub namespace: Option<String>,
    /// Kind of the cluster's owner: `RayJob` or `RayService`. `OWNER_KIND` takes precedence.
    #[arg(long, env = "RAY_HISTORY_COLLECT_OWNER_KIND", value_name = "KIND")]
    pub owner_kind: Option<String>,
    /// Name of the cluster's owner. `OWNER_NAME` takes precedence.
    #[arg(long, env = "RAY_HISTORY_COLLECT_OWNER_NAME", value_name = "NAME")]
    pub owner_name: Option<String>,
    /// Address on which Ray's events are received. `EVENTS_PORT` takes precedence. Default: port 8084 of the loopback
    /// addresses of both families.
    #[arg(long, env = "RAY_HISTORY_COLLECT_EVENTS_LISTEN", value_name = "ADDRESS")]
    pub events_listen: Option<String>,
    /// Address of /healthz, /metrics and /drain. Default: port 8085 of all addresses.
    #[arg(long, env = "RAY_HISTORY_COLLECT_CONTROL_LISTEN", value_name = "ADDRESS")]
    pub control_listen: Option<String>,
    /// Folder to write to in place of a bucket. Default: the store of KubeRay's variables (`STORAGE_BACKEND` …).
    #[arg(long, env = "RAY_HISTORY_COLLECT_LOCAL_DIR", value_name = "DIR")]
    pub local_dir: Option<String>,
    /// Folder of the spool. Default: `/var/spool/ray-history` if it is there, else a folder below --ray-tmp.
    #[arg(long, env = "RAY_HISTORY_COLLECT_SPOOL", value_name = "DIR")]
    pub spool: Option<String>,
    /// Maximum size of the spool. `RAY_COLLECTOR_EVENT_MAX_DISK_MB` takes precedence. Default: 512Mi.
    #[arg(long, env = "RAY_HISTORY_COLLECT_SPOOL_MAX", value_name = "SIZE")]
    pub spool_max: Option<String>,
    /// Time after which an event is stored. Default: 10s, at least 2s.
    #[arg(long, env = "RAY_HISTORY_COLLECT_FLUSH", value_name = "DURATION")]
    pub flush: Option<String>,
    /// Time after which a line of a user's log is stored. Default: 30s.
    #[arg(long, env = "RAY_HISTORY_COLLECT_LOG_FLUSH", value_name = "DURATION")]
    pub log_flush: Option<String>,
    /// Time after which a line of Ray's own logs is stored. Default: 5m.
    #[arg(long, env = "RAY_HISTORY_COLLECT_SYSTEM_LOG_FLUSH", value_name = "DURATION")]
    pub system_log_flush: Option<String>,
    /// Age at which an event file of at least 64 KiB is sealed. `RAY_COLLECTOR_EVENT_ROTATION_INTERVAL` takes
    /// precedence. Default: 5m.
    #[arg(long, env = "RAY_HISTORY_COLLECT_SEAL_AFTER", value_name = "DURATION")]
    pub seal_after: Option<String>,
    /// Never write an object again: for buckets that keep versions or forbid overwriting. Default: false.
    #[arg(long, env = "RAY_HISTORY_COLLECT_IMMUTABLE", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub immutable: Option<String>,
    /// Writes to the disk before Ray's events are acknowledged: with flush none, with batch one for each batch.
    /// Default: flush.
    #[arg(long, env = "RAY_HISTORY_COLLECT_FSYNC", value_name = "WHEN")]
    pub fsync: Option<String>,
    /// Interval of `RAY_COLLECTOR_ADDITIONAL_ENDPOINTS`. `RAY_COLLECTOR_POLL_INTERVAL` takes precedence. Default: 30s.
    #[arg(long, env = "RAY_HISTORY_COLLECT_POLL", value_name = "DURATION")]
    pub poll: Option<String>,
    /// Do not query the dashboard. Default: false.
    #[arg(long, env = "RAY_HISTORY_COLLECT_NO_POLL", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub no_poll: Option<String>,
    /// Ray's folder. `RAY_TMP_ROOT` takes precedence. Default: /tmp/ray.
    #[arg(long, env = "RAY_HISTORY_COLLECT_RAY_TMP", value_name = "DIR")]
    pub ray_tmp: Option<String>,
    /// Time from SIGTERM to the end. Default: 25s.
    #[arg(long, env = "RAY_HISTORY_COLLECT_GRACE", value_name = "DURATION")]
    pub grace: Option<String>,
    /// Bytes of one log file that are stored; of a longer one, the middle is left out. Default: 10Gi.
    #[arg(long, env = "RAY_HISTORY_COLLECT_LOG_MAX_BYTES", value_name = "SIZE")]
    pub log_max_bytes: Option<String>,
    /// Bytes per second that are sent to the store, all uploads together; at least 64Ki. Default: no bound.
    #[arg(long, env = "RAY_HISTORY_COLLECT_UPLOAD_RATE", value_name = "SIZE")]
    pub upload_rate: Option<String>,
    /// Store event files as gzip. `RAY_COLLECTOR_EVENT_COMPRESSION_ENABLED` takes precedence. Default: true.
    #[arg(long, env = "RAY_HISTORY_COLLECT_GZIP", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub gzip: Option<String>,
}
