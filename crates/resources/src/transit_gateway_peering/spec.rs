//! The properties of `Custom::TransitGatewayPeering`, typed, and the identity they describe.
//!
//! The names are those of the connection: local is the follower, which requests; remote is the leader, which accepts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use cloud::{AssumedRole, Place, TransitGateway};
use custom_resource::{Home, Properties, Rule};

use super::links::{Side, Wanted};
use crate::far::{self, ACCOUNT, REGION};

/// One peering, as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub(crate) local: End,
    pub(crate) remote: End,
    /// How to reach the leader's account, when it is another one.
    pub(crate) leader_role: Option<AssumedRole>,
}

/// One end of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) gateway: TransitGateway,
    /// The route table that gets the route to the other end.
    pub(crate) table: String,
    /// What is reached behind this gateway.
    pub(crate) cidr: String,
}

/// What makes it this peering and no other: the two gateways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) local: TransitGateway,
    pub(crate) remote_id: String,
}

const IDENTITY_PREFIX: &str = "transit-gateway-peering/";

impl Identity {
    /// The name of the claim: the same path, with its prefix, so that it can be no connection's.
    pub(crate) fn claim_name(&self) -> String {
        self.to_string()
    }

    /// Where the follower's side is asked, always with the function's own credentials.
    pub(crate) fn place(&self) -> Place {
        Place { account: self.local.account.clone(), region: self.local.region.clone(), role: None }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{IDENTITY_PREFIX}{}/{}", self.local, self.remote_id)
    }
}

/// The text is not an id of ours.
#[derive(Debug)]
pub struct NotOurs;

impl FromStr for Identity {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let parts: Vec<_> = text.strip_prefix(IDENTITY_PREFIX).ok_or(NotOurs)?.split('/').collect();
        let [account, region, local, remote] = parts.as_slice() else { return Err(NotOurs) };
        let fits = (ACCOUNT.accepts)(account)
            && (REGION.accepts)(region)
            && [local, remote].into_iter().all(|id| (GATEWAY.accepts)(id));
        let local = TransitGateway {
            account: (*account).to_owned(),
            region: (*region).to_owned(),
            id: (*local).to_owned(),
        };
        if fits { Ok(Self { local, remote_id: (*remote).to_owned() }) } else { Err(NotOurs) }
    }
}

impl Spec {
    pub(crate) fn identity(&self) -> Identity {
        Identity { local: self.local.gateway.clone(), remote_id: self.remote.gateway.id.clone() }
    }

    /// Where the leader's side is asked: a peering is accepted there and nowhere else.
    pub(crate) fn leader_place(&self) -> Place {
        let TransitGateway { account, region, .. } = self.remote.gateway.clone();
        Place { account, region, role: self.leader_role.clone() }
    }

    /// What both sides shall have, once these are the ids of the attachment there.
    pub(crate) fn wanted(&self, near: &str, far: &str) -> [Wanted; 2] {
        let wanted = |side, at: &End, cidr: &str, attachment: &str| Wanted {
            side,
            table: at.table.clone(),
            cidr: cidr.to_owned(),
            attachment: attachment.to_owned(),
        };
        [
            wanted(Side::Follower, &self.local, &self.remote.cidr, near),
            wanted(Side::Leader, &self.remote, &self.local.cidr, far),
        ]
    }

    pub(crate) fn read(properties: &mut Properties<'_>, home: &Home) -> Option<Self> {
        let local = end(
            properties,
            home,
            ["LocalAccount", "LocalRegion"],
            ["LocalTransitGatewayId", "LocalRouteTableId", "LocalCidr"],
        );
        let remote = end(
            properties,
            home,
            ["RemoteAccount", "RemoteRegion"],
            ["RemoteTransitGatewayId", "RemoteRouteTableId", "RemoteCidr"],
        );
        let leader_role = far::read_role(properties);
        let (local, remote) = (local?, remote?);
        let accounts = [local.gateway.account.as_str(), remote.gateway.account.as_str()];
        far::check_accounts(properties, home, accounts, leader_role.as_ref(), "peering");
        if local.gateway.id == remote.gateway.id {
            properties.find(format!(
                "LocalTransitGatewayId and RemoteTransitGatewayId are the same gateway {}: a peering joins two.",
                local.gateway.id
            ));
        }
        if overlap(&local.cidr, &remote.cidr) {
            properties.find(format!(
                "LocalCidr {} and RemoteCidr {} overlap: no route could tell the two sides apart.",
                local.cidr, remote.cidr
            ));
        }
        Some(Self { local, remote, leader_role })
    }
}

fn end(
    properties: &mut Properties<'_>,
    home: &Home,
    place: [&'static str; 2],
    [gateway, table, cidr]: [&'static str; 3],
) -> Option<End> {
    let (account, region) = far::read_place(properties, home, place);
    let id = properties.required(gateway, &GATEWAY);
    let table = properties.required(table, &TABLE);
    let cidr = properties.required(cidr, &CIDR);
    Some(End { gateway: TransitGateway { account, region, id: id? }, table: table?, cidr: cidr? })
}

/// An address as a number, and of how many bits it is.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), Ipv4Addr::BITS),
        IpAddr::V6(address) => (address.into(), Ipv6Addr::BITS),
    }
}

/// The first address of a range, how many bits an address has, and how many of them are the prefix.
fn range(cidr: &str) -> Option<(u128, u32, u32)> {
    let (address, prefix) = cidr.split_once('/')?;
    let (first, length) = bits(address.parse().ok()?);
    let prefix = prefix.parse().ok().filter(|prefix| *prefix <= length)?;
    Some((first, length, prefix))
}

/// What is left of an address without this many of its last bits.
fn network(address: u128, behind: u32) -> u128 {
    address.checked_shr(behind).unwrap_or(0)
}

fn overlap(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (range(one), range(other)) else { return false };
    let behind = one.1.saturating_sub(one.2.min(other.2));
    one.1 == other.1 && network(one.0, behind) == network(other.0, behind)
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        (1..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

const GATEWAY: Rule = Rule {
    expects: "the id of a transit gateway such as tgw-0123456789abcdef0",
    accepts: |text| is_id(text, "tgw-"),
};

const TABLE: Rule = Rule {
    expects: "the id of a transit gateway's route table such as tgw-rtb-0123456789abcdef0",
    accepts: |text| is_id(text, "tgw-rtb-"),
};

/// The service keeps a range without bits behind its prefix, so another spelling would never be found again.
const CIDR: Rule = Rule {
    expects: "an address range such as 10.0.0.0/16, with zeros behind the prefix",
    accepts: |text| {
        range(text).is_some_and(|(first, length, prefix)| {
            let behind = length.saturating_sub(prefix);
            let start = network(first, behind).checked_shl(behind).unwrap_or(0);
            start == first && format!("{}/{prefix}", written(first, length)) == text
        })
    },
};

/// An address as the service writes it.
fn written(address: u128, length: u32) -> IpAddr {
    match u32::try_from(address) {
        Ok(address) if length == Ipv4Addr::BITS => Ipv4Addr::from(address).into(),
        Ok(_) | Err(_) => Ipv6Addr::from(address).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_service_keeps_it() {
        for (text, is_accepted) in [
            ("10.0.0.0/16", true),
            ("0.0.0.0/0", true),
            ("10.1.2.3/32", true),
            ("2001:db8::/32", true),
            ("::/0", true),
            ("10.0.0.1/16", false),
            ("10.0.0.0/33", false),
            ("10.0.0.0/016", false),
            ("10.0.0.0", false),
            ("2001:0db8::/32", false),
            ("anything/8", false),
        ] {
            assert_eq!((CIDR.accepts)(text), is_accepted, "{text}");
        }
    }

    #[test]
    fn ranges_overlap_when_one_contains_the_other() {
        for (one, other, expected) in [
            ("10.0.0.0/16", "10.1.0.0/16", false),
            ("10.0.0.0/16", "10.0.0.0/16", true),
            ("10.0.0.0/8", "10.9.0.0/16", true),
            ("10.9.0.0/16", "10.0.0.0/8", true),
            ("0.0.0.0/0", "192.168.0.0/24", true),
            ("::/0", "10.0.0.0/8", false),
            ("::/0", "2001:db8::/32", true),
        ] {
            assert_eq!(overlap(one, other), expected, "{one} and {other}");
        }
    }

    #[test]
    fn an_identity_is_read_back_and_nothing_else_is() {
        let text = "transit-gateway-peering/222222222222/us-west-2/tgw-0f/tgw-0e";
        assert_eq!(text.parse::<Identity>().unwrap().to_string(), text);
        for other in [
            "connection/222222222222/us-west-2/tgw-0f/tgw-0e",
            "transit-gateway-peering/222222222222/us-west-2/tgw-0f",
            "transit-gateway-peering/222222222222/us-west-2/tgw-0f/tgw-rtb-0e",
            "stack-Peering-1ABCDEFGHIJKL",
        ] {
            assert!(other.parse::<Identity>().is_err(), "{other}");
        }
    }
}
