//! The way out, as a kind's requests see it: what is woken, waited for, left and left alone, and every Reason.

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

use cloud::fake::{Fault, Faulty, Nat, World};
use cloud::{Code, InstanceState};
use custom_resource::testing::{create, delete};
use serde_json::Value;

use support::{Bench, KIND, changed, properties, world};

fn asleep() -> World {
    world().with_nat(Nat::stopped())
}

fn awake() -> World {
    world().with_nat(Nat::running())
}

fn request() -> Value {
    create(KIND, &properties())
}

fn named(id: &str, mut event: Value) -> Value {
    event["RequestId"] = id.into();
    event
}

/// The states that the instance went through, by name.
fn life(world: &World) -> Vec<String> {
    world.nat_history().iter().map(|(_, state)| state.to_string()).collect()
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// The instance stands still and nothing of ours is written on it.
#[track_caller]
fn assert_asleep(world: &World) {
    assert_eq!(world.nat_state(), Some(InstanceState::Stopped), "{:?}", world.nat_history());
    assert!(world.nat_tags().is_empty(), "{:?}", world.nat_tags());
}

#[tokio::test(start_paused = true)]
async fn d10_found_stopped_it_is_started_used_and_stopped_again() {
    let bench = Bench::in_world(asleep());
    bench.success(&request()).await;
    pass(60).await;
    assert_eq!(life(&bench.world), ["stopped", "pending", "running", "stopping", "stopped"]);
    assert_asleep(&bench.world);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_stop_it_keeps_nobody_waiting_for_the_stop() {
    let denied = Faulty::new(asleep()).on("StopInstances", 1, Fault::Fail(Code::AccessDenied));
    let bench = Bench::new(denied);
    bench.success(&request()).await;
    let marks = bench.world.nat_tags();
    assert!(!marks.contains_key("tandem:stopping"), "{marks:?}");
    // What runs is known to be ours, so the next one stops it.
    Bench::in_world(bench.world.clone()).success(&named("next", create(KIND, &properties()))).await;
    pass(60).await;
    assert_asleep(&bench.world);
}

#[tokio::test(start_paused = true)]
async fn d10_found_running_it_keeps_running() {
    let bench = Bench::in_world(awake());
    bench.success(&request()).await;
    pass(3600).await;
    assert_eq!(life(&bench.world), ["running"]);
    assert!(bench.world.nat_tags().is_empty());
}

#[tokio::test(start_paused = true)]
async fn d10_the_last_one_out_stops_it_and_nobody_before() {
    let bench = Bench::in_world(asleep());
    let other =
        changed(changed(properties(), "ConnectionAlias", "other-alias"), "RemoteDomain", "leader-two");
    let late = async {
        pass(70).await;
        // On a bench of its own: answers are counted there.
        Bench::in_world(bench.world.clone()).success(&named("second", create(KIND, &other))).await;
        bench.now()
    };
    let event = request();
    let (_, ended) = tokio::join!(bench.success(&event), late);
    pass(60).await;
    assert_eq!(life(&bench.world), ["stopped", "pending", "running", "stopping", "stopped"]);
    let stopped = bench.world.nat_history()[3].0;
    assert!(stopped + Duration::from_secs(25) > ended, "after the last: {stopped:?}, {ended:?}");
    assert_asleep(&bench.world);
}

#[tokio::test(start_paused = true)]
async fn d11_ready_is_what_gets_through_and_nothing_is_slept_away() {
    // 12 s pending and 9 s booting; a status check would say so minutes later.
    let bench = Bench::in_world(asleep());
    bench.success(&request()).await;
    let calls = bench.world.calls();
    let first = calls.iter().find(|call| call.operation == "DescribeStackResource").unwrap();
    let seconds = first.at.as_secs();
    assert!((21..32).contains(&seconds), "the first call gets out after {seconds} s");
    let bench = Bench::in_world(awake());
    bench.success(&request()).await;
    let calls = bench.world.calls();
    let first = calls.iter().find(|call| call.operation == "DescribeStackResource").unwrap();
    assert!(first.at < Duration::from_secs(1), "{:?}", first.at);
}

#[tokio::test(start_paused = true)]
async fn d11_both_regions_are_reached_before_anything_is_called() {
    let bench = Bench::in_world(asleep());
    bench.success(&request()).await;
    let calls = bench.world.calls();
    let reached: Vec<_> = calls.iter().filter(|call| call.operation == "TLS handshake").collect();
    let mut regions: Vec<_> = reached.iter().map(|call| call.subject.as_str()).collect();
    regions.sort_unstable();
    assert_eq!(regions, ["us-east-1", "us-west-2"]);
    let first = calls.iter().position(|call| call.operation == "DescribeStackResource");
    assert!(calls.iter().rposition(|call| call.operation == "TLS handshake") < first);
}

#[tokio::test(start_paused = true)]
async fn d12_an_instance_that_is_stopping_is_waited_out_and_then_started() {
    let bench = Bench::in_world(awake());
    bench.world.stop_nat_by_hand();
    bench.success(&request()).await;
    pass(60).await;
    let expected = ["running", "stopping", "stopped", "pending", "running", "stopping", "stopped"];
    assert_eq!(life(&bench.world), expected);
    let starts = bench.world.calls_of("StartInstances");
    assert!(starts <= 2, "it is not fought: {starts} starts");
    assert_asleep(&bench.world);
}

#[tokio::test(start_paused = true)]
async fn d12_who_comes_while_it_is_being_left_keeps_it_or_starts_it_again() {
    for lead in 0..60 {
        let bench = Bench::in_world(asleep());
        bench.success(&request()).await;
        let bench = Bench::in_world(bench.world.clone());
        let made = named("first", create(KIND, &properties()));
        let first = async { bench.success(&named("first", create(KIND, &properties()))).await };
        let second = async {
            pass(lead).await;
            Bench::in_world(bench.world.clone()).success(&made).await
        };
        tokio::join!(first, second);
        pass(90).await;
        assert_asleep(&bench.world);
    }
}

#[tokio::test(start_paused = true)]
async fn d09_every_fault_at_every_call_of_the_gate_leaves_it_as_it_was_found() {
    let faults = [
        Fault::Fail(Code::AccessDenied),
        Fault::Fail(Code::Internal),
        Fault::LoseResponse,
        Fault::Throttle(3),
        Fault::Delay(Duration::from_secs(20)),
        Fault::CancelBefore,
        Fault::CancelAfter,
    ];
    for found in [asleep as fn() -> World, awake] {
        for fault in &faults {
            for operation in [
                "CreateTags",
                "DescribeInstances",
                "StartInstances",
                "TLS handshake",
                "DeleteTags",
                "StopInstances",
            ] {
                for nth in 1..30 {
                    let bench = Bench::new(Faulty::new(found()).on(operation, nth, fault.clone()));
                    let before = bench.world.nat_state();
                    bench.cloud.faults().run(bench.send(&request())).await;
                    if !bench.cloud.faults().has_struck() {
                        break;
                    }
                    let may_stay = matches!(
                        fault,
                        Fault::Fail(Code::AccessDenied) | Fault::CancelBefore | Fault::CancelAfter
                    );
                    if !may_stay {
                        pass(90).await;
                        let state = bench.world.nat_state();
                        assert_eq!(
                            state,
                            before,
                            "{fault:?} at {operation} {nth}: {:?}",
                            bench.world.nat_history()
                        );
                    }
                    // The lease of a dead holder ends, and then the instance halts itself.
                    pass(900 + 60 + 16 * 60 + 60).await;
                    let when = format!("{fault:?} at {operation} {nth}");
                    assert_eq!(bench.world.nat_state(), before, "{when}: {:?}", bench.world.nat_history());
                    // The next one sweeps what the dead left.
                    Bench::in_world(bench.world.clone()).send(&named("next", request())).await;
                    pass(60).await;
                    assert_eq!(bench.world.nat_state(), before, "{when}: {:?}", bench.world.nat_history());
                    let tags = bench.world.nat_tags();
                    assert!(tags.is_empty(), "{when}: {tags:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d09_a_time_out_lets_it_sleep() {
    let world = asleep().stalling_in(cloud::OutboundStatus::Validating);
    let bench = Bench::in_world(world);
    bench.reason(&create(KIND, &changed(properties(), "ServiceTimeout", "120"))).await;
    pass(60).await;
    assert_asleep(&bench.world);
}

#[tokio::test(start_paused = true)]
async fn a_continuation_keeps_it_awake_under_one_lease() {
    let bench = Bench::in_world(asleep().stalling_in(cloud::OutboundStatus::Validating)).with_timeout(120);
    let answer = bench.reason(&create(KIND, &changed(properties(), "ServiceTimeout", "600"))).await;
    assert!(answer.contains("is not ACTIVE"), "{answer}");
    assert!(bench.world.invocations().len() >= 3);
    pass(60).await;
    assert_eq!(life(&bench.world), ["stopped", "pending", "running", "stopping", "stopped"]);
    assert_asleep(&bench.world);
}

#[tokio::test(start_paused = true)]
async fn two_deliveries_of_one_request_hold_it_each_for_itself() {
    for lead in [0, 1, 20, 60, 90, 100, 110] {
        let bench = Bench::in_world(asleep());
        let event = request();
        let late = async {
            pass(lead).await;
            bench.send(&event).await
        };
        let (mut answers, others) = tokio::join!(bench.send(&event), late);
        answers.extend(others);
        assert!(answers.iter().all(|answer| answer["Status"] == "SUCCESS"), "after {lead} s: {answers:?}");
        pass(90).await;
        assert_asleep(&bench.world);
    }
}

#[tokio::test(start_paused = true)]
async fn d10_started_by_hand_since_it_is_somebody_elses() {
    let bench = Bench::in_world(asleep());
    // A holder died: its lease, and its marks of the start before last.
    bench.world.tag_nat_by_hand("tandem:found", "stopped");
    bench.world.tag_nat_by_hand("tandem:started", "1789990000");
    bench.world.start_nat_by_hand();
    pass(60).await;
    bench.success(&request()).await;
    pass(60).await;
    assert_eq!(bench.world.nat_state(), Some(InstanceState::Running));
}

#[tokio::test(start_paused = true)]
async fn d10_started_by_hand_after_a_start_of_ours_was_refused_it_is_somebody_elses() {
    let refused = |code| Faulty::new(asleep()).on("StartInstances", 1, Fault::Fail(code));
    let falls_back = Nat { falls_back: true, halts_after: None, ..Nat::stopped() };
    for cloud in [
        refused(Code::InsufficientCapacity),
        refused(Code::AccessDenied),
        refused(Code::LimitExceeded),
        Faulty::new(world().with_nat(falls_back)),
    ] {
        let bench = Bench::new(cloud);
        bench.reason(&request()).await;
        let tags = bench.world.nat_tags();
        assert!(tags.is_empty(), "of a start that was refused: {tags:?}");
    }
    let bench = Bench::new(refused(Code::InsufficientCapacity));
    bench.reason(&request()).await;
    pass(10).await;
    bench.world.start_nat_by_hand();
    pass(60).await;
    Bench::in_world(bench.world.clone()).success(&named("next", request())).await;
    pass(60).await;
    assert_eq!(bench.world.nat_state(), Some(InstanceState::Running));
}

#[tokio::test(start_paused = true)]
async fn d10_started_by_hand_before_one_of_us_asked_it_is_somebody_elses() {
    let bench = Bench::in_world(asleep());
    bench.world.start_nat_by_hand();
    pass(20).await;
    // One that had not heard of that died after it had written its marks.
    bench.world.tag_nat_by_hand("tandem:found", "stopped");
    bench.world.tag_nat_by_hand("tandem:started", "1790000015 dead:1");
    bench.success(&request()).await;
    pass(60).await;
    assert_eq!(bench.world.nat_state(), Some(InstanceState::Running));
}

#[tokio::test(start_paused = true)]
async fn of_two_starts_the_refused_one_does_not_take_back_the_marks_of_the_other() {
    for lead in 0..8 {
        let lead = Duration::from_millis(lead * 50);
        let world = asleep();
        let refused =
            Faulty::new(world.clone()).on("StartInstances", 1, Fault::Fail(Code::InsufficientCapacity));
        let (started, refused) = (Bench::in_world(world.clone()), Bench::new(refused));
        let late = async {
            tokio::time::sleep(lead).await;
            let other = changed(properties(), "ConnectionAlias", "other");
            let id = "connection/222222222222/us-west-2/follower/other";
            refused.send(&named("refused", delete(KIND, id, &other))).await
        };
        let event = request();
        tokio::join!(started.success(&event), late);
        pass(60).await;
        assert_asleep(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_instance_is_swept_or_waited_for() {
    let bench = Bench::in_world(asleep());
    for number in 0..50 {
        let end = if number < 3 { "1790000060" } else { "9999999999" };
        bench.world.tag_nat_by_hand(&format!("tandem:lease:other-{number}:1"), end);
    }
    bench.success(&request()).await;
    pass(60).await;
    assert_eq!(bench.world.nat_state(), Some(InstanceState::Running), "others hold it");
    assert_eq!(bench.world.nat_tags().len(), 47 + 2, "{:?}", bench.world.nat_tags());
}

#[tokio::test(start_paused = true)]
async fn what_dead_holders_left_keeps_nobody_from_starting_or_stopping_it() {
    for dead in 44..=50 {
        let bench = Bench::in_world(asleep());
        for number in 0..dead {
            bench.world.tag_nat_by_hand(&format!("tandem:lease:dead-{number}:1"), "1789990000");
        }
        bench.success(&request()).await;
        pass(60).await;
        assert_asleep(&bench.world);
    }
    // They may die while it is in use, too, and the last one in the place that a lease has left.
    let bench = Bench::in_world(asleep());
    let full = async {
        pass(40).await;
        for number in 0..48 {
            while bench.world.nat_tags().len() == 50 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            bench.world.tag_nat_by_hand(&format!("tandem:lease:dead-{number}:1"), "1790000045");
        }
    };
    let event = request();
    tokio::join!(bench.success(&event), full);
    pass(60).await;
    assert_asleep(&bench.world);
}

#[tokio::test(start_paused = true)]
async fn more_at_once_than_there_is_room_for_take_turns() {
    for (many, tags) in [(48, 0), (49, 0), (70, 0), (29, 20), (45, 20), (6, 47)] {
        let world = asleep();
        for number in 0..tags {
            world.tag_nat_by_hand(&format!("team-{number}"), "somebody");
        }
        let each = (0..many).map(|number| {
            let world = world.clone();
            async move {
                let alias = format!("alias-{number}");
                let id = format!("connection/222222222222/us-west-2/follower/{alias}");
                let event = delete(KIND, &id, &changed(properties(), "ConnectionAlias", &alias));
                tokio::time::sleep(Duration::from_millis(number / 10)).await;
                Bench::in_world(world).success(&named(&format!("r-{number}"), event)).await;
            }
        });
        futures_util::future::join_all(each).await;
        pass(120).await;
        assert_eq!(world.nat_state(), Some(InstanceState::Stopped), "{many} at once, {tags} tags");
        assert_eq!(world.nat_tags().len(), tags, "{many} at once: {:?}", world.nat_tags());
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_without_an_endpoint_is_the_kinds_to_answer_for() {
    let bench = Bench::in_world(asleep().without_endpoint_in("us-east-1"));
    bench.success(&request()).await;
    let bench = Bench::in_world(awake().without_endpoint_in("us-west-2"));
    bench.success(&request()).await;
}

// ---- Every Reason ------------------------------------------------------------------------------------------------------

async fn refused(nat: Nat) -> String {
    let bench = Bench::in_world(world().with_nat(nat));
    let reason = bench.reason(&request()).await;
    pass(60).await;
    assert!(bench.world.nat_tags().keys().all(|key| !key.contains("lease")), "{:?}", bench.world.nat_tags());
    reason
}

#[tokio::test(start_paused = true)]
async fn capacity_and_limits_say_what_to_do() {
    let refusing = |code| Nat { refuses_starts: vec![code], ..Nat::stopped() };
    insta::assert_snapshot!(refused(refusing(Code::InsufficientCapacity)).await, @"cannot wake NAT instance `i-0a1b2c3d4e5f60718`: StartInstances failed: InsufficientCapacity: We currently do not have sufficient t4g.nano capacity (AWS request id of-a-world-in-memory). AWS has no free machine of this type in that Availability Zone now: try again later, or give the egress stack another InstanceType or subnet.");
    insta::assert_snapshot!(refused(refusing(Code::LimitExceeded)).await, @"cannot wake NAT instance `i-0a1b2c3d4e5f60718`: StartInstances failed: LimitExceeded: We currently do not have sufficient t4g.nano capacity (AWS request id of-a-world-in-memory). Stop instances that nobody needs, or raise the account's quota of vCPUs for running On-Demand instances.");
}

#[tokio::test(start_paused = true)]
async fn tags_of_others_that_leave_no_room_are_named_at_once() {
    let bench = Bench::in_world(asleep());
    for number in 0..48 {
        bench.world.tag_nat_by_hand(&format!("team-{number}"), "somebody");
    }
    insta::assert_snapshot!(bench.reason(&request()).await, @"cannot wake NAT instance `i-0a1b2c3d4e5f60718`: CreateTags failed: LimitExceeded: The maximum number of tags is 50. (AWS request id of-a-world-in-memory). Remove tags from the NAT instance that nobody needs: it holds 50, and waking it takes three of them.");
    assert!(bench.now() < Duration::from_mins(1), "{:?}", bench.now());
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_does_not_stay_up_or_does_not_forward_says_what_to_check() {
    insta::assert_snapshot!(refused(Nat { falls_back: true, ..Nat::stopped() }).await, @"NAT instance `i-0a1b2c3d4e5f60718` falls back to stopped whenever it is started: Client.InternalError: Client error on launch. Most often the key of its volume, which is the account's default key for EBS, cannot be used: check that it is enabled and, if it is customer-managed, that its policy allows kms:CreateGrant to the function's role.");
    insta::assert_snapshot!(refused(Nat { is_broken: true, ..Nat::running() }).await, @"NAT instance `i-0a1b2c3d4e5f60718` runs, and the OpenSearch API cannot be reached through it: TLS handshake failed: NoAnswer: HTTP connect timeout occurred after 3s (AWS request id of-a-world-in-memory). Check that the route table of the function's subnets leads to the instance's network interface, that the security groups of both let 443 out and in, and the instance's system log.");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_gone_says_what_to_launch() {
    insta::assert_snapshot!(refused(Nat { state: InstanceState::Terminated, ..Nat::stopped() }).await, @"NAT instance `i-0a1b2c3d4e5f60718` is terminated. Launch the egress stack again, and the provider stack with its new NatInstanceId.");
}

#[tokio::test(start_paused = true)]
async fn permissions_that_lack_are_named() {
    for operation in ["CreateTags", "DescribeInstances", "StartInstances"] {
        let bench = Bench::in_world(asleep());
        bench.world.deny(operation);
        let reason = bench.reason(&request()).await;
        assert!(
            reason.ends_with(&format!("Allow ec2:{operation} on the NAT instance in the function's role.")),
            "{reason}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn ec2_out_of_reach_is_answered_within_two_minutes() {
    let cloud = (1..40)
        .fold(Faulty::new(asleep()), |cloud, nth| cloud.on("CreateTags", nth, Fault::Fail(Code::NoAnswer)));
    let bench = Bench::new(cloud);
    insta::assert_snapshot!(bench.reason(&request()).await, @"cannot wake NAT instance `i-0a1b2c3d4e5f60718`, because EC2 cannot be reached: CreateTags failed: NoAnswer: made to fail (AWS request id of-a-world-in-memory). The function's subnets need an interface endpoint of EC2, whose security group admits the function on 443: it is the only way before the NAT instance is awake.");
    assert!(bench.now() < Duration::from_mins(3), "{:?}", bench.now());
}

#[tokio::test(start_paused = true)]
async fn what_never_stops_is_a_time_out_that_says_so() {
    let bench =
        Bench::in_world(world().with_nat(Nat { stopping: Duration::from_hours(2), ..Nat::running() }));
    bench.world.stop_nat_by_hand();
    let reason = bench.reason(&create(KIND, &changed(properties(), "ServiceTimeout", "300"))).await;
    assert!(
        reason.contains("is no way out yet: not within") && reason.ends_with("last status: stopping."),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_without_a_way_out_says_why_at_once() {
    let bench = Bench::in_world(
        world().with_nat(Nat { refuses_starts: vec![Code::InsufficientCapacity; 9], ..Nat::stopped() }),
    );
    let reason = bench.reason(&delete(KIND, support::ID, &properties())).await;
    assert!(reason.contains("try again later"), "{reason}");
    assert!(bench.now() < Duration::from_mins(2), "{:?}", bench.now());
}
