//! Transit gateways: what each side sees when, what is refused, and what a deletion leaves.

use std::collections::BTreeMap;

use crate::fake::{GatewaySession, Quirk, Side, World};
use crate::{
    AssociationState, Cloud, Code, GatewayRouteState, NewPeering, PeeringState, TransitGateway,
    TransitGateways,
};

use super::{FOLLOWER, LEADER, SECRET, code, followers_place, leaders_place, seconds, world};

const NEAR: &str = "tgw-rtb-near";
const FAR: &str = "tgw-rtb-far";
const CIDR: &str = "10.1.0.0/16";

fn near() -> TransitGateway {
    TransitGateway { account: FOLLOWER.to_owned(), region: "us-west-2".to_owned(), id: "tgw-near".to_owned() }
}

fn far() -> TransitGateway {
    TransitGateway { account: LEADER.to_owned(), region: "us-east-1".to_owned(), id: "tgw-far".to_owned() }
}

fn new() -> NewPeering {
    NewPeering { local: near(), remote: far(), tags: BTreeMap::from([("owner".to_owned(), "us".to_owned())]) }
}

fn gateways() -> World {
    world()
        .with_transit_gateway(near(), None)
        .with_transit_gateway(far(), Some(FAR))
        .with_gateway_table(NEAR, near())
        .with_gateway_table(FAR, far())
}

async fn at_near(world: &World) -> GatewaySession {
    world.transit_gateways(&followers_place()).await.unwrap()
}

async fn at_far(world: &World) -> GatewaySession {
    world.transit_gateways(&leaders_place(Some(SECRET))).await.unwrap()
}

fn sides(world: &World) -> (Option<PeeringState>, Option<PeeringState>) {
    let row = world.peerings_everywhere().pop().unwrap();
    (row.near, row.far)
}

/// A peering that both sides list as available.
async fn available(world: &World) -> String {
    let id = at_near(world).await.request_peering(&new()).await.unwrap().id;
    seconds(40).await;
    at_far(world).await.accept_peering(&id).await.unwrap();
    seconds(90).await;
    assert_eq!(sides(world), (Some(PeeringState::Available), Some(PeeringState::Available)));
    id
}

#[tokio::test(start_paused = true)]
async fn a_peering_shows_its_states_in_their_order_and_later_on_the_other_side() {
    use PeeringState::{Available, Deleted, Deleting, InitiatingRequest, Pending, PendingAcceptance};
    let world = gateways();
    let (here, there) = (at_near(&world).await, at_far(&world).await);
    let id = here.request_peering(&new()).await.unwrap().id;
    assert_eq!(here.peerings("tgw-near").await.unwrap(), [], "not listed at once");
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for second in 0..200 {
        near.extend(here.peerings("tgw-near").await.unwrap().into_iter().map(|row| row.state));
        far.extend(there.peerings("tgw-far").await.unwrap().into_iter().map(|row| row.state));
        match second {
            40 => there.accept_peering(&id).await.unwrap(),
            120 => here.delete_peering(&id).await.unwrap(),
            _ => (),
        }
        seconds(1).await;
    }
    near.dedup();
    far.dedup();
    assert_eq!(near, [InitiatingRequest, PendingAcceptance, Pending, Available, Deleting, Deleted]);
    assert_eq!(far, [PendingAcceptance, Pending, Available, Deleting, Deleted]);
}

#[tokio::test(start_paused = true)]
async fn tags_are_the_requesters_and_one_region_has_two_attachments() {
    let neighbour = TransitGateway { id: "tgw-next".to_owned(), ..near() };
    let world = gateways().with_transit_gateway(neighbour.clone(), None);
    let here = at_near(&world).await;
    let id = here.request_peering(&NewPeering { remote: neighbour, ..new() }).await.unwrap().id;
    seconds(40).await;
    let (mine, theirs) = (
        here.peerings("tgw-near").await.unwrap().remove(0),
        here.peerings("tgw-next").await.unwrap().remove(0),
    );
    assert_eq!((mine.accepter_id.as_ref(), mine.tags), (Some(&theirs.id), new().tags));
    assert_eq!(theirs.tags, BTreeMap::new());
    assert_eq!(code(here.accept_peering(&id).await), Some(Code::Validation), "not as the source");
    assert_eq!(code(here.accept_peering(&theirs.id).await), None);
}

#[tokio::test(start_paused = true)]
async fn it_is_accepted_only_by_its_accepter_and_only_once() {
    let world = gateways();
    let (here, there) = (at_near(&world).await, at_far(&world).await);
    let id = here.request_peering(&new()).await.unwrap().id;
    assert_eq!(code(there.accept_peering(&id).await), Some(Code::ResourceNotFound), "not to be seen yet");
    seconds(40).await;
    assert_eq!(code(here.accept_peering(&id).await), Some(Code::ResourceNotFound));
    assert_eq!(code(there.accept_peering(&id).await), None);
    assert_eq!(code(there.accept_peering(&id).await), Some(Code::DisabledOperation));
}

#[tokio::test(start_paused = true)]
async fn two_gateways_have_one_peering_in_either_direction() {
    for quirk in [None, Some(Quirk::PairCheckSeesOnlyWhatIsListed)] {
        let world = quirk.into_iter().fold(gateways(), World::with_quirk);
        let (here, there) = (at_near(&world).await, at_far(&world).await);
        here.request_peering(&new()).await.unwrap();
        let expected = if quirk.is_none() { Some(Code::ResourceAlreadyExists) } else { None };
        assert_eq!(code(here.request_peering(&new()).await), expected);
        seconds(5).await;
        let reversed = NewPeering { local: far(), remote: near(), ..new() };
        assert_eq!(code(there.request_peering(&reversed).await), Some(Code::ResourceAlreadyExists));
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_does_not_exist_is_refused_near_and_fails_far() {
    let world = gateways();
    let here = at_near(&world).await;
    let bad = TransitGateway { id: "tgw-bad".to_owned(), ..near() };
    assert_eq!(
        code(here.request_peering(&NewPeering { local: bad, ..new() }).await),
        Some(Code::ResourceNotFound)
    );
    let bad = TransitGateway { id: "tgw-bad".to_owned(), ..far() };
    here.request_peering(&NewPeering { remote: bad, ..new() }).await.unwrap();
    seconds(40).await;
    let failed = here.peerings("tgw-near").await.unwrap().remove(0);
    assert_eq!(failed.state, PeeringState::Failed);
    assert!(failed.message.unwrap().contains("tgw-bad"));
    assert_eq!(code(here.request_peering(&new()).await), None, "what failed is in nobody's way");
}

#[tokio::test(start_paused = true)]
async fn routes_and_associations_need_an_attachment_that_works_and_a_table_of_its_gateway() {
    let world = gateways();
    let (here, there) = (at_near(&world).await, at_far(&world).await);
    let id = here.request_peering(&new()).await.unwrap().id;
    assert_eq!(code(here.create_route(NEAR, CIDR, &id).await), Some(Code::DisabledOperation));
    assert_eq!(code(here.associate(NEAR, &id).await), Some(Code::DisabledOperation));
    assert_eq!(
        code(here.create_route(FAR, CIDR, &id).await),
        Some(Code::ResourceNotFound),
        "another place's"
    );
    assert_eq!(code(here.route("tgw-rtb-none", CIDR).await), Some(Code::ResourceNotFound));
    seconds(40).await;
    there.accept_peering(&id).await.unwrap();
    seconds(90).await;
    assert_eq!(code(here.create_route(NEAR, CIDR, &id).await), None);
    assert_eq!(code(here.create_route(NEAR, CIDR, &id).await), Some(Code::ResourceAlreadyExists));
    assert_eq!(here.route(NEAR, CIDR).await.unwrap().unwrap().state, GatewayRouteState::Active);
    assert_eq!(code(here.delete_route(NEAR, CIDR).await), None);
    assert_eq!(code(here.delete_route(NEAR, CIDR).await), Some(Code::ResourceNotFound));
}

#[tokio::test(start_paused = true)]
async fn an_attachment_has_one_association_which_some_gateways_make_by_themselves() {
    let world = gateways();
    let (here, there) = (at_near(&world).await, at_far(&world).await);
    let id = available(&world).await;
    assert_eq!(there.association(&id).await.unwrap().unwrap().table, FAR);
    assert_eq!(code(there.associate(FAR, &id).await), Some(Code::ResourceAlreadyExists));
    assert_eq!(here.association(&id).await.unwrap(), None);
    here.associate(NEAR, &id).await.unwrap();
    assert_eq!(here.association(&id).await.unwrap().unwrap().state, AssociationState::Associating);
    seconds(5).await;
    assert_eq!(here.association(&id).await.unwrap().unwrap().state, AssociationState::Associated);
    here.disassociate(NEAR, &id).await.unwrap();
    assert_eq!(here.association(&id).await.unwrap().unwrap().state, AssociationState::Disassociating);
    seconds(5).await;
    assert_eq!(here.association(&id).await.unwrap(), None);
    assert_eq!(code(here.disassociate(NEAR, &id).await), Some(Code::ResourceNotFound));
}

#[tokio::test(start_paused = true)]
async fn a_route_outlives_its_attachment_and_drops() {
    let world = gateways();
    let before = world.snapshot();
    let id = available(&world).await;
    at_near(&world).await.create_route(NEAR, CIDR, &id).await.unwrap();
    assert!(world.leftovers(&before).to_string().contains("peering left: tgw-attach-0001"));
    world.delete_peering_by_hand(&id, Side::Leader);
    seconds(60).await;
    assert_eq!(world.gateway_route(NEAR, CIDR).unwrap().state, GatewayRouteState::Blackhole);
    assert_eq!(world.leftovers(&before).to_string(), "route left: 10.1.0.0/16 in tgw-rtb-near\n");
    at_near(&world).await.delete_route(NEAR, CIDR).await.unwrap();
    assert!(world.leftovers(&before).is_nothing());
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_others_is_touched_by_calls_and_not_by_its_owner() {
    let world = gateways();
    let id = world.hand_made_peering(new(), PeeringState::Available);
    world.route_by_hand(NEAR, CIDR, Some("tgw-attach-vpc"));
    let before = world.snapshot();
    world.delete_peering_by_hand(&id, Side::Leader);
    assert!(world.leftovers(&before).is_nothing());
    world.hold_peering(&id, PeeringState::Available, Some(PeeringState::Available));
    at_far(&world).await.delete_peering(&id).await.unwrap();
    at_near(&world).await.delete_route(NEAR, CIDR).await.unwrap();
    let leftovers = world.leftovers(&before);
    assert_eq!((leftovers.touched_peerings.len(), leftovers.lost_routes.len()), (1, 1));
}
