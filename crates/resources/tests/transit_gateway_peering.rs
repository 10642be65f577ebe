//! What `Custom::TransitGatewayPeering` does, and what it says when it cannot.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "tests may panic and sleep on the paused clock; each uses its part of the bench"
)]

mod gateways;
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use cloud::fake::{Fault, Faulty, GatewayPeering, Quirk, Side, Timing, World};
use cloud::{Claims, Code, GatewayRoute, GatewayRouteState, NewPeering, PeeringState};
use custom_resource::testing::{create, delete, update};
use serde_json::{Value, json};
use tokio::time::Instant;

use gateways::{
    FAR, FAR_CIDR, FAR_TWO, ID, KIND, NEAR, NEAR_CIDR, NEAR_TWO, far, gateway, near, properties,
    with_gateways, world,
};
use support::{Bench, FOLLOWER, LEADER, ROLE, changed};

const REQUEST: &str = "CreateTransitGatewayPeeringAttachment";

fn create_event() -> Value {
    create(KIND, &properties())
}

fn delete_event() -> Value {
    delete(KIND, ID, &properties())
}

/// The n-th Update: from the plain properties to these.
fn update_to(n: u32, to: &Value) -> Value {
    let mut event = update(KIND, ID, to, &properties());
    event["RequestId"] = json!(format!("update-{n}"));
    event
}

fn live(world: &World) -> GatewayPeering {
    let live = world.live_peerings();
    assert_eq!(live.len(), 1, "{live:?}");
    live[0].clone()
}

fn route_to(attachment: &str) -> GatewayRoute {
    GatewayRoute { attachment: Some(attachment.to_owned()), state: GatewayRouteState::Active }
}

fn table_of(world: &World, at: &cloud::TransitGateway, attachment: &str) -> Option<String> {
    world.gateway_association(at, attachment).map(|association| association.table)
}

fn by_hand() -> NewPeering {
    NewPeering { local: near(), remote: far(), tags: BTreeMap::new() }
}

/// How often it was looked differs from run to run, because the pace has jitter.
fn without_looks(reason: &str) -> String {
    let (start, rest) = reason.split_once(" s (").unwrap();
    format!("{start} s (… looks{}", rest.split_once(" looks").unwrap().1)
}

/// The Reason of a Create that fails, after which a Delete leaves nothing.
async fn refusal(bench: &Bench, event: &Value) -> String {
    let reason = bench.reason(event).await;
    let properties = &event["ResourceProperties"];
    bench.success(&delete(KIND, "stack-Peering-1ABCDEFGHIJKL", properties)).await;
    bench.assert_nothing_left(&reason).await;
    reason
}

// ---- Create ----------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn create_ends_available_on_both_sides_with_a_route_and_an_association_on_each() {
    let bench = Bench::in_world(world());
    let answer = bench.success(&create_event()).await;
    let made = live(&bench.world);
    assert_eq!((made.near, made.far), (Some(PeeringState::Available), Some(PeeringState::Available)));
    assert_eq!(bench.world.gateway_route(NEAR, FAR_CIDR), Some(route_to(&made.id)));
    assert_eq!(bench.world.gateway_route(FAR, NEAR_CIDR), Some(route_to(&made.id)));
    assert_eq!(table_of(&bench.world, &near(), &made.id).as_deref(), Some(NEAR));
    assert_eq!(table_of(&bench.world, &far(), &made.id).as_deref(), Some(FAR));
    assert_eq!(answer["PhysicalResourceId"], ID);
    insta::assert_snapshot!(answer["Data"], @r#"{"AttachmentId":"tgw-attach-0001","Status":"available"}"#);
}

#[tokio::test(start_paused = true)]
async fn the_leader_accepts_and_routes_in_its_own_account_and_region() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    let calls = bench.world.calls();
    let places = |operation: &str| -> Vec<_> {
        let of = calls.iter().filter(|call| call.operation == operation);
        of.map(|call| (call.account.as_str(), call.region.as_str())).collect()
    };
    assert_eq!(places(REQUEST), [(FOLLOWER, "us-west-2")]);
    assert_eq!(places("AcceptTransitGatewayPeeringAttachment"), [(LEADER, "us-east-1")]);
    let mut both = places("CreateTransitGatewayRoute");
    both.sort_unstable();
    assert_eq!(both, [(LEADER, "us-east-1"), (FOLLOWER, "us-west-2")]);
}

#[tokio::test(start_paused = true)]
async fn an_association_that_a_gateway_makes_by_itself_is_left_as_it_is() {
    let bench = Bench::in_world(with_gateways(Some(NEAR), Some("their-choice")));
    bench.success(&create_event()).await;
    let id = live(&bench.world).id;
    assert_eq!(table_of(&bench.world, &far(), &id).as_deref(), Some("their-choice"));
    assert_eq!(bench.world.calls_of("AssociateTransitGatewayRouteTable"), 0);
    assert_eq!(bench.world.calls_of("DisassociateTransitGatewayRouteTable"), 0);
}

/// hashicorp/terraform-provider-aws#24000: within one Region the accepter's attachment has an id of its own.
#[tokio::test(start_paused = true)]
async fn within_one_region_and_account_each_side_uses_its_own_attachment_and_no_role() {
    let neighbour = gateway(FOLLOWER, "us-west-2", "tgw-0a");
    let world = world()
        .with_transit_gateway(neighbour.clone(), None)
        .with_gateway_table("tgw-rtb-0a1", neighbour.clone());
    let bench = Bench::in_world(world);
    let properties = json!({
        "LocalTransitGatewayId": "tgw-0f", "LocalRouteTableId": NEAR, "LocalCidr": NEAR_CIDR,
        "RemoteTransitGatewayId": "tgw-0a", "RemoteRouteTableId": "tgw-rtb-0a1", "RemoteCidr": FAR_CIDR,
    });
    let answer = bench.success(&create(KIND, &properties)).await;
    let id = live(&bench.world).id;
    assert_eq!(answer["Data"]["AttachmentId"], id);
    assert_eq!(bench.world.gateway_route("tgw-rtb-0a1", NEAR_CIDR), Some(route_to(&format!("{id}-far"))));
    assert_eq!(table_of(&bench.world, &neighbour, &format!("{id}-far")).as_deref(), Some("tgw-rtb-0a1"));
    assert_eq!(bench.world.calls_of("AssumeRole"), 0);
    bench.success(&delete(KIND, answer["PhysicalResourceId"].as_str().unwrap(), &properties)).await;
    bench.assert_nothing_left("one Region").await;
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_seconds_old_is_waited_for() {
    let bench = Bench::in_world(world());
    bench.world.deny("AssumeRole");
    let spread = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        bench.world.allow("AssumeRole");
    };
    let event = create_event();
    let (answer, ()) = tokio::join!(bench.success(&event), spread);
    assert_eq!(answer["Status"], "SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_needs_longer_than_one_invocation_goes_on_in_the_next() {
    let bench = Bench::in_world(world()).with_timeout(30);
    bench.success(&create_event()).await;
    assert!(bench.world.invocations().len() >= 2, "{:?}", bench.world.invocations());
    assert_eq!(bench.world.calls_of(REQUEST), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_request_does_not_make_a_second_peering() {
    for quirk in [None, Some(Quirk::PairCheckSeesOnlyWhatIsListed)] {
        let world = quirk.into_iter().fold(world(), World::with_quirk);
        let bench = Bench::new(Faulty::new(world).on(REQUEST, 1, Fault::LoseResponse));
        bench.success(&create_event()).await;
        live(&bench.world);
        bench.success(&delete_event()).await;
        bench.assert_nothing_left("lost answer").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_route_or_an_association_makes_neither_twice() {
    for operation in ["CreateTransitGatewayRoute", "AssociateTransitGatewayRouteTable"] {
        for nth in [1, 2] {
            let bench = Bench::new(Faulty::new(world()).on(operation, nth, Fault::LoseResponse));
            bench.success(&create_event()).await;
            assert_eq!(bench.world.calls_of(operation), 2, "{operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_deleted_by_its_owner_is_waited_out() {
    let world = world();
    let theirs = world.hand_made_peering(by_hand(), PeeringState::Available);
    world.delete_peering_by_hand(&theirs, Side::Leader);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let bench = Bench::in_world(world);
    bench.success(&create_event()).await;
    assert_ne!(live(&bench.world).id, theirs);
}

#[tokio::test(start_paused = true)]
async fn what_others_left_failed_or_rejected_is_in_nobodys_way() {
    for state in [PeeringState::Failed, PeeringState::Rejected, PeeringState::Deleted] {
        let world = world();
        world.hand_made_peering(by_hand(), state);
        let bench = Bench::in_world(world);
        bench.success(&create_event()).await;
        bench.success(&delete_event()).await;
        bench.assert_nothing_left("beside one that is over").await;
    }
}

// ---- Reasons ---------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_leaders_gateway_that_does_not_exist_says_so_and_leaves_nothing() {
    for quirk in [None, Some(Quirk::DeadCannotBeDeleted)] {
        let bench = Bench::in_world(quirk.into_iter().fold(world(), World::with_quirk));
        let reason =
            refusal(&bench, &create(KIND, &changed(properties(), "RemoteTransitGatewayId", "tgw-0bad")))
                .await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(reason, @"peering `tgw-attach-0001` from 222222222222/us-west-2/tgw-0f to 111111111111/us-east-1/tgw-0bad is failed on the follower's side: Transit gateway tgw-0bad does not exist in us-east-1. Check RemoteTransitGatewayId, RemoteAccount and RemoteRegion: the leader's gateway must exist there.");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_followers_gateway_that_does_not_exist_says_so_at_once() {
    let bench = Bench::in_world(
        world().with_gateway_table("tgw-rtb-0bad", gateway(FOLLOWER, "us-west-2", "tgw-0bad")),
    );
    let reason =
        refusal(&bench, &create(KIND, &changed(properties(), "LocalTransitGatewayId", "tgw-0bad"))).await;
    insta::assert_snapshot!(reason, @"cannot request the peering from 222222222222/us-west-2/tgw-0bad to 111111111111/us-east-1/tgw-0e on the follower's side: CreateTransitGatewayPeeringAttachment failed: ResourceNotFound: Transit Gateway tgw-0bad was deleted or does not exist. (AWS request id of-a-world-in-memory). Check LocalTransitGatewayId and LocalRegion: the follower's gateway must exist there.");
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_a_failure_and_leaves_nothing() {
    let bench = Bench::in_world(world().with_quirk(Quirk::LeaderRejects));
    let reason = refusal(&bench, &create_event()).await;
    insta::assert_snapshot!(reason, @"peering `tgw-attach-0001` from 222222222222/us-west-2/tgw-0f to 111111111111/us-east-1/tgw-0e is rejected by the leader's side. Ask the leader's owner to allow it, then try again.");
}

#[tokio::test(start_paused = true)]
async fn a_peering_that_somebody_removes_meanwhile_says_so() {
    let bench = Bench::in_world(world());
    let event = create_event();
    let removal = async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        bench.world.delete_peering_by_hand(&live(&bench.world).id, Side::Leader);
    };
    let (reason, ()) = tokio::join!(bench.reason(&event), removal);
    insta::assert_snapshot!(reason, @"peering `tgw-attach-0001` from 222222222222/us-west-2/tgw-0f to 111111111111/us-east-1/tgw-0e was deleted by somebody while it was being made. Find out who did (CloudTrail: DeleteTransitGatewayPeeringAttachment), then try again.");
}

#[tokio::test(start_paused = true)]
async fn a_route_table_that_does_not_exist_is_found_before_anything_is_made() {
    let mut reasons = Vec::new();
    for name in ["LocalRouteTableId", "RemoteRouteTableId"] {
        let bench = Bench::in_world(world());
        reasons.push(refusal(&bench, &create(KIND, &changed(properties(), name, "tgw-rtb-0bad"))).await);
        assert_eq!(bench.world.calls_of(REQUEST), 0);
    }
    insta::assert_snapshot!(reasons.join("\n"), @"
cannot see the route to 10.1.0.0/16 in `tgw-rtb-0bad` on the follower's side (222222222222/us-west-2/tgw-0f): SearchTransitGatewayRoutes failed: ResourceNotFound: Transit Gateway Route Table tgw-rtb-0bad was deleted or does not exist. (AWS request id of-a-world-in-memory). Check LocalRouteTableId, LocalAccount and LocalRegion: the route table must exist there.
cannot see the route to 10.2.0.0/16 in `tgw-rtb-0bad` on the leader's side (111111111111/us-east-1/tgw-0e): SearchTransitGatewayRoutes failed: ResourceNotFound: Transit Gateway Route Table tgw-rtb-0bad was deleted or does not exist. (AWS request id of-a-world-in-memory). Check RemoteRouteTableId, RemoteAccount and RemoteRegion: the route table must exist there.
");
}

#[tokio::test(start_paused = true)]
async fn a_route_of_somebody_else_is_refused_naming_where_it_leads_before_anything_is_made() {
    let mut reasons = Vec::new();
    for (table, cidr) in [(NEAR, FAR_CIDR), (FAR, NEAR_CIDR)] {
        for attachment in [Some("tgw-attach-vpc"), None] {
            let world = world();
            world.route_by_hand(table, cidr, attachment);
            let bench = Bench::in_world(world);
            reasons.push(refusal(&bench, &create_event()).await);
            assert_eq!(bench.world.calls_of(REQUEST), 0);
        }
    }
    insta::assert_snapshot!(reasons.join("\n"), @"
the route to 10.1.0.0/16 in `tgw-rtb-0f1` on the follower's side leads to attachment `tgw-attach-vpc`, which is not this peering. Delete that route if nobody needs it, or choose another LocalRouteTableId or RemoteCidr.
the route to 10.1.0.0/16 in `tgw-rtb-0f1` on the follower's side drops its traffic (a blackhole), and no stack made it for this peering. Delete that route if nobody needs it, or choose another LocalRouteTableId or RemoteCidr.
the route to 10.2.0.0/16 in `tgw-rtb-0e1` on the leader's side leads to attachment `tgw-attach-vpc`, which is not this peering. Delete that route if nobody needs it, or choose another RemoteRouteTableId or LocalCidr.
the route to 10.2.0.0/16 in `tgw-rtb-0e1` on the leader's side drops its traffic (a blackhole), and no stack made it for this peering. Delete that route if nobody needs it, or choose another RemoteRouteTableId or LocalCidr.
");
}

#[tokio::test(start_paused = true)]
async fn d06_a_hand_made_peering_is_refused_in_either_direction_and_never_touched() {
    let mut reasons = Vec::new();
    let reversed = NewPeering { local: far(), remote: near(), tags: BTreeMap::new() };
    for theirs in [by_hand(), reversed] {
        let world = world();
        world.hand_made_peering(theirs, PeeringState::Available);
        let bench = Bench::in_world(world);
        reasons.push(refusal(&bench, &create_event()).await);
        live(&bench.world);
    }
    insta::assert_snapshot!(reasons.join("\n"), @"
222222222222/us-west-2/tgw-0f and 111111111111/us-east-1/tgw-0e are peered by attachment `tgw-attach-0001` (available), which no stack manages. Two gateways have one peering: delete that one if nobody needs it, or leave this resource out and add the routes by hand.
111111111111/us-east-1/tgw-0e and 222222222222/us-west-2/tgw-0f are peered by attachment `tgw-attach-0001` (available), which no stack manages. Two gateways have one peering: delete that one if nobody needs it, or leave this resource out and add the routes by hand.
");
}

#[tokio::test(start_paused = true)]
async fn d06_a_peering_of_another_stack_is_refused_naming_its_holder_and_never_touched() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    let second = Bench::in_world(bench.world.clone());
    let mut event = create_event();
    event["StackId"] = json!("arn:aws:cloudformation:us-west-2:222222222222:stack/second/99");
    let reason = second.reason(&event).await;
    let mut removal = delete_event();
    removal["StackId"] = event["StackId"].clone();
    second.success(&removal).await;
    second.assert_nothing_left("the second stack").await;
    insta::assert_snapshot!(reason, @"the peering from 222222222222/us-west-2/tgw-0f to 111111111111/us-east-1/tgw-0e is managed by resource `Connection` of stack arn:aws:cloudformation:us-west-2:222222222222:stack/connection/0f0e. Two gateways have one peering: use that stack's, or delete it from there first.");
}

#[tokio::test(start_paused = true)]
async fn a_peering_that_the_service_knows_and_never_lists_is_refused() {
    let refused =
        |cloud: Faulty<World>, nth| cloud.on(REQUEST, nth, Fault::Fail(Code::ResourceAlreadyExists));
    let bench = Bench::new((1..60).fold(Faulty::new(world()), refused));
    let reason = bench.reason(&create_event()).await;
    insta::assert_snapshot!(reason, @"the service refuses a peering from 222222222222/us-west-2/tgw-0f to 111111111111/us-east-1/tgw-0e: CreateTransitGatewayPeeringAttachment failed: ResourceAlreadyExists: made to fail (AWS request id of-a-world-in-memory). Look at the transit gateway attachments of both gateways: one between the two exists already, or is still being deleted. Delete it, or wait until it is deleted, then try again.");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_external_id_is_found_before_anything_is_made() {
    let bench = Bench::in_world(world());
    let reason = bench.reason(&create(KIND, &changed(properties(), "RemoteExternalId", "wrong"))).await;
    assert_eq!(bench.world.calls_of("PutParameter") + bench.world.calls_of(REQUEST), 0);
    insta::assert_snapshot!(reason, @"cannot assume `arn:aws:iam::111111111111:role/tandem-accepter` in the leader's account 111111111111: AssumeRole failed: AccessDenied: User is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/tandem-accepter (AWS request id of-a-world-in-memory). Check that the role exists, that its trust policy names this function's role, and that RemoteExternalId is the ExternalId it demands; and that the function's role allows sts:AssumeRole on it.");
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_says_so() {
    let mut reasons = Vec::new();
    for operation in [REQUEST, "CreateTransitGatewayRoute"] {
        let bench = Bench::new(Faulty::new(world()).on(operation, 1, Fault::Fail(Code::LimitExceeded)));
        reasons.push(refusal(&bench, &create_event()).await);
    }
    insta::assert_snapshot!(reasons.join("\n"), @"
cannot request the peering from 222222222222/us-west-2/tgw-0f to 111111111111/us-east-1/tgw-0e on the follower's side: CreateTransitGatewayPeeringAttachment failed: LimitExceeded: made to fail (AWS request id of-a-world-in-memory). Ask for a higher quota of transit gateways (attachments, routes), or delete what nobody needs.
cannot make the route to 10.1.0.0/16 in `tgw-rtb-0f1` on the follower's side (222222222222/us-west-2/tgw-0f): CreateTransitGatewayRoute failed: LimitExceeded: made to fail (AWS request id of-a-world-in-memory). Ask for a higher quota of transit gateways (attachments, routes), or delete what nobody needs.
");
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_names_what_to_allow_and_in_which_role() {
    let mut reasons = Vec::new();
    for operation in [
        REQUEST,
        "DescribeTransitGatewayPeeringAttachments",
        "AcceptTransitGatewayPeeringAttachment",
        "DescribeTransitGatewayAttachments",
        "AssociateTransitGatewayRouteTable",
        "SearchTransitGatewayRoutes",
        "CreateTransitGatewayRoute",
        "PutParameter",
    ] {
        let bench = Bench::in_world(world());
        bench.world.deny(operation);
        reasons.push(bench.reason(&create_event()).await);
        bench.world.allow(operation);
        bench.success(&delete_event()).await;
        bench.assert_nothing_left(operation).await;
    }
    insta::assert_snapshot!(reasons.join("\n"), @"
cannot request the peering from 222222222222/us-west-2/tgw-0f to 111111111111/us-east-1/tgw-0e on the follower's side: CreateTransitGatewayPeeringAttachment failed: AccessDenied: User is not authorized to perform: CreateTransitGatewayPeeringAttachment in account 222222222222 (AWS request id of-a-world-in-memory). Allow ec2:CreateTransitGatewayPeeringAttachment, and ec2:CreateTags with it, in the function's role.
cannot list the peerings on the follower's side (222222222222/us-west-2/tgw-0f): DescribeTransitGatewayPeeringAttachments failed: AccessDenied: User is not authorized to perform: DescribeTransitGatewayPeeringAttachments in account 222222222222 (AWS request id of-a-world-in-memory). Allow ec2:DescribeTransitGatewayPeeringAttachments in the function's role.
cannot accept peering `tgw-attach-0001` on the leader's side (111111111111/us-east-1/tgw-0e): AcceptTransitGatewayPeeringAttachment failed: AccessDenied: User is not authorized to perform: AcceptTransitGatewayPeeringAttachment in account 111111111111 (AWS request id of-a-world-in-memory). Allow ec2:AcceptTransitGatewayPeeringAttachment in the role that acts on the leader's side (the accepter role).
cannot see the route table of peering `tgw-attach-0001` on the follower's side (222222222222/us-west-2/tgw-0f): DescribeTransitGatewayAttachments failed: AccessDenied: User is not authorized to perform: DescribeTransitGatewayAttachments in account 222222222222 (AWS request id of-a-world-in-memory). Allow ec2:DescribeTransitGatewayAttachments in the function's role.
cannot associate the peering with route table `tgw-rtb-0f1` on the follower's side (222222222222/us-west-2/tgw-0f): AssociateTransitGatewayRouteTable failed: AccessDenied: User is not authorized to perform: AssociateTransitGatewayRouteTable in account 222222222222 (AWS request id of-a-world-in-memory). Allow ec2:AssociateTransitGatewayRouteTable in the function's role.
cannot see the route to 10.1.0.0/16 in `tgw-rtb-0f1` on the follower's side (222222222222/us-west-2/tgw-0f): SearchTransitGatewayRoutes failed: AccessDenied: User is not authorized to perform: SearchTransitGatewayRoutes in account 222222222222 (AWS request id of-a-world-in-memory). Allow ec2:SearchTransitGatewayRoutes in the function's role.
cannot make the route to 10.1.0.0/16 in `tgw-rtb-0f1` on the follower's side (222222222222/us-west-2/tgw-0f): CreateTransitGatewayRoute failed: AccessDenied: User is not authorized to perform: CreateTransitGatewayRoute in account 222222222222 (AWS request id of-a-world-in-memory). Allow ec2:CreateTransitGatewayRoute in the function's role.
cannot keep the claim `transit-gateway-peering/222222222222/us-west-2/tgw-0f/tgw-0e`: PutParameter failed: AccessDenied: User is not authorized to perform: PutParameter in account 222222222222 (AWS request id of-a-world-in-memory). Allow it on the claims path in the function's role.
");
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_of_the_leaders_side_names_the_accepter_role() {
    let bench =
        Bench::new(Faulty::new(world()).on("SearchTransitGatewayRoutes", 2, Fault::Fail(Code::AccessDenied)));
    let reason = refusal(&bench, &create_event()).await;
    assert!(reason.ends_with("in the role that acts on the leader's side (the accepter role)."), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_peering_that_never_becomes_available_says_the_last_state() {
    for state in [PeeringState::InitiatingRequest, PeeringState::Pending] {
        let bench = Bench::in_world(world().with_peerings_stalling_in(state.clone()));
        let reason = bench.reason(&create(KIND, &changed(properties(), "ServiceTimeout", "300"))).await;
        assert!(reason.contains("is not usable: not within 2"), "{reason}");
        assert!(reason.contains(&format!("last status: {state}.")), "{reason}");
        bench.success(&delete_event()).await;
        bench.assert_nothing_left("time-out").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_peering_that_its_leader_never_shows_asks_for_the_gateway() {
    let never = Timing { inbound_visible: Duration::from_hours(2), ..Timing::default() };
    let bench = Bench::in_world(world().with_timing(never));
    let reason = bench.reason(&create(KIND, &changed(properties(), "ServiceTimeout", "200"))).await;
    insta::assert_snapshot!(without_looks(&reason), @"the peering from 222222222222/us-west-2/tgw-0f to 111111111111/us-east-1/tgw-0e is not usable: not within 179 s (… looks); last status: pendingAcceptance, but the leader's side does not show it; is the leader's gateway 111111111111/us-east-1/tgw-0e?");
}

#[tokio::test(start_paused = true)]
async fn all_wrong_properties_are_reported_at_once() {
    let bench = Bench::in_world(world());
    let wrong = json!({
        "LocalTransitGatewayId": "tgw-rtb-0f", "LocalRouteTableId": "rtb-1", "LocalCidr": "10.0.0.1/16",
        "RemoteTransitGatewayId": "", "RemoteRouteTableID": "tgw-rtb-0e", "RemoteCidr": "everywhere",
        "RemoteRoleArn": "accepter",
    });
    let reason = bench.reason(&create(KIND, &wrong)).await;
    assert_eq!(bench.world.calls().len(), 0, "nothing was called");
    insta::assert_snapshot!(reason.replace(". Property", ".\nProperty"), @"
Property LocalTransitGatewayId is `tgw-rtb-0f`: expected the id of a transit gateway such as tgw-0123456789abcdef0.
Property LocalRouteTableId is `rtb-1`: expected the id of a transit gateway's route table such as tgw-rtb-0123456789abcdef0.
Property LocalCidr is `10.0.0.1/16`: expected an address range such as 10.0.0.0/16, with zeros behind the prefix.
Property RemoteTransitGatewayId is missing: expected the id of a transit gateway such as tgw-0123456789abcdef0.
Property RemoteRouteTableId is missing: expected the id of a transit gateway's route table such as tgw-rtb-0123456789abcdef0.
Property RemoteCidr is `everywhere`: expected an address range such as 10.0.0.0/16, with zeros behind the prefix.
Property RemoteRoleArn is `accepter`: expected the ARN of a role, arn:aws:iam::123456789012:role/name.
Property RemoteRouteTableID is unknown. Did you mean `RemoteRouteTableId`?
");
}

#[tokio::test(start_paused = true)]
async fn properties_that_contradict_each_other_are_findings() {
    let bench = Bench::in_world(world());
    let mut reasons = Vec::new();
    for properties in [
        changed(properties(), "LocalAccount", LEADER),
        changed(properties(), "RemoteRoleArn", ""),
        changed(properties(), "RemoteTransitGatewayId", "tgw-0f"),
        changed(properties(), "RemoteCidr", "10.0.0.0/8"),
    ] {
        reasons.push(bench.reason(&create(KIND, &properties)).await);
    }
    insta::assert_snapshot!(reasons.join("\n"), @"
Property LocalAccount is `111111111111`: expected the function's own account 222222222222, because the follower requests the peering; deploy the provider stack in the follower's account.
Property RemoteRoleArn is missing: expected the ARN of the accepter role, because the leader is in another account (111111111111); deploy accepter-role.yaml there.
LocalTransitGatewayId and RemoteTransitGatewayId are the same gateway tgw-0f: a peering joins two.
LocalCidr 10.2.0.0/16 and RemoteCidr 10.0.0.0/8 overlap: no route could tell the two sides apart.
");
}

// ---- Update ----------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn changed_ranges_and_tables_are_changed_in_place() {
    let bench = Bench::in_world(world());
    let made = bench.success(&create_event()).await;
    let to = changed(changed(properties(), "LocalRouteTableId", NEAR_TWO), "RemoteRouteTableId", FAR_TWO);
    let to = changed(changed(to, "LocalCidr", "10.3.0.0/16"), "RemoteCidr", "10.4.0.0/16");
    let answer = bench.success(&update_to(1, &to)).await;
    assert_eq!(answer["Data"], made["Data"], "the attachment is the same");
    let id = live(&bench.world).id;
    assert_eq!(
        bench.world.gateway_routes(),
        [(FAR_TWO.to_owned(), "10.3.0.0/16".to_owned()), (NEAR_TWO.to_owned(), "10.4.0.0/16".to_owned())]
    );
    assert_eq!(bench.world.gateway_route(NEAR_TWO, "10.4.0.0/16"), Some(route_to(&id)));
    assert_eq!(bench.world.gateway_route(FAR_TWO, "10.3.0.0/16"), Some(route_to(&id)));
    assert_eq!(table_of(&bench.world, &near(), &id).as_deref(), Some(NEAR_TWO));
    assert_eq!(table_of(&bench.world, &far(), &id).as_deref(), Some(FAR_TWO));
    bench.success(&delete(KIND, ID, &to)).await;
    bench.assert_nothing_left("changed in place").await;
}

#[tokio::test(start_paused = true)]
async fn a_new_route_is_made_before_the_old_one_is_removed() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    let before = bench.world.calls().len();
    bench.success(&update_to(1, &changed(properties(), "RemoteCidr", "10.4.0.0/16"))).await;
    let calls = bench.world.calls().split_off(before);
    let changes: Vec<_> = calls
        .iter()
        .map(|call| call.operation)
        .filter(|name| name.ends_with("TransitGatewayRoute"))
        .collect();
    assert_eq!(changes, ["CreateTransitGatewayRoute", "DeleteTransitGatewayRoute"]);
}

#[tokio::test(start_paused = true)]
async fn two_deliveries_of_an_update_at_the_same_time_change_it_once() {
    for lead in 0..60 {
        let bench = Bench::in_world(world());
        bench.success(&create_event()).await;
        let event = update_to(1, &gateways::with_other_routes());
        let late = async {
            tokio::time::sleep(Duration::from_millis(250 * lead)).await;
            bench.send(&event).await
        };
        let (mut answers, late) = tokio::join!(bench.send(&event), late);
        answers.extend(late);
        assert!(answers.iter().all(|answer| answer["Status"] == "SUCCESS"), "{answers:?}");
        let expected = [(FAR, "10.3.0.0/16"), (NEAR_TWO, FAR_CIDR)];
        assert_eq!(
            bench.world.gateway_routes(),
            expected.map(|(table, cidr)| (table.to_owned(), cidr.to_owned()))
        );
        bench.success(&delete(KIND, ID, &gateways::with_other_routes())).await;
        bench.assert_nothing_left(&format!("second delivery after {} ms", 250 * lead)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_meets_somebody_elses_route_changes_nothing_and_is_rolled_back() {
    for (table, cidr, name, value) in
        [(NEAR, "10.4.0.0/16", "RemoteCidr", "10.4.0.0/16"), (FAR, "10.3.0.0/16", "LocalCidr", "10.3.0.0/16")]
    {
        let bench = Bench::in_world(world());
        bench.success(&create_event()).await;
        bench.world.route_by_hand(table, cidr, Some("tgw-attach-vpc"));
        let (before, to) = (bench.world.gateways_text(), changed(properties(), name, value));
        let reason = bench.reason(&update_to(1, &to)).await;
        assert!(reason.contains("leads to attachment `tgw-attach-vpc`"), "{reason}");
        let mut back = update(KIND, ID, &properties(), &to);
        back["RequestId"] = json!("rollback");
        bench.success(&back).await;
        assert_eq!(bench.world.gateways_text(), before);
        bench.success(&delete_event()).await;
        assert_eq!(bench.world.gateway_routes(), [(table.to_owned(), cidr.to_owned())]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_of_what_does_not_change_the_peering_is_a_look() {
    let other = "arn:aws:iam::111111111111:role/other";
    let bench = Bench::in_world(world().with_role(other, LEADER, "the-external-id"));
    bench.success(&create_event()).await;
    let before = bench.world.gateways_text();
    bench.success(&update_to(1, &changed(properties(), "RemoteRoleArn", other))).await;
    bench.success(&update_to(2, &changed(properties(), "LocalRegion", "us-west-2"))).await;
    assert_eq!(bench.world.gateways_text(), before);
    assert_eq!(bench.world.calls_of(REQUEST), 1);
    assert_eq!(bench.world.calls_of("CreateTransitGatewayRoute"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_update_mends_what_was_removed_by_hand() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    let id = live(&bench.world).id;
    bench.world.remove_route_by_hand(FAR, NEAR_CIDR);
    bench.success(&update_to(1, &properties())).await;
    assert_eq!(bench.world.gateway_route(FAR, NEAR_CIDR), Some(route_to(&id)));

    bench.world.delete_peering_by_hand(&id, Side::Leader);
    tokio::time::sleep(Duration::from_secs(5)).await;
    bench.success(&update_to(2, &properties())).await;
    let again = live(&bench.world).id;
    assert_ne!(again, id);
    assert_eq!(bench.world.gateway_route(NEAR, FAR_CIDR), Some(route_to(&again)));
    assert_eq!(bench.world.gateway_route(FAR, NEAR_CIDR), Some(route_to(&again)));
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("mended").await;
}

#[tokio::test(start_paused = true)]
async fn routes_of_an_attachment_that_could_not_be_made_again_are_removed_all_the_same() {
    for denied in [REQUEST, "SearchTransitGatewayRoutes"] {
        let bench = Bench::in_world(world());
        bench.success(&create_event()).await;
        bench.world.delete_peering_by_hand(&live(&bench.world).id, Side::Follower);
        tokio::time::sleep(Duration::from_mins(2)).await;
        bench.world.deny(denied);
        bench.reason(&update_to(1, &properties())).await;
        bench.world.allow(denied);
        bench.success(&delete_event()).await;
        bench.assert_nothing_left(denied).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_replacement_takes_back_what_it_made_and_keeps_the_old_one() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    let kept = Bench::in_world(bench.world.clone());
    let to =
        changed(changed(properties(), "RemoteTransitGatewayId", "tgw-0bad"), "RemoteCidr", "10.9.0.0/16");
    kept.reason(&update_to(1, &to)).await;
    kept.assert_nothing_left("failed replacement").await;
    assert_eq!(live(&bench.world).remote, far());
}

// ---- Delete ----------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn d04_delete_from_every_state_ends_with_nothing() {
    for state in PeeringState::ALL {
        let bench = Bench::in_world(world());
        bench.success(&create_event()).await;
        let id = live(&bench.world).id;
        bench.world.hold_peering(&id, state.clone(), Some(state.clone()));
        let release = async {
            tokio::time::sleep(Duration::from_secs(100)).await;
            if *state == PeeringState::Deleting {
                bench.world.delete_peering_by_hand(&id, Side::Follower);
            }
        };
        let event = delete_event();
        tokio::join!(bench.success(&event), release);
        bench.assert_nothing_left(&format!("Delete from {state}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn delete_removes_the_routes_before_the_attachment_and_answers_when_both_sides_have_let_go() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    bench.success(&delete_event()).await;
    let leftovers = bench.world.leftovers(&bench.before);
    assert!(leftovers.is_nothing(), "at the very moment of the answer: {leftovers}");
    let calls = bench.world.calls();
    let removals: Vec<_> =
        calls.iter().map(|call| call.operation).filter(|name| name.starts_with("DeleteTransit")).collect();
    assert_eq!(
        removals,
        ["DeleteTransitGatewayRoute", "DeleteTransitGatewayRoute", "DeleteTransitGatewayPeeringAttachment"]
    );
}

#[tokio::test(start_paused = true)]
async fn delete_needs_no_leader_that_can_still_be_reached() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    bench.world.delete_role(ROLE);
    let start = Instant::now();
    bench.success(&delete_event()).await;
    assert!(start.elapsed() < Duration::from_mins(5), "{:?}", start.elapsed());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bench.world.live_peerings(), []);
    assert_eq!(bench.world.claims_left(), []);
    // What cannot be reached stays, and drops what it matches.
    assert_eq!(bench.world.gateway_routes(), [(FAR.to_owned(), NEAR_CIDR.to_owned())]);
    let left = bench.world.gateway_route(FAR, NEAR_CIDR).unwrap();
    assert_eq!(left.state, GatewayRouteState::Blackhole);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_may_not_delete_its_route_says_what_to_allow() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    let faulty =
        Faulty::new(bench.world.clone()).on("DeleteTransitGatewayRoute", 2, Fault::Fail(Code::AccessDenied));
    let reason = Bench::new(faulty).reason(&delete_event()).await;
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("denied on the leader's side").await;
    insta::assert_snapshot!(reason, @"cannot delete the route to 10.2.0.0/16 in `tgw-rtb-0e1` on the leader's side (111111111111/us-east-1/tgw-0e): DeleteTransitGatewayRoute failed: AccessDenied: made to fail (AWS request id of-a-world-in-memory). Allow ec2:DeleteTransitGatewayRoute in the role that acts on the leader's side (the accepter role) on that route table; a change of RemoteRouteTableId needs the old one and the new one.");
}

#[tokio::test(start_paused = true)]
async fn delete_of_what_was_deleted_by_hand_removes_its_routes() {
    for side in [Side::Follower, Side::Leader] {
        for is_forgotten in [false, true] {
            let bench = Bench::in_world(world());
            bench.success(&create_event()).await;
            let id = live(&bench.world).id;
            bench.world.delete_peering_by_hand(&id, side);
            if is_forgotten {
                tokio::time::sleep(Duration::from_hours(20 * 24)).await;
            }
            bench.success(&delete_event()).await;
            bench.assert_nothing_left("deleted by hand").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn delete_leaves_what_somebody_made_anew_between_the_same_gateways() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    bench.world.delete_peering_by_hand(&live(&bench.world).id, Side::Follower);
    tokio::time::sleep(Duration::from_mins(2)).await;
    let theirs = bench.world.hand_made_peering(by_hand(), PeeringState::Available);
    bench.world.route_by_hand(NEAR, FAR_CIDR, Some(&theirs));
    bench.success(&delete_event()).await;
    assert_eq!(live(&bench.world).id, theirs);
    assert_eq!(bench.world.gateway_routes(), [(NEAR.to_owned(), FAR_CIDR.to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn delete_touches_no_route_and_no_peering_of_others() {
    let world = world();
    for (table, cidr) in [(NEAR, "10.7.0.0/16"), (FAR, "10.8.0.0/16"), (NEAR_TWO, FAR_CIDR)] {
        world.route_by_hand(table, cidr, Some("tgw-attach-vpc"));
    }
    world.hand_made_peering(NewPeering { remote: gateways::far_two(), ..by_hand() }, PeeringState::Available);
    let bench = Bench::in_world(world);
    bench.success(&create_event()).await;
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("among others").await;
}

#[tokio::test(start_paused = true)]
async fn delete_with_properties_of_long_ago_goes_by_the_id_and_leaves_what_they_would_have_led_to() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    bench.success(&delete(KIND, ID, &json!({"Gateways": "tgw-0f tgw-0e"}))).await;
    // Nobody could ask the leader's side whether it has let go.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((bench.world.live_peerings(), bench.world.claims_left()), (vec![], vec![]));
    assert_eq!(bench.world.gateway_routes(), [(FAR.to_owned(), NEAR_CIDR.to_owned())]);
}

/// An invocation died between its request and its notes, while a deletion removed the claim.
#[tokio::test(start_paused = true)]
async fn what_no_claim_knows_any_more_is_found_by_its_tags() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    for (name, _) in bench.world.claims_left() {
        bench.world.remove(&name).await.unwrap();
    }
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("found by its tags").await;
}

#[tokio::test(start_paused = true)]
async fn a_deletion_of_nothing_needs_no_permission_to_look() {
    let bench = Bench::in_world(world());
    bench.world.deny("DescribeTransitGatewayPeeringAttachments");
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("nothing").await;
}

#[tokio::test(start_paused = true)]
async fn no_claim_carries_a_secret() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    for (name, text) in bench.world.claims_left() {
        assert!(
            !name.contains("external") && !text.contains("external") && !text.contains("role"),
            "{name}: {text}"
        );
    }
}
