//! The properties of `Custom::RoleMapping`, typed, and the identity they describe.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use cloud::{Access, Caller, Endpoint};
use custom_resource::{Context, Home, Properties, Rule};
use serde_json::Value;

use super::plan::{Entry, List};
use crate::domain::{claim_part, read_caller, read_endpoint};
use crate::far::REGION;

/// The entries of a role's mapping, as they shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub(crate) identity: Identity,
    pub(crate) caller: Caller,
    pub(crate) wanted: BTreeSet<Entry>,
}

/// The role, on its domain. Several stacks may give entries to one role, so their claims bear their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) endpoint: Endpoint,
    pub(crate) region: String,
    pub(crate) role: String,
}

const PREFIX: &str = "role-mapping/";

impl Identity {
    /// The claim of one resource of one stack.
    pub(crate) fn claim_name(&self, context: &Context) -> String {
        let stack = context.stack_id.rsplit('/').next().unwrap_or_default();
        let (host, role) = (claim_part(self.endpoint.as_str()), claim_part(&self.role));
        format!("{PREFIX}{host}/{role}/{}/{}", claim_part(stack), claim_part(&context.logical_id))
    }

    pub(crate) fn access(&self, caller: &Caller) -> Access {
        Access { endpoint: self.endpoint.clone(), region: self.region.clone(), caller: caller.clone() }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}/{}/{}", self.region, self.endpoint, self.role)
    }
}

/// The text is not an id of ours.
#[derive(Debug)]
pub struct NotOurs;

impl FromStr for Identity {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let mut parts = text.strip_prefix(PREFIX).ok_or(NotOurs)?.splitn(3, '/');
        let (Some(region), Some(host), Some(role)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NotOurs);
        };
        let endpoint = Endpoint::parse(host).ok_or(NotOurs)?;
        let fits = (REGION.accepts)(region) && (ROLE.accepts)(role);
        fits.then(|| Self { endpoint, region: region.to_owned(), role: role.to_owned() }).ok_or(NotOurs)
    }
}

impl Spec {
    pub(crate) fn read(properties: &mut Properties<'_>, home: &Home) -> Option<Self> {
        let domain = read_endpoint(properties, home, ["Endpoint", "Region"]);
        let role = properties.required("Role", &ROLE);
        let mut wanted = BTreeSet::new();
        for (list, property) in
            [(List::BackendRoles, "BackendRoles"), (List::Users, "Users"), (List::Hosts, "Hosts")]
        {
            let names = properties.list(property, &ENTRY);
            wanted.extend(names.into_iter().map(|name| Entry { list, name }));
        }
        let caller = read_caller(properties);
        if wanted.is_empty() {
            properties.find(
                "BackendRoles, Users and Hosts are all empty: expected at least one entry, such as the ARN of a role in \
                 BackendRoles."
                    .to_owned(),
            );
        }
        // The record of who added what has its limits: 4,096 bytes, for the entries of before and after a change.
        let recorded = |entry: &Entry| Value::from(entry.to_string()).to_string().len() + 1;
        if wanted.iter().map(recorded).sum::<usize>() > 1400 {
            properties.find(
                "The entries are too many for one resource: expected at most 1400 characters in all, each with 16 for \
                 itself; split them into several resources."
                    .to_owned(),
            );
        }
        let ((endpoint, region), role) = (domain?, role?);
        Some(Self { identity: Identity { endpoint, region, role }, caller, wanted })
    }
}

const ROLE: Rule = Rule {
    expects: "the name of a role of the domain's security plugin, at most 128 characters",
    accepts: |text| (1..=128).contains(&text.chars().count()) && !text.contains(char::is_control),
};

const ENTRY: Rule = Rule {
    expects: "at most 600 characters without control characters",
    accepts: |text| text.len() <= 600 && !text.contains(char::is_control),
};
