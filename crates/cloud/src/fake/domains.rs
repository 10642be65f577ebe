//! What the service looks at when it validates a connection.

use std::collections::HashMap;

use crate::{Domain, Mode, NewConnection};

/// What a domain is like, as far as a connection cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainFeatures {
    /// The engine version, `OpenSearch_2.19` or `Elasticsearch_7.10`.
    pub version: String,
    /// Node-to-node encryption.
    pub node_to_node_encryption: bool,
    /// Fine-grained access control.
    pub fine_grained_access_control: bool,
    /// The instance type, `r6g.large.search`.
    pub instance_type: String,
}

/// A domain that can be connected.
impl Default for DomainFeatures {
    fn default() -> Self {
        Self {
            version: "OpenSearch_2.19".to_owned(),
            node_to_node_encryption: true,
            fine_grained_access_control: true,
            instance_type: "r6g.large.search".to_owned(),
        }
    }
}

/// Why these domains cannot be connected; none when they can.
pub(super) fn objection(domains: &HashMap<Domain, DomainFeatures>, new: &NewConnection) -> Option<String> {
    let Some(follower) = domains.get(&new.local) else {
        return Some(format!("The source domain {} does not exist.", new.local));
    };
    let Some(leader) = domains.get(&new.remote) else {
        return Some(format!("The destination domain {} does not exist.", new.remote));
    };
    match new.mode {
        // Remote reindex asks for none of what search and replication need.
        Mode::VpcEndpoint => None,
        Mode::Direct => lacking(&new.local, follower)
            .or_else(|| lacking(&new.remote, leader))
            .or_else(|| versions(follower, leader)),
    }
}

fn lacking(domain: &Domain, features: &DomainFeatures) -> Option<String> {
    let unsupported = ["m3.", "t2.", "t3."].iter().any(|family| features.instance_type.starts_with(family));
    if !features.node_to_node_encryption {
        Some(format!("Node-to-node encryption is not enabled on domain {domain}."))
    } else if !features.fine_grained_access_control {
        Some(format!("Fine-grained access control is not enabled on domain {domain}."))
    } else if unsupported {
        Some(format!("Instance type {} of domain {domain} is not supported.", features.instance_type))
    } else {
        None
    }
}

/// The pages of the service contradict each other about the direction; the page on replication, which is what a
/// connection is for here, wants the leader at the follower's version or above.
fn versions(follower: &DomainFeatures, leader: &DomainFeatures) -> Option<String> {
    let (follower_engine, follower_number) = engine(&follower.version);
    let (leader_engine, leader_number) = engine(&leader.version);
    if follower_engine != leader_engine {
        Some(format!("A domain of {follower_engine} cannot be connected to a domain of {leader_engine}."))
    } else if follower_number > leader_number {
        Some(format!(
            "The version of the source domain, {}, is newer than the version of the destination domain, {}.",
            follower.version, leader.version
        ))
    } else {
        None
    }
}

fn engine(version: &str) -> (&str, Vec<u32>) {
    let (engine, numbers) = version.split_once('_').unwrap_or((version, ""));
    (engine, numbers.split('.').filter_map(|number| number.parse().ok()).collect())
}
