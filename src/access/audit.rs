//! The audit log: who saw what, one line of JSON each. It never contains tokens, cookies, query strings or groups.

use ray_history_access::audit::AuditFilter;
use std::fmt;
use std::net::IpAddr;

/// The target of audit lines.
pub const TARGET: &str = "ray_history::audit";

/// The class of what somebody wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Ray's dashboard and its API.
    Dashboard,
    /// Bodies of logs.
    Log,
    /// Values of environment variables.
    Env,
    /// The list of sessions.
    List,
    /// A login.
    Login,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Log => "log",
            Self::Env => "env",
            Self::List => "list",
            Self::Login => "login",
        }
    }
}

/// One decision.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The user; empty if nobody was found behind the request.
    pub user: &'a str,
    /// The way in; empty without a user.
    pub way: &'a str,
    /// The verb of the permission.
    pub verb: &'a str,
    /// The namespace; empty for a list.
    pub namespace: &'a str,
    /// The cluster, if the request names one.
    pub cluster: &'a str,
    /// The session, if the request names one.
    pub session: &'a str,
    /// The class of this.
    pub class: Class,
    /// The address of the connection.
    pub peer: IpAddr,
    /// The id of the request.
    pub request: fmt::Arguments<'a>,
}

/// The audit log.
#[derive(Debug, Default)]
pub struct Audit(AuditFilter);

impl Audit {
    /// Writes that something was allowed, once in ten minutes for each user, session and class.
    pub fn allowed(&self, entry: &Entry<'_>) {
        let session = [entry.namespace, entry.cluster, entry.session];
        if self.0.allowed(&[entry.user, session[0], session[1], session[2], entry.class.name()]) {
            write(entry, "allowed");
        }
    }

    /// Writes that something was denied, at most ten times a second.
    pub fn denied(&self, entry: &Entry<'_>, decision: &'static str) {
        if self.0.denied() {
            write(entry, decision);
        }
    }
}

fn write(entry: &Entry<'_>, decision: &'static str) {
    tracing::info!(
        target: TARGET,
        user = entry.user,
        way = entry.way,
        verb = entry.verb,
        namespace = entry.namespace,
        cluster = entry.cluster,
        session = entry.session,
        class = entry.class.name(),
        decision,
        peer = %entry.peer,
        request_id = %entry.request,
    );
}
