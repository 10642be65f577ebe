//! The replication plugin, as every kind that uses it does: its properties, its calls, and whose fault a refusal is.

mod catch_up;
mod pattern;
mod plugin;
mod refusal;
mod status;

use cloud::{Access, Caller, Endpoint};
use custom_resource::{Home, Properties, Rule};
use serde_json::{Map, Value, json};

pub(crate) use catch_up::CatchUp;
pub(crate) use pattern::overlap;
pub(crate) use plugin::{FollowRule, Plugin};
pub(crate) use refusal::{Ended, ended};
pub(crate) use status::{How, Source, Status};

use crate::domain::{read_caller, read_endpoint};
use crate::far::name_like;

/// What a follower needs to follow: where it is, the connection, and the roles on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Following {
    pub(crate) endpoint: Endpoint,
    pub(crate) region: String,
    pub(crate) caller: Caller,
    pub(crate) alias: String,
    pub(crate) leader_role: String,
    pub(crate) follower_role: String,
    /// What is not taken over from the leader's indexes.
    pub(crate) settings: Map<String, Value>,
}

impl Following {
    pub(crate) fn read(properties: &mut Properties<'_>, home: &Home) -> Option<Self> {
        let domain = read_endpoint(properties, home, ["Endpoint", "Region"]);
        let alias = properties.required("ConnectionAlias", &ALIAS);
        let role = |name: Option<String>, usual: &str| name.unwrap_or_else(|| usual.to_owned());
        let leader_role = role(properties.optional("LeaderRole", &ROLE), LEADER_ROLE);
        let follower_role = role(properties.optional("FollowerRole", &ROLE), FOLLOWER_ROLE);
        let settings = properties.object("Settings");
        let caller = read_caller(properties);
        // The record of what was set has its limits.
        if Value::Object(settings.clone()).to_string().len() > 1500 {
            properties
                .find("Property Settings is too long: expected at most 1500 characters of JSON.".to_owned());
        }
        let ((endpoint, region), alias) = (domain?, alias?);
        Some(Self { endpoint, region, caller, alias, leader_role, follower_role, settings })
    }

    pub(crate) fn access(&self) -> Access {
        Access { endpoint: self.endpoint.clone(), region: self.region.clone(), caller: self.caller.clone() }
    }

    /// An index of the leader, as one that follows it names it.
    pub(crate) fn source(&self, leader_index: &str) -> Source {
        Source { alias: self.alias.clone(), index: leader_index.to_owned() }
    }

    /// As the plugin wants the roles.
    pub(crate) fn use_roles(&self) -> Value {
        json!({ "leader_cluster_role": self.leader_role, "follower_cluster_role": self.follower_role })
    }
}

/// When a kind is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitFor {
    /// The plugin has begun.
    Started,
    /// What was there at the start has been copied, and changes follow.
    Syncing,
    /// Every document was compared.
    Equal,
}

impl WaitFor {
    pub(crate) fn read(properties: &mut Properties<'_>) -> Self {
        let choices = [("Started", Self::Started), ("Syncing", Self::Syncing), ("Equal", Self::Equal)];
        properties.choice("WaitFor", &choices).unwrap_or(Self::Equal)
    }
}

const LEADER_ROLE: &str = "cross_cluster_replication_leader_full_access";
const FOLLOWER_ROLE: &str = "cross_cluster_replication_follower_full_access";

pub(crate) const ALIAS: Rule = Rule {
    expects: "the alias of a connection, 2 to 100 characters",
    accepts: |text| {
        name_like(
            text,
            2..=100,
            |c| c.is_ascii_alphabetic(),
            |c| c.is_ascii_alphanumeric() || c == '-' || c == '_',
        )
    },
};

const ROLE: Rule = Rule {
    expects: "the name of a role of the domain's security plugin, at most 128 characters",
    accepts: |text| (1..=128).contains(&text.chars().count()) && !text.contains(char::is_control),
};

/// What an index that is replicated may be called.
pub(crate) const INDEX: Rule = Rule {
    expects: "the name of an index: at most 255 bytes, lower case, no blank and none of \" * \\ < | , > / ? # :, not \
              beginning with . _ - or +",
    accepts: |text| {
        (1..=255).contains(&text.len())
            && !text.starts_with(['.', '_', '-', '+'])
            && !text.contains(|c: char| c.is_control() || c.is_uppercase() || " \"*\\<|,>/?#:".contains(c))
    },
};
