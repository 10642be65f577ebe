//! What can go wrong with the NAT instance, in the words that CloudFormation shows, and what to do about it.

use cloud::Code;
use custom_resource::Failure;
use wait::{Retry, Retryable};

/// Why there is no way out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// A call to EC2.
    #[error("cannot wake NAT instance `{instance}`")]
    Call {
        instance: String,
        #[source]
        source: cloud::Error,
    },
    /// EC2 itself is out of reach.
    #[error("cannot wake NAT instance `{instance}`, because EC2 cannot be reached")]
    NoEc2 {
        instance: String,
        #[source]
        source: cloud::Error,
    },
    /// There is none.
    #[error("NAT instance `{instance}` {}", if *.is_terminated { "is terminated" } else { "does not exist" })]
    Gone { instance: String, is_terminated: bool },
    /// Every start ends where it began.
    #[error("NAT instance `{instance}` falls back to stopped whenever it is started: {reason}")]
    FallsBack { instance: String, reason: String },
    /// It runs, and nothing gets through.
    #[error("NAT instance `{instance}` runs, and the OpenSearch API cannot be reached through it")]
    NoWay {
        instance: String,
        #[source]
        source: cloud::Error,
    },
}

impl Retryable for Problem {
    fn retry(&self) -> Retry {
        match self {
            Self::Call { source, .. } => source.retry(),
            Self::NoEc2 { .. } | Self::Gone { .. } | Self::FallsBack { .. } | Self::NoWay { .. } => {
                Retry::Never
            }
        }
    }
}

impl Problem {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Call { source, .. } => return call_hint(source),
            Self::NoEc2 { .. } => "The function's subnets need an interface endpoint of EC2, whose security group admits \
                                   the function on 443: it is the only way before the NAT instance is awake."
                .to_owned(),
            Self::Gone { .. } => "Launch the egress stack again, and the provider stack with its new NatInstanceId."
                .to_owned(),
            Self::FallsBack { .. } => "Most often the key of its volume, which is the account's default key for EBS, cannot \
                                       be used: check that it is enabled and, if it is customer-managed, that its policy \
                                       allows kms:CreateGrant to the function's role."
                .to_owned(),
            Self::NoWay { .. } => "Check that the route table of the function's subnets leads to the instance's network \
                                   interface, that the security groups of both let 443 out and in, and the instance's \
                                   system log."
                .to_owned(),
        })
    }
}

fn call_hint(error: &cloud::Error) -> Option<String> {
    let hint = match &error.code {
        Code::InsufficientCapacity => {
            "AWS has no free machine of this type in that Availability Zone now: try again later, or give the egress \
             stack another InstanceType or subnet."
        }
        Code::LimitExceeded if error.operation == "CreateTags" => {
            "Remove tags from the NAT instance that nobody needs: it holds 50, and waking it takes three of them."
        }
        Code::LimitExceeded => {
            "Stop instances that nobody needs, or raise the account's quota of vCPUs for running On-Demand instances."
        }
        Code::AccessDenied => {
            return Some(format!(
                "Allow ec2:{} on the NAT instance in the function's role.",
                error.operation
            ));
        }
        Code::ResourceNotFound
        | Code::ResourceAlreadyExists
        | Code::DisabledOperation
        | Code::Validation
        | Code::Throttled
        | Code::Internal
        | Code::NoAnswer
        | Code::Other(_) => return None,
    };
    Some(hint.to_owned())
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let hint = problem.hint();
        let failure = Self::new(problem);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
