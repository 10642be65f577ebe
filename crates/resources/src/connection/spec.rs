//! The properties of `Custom::CrossClusterConnection`, typed, and the identity they describe.
//!
//! The names are those of the AWS sample, so that its users feel at home: local is the follower, which requests; remote
//! is the leader, which accepts.

use std::fmt;
use std::str::FromStr;

use cloud::{AssumedRole, Domain, Mode, NewConnection, Place, SkipUnavailable};
use custom_resource::{Home, Properties, Rule};

use crate::far::{self, ACCOUNT, REGION, lower_or_digit_or_hyphen, name_like};

/// One connection, as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub(crate) connection: NewConnection,
    /// How to reach the leader's account, when it is another one.
    pub(crate) leader_role: Option<AssumedRole>,
    pub(crate) adopt_existing: bool,
}

/// What makes it this connection and no other: the follower and the alias.
///
/// The leader is not part of it: two connections of one follower cannot share an alias, so a new leader behind the
/// same alias can only be had by deleting and requesting in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) follower: Domain,
    pub(crate) alias: String,
}

const IDENTITY_PREFIX: &str = "connection/";

impl Identity {
    /// The name of the claim: the same path, without the prefix.
    pub(crate) fn claim_name(&self) -> String {
        format!("{}/{}", self.follower, self.alias)
    }

    /// Where the follower's side is asked, always with the function's own credentials.
    pub(crate) fn place(&self) -> Place {
        Place { account: self.follower.account.clone(), region: self.follower.region.clone(), role: None }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{IDENTITY_PREFIX}{}", self.claim_name())
    }
}

/// The text is not an id of ours.
#[derive(Debug)]
pub struct NotOurs;

impl FromStr for Identity {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let parts: Vec<_> = text.strip_prefix(IDENTITY_PREFIX).ok_or(NotOurs)?.split('/').collect();
        let [account, region, name, alias] = parts.as_slice() else { return Err(NotOurs) };
        let fits = (ACCOUNT.accepts)(account)
            && (REGION.accepts)(region)
            && (DOMAIN.accepts)(name)
            && (ALIAS.accepts)(alias);
        let follower =
            Domain { account: (*account).to_owned(), region: (*region).to_owned(), name: (*name).to_owned() };
        if fits { Ok(Self { follower, alias: (*alias).to_owned() }) } else { Err(NotOurs) }
    }
}

impl Spec {
    pub(crate) fn identity(&self) -> Identity {
        Identity { follower: self.connection.local.clone(), alias: self.connection.alias.clone() }
    }

    /// Where the leader's side is asked: accepting anywhere else is "not found"
    /// (hashicorp/terraform-provider-aws#44599).
    pub(crate) fn leader_place(&self) -> Place {
        let Domain { account, region, .. } = self.connection.remote.clone();
        Place { account, region, role: self.leader_role.clone() }
    }

    pub(crate) fn read(properties: &mut Properties<'_>, home: &Home) -> Option<Self> {
        let alias = properties.required("ConnectionAlias", &ALIAS);
        let local = domain(properties, home, ["LocalAccount", "LocalRegion", "LocalDomain"]);
        let remote = domain(properties, home, ["RemoteAccount", "RemoteRegion", "RemoteDomain"]);
        let leader_role = far::read_role(properties);
        let mode = properties
            .choice("ConnectionMode", &[("DIRECT", Mode::Direct), ("VPC_ENDPOINT", Mode::VpcEndpoint)])
            .unwrap_or(Mode::Direct);
        let skip_unavailable = properties
            .choice(
                "SkipUnavailable",
                &[("ENABLED", SkipUnavailable::Enabled), ("DISABLED", SkipUnavailable::Disabled)],
            )
            .unwrap_or(SkipUnavailable::Enabled);
        let adopt_existing = properties.flag("AdoptExisting").unwrap_or(false);
        let (alias, local, remote) = (alias?, local?, remote?);
        let accounts = [local.account.as_str(), remote.account.as_str()];
        far::check_accounts(properties, home, accounts, leader_role.as_ref(), "connection");
        if local == remote {
            properties.find(format!(
                "LocalDomain and RemoteDomain are the same domain {local}: a connection needs a follower and a leader."
            ));
        }
        Some(Self {
            connection: NewConnection { alias, local, remote, mode, skip_unavailable },
            leader_role,
            adopt_existing,
        })
    }
}

fn domain(properties: &mut Properties<'_>, home: &Home, names: [&'static str; 3]) -> Option<Domain> {
    let [account, region, name] = names;
    let (account, region) = far::read_place(properties, home, [account, region]);
    let name = properties.required(name, &DOMAIN)?;
    Some(Domain { account, region, name })
}

const ALIAS: Rule = Rule {
    expects: "2 to 100 characters: a letter, then letters, digits, hyphens or underscores",
    accepts: |text| {
        name_like(
            text,
            2..=100,
            |c| c.is_ascii_alphabetic(),
            |c| c.is_ascii_alphanumeric() || c == '-' || c == '_',
        )
    },
};

const DOMAIN: Rule = Rule {
    expects: "the name of a domain, 3 to 28 characters: a lower-case letter, then lower-case letters, digits or hyphens",
    accepts: |text| name_like(text, 3..=28, |c| c.is_ascii_lowercase(), lower_or_digit_or_hyphen),
};
