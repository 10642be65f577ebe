//! A domain's API, as every kind reaches it: how its properties are read, and what its errors mean.

mod problem;

use cloud::{Access, Caller, Claims, Cloud, Endpoint};
use custom_resource::{Context, Failure, Home, Properties, Rule};

pub(crate) use problem::{Problem, user};

use crate::claim::Hold;
use crate::far::REGION;

/// Reads where a domain answers and in which Region it is; the function's own where none is given.
pub(crate) fn read_endpoint(
    properties: &mut Properties<'_>,
    home: &Home,
    names: [&'static str; 2],
) -> Option<(Endpoint, String)> {
    let [endpoint, region] = names;
    let endpoint = properties.required(endpoint, &ENDPOINT);
    let region = properties.optional(region, &REGION).unwrap_or_else(|| home.region.clone());
    Some((Endpoint::parse(&endpoint?)?, region))
}

/// Reads who calls: the user of a secret, or the function itself.
pub(crate) fn read_caller(properties: &mut Properties<'_>) -> Caller {
    properties.optional("MasterSecretArn", &SECRET_ARN).map_or(Caller::Own, Caller::Secret)
}

/// Opens a session, for a problem that names the domain.
pub(crate) async fn open<C: Cloud>(cloud: &C, access: &Access) -> Result<C::Search, Problem> {
    let context = || match &access.caller {
        Caller::Own => format!("cannot call the domain at {}", access.endpoint),
        Caller::Role(role) => {
            format!("cannot assume `{}` to call the domain at {}", role.arn, access.endpoint)
        }
        Caller::Secret(_) => {
            format!("cannot read the secret of the user of the domain at {}", access.endpoint)
        }
    };
    cloud.search(access).await.map_err(|source| Problem::Call { context: context(), source })
}

/// Says why it cannot be, and takes back what nobody else would: see [`Problem::takes_back`].
///
/// What a failed Create made is CloudFormation's Delete to remove, and what a failed Update in place made is in the way
/// of the rollback, which removes it.
pub(crate) async fn give_up<L: Claims, F: Future<Output = Result<(), Failure>>>(
    hold: &Hold<'_, L>,
    problem: Problem,
    context: &Context,
    cleanup: impl FnOnce() -> F,
) -> Failure {
    let takes_back = problem.takes_back(context.change, hold.is_held(), hold.made().is_some());
    let failure = Failure::from(problem);
    if !takes_back {
        hold.finish_where_it_is().await;
        return failure;
    }
    // The claim says why meanwhile, so that a duplicate gives the same answer.
    let result = match hold.begin_taking_back(failure.reason()).await {
        Ok(true) => cleanup().await,
        Ok(false) => Ok(()),
        Err(error) => Err(Problem::ledger(hold.ledger.name())(error).into()),
    };
    if let Err(error) = result {
        tracing::warn!("not taken back yet: {}", error.reason());
    }
    failure
}

/// A text as a part of a claim's name.
pub(crate) fn claim_part(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            c if c.is_ascii_alphanumeric() || c == '.' || c == '-' => vec![c],
            c => format!("_{:X}_", u32::from(c)).chars().collect(),
        })
        .collect()
}

/// One that is looked at more closely with its Region.
pub(crate) const ANY_ENDPOINT: Rule = Rule { expects: "a domain's endpoint", accepts: |_| true };

const ENDPOINT: Rule = Rule {
    expects: "a domain's endpoint as DescribeDomain gives it, a host without https:// and without a path",
    accepts: |text| Endpoint::parse(text).is_some(),
};

pub(crate) const SECRET_ARN: Rule = Rule {
    expects: "the ARN of a secret with the members username and password",
    accepts: |text| {
        let parts: Vec<_> = text.splitn(7, ':').collect();
        matches!(parts.as_slice(), ["arn", partition, "secretsmanager", _, _, "secret", name]
            if partition.starts_with("aws") && !name.is_empty())
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_claims_name_is_what_ssm_takes_and_tells_texts_apart() {
        assert_eq!(claim_part("search-a.us-east-1.es.amazonaws.com"), "search-a.us-east-1.es.amazonaws.com");
        assert_eq!(claim_part("127.0.0.1:9200"), "127.0.0.1_3A_9200");
        assert_ne!(claim_part("a_b"), claim_part("a/b"));
    }
}
