//! What `Custom::CrossClusterConnection` does, and what it says when it cannot.

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

mod support;

use std::time::Duration;

use cloud::fake::{DomainFeatures, Fault, Faulty, Quirk, Side, Timing, World};
use cloud::{Code, OutboundStatus};
use custom_resource::testing::{create, delete, update};
use serde_json::{Value, json};
use tokio::time::Instant;

use support::{Bench, ID, KIND, LEADER, ROLE, by_hand, changed, domain, leader, properties, world};

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

fn live(world: &World) -> cloud::fake::Connection {
    let live = world.live_connections();
    assert_eq!(live.len(), 1, "{live:?}");
    live[0].clone()
}

/// How often it was looked differs from run to run, because the pace has jitter.
fn without_looks(reason: &str) -> String {
    let (start, rest) = reason.split_once(" s (").unwrap();
    format!("{start} s (… looks{}", rest.split_once(" looks").unwrap().1)
}

// ---- Create ----------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn create_ends_active_with_the_attributes_of_the_connection() {
    let bench = Bench::in_world(world());
    let answer = bench.success(&create_event()).await;
    let made = live(&bench.world);
    assert_eq!(made.outbound, Some(OutboundStatus::Active));
    assert_eq!(answer["PhysicalResourceId"], ID);
    insta::assert_snapshot!(answer["Data"], @r#"{"ConnectionId":"connection-0001","Endpoint":"","ReturnMsg":"Connection leader-alias (connection-0001) to 111111111111/us-east-1/leader is ACTIVE","Status":"ACTIVE"}"#);
}

#[tokio::test(start_paused = true)]
async fn d11_create_ends_within_one_poll_interval_of_active() {
    let bench = Bench::in_world(world());
    let event = create_event();
    let work = async {
        bench.success(&event).await;
        bench.now()
    };
    // The same life watched every 100 ms.
    let watch = async {
        loop {
            if bench.world.live_connections().iter().any(|row| row.outbound == Some(OutboundStatus::Active)) {
                return bench.now();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (answered, active) = tokio::join!(work, watch);
    assert!(answered < active + Duration::from_secs(13), "answered {answered:?}, active {active:?}");
}

#[tokio::test(start_paused = true)]
async fn the_leader_accepts_in_its_own_account_and_region() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    let calls = bench.world.calls();
    let accepts: Vec<_> = calls.iter().filter(|call| call.operation == "AcceptInboundConnection").collect();
    assert!(accepts.iter().all(|call| call.account == LEADER && call.region == "us-east-1"), "{accepts:?}");
    let requests: Vec<_> = calls.iter().filter(|call| call.operation == "CreateOutboundConnection").collect();
    assert_eq!((requests.len(), requests[0].region.as_str()), (1, "us-west-2"));
}

#[tokio::test(start_paused = true)]
async fn one_account_needs_no_role() {
    let near = domain(support::FOLLOWER, "us-east-1", "near");
    let bench = Bench::in_world(world().with_domain(near, DomainFeatures::default()));
    let properties = json!({
        "ConnectionAlias": "near-alias", "LocalDomain": "follower", "RemoteDomain": "near", "RemoteRegion": "us-east-1",
    });
    bench.success(&create(KIND, &properties)).await;
    assert_eq!(bench.world.calls_of("AssumeRole"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_samples_own_type_is_served() {
    let bench = Bench::in_world(world());
    let answer = bench.success(&create("AWS::CloudFormation::CustomResource", &properties())).await;
    assert_eq!(answer["PhysicalResourceId"], ID);
    assert!(answer["Data"]["ReturnMsg"].is_string());
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
    assert_eq!(bench.world.calls_of("CreateOutboundConnection"), 1);
}

// ---- Reasons ---------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn d01_a_failed_validation_is_a_failure_with_the_services_message_and_leaves_nothing() {
    let open = DomainFeatures { node_to_node_encryption: false, ..DomainFeatures::default() };
    let bench = Bench::in_world(world().with_domain(leader(), open));
    let reason = bench.reason(&create_event()).await;
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("failed validation").await;
    insta::assert_snapshot!(reason, @"connection `connection-0001` from 222222222222/us-west-2/follower to 111111111111/us-east-1/leader is VALIDATION_FAILED: Node-to-node encryption is not enabled on domain 111111111111/us-east-1/leader. Check on both domains: fine-grained access control and node-to-node encryption are on, the engine versions are equal, the instance types are not T2, T3 or M3, neither has 20 connections, and that LocalDomain is the follower and RemoteDomain the leader.");
}

/// The slow delivery writes `Requesting` over the `Made` of the quick one: the claim forgets who made the connection.
#[tokio::test(start_paused = true)]
async fn every_delivery_of_a_create_that_cannot_succeed_gives_the_same_reason() {
    for milliseconds in (0..3000).step_by(50) {
        let open = DomainFeatures { node_to_node_encryption: false, ..DomainFeatures::default() };
        let fast = Timing { validating: Duration::from_millis(500), ..Timing::default() };
        let quick = Bench::in_world(world().with_domain(leader(), open).with_timing(fast));
        let slow = Fault::Delay(Duration::from_millis(milliseconds));
        let slow = Bench::new(Faulty::new(quick.world.clone()).on("PutParameter", 1, slow));
        let event = create_event();
        let late = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            slow.reason(&event).await
        };
        let (first, second) = tokio::join!(quick.reason(&event), late);
        assert!(first.contains("is VALIDATION_FAILED"), "slower by {milliseconds} ms: {first}");
        assert_eq!(first, second, "slower by {milliseconds} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_a_failure_and_leaves_nothing() {
    let bench = Bench::in_world(world().with_quirk(Quirk::LeaderRejects));
    let reason = bench.reason(&create_event()).await;
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("rejection").await;
    insta::assert_snapshot!(reason, @"connection `connection-0001` from 222222222222/us-west-2/follower to 111111111111/us-east-1/leader is REJECTED by the leader's side. Ask the leader's owner to allow it, then try again.");
}

#[tokio::test(start_paused = true)]
async fn a_missing_leader_domain_says_so() {
    let bench = Bench::in_world(world());
    let event = create(KIND, &changed(properties(), "RemoteDomain", "nowhere"));
    let reason = bench.reason(&event).await;
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("missing leader").await;
    insta::assert_snapshot!(reason, @"connection `connection-0001` from 222222222222/us-west-2/follower to 111111111111/us-east-1/nowhere is VALIDATION_FAILED: The destination domain 111111111111/us-east-1/nowhere does not exist. Check on both domains: fine-grained access control and node-to-node encryption are on, the engine versions are equal, the instance types are not T2, T3 or M3, neither has 20 connections, and that LocalDomain is the follower and RemoteDomain the leader.");
}

#[tokio::test(start_paused = true)]
async fn a_missing_follower_domain_says_so_at_once() {
    let bench = Bench::in_world(world());
    let event = create(KIND, &changed(properties(), "LocalDomain", "nowhere"));
    let start = Instant::now();
    let reason = bench.reason(&event).await;
    bench.success(&delete(KIND, "connection/222222222222/us-west-2/nowhere/leader-alias", &json!({}))).await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    bench.assert_nothing_left("missing follower").await;
    insta::assert_snapshot!(reason, @"cannot request connection `leader-alias` from 222222222222/us-west-2/nowhere: CreateOutboundConnection failed: ResourceNotFound: Domain not found: nowhere (AWS request id of-a-world-in-memory). Check LocalDomain, LocalRegion and LocalAccount: the follower must exist there.");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_external_id_is_found_before_anything_is_made() {
    let bench = Bench::in_world(world());
    let reason = bench.reason(&create(KIND, &changed(properties(), "RemoteExternalId", "wrong"))).await;
    assert_eq!(bench.world.calls_of("PutParameter") + bench.world.calls_of("CreateOutboundConnection"), 0);
    assert!(!reason.contains("wrong"), "the ExternalId is not repeated: {reason}");
    insta::assert_snapshot!(reason, @"cannot assume `arn:aws:iam::111111111111:role/tandem-accepter` in the leader's account 111111111111: AssumeRole failed: AccessDenied: User is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/tandem-accepter (AWS request id of-a-world-in-memory). Check that the role exists, that its trust policy names this function's role, and that RemoteExternalId is the ExternalId it demands; and that the function's role allows sts:AssumeRole on it.");
}

#[tokio::test(start_paused = true)]
async fn too_many_connections_says_so() {
    let bench = Bench::in_world(world().with_limit(0));
    let reason = bench.reason(&create_event()).await;
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("limit").await;
    insta::assert_snapshot!(reason, @"cannot request connection `leader-alias` from 222222222222/us-west-2/follower: CreateOutboundConnection failed: LimitExceeded: Too many connections of domain follower (AWS request id of-a-world-in-memory). A domain can be connected to 20 others: delete a connection that nobody needs.");
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_names_what_to_allow() {
    for (operation, expected) in [
        ("CreateOutboundConnection", "Allow es:CreateOutboundConnection"),
        ("DescribeOutboundConnections", "Allow es:DescribeOutboundConnections"),
        ("DescribeInboundConnections", "Allow es:DescribeInboundConnections"),
        ("AcceptInboundConnection", "Allow es:AcceptInboundConnection"),
        ("PutParameter", "claims path"),
        ("GetParameter", "claims path"),
        ("DescribeStackResource", "cloudformation:DescribeStackResource"),
    ] {
        let bench = Bench::in_world(world());
        bench.world.deny(operation);
        let reason = bench.reason(&create_event()).await;
        assert!(reason.contains(expected) && reason.contains(operation), "{operation}: {reason}");
        bench.world.allow(operation);
        bench.success(&delete_event()).await;
        bench.assert_nothing_left(operation).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_becomes_active_says_the_last_status() {
    for status in [OutboundStatus::Validating, OutboundStatus::Provisioning] {
        let bench = Bench::in_world(world().stalling_in(status.clone()));
        let reason = bench.reason(&create(KIND, &changed(properties(), "ServiceTimeout", "300"))).await;
        assert!(reason.contains("is not ACTIVE: not within 2"), "{reason}");
        assert!(reason.contains(&format!("last status: {status}.")), "{reason}");
        assert!(bench.now() < Duration::from_mins(5), "answered before CloudFormation gave up");
        bench.success(&delete_event()).await;
        bench.assert_nothing_left("time-out").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_its_leader_never_shows_asks_for_the_region() {
    let never = Timing { inbound_visible: Duration::from_hours(2), ..Timing::default() };
    let bench = Bench::in_world(world().with_timing(never));
    let reason = bench.reason(&create(KIND, &changed(properties(), "ServiceTimeout", "200"))).await;
    insta::assert_snapshot!(without_looks(&reason), @"connection `leader-alias` from 222222222222/us-west-2/follower to 111111111111/us-east-1/leader is not ACTIVE: not within 179 s (… looks); last status: PENDING_ACCEPTANCE, but the leader's side does not show it; is the leader 111111111111/us-east-1/leader?");
}

#[tokio::test(start_paused = true)]
async fn all_wrong_properties_are_reported_at_once() {
    let bench = Bench::in_world(world());
    let wrong = json!({
        "ConnectionAlias": "1st", "LocalDomian": "follower", "RemoteDomain": "Leader", "RemoteAccount": "1111",
        "ConnectionMode": "direkt", "AdoptExisting": "yes", "RemoteExternalId": "no spaces allowed",
    });
    let reason = bench.reason(&create(KIND, &wrong)).await;
    assert_eq!(bench.world.calls().len(), 0, "nothing was called");
    insta::assert_snapshot!(reason.replace(". Property", ".\nProperty"), @"
Property ConnectionAlias is `1st`: expected 2 to 100 characters: a letter, then letters, digits, hyphens or underscores.
Property LocalDomain is missing: expected the name of a domain, 3 to 28 characters: a lower-case letter, then lower-case letters, digits or hyphens.
Property RemoteAccount is `1111`: expected an account id of 12 digits.
Property RemoteDomain is `Leader`: expected the name of a domain, 3 to 28 characters: a lower-case letter, then lower-case letters, digits or hyphens.
Property RemoteExternalId does not fit: expected 2 to 1224 characters: letters, digits or any of + = , . @ : / - _.
Property ConnectionMode is `direkt`: expected DIRECT or VPC_ENDPOINT. Did you mean `DIRECT`? Property AdoptExisting is `yes`: expected true or false.
Property LocalDomian is unknown. Did you mean `LocalDomain`?
");
}

#[tokio::test(start_paused = true)]
async fn properties_that_contradict_each_other_are_findings() {
    let bench = Bench::in_world(world());
    for (properties, expected) in [
        (changed(properties(), "LocalAccount", LEADER), "Property LocalAccount is `111111111111`"),
        (changed(properties(), "RemoteRoleArn", ""), "Property RemoteRoleArn is missing"),
        (
            changed(properties(), "RemoteAccount", "333333333333"),
            "expected a role of the leader's account 333333333333",
        ),
        (
            json!({"ConnectionAlias": "self", "LocalDomain": "follower", "RemoteDomain": "follower"}),
            "LocalDomain and RemoteDomain are the same domain",
        ),
    ] {
        let reason = bench.reason(&create(KIND, &properties)).await;
        assert!(reason.contains(expected), "{reason}");
    }
}

// ---- Ownership -------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn d06_an_alias_of_another_stack_is_refused_naming_its_holder_and_never_touched() {
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
    assert_eq!(live(&bench.world).outbound, Some(OutboundStatus::Active));
    insta::assert_snapshot!(reason, @"alias `leader-alias` on 222222222222/us-west-2/follower is managed by resource `Connection` of stack arn:aws:cloudformation:us-west-2:222222222222:stack/connection/0f0e. Choose another ConnectionAlias, or delete it from that stack first.");
}

#[tokio::test(start_paused = true)]
async fn d06_a_hand_made_connection_is_refused_and_never_touched() {
    let world = world();
    world.hand_made(by_hand("leader-alias", leader()), OutboundStatus::Active);
    let bench = Bench::in_world(world);
    let reason = bench.reason(&create_event()).await;
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("hand-made").await;
    assert_eq!(live(&bench.world).outbound, Some(OutboundStatus::Active));
    insta::assert_snapshot!(reason, @"alias `leader-alias` on 222222222222/us-west-2/follower is taken by connection `connection-0001` to 111111111111/us-east-1/leader (ACTIVE), which no stack manages. Set AdoptExisting to true to take it over (it is deleted with the stack then), or choose another ConnectionAlias.");
}

#[tokio::test(start_paused = true)]
async fn a_hand_made_connection_is_taken_over_when_adopt_existing_says_so_and_then_it_is_ours() {
    for status in [OutboundStatus::Active, OutboundStatus::PendingAcceptance, OutboundStatus::Validating] {
        let world = world();
        let id = world.hand_made(by_hand("leader-alias", leader()), status);
        let bench = Bench::in_world(world);
        let adopting = changed(properties(), "AdoptExisting", "true");
        let answer = bench.success(&create(KIND, &adopting)).await;
        assert_eq!(answer["Data"]["ConnectionId"], id);
        assert_eq!(bench.world.calls_of("CreateOutboundConnection"), 0);
        bench.success(&delete(KIND, ID, &adopting)).await;
        assert!(bench.world.is_clean());
    }
}

/// The sibling of an adopting resource failed before the connection was wholly taken over.
#[tokio::test(start_paused = true)]
async fn what_was_not_wholly_taken_over_is_left_alone() {
    let world = world();
    let id = world.hand_made(by_hand("leader-alias", leader()), OutboundStatus::Validating);
    world.hold(&id, OutboundStatus::Validating);
    let bench = Bench::in_world(world);
    let adopting = changed(changed(properties(), "AdoptExisting", "true"), "ServiceTimeout", "60");
    bench.reason(&create(KIND, &adopting)).await;
    bench.success(&delete(KIND, ID, &adopting)).await;
    bench.assert_nothing_left("given back").await;
    assert_eq!(live(&bench.world).id, id);
}

#[tokio::test(start_paused = true)]
async fn a_working_connection_with_other_settings_is_not_taken_over() {
    for (name, value) in [("SkipUnavailable", "DISABLED"), ("ConnectionMode", "VPC_ENDPOINT")] {
        let world = world();
        world.hand_made(by_hand("leader-alias", leader()), OutboundStatus::Active);
        let bench = Bench::in_world(world);
        let adopting = changed(changed(properties(), "AdoptExisting", "true"), name, value);
        let reason = bench.reason(&create(KIND, &adopting)).await;
        assert!(reason.contains("has other settings"), "{reason}");
        bench.success(&delete(KIND, ID, &adopting)).await;
        bench.assert_nothing_left("other settings").await;
    }
}

/// Ours was refused, which freed the alias, and somebody made the connection by hand.
#[tokio::test(start_paused = true)]
async fn a_connection_made_by_hand_beside_a_refused_one_of_ours_is_left_alone() {
    let open = DomainFeatures { node_to_node_encryption: false, ..DomainFeatures::default() };
    let bench = Bench::in_world(world().with_domain(leader(), open).with_quirk(Quirk::FailedFreesTheAlias));
    bench.reason(&create_event()).await;
    let theirs = bench.world.hand_made(by_hand("leader-alias", leader()), OutboundStatus::Active);
    bench.success(&delete_event()).await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(live(&bench.world).id, theirs);
}

/// The rollback of a failed replacement carries the failed id, so it looks like a replacement itself.
#[tokio::test(start_paused = true)]
async fn a_failing_way_back_leaves_the_connection_of_before_alone() {
    for operation in ["DescribeOutboundConnections", "DescribeInboundConnections", "GetParameter"] {
        let bench = Bench::in_world(world());
        bench.success(&create_event()).await;
        let to = changed(properties(), "ConnectionAlias", "new-alias");
        let mut back =
            update(KIND, "connection/222222222222/us-west-2/follower/new-alias", &properties(), &to);
        back["RequestId"] = json!("rollback");
        let faulty = Faulty::new(bench.world.clone()).on(operation, 1, Fault::Fail(Code::AccessDenied));
        Bench::new(faulty).answer(&back).await;
        assert_eq!(live(&bench.world).outbound, Some(OutboundStatus::Active), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_ours_in_the_words_of_another_version_is_never_passed_over() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    let (name, text) = bench.world.claims_left().remove(0);
    bench.world.claim_by_hand(&name, &text.replace("Made", "Later"));
    let reason = bench.reason(&delete_event()).await;
    insta::assert_snapshot!(reason, @"the claim `222222222222/us-west-2/follower/leader-alias` of this resource cannot be read by this version of the function. Deploy the version of the function that wrote it, or a newer one, and try again.");
    assert_eq!(live(&bench.world).outbound, Some(OutboundStatus::Active));
}

#[tokio::test(start_paused = true)]
async fn a_dead_hand_made_connection_is_adopted_by_replacing_it() {
    for status in [OutboundStatus::ValidationFailed, OutboundStatus::Rejected] {
        let world = world();
        let id = world.hand_made(by_hand("leader-alias", leader()), status);
        let bench = Bench::in_world(world);
        let answer = bench.success(&create(KIND, &changed(properties(), "AdoptExisting", "true"))).await;
        assert_ne!(answer["Data"]["ConnectionId"], id);
        assert_eq!(live(&bench.world).outbound, Some(OutboundStatus::Active));
    }
}

#[tokio::test(start_paused = true)]
async fn adopt_existing_takes_nothing_over_that_leads_elsewhere() {
    let world = world();
    world.hand_made(
        by_hand("leader-alias", domain(LEADER, "us-east-1", "leader-two")),
        OutboundStatus::Active,
    );
    let bench = Bench::in_world(world);
    let reason = bench.reason(&create(KIND, &changed(properties(), "AdoptExisting", "true"))).await;
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("leads elsewhere").await;
    assert!(reason.contains("It leads elsewhere or has other settings"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_is_connected_under_another_alias_is_refused_where_the_service_refuses_it() {
    let world = world().with_quirk(Quirk::OneConnectionPerPair);
    world.hand_made(by_hand("other-alias", leader()), OutboundStatus::Active);
    let bench = Bench::in_world(world);
    let reason = bench.reason(&create_event()).await;
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("connected pair").await;
    insta::assert_snapshot!(reason, @"the service refuses a second connection from 222222222222/us-west-2/follower to 111111111111/us-east-1/leader: CreateOutboundConnection failed: ResourceAlreadyExists: A connection from follower to leader already exists (AWS request id of-a-world-in-memory). Look at the follower domain's outbound connections: one to this leader exists already, perhaps under another alias. Delete that one or use it.");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_claim_is_somebody_elses() {
    let world = world();
    world.claim_by_hand("222222222222/us-west-2/follower/leader-alias", "written by a later version");
    let bench = Bench::in_world(world);
    let reason = bench.reason(&create_event()).await;
    assert!(reason.contains("whose claim this version cannot read"), "{reason}");
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("unreadable claim").await;
}

// ---- Update ----------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn an_update_of_what_does_not_change_the_connection_is_a_look() {
    let bench =
        Bench::in_world(world().with_role("arn:aws:iam::111111111111:role/other", LEADER, "the-external-id"));
    let made = bench.success(&create_event()).await;
    let before = bench.world.calls_of("CreateOutboundConnection");
    for (n, (name, value)) in [
        ("AdoptExisting", "true"),
        ("RemoteRoleArn", "arn:aws:iam::111111111111:role/other"),
        ("LocalRegion", "us-west-2"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer =
            bench.success(&update_to(u32::try_from(n).unwrap(), &changed(properties(), name, value))).await;
        assert_eq!(answer["Data"], made["Data"], "{name}");
    }
    assert_eq!(bench.world.calls_of("CreateOutboundConnection"), before);
    assert_eq!(bench.world.calls_of("DeleteOutboundConnection"), 0);
}

#[tokio::test(start_paused = true)]
async fn d07_a_changed_leader_mode_or_option_is_deleted_and_requested_under_the_same_identity() {
    for (name, value) in
        [("RemoteDomain", "leader-two"), ("SkipUnavailable", "DISABLED"), ("ConnectionMode", "VPC_ENDPOINT")]
    {
        let bench = Bench::in_world(world());
        let made = bench.success(&create_event()).await;
        let answer = bench.success(&update_to(1, &changed(properties(), name, value))).await;
        assert_eq!(answer["PhysicalResourceId"], ID, "{name}");
        assert_ne!(answer["Data"]["ConnectionId"], made["Data"]["ConnectionId"], "{name}");
        assert_eq!(live(&bench.world).outbound, Some(OutboundStatus::Active), "{name}");
        if value == "VPC_ENDPOINT" {
            assert_ne!(answer["Data"]["Endpoint"], "", "the endpoint is known once accepted");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_is_rolled_back_to_what_was() {
    let bad = DomainFeatures { fine_grained_access_control: false, ..DomainFeatures::default() };
    let bench = Bench::in_world(world().with_domain(domain(LEADER, "us-east-1", "open"), bad));
    bench.success(&create_event()).await;
    let to_open = changed(properties(), "RemoteDomain", "open");
    let reason = bench.reason(&update_to(1, &to_open)).await;
    assert!(reason.contains("VALIDATION_FAILED"), "{reason}");
    let mut back = update(KIND, ID, &properties(), &to_open);
    back["RequestId"] = json!("rollback");
    bench.success(&back).await;
    assert_eq!(live(&bench.world).remote, leader());
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("rollback").await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_replacement_takes_back_what_it_made_and_keeps_the_old_one() {
    let bad = DomainFeatures { fine_grained_access_control: false, ..DomainFeatures::default() };
    let bench = Bench::in_world(world().with_domain(domain(LEADER, "us-east-1", "open"), bad));
    bench.success(&create_event()).await;
    let kept = Bench::in_world(bench.world.clone());
    let to = changed(changed(properties(), "RemoteDomain", "open"), "ConnectionAlias", "new-alias");
    kept.reason(&update_to(1, &to)).await;
    kept.assert_nothing_left("failed replacement").await;
    assert_eq!(live(&bench.world).alias, "leader-alias");
}

#[tokio::test(start_paused = true)]
async fn an_update_of_a_connection_that_was_deleted_by_hand_makes_it_again() {
    for side in [Side::Follower, Side::Leader] {
        let bench = Bench::in_world(world());
        let made = bench.success(&create_event()).await;
        let id = made["Data"]["ConnectionId"].as_str().unwrap().to_owned();
        bench.world.delete_by_hand(&id, side);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let answer = bench.success(&update_to(1, &changed(properties(), "AdoptExisting", "true"))).await;
        assert_ne!(answer["Data"]["ConnectionId"], id);
        assert_eq!(live(&bench.world).outbound, Some(OutboundStatus::Active));
    }
}

// ---- Delete ----------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn d04_delete_from_every_state_ends_with_nothing() {
    for status in OutboundStatus::ALL {
        let bench = Bench::in_world(world());
        let made = bench.success(&create_event()).await;
        let id = made["Data"]["ConnectionId"].as_str().unwrap().to_owned();
        bench.world.hold(&id, status.clone());
        let release = async {
            tokio::time::sleep(Duration::from_secs(100)).await;
            bench.world.release(&id);
        };
        let event = delete_event();
        let (answer, ()) = tokio::join!(bench.success(&event), release);
        assert_eq!(answer["PhysicalResourceId"], ID);
        bench.assert_nothing_left(&format!("Delete from {status}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn delete_answers_only_when_both_sides_have_let_go() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    bench.success(&delete_event()).await;
    let leftovers = bench.world.leftovers(&bench.before);
    assert!(leftovers.is_nothing(), "at the very moment of the answer: {leftovers}");
}

#[tokio::test(start_paused = true)]
async fn delete_of_what_was_deleted_by_hand_succeeds() {
    for side in [Side::Follower, Side::Leader] {
        for is_forgotten in [false, true] {
            let bench = Bench::in_world(world());
            let made = bench.success(&create_event()).await;
            let id = made["Data"]["ConnectionId"].as_str().unwrap().to_owned();
            bench.world.delete_by_hand(&id, side);
            if is_forgotten {
                tokio::time::sleep(Duration::from_hours(20 * 24)).await;
            }
            bench.success(&delete_event()).await;
            bench.assert_nothing_left("deleted by hand").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn delete_leaves_a_connection_that_somebody_made_anew_under_the_same_alias() {
    let bench = Bench::in_world(world());
    let made = bench.success(&create_event()).await;
    bench.world.delete_by_hand(made["Data"]["ConnectionId"].as_str().unwrap(), Side::Follower);
    tokio::time::sleep(Duration::from_mins(2)).await;
    let theirs = bench.world.hand_made(by_hand("leader-alias", leader()), OutboundStatus::Active);
    bench.success(&delete_event()).await;
    assert_eq!(live(&bench.world).id, theirs);
}

#[tokio::test(start_paused = true)]
async fn delete_needs_no_leader_that_can_still_be_asked() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    bench.world.delete_role(ROLE);
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("role gone").await;
}

#[tokio::test(start_paused = true)]
async fn delete_with_properties_of_long_ago_goes_by_the_id() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    bench.success(&delete(KIND, ID, &json!({"Alias": "leader-alias", "Format": 1}))).await;
    bench.assert_nothing_left("old format").await;
}

#[tokio::test(start_paused = true)]
async fn delete_after_refused_properties_touches_nothing() {
    let bench = Bench::in_world(world());
    let answer = bench.answer(&create(KIND, &json!({"ConnectionAlias": "leader-alias"}))).await;
    let id = answer["PhysicalResourceId"].as_str().unwrap();
    bench.success(&delete(KIND, id, &json!({"ConnectionAlias": "leader-alias"}))).await;
    assert_eq!(bench.world.calls_of("DeleteOutboundConnection"), 0);
}

#[tokio::test(start_paused = true)]
async fn d08_the_right_connection_is_found_among_those_of_other_domains_and_aliases() {
    let world = world()
        .with_domain(domain(support::FOLLOWER, "us-west-2", "other-follower"), DomainFeatures::default());
    for n in 0..10 {
        world.hand_made(by_hand(&format!("alias-{n}"), leader()), OutboundStatus::Active);
    }
    let mut other = by_hand("leader-alias", leader());
    other.local = domain(support::FOLLOWER, "us-west-2", "other-follower");
    world.hand_made(other, OutboundStatus::Active);
    let bench = Bench::in_world(world);
    bench.success(&create_event()).await;
    bench.success(&delete_event()).await;
    bench.assert_nothing_left("among others").await;
    assert_eq!(bench.world.live_connections().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn twenty_connections_at_once_under_throttling_all_succeed() {
    let mut crowd = world().with_rate(10).with_limit(20);
    for n in 0..20 {
        crowd =
            crowd.with_domain(domain(LEADER, "us-east-1", &format!("leader-{n}")), DomainFeatures::default());
    }
    let benches: Vec<_> = (0..20).map(|_| Bench::in_world(crowd.clone())).collect();
    let work = benches.iter().enumerate().map(|(n, bench)| async move {
        let own = changed(
            changed(properties(), "ConnectionAlias", &format!("alias-{n}")),
            "RemoteDomain",
            &format!("leader-{n}"),
        );
        let mut event = create(KIND, &own);
        event["LogicalResourceId"] = json!(format!("Connection{n}"));
        bench.success(&event).await;
    });
    futures_util::future::join_all(work).await;
    assert_eq!(crowd.live_connections().len(), 20);
}

// ---- The claim -------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_request_does_not_make_a_second_connection() {
    let bench = Bench::new(Faulty::new(world()).on("CreateOutboundConnection", 1, Fault::LoseResponse));
    bench.success(&create_event()).await;
    assert_eq!(bench.world.connections_everywhere().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_denied_request_leaves_no_claim_that_a_deletion_would_wait_for() {
    let bench =
        Bench::new(Faulty::new(world()).on("CreateOutboundConnection", 1, Fault::Fail(Code::AccessDenied)));
    bench.reason(&create_event()).await;
    let start = Instant::now();
    bench.success(&delete_event()).await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn no_claim_carries_a_secret() {
    let bench = Bench::in_world(world());
    bench.success(&create_event()).await;
    for (name, text) in bench.world.claims_left() {
        assert!(
            !name.contains("external") && !text.contains("external") && !text.contains("http"),
            "{name}: {text}"
        );
    }
}
