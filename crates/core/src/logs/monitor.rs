//! `logs/monitor.log` of the head: the autoscaler's last status block, and Ray's version.
//!
//! The block begins with a line `======== Autoscaler status: <local time> ========` and ends before the next line that
//! begins with a time. The first lines contain `Ray version: V` and `Ray commit: C`.

use super::damage::Damage;
use super::line::local_time;

/// The facts in the autoscaler's log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonitorFacts {
    /// The local time in the last block's banner, and the block, verbatim.
    status: Option<(Box<str>, Box<str>)>,
    version: Box<str>,
    commit: Box<str>,
}

const BANNER: &str = "======== Autoscaler status: ";

impl MonitorFacts {
    /// Reads one file.
    pub fn read(&mut self, _node: &str, _path: &str, bytes: &[u8], _damage: &mut Damage) {
        let text = String::from_utf8_lossy(bytes);
        let status = text.rfind(BANNER).map(|start| {
            let block = &text[start..];
            let mut end = 0;
            for line in block.split_inclusive('\n') {
                if end > 0 && local_time(line).is_some() {
                    break;
                }
                end += line.len();
            }
            let block = block[..end].trim_end();
            let time = block[BANNER.len()..].split(" =").next().unwrap_or_default();
            (time.into(), block.into())
        });
        let after = |marker: &str| -> Box<str> {
            let found = text.find(marker).map(|at| &text[at + marker.len()..]);
            found.and_then(|rest| rest.lines().next()).unwrap_or_default().trim().into()
        };
        self.merge(Self { status, version: after("-- Ray version: "), commit: after("-- Ray commit: ") });
    }

    /// Returns the autoscaler's last status text, verbatim.
    pub fn status(&self) -> Option<&str> {
        self.status.as_ref().map(|(_, block)| &**block)
    }

    /// Returns the Ray version; empty if unknown.
    pub fn ray_version(&self) -> &str {
        &self.version
    }

    /// Returns the Ray commit; empty if unknown.
    pub fn ray_commit(&self) -> &str {
        &self.commit
    }

    /// Sets Ray's version and commit from another log if this one was not stored: with KubeRay's autoscaler it may be
    /// on another volume.
    pub fn set_missing_version(&mut self, (version, commit): (Box<str>, Box<str>)) {
        if self.version.is_empty() {
            (self.version, self.commit) = (version, commit);
        }
    }

    /// Merges the facts of another reader: the later block, or the greater of two with the same time.
    pub fn merge(&mut self, other: Self) {
        self.status = self.status.take().max(other.status);
        self.version = std::mem::take(&mut self.version).max(other.version);
        self.commit = std::mem::take(&mut self.commit).max(other.commit);
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.status.as_ref().map_or(0, |(time, block)| time.len() + block.len())
            + self.version.len()
            + self.commit.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_block_is_taken_verbatim() {
        let text = "2026-11-22 23:11:34,846\tINFO monitor.py:731 -- Ray version: 2.60.0\n\
            2026-11-22 23:11:34,846\tINFO monitor.py:732 -- Ray commit: abc\n\
            ======== Autoscaler status: 2026-11-22 23:20:30.1 ========\nNode status\nold\n\
            2026-11-22 23:20:35,545\tINFO autoscaler.py:408 -- \n\
            ======== Autoscaler status: 2026-11-22 23:20:35.5 ========\nNode status\n---\nActive:\n 1 node_a\n\n\
            2026-11-22 23:20:35,546\tINFO autoscaler.py:469 -- done\n";
        let mut facts = MonitorFacts::default();
        facts.read("n", "monitor.log", text.as_bytes(), &mut Damage::default());
        let block = "======== Autoscaler status: 2026-11-22 23:20:35.5 ========\nNode status\n---\nActive:\n 1 node_a";
        assert_eq!(facts.status(), Some(block));
        assert_eq!((facts.ray_version(), facts.ray_commit()), ("2.60.0", "abc"));
        facts.read("n", "monitor.log.1", "no block".as_bytes(), &mut Damage::default());
        assert_eq!(facts.status(), Some(block));
    }
}
