//! What can go wrong with a connection, in the words that CloudFormation shows, and what to do about it.

use cloud::{Code, Domain, Outbound};
use custom_resource::Failure;
use wait::{Retry, Retryable};

use super::next::DeadEnd;
use crate::claim::{Holder, holder_text};
use crate::far::role_hint;

/// Why a connection cannot be had, or cannot be removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// A call to the service.
    #[error("{context}")]
    Call {
        /// Which side of which connection it was about.
        context: String,
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
    #[error("alias `{alias}` on {follower} is managed by {}", holder_text(.holder.as_ref()))]
    Held { alias: String, follower: Domain, holder: Option<Holder> },
    /// Ours, in the words of another version.
    #[error("the claim `{claim}` of this resource cannot be read by this version of the function")]
    Unreadable { claim: String },
    /// Somebody's connection without a claim.
    #[error(
        "alias `{alias}` on {follower} is taken by connection `{}` to {} ({}), which no stack manages", .row.id, .row.remote, .row.status
    )]
    AliasTaken { alias: String, follower: Domain, row: Box<Outbound>, can_be_adopted: bool },
    /// The service says that it exists, under another alias or unseen.
    #[error("the service refuses a second connection from {follower} to {leader}")]
    Connected {
        follower: Domain,
        leader: Domain,
        #[source]
        source: cloud::Error,
    },
    /// A state from which nothing follows.
    #[error("connection `{id}` from {follower} to {leader} {}", dead_text(*.end, .message.as_deref()))]
    Dead { id: String, follower: Domain, leader: Domain, end: DeadEnd, message: Option<String> },
    /// Another delivery of the request failed and takes back what was made.
    #[error("{reason}")]
    TakenBack { reason: String },
    /// CloudFormation has sent a later request for the resource.
    #[error("CloudFormation has sent a later request for this resource")]
    Overtaken,
    /// The claim went away under us.
    #[error(
        "the claim `{claim}` was released while the connection was being made, by the deletion of its stack or by another \
         delivery of this request that failed"
    )]
    Revoked { claim: String },
}

fn dead_text(end: DeadEnd, message: Option<&str>) -> String {
    let state = match end {
        DeadEnd::ValidationFailed => "is VALIDATION_FAILED",
        DeadEnd::Rejected => "is REJECTED by the leader's side",
        DeadEnd::Removed => "was deleted by somebody while it was being made",
    };
    message.map_or_else(|| state.to_owned(), |message| format!("{state}: {message}"))
}

impl Retryable for Problem {
    fn retry(&self) -> Retry {
        match self {
            Self::Call { source, .. } | Self::Role { source, .. } => source.retry(),
            Self::Held { .. }
            | Self::AliasTaken { .. }
            | Self::Connected { .. }
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
            Self::Call { source, .. } => call_hint(source),
            Self::Role { source, .. } => Some(role_hint(&source.code)),
            Self::Held { .. } => Some("Choose another ConnectionAlias, or delete it from that stack first.".to_owned()),
            Self::AliasTaken { can_be_adopted: true, .. } => Some(
                "Set AdoptExisting to true to take it over (it is deleted with the stack then), or choose another \
                 ConnectionAlias."
                    .to_owned(),
            ),
            Self::AliasTaken { .. } => {
                Some("It leads elsewhere or has other settings, so AdoptExisting does not take it over: delete it if nobody \
                     needs it, or choose another ConnectionAlias.".to_owned())
            }
            Self::Connected { .. } => Some(
                "Look at the follower domain's outbound connections: one to this leader exists already, perhaps under \
                 another alias. Delete that one or use it."
                    .to_owned(),
            ),
            Self::Dead { end: DeadEnd::ValidationFailed, .. } => Some(
                "Check on both domains: fine-grained access control and node-to-node encryption are on, the engine \
                 versions are equal, the instance types are not T2, T3 or M3, neither has 20 connections, and that \
                 LocalDomain is the follower and RemoteDomain the leader."
                    .to_owned(),
            ),
            Self::Dead { end: DeadEnd::Rejected, .. } => {
                Some("Ask the leader's owner to allow it, then try again.".to_owned())
            }
            Self::Dead { end: DeadEnd::Removed, .. } => {
                Some("Find out who did (CloudTrail: DeleteOutboundConnection, DeleteInboundConnection), then try again.".to_owned())
            }
            Self::Unreadable { .. } => Some(
                "Deploy the version of the function that wrote it, or a newer one, and try again.".to_owned(),
            ),
            Self::TakenBack { .. } | Self::Overtaken | Self::Revoked { .. } => None,
        }
    }
}

fn call_hint(error: &cloud::Error) -> Option<String> {
    match (error.operation, &error.code) {
        ("CreateOutboundConnection", Code::ResourceNotFound) => {
            Some("Check LocalDomain, LocalRegion and LocalAccount: the follower must exist there.".to_owned())
        }
        ("CreateOutboundConnection" | "AcceptInboundConnection", Code::LimitExceeded) => {
            Some("A domain can be connected to 20 others: delete a connection that nobody needs.".to_owned())
        }
        ("AcceptInboundConnection", Code::ResourceNotFound) => Some(
            "Check RemoteRegion and RemoteAccount: a connection is accepted in the leader's own.".to_owned(),
        ),
        ("PutParameter" | "GetParameter" | "DeleteParameter", Code::AccessDenied) => {
            Some("Allow it on the claims path in the function's role.".to_owned())
        }
        (operation, Code::AccessDenied) => {
            Some(format!("Allow es:{operation} in the role that makes the call."))
        }
        (_, Code::DisabledOperation) => Some(
            "The domain may be in the middle of a change: wait until it is Active, then try again."
                .to_owned(),
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
