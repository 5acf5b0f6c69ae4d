//! Refusals of the guard, in the words that help their reader.

use crate::http::error::Error;
use crate::http::error::refusal::{Denied, Refusal, Ways};
use ray_history_access::{AccessSettings, Person, Refused, Right};

/// Returns the error of a request whose person is not known.
pub(in crate::http) fn unknown(refused: Refused, settings: &AccessSettings) -> Error {
    let ways = || ways(settings);
    Error::from(match refused {
        Refused::Anonymous => Refusal::Anonymous(ways()),
        Refused::Invalid => Refusal::Invalid(ways()),
        Refused::TooMany => Refusal::TooMany,
        Refused::Undecided => Refusal::Undecided,
        Refused::Malformed => Refusal::Misspelled,
    })
}

/// Returns the error of a person without a right. It names nothing that was not in the request.
pub(super) fn denied(person: &Person, right: Right, namespace: &str, settings: &AccessSettings) -> Error {
    let user = person.identity.user().to_owned();
    let attributes = settings.check.attributes(right, namespace).map(|attributes| Denied {
        user: user.clone(),
        verb: attributes.verb,
        resource: attributes.resource_name(),
        namespace: namespace.to_owned(),
    });
    Refusal::Denied(attributes.unwrap_or(Denied {
        user,
        verb: "get",
        resource: "sessions".to_owned(),
        namespace: namespace.to_owned(),
    }))
    .into()
}

/// Returns the ways in that the settings offer.
fn ways(settings: &AccessSettings) -> Ways {
    Ways { bearer: settings.bearer, login: settings.login.is_some(), audience: settings.audiences.first().cloned() }
}
