//! Every state of both sides, what is listed when, and what follows what.

use std::time::Duration;

use crate::fake::{Quirk, Side, Timing, World};
use crate::{Connections, Filter, InboundStatus, Mode, OutboundStatus};

use super::{at_follower, at_leader, connection, request, seconds, sides, world};

/// What both sides list of the connection in every second, without repetition.
async fn watch(world: &World, id: &str, count: u64) -> (Vec<OutboundStatus>, Vec<InboundStatus>) {
    let (here, there) = (at_follower(world).await, at_leader(world).await);
    let (mut outbound, mut inbound) = (Vec::new(), Vec::new());
    for _ in 0..count {
        outbound.extend(here.outbound(Filter::Id(id)).await.unwrap().into_iter().map(|it| it.status));
        inbound.extend(there.inbound(Filter::Id(id)).await.unwrap().into_iter().map(|it| it.status));
        seconds(1).await;
    }
    outbound.dedup();
    inbound.dedup();
    (outbound, inbound)
}

#[tokio::test(start_paused = true)]
async fn accepted_and_deleted_it_shows_its_states_in_their_order_on_both_sides() {
    use InboundStatus as In;
    use OutboundStatus as Out;
    let world = world();
    let id = request(&at_follower(&world).await, "leader").await.unwrap();
    let (outbound, inbound) = watch(&world, &id, 40).await;
    assert_eq!(outbound, [Out::Validating, Out::PendingAcceptance]);
    assert_eq!(inbound, [In::PendingAcceptance]);
    at_leader(&world).await.accept(&id).await.unwrap();
    let (outbound, inbound) = watch(&world, &id, 90).await;
    assert_eq!(outbound, [Out::PendingAcceptance, Out::Approved, Out::Provisioning, Out::Active]);
    assert_eq!(inbound, [In::PendingAcceptance, In::Approved, In::Provisioning, In::Active]);
    at_follower(&world).await.delete_outbound(&id).await.unwrap();
    let (outbound, inbound) = watch(&world, &id, 60).await;
    assert_eq!(outbound, [Out::Deleting, Out::Deleted]);
    assert_eq!(inbound, [In::Active, In::Deleting, In::Deleted]);
    assert!(world.is_clean());
}

#[tokio::test(start_paused = true)]
async fn refused_by_the_leader_it_is_rejecting_then_rejected_on_both_sides() {
    let world = world();
    let id = request(&at_follower(&world).await, "leader").await.unwrap();
    seconds(30).await;
    at_leader(&world).await.reject(&id).await.unwrap();
    let (outbound, inbound) = watch(&world, &id, 20).await;
    assert_eq!(
        outbound,
        [OutboundStatus::PendingAcceptance, OutboundStatus::Rejecting, OutboundStatus::Rejected]
    );
    assert_eq!(inbound, [InboundStatus::Rejecting, InboundStatus::Rejected]);
    assert!(!world.is_clean(), "a refused connection is still to be deleted");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_rejects_does_so_as_soon_as_it_sees() {
    let world = world().with_quirk(Quirk::LeaderRejects);
    let id = request(&at_follower(&world).await, "leader").await.unwrap();
    let (outbound, inbound) = watch(&world, &id, 60).await;
    assert_eq!(outbound.last(), Some(&OutboundStatus::Rejected));
    assert_eq!(inbound, [InboundStatus::Rejecting, InboundStatus::Rejected]);
}

#[tokio::test(start_paused = true)]
async fn each_of_the_ten_and_eight_states_can_be_held_and_is_left_only_by_a_call() {
    let world = world();
    for status in OutboundStatus::ALL {
        let id = world.hand_made(connection("leader"), OutboundStatus::Active);
        world.hold(&id, status.clone());
        seconds(3600).await;
        let leaders = InboundStatus::ALL.iter().find(|known| known.to_string() == status.to_string());
        assert_eq!(sides(&world, &id), (Some(status.clone()), leaders.cloned()));
        let deleted = at_follower(&world).await.delete_outbound(&id).await;
        seconds(60).await;
        // A deletion under way is nobody's to hasten.
        let is_stuck = *status == OutboundStatus::Deleting;
        let expected = if is_stuck { OutboundStatus::Deleting } else { OutboundStatus::Deleted };
        assert_eq!(sides(&world, &id).0, Some(expected), "deleted from {status}: {deleted:?}");
        world.forget(&id, Side::Follower);
        world.forget(&id, Side::Leader);
    }
    for outbound in OutboundStatus::ALL {
        for inbound in InboundStatus::ALL {
            let id = world.hand_made(connection("leader"), OutboundStatus::Active);
            world.hold_both(&id, outbound.clone(), Some(inbound.clone()));
            assert_eq!(sides(&world, &id), (Some(outbound.clone()), Some(inbound.clone())));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_set_goes_on_by_itself_and_the_side_behind_catches_up() {
    use InboundStatus as In;
    use OutboundStatus as Out;
    let world = world();
    for (outbound, inbound, end) in [
        (Out::PendingAcceptance, In::Approved, (Out::Active, In::Active)),
        (Out::Provisioning, In::PendingAcceptance, (Out::Active, In::Active)),
        (Out::Active, In::Deleting, (Out::Deleted, In::Deleted)),
        (Out::Rejecting, In::Rejected, (Out::Rejected, In::Rejected)),
        (Out::PendingAcceptance, In::PendingAcceptance, (Out::PendingAcceptance, In::PendingAcceptance)),
    ] {
        let id = world.hand_made(connection("leader"), Out::Active);
        world.set_status(&id, outbound, inbound);
        seconds(90).await;
        assert_eq!(sides(&world, &id), (Some(end.0), Some(end.1)));
    }
    let id = world.hand_made(connection("leader"), Out::Validating);
    seconds(40).await;
    assert_eq!(sides(&world, &id), (Some(Out::PendingAcceptance), Some(In::PendingAcceptance)));
    world.hold(&id, Out::Provisioning);
    seconds(90).await;
    assert_eq!(sides(&world, &id), (Some(Out::Provisioning), Some(In::Provisioning)));
    world.release(&id);
    seconds(90).await;
    assert_eq!(sides(&world, &id), (Some(Out::Active), Some(In::Active)));
}

#[tokio::test(start_paused = true)]
async fn in_a_world_that_stalls_nothing_leaves_the_state_by_itself() {
    for status in [OutboundStatus::Validating, OutboundStatus::Approved, OutboundStatus::Deleting] {
        let world = world().stalling_in(status.clone());
        let id = request(&at_follower(&world).await, "leader").await.unwrap();
        seconds(40).await;
        if status != OutboundStatus::Validating {
            at_leader(&world).await.accept(&id).await.unwrap();
            seconds(100).await;
        }
        if status == OutboundStatus::Deleting {
            world.delete_by_hand(&id, Side::Leader);
            seconds(100).await;
        }
        assert_eq!(sides(&world, &id).0, Some(status));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_requested_is_listed_later_and_later_still_on_the_leaders_side() {
    let world = world();
    let (here, there) = (at_follower(&world).await, at_leader(&world).await);
    let id = request(&here, "leader").await.unwrap();
    for filter in [Filter::Id(&id), Filter::LocalDomain("follower")] {
        assert_eq!(here.outbound(filter).await.unwrap(), []);
    }
    seconds(4).await;
    for filter in [Filter::Id(&id), Filter::LocalDomain("follower")] {
        assert_eq!(here.outbound(filter).await.unwrap()[0].status, OutboundStatus::Validating);
    }
    assert_eq!(here.outbound(Filter::LocalDomain("leader")).await.unwrap(), []);
    seconds(20).await;
    assert_eq!(here.outbound(Filter::Id(&id)).await.unwrap()[0].status, OutboundStatus::PendingAcceptance);
    assert_eq!(there.inbound(Filter::Id(&id)).await.unwrap(), []);
    seconds(8).await;
    assert_eq!(there.inbound(Filter::LocalDomain("follower")).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_seen_only_from_its_own_two_places() {
    let world = world();
    let id = world.hand_made(connection("leader"), OutboundStatus::Active);
    let (here, there) = (at_follower(&world).await, at_leader(&world).await);
    assert_eq!(here.outbound(Filter::Id(&id)).await.unwrap().len(), 1);
    assert_eq!(here.inbound(Filter::Id(&id)).await.unwrap(), []);
    assert_eq!(there.outbound(Filter::Id(&id)).await.unwrap(), []);
    assert_eq!(there.inbound(Filter::Id(&id)).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_connection_stays_listed_for_fifteen_days() {
    let world = world();
    let id = world.hand_made(connection("leader"), OutboundStatus::Deleting);
    let here = at_follower(&world).await;
    seconds(14 * 24 * 3600).await;
    assert_eq!(here.outbound(Filter::Id(&id)).await.unwrap()[0].status, OutboundStatus::Deleted);
    seconds(2 * 24 * 3600).await;
    assert_eq!(here.outbound(Filter::Id(&id)).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn owners_act_by_hand() {
    let world = world();
    let id = world.hand_made(connection("leader"), OutboundStatus::PendingAcceptance);
    world.accept_by_hand(&id);
    seconds(90).await;
    assert_eq!(sides(&world, &id), (Some(OutboundStatus::Active), Some(InboundStatus::Active)));
    world.delete_by_hand(&id, Side::Leader);
    assert_eq!(sides(&world, &id), (Some(OutboundStatus::Active), Some(InboundStatus::Deleting)));
    seconds(60).await;
    assert_eq!(sides(&world, &id), (Some(OutboundStatus::Deleted), Some(InboundStatus::Deleted)));
    let refused = world.hand_made(connection("leader"), OutboundStatus::PendingAcceptance);
    world.reject(&refused);
    seconds(10).await;
    assert_eq!(sides(&world, &refused).0, Some(OutboundStatus::Rejected));
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_of_a_connection_for_reindex_is_known_once_it_is_accepted() {
    let world = world();
    let mut new = connection("leader");
    new.mode = Mode::VpcEndpoint;
    let here = at_follower(&world).await;
    for (status, is_known) in [(OutboundStatus::PendingAcceptance, false), (OutboundStatus::Active, true)] {
        let id = world.hand_made(new.clone(), status);
        assert_eq!(here.outbound(Filter::Id(&id)).await.unwrap()[0].endpoint.is_some(), is_known);
    }
}

#[tokio::test(start_paused = true)]
async fn a_world_without_delays_keeps_the_order_of_its_states() {
    let zero = Duration::ZERO;
    let timing = Timing {
        call: zero,
        validating: zero,
        accepting: zero,
        approved: zero,
        provisioning: zero,
        deleting: zero,
        outbound_visible: zero,
        inbound_visible: zero,
        lag: zero,
        ..Timing::default()
    };
    let world = world().with_timing(timing);
    let id = request(&at_follower(&world).await, "leader").await.unwrap();
    at_leader(&world).await.accept(&id).await.unwrap();
    assert_eq!(sides(&world, &id), (Some(OutboundStatus::Active), Some(InboundStatus::Active)));
    at_follower(&world).await.delete_outbound(&id).await.unwrap();
    assert_eq!(sides(&world, &id), (Some(OutboundStatus::Deleted), Some(InboundStatus::Deleted)));
}
