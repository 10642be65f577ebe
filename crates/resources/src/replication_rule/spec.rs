//! The properties of `Custom::ReplicationRule`, typed, and the identity they describe.

use std::fmt;
use std::str::FromStr;

use cloud::{Caller, Endpoint};
use custom_resource::{Home, Properties, Rule};
use serde_json::{Map, Value, json};

use super::naming::Naming;
use crate::comparing::Comparing;
use crate::domain::claim_part;
use crate::far::REGION;
use crate::replication::{ALIAS, Following, INDEX, Source, WaitFor, overlap};

/// What becomes of the indexes that follow when the rule is deleted from its stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenDeleted {
    /// They go on following, and stay read-only.
    Keep,
    /// They stop following, and can be written to.
    Stop,
}

/// A rule, as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub(crate) following: Following,
    pub(crate) name: String,
    pub(crate) pattern: String,
    /// What the indexes are called that follow.
    pub(crate) naming: Naming,
    pub(crate) when_deleted: WhenDeleted,
    pub(crate) wait_for: WaitFor,
    /// Without a leader in it, what the follower has is all that is seen.
    pub(crate) comparing: Comparing,
}

/// The rule, on its domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) endpoint: Endpoint,
    pub(crate) region: String,
    pub(crate) alias: String,
    pub(crate) name: String,
}

const PREFIX: &str = "replication-rule/";

impl Identity {
    /// One claim for the rule, whichever stack claims it.
    pub(crate) fn claim_name(&self) -> String {
        let host = claim_part(self.endpoint.as_str());
        format!("{PREFIX}{host}/{}/{}", claim_part(&self.alias), claim_part(&self.name))
    }

    /// How to call the follower when there are no properties to say it.
    pub(crate) fn following(&self) -> Following {
        Following {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            caller: Caller::Own,
            alias: self.alias.clone(),
            leader_role: String::new(),
            follower_role: String::new(),
            settings: Map::new(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}/{}/{}/{}", self.region, self.endpoint, self.alias, self.name)
    }
}

/// The text is not an id of ours.
#[derive(Debug)]
pub struct NotOurs;

impl FromStr for Identity {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let parts: Vec<_> = text.strip_prefix(PREFIX).ok_or(NotOurs)?.split('/').collect();
        let [region, host, alias, name] = parts.as_slice() else { return Err(NotOurs) };
        let endpoint = Endpoint::parse(host).ok_or(NotOurs)?;
        let fits = (REGION.accepts)(region) && (ALIAS.accepts)(alias) && (NAME.accepts)(name);
        let (region, alias, name) = ((*region).to_owned(), (*alias).to_owned(), (*name).to_owned());
        fits.then_some(Self { endpoint, region, alias, name }).ok_or(NotOurs)
    }
}

impl Spec {
    pub(crate) fn identity(&self) -> Identity {
        let Following { endpoint, region, alias, .. } = self.following.clone();
        Identity { endpoint, region, alias, name: self.name.clone() }
    }

    /// True for an index that follows as the rule would make it.
    pub(crate) fn would_bring(&self, source: &Source, index: &str) -> bool {
        source.alias == self.following.alias && self.naming.of(&source.index) == index
    }

    /// All that the plugin is given and does not show again, as a claim records it.
    pub(crate) fn definition(&self) -> String {
        let settings = Value::Object(self.following.settings.clone());
        let mut definition =
            json!({ "pattern": self.pattern, "roles": self.following.use_roles(), "settings": settings });
        if let (Some(naming), Some(members)) = (self.naming.pattern(), definition.as_object_mut()) {
            members.insert("naming".to_owned(), naming.into());
        }
        definition.to_string()
    }

    pub(crate) fn read(properties: &mut Properties<'_>, home: &Home) -> Option<Self> {
        let following = Following::read(properties, home);
        let name = properties.required("Name", &NAME);
        let pattern = properties.required("Pattern", &PATTERN);
        let naming = properties.optional("FollowerIndexPattern", &NAMING);
        let opposite = properties.list("OppositePatterns", &PATTERN);
        let choices = [("Keep", WhenDeleted::Keep), ("Stop", WhenDeleted::Stop)];
        let when_deleted = properties.choice("WhenDeleted", &choices).unwrap_or(WhenDeleted::Keep);
        let wait_for = WaitFor::read(properties);
        let comparing = Comparing::read(properties, home, wait_for);
        let (following, name, pattern) = (following?, name?, pattern?);
        if let Some(opposite) = opposite.iter().find(|opposite| overlap(opposite, &pattern)) {
            properties.find(format!(
                "Property Pattern is `{pattern}`: expected one that has no index in common with `{opposite}` of \
                 OppositePatterns, because an index is replicated in one direction only."
            ));
        }
        let naming = naming.and_then(|text| Naming::parse(&text)).unwrap_or_default();
        Some(Self { following, name, pattern, naming, when_deleted, wait_for, comparing })
    }
}

const NAME: Rule = Rule {
    expects: "a name for the rule: lower case, no blank and none of \" * \\ < | , > / ? #, not beginning with . _ - or +",
    accepts: |text| {
        (1..=255).contains(&text.len())
            && !text.starts_with(['.', '_', '-', '+'])
            && !text.contains(|c: char| c.is_control() || c.is_uppercase() || " \"*\\<|,>/?#:".contains(c))
    },
};

/// Known to the plugin from version 3.8 on.
const NAMING: Rule = Rule {
    expects: "the name of an index with {{leader_index}} in it once, such as {{leader_index}}-copy",
    accepts: |text| Naming::parse(text).is_some_and(|naming| (INDEX.accepts)(&naming.of("x"))),
};

/// The plugin takes more, and then matches nothing (upper case) or fails on system indexes for ever.
const PATTERN: Rule = Rule {
    expects: "a pattern such as logs-*: lower case, no blank and none of \" \\ < | , > / ? #, not beginning with * or . \
              (that would match system indexes, which cannot be replicated), _ - or +",
    accepts: |text| {
        (1..=255).contains(&text.len())
            && !text.starts_with(['*', '.', '_', '-', '+'])
            && !text.contains(|c: char| c.is_control() || c.is_uppercase() || " \"\\<|,>/?#:".contains(c))
    },
};
