//! The NAT instance of a world.

use std::time::Duration;

use crate::fake::{Nat, World};
use crate::{Claims, Code, InstanceState, Instances, Reach};

const ID: &str = "i-0a1b2c3d4e5f60718";

fn world(nat: Nat) -> World {
    World::new("222222222222", "us-west-2").with_nat(nat)
}

async fn pass(seconds: u64) {
    crate::fake::pause(Duration::from_secs(seconds)).await;
}

async fn state(world: &World) -> InstanceState {
    world.describe(ID).await.unwrap().state
}

#[tokio::test(start_paused = true)]
async fn an_instance_takes_its_time_to_start_to_forward_and_to_stop() {
    let world = world(Nat::stopped());
    assert_eq!(world.reach("us-west-2").await.unwrap_err().code, Code::NoAnswer);
    assert_eq!(world.read("claim").await.unwrap_err().code, Code::NoAnswer, "nothing gets out");
    world.start(ID).await.unwrap();
    assert_eq!(state(&world).await, InstanceState::Pending);
    pass(12).await;
    assert_eq!(state(&world).await, InstanceState::Running);
    assert_eq!(world.reach("us-west-2").await.unwrap_err().code, Code::NoAnswer, "it runs, and boots");
    pass(9).await;
    world.reach("us-west-2").await.unwrap();
    world.read("claim").await.unwrap();
    world.stop(ID).await.unwrap();
    assert_eq!(state(&world).await, InstanceState::Stopping);
    assert_eq!(world.start(ID).await.unwrap_err().code, Code::DisabledOperation);
    pass(35).await;
    assert_eq!(state(&world).await, InstanceState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn doing_it_twice_is_success_and_dates_no_second_start() {
    let world = world(Nat::stopped());
    world.stop(ID).await.unwrap();
    world.start(ID).await.unwrap();
    let launched = world.describe(ID).await.unwrap().launched_at;
    pass(30).await;
    world.start(ID).await.unwrap();
    assert_eq!(world.describe(ID).await.unwrap().launched_at, launched);
}

#[tokio::test(start_paused = true)]
async fn tags_are_seen_later_and_removed_only_while_they_say_so() {
    let world = world(Nat::stopped());
    world.tag(ID, &[("a", "1"), ("b", "2")]).await.unwrap();
    assert!(world.describe(ID).await.unwrap().tags.is_empty());
    pass(2).await;
    assert_eq!(world.describe(ID).await.unwrap().tags.len(), 2);
    world.untag(ID, &[("a", Some("2")), ("b", None), ("c", None)]).await.unwrap();
    assert_eq!(world.nat_tags().into_keys().collect::<Vec<_>>(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_holds_fifty_tags_and_of_a_call_too_many_none() {
    let world = world(Nat::stopped());
    for number in 0..49 {
        world.tag(ID, &[(&number.to_string(), "")]).await.unwrap();
    }
    assert_eq!(world.tag(ID, &[("x", ""), ("y", "")]).await.unwrap_err().code, Code::LimitExceeded);
    assert_eq!(world.nat_tags().len(), 49);
    world.tag(ID, &[("x", "")]).await.unwrap();
    world.tag(ID, &[("x", "again")]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_halts_itself_after_a_while_without_a_lease() {
    let world = world(Nat::stopped());
    world.start(ID).await.unwrap();
    let end = (world.wall_clock() + Duration::from_mins(30)).as_secs().to_string();
    world.tag(ID, &[("tandem:lease:a", &end)]).await.unwrap();
    pass(44 * 60).await;
    assert_eq!(state(&world).await, InstanceState::Running);
    pass(3 * 60).await;
    assert_eq!(state(&world).await, InstanceState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn what_a_test_chooses_happens() {
    let refusing = world(Nat { refuses_starts: vec![Code::InsufficientCapacity], ..Nat::stopped() });
    assert_eq!(refusing.start(ID).await.unwrap_err().code, Code::InsufficientCapacity);
    refusing.start(ID).await.unwrap();
    let falling = world(Nat { falls_back: true, ..Nat::stopped() });
    falling.start(ID).await.unwrap();
    pass(20).await;
    assert_eq!(state(&falling).await, InstanceState::Stopped);
    let broken = world(Nat { is_broken: true, ..Nat::running() });
    assert!(!broken.has_way_out());
    let gone = world(Nat::running());
    gone.terminate_nat_by_hand();
    assert_eq!(gone.start(ID).await.unwrap_err().code, Code::DisabledOperation);
    assert_eq!(gone.stop("i-another").await.unwrap_err().code, Code::ResourceNotFound);
}
