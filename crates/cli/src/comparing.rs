//! Comparing two indexes: whom to ask, and what to say of the report.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use cloud::sdk::{Aws, Domain, RemoteFunction};
use cloud::{Access, AssumedRole, Caller, Cloud, Endpoint, PeerAddress};
use compare::{AnySide, Comparison, Far, Near, Problem, Report, Verdict, compare_telling};
use wait::{Deadline, chain};

use crate::arguments::{Options, Reached};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// An option is not what it should be.
    #[error("--{option} must be {expected}, and is `{given}`")]
    Option { option: String, expected: &'static str, given: String },
    /// Nobody can tell the Region.
    #[error("give --{side}-region: the endpoint `{endpoint}` does not say it")]
    Region { side: &'static str, endpoint: String },
    /// A side cannot be reached.
    #[error("cannot reach the {side}: {}", chain(.source))]
    Unreached { side: &'static str, source: cloud::Error },
    /// A side cannot answer.
    #[error("{}", .0.told())]
    Problem(Problem),
}

/// Compares as the options say.
pub(crate) async fn run(options: &Options) -> Result<Report, Refused> {
    let sides = [Target::read(options.leader())?, Target::read(options.follower())?];
    let deadline = Deadline::after(Duration::from_secs(options.time.into()));
    let what = Comparison {
        overrides: options.overrides.iter().cloned().collect::<BTreeSet<_>>(),
        is_replicated: !options.ignore_versions,
        rate: options.rate,
        limit: usize::try_from(options.limit).unwrap_or(usize::MAX),
        patience: Duration::from_secs(options.patience.into()),
        up_to: options.up_to,
        ..Comparison::new(&options.index, options.follower_index.as_deref().unwrap_or(&options.index))
    };
    // The path of claims, which nothing here reads.
    let aws = Aws::load("/tandem/claims").await;
    let [leader, follower] = &sides;
    let (leader, follower) = (leader.reach(&aws).await?, follower.reach(&aws).await?);
    // Nothing is lost when nobody reads how far it is.
    let tell = |status: &str| drop(writeln!(io::stderr(), "{status}"));
    compare_telling(&leader, &follower, &what, deadline, tell).await.map_err(Refused::Problem)
}

const ASKED: &str =
    "the ARN through which a function of data is asked, output QuestionsArn of its provider.yaml";

/// What the shell gets.
pub(crate) fn code(report: &Report) -> u8 {
    match report.verdict {
        Verdict::Equal => 0,
        Verdict::Different => 1,
        Verdict::NotTried => 2,
    }
}

/// The report for programs.
pub(crate) fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default()
}

/// One side, from its options.
#[derive(Debug)]
struct Target {
    side: &'static str,
    endpoint: Endpoint,
    region: String,
    caller: Caller,
    secret: Option<String>,
    peer: Option<PeerAddress>,
}

impl Target {
    fn read(reached: Reached) -> Result<Self, Refused> {
        let Reached { side, endpoint, region, secret, role, external_id, function } = reached;
        let wrong = |option: String, expected, given: &str| Refused::Option {
            option,
            expected,
            given: given.to_owned(),
        };
        let parsed = Endpoint::parse(&endpoint).ok_or_else(|| {
            let expected =
                "a domain's endpoint as DescribeDomain gives it, without https:// and without a path";
            wrong(side.to_owned(), expected, &endpoint)
        })?;
        let region = region
            .or_else(|| region_of(parsed.as_str()).map(str::to_owned))
            .ok_or(Refused::Region { side, endpoint })?;
        let role = role.map(|arn| AssumedRole { arn, external_id });
        let peer = function.map(|arn| {
            PeerAddress::parse(&arn, role.clone())
                .ok_or_else(|| wrong(format!("{side}-function"), ASKED, &arn))
        });
        let caller = match (&secret, role) {
            (Some(arn), _) => Caller::Secret(arn.clone()),
            (None, Some(role)) => Caller::Role(role),
            (None, None) => Caller::Own,
        };
        Ok(Self { side, endpoint: parsed, region, caller, secret, peer: peer.transpose()? })
    }

    async fn reach(&self, aws: &Aws) -> Result<AnySide<Domain, RemoteFunction>, Refused> {
        let unreached = |source| Refused::Unreached { side: self.side, source };
        let (endpoint, region) = (self.endpoint.clone(), self.region.clone());
        if let Some(address) = &self.peer {
            let peer = aws.peer(address).await.map_err(unreached)?;
            return Ok(AnySide::Far(Far { peer, endpoint, region, secret: self.secret.clone() }));
        }
        let access = Access { endpoint, region, caller: self.caller.clone() };
        Ok(AnySide::Near(Near(aws.search(&access).await.map_err(unreached)?)))
    }
}

/// The Region in a domain's endpoint: `….us-east-1.es.amazonaws.com`, `….aos.us-east-1.on.aws`.
fn region_of(endpoint: &str) -> Option<&str> {
    let labels: Vec<_> = endpoint.split('.').collect();
    match labels.as_slice() {
        [_, .., region, "es", "amazonaws", "com"] | [_, .., region, "es", "amazonaws", "com", "cn"] => {
            Some(region)
        }
        [_, .., "aos", region, "on", "aws"] => Some(region),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(endpoint: &str, change: impl FnOnce(&mut Reached)) -> Result<Target, String> {
        let mut reached = Reached {
            side: "leader",
            endpoint: endpoint.to_owned(),
            region: None,
            secret: None,
            role: None,
            external_id: None,
            function: None,
        };
        change(&mut reached);
        Target::read(reached).map_err(|refused| refused.to_string())
    }

    #[test]
    fn the_region_is_read_from_an_endpoint_that_says_it() {
        for (endpoint, region) in [
            ("search-logs-x.us-east-1.es.amazonaws.com", Some("us-east-1")),
            ("vpc-logs-x.cn-north-1.es.amazonaws.com.cn", Some("cn-north-1")),
            ("search-logs-x.aos.eu-west-1.on.aws", Some("eu-west-1")),
            ("logs.example.com", None),
            ("127.0.0.1:9200", None),
        ] {
            assert_eq!(region_of(endpoint), region, "{endpoint}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_option() {
        let none = |_: &mut Reached| ();
        assert_eq!(
            target("https://x", none).unwrap_err(),
            "--leader must be a domain's endpoint as DescribeDomain gives it, without https:// and without a path, and is \
             `https://x`"
        );
        assert_eq!(
            target("logs.example.com", none).unwrap_err(),
            "give --leader-region: the endpoint `logs.example.com` does not say it"
        );
        let function = |reached: &mut Reached| {
            reached.region = Some("us-east-1".to_owned());
            reached.function = Some("tandem".to_owned());
        };
        assert_eq!(
            target("logs.example.com", function).unwrap_err(),
            "--leader-function must be the ARN through which a function of data is asked, output QuestionsArn of its \
             provider.yaml, and is `tandem`"
        );
    }

    #[test]
    fn who_reads_is_a_secrets_user_a_role_or_the_environment() {
        let read = |change: fn(&mut Reached)| target("x.us-east-1.es.amazonaws.com", change).unwrap().caller;
        assert_eq!(read(|_| ()), Caller::Own);
        assert_eq!(read(|reached| reached.secret = Some("s".to_owned())), Caller::Secret("s".to_owned()));
        let role = AssumedRole { arn: "r".to_owned(), external_id: Some("x".to_owned()) };
        let by_role = |reached: &mut Reached| {
            reached.role = Some("r".to_owned());
            reached.external_id = Some("x".to_owned());
        };
        assert_eq!(read(by_role), Caller::Role(role));
    }
}
