//! The validated settings: from flags, their variables, and the variables of KubeRay's collector.
//!
//! Pure: the environment is a function. Nothing here fails: a bad value is a warning and the default.

mod poll;
mod source;
#[cfg(test)]
mod tests;
mod units;

pub use poll::{Auth, PollSettings, TOKEN_FILE};

use crate::args::Flags;
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind};
use ray_history_manifest::{Pod, Role};
use ray_history_storage_write::Rate;
use source::Source;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Looks up an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Below this, Google's stores refuse to replace an object.
const LEAST_FLUSH: Duration = Duration::from_secs(2);
const MEBIBYTE: u64 = 1 << 20;
/// The least bound of the spool. A batch needs twice its length, and Ray up to 2.52 sends 10,000 events of a kilobyte.
const LEAST_SPOOL: u64 = 32 * MEBIBYTE;

/// All settings of the collector.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The node.
    pub role: Role,
    /// The cluster; `None` if no valid name was given, and then nothing is uploaded.
    pub cluster: Option<ClusterId>,
    /// The owner of the cluster.
    pub owner: Option<Owner>,
    /// The pod, if its name is known.
    pub pod: Option<Pod>,
    /// The address for events.
    pub events_listen: EventsListen,
    /// The addresses for control, of which the first that can be bound is used.
    pub control_listen: Vec<SocketAddr>,
    /// The folder to write to in place of a bucket.
    pub local_dir: Option<PathBuf>,
    /// The folder of the spool.
    pub spool: SpoolFolder,
    /// The folder in which KubeRay's collector keeps events: what it left there is stored.
    pub kuberay_events: PathBuf,
    /// The maximum size of the spool in bytes.
    pub spool_max: u64,
    /// The time after which an event is stored.
    pub flush: Duration,
    /// The time after which a line of a user's log is stored.
    pub log_flush: Duration,
    /// The time after which a line of Ray's own logs is stored.
    pub system_log_flush: Duration,
    /// The age at which an event file is sealed.
    pub seal_after: Duration,
    /// The uncompressed size at which an event file is sealed.
    pub seal_bytes: Option<u64>,
    /// `true` to never write an object again.
    pub immutable: bool,
    /// `true` to write each batch to the disk before it is acknowledged.
    pub fsync_batch: bool,
    /// The dashboard.
    pub poll: PollSettings,
    /// Ray's folder.
    pub ray_tmp: PathBuf,
    /// The time from SIGTERM to the end.
    pub grace: Duration,
    /// The bytes of one log file that are stored.
    pub log_max_bytes: u64,
    /// The bytes per second that are sent to the store.
    pub upload_rate: Option<u64>,
    /// `true` to store event files as gzip.
    pub gzip: bool,
}

/// The address on which events are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsListen {
    /// A port of the loopback addresses of both families: `localhost` may be either.
    Loopback(u16),
    /// One address.
    Address(SocketAddr),
}

/// The folder of the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolFolder {
    /// The folder that was asked for.
    pub given: Option<PathBuf>,
    /// The substitute, on the volume that Ray's pod has anyway.
    pub otherwise: PathBuf,
}

impl SpoolFolder {
    /// The folder at which a volume for the spool is mounted. It is taken only if it is there: a folder of the container
    /// itself would be gone with the container.
    pub const MOUNT: &str = "/var/spool/ray-history";

    /// Returns the folders to try, the preferred one first.
    pub fn candidates(&self) -> Vec<PathBuf> {
        let mount = PathBuf::from(Self::MOUNT);
        let first = self.given.clone().or_else(|| Some(mount).filter(|mount| mount.is_dir()));
        first.into_iter().chain([self.otherwise.clone()]).collect()
    }
}

impl Settings {
    /// Reads all settings; the texts are warnings for the log.
    pub fn read(flags: &Flags, env: Environment<'_>) -> (Self, Vec<String>) {
        let mut source = Source::new(env);
        let ray_tmp =
            PathBuf::from(source.text("RAY_TMP_ROOT", &flags.ray_tmp, "--ray-tmp").unwrap_or("/tmp/ray".into()));
        let kuberay = source.variable("RAY_COLLECTOR_EVENT_DATA_DIR").map(PathBuf::from);
        let below = kuberay.as_ref().map(|folder| folder.join("ray-history-spool"));
        let given = source.flag(&flags.spool).map(PathBuf::from).or(below);
        let spool = SpoolFolder { given, otherwise: ray_tmp.join("ray-history-spool") };
        let cluster = cluster(&mut source, flags);
        let settings = Self {
            role: role(&mut source, flags),
            owner: owner(&mut source, flags),
            pod: pod(&source, cluster.as_ref()),
            cluster,
            events_listen: events_listen(&mut source, flags),
            control_listen: control_listen(&mut source, flags),
            local_dir: source.flag(&flags.local_dir).map(PathBuf::from),
            spool,
            kuberay_events: kuberay.unwrap_or_else(|| ray_tmp.join("event-data")),
            spool_max: spool_max(&mut source, flags),
            flush: source.duration("", &flags.flush, "--flush", Duration::from_secs(10)).max(LEAST_FLUSH),
            log_flush: source.duration("", &flags.log_flush, "--log-flush", Duration::from_secs(30)),
            system_log_flush: source.duration(
                "",
                &flags.system_log_flush,
                "--system-log-flush",
                Duration::from_secs(300),
            ),
            seal_after: source.duration(
                "RAY_COLLECTOR_EVENT_ROTATION_INTERVAL",
                &flags.seal_after,
                "--seal-after",
                Duration::from_secs(300),
            ),
            seal_bytes: mebibytes(&mut source, "RAY_COLLECTOR_EVENT_MAX_FILE_SIZE_MB"),
            immutable: source.boolean("", &flags.immutable, "--immutable", false),
            fsync_batch: source.one_of(&flags.fsync, "--fsync", &["flush", "batch"]) == 1,
            poll: PollSettings::read(&mut source, flags),
            ray_tmp,
            grace: source.duration("", &flags.grace, "--grace", Duration::from_secs(25)),
            log_max_bytes: source.size(&flags.log_max_bytes, "--log-max-bytes").unwrap_or(10 << 30),
            upload_rate: upload_rate(&mut source, flags),
            gzip: source.boolean("RAY_COLLECTOR_EVENT_COMPRESSION_ENABLED", &flags.gzip, "--gzip", true),
        };
        source.note_those_without_effect();
        (settings, source.finish())
    }
}

fn role(source: &mut Source<'_>, flags: &Flags) -> Role {
    match source.text("RAY_ROLE", &flags.role, "--role").map(|role| role.to_ascii_lowercase()).as_deref() {
        Some("head") => Role::Head,
        None | Some("worker") => Role::Worker,
        Some(_) => {
            source.warn("RAY_ROLE (--role) must be head or worker; this node counts as a worker");
            Role::Worker
        }
    }
}

fn cluster(source: &mut Source<'_>, flags: &Flags) -> Option<ClusterId> {
    let name = source.text("RAY_CLUSTER_NAME", &flags.cluster, "--cluster");
    let namespace = source.text("RAY_CLUSTER_NAMESPACE", &flags.namespace, "--namespace").unwrap_or("default".into());
    let Some(name) = name else {
        source.warn("RAY_CLUSTER_NAME (--cluster) is not set: events are kept in the spool, nothing is uploaded");
        return None;
    };
    if !is_kubernetes_name(&name) || !is_kubernetes_name(&namespace) {
        source.warn("RAY_CLUSTER_NAME and RAY_CLUSTER_NAMESPACE must be names of Kubernetes: nothing is uploaded");
        return None;
    }
    Some(ClusterId { namespace, name })
}

/// Returns the owner; one that only workers know would split a session in two prefixes, so nothing is guessed.
fn owner(source: &mut Source<'_>, flags: &Flags) -> Option<Owner> {
    let kind = source.text("OWNER_KIND", &flags.owner_kind, "--owner-kind");
    let name = source.text("OWNER_NAME", &flags.owner_name, "--owner-name");
    let (Some(kind), Some(name)) = (&kind, &name) else {
        if kind.is_some() != name.is_some() {
            source.warn(
                "OWNER_KIND and OWNER_NAME must both be set, or neither: the cluster counts as one without owner",
            );
        }
        return None;
    };
    match OwnerKind::from_folder(&kind.to_ascii_lowercase()).filter(|_| is_kubernetes_name(name)) {
        Some(kind) => Some(Owner { kind, name: name.clone() }),
        // The operator sets OWNER_KIND=RayCluster for clusters that nothing else owns.
        None if kind.eq_ignore_ascii_case("raycluster") => None,
        None => {
            source.warn("OWNER_KIND must be RayJob or RayService, OWNER_NAME a name of Kubernetes: no owner is used");
            None
        }
    }
}

fn pod(source: &Source<'_>, cluster: Option<&ClusterId>) -> Option<Pod> {
    let variable = |names: [&str; 2]| names.iter().find_map(|name| source.variable(name)).unwrap_or_default();
    let name = match source.variable("POD_NAME") {
        // Kubernetes gives a pod its name as its host name.
        None => source
            .variable("HOSTNAME")
            .filter(|_| cluster.is_some() && source.variable("KUBERNETES_SERVICE_HOST").is_some())?,
        Some(name) => name,
    };
    Some(Pod { name, uid: variable(["POD_UID", "RAY_POD_UID"]), node: variable(["NODE_NAME", "RAY_NODE_NAME"]) })
}

fn events_listen(source: &mut Source<'_>, flags: &Flags) -> EventsListen {
    if let Some(port) = source.number("EVENTS_PORT") {
        match u16::try_from(port) {
            Ok(port) if port != 0 => return EventsListen::Loopback(port),
            _ => source.warn("EVENTS_PORT must be a port, and is not used"),
        }
    }
    let address = source.address(&flags.events_listen, "--events-listen");
    address.map_or(EventsListen::Loopback(8084), EventsListen::Address)
}

fn control_listen(source: &mut Source<'_>, flags: &Flags) -> Vec<SocketAddr> {
    match source.address(&flags.control_listen, "--control-listen") {
        Some(address) => vec![address],
        None => [IpAddr::from(Ipv6Addr::UNSPECIFIED), Ipv4Addr::UNSPECIFIED.into()].map(|ip| (ip, 8085).into()).into(),
    }
}

/// Returns the bound of the spool: that of KubeRay's collector, of which it is full at a part and ours at the whole. A
/// batch that no spool of this bound can hold would be refused for ever, and all events of its node with it.
fn spool_max(source: &mut Source<'_>, flags: &Flags) -> u64 {
    let kuberay = mebibytes(source, "RAY_COLLECTOR_EVENT_MAX_DISK_MB");
    let name = if kuberay.is_some() { "RAY_COLLECTOR_EVENT_MAX_DISK_MB" } else { "--spool-max" };
    let most = kuberay.unwrap_or_else(|| source.size(&flags.spool_max, "--spool-max").unwrap_or(512 * MEBIBYTE));
    if most < LEAST_SPOOL {
        source.warn(format!("{name} must be at least 32 MiB, which is used"));
    }
    most.max(LEAST_SPOOL)
}

/// Returns the bound of uploads. One that is too low would make a store give up.
fn upload_rate(source: &mut Source<'_>, flags: &Flags) -> Option<u64> {
    let rate = source.size(&flags.upload_rate, "--upload-rate")?;
    if rate < Rate::LEAST {
        source.warn("--upload-rate must be at least 64Ki, which is used");
    }
    Some(rate.max(Rate::LEAST))
}

/// Returns a number of mebibytes in bytes; 0 counts as none.
fn mebibytes(source: &mut Source<'_>, variable: &str) -> Option<u64> {
    source.number(variable).filter(|number| *number > 0).map(|number| number.saturating_mul(MEBIBYTE))
}

/// Returns `true` for a DNS subdomain, which is what names of Kubernetes are.
fn is_kubernetes_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let is_edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    name.len() <= 253
        && bytes.iter().all(|byte| is_inner(*byte))
        && is_edge(bytes.first())
        && is_edge(bytes.last())
        && !name.contains("..")
}
