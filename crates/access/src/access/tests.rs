//! Tests of access, over a reviewer in memory and paused time.

use super::*;
use crate::observer::{Ignore, ReviewKind, ReviewOutcome};
use crate::reviewer::ReviewError;
use crate::right::Check;
use crate::settings::{CacheTimes, Key, Login, Proxy, Secret};
use crate::testing::FakeReviewer;
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::advance;

mod decisions;
mod flood;
mod outage;
mod people;

const SESSIONS: &str = "get sessions.history.ray.io";
const LOGS: &str = "get sessions.history.ray.io/log";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns an access with logins and a reviewer that knows nobody.
fn access() -> (Access, Arc<FakeReviewer>) {
    with(AccessSettings::default())
}

fn with(mut settings: AccessSettings) -> (Access, Arc<FakeReviewer>) {
    let key = Key::new([1; 32]);
    settings.login = Some(Login { key, previous: None, lifetime: seconds(8 * 3600) });
    let reviewer = Arc::new(FakeReviewer::new());
    (Access::new(settings, Arc::clone(&reviewer) as Arc<dyn Reviewer>, Arc::new(Ignore)), reviewer)
}

fn peer(host: u32) -> IpAddr {
    IpAddr::from((0x0a00_0000 + host).to_be_bytes())
}

fn bearer(token: &str) -> Credentials {
    bearer_from(token, peer(1))
}

fn bearer_from(token: &str, peer: IpAddr) -> Credentials {
    Credentials { tokens: vec![Token::new(token).unwrap()], ..Credentials::none(peer) }
}

fn cookie(value: &str) -> Credentials {
    Credentials { cookie: Some(value.to_owned()), ..Credentials::none(peer(1)) }
}

/// Returns a person who came by a header of a proxy.
fn person(user: &str, groups: &[&str]) -> Person {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    let identity = Arc::new(Identity::new(user, "", groups, BTreeMap::new()));
    Person { identity, way: Way::Proxy, expires: None }
}

fn unreachable() -> ReviewError {
    ReviewError::Unreachable("connection refused".to_owned())
}
