//! The laws that every kind obeys, run for every entry of the registry.
//!
//! A new kind adds its samples to [`samples`]; a test fails until it has.

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

mod data;
mod gateways;
mod support;

use std::time::Duration;

use cloud::Code;
use cloud::fake::{Fault, Faulty, Nat, Quirk, World};
use custom_resource::testing::{create, delete, update};
use serde_json::Value;
use tokio::time::Instant;

use support::{Bench, KIND, changed, properties, world};

/// What the laws need to know of a kind.
struct Sample {
    kind: &'static str,
    world: fn() -> World,
    properties: fn() -> Value,
    /// How many of the moments to try: every one in the plain world.
    stride: usize,
    /// Changed in place.
    changed: fn() -> Value,
    /// Changed in what it is.
    replaced: fn() -> Value,
    /// How many of it somebody still has to delete.
    living: fn(&World) -> usize,
    /// All that can be seen of it in a world, for comparisons.
    seen: fn(&World) -> String,
    /// The call that makes it.
    request: &'static str,
}

/// Every kind in every world that its service may turn out to be.
fn samples() -> Vec<Sample> {
    let worlds: [fn() -> World; 7] = [
        world,
        // Where every call needs a way out that sleeps.
        || world().with_nat(Nat::stopped()),
        || world().with_quirk(Quirk::RefusesDeleteWhileSettling),
        || world().with_quirk(Quirk::RefusesDeleteWhileDeleting),
        || world().with_quirk(Quirk::DeletesOnlyWhatIsListed),
        || world().with_quirk(Quirk::AliasCheckSeesOnlyWhatIsListed),
        || world().with_quirk(Quirk::OneConnectionPerPair),
    ];
    let connection = |world: fn() -> World| Sample {
        kind: KIND,
        world,
        stride: if std::ptr::fn_addr_eq(world, worlds[0]) { 1 } else { 11 },
        properties,
        changed: || changed(properties(), "RemoteDomain", "leader-two"),
        replaced: || {
            changed(changed(properties(), "ConnectionAlias", "another-alias"), "RemoteDomain", "leader-two")
        },
        living: |world| world.live_connections().len(),
        seen: |world| format!("{:?}", world.connections_everywhere()),
        request: "CreateOutboundConnection",
    };
    let connections = worlds.into_iter().map(connection);
    connections
        .chain(gateways::worlds().into_iter().map(peering))
        .chain([role_mapping(), follower_index(), replication_rule()])
        .collect()
}

fn peering(world: fn() -> World) -> Sample {
    Sample {
        kind: gateways::KIND,
        world,
        stride: if std::ptr::fn_addr_eq(world, gateways::plain as fn() -> World) { 1 } else { 11 },
        properties: gateways::properties,
        changed: gateways::with_other_routes,
        replaced: gateways::with_another_gateway,
        living: |world| world.live_peerings().len(),
        seen: World::gateways_text,
        request: "CreateTransitGatewayPeeringAttachment",
    }
}

fn role_mapping() -> Sample {
    Sample {
        kind: data::ROLE_MAPPING,
        world: data::world,
        stride: 1,
        properties: data::role_mapping,
        changed: || changed(data::role_mapping(), "BackendRoles", "arn:aws:iam::222222222222:role/another"),
        replaced: || changed(data::role_mapping(), "Role", data::LEADER_ROLE),
        living: |world| {
            let mapped = |role| world.mapped(data::FOLLOWER, role, "backend_roles").len();
            mapped(data::FOLLOWER_ROLE) + mapped(data::LEADER_ROLE)
        },
        seen: World::clusters_text,
        request: "ESHttpPatch",
    }
}

fn follower_index() -> Sample {
    Sample {
        kind: data::FOLLOWER_INDEX,
        world: data::world,
        stride: 4,
        properties: data::follower_index,
        changed: data::with_settings,
        replaced: || changed(data::follower_index(), "FollowerIndex", "another"),
        living: |world| world.following(data::FOLLOWER),
        seen: World::clusters_text,
        request: "ESHttpPut",
    }
}

fn replication_rule() -> Sample {
    Sample {
        kind: data::REPLICATION_RULE,
        world: data::world,
        stride: 7,
        properties: || changed(data::replication_rule(), "Pattern", "events-*"),
        changed: || changed(data::replication_rule(), "Pattern", "events-1*"),
        replaced: || changed(changed(data::replication_rule(), "Pattern", "events-*"), "Name", "another"),
        living: |world| world.rules(data::FOLLOWER).len(),
        seen: World::clusters_text,
        request: "ESHttpPost",
    }
}

impl Sample {
    fn create(&self) -> Value {
        create(self.kind, &(self.properties)())
    }

    /// The Delete that CloudFormation sends when it has no id of ours.
    fn delete(&self) -> Value {
        delete(self.kind, "stack-Connection-1ABCDEFGHIJKL", &(self.properties)())
    }

    fn delete_of(&self, answer: &Value) -> Value {
        delete(self.kind, answer["PhysicalResourceId"].as_str().unwrap(), &(self.properties)())
    }
}

/// The same event as another request.
fn request(id: &str, mut event: Value) -> Value {
    event["RequestId"] = id.into();
    event
}

const FAULTS: [Fault; 5] = [
    Fault::Fail(Code::AccessDenied),
    Fault::Fail(Code::Internal),
    Fault::LoseResponse,
    Fault::Throttle(3),
    Fault::Delay(Duration::from_secs(20)),
];

#[test]
fn every_kind_of_the_registry_has_its_sample() {
    let cloud = std::sync::Arc::new(world());
    let kinds: Vec<_> = resources::kinds(&cloud).iter().map(custom_resource::Kind::type_name).collect();
    let mut sampled: Vec<_> = samples().iter().map(|sample| sample.kind).collect();
    sampled.dedup();
    assert_eq!(kinds, sampled);
    let permitted: Vec<_> = resources::KINDS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, permitted);
}

#[tokio::test(start_paused = true)]
async fn d03_applying_twice_equals_applying_once() {
    for sample in samples() {
        let bench = Bench::in_world((sample.world)());
        let first = bench.success(&sample.create()).await;
        let after_one = (sample.seen)(&bench.world);
        let second = bench.success(&sample.create()).await;
        assert_eq!(first, second);
        assert_eq!((sample.seen)(&bench.world), after_one);
    }
}

#[tokio::test(start_paused = true)]
async fn d03_two_deliveries_at_the_same_time_make_one_thing_and_one_answer() {
    for sample in samples() {
        for lead in (0..90).step_by(sample.stride) {
            let bench = Bench::in_world((sample.world)());
            let event = sample.create();
            let late = async {
                tokio::time::sleep(Duration::from_secs(lead)).await;
                bench.send(&event).await
            };
            let (mut answers, late) = tokio::join!(bench.send(&event), late);
            answers.extend(late);
            assert_eq!(answers.len(), 2, "second delivery after {lead} s");
            assert_eq!(answers[0], answers[1], "second delivery after {lead} s");
            assert_eq!(answers[0]["Status"], "SUCCESS", "second delivery after {lead} s: {}", answers[0]);
            assert_eq!((sample.living)(&bench.world), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d05_failing_at_any_call_and_then_deleting_leaves_nothing() {
    for sample in samples() {
        for fault in FAULTS {
            for nth in 1.. {
                let bench = Bench::new(Faulty::new((sample.world)()).on_call(nth, fault.clone()));
                let answer = bench.answer(&sample.create()).await;
                if !bench.cloud.faults().has_struck() {
                    assert!(nth > 5, "the fault never struck: {nth}");
                    break;
                }
                if !matches!(fault, Fault::Fail(Code::AccessDenied)) {
                    assert_eq!(answer["Status"], "SUCCESS", "{fault:?} at call {nth}: {answer}");
                }
                bench.success(&sample.delete_of(&answer)).await;
                bench.assert_nothing_left(&format!("{fault:?} at call {nth}")).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_of_a_deletion_leaves_nothing_once_it_is_repeated() {
    for sample in samples() {
        for fault in FAULTS {
            for nth in 1.. {
                let bench = Bench::in_world((sample.world)());
                let made = bench.success(&sample.create()).await;
                let faulty = Bench::new(Faulty::new(bench.world.clone()).on_call(nth, fault.clone()));
                let answer = faulty.answer(&sample.delete_of(&made)).await;
                if !faulty.cloud.faults().has_struck() {
                    break;
                }
                if answer["Status"] == "SUCCESS" {
                    bench.assert_nothing_left(&format!("success with {fault:?} at call {nth}")).await;
                }
                bench.success(&sample.delete_of(&made)).await;
                bench.assert_nothing_left(&format!("{fault:?} at call {nth}, then again")).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d03_cancelled_anywhere_and_delivered_again_it_converges() {
    for sample in samples() {
        for cancel in [Fault::CancelBefore, Fault::CancelAfter] {
            for nth in 1.. {
                let bench = Bench::new(Faulty::new((sample.world)()).on_call(nth, cancel.clone()));
                let faults = bench.cloud.faults();
                let first = faults.run(bench.send(&sample.create())).await;
                if first.is_some() {
                    break;
                }
                bench.forget_answers();
                let again = bench.success(&sample.create()).await;
                assert_eq!((sample.living)(&bench.world), 1, "{cancel:?} at call {nth}");
                bench.success(&sample.delete_of(&again)).await;
                bench.assert_nothing_left(&format!("{cancel:?} at call {nth}")).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d05_cancelled_anywhere_and_then_deleted_it_leaves_nothing() {
    for sample in samples() {
        for cancel in [Fault::CancelBefore, Fault::CancelAfter] {
            for nth in 1.. {
                let bench = Bench::new(Faulty::new((sample.world)()).on_call(nth, cancel.clone()));
                if bench.cloud.faults().run(bench.send(&sample.create())).await.is_some() {
                    break;
                }
                bench.forget_answers();
                // CloudFormation knows no id of ours: the Create was never answered.
                bench.success(&sample.delete()).await;
                bench.assert_nothing_left(&format!("{cancel:?} at call {nth}")).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_cancelled_anywhere_and_delivered_again_leaves_nothing() {
    for sample in samples() {
        for cancel in [Fault::CancelBefore, Fault::CancelAfter] {
            for nth in 1.. {
                let bench = Bench::in_world((sample.world)());
                let made = bench.success(&sample.create()).await;
                let faulty = Bench::new(Faulty::new(bench.world.clone()).on_call(nth, cancel.clone()));
                if faulty.cloud.faults().run(faulty.send(&sample.delete_of(&made))).await.is_some() {
                    break;
                }
                bench.success(&sample.delete_of(&made)).await;
                bench.assert_nothing_left(&format!("{cancel:?} at call {nth}")).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn deleting_what_was_never_made_succeeds_and_touches_nothing() {
    for sample in samples() {
        let bench = Bench::in_world((sample.world)());
        let start = Instant::now();
        bench.success(&sample.delete()).await;
        let wakes = if bench.world.nat_id().is_some() { Duration::from_mins(1) } else { Duration::ZERO };
        assert!(
            start.elapsed() < Duration::from_secs(2) + wakes,
            "nothing is waited for: {:?}",
            start.elapsed()
        );
        bench.assert_nothing_left("Delete before Create").await;
    }
}

#[tokio::test(start_paused = true)]
async fn d11_deleting_twice_equals_deleting_once() {
    for sample in samples() {
        let bench = Bench::in_world((sample.world)());
        let made = bench.success(&sample.create()).await;
        let first = bench.success(&sample.delete_of(&made)).await;
        bench.assert_nothing_left("Delete").await;
        assert_eq!(bench.success(&sample.delete_of(&made)).await, first);
    }
}

/// A sibling failed: CloudFormation no longer waits for the Create and deletes, while the Create goes on working.
#[tokio::test(start_paused = true)]
async fn a_deletion_at_any_moment_of_a_running_create_leaves_nothing() {
    for sample in samples() {
        for quarter_seconds in (0..600).step_by(sample.stride) {
            let bench = Bench::in_world((sample.world)());
            bench.record("CREATE_IN_PROGRESS", None);
            let (event, removal) = (sample.create(), sample.delete());
            let deletion = async {
                tokio::time::sleep(Duration::from_millis(250 * quarter_seconds)).await;
                bench.record("DELETE_IN_PROGRESS", None);
                let answers = bench.send(&removal).await;
                bench.record("DELETE_COMPLETE", None);
                answers
            };
            let (_, answers) = tokio::join!(bench.send(&event), deletion);
            let when = format!("Delete after {} ms", 250 * quarter_seconds);
            // The two share a recorder: whichever ended first took the answers. The Delete's is among them or was
            // taken before; that nothing is left is the law.
            drop(answers);
            bench.assert_nothing_left(&when).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_arrives_when_its_stack_is_gone_makes_nothing_and_answers_nothing() {
    for sample in samples() {
        let bench = Bench::in_world((sample.world)());
        bench.record("DELETE_COMPLETE", None);
        assert_eq!(bench.send(&sample.create()).await, Vec::<Value>::new());
        assert_eq!(bench.world.calls_of(sample.request), 0);
        bench.assert_nothing_left("late Create").await;
    }
}

#[tokio::test(start_paused = true)]
async fn d07_an_update_is_applied_or_is_a_replacement_and_can_be_rolled_back() {
    for sample in samples() {
        let (old, changed, replaced) = ((sample.properties)(), (sample.changed)(), (sample.replaced)());
        let bench = Bench::in_world((sample.world)());
        let made = bench.success(&sample.create()).await;
        let id = made["PhysicalResourceId"].as_str().unwrap().to_owned();

        let before = (sample.seen)(&bench.world);
        let in_place = bench.success(&update(sample.kind, &id, &changed, &old)).await;
        assert_eq!(in_place["PhysicalResourceId"], made["PhysicalResourceId"]);
        assert_ne!((sample.seen)(&bench.world), before, "the change is visible");
        assert_eq!((sample.living)(&bench.world), 1);

        let back = bench.success(&request("rollback", update(sample.kind, &id, &old, &changed))).await;
        assert_eq!(back["PhysicalResourceId"], made["PhysicalResourceId"]);

        let replacement =
            bench.success(&request("replacement", update(sample.kind, &id, &replaced, &old))).await;
        let new_id = replacement["PhysicalResourceId"].as_str().unwrap().to_owned();
        assert_ne!(new_id, id);
        bench.success(&delete(sample.kind, &id, &old)).await;
        assert_eq!((sample.living)(&bench.world), 1);

        bench.success(&delete(sample.kind, &new_id, &replaced)).await;
        bench.assert_nothing_left("after all").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_cancelled_anywhere_and_delivered_again_converges() {
    for sample in samples() {
        for cancel in [Fault::CancelBefore, Fault::CancelAfter] {
            for nth in 1.. {
                let bench = Bench::in_world((sample.world)());
                let made = bench.success(&sample.create()).await;
                let id = made["PhysicalResourceId"].as_str().unwrap();
                let event = update(sample.kind, id, &(sample.changed)(), &(sample.properties)());
                let faulty = Bench::new(Faulty::new(bench.world.clone()).on_call(nth, cancel.clone()));
                if faulty.cloud.faults().run(faulty.send(&event)).await.is_some() {
                    break;
                }
                bench.success(&event).await;
                assert_eq!((sample.living)(&bench.world), 1, "{cancel:?} at call {nth}");
                bench.success(&sample.delete_of(&made)).await;
                bench.assert_nothing_left(&format!("{cancel:?} at call {nth}")).await;
            }
        }
    }
}

/// A sibling failed: CloudFormation gives a running Update up and sends the Update back, which is the last word.
#[tokio::test(start_paused = true)]
async fn an_update_that_was_given_up_never_outlives_the_update_back() {
    let slow = |nth| Some((nth, Fault::Delay(Duration::from_secs(20))));
    for sample in samples() {
        for quarter_seconds in (0..300).step_by(2 * sample.stride) {
            overtaken(&sample, quarter_seconds, None).await;
        }
        for nth in (1..30_u32).step_by(sample.stride) {
            for quarter_seconds in (0..160).step_by(16) {
                overtaken(&sample, quarter_seconds, slow(nth)).await;
            }
        }
    }
}

/// The Update back comes so long after the one that was given up, one call of which may be slow.
async fn overtaken(sample: &Sample, quarter_seconds: u64, fault: Option<(u32, Fault)>) {
    let when = format!("{} overtaken after {} ms with {fault:?}", sample.kind, 250 * quarter_seconds);
    let (old, changed) = ((sample.properties)(), (sample.changed)());
    let bench = Bench::in_world((sample.world)());
    let made = bench.success(&sample.create()).await;
    let id = made["PhysicalResourceId"].as_str().unwrap();
    let cloud = Faulty::new(bench.world.clone());
    let given_up = Bench::new(match fault {
        Some((nth, fault)) => cloud.on_call(nth, fault),
        None => cloud,
    });
    let first = request("given-up", update(sample.kind, id, &changed, &old));
    let back = request("back", update(sample.kind, id, &old, &changed));
    let is_noted = || bench.world.claims_left().iter().any(|(_, text)| text.contains("given-up"));
    let way_back = async {
        // Nobody can be overtaken before the first note.
        while !is_noted() {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        tokio::time::sleep(Duration::from_millis(250 * quarter_seconds)).await;
        let answer = Bench::in_world(bench.world.clone()).success(&back).await;
        assert_eq!(answer["PhysicalResourceId"], made["PhysicalResourceId"], "{when}");
        (sample.seen)(&bench.world)
    };
    let first = async { given_up.cloud.faults().run(given_up.send(&first)).await };
    let (_, answered) = tokio::join!(first, way_back);
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!((sample.seen)(&bench.world), answered, "{when}: it worked on after the answer");
    bench.success(&request("look", update(sample.kind, id, &old, &old))).await;
    assert_eq!((sample.seen)(&bench.world), answered, "{when}: the answer was not true");
    bench.success(&sample.delete_of(&made)).await;
    bench.assert_nothing_left(&when).await;
}

/// Behind a gate: whatever goes wrong, the way out is in the end as it was found, asleep or awake.
#[tokio::test(start_paused = true)]
async fn d09_d10_after_any_fault_or_crash_the_way_out_is_as_it_was_found() {
    let faults: Vec<_> = FAULTS.into_iter().chain([Fault::CancelBefore, Fault::CancelAfter]).collect();
    for sample in samples().iter().filter(|sample| (sample.world)().nat_id().is_some()) {
        for nat in [Nat::stopped(), Nat::running()] {
            for fault in &faults {
                for nth in 1.. {
                    let world = (sample.world)().with_nat(nat.clone());
                    let bench = Bench::new(Faulty::new(world).on_call(nth, fault.clone()));
                    let found = bench.world.nat_state();
                    bench.cloud.faults().run(bench.send(&sample.create())).await;
                    if !bench.cloud.faults().has_struck() {
                        break;
                    }
                    // The lease of a dead holder expires a minute after its invocation, and then the instance halts.
                    tokio::time::sleep(Duration::from_mins(15 + 1 + 16 + 1)).await;
                    let history = bench.world.nat_history();
                    assert_eq!(bench.world.nat_state(), found, "{fault:?} at call {nth}: {history:?}");
                }
            }
        }
    }
}
