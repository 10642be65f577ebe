//! The leader's side, as every kind that joins two sides reaches it: another Region, often another account, by a role.
//!
//! The properties are the same for all of them: local is the follower, which requests; remote is the leader, which
//! accepts.

use std::time::Duration;

use cloud::{AssumedRole, Code};
use custom_resource::{Home, Properties, Rule};

/// How long a role may be refused because IAM has not spread it yet: the accepter role is often seconds old.
pub(crate) const ROLE_SPREADS: Duration = Duration::from_secs(15);

/// Reads the account and the Region of one side; the function's own where they are not given.
pub(crate) fn read_place(
    properties: &mut Properties<'_>,
    home: &Home,
    names: [&'static str; 2],
) -> (String, String) {
    let [account, region] = names;
    let account = properties.optional(account, &ACCOUNT).unwrap_or_else(|| home.account.clone());
    let region = properties.optional(region, &REGION).unwrap_or_else(|| home.region.clone());
    (account, region)
}

/// Reads the role that leads to the leader's account.
pub(crate) fn read_role(properties: &mut Properties<'_>) -> Option<AssumedRole> {
    let arn = properties.optional("RemoteRoleArn", &ROLE_ARN);
    let external_id = properties.confidential("RemoteExternalId", &EXTERNAL_ID);
    arn.map(|arn| AssumedRole { arn, external_id })
}

/// Finds accounts that cannot be reached. `thing` is what the follower requests.
pub(crate) fn check_accounts(
    properties: &mut Properties<'_>,
    home: &Home,
    [local, remote]: [&str; 2],
    role: Option<&AssumedRole>,
    thing: &str,
) {
    if local != home.account {
        properties.find(format!(
            "Property LocalAccount is `{local}`: expected the function's own account {}, because the follower requests \
             the {thing}; deploy the provider stack in the follower's account.",
            home.account
        ));
    }
    match role.map(|role| role.arn.as_str()) {
        None if remote != home.account => properties.find(format!(
            "Property RemoteRoleArn is missing: expected the ARN of the accepter role, because the leader is in another \
             account ({remote}); deploy accepter-role.yaml there."
        )),
        Some(arn) if arn.split(':').nth(4) != Some(remote) => properties.find(format!(
            "Property RemoteRoleArn is `{arn}`: expected a role of the leader's account {remote}."
        )),
        Some(_) | None => (),
    }
}

/// What to do about a role that cannot be assumed.
pub(crate) fn role_hint(code: &Code) -> String {
    match code {
        Code::AccessDenied => "Check that the role exists, that its trust policy names this function's role, and that \
             RemoteExternalId is the ExternalId it demands; and that the function's role allows sts:AssumeRole on it."
            .to_owned(),
        Code::ResourceNotFound
        | Code::ResourceAlreadyExists
        | Code::LimitExceeded
        | Code::InsufficientCapacity
        | Code::DisabledOperation
        | Code::Validation
        | Code::Throttled
        | Code::Internal
        | Code::NoAnswer
        | Code::Other(_) => "Check RemoteRoleArn and that STS is active in the function's Region.".to_owned(),
    }
}

/// From the API's model: at most `longest` characters, the first one by its own rule.
pub(crate) fn name_like(
    text: &str,
    length: std::ops::RangeInclusive<usize>,
    first: fn(char) -> bool,
    rest: fn(char) -> bool,
) -> bool {
    let mut characters = text.chars();
    length.contains(&text.len()) && characters.next().is_some_and(first) && characters.all(rest)
}

pub(crate) fn lower_or_digit_or_hyphen(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

pub(crate) const REGION: Rule = Rule {
    expects: "a Region such as us-east-1",
    accepts: |text| name_like(text, 5..=30, |c| c.is_ascii_lowercase(), lower_or_digit_or_hyphen),
};

pub(crate) const ACCOUNT: Rule = Rule {
    expects: "an account id of 12 digits",
    accepts: |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()),
};

const ROLE_ARN: Rule = Rule {
    expects: "the ARN of a role, arn:aws:iam::123456789012:role/name",
    accepts: |text| {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        matches!(parts.as_slice(), ["arn", partition, "iam", "", account, role]
            if partition.starts_with("aws") && (ACCOUNT.accepts)(account) && role.len() > "role/".len() && role.starts_with("role/"))
    },
};

const EXTERNAL_ID: Rule = Rule {
    expects: "2 to 1224 characters: letters, digits or any of + = , . @ : / - _",
    accepts: |text| {
        (2..=1224).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@:/-_".contains(c))
    },
};
