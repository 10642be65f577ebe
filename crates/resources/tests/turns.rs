//! Several requests of one resource at the same time: random histories of an Update that CloudFormation gave up, perhaps
//! delivered twice, and of the Update back, against what must be true in the end; and a Delete that comes too late.
//!
//! The number of histories is `PROPTEST_CASES`, 64 without it.

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
use cloud::fake::{Fault, Faulty, Quirk, Timing, World};
use custom_resource::testing::{create, delete, update};
use proptest::prelude::*;
use serde_json::Value;

use support::{Bench, KIND, changed, properties, world};

/// A kind in a world, with properties that are changed in place.
#[derive(Clone, Copy, Debug)]
struct Place {
    kind: &'static str,
    world: fn() -> World,
    old: fn() -> Value,
    new: fn() -> Value,
}

/// A service that is quick, so that the two requests meet in every state.
fn brisk() -> World {
    let seconds = Duration::from_secs;
    world().with_timing(Timing {
        validating: seconds(3),
        provisioning: seconds(5),
        deleting: seconds(3),
        ..Timing::default()
    })
}

const PLACES: [Place; 9] = [
    Place { world: brisk, ..CONNECTION },
    Place { world: || brisk().with_quirk(Quirk::AliasCheckSeesOnlyWhatIsListed), ..CONNECTION },
    Place {
        world: || {
            brisk()
                .with_quirk(Quirk::AliasCheckSeesOnlyWhatIsListed)
                .with_quirk(Quirk::DeletesOnlyWhatIsListed)
        },
        ..CONNECTION
    },
    Place {
        kind: gateways::KIND,
        world: gateways::plain,
        old: gateways::properties,
        new: gateways::with_other_routes,
    },
    Place {
        kind: data::ROLE_MAPPING,
        world: data::world,
        old: data::role_mapping,
        new: || changed(data::role_mapping(), "BackendRoles", "arn:aws:iam::222222222222:role/another"),
    },
    // Beside an entry of somebody else.
    Place {
        kind: data::ROLE_MAPPING,
        world: || data::world().with_mapping(data::FOLLOWER, data::FOLLOWER_ROLE, "theirs"),
        old: data::role_mapping,
        new: || changed(data::role_mapping(), "BackendRoles", "arn:aws:iam::222222222222:role/another"),
    },
    Place {
        kind: data::FOLLOWER_INDEX,
        world: data::world,
        old: || named(data::follower_index()),
        new: || named(data::with_settings()),
    },
    Place {
        kind: data::FOLLOWER_INDEX,
        world: with_two_leader_indexes,
        old: || named(data::follower_index()),
        new: || {
            changed(changed(named(data::follower_index()), "LeaderIndex", "other"), "ReseedWhenLost", "true")
        },
    },
    Place {
        kind: data::REPLICATION_RULE,
        world: data::world,
        old: || with_pattern("events-*"),
        new: || with_pattern("events-1*"),
    },
];

fn named(properties: Value) -> Value {
    changed(changed(properties, "FollowerIndex", "logs"), "WaitFor", "Syncing")
}

fn with_pattern(pattern: &str) -> Value {
    changed(changed(data::replication_rule(), "Pattern", pattern), "WaitFor", "Syncing")
}

fn with_two_leader_indexes() -> World {
    let world = data::world();
    world.write_documents(data::LEADER, "other", &[("x", 1)]);
    world
}

const CONNECTION: Place =
    Place { kind: KIND, world, old: properties, new: || changed(properties(), "RemoteDomain", "leader-two") };

/// What happens to an Update that is given up and to the Update back.
#[derive(Clone, Debug)]
struct History {
    /// From the first note of the one that is given up to the delivery of the Update back.
    lead: Duration,
    given_up: Option<(u32, Fault)>,
    /// Another delivery of the one that is given up.
    twin: Option<(Duration, Option<(u32, Fault)>)>,
    /// Slowness and bad luck of the Update back.
    back: Option<(u32, Fault)>,
}

/// The request as CloudFormation signed it at this second.
fn signed(second: u32, id: &str, mut event: Value) -> Value {
    event["RequestId"] = id.into();
    event["ResponseURL"] =
        format!("https://response.example/stack?X-Amz-Date={second}&X-Amz-Signature=s").into();
    event
}

fn seen(world: &World, kind: &str) -> String {
    match kind {
        KIND => format!("{:?}", world.live_connections()),
        gateways::KIND => world.gateways_text(),
        _ => world.clusters_text(),
    }
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

async fn live(place: Place, history: &History) {
    let world = (place.world)();
    let bench = Bench::in_world(world.clone());
    let (old, new) = ((place.old)(), (place.new)());
    let made = bench.success(&signed(1, "create", create(place.kind, &old))).await;
    let id = made["PhysicalResourceId"].as_str().unwrap();
    let first = signed(2, "given-up", update(place.kind, id, &new, &old));
    let back = signed(3, "back", update(place.kind, id, &old, &new));
    let function = |fault: &Option<(u32, Fault)>| {
        let cloud = Faulty::new(world.clone());
        Bench::new(match fault {
            Some((nth, fault)) => cloud.on_call(*nth, fault.clone()),
            None => cloud,
        })
    };
    // Nobody can be overtaken before the first note; one that dies before it makes nothing.
    let noted = async || {
        let is_noted = || world.claims_left().iter().any(|(_, text)| text.contains("given-up"));
        for _ in 0..240 {
            if is_noted() {
                return;
            }
            pass(Duration::from_millis(250)).await;
        }
    };
    let send = async |bench: Bench, event: &Value| {
        bench.cloud.faults().run(bench.send(event)).await;
    };
    let again = async {
        let Some((later, fault)) = &history.twin else { return };
        noted().await;
        pass(*later).await;
        send(function(fault), &first).await;
    };
    let way_back = async {
        noted().await;
        pass(history.lead).await;
        let answer = function(&history.back).success(&back).await;
        assert_eq!(answer["PhysicalResourceId"], made["PhysicalResourceId"]);
        seen(&world, place.kind)
    };
    let ((), (), answered) = tokio::join!(send(function(&history.given_up), &first), again, way_back);
    pass(Duration::from_mins(5)).await;
    assert_eq!(seen(&world, place.kind), answered, "something worked on after the answer");
    bench.success(&signed(4, "look", update(place.kind, id, &old, &old))).await;
    assert_eq!(seen(&world, place.kind), answered, "the answer was not true");
    bench.success(&signed(5, "delete", delete(place.kind, id, &old))).await;
    bench.assert_nothing_left("after all").await;
}

fn run(place: Place, history: &History) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(Box::pin(live(place, history)));
}

fn bad_luck() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => (1..25_u64).prop_map(|seconds| Fault::Delay(Duration::from_secs(seconds))),
        1 => Just(Fault::LoseResponse),
        1 => Just(Fault::Fail(Code::Internal)),
    ]
}

fn death() -> impl Strategy<Value = Fault> {
    prop_oneof![3 => bad_luck(), 1 => Just(Fault::CancelAfter), 1 => Just(Fault::CancelBefore)]
}

fn history() -> impl Strategy<Value = History> {
    let milliseconds = |most: u64| (0..most).prop_map(Duration::from_millis);
    let twin = (milliseconds(40_000), prop::option::of((1..40_u32, death())));
    let (given_up, back) =
        (prop::option::of((1..40_u32, death())), prop::option::of((1..40_u32, bad_luck())));
    (milliseconds(30_000), given_up, prop::option::of(twin), back)
        .prop_map(|(lead, given_up, twin, back)| History { lead, given_up, twin, back })
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    ProptestConfig { failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn the_update_back_is_the_last_word(place in prop::sample::select(PLACES.to_vec()), history in history()) {
        run(place, &history);
    }
}

// ---- Found by an attacker ----------------------------------------------------------------------------------------------

/// The note of the one that was overtaken lay between the look of the other and its write, and was lost with its route.
#[test]
fn regression_a_slow_note_of_the_update_back_loses_nothing() {
    for lead in (0..15_000).step_by(500).map(Duration::from_millis) {
        for nth in 3..8 {
            let back = Some((nth, Fault::Delay(Duration::from_secs(2))));
            run(PLACES[3], &History { lead, given_up: None, twin: None, back });
        }
    }
}

/// The note of the one that was overtaken came late, over what the other had made meanwhile.
#[test]
fn regression_a_late_note_of_the_one_given_up_is_not_believed() {
    for lead in (0..25_000).step_by(2_500).map(Duration::from_millis) {
        for nth in 10..24 {
            let given_up = Some((nth, Fault::Delay(Duration::from_secs(8))));
            run(PLACES[0], &History { lead, given_up, twin: None, back: None });
        }
    }
}

/// The note by which it mended an earlier one came after the other had made its own, and in the name of the other.
#[test]
fn regression_a_late_note_in_the_name_of_the_update_back_is_not_believed() {
    for lead in (4_600..5_200).step_by(3).map(Duration::from_millis) {
        let given_up = Some((22, Fault::Delay(Duration::from_secs(8))));
        run(PLACES[0], &History { lead, given_up, twin: None, back: None });
    }
}

/// It died when it had just asked, and what it asked for was not to be seen yet.
#[test]
fn regression_what_one_that_died_has_asked_for_is_waited_for() {
    for place in &PLACES[..3] {
        for lead in (5_000..6_000).step_by(50).map(Duration::from_millis) {
            for nth in 22..25 {
                let given_up = Some((nth, Fault::CancelAfter));
                run(*place, &History { lead, given_up, twin: None, back: None });
            }
        }
    }
}

/// Both had made a connection, and the claim had room for one.
#[test]
fn regression_what_no_claim_names_is_removed_by_who_made_it() {
    for lead in (3_000..6_000).step_by(50).map(Duration::from_millis) {
        run(PLACES[1], &History { lead, given_up: None, twin: None, back: None });
    }
}

/// Another delivery was done first and said that the request is over, while this one was still in its call.
#[test]
fn regression_a_delivery_that_has_seen_another_at_work_does_not_say_that_the_request_is_over() {
    for lead in (0..6_000).step_by(500).map(Duration::from_millis) {
        let given_up = Some((8, Fault::Delay(Duration::from_secs(24))));
        let twin = Some((Duration::from_millis(179), None));
        run(PLACES[4], &History { lead, given_up, twin, back: None });
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_is_delivered_again_leaves_alone_what_was_made_since() {
    for place in [CONNECTION, PLACES[3]] {
        for quarter_seconds in (0..400).step_by(3) {
            let world = (place.world)();
            let bench = Bench::in_world(world.clone());
            bench.record("CREATE_IN_PROGRESS", None);
            let made = bench.success(&signed(1, "create", create(place.kind, &(place.old)()))).await;
            let id = made["PhysicalResourceId"].as_str().unwrap();
            bench.record("DELETE_IN_PROGRESS", Some(id));
            let removal = signed(2, "delete", delete(place.kind, id, &(place.old)()));
            bench.success(&removal).await;
            bench.record("DELETE_COMPLETE", Some(id));
            pass(Duration::from_mins(5)).await;
            bench.record("CREATE_IN_PROGRESS", None);
            let again = signed(3, "create-again", create(place.kind, &(place.old)()));
            let next = async {
                Bench::in_world(world.clone()).success(&again).await;
                bench.record("CREATE_COMPLETE", Some(id));
            };
            let late = async {
                pass(Duration::from_millis(250 * quarter_seconds)).await;
                Bench::in_world(world.clone()).send(&removal).await;
            };
            tokio::join!(next, late);
            pass(Duration::from_mins(5)).await;
            let living = world.live_connections().len() + world.live_peerings().len();
            assert_eq!((living, world.claims_left().len()), (1, 1), "{} after {quarter_seconds}", place.kind);
        }
    }
}
