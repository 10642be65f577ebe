//! Whether what follows has got what the leader had when it was first looked at.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::{How, Status, WaitFor};
use crate::shared::lock;

/// How far each index has to come before it is compared: SYNCING says only that it is on its way, and a follower that was
/// away for hours is hours behind.
#[derive(Debug, Default)]
pub(crate) struct CatchUp(Mutex<BTreeMap<String, i64>>);

impl CatchUp {
    /// False while it is behind the checkpoint that the leader had at the first look. What is not compared need not be
    /// there yet.
    pub(crate) fn is_done(&self, index: &str, status: &Status, wait_for: WaitFor) -> bool {
        let Status::Follows { how: How::Syncing { leader, follower }, .. } = status else { return true };
        wait_for != WaitFor::Equal || *follower >= *lock(&self.0).entry(index.to_owned()).or_insert(*leader)
    }

    /// It is another copy from now on.
    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::Source;

    fn syncing(leader: i64, follower: i64) -> Status {
        Status::Follows { source: Source::default(), how: How::Syncing { leader, follower } }
    }

    #[test]
    fn it_is_waited_for_what_the_leader_had_at_first_and_not_for_what_comes_meanwhile() {
        let catch_up = CatchUp::default();
        assert!(!catch_up.is_done("a", &syncing(10, -1), WaitFor::Equal));
        assert!(!catch_up.is_done("a", &syncing(90, 9), WaitFor::Equal));
        assert!(catch_up.is_done("a", &syncing(90, 10), WaitFor::Equal));
        assert!(!catch_up.is_done("b", &syncing(90, 10), WaitFor::Equal), "each has its own way");
        assert!(catch_up.is_done("c", &syncing(90, 10), WaitFor::Syncing));
        assert!(catch_up.is_done("c", &Status::Idle, WaitFor::Equal), "other states are others' business");
        catch_up.clear();
        assert!(!catch_up.is_done("a", &syncing(90, 10), WaitFor::Equal));
    }
}
