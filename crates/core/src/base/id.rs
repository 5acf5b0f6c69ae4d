//! Ray's binary ids as fixed-size bytes, and their lower-case hex form.
//!
//! Lengths are Ray's own (`src/ray/common/id_def.h`): node and worker 28, task 24, placement group 18, actor 16, job 4.

use std::fmt;

/// A Ray id of `N` bytes. Ray's nil id has all bytes `ff`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RayId<const N: usize>(pub [u8; N]);

/// A node of the cluster.
pub type NodeId = RayId<28>;
/// A worker process.
pub type WorkerId = RayId<28>;
/// A task; its last 16 bytes are its actor, its last 4 bytes its job.
pub type TaskId = RayId<24>;
/// A placement group.
pub type PlacementGroupId = RayId<18>;
/// An actor; its last 4 bytes are its job.
pub type ActorId = RayId<16>;
/// A driver job.
pub type JobId = RayId<4>;

impl<const N: usize> RayId<N> {
    /// Ray's nil id.
    pub const NIL: Self = Self([0xff; N]);

    /// Returns `true` if this is Ray's nil id.
    #[inline]
    pub fn is_nil(&self) -> bool {
        self.0 == [0xff; N]
    }

    /// Parses exactly `2 * N` hex digits of either case; `None` for any other text.
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 2 * N {
            return None;
        }
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// Returns the id of exactly `N` bytes; `None` for any other length.
    pub fn try_from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the lower-case hex form, as Ray's APIs print it.
    pub fn hex(&self) -> String {
        let mut out = Vec::with_capacity(2 * N);
        push_hex(&mut out, &self.0);
        String::from_utf8(out).unwrap_or_default()
    }
}

impl TaskId {
    /// Returns the actor that this task creates or runs on; nil for normal tasks.
    #[inline]
    pub fn actor_id(&self) -> ActorId {
        let mut actor = [0; 16];
        actor.copy_from_slice(&self.0[8..]);
        RayId(actor)
    }

    /// Returns the job that this task belongs to.
    #[inline]
    pub fn job_id(&self) -> JobId {
        let mut job = [0; 4];
        job.copy_from_slice(&self.0[20..]);
        RayId(job)
    }

    /// Returns its place in the order by job, actor and own part: both numbers are compared.
    #[inline]
    pub fn place(&self) -> (u128, u64) {
        let (mut group, mut own) = ([0; 16], [0; 8]);
        group[..4].copy_from_slice(&self.0[20..]);
        group[4..].copy_from_slice(&self.0[8..20]);
        own.copy_from_slice(&self.0[..8]);
        (u128::from_be_bytes(group), u64::from_be_bytes(own))
    }

    /// Returns `true` if this is the id of a driver's own task: 20 bytes of `ff`, then the job.
    #[inline]
    pub fn is_driver(&self) -> bool {
        self.0[..20] == [0xff; 20]
    }
}

/// The default is nil, as in Ray.
impl<const N: usize> Default for RayId<N> {
    fn default() -> Self {
        Self::NIL
    }
}

impl<const N: usize> fmt::Display for RayId<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl<const N: usize> fmt::Debug for RayId<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

/// Appends the lower-case hex form of `bytes`.
#[inline]
pub fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn hex_digit(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        b'A'..=b'F' => Some(c - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_rejects_other_text() {
        let id = JobId::from_hex("0A0b00ff").unwrap();
        assert_eq!(id.hex(), "0a0b00ff");
        assert_eq!(JobId::from_hex("0a0b00f"), None);
        assert_eq!(JobId::from_hex("0a0b00fg"), None);
    }

    #[test]
    fn task_id_ends_with_actor_and_job() {
        let id = TaskId::from_hex("f81ec6ff838b16db9a49268b3c2ce37cb72298fa02000000").unwrap();
        assert_eq!(id.actor_id().hex(), "9a49268b3c2ce37cb72298fa02000000");
        assert_eq!(id.job_id().hex(), "02000000");
        assert!(!id.is_driver());
        assert_eq!(id.place(), (0x0200_0000_9a49_268b_3c2c_e37c_b722_98fa, 0xf81e_c6ff_838b_16db));
    }
}
