//! The words of every dead end of a follower index, and what to do about it.

use super::next::DeadEnd;
use super::spec::Spec;
use crate::domain::Problem;
use crate::replication::{How, Status};

/// Why the copy is not deleted.
pub(crate) fn may_be_all_there_is(spec: &Spec) -> Problem {
    let Spec { index, leader_index, following, .. } = spec;
    Problem::Dead {
        what: format!(
            "leader index `{leader_index}` is not there or not open, so index `{index}` on the follower at {} is not deleted \
             to be made anew",
            following.endpoint
        ),
        hint: "Open or restore the index on the leader first; if the follower's copy is all there is, stop it and write to \
               it there."
            .to_owned(),
    }
}

/// Why it cannot be.
pub(crate) fn dead(end: DeadEnd, spec: &Spec, status: &Status) -> Problem {
    let Spec { index, leader_index, .. } = spec;
    let at = format!("index `{index}` on the follower at {}", spec.following.endpoint);
    let (reason, source) = match status {
        Status::Follows { how: How::Paused { reason } | How::Failed { reason }, source } => {
            (reason.as_str(), source.to_string())
        }
        Status::Follows { source, .. } => ("", source.to_string()),
        Status::Idle | Status::Unknown(_) | Status::LeaderSilent(_) => ("", String::new()),
    };
    let (what, hint) = match end {
        DeadEnd::NameTaken => (
            format!("{at} exists already and follows nothing"),
            "Delete it there if nobody needs it, because an existing index cannot begin to follow, or choose another \
             FollowerIndex."
                .to_owned(),
        ),
        DeadEnd::Stopped => (
            format!("{at} was stopped from following by somebody and cannot begin again"),
            RESEED.to_owned(),
        ),
        DeadEnd::FollowsAnother => (
            format!("{at} follows `{source}` and not `{}:{leader_index}`", spec.following.alias),
            "Choose another FollowerIndex, or stop it there and delete it; one that this resource made is replaced where \
             ReseedWhenLost is true."
                .to_owned(),
        ),
        DeadEnd::Failed => (
            format!("{at} cannot follow leader index `{leader_index}`: the plugin says: {reason}"),
            "Check on the leader that all primary shards of the index are active, and that Settings changes nothing that is \
             fixed at an index's creation, such as index.number_of_shards; then try again."
                .to_owned(),
        ),
        DeadEnd::Broken => (
            format!("{at} has failed to follow leader index `{leader_index}`: the plugin says: {reason}"),
            RESEED.to_owned(),
        ),
        DeadEnd::Lost => (
            format!(
                "{at} cannot be resumed: the leader keeps what a paused follower lacks for 12 hours, and has not kept it \
                 (paused with: {reason})"
            ),
            RESEED.to_owned(),
        ),
    };
    Problem::Dead { what, hint }
}

const RESEED: &str = "Set ReseedWhenLost to true, so that its copy is deleted and made anew from the leader, or delete it \
                      there yourself.";
