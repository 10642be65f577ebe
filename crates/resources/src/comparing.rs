//! Proving that what follows equals what it follows: which sides are read how.

mod prover;

use cloud::{Access, Caller, Cloud, PeerAddress};
use compare::{Answered, AnySide, Far, Near, Question, Side};
use custom_resource::{Home, Properties, Rule};
use wait::Deadline;

pub(crate) use prover::{Pair, Prover, forget};

use crate::domain::{ANY_ENDPOINT, Problem, SECRET_ARN, open, read_endpoint};
use crate::far::{REGION, read_role};
use crate::replication::WaitFor;

/// Documents above which a comparison is not tried, where the properties say nothing.
const UP_TO: u64 = 1_000_000;
/// Documents per second that are read from each domain, likewise.
const RATE: u32 = 10_000;
/// How long a comparison may take: less than an invocation, because it does not go on in the next one.
const LONGEST: u64 = 600;

/// How the leader's side is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaderSide {
    /// Its domain, and who reads it; of the function that reads where there is one.
    access: Access,
    /// Its own function, where no network path leads from here to its domain.
    function: Option<PeerAddress>,
}

/// Whether documents are compared, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comparing {
    pub(crate) leader: Option<LeaderSide>,
    wait_for: WaitFor,
    up_to: u64,
    rate: u32,
}

/// A leader's side that was opened.
pub(crate) type Opened<C> = AnySide<<C as Cloud>::Search, <C as Cloud>::Peer>;

impl LeaderSide {
    /// Opens a session. A role that cannot be assumed is found here.
    pub(crate) async fn open<C: Cloud>(&self, cloud: &C) -> Result<Opened<C>, Problem> {
        let Some(address) = &self.function else {
            return Ok(AnySide::Near(Near(open(cloud, &self.access).await?)));
        };
        let context = || format!("cannot ask the leader's function {}", address.function_arn);
        let peer =
            cloud.peer(address).await.map_err(|source| Problem::Call { context: context(), source })?;
        let Access { endpoint, region, caller } = self.access.clone();
        let secret = if let Caller::Secret(arn) = caller { Some(arn) } else { None };
        Ok(AnySide::Far(Far { peer, endpoint, region, secret }))
    }
}

/// The leader's open indexes that match a pattern.
pub(crate) async fn matching(
    leader: &impl Side,
    pattern: &str,
    deadline: Deadline,
) -> Result<Vec<String>, Problem> {
    let question = Question::Matching { pattern: pattern.to_owned() };
    let side = || "the leader's side has no answer".to_owned();
    let answer = Box::pin(leader.ask(&question, deadline)).await.map_err(Problem::comparing(side))?;
    match answer.what {
        Answered::Matching(indexes) => Ok(indexes),
        other @ (Answered::Shape(_)
        | Answered::Fold { .. }
        | Answered::Open { .. }
        | Answered::Again(_)
        | Answered::Closed) => Err(Problem::Dead {
            what: format!("the leader's side answers what was not asked: {other:?}"),
            hint: "Deploy the same version of the function on both sides.".to_owned(),
        }),
    }
}

impl Comparing {
    pub(crate) fn read(properties: &mut Properties<'_>, home: &Home, wait_for: WaitFor) -> Self {
        let function = properties.optional("LeaderFunctionArn", &FUNCTION_ARN);
        let role = read_role(properties);
        let secret = properties.optional("LeaderSecretArn", &SECRET_ARN);
        let given = properties.optional("LeaderEndpoint", &ANY_ENDPOINT);
        let domain = given.and_then(|_| read_endpoint(properties, home, ["LeaderEndpoint", "LeaderRegion"]));
        let region = properties.optional("LeaderRegion", &REGION);
        let up_to = properties.whole("EqualUpTo", 0..=100_000_000, "documents").unwrap_or(UP_TO);
        let rate = properties.whole("CompareRate", 1..=1_000_000, "documents a second");
        let rate = rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(RATE);
        let is_about_a_leader = function.is_some() || role.is_some() || secret.is_some() || region.is_some();
        if domain.is_none() && wait_for == WaitFor::Equal {
            properties.find(
                "Property LeaderEndpoint is missing: expected the endpoint of the leader's domain, because with \
                 WaitFor: Equal the documents of both sides are compared; or set WaitFor to Syncing."
                    .to_owned(),
            );
        } else if domain.is_none() && is_about_a_leader {
            properties.find(
                "Property LeaderEndpoint is missing: without it LeaderRegion, LeaderFunctionArn, LeaderSecretArn and \
                 RemoteRoleArn lead nowhere."
                    .to_owned(),
            );
        }
        if function.is_none() && role.is_some() && secret.is_some() {
            properties.find(
                "Properties RemoteRoleArn and LeaderSecretArn are both there: expected one of them, because the leader's \
                 domain is read either by a role or by a user."
                    .to_owned(),
            );
        }
        if wait_for == WaitFor::Equal && up_to / u64::from(rate) > LONGEST {
            properties.find(format!(
                "Property EqualUpTo is `{up_to}`: expected at most {}, because that many documents are read in {LONGEST} s \
                 at a CompareRate of {rate} a second.",
                u64::from(rate) * LONGEST
            ));
        }
        let leader = domain.map(|(endpoint, region)| {
            let function = function.and_then(|arn| PeerAddress::parse(&arn, role.clone()));
            let caller = match (secret, role) {
                (Some(secret), _) => Caller::Secret(secret),
                (None, Some(role)) if function.is_none() => Caller::Role(role),
                (None, _) => Caller::Own,
            };
            LeaderSide { access: Access { endpoint, region, caller }, function }
        });
        Self { leader, wait_for, up_to, rate }
    }
}

const FUNCTION_ARN: Rule = Rule {
    expects: "the ARN through which a function of data is asked, output QuestionsArn of its provider.yaml: \
              arn:aws:lambda:us-east-1:123456789012:function:name:questions",
    accepts: |text| PeerAddress::parse(text, None).is_some(),
};
