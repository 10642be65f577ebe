//! The world is held to what the service was seen to do, and the decorator to what it promises.

use std::time::Duration;

use crate::{
    Cloud, Connections, Domain, Error, Filter, InboundStatus, Mode, NewConnection, OutboundStatus, Place,
    SkipUnavailable,
};

use super::{DomainFeatures, Session, World};

const FOLLOWER: &str = "222222222222";
const LEADER: &str = "111111111111";
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
        .with_role(ROLE, LEADER, "a secret between two")
}

async fn at_follower(cloud: &World) -> Session {
    let place = Place { account: FOLLOWER.to_owned(), region: "us-west-2".to_owned(), role: None };
    cloud.connections(&place).await.unwrap()
}

fn leaders_place(external_id: Option<&str>) -> Place {
    let role = crate::AssumedRole { arn: ROLE.to_owned(), external_id: external_id.map(str::to_owned) };
    Place { account: LEADER.to_owned(), region: "us-east-1".to_owned(), role: Some(role) }
}

async fn at_leader(cloud: &World) -> Session {
    cloud.connections(&leaders_place(Some("a secret between two"))).await.unwrap()
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

#[tokio::test(start_paused = true)]
async fn a_connection_goes_from_validating_to_active_and_back_to_nothing() {
    let world = world();
    let (here, there) = (at_follower(&world).await, at_leader(&world).await);
    let id = request(&here, "leader").await.unwrap();
    assert_eq!(here.outbound(Filter::Id(&id)).await.unwrap(), [], "not listed at once");
    seconds(30).await;
    let listed = here.outbound(Filter::Id(&id)).await.unwrap();
    assert_eq!(listed[0].status, OutboundStatus::PendingAcceptance);
    assert_eq!(there.inbound(Filter::Id(&id)).await.unwrap()[0].status, InboundStatus::PendingAcceptance);
    there.accept(&id).await.unwrap();
    seconds(120).await;
    assert_eq!(sides(&world, &id), (Some(OutboundStatus::Active), Some(InboundStatus::Active)));
    here.delete_outbound(&id).await.unwrap();
    seconds(60).await;
    assert_eq!(sides(&world, &id), (Some(OutboundStatus::Deleted), Some(InboundStatus::Deleted)));
    assert!(world.is_clean());
}
