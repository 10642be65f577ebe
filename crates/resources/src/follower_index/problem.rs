//! The words of every dead end of a follower index, and what to do about it.

use super::next::DeadEnd;
use super::spec::Spec;
use crate::domain::Problem;
use crate::replication::{How, Status};

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
            format!("Choose another FollowerIndex, or, if it is this resource's own: {RESEED_ALSO}"),
        ),
        DeadEnd::Failed => (
            format!("{at} cannot follow leader index `{leader_index}`: the plugin says: {reason}"),
            "Check on the leader that all primary shards of the index are active, and that Settings changes nothing that is \
             fixed at an index's creation, such as index.number_of_shards; then try again."
                .to_owned(),
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
const RESEED_ALSO: &str = "set ReseedWhenLost to true, so that its copy is deleted and made anew.";
