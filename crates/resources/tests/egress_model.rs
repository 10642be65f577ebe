//! Random interleavings of up to five holders of one NAT instance, any of which may die at any call, and of others.
//!
//! What must be true of every history: nobody who holds it loses the way out; nobody is refused; within the bound after
//! the last one it stands still again, or, where it ran before, still runs, started and stopped by nobody.
//! The number of histories is `PROPTEST_CASES`, 96 without it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic and sleep on the paused clock"
)]

use std::sync::Arc;
use std::time::Duration;

use cloud::fake::{Fault, Faulty, Nat, World};
use cloud::{Code, InstanceState};
use custom_resource::{Gate, Home, Passage};
use futures_util::future::join_all;
use proptest::prelude::*;
use resources::Egress;
use serde_json::json;
use wait::Deadline;

/// One request of one invocation.
#[derive(Clone, Debug)]
struct Holder {
    /// When it comes, in seconds.
    comes: u64,
    /// How long it works.
    works: u64,
    trouble: Trouble,
}

#[derive(Clone, Debug)]
enum Trouble {
    None,
    /// The n-th call of the gate goes wrong.
    Fault(u32, Fault),
    /// It dies at the n-th call of the gate.
    Dies(u32, Fault),
    /// It dies while it works.
    DiesAtWork,
    /// A second delivery of the same request, this much later.
    Twice(u64),
}

/// What somebody else does, once.
#[derive(Clone, Copy, Debug)]
enum ByHand {
    Nothing,
    /// Stops it before anybody comes, so that the first finds it stopping.
    StoppedAtFirst,
}

const INVOCATION: u64 = 900;

/// After the last lease: its expiry after a crash, and the instance's own halt, which looks once a minute.
const BOUND: Duration = Duration::from_secs(INVOCATION + 60 + (15 + 2) * 60);

fn trouble() -> impl Strategy<Value = Trouble> {
    let fault = prop_oneof![
        Just(Fault::Fail(Code::Internal)),
        Just(Fault::LoseResponse),
        Just(Fault::Throttle(3)),
        Just(Fault::Delay(Duration::from_secs(15))),
    ];
    let death = prop_oneof![Just(Fault::CancelBefore), Just(Fault::CancelAfter)];
    prop_oneof![
        4 => Just(Trouble::None),
        3 => (1..25_u32, fault).prop_map(|(nth, fault)| Trouble::Fault(nth, fault)),
        3 => (1..25_u32, death).prop_map(|(nth, fault)| Trouble::Dies(nth, fault)),
        1 => Just(Trouble::DiesAtWork),
        1 => (0..60_u64).prop_map(Trouble::Twice),
    ]
}

fn holder() -> impl Strategy<Value = Holder> {
    (0..400_u64, prop_oneof![Just(0), 0..20_u64, 0..200_u64], trouble())
        .prop_map(|(comes, works, trouble)| Holder { comes, works, trouble })
}

fn nats() -> impl Strategy<Value = Nat> {
    let stopped =
        (1..40_u64, 0..20_u64, 12..60_u64, 0..5_u64).prop_map(|(starting, booting, stopping, visible)| Nat {
            starting: Duration::from_secs(starting),
            booting: Duration::from_secs(booting),
            stopping: Duration::from_secs(stopping),
            tags_visible: Duration::from_secs(visible),
            ..Nat::stopped()
        });
    (stopped, any::<bool>()).prop_map(|(nat, is_running)| {
        if is_running { Nat { state: InstanceState::Running, halts_after: None, ..nat } } else { nat }
    })
}

/// One invocation, as the protocol drives a gate. None when it died.
async fn hold(world: &World, name: &str, number: u64, works: u64, trouble: &Trouble) -> Option<()> {
    let faulty = Faulty::new(world.clone());
    let faulty = match trouble {
        Trouble::Fault(nth, fault) | Trouble::Dies(nth, fault) => faulty.on_call(*nth, fault.clone()),
        Trouble::None | Trouble::DiesAtWork | Trouble::Twice(_) => faulty,
    };
    let plan = faulty.faults();
    let gate = Egress::new(Arc::new(faulty), world.nat_id().unwrap());
    let home = Home {
        partition: "aws".to_owned(),
        account: "222222222222".to_owned(),
        region: "us-west-2".to_owned(),
    };
    let end = Deadline::after(Duration::from_secs(INVOCATION));
    let passage = Passage {
        request_id: name,
        // No two deliveries begin in the same millisecond.
        delivered_at: world.wall_clock() + Duration::from_millis(number),
        properties: &json!({ "RemoteRegion": "us-east-1" }),
        home: &home,
        deadline: end.less(gate.closing() + Duration::from_secs(10)),
        end,
        ends_at: world.wall_clock() + end.remaining(),
    };
    let invocation = async {
        gate.open(&passage).await.unwrap_or_else(|failure| panic!("{name} is refused: {}", failure.reason()));
        for second in 0..=works {
            let history = world.nat_history();
            assert!(world.has_way_out(), "{name} lost the way out after {second} s: {history:?}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        if matches!(trouble, Trouble::DiesAtWork) {
            return;
        }
        gate.close(&passage).await;
    };
    plan.run(invocation).await
}

async fn come(world: &World, number: u64, holder: &Holder) {
    tokio::time::sleep(Duration::from_secs(holder.comes)).await;
    let name = format!("request-{number}");
    let first = hold(world, &name, 10 * number, holder.works, &holder.trouble);
    if let Trouble::Twice(later) = holder.trouble {
        let second = async {
            tokio::time::sleep(Duration::from_secs(later)).await;
            hold(world, &name, 10 * number + 1, holder.works, &Trouble::None).await
        };
        tokio::join!(first, second);
    } else {
        first.await;
    }
}

fn run(nat: Nat, by_hand: ByHand, holders: &[Holder]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let found = nat.state.clone();
        let world = World::new("222222222222", "us-west-2").with_nat(nat);
        let found = match by_hand {
            ByHand::Nothing => found,
            ByHand::StoppedAtFirst => {
                world.stop_nat_by_hand();
                InstanceState::Stopped
            }
        };
        let each = holders.iter().zip(0..).map(|(holder, number)| come(&world, number, holder));
        join_all(each).await;
        let is_calm = holders
            .iter()
            .all(|holder| matches!(holder.trouble, Trouble::None | Trouble::Twice(_) | Trouble::Fault(..)));
        // Without a death nothing has to expire.
        tokio::time::sleep(if is_calm { Duration::from_secs(90) } else { BOUND }).await;
        let history = world.nat_history();
        let always_on = found == InstanceState::Running;
        // What somebody keeps running never halts by itself, and what one who died had started on it neither.
        let may_stay = matches!(by_hand, ByHand::StoppedAtFirst) && !is_calm;
        if always_on {
            assert_eq!(history.len(), 1, "it ran before and nobody touched it: {history:?}");
        } else if !may_stay {
            let calls: Vec<_> = world.calls().iter().map(|call| (call.at, call.operation)).collect();
            assert_eq!(world.nat_state(), Some(found), "{history:?} {:?} {calls:?}", world.nat_tags());
        }
        // The next one finds everything in order, and sweeps.
        hold(&world, "the-next", 99, 1, &Trouble::None).await;
        tokio::time::sleep(Duration::from_secs(90)).await;
        let (history, tags) = (world.nat_history(), world.nat_tags());
        assert!(tags.is_empty(), "{tags:?} {history:?}");
        if always_on {
            assert_eq!(history.len(), 1, "{history:?}");
        } else {
            assert_eq!(world.nat_state(), Some(InstanceState::Stopped), "{history:?}");
        }
    });
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(96)
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..ProptestConfig::with_cases(cases())
    }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn d09_d10_d12_any_interleaving_of_holders_keeps_the_promises(
        nat in nats(),
        by_hand in prop_oneof![3 => Just(ByHand::Nothing), 1 => Just(ByHand::StoppedAtFirst)],
        holders in prop::collection::vec(holder(), 1..=5),
    ) {
        run(nat, by_hand, &holders);
    }
}

// ---- Found by the histories above --------------------------------------------------------------------------------------

fn holder_of(comes: u64, works: u64, trouble: Trouble) -> Holder {
    Holder { comes, works, trouble }
}

/// The marks of a start were too new to be seen, and what was seen were those of an earlier start.
#[test]
fn regression_who_leaves_right_after_its_own_start_still_stops_it() {
    for nth in 1..25 {
        let nat = Nat {
            starting: Duration::from_secs(1),
            booting: Duration::ZERO,
            tags_visible: Duration::from_secs(4),
            ..Nat::stopped()
        };
        let dies = holder_of(0, 26, Trouble::Dies(nth, Fault::CancelAfter));
        run(nat, ByHand::Nothing, &[dies, holder_of(90, 190, Trouble::None)]);
    }
}

/// One took its announcement back because of a lease that was gone already, whose owner had left the rest to it.
#[test]
fn regression_of_two_that_leave_at_once_one_stops_it() {
    for later in 20..32 {
        let nat = Nat {
            starting: Duration::from_secs(13),
            booting: Duration::from_secs(11),
            stopping: Duration::from_secs(22),
            tags_visible: Duration::from_secs(4),
            ..Nat::stopped()
        };
        let fails = holder_of(0, 0, Trouble::Fault(9, Fault::Fail(Code::Internal)));
        run(nat, ByHand::Nothing, &[fails, holder_of(later, 0, Trouble::None)]);
    }
}
