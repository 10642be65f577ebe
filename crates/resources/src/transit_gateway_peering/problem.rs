//! What can go wrong with a peering, in the words that CloudFormation shows, and what to do about it.

use cloud::{Code, Peering, TransitGateway};
use custom_resource::Failure;
use wait::{Retry, Retryable};

use super::links::{Side, Wanted};
use super::next::DeadEnd;
use crate::claim::{Holder, holder_text};
use crate::far::role_hint;

/// Why a peering cannot be had, or cannot be removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// A call to the service.
    #[error("{context}")]
    Call {
        /// Which side of which peering it was about.
        context: String,
        /// The side that was called; none for the claim.
        side: Option<Side>,
        #[source]
        source: cloud::Error,
    },
    /// The role in the leader's account.
    #[error("cannot assume `{role}` in the leader's account {account}")]
    Role {
        role: String,
        account: String,
        #[source]
        source: cloud::Error,
    },
    /// Another stack's.
    #[error("the peering from {local} to {remote} is managed by {}", holder_text(.holder.as_ref()))]
    Held { local: TransitGateway, remote: TransitGateway, holder: Option<Holder> },
    /// Ours, in the words of another version.
    #[error("the claim `{claim}` of this resource cannot be read by this version of the function")]
    Unreadable { claim: String },
    /// Somebody's peering without a claim or our tags.
    #[error("{} and {} are peered by attachment `{}` ({}), which no stack manages", .row.local, .row.remote, .row.id, .row.state)]
    Peered { row: Box<Peering> },
    /// The service says that there is one, unseen.
    #[error("the service refuses a peering from {local} to {remote}")]
    Refused {
        local: TransitGateway,
        remote: TransitGateway,
        #[source]
        source: cloud::Error,
    },
    /// Somebody's route.
    #[error("the route to {} in `{}` on the {}'s side {}", .wanted.cidr, .wanted.table, .wanted.side, leads(.attachment.as_deref()))]
    RouteTaken { wanted: Box<Wanted>, attachment: Option<String> },
    /// A state from which nothing follows.
    #[error("peering `{id}` from {local} to {remote} {}", dead_text(*.end, .message.as_deref()))]
    Dead { id: String, local: TransitGateway, remote: TransitGateway, end: DeadEnd, message: Option<String> },
    /// Another delivery of the request failed and takes back what was made.
    #[error("{reason}")]
    TakenBack { reason: String },
    /// CloudFormation has sent a later request for the resource.
    #[error("CloudFormation has sent a later request for this resource")]
    Overtaken,
    /// The claim went away under us.
    #[error(
        "the claim `{claim}` was released while the peering was being made, by the deletion of its stack or by another \
         delivery of this request that failed"
    )]
    Revoked { claim: String },
}

fn leads(attachment: Option<&str>) -> String {
    attachment.map_or_else(
        || "drops its traffic (a blackhole), and no stack made it for this peering".to_owned(),
        |id| format!("leads to attachment `{id}`, which is not this peering"),
    )
}

fn dead_text(end: DeadEnd, message: Option<&str>) -> String {
    let state = match end {
        DeadEnd::Failed => "is failed on the follower's side",
        DeadEnd::Rejected => "is rejected by the leader's side",
        DeadEnd::Removed => "was deleted by somebody while it was being made",
    };
    message.map_or_else(|| state.to_owned(), |message| format!("{state}: {message}"))
}

impl Retryable for Problem {
    fn retry(&self) -> Retry {
        match self {
            Self::Call { source, .. } | Self::Role { source, .. } => source.retry(),
            Self::Held { .. }
            | Self::Peered { .. }
            | Self::Refused { .. }
            | Self::RouteTaken { .. }
            | Self::Dead { .. }
            | Self::Unreadable { .. }
            | Self::TakenBack { .. }
            | Self::Overtaken
            | Self::Revoked { .. } => Retry::Never,
        }
    }
}

impl Problem {
    /// One sentence: what to do next.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Call { side, source, .. } => call_hint(*side, source),
            Self::Role { source, .. } => Some(role_hint(&source.code)),
            Self::Held { .. } => {
                Some("Two gateways have one peering: use that stack's, or delete it from there first.".to_owned())
            }
            Self::Peered { .. } => Some(
                "Two gateways have one peering: delete that one if nobody needs it, or leave this resource out and add \
                 the routes by hand."
                    .to_owned(),
            ),
            Self::Refused { .. } => Some(
                "Look at the transit gateway attachments of both gateways: one between the two exists already, or is \
                 still being deleted. Delete it, or wait until it is deleted, then try again."
                    .to_owned(),
            ),
            Self::RouteTaken { wanted, .. } => {
                let (table, cidr) = match wanted.side {
                    Side::Follower => ("LocalRouteTableId", "RemoteCidr"),
                    Side::Leader => ("RemoteRouteTableId", "LocalCidr"),
                };
                Some(format!(
                    "Delete that route if nobody needs it, or choose another {table} or {cidr}."
                ))
            }
            Self::Dead { end: DeadEnd::Failed, .. } => Some(
                "Check RemoteTransitGatewayId, RemoteAccount and RemoteRegion: the leader's gateway must exist there."
                    .to_owned(),
            ),
            Self::Dead { end: DeadEnd::Rejected, .. } => {
                Some("Ask the leader's owner to allow it, then try again.".to_owned())
            }
            Self::Dead { end: DeadEnd::Removed, .. } => Some(
                "Find out who did (CloudTrail: DeleteTransitGatewayPeeringAttachment), then try again.".to_owned(),
            ),
            Self::Unreadable { .. } => {
                Some("Deploy the version of the function that wrote it, or a newer one, and try again.".to_owned())
            }
            Self::TakenBack { .. } | Self::Overtaken | Self::Revoked { .. } => None,
        }
    }
}

fn call_hint(side: Option<Side>, error: &cloud::Error) -> Option<String> {
    let Some(side) = side else {
        return (error.code == Code::AccessDenied)
            .then(|| "Allow it on the claims path in the function's role.".to_owned());
    };
    let prefix = match side {
        Side::Follower => "Local",
        Side::Leader => "Remote",
    };
    match (error.operation, &error.code) {
        ("CreateTransitGatewayPeeringAttachment", Code::AccessDenied) => Some(
            "Allow ec2:CreateTransitGatewayPeeringAttachment, and ec2:CreateTags with it, in the function's role."
                .to_owned(),
        ),
        (operation, Code::AccessDenied) => {
            let role = match side {
                Side::Follower => "the function's role",
                Side::Leader => "the role that acts on the leader's side (the accepter role)",
            };
            let table = match operation {
                "DisassociateTransitGatewayRouteTable" | "DeleteTransitGatewayRoute" => {
                    format!(" on that route table; a change of {prefix}RouteTableId needs the old one and the new one")
                }
                _ => String::new(),
            };
            Some(format!("Allow ec2:{operation} in {role}{table}."))
        }
        ("CreateTransitGatewayPeeringAttachment", Code::ResourceNotFound) => {
            Some("Check LocalTransitGatewayId and LocalRegion: the follower's gateway must exist there.".to_owned())
        }
        (
            "SearchTransitGatewayRoutes" | "CreateTransitGatewayRoute" | "AssociateTransitGatewayRouteTable",
            Code::ResourceNotFound,
        ) => Some(format!(
            "Check {prefix}RouteTableId, {prefix}Account and {prefix}Region: the route table must exist there."
        )),
        (
            "CreateTransitGatewayRoute" | "AssociateTransitGatewayRouteTable",
            Code::Validation,
        ) => Some(format!(
            "Check that {prefix}RouteTableId is a route table of {prefix}TransitGatewayId."
        )),
        (_, Code::LimitExceeded) => Some(
            "Ask for a higher quota of transit gateways (attachments, routes), or delete what nobody needs.".to_owned(),
        ),
        (_, _) => None,
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        if matches!(problem, Problem::Overtaken) {
            return Self::Overtaken;
        }
        let hint = problem.hint();
        let failure = Self::new(problem);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
