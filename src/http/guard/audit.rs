//! Writes to the audit log what the guard decided.

use super::About;
use crate::access::audit::{Class, Entry};
use crate::http::error::Error;
use crate::http::error::refusal::Refusal;
use crate::http::request_id::RequestId;
use crate::http::state::State;
use actix_web::HttpRequest;
use ray_history_access::Person;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A request as the audit log names it.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Audited<'a> {
    pub(in crate::http) request: &'a HttpRequest,
    pub(in crate::http) state: &'a State,
    pub(in crate::http) about: About<'a>,
    pub(in crate::http) class: Class,
}

/// Shows the id of a request, and looks for it only then: most decisions are not written.
struct IdOf<'a>(&'a HttpRequest);

impl fmt::Display for IdOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RequestId::of(self.0).map_or(Ok(()), |id| id.fmt(f))
    }
}

impl Audited<'_> {
    /// Writes that a person was let in.
    pub(in crate::http) fn allowed(&self, person: &Person) {
        self.with_entry(Some(person), |entry| self.state.audit.allowed(entry));
    }

    /// Writes that a request was refused. One that only does not say who it is from is no event.
    pub(in crate::http) fn refused(&self, person: Option<&Person>, error: &Error) {
        let decision = match error {
            Error::Refused(refusal) => match **refusal {
                Refusal::Anonymous(_) | Refusal::NotReady => return,
                Refusal::Denied(_) => "denied",
                Refusal::Undecided => "undecided",
                Refusal::TooMany => "too-many",
                _ => "invalid",
            },
            _ => return,
        };
        self.with_entry(person, |entry| self.state.audit.denied(entry, decision));
    }

    fn with_entry(&self, person: Option<&Person>, write: impl FnOnce(&Entry<'_>)) {
        let About { namespace, cluster, session } = self.about;
        write(&Entry {
            user: person.map_or("", |person| person.identity.user()),
            way: person.map_or("", |person| person.way.name()),
            verb: if self.class == Class::Login { "create" } else { "get" },
            namespace,
            cluster,
            session,
            class: self.class,
            peer: self.request.peer_addr().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip()),
            request: format_args!("{}", IdOf(self.request)),
        });
    }
}
