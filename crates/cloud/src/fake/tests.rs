//! The world is held to what the service was seen to do, and the decorator to what it promises.

mod faulty;
mod gateways;
mod leftovers;
mod nat;
mod ports;
mod refusals;
mod search;
mod states;

use std::time::Duration;

use crate::{
    AssumedRole, Cloud, Code, Connections, Domain, Error, InboundStatus, Mode, NewConnection, OutboundStatus,
    Place, SkipUnavailable,
};

use super::{DomainFeatures, Session, World};

const FOLLOWER: &str = "222222222222";
const LEADER: &str = "111111111111";
const SECRET: &str = "a secret between two";
const ROLE: &str = "arn:aws:iam::111111111111:role/accepter";

fn follower() -> Domain {
    Domain { account: FOLLOWER.to_owned(), region: "us-west-2".to_owned(), name: "follower".to_owned() }
}

fn leader() -> Domain {
    Domain { account: LEADER.to_owned(), region: "us-east-1".to_owned(), name: "leader".to_owned() }
}

fn connection(alias: &str) -> NewConnection {
    NewConnection {
        alias: alias.to_owned(),
        local: follower(),
        remote: leader(),
        mode: Mode::Direct,
        skip_unavailable: SkipUnavailable::Enabled,
    }
}

/// Two accounts, two domains that can be connected, and the role between them.
fn world() -> World {
    World::new(FOLLOWER, "us-west-2")
        .with_domain(follower(), DomainFeatures::default())
        .with_domain(leader(), DomainFeatures::default())
        .with_role(ROLE, LEADER, SECRET)
}

fn followers_place() -> Place {
    Place { account: FOLLOWER.to_owned(), region: "us-west-2".to_owned(), role: None }
}

async fn at_follower(world: &World) -> Session {
    world.connections(&followers_place()).await.unwrap()
}

fn leaders_place(external_id: Option<&str>) -> Place {
    let role = AssumedRole { arn: ROLE.to_owned(), external_id: external_id.map(str::to_owned) };
    Place { account: LEADER.to_owned(), region: "us-east-1".to_owned(), role: Some(role) }
}

async fn at_leader(world: &World) -> Session {
    world.connections(&leaders_place(Some(SECRET))).await.unwrap()
}

async fn seconds(count: u64) {
    super::pause(Duration::from_secs(count)).await;
}

fn sides(world: &World, id: &str) -> (Option<OutboundStatus>, Option<InboundStatus>) {
    world.connection(id).map(|connection| (connection.outbound, connection.inbound)).unwrap()
}

async fn request(session: &Session, alias: &str) -> Result<String, Error> {
    session.request(&connection(alias)).await.map(|outbound| outbound.id)
}

fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().map(|error| error.code)
}
