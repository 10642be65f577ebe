//! Whose fault it is that the plugin refuses, and what to do about it.

use cloud::{Refusal, SearchError};

use super::Following;
use crate::domain::{Problem, user};

/// A side of a replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Leader,
    Follower,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
        }
    }
}

/// How a call to the plugin ended that did not do what was asked.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The name is in use on the follower: by an ordinary index, or by one that follows.
    NameTaken,
    /// There is no such connection on the follower.
    NoConnection(Problem),
    /// Nothing follows under this name.
    NotInProgress,
    /// It is so already: paused, running.
    AlreadySo,
    /// What the leader has kept for it is gone: it has to be copied anew.
    Lost(String),
    /// A rule of that name is there already, or is not there.
    RuleExists,
    NoSuchRule,
    /// It is for a person to do something.
    Dead(Problem),
    /// Anything else: it may pass, or the error says.
    Failed(Problem),
}

impl Ended {
    /// For whoever expects none of the others.
    pub(crate) fn into_problem(self, what: &str) -> Problem {
        match self {
            Self::Dead(problem) | Self::Failed(problem) | Self::NoConnection(problem) => problem,
            Self::NameTaken
            | Self::NotInProgress
            | Self::AlreadySo
            | Self::Lost(_)
            | Self::RuleExists
            | Self::NoSuchRule => Problem::Dead {
                what: format!("{what}: the plugin answers what does not belong to the call ({self:?})"),
                hint: "Look at the follower's logs.".to_owned(),
            },
        }
    }
}

/// Reads a refusal. `wanted` is what could not be done, for a person.
pub(crate) fn ended(error: SearchError, wanted: &str, following: &Following) -> Ended {
    let Some(refusal) = error.refusal() else { return Ended::Failed(Problem::search(wanted)(error)) };
    let on = |side: Side, hint: String| {
        let what = format!("{wanted}: the {} says: {}", side.name(), words(refusal));
        Problem::Dead { what, hint }
    };
    let dead = |side: Side, hint: &str| Ended::Dead(on(side, hint.to_owned()));
    match refusal.kind.as_deref().unwrap_or_default() {
        "illegal_argument_exception" if refusal.says("Cant use same index again") => Ended::NameTaken,
        "illegal_argument_exception" if refusal.says("No replication in progress") => Ended::NotInProgress,
        "illegal_argument_exception" if refusal.says("Cannot Replicate a Replicated Index") => dead(
            Side::Leader,
            "A follower cannot be followed: replicate from the domain where the documents are written.",
        ),
        "resource_already_exists_exception" => Ended::AlreadySo,
        "resource_not_found_exception" if refusal.says("Retention lease") => Ended::Lost(words(refusal)),
        "exception" if refusal.says("cannot be recreated/updated") => Ended::RuleExists,
        "exception" if refusal.says("does not exist") => Ended::NoSuchRule,
        "no_such_remote_cluster_exception" => Ended::NoConnection(on(
            Side::Follower,
            format!(
                "Check ConnectionAlias (`{}`), and that this domain is the follower of that connection and it is ACTIVE.",
                following.alias
            ),
        )),
        "index_not_found_exception" => dead(
            Side::Leader,
            "Make the index on the leader first, or check the name; an alias cannot be replicated.",
        ),
        "index_closed_exception" => dead(Side::Leader, "Open the index on the leader."),
        "settings_exception" => {
            dead(Side::Follower, "Check Settings: they are index settings, index.number_of_replicas.")
        }
        "x_content_parse_exception" if refusal.says("follower_index_pattern") => dead(
            Side::Follower,
            "Leave FollowerIndexPattern out: the plugin knows it from OpenSearch 3.8 on.",
        ),
        "action_request_validation_exception" | "x_content_parse_exception" => {
            dead(Side::Follower, "Check the properties against the plugin's words.")
        }
        "status_exception" => dead(
            Side::Follower,
            "Take the block away: set plugins.replication.follower.block.start to false on the follower.",
        ),
        "security_exception" => {
            let (side, hint) = mapping_hint(refusal, following);
            Ended::Dead(on(side, hint))
        }
        "" if refusal.says("no handler found") => dead(
            Side::Follower,
            "The replication plugin is not there: the domain needs OpenSearch 1.1 or Elasticsearch 7.10 or later.",
        ),
        "" if refusal.says("ESCrossClusterGet") => dead(
            Side::Leader,
            "Allow es:ESCrossClusterGet on the leader's domain ARN, without /*, in its access policy.",
        ),
        _ => Ended::Failed(Problem::search(wanted)(error)),
    }
}

fn words(refusal: &Refusal) -> String {
    match &refusal.kind {
        Some(kind) => format!("{kind}: {}", refusal.reason),
        None => refusal.reason.clone(),
    }
}

/// Which side lacks the mapping, and whom to map to what there.
fn mapping_hint(refusal: &Refusal, following: &Following) -> (Side, String) {
    let Following { leader_role, follower_role, endpoint, .. } = following;
    let user = user(&refusal.reason).unwrap_or("the calling role");
    let is_about = |role: &str| refusal.says(&format!("roles [{role}]"));
    let on_leader = (
        Side::Leader,
        format!(
            "Map `{user}` to `{leader_role}` on the leader, with the same name as on the follower (Custom::RoleMapping)."
        ),
    );
    if refusal.says("setup/validate") {
        return on_leader;
    }
    if is_about(leader_role) && leader_role != follower_role {
        return on_leader;
    }
    let both = if is_about(leader_role) { ", and on the leader" } else { "" };
    let hint = format!(
        "Map `{user}` to `{follower_role}` on the follower at {endpoint}{both} (Custom::RoleMapping)."
    );
    (Side::Follower, hint)
}
