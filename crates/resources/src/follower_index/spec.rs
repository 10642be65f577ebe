//! The properties of `Custom::FollowerIndex`, typed, and the identity they describe.

use std::fmt;
use std::str::FromStr;

use cloud::{Caller, Endpoint};
use custom_resource::{Home, Properties};
use serde_json::Map;

use crate::comparing::Comparing;
use crate::domain::claim_part;
use crate::far::REGION;
use crate::replication::{Following, INDEX, Source, WaitFor};

/// What becomes of the index when it is deleted from its stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenDeleted {
    /// It stays, as an ordinary index that can be written to.
    Stop,
    /// It goes.
    StopAndDelete,
}

/// An index that follows, as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub(crate) following: Following,
    pub(crate) leader_index: String,
    pub(crate) index: String,
    pub(crate) when_deleted: WhenDeleted,
    pub(crate) reseed_when_lost: bool,
    pub(crate) wait_for: WaitFor,
    pub(crate) comparing: Comparing,
}

/// The index, on its domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) endpoint: Endpoint,
    pub(crate) region: String,
    pub(crate) index: String,
}

const PREFIX: &str = "follower-index/";

impl Identity {
    /// One claim for the index, whichever stack claims it.
    pub(crate) fn claim_name(&self) -> String {
        format!("{PREFIX}{}/{}", claim_part(self.endpoint.as_str()), claim_part(&self.index))
    }

    /// How to call the follower when there are no properties to say it.
    pub(crate) fn following(&self) -> Following {
        Following {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            caller: Caller::Own,
            alias: String::new(),
            leader_role: String::new(),
            follower_role: String::new(),
            settings: Map::new(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}/{}/{}", self.region, self.endpoint, self.index)
    }
}

/// The text is not an id of ours.
#[derive(Debug)]
pub struct NotOurs;

impl FromStr for Identity {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let parts: Vec<_> = text.strip_prefix(PREFIX).ok_or(NotOurs)?.split('/').collect();
        let [region, host, index] = parts.as_slice() else { return Err(NotOurs) };
        let endpoint = Endpoint::parse(host).ok_or(NotOurs)?;
        let fits = (REGION.accepts)(region) && (INDEX.accepts)(index);
        fits.then(|| Self { endpoint, region: (*region).to_owned(), index: (*index).to_owned() })
            .ok_or(NotOurs)
    }
}

impl Spec {
    pub(crate) fn identity(&self) -> Identity {
        let Following { endpoint, region, .. } = &self.following;
        Identity { endpoint: endpoint.clone(), region: region.clone(), index: self.index.clone() }
    }

    /// What it follows.
    pub(crate) fn source(&self) -> Source {
        self.following.source(&self.leader_index)
    }

    pub(crate) fn read(properties: &mut Properties<'_>, home: &Home) -> Option<Self> {
        let following = Following::read(properties, home);
        let leader_index = properties.required("LeaderIndex", &INDEX);
        let index = properties.optional("FollowerIndex", &INDEX);
        let choices = [("Stop", WhenDeleted::Stop), ("StopAndDelete", WhenDeleted::StopAndDelete)];
        let when_deleted = properties.choice("WhenDeleted", &choices).unwrap_or(WhenDeleted::Stop);
        let reseed_when_lost = properties.flag("ReseedWhenLost").unwrap_or(false);
        let wait_for = WaitFor::read(properties);
        let comparing = Comparing::read(properties, home, wait_for);
        if reseed_when_lost && wait_for != WaitFor::Equal && comparing.leader.is_none() {
            properties.find(
                "Property LeaderEndpoint is missing: expected the endpoint of the leader's domain, because with \
                 ReseedWhenLost the leader is asked for its index before the copy is deleted."
                    .to_owned(),
            );
        }
        let (following, leader_index) = (following?, leader_index?);
        let index = index.unwrap_or_else(|| leader_index.clone());
        Some(Self { following, leader_index, index, when_deleted, reseed_when_lost, wait_for, comparing })
    }
}
