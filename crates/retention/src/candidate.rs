//! One stored session, as far as the caller knows it.

use crate::pins::Pin;
use crate::time::DAY;
use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_core::base::time::Nanos;
use ray_history_core::snapshot::run_facts::Outcome;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The state of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Its head may still write.
    Live,
    /// Its head is gone.
    Dead,
    /// Neither is known.
    #[default]
    Unknown,
}

/// The reason to believe that a session is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The watch of this server saw its cluster or head go.
    WatchSaw,
    /// A final obituary of this Kubernetes cluster has it.
    FinalObituary,
    /// The head's collector closed its manifest because its pod ended, and no head of this session has written since.
    ManifestClosed,
    /// A full list of the namespace has no such object, and the bucket is not shared.
    NoSuchObject,
    /// Nothing was written for as long as a person said is enough; without Kubernetes only.
    DeadAfter,
}

impl Proof {
    /// Returns a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::WatchSaw => "this server saw its cluster go",
            Self::FinalObituary => "its obituary is final",
            Self::ManifestClosed => "its head's collector closed its manifest",
            Self::NoSuchObject => "Kubernetes has no such cluster",
            Self::DeadAfter => "nothing was written for as long as --dead-after says",
        }
    }
}

/// A digest of a listing; it does not depend on the order of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Digest(pub u128);

impl Digest {
    /// Returns the digest of bytes: the first half of their SHA-256.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::end(Sha256::new_with_prefix(bytes))
    }

    /// Returns the digest of everything that was hashed.
    pub(crate) fn end(hash: Sha256) -> Self {
        Self(hash.finalize().iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte)))
    }

    /// Parses the text of a digest.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u128::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The listing of a session's objects, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Time of the newest object. `None` if there is no object, or one without a time.
    pub newest: Option<Nanos>,
    /// Number of objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Digest of names, sizes and tags.
    pub digest: Digest,
}

/// A stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that keeps a session")]
pub struct Candidate {
    /// The session.
    pub key: SessionKey,
    /// The owner of the cluster, if a marker, a folder or an obituary names one.
    pub owner: Option<Owner>,
    /// `false` if the namespace may be an arbitrary id of v1.6.
    pub namespace_known: bool,
    /// Live, dead or unknown.
    pub state: State,
    /// The reason to believe that it is dead.
    pub proof: Option<Proof>,
    /// Its end, by its obituary.
    pub ended: Option<Nanos>,
    /// Its outcome, by its final obituary; nothing else counts.
    pub outcome: Option<Outcome>,
    /// Time at which this server listed it first; `None` if that is not known.
    pub first_listed: Option<Nanos>,
    /// `true` if its namespace is watched, and was listed since this server started.
    pub is_watched: bool,
    /// `true` if it is being loaded, or open here and asked for within the last hour.
    pub is_busy: bool,
    /// `true` if a root could not be listed whole.
    pub listing_is_partial: bool,
    /// Its objects, if they were listed.
    pub survey: Option<Survey>,
    /// The pin that keeps it.
    pub pin: Option<Pin>,
}

impl Candidate {
    /// Returns a session of which only the name is known: nothing allows to delete it.
    pub fn new(key: SessionKey) -> Self {
        Self {
            key,
            owner: None,
            namespace_known: false,
            state: State::Unknown,
            proof: None,
            ended: None,
            outcome: None,
            first_listed: None,
            is_watched: false,
            is_busy: false,
            listing_is_partial: false,
            survey: None,
            pin: None,
        }
    }

    /// Takes a session for dead if nothing was written to it for so long, which is a day at least. Used without
    /// Kubernetes, on a person's word.
    #[must_use]
    pub fn dead_after(mut self, quiet: Nanos, now: Nanos) -> Self {
        let newest = self.survey.and_then(|survey| survey.newest);
        if newest.is_some_and(|newest| now.saturating_sub(newest) >= quiet.max(DAY)) {
            (self.state, self.proof) = (State::Dead, Some(Proof::DeadAfter));
        }
        self
    }

    /// Returns the time from which its age counts: its end, else the time of its newest object. Names and first files
    /// say nothing about the end.
    pub fn aged_from(&self) -> Option<Nanos> {
        self.ended.or_else(|| self.survey?.newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionName};

    #[test]
    fn digests_are_read_as_written() {
        let digest = Digest(0x1f);
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        for odd in ["", "1f", "+000000000000000000000000000001f", "zz00000000000000000000000000001f"] {
            assert_eq!(Digest::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_session_is_quiet_for_a_day_at_least() {
        let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
        let key = SessionKey { cluster: ClusterId { namespace: "ml".into(), name: "train".into() }, session };
        let survey = Some(Survey { newest: Some(DAY), ..Survey::default() });
        let listed = Candidate { survey, ..Candidate::new(key) };
        for (quiet, now, proof) in [
            (0, 2 * DAY - 1, None),
            (0, 2 * DAY, Some(Proof::DeadAfter)),
            (3 * DAY, 4 * DAY - 1, None),
            (3 * DAY, 4 * DAY, Some(Proof::DeadAfter)),
        ] {
            assert_eq!(listed.clone().dead_after(quiet, now).proof, proof, "{quiet} {now}");
        }
        assert_eq!(Candidate { survey: None, ..listed }.dead_after(0, 9 * DAY).proof, None);
    }
}
